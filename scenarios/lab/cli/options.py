"""What several commands have: arguments and options, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KINDS = "a scenario, a TOML file, a Gymnasium id, file.py:Class, sequences in a .ts file, or a table with --target"
What = Annotated[str, typer.Argument(metavar="SCENARIO|FILE", help=KINDS)]
Several = Annotated[list[str], typer.Argument(metavar="SCENARIO|FILE...", help=f"{KINDS}; several run one after another")]
Methods = Annotated[
    list[str],
    typer.Option("-m", "--method", metavar="[LABEL=]METHOD", help="a method, or one under your own label; repeatable"),
]
Seeds = Annotated[str, typer.Option(metavar="N|a,b", help="5: seeds 0 to 4; 7,: seed 7; 3,5: seeds 3 and 5")]
Limits = Annotated[
    list[str],
    typer.Option("--budget", metavar="AXIS=LIMIT", help="evaluations, samples, compute, seconds or steps; repeatable"),
]
Sets = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="LABEL.key, task.key, model.key or run.key; repeatable")
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="device that evaluates the networks")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="target column of a table; several: a,b")]
Sep = Annotated[str, typer.Option(metavar="CHARACTER", help="separator of a table's file; default: inferred")]
Decimal = Annotated[str, typer.Option(metavar=".|,", help="decimal mark of a table's file; default: inferred")]
Missing = Annotated[list[str], typer.Option(metavar="WORD", help="a word for a missing value, beside the usual; repeatable")]
Task = Annotated[
    str, typer.Option(metavar="classification|regression|probability", help="kind of the target; default: inferred")
]
Runs = Annotated[Path, typer.Option(metavar="DIR", help="folder of the runs")]
Jobs = Annotated[int | None, typer.Option(metavar="N", min=1, help="parallel runs; default: the number of cores")]
Compared = Annotated[
    list[str],
    typer.Argument(metavar="[SCENARIO|RUN]...", help="scenarios, or folders of runs; default: every scenario with runs"),
]
At = Annotated[
    str,
    typer.Option(
        metavar="AXIS[=VALUE]", help="compare validation metrics at a budget: evaluations, samples, compute or seconds"
    ),
]
Labels = Annotated[list[str], typer.Option("-m", "--method", metavar="LABEL", help="only the runs of this label; repeatable")]
Metric = Annotated[str, typer.Option(metavar="NAME", help="another metric of the results than the reported one")]
OneRun = Annotated[Path, typer.Argument(metavar="RUN", help="a run folder, such as runs/digits/ga/seed-0")]
Axis = Annotated[str, typer.Option(metavar="AXIS", help="evaluations, samples, compute, seconds, steps or generations")]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="title of the plot; '' for none")]
Size = Annotated[str, typer.Option(metavar="WxH", help="width and height of the axes in pixels")]
