"""What several commands have: arguments and options, each declared once, and how a mistake is said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

What = Annotated[str, typer.Argument(metavar="SCENARIO|FILE", help="a scenario, a TOML file, or a table with --target")]
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


def wrong(message: object) -> int:
    print(f"evo: {message}", file=sys.stderr)
    return 2


def warned(message: object) -> None:
    print(f"evo: warning: {message}", file=sys.stderr)


def failed(message: object) -> int:
    print(f"evo: {message}", file=sys.stderr)
    return 1
