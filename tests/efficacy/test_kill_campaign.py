"""The campaign runs, on a few kills, so that it cannot rot."""

import subprocess
import sys
from pathlib import Path

import kill_campaign


def test_a_few_kills_of_one_pair_leave_its_run_equal():
    command = [sys.executable, kill_campaign.__file__, "--kills", "3", "xor/neat"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills; 1 of 1 pairs equal" in done.stdout
