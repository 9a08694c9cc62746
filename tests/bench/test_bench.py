"""The benchmarks run, at toy size, so that they cannot rot. What they measure is judged by no test."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "bench_activate.py",
            [
                r"xor, 10 calls",
                r"ours [\d.]+ us a call, neat-python [\d.]+ [\d.]+ us: [\d.]+ x \(floor 1.2 x\)",
                r"\(floor 10 x\)",
                r"mlp 64-32-10: [\d.]+ us a call",
            ],
        ),
        (
            "bench_deap.py",
            [r"10 x 50 genes", r"ours +\d", r"named +\d", r"vectorised +\d", r"named operators [\d.]+ x \(floor 5 x\)"],
        ),
        (
            "bench_forward.py",
            [
                r"4-16-2, 1 rows, 3 networks",
                r"loop, all cores +\d",
                r"[\d.]+ x \(floor 10 x\); peak memory: ours \d+ MB, loop \d+ MB",
            ],
        ),
        (
            "bench_neat_big_genomes.py",
            [
                r"20 feed-forward genomes, 5 hidden",
                r"20 recurrent",
                r"takes \d+ x as long \(floor 250 x\); species: ours 1, theirs 1",
            ],
        ),
        (
            "bench_neat_scale.py",
            [r"a second thread: [\d.]+ x", r" 40 genomes, each: score \d+ ns, breed \d+ ns", r"\d+ species, \d+ MB"],
        ),
        ("bench_single_pole.py", [r"20 networks, 10 steps, 1 of", r"takes [\d.]+ x as long on one core \(floor 40 x\)"]),
        ("bench_tensorneat.py", [r"xor, 20 networks", r"cartpole, 20 networks", r"compared with nothing: --python names"]),
        (
            "bench_neat_python.py",
            [r"population 20, \d+ of", r"2 ours +\d", r"neat-python +\d", r"takes [\d.]+ x as long \(floor 0 x\)"],
        ),
    ],
)
def test_a_benchmark_runs_and_prints_its_figures(name, lines):
    if name in ("bench_forward.py", "bench_neat_scale.py") and not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read as Linux gives it")
    path = Path(__file__).with_name(name)
    done = subprocess.run([sys.executable, str(path), "--toy"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for line in lines:
        assert re.search(line, done.stdout), done.stdout
