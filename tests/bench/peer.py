"""neat-python's side of a benchmark: its population, with the settings of its own exclusive or, some of them changed."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import neat
from bench_neat_python import CONFIG


def configured(size: int, **changes: object) -> neat.Config:
    """Its settings for a population of `size`; changes: other values, by name."""
    text = CONFIG.format(size=size)
    for name, value in changes.items():
        text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert found == 1, f"{name}: set {found} times"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.ini"
        path.write_text(text)
        return neat.Config(neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, path)
