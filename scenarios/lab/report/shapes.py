"""The shape of evolved networks as charts and as a table: over the generations, and of each run's last champion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphs.motifs import MOTIFS
from graphs.topology import Topology
from scenarios.lab.report import charts, stats
from scenarios.lab.report.bands import Rows, band_rows, short
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.format import number

# What is drawn over the generations, and stands in the table, with its words.
MEASURES = {
    "nodes": "nodes",
    "connections": "connections",
    "modularity": "modularity Q",
    "modularity_z": "modularity (z)",
    "clustering": "clustering",
    "path_length": "path length",
    "small_worldness": "small-worldness",
    "spectral_radius": "spectral radius",
}
WIDE, HIGH = 300, 170  # of a chart, in pixels


@dataclass(frozen=True)
class Lineage:
    """The champions of one run: the steps that found them, ascending, what was measured of each, and the steps of the run."""

    seed: int
    steps: list[int]
    measured: list[Topology]
    ended: int


Lineages = Mapping[str, Sequence[Lineage]]  # by label


def measure_rows(lineages: Lineages, name: str) -> Rows:
    """`band_rows` of one of MEASURES, x being the step: a champion stands until the next one is found."""
    runs: dict[str, list[tuple[np.ndarray, np.ndarray, bool]]] = {}
    for label, own in lineages.items():
        for one in own:
            values = [float(getattr(each, name)) for each in one.measured]
            x = np.array([*one.steps, max(one.ended - 1, one.steps[-1])], float)
            runs.setdefault(label, []).append((x, np.array([*values, values[-1]]), True))
    return band_rows(runs, np.linspace)


def table(lineages: Lineages) -> list[list[str]]:
    """A row a label: the interquartile mean of each of MEASURES over the last champions of its runs."""
    rows = [["method", "runs", *MEASURES.values()]]
    for label, own in lineages.items():
        last = [one.measured[-1] for one in own]
        columns = [np.array([getattr(each, name) for each in last], float) for name in MEASURES]
        known = [values[np.isfinite(values)] for values in columns]
        rows.append(
            [label, str(len(own)), *(number(float(stats.iqm(values[:, None])[0])) if len(values) else "-" for values in known)]
        )
    return rows


def motif_rows(lineages: Lineages) -> Rows:
    """method, seed, motif, x: its part of the significance profile."""
    rows: Rows = []
    for label, own in lineages.items():
        for one in own:
            profile = one.measured[-1].motif_profile.tolist()
            known = [(name, value) for name, value in zip(MOTIFS, profile) if not math.isnan(value)]
            rows += [{"method": label, "seed": one.seed, "motif": name, "x": short(value)} for name, value in known]
    return rows


def degree_rows(lineages: Lineages, which: str) -> Rows:
    """method, x (a degree), y: the share of nodes, of all last champions of a label together, that have as many edges or more.
    which: "incoming" or "outgoing"."""
    rows: Rows = []
    for label, own in lineages.items():
        degrees = np.concatenate([getattr(one.measured[-1], which) for one in own])
        for degree in np.unique(degrees):
            rows.append({"method": label, "x": int(degree), "y": short(float((degrees >= degree).mean()))})
    return rows


def spectrum_rows(lineages: Lineages) -> Rows:
    """method, x (0 to 2), y: the share of eigenvalues, of all last champions of a label together, up to x."""
    at = np.linspace(0, 2, 81)
    rows: Rows = []
    for label, own in lineages.items():
        values = np.concatenate([one.measured[-1].spectrum for one in own])
        rows += [{"method": label, "x": short(x), "y": short(float((values <= x + 1e-9).mean()))} for x in at.tolist()]
    return rows


def chart(comparison: Comparison, lineages: Lineages, title: str) -> dict[str, Any]:
    """The specification of all of it. A measure that no network has, or that is 0 for all, is left out."""
    import altair as alt

    panels: list[Any] = []
    for name, words in MEASURES.items():
        rows = measure_rows(lineages, name)
        if any(row["y"] for row in rows):
            x = alt.X("x:Q", scale=alt.Scale(nice=False), axis=alt.Axis(format="~s", tickCount=5), title="generation")
            base = alt.Chart(alt.Data(values=rows)).encode(x)
            panels.append(charts.banded(comparison, base, words, legend=not panels))
    several = "share of nodes with k or more"
    panels += [
        charts.shares(comparison, degree_rows(lineages, "incoming"), "incoming edges k", several, "step-before"),
        charts.shares(comparison, degree_rows(lineages, "outgoing"), "outgoing edges k", several, "step-before"),
        charts.shares(
            comparison, spectrum_rows(lineages), "eigenvalue of the normalised Laplacian", "share up to it", "step-after"
        ),
    ]
    if rows := motif_rows(lineages):
        panels.append(charts.dots(comparison, rows, "motif", list(MOTIFS), "motif significance profile"))
    panels = [panel.properties(width=WIDE, height=HIGH) for panel in panels]
    return alt.concat(*panels, columns=3, title=title).to_dict()
