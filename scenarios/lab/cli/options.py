"""What several commands have: arguments and options, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KINDS = "a scenario, a TOML file, a Gymnasium id, file.py:Class, or a CSV table with --target"
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
Target = Annotated[str, typer.Option(metavar="COLUMN", help="target column of a CSV table")]
Task = Annotated[str, typer.Option(metavar="classification|regression", help="kind of the target; default: inferred")]
Runs = Annotated[Path, typer.Option(metavar="DIR", help="folder of the runs")]
Jobs = Annotated[int | None, typer.Option(metavar="N", min=1, help="parallel runs; default: the number of cores")]
