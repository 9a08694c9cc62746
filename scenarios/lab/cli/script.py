"""A scenario's file as a script: `python -m scenarios.digits` is `evo run digits`."""

from __future__ import annotations

import sys
from typing import NoReturn

from scenarios.lab.cli import commands


def main(name: str) -> NoReturn:
    """What a scenario's file does as a script: `evo run NAME` with the command line's arguments."""
    sys.exit(commands.main(["run", name, *sys.argv[1:]]))
