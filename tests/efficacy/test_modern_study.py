"""The study runs, on two seeds, so that it cannot rot. What it measures is judged by no test."""

import re
import subprocess
import sys
from pathlib import Path

import modern_study


def test_the_study_prints_both_methods_and_how_they_compare():
    command = [sys.executable, modern_study.__file__, "--seeds", "2", "--first", "1002"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    for line in (
        r"neat-modern, seeds 1002 \.\. 1003: failed \d/2 ",
        r"neat-python, seeds 1002 \.\. 1003: failed \d/2 ",
        r"P\(ours needs fewer\) \+ P\(as many\) / 2 = [\d.]+ \[",
    ):
        assert re.search(line, done.stdout), done.stdout


def test_a_run_is_counted_in_whole_generations_and_is_the_same_again():
    one = modern_study.ours(1003)
    assert one == modern_study.ours(1003)
    assert one.solved
    assert 1 < one.generations <= modern_study.GENERATIONS
