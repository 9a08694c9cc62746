"""`evo plot`: learning curves as an image; or the shape of the networks that evolved."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.lab.cli.ends import warned, wrong
from scenarios.lab.cli.options import Axis, Compared, Labels, Metric, Runs, Size, Title
from scenarios.lab.execution.progress import meanwhile
from scenarios.lab.report.format import aligned, terminal_width

if TYPE_CHECKING:
    from evo.core import Model
    from scenarios.lab.report.comparison import Comparison
    from scenarios.lab.report.shapes import Lineage

CURVES, SHAPES = Path("curves.svg"), Path("topology.svg")
SIZE = "640x360"
MEASURED = 25  # champions of a run


def plot(
    what: Compared = [],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="a name that ends in .svg, .png or .pdf; default: curves.svg"),
    ] = None,
    method: Labels = [],  # noqa: B006
    metric: Metric = "",
    axis: Axis = "evaluations",
    topology: Annotated[
        bool, typer.Option("--topology", help="modules, motifs, small worlds, spectra and degrees of what evolved")
    ] = False,
    title: Title = None,
    size: Size = SIZE,
    runs: Runs = Path("runs"),
) -> int:
    """Plot the learning curves, or the topology of evolved networks."""
    from scenarios.lab.cli import compared
    from scenarios.lab.report import images
    from scenarios.lab.report.comparison import BadPoint
    from scenarios.lab.report.gather import NoRuns
    from scenarios.lab.study.problems import ConfigError

    if topology and (metric or axis != "evaluations" or size != SIZE):
        return wrong("--topology: --metric, --axis and --size are of learning curves")
    path = output or (SHAPES if topology else CURVES)
    try:
        images.suffix_of(path)
        with meanwhile("reading the runs"):
            found = compared.comparisons(what, runs, method, metric)
        if len(found) > 1:
            return wrong(f"a plot shows one scenario; name one: {', '.join(each.scenario for each in found)}")
        if topology:
            _topology(found[0], path, title)
        else:
            with meanwhile("drawing"):
                images.save(found[0], path, axis, title, images.parse_size(size))
    except (NoRuns, BadPoint, ConfigError, images.BadPicture) as error:
        return wrong(error)
    print(path)
    return 0


def _topology(comparison: Comparison, path: Path, title: str | None) -> None:
    """Measures the champions of all runs, prints a table of the last ones, and draws. Raises BadPicture where none are."""
    with meanwhile("importing torch"):
        from scenarios.lab.report import images, shapes

    with meanwhile("measuring networks"):
        lineages = {
            one.label: [_lineage(seed.path, seed.seed, seed.steps) for seed in one.seeds if seed.begun]
            for one in comparison.series
        }
    known = {label: found for label, own in lineages.items() if (found := [one for one in own if one is not None])}
    if not known:
        raise images.BadPicture(
            f"--topology: {comparison.scenario} has no run with evolved networks in its history: neat, hyperneat and their kin "
            "have, unless run.history is none"
        )
    print("\n".join(aligned(shapes.table(known), terminal_width())))
    if title is None:
        title = f"{comparison.scenario}: networks of the champions, IQM and 95 % interval over the seeds"
    drawn = dataclasses.replace(comparison, rows=[row for row in comparison.rows if row["label"] in known])
    with meanwhile("drawing"):
        images.write(shapes.chart(drawn, known, title), path)


def _lineage(folder: Path, seed: int, steps: int) -> Lineage | None:
    """What is measured of at most MEASURED champions of a run, evenly chosen, the first and the last among them; None where
    there is none that is a graph."""
    import numpy as np

    from graphs.data import Graph
    from graphs.topology import Topology
    from scenarios.lab.report.images import BadPicture
    from scenarios.lab.report.shapes import Lineage
    from scenarios.lab.study.loading import load

    champions = [(step, model) for step, model in load(folder, warn=warned).champions() if _connected(model)]
    if not champions:
        return None
    chosen = np.unique(np.rint(np.linspace(0, len(champions) - 1, MEASURED)).astype(int))
    try:
        measured = [Topology.of(Graph.from_genome(champions[k][1])) for k in chosen]
    except ValueError as error:
        raise BadPicture(f"{folder}: {error}") from error
    return Lineage(seed, [champions[k][0] for k in chosen], measured, steps)


def _connected(model: Model) -> bool:
    edges = model.edges()
    return edges is not None and len(edges[0]) > 0
