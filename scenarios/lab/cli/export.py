"""`evo export`: a champion's network for other programs, or runs of benchmark functions in COCO's data format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evo.settings import closest
from scenarios.lab.cli.ends import warned, wrong
from scenarios.lab.cli.options import Runs
from scenarios.lab.execution.progress import meanwhile
from scenarios.lab.store.files import StoreError

FORMATS = ("coco",)  # others are the suffix of the file


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder; with --format coco, any folder with runs below")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="a name that ends in .pt, .safetensors or .onnx; of coco, a folder")
    ] = None,
    kind: Annotated[str, typer.Option("--format", metavar="coco", help="runs of bbob as cocopp reads them")] = "",
    runs: Runs = Path("runs"),
) -> int:
    """Export a champion's network for torch, safetensors or ONNX, or runs of bbob in COCO's format."""
    if kind:
        return _coco(run, file, kind, runs)
    if file is None:
        return wrong("export: expected a FILE whose name ends in .pt, .safetensors or .onnx, or --format coco")
    from scenarios.lab.study.loading import load
    from scenarios.lab.study.problems import ConfigError

    with meanwhile("importing torch"):
        from evo.interop.export import ExportError
        from scenarios.lab.api import export as exported
    try:
        with meanwhile("loading and exporting the champion"):
            exported(load(run, warn=warned), file)
    except (ConfigError, StoreError, ExportError) as error:
        return wrong(error)
    print(file)
    return 0


def _coco(run: Path, folder: Path | None, kind: str, runs: Path) -> int:
    from scenarios.lab.report import coco
    from scenarios.lab.report.gather import NoRuns, find

    if kind not in FORMATS:
        return wrong(f"--format: expected coco; got {kind!r}{closest(kind, FORMATS)}; other formats are the suffix of FILE")
    try:
        with meanwhile("reading the runs"):
            made = coco.write(find([str(run)], runs), folder or Path("coco"))
    except (NoRuns, StoreError) as error:
        return wrong(error)
    for line in made.left_out:
        warned(f"{line}; left out")
    print("\n".join(map(str, made.folders)))
    return 0
