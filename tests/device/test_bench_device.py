"""The bench of a card at toy size, on numba's simulator: so that it cannot rot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import results

ROOT = Path(__file__).parents[2]


def test_the_bench_writes_figures_of_which_results_are_made(tmp_path):
    path = tmp_path / "device.json"
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests/device/bench_device.py"), "--toy", "--json", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(path.read_text())
    assert {row["case"] for row in figures["rows"]} >= {
        "forward: many small",
        "forward: many small, in order of size",
        "forward: one large",
        "forward: many small and one large",
        "weights drawn by CPPNs",
        "cartpole generation",
        "cartpole generation of MLPs",
        "cartpole, 500 steps",
        "cartpole, as they last",
        "cartpole, as they last, turns of 16",
    }
    text = results.section(figures | {"toy": True, "date": "2026-11-28", "versions": {}, "steps": []})
    assert text.startswith("## On numba's simulator: a rehearsal, no measurement")
    assert "| forward: one large |" in text
