"""README's programs, run as they stand there; `test_stranger.py` runs its worked examples."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
PROGRAMS = [block for block in BLOCKS if "print(" in block]
EXAMPLES = re.findall(r"Save this as `(\w+\.py)` and type\s+`evo (run [^`]+)`:\n\n```python\n(.*?)```", README, re.S)


def python(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readme_holds_nine_programs_and_four_worked_examples():
    assert len(PROGRAMS) == 9
    assert len(EXAMPLES) == 4
    assert len(BLOCKS) == 13


@pytest.mark.parametrize("number", range(9))
def test_program_runs_as_it_stands(number, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAMS[number], encoding="utf-8")
    assert python(tmp_path, "program.py").strip()


def test_commands_with_methods_of_linear_layers_name_scenarios_or_networks_of_such():
    lines = [line for line in README.splitlines() if re.match(r"evo run \w+ .*-m (low-rank-es|node-perturbation)\b", line)]
    assert len(lines) == 2
    for line in lines:
        network = re.search(r"model\.network=(\S+)", line)
        scenario = importlib.import_module(f"scenarios.{line.split()[2]}").scenario
        assert (network[1] if network else scenario.model.get("network", "mlp")) in ("mlp", "linear-float"), line


def test_ci_takes_two_lines_out_of_readme():
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]
    assert len(lines) == 2
    assert all("torch==2.13.0 -e " in line for line in lines)
