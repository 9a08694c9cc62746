"""Charts of what happens inside populations, from the columns that learners put into their rows.

species         row["species"] = {id: members}: a stream, a band a species
nodes_mean, connections_mean    of a genome: lines with intervals over the seeds, as the learning curves have them
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.lab.report.bands import POINTS, Rows, band_rows
from scenarios.lab.report.charts import banded
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.gather import Seed, Series

BANDS = 40  # species that have a band of their own
GREY = 5  # of the palettes; the colour of all others together
COLOURS = [0, 1, 2, 3, 4, 6, 7, 8, 9]


@dataclass(frozen=True)
class Stream:
    """The species of one run; rows: a row a band from the bottom, see `stream`; species, generations: how many there were,
    gathered: how many of the species share the last band."""

    label: str
    seed: int
    rows: Rows
    species: int
    generations: int
    gathered: int


def size(comparison: Comparison, name: str, legend: bool = True) -> Any:
    """One of `gather.SIZES` over the generations: interquartile mean over the seeds and its 95 % interval."""
    import altair as alt

    what = name.removesuffix("_mean")
    x = alt.X("x:Q", scale=alt.Scale(nice=False), axis=alt.Axis(format="~s", tickCount=6), title="generation")
    base = alt.Chart(alt.Data(values=size_rows(comparison, name))).encode(x)
    return banded(comparison, base, f"{what} per genome (population mean)", legend).properties(height=240)


def size_rows(comparison: Comparison, name: str) -> Rows:
    """`bands.band_rows`, x being the generation, from 0. A run counts as far as it went."""
    known = lambda seed: seed.curve.sizes.get(name)
    sizes = {one.label: [own for seed in one.seeds if (own := known(seed)) is not None] for one in comparison.series}
    runs = {label: [(np.arange(len(own)), own, False) for own in each] for label, each in sizes.items()}
    return band_rows(runs, np.linspace)


def streams(comparison: Comparison) -> list[Stream]:
    """The species of each method's median run, or of its first while none has finished; methods without species are left
    out, and so are runs of one generation, which is no stream."""
    found = []
    for series in comparison.series:
        seed = series.median or next((seed for seed in series.seeds if seed.begun), None)
        if seed is not None and (own := _stream(series, seed)) is not None:
            found.append(own)
    return found


def stream(rows: Rows) -> Any:
    """Species over time. rows: band (its place), species (id), most (members), founded, died (generations), colour, and as
    lists x (generations), low and high (genomes) of the band."""
    import altair as alt

    fill = alt.Fill("colour:N", scale=alt.Scale(domain=sorted([*COLOURS, GREY]), range="category"), legend=None)
    titles = {"species": "species", "most": "largest size", "founded": "founded (generation)", "died": "extinct (generation)"}
    return (
        alt.Chart(alt.Data(values=rows))
        .transform_flatten(["x", "low", "high"])
        .mark_area(opacity=1, style="stream")
        .encode(
            alt.X("x:Q", scale=alt.Scale(nice=False), axis=alt.Axis(format="~s", tickCount=6), title="generation"),
            alt.Y("low:Q", scale=alt.Scale(nice=False), axis=alt.Axis(format="~s", tickCount=5), title="genomes"),
            alt.Y2("high:Q"),
            alt.Detail("band:N"),
            fill=fill,
            tooltip=[alt.Tooltip(f"{name}:N", title=title) for name, title in titles.items()],
        )
        .properties(width="container", height=240)
    )


def _stream(series: Series, seed: Seed) -> Stream | None:
    """Generations are thinned to POINTS, species to the BANDS that have most members over all generations."""
    rows = seed.rows
    lives: dict[str, list[int]] = {}  # founded, last seen, most members, sum of members; in the order of founding
    for k, row in enumerate(rows):
        for name, members in _species(row).items():
            life = lives.setdefault(name, [k, k, 0, 0])
            life[1:] = k, max(life[2], members), life[3] + members
    if not lives or len(rows) < 2:
        return None
    x = np.unique(np.rint(np.linspace(0, len(rows) - 1, POINTS)).astype(int))
    largest = set(heapq.nlargest(BANDS, lives, key=lambda name: lives[name][3]))
    kept = [name for name in lives if name in largest]
    drawn = [_species(rows[k]) for k in x]
    heights = np.array([[sizes.get(name, 0) for sizes in drawn] for name in kept], float)
    tops = heights.cumsum(axis=0)
    bands: Rows = []
    for name, low, high, colour in zip(kept, tops - heights, tops, _colours(heights)):
        founded, last, most, _ = lives[name]
        died = "-" if last == len(rows) - 1 else last + 1
        bands += _band(x, low, high, {"species": name[:20], "most": most, "founded": founded, "died": died, "colour": colour})
    total = np.array([sum(sizes.values()) for sizes in drawn], float)
    gathered = len(lives) - len(kept)
    most = int((total - tops[-1]).max())
    words = {"species": f"{gathered} smaller species", "most": most, "founded": "-", "died": "-", "colour": GREY}
    bands += _band(x, tops[-1], total, words)
    bands = [{"band": k, **band} for k, band in enumerate(bands)]
    return Stream(series.label, seed.seed, bands, len(lives), len(rows), gathered)


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray, words: dict[str, Any]) -> Rows:
    """A band as long as it has members, with the places before and after, where it has none; no row if it never has any."""
    alive = np.flatnonzero(high > low)
    if not len(alive):
        return []
    own = slice(max(0, alive[0] - 1), alive[-1] + 2)
    return [{**words, "x": x[own].tolist(), "low": low[own].astype(int).tolist(), "high": high[own].astype(int).tolist()}]


def _colours(heights: np.ndarray) -> list[int]:
    """A colour for each species of heights (S, X): its place's, or the next that no species right below it has."""
    colours: list[int] = []
    below = np.full(heights.shape[1], -1)  # the species that is the highest so far
    for k, alive in enumerate(heights > 0):
        touched = [colours[j] for j in below[alive] if j >= 0]
        order = COLOURS[k % len(COLOURS) :] + COLOURS[: k % len(COLOURS)]
        colours.append(min(order, key=touched.count))
        below[alive] = k
    return colours


def _species(row: Mapping[str, Any]) -> dict[str, int]:
    """Members by species; {} where a row tells none, or what is no count."""
    found = row.get("species")
    return {
        name: members
        for name, members in (found.items() if isinstance(found, dict) else ())
        if type(members) is int and 0 < members < 2**40
    }
