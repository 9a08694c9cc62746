"""README's programs and worked examples, run as they stand there."""

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


def test_readme_holds_five_programs_and_three_worked_examples():
    assert len(PROGRAMS) == 5
    assert len(EXAMPLES) == 3
    assert len(BLOCKS) == 8


@pytest.mark.parametrize("number", range(5))
def test_program_runs_as_it_stands(number, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAMS[number], encoding="utf-8")
    assert python(tmp_path, "program.py").strip()


@pytest.mark.parametrize(("file", "command", "code"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_worked_example_runs_as_it_stands(file, command, code, tmp_path):
    (tmp_path / file).write_text(code, encoding="utf-8")
    assert "2/2" in python(tmp_path, "-m", "scenarios", *command.split())


def test_worked_examples_pass_the_checks_they_name(tmp_path):
    for file, _, code in EXAMPLES:
        (tmp_path / file).write_text(code, encoding="utf-8")
    (tmp_path / "check.py").write_text(
        "from evo import MLP\n"
        "from evo.testing import check_algorithm, check_environment, check_learner, check_task\n"
        "from climber import HillClimber\n"
        "from iris import IrisSettings, task\n"
        "from rail import rail\n"
        "found = check_task(task(IrisSettings(), MLP)) + check_environment(rail)\n"
        "print(found + check_algorithm(HillClimber) + check_learner(HillClimber))\n"
    )
    assert python(tmp_path, "check.py").strip() == "[]"


def test_ci_takes_two_lines_out_of_readme():
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]
    assert len(lines) == 2
    assert all("torch==2.13.0 -e " in line for line in lines)
