"""Charts as files: SVG, PNG or PDF."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evo.settings import closest
from scenarios.lab.report.charts import PLOTTED, curve_rows, curves, titled
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.gather import Series
from scenarios.lab.report.palettes import theme
from scenarios.lab.store import files

SUFFIXES = ("svg", "png", "pdf")


class BadPicture(ValueError):
    """A picture that cannot be made: of an unknown kind, on an unknown axis, or of what is not there."""


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of "640x360". Raises BadPicture."""
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if not found:
        raise BadPicture(f"--size: expected WIDTHxHEIGHT in pixels, such as 640x360; got {text!r}")
    return int(found[1]), int(found[2])


def save(
    comparison: Comparison,
    path: Path,
    axis: str = "evaluations",
    title: str | None = None,
    size: tuple[int, int] = (640, 360),
) -> None:
    """The learning curves as an image, in the format of the suffix. axis: of cost, or "steps", or "generations", which are the
    steps of evolutionary methods. Raises BadPicture for another format or axis, or a method without generations."""
    if axis not in PLOTTED:
        raise BadPicture(f"--axis: expected one of {', '.join(PLOTTED)}; got {axis!r}{closest(axis, PLOTTED)}")
    if axis == "generations" and (without := [one.label for one in comparison.series if not _evolves(one)]):
        raise BadPicture(f"--axis generations: {', '.join(without)}: no generations; --axis steps, or choose with -m")
    if title is None:
        title = f"{comparison.scenario}: best-so-far champion, IQM and 95 % interval over the seeds"
    spec = curves(comparison).properties(width=size[0], height=size[1], title=title).to_dict()
    rows = curve_rows(comparison, "steps" if axis == "generations" else axis)
    spec["datasets"] = {**spec.get("datasets", {}), "rows": rows}
    titled(spec, axis)
    write(spec, path)


def suffix_of(path: Path) -> str:
    """One of SUFFIXES. Raises BadPicture."""
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in SUFFIXES:
        raise BadPicture(f"{path}: expected a name that ends in .{', .'.join(SUFFIXES)}{closest(suffix, SUFFIXES)}")
    return suffix


def write(spec: dict[str, Any], path: Path) -> None:
    """A chart's specification as an image on white, in the format of the suffix. Raises BadPicture for another one."""
    suffix = suffix_of(path)
    import vl_convert

    convert: Callable[..., Any] = getattr(vl_convert, f"vegalite_to_{suffix}")
    drawn = {**spec, "config": {**theme("light"), "background": "#ffffff"}}
    made = convert(drawn, scale=2) if suffix == "png" else convert(drawn)
    files.write(path, made.encode() if isinstance(made, str) else made)


def _evolves(series: Series) -> bool:
    return all("fitness_best" in seed.last for seed in series.seeds if seed.last)
