"""The benchmarks run, at toy size, so that they cannot rot, and their results can be compared. What they measure is judged by
no test."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import compare_json
import pytest
from turns import Results

# What measures the memory of its process, or how many threads torch has there, or is started as a user starts it.
ALONE = ("bench_activate.py", "bench_evaluate.py", "bench_forward.py", "bench_gtn.py", "bench_neat_scale.py", "bench_tables.py")
PEERLESS = (
    "bench_genoxide.py",
    "bench_genoxide_rollout.py",
    "bench_neat_genoxide.py",
    "bench_search_genoxide.py",
    "bench_tensorneat.py",
    "bench_gtn.py",
    "bench_es_hyperneat.py",
    "bench_hyperneat.py",
    "bench_run.py",
)


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
        ("bench_commands.py", [r" s CPU +[\d.]+ x import torch \(limit 0.3 x\) +evo --help", r" s wall clock +.*evo rnu"]),
        (
            "bench_deap.py",
            [
                r"one generation of 10 x 50 genes",
                r"ours +\d",
                r"named +\d",
                r"vectorised +\d",
                r"named operators [\d.]+ x \(floor 5 x\)",
            ],
        ),
        (
            "bench_sparse.py",
            [r"4-3-2 on 9 rows, microseconds a network", r"share +0.1: dense +[\d.]+, sparse +[\d.]+: [\d.]+ times as fast"],
        ),
        ("bench_es_hyperneat.py", [r"S: 5 CPPNs, depths 1 to 1", r"L: 5 CPPNs, depths 2 to 3", r"ours +\d", r"pureples"]),
        (
            "bench_hyperneat.py",
            [r"2 CPPNs, 3x3 to 3x3", r"ours +\d", r"[\d.]+ ns a question; [\d,]+ MB more than before", r"pureples"],
        ),
        (
            "bench_evaluate.py",
            [
                r"4 networks 3-4-3 on 20 rows",
                r"sgemm +\d",
                r"[\d.]+ x \(limit 3 x\); a second thread: [\d.]+ x",
                r"[\d.]+ x as long \(floor 1.5 x\)",
            ],
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
            "bench_genoxide_rollout.py",
            [
                r"largest difference is|compared with nothing",
                r"double pole, [\d,]+ steps",
                r"ours: \d+ ns a step",
            ],
        ),
        (
            "bench_genoxide.py",
            [r"10 x 50 genes, 1 of", r"10 x 50 genes, 2 of", r"against genoxide on 2: [\d.]+ x|compared with nothing"],
        ),
        ("bench_gtn.py", [r"2 inner steps, every state kept +[\d.]+ s CPU +[\d.]+ MB", r"2 inner steps, whole graph"]),
        (
            "bench_gymnasium.py",
            [r"CartPole-v1, 2 networks, .* one core", r"plain loop +\d", r"[\d.]+ of its time \(limit 1.3\)"],
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
        (
            "bench_neat_genoxide.py",
            [
                r"xor, 20 networks, one core",
                r"ours +\d",
                r"double_pole, 2 seeds, one core, ours: mean [\d.]+",
                r"a whole run: mean",
                r"genoxide",
            ],
        ),
        (
            "bench_search_genoxide.py",
            [r"de, rand/1/bin: a generation of 20 x 30", r"ours +\d", r"against genoxide: [\d.]+ x|compared with nothing"],
        ),
        ("bench_run.py", [r"ms a run +all +start +evolution", r"xor ga( +[\d.]+){9}"]),
        ("bench_tables.py", [r"1,000 x 21 numbers", r"[\d.]+ s \(limit 3 s\); peak memory [\d.]+ times the file \(limit 6\)"]),
        ("bench_single_pole.py", [r"20 networks, 10 steps, 1 of", r"takes [\d.]+ x as long on one core \(floor 40 x\)"]),
        ("bench_tensorneat.py", [r"xor, 20 networks", r"cartpole, 20 networks", r"compared with nothing: --python names"]),
        (
            "bench_neat_python.py",
            [r"population 20, \d+ of", r"2 ours +\d", r"neat-python +\d", r"takes [\d.]+ x as long \(floor 0 x\)"],
        ),
    ],
)
def test_a_benchmark_runs_prints_its_figures_and_writes_them(name, lines, tmp_path, capsys):
    if name in ("bench_forward.py", "bench_neat_scale.py", "bench_tables.py") and not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read as Linux gives it")
    path, written = Path(__file__).with_name(name), tmp_path / "results.json"
    if name in ALONE:
        done = subprocess.run(
            [sys.executable, str(path), "--toy", "--json", str(written)], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        printed = done.stdout
    else:
        assert import_module(path.stem).main(["--toy", "--json", str(written)]) == 0
        printed = capsys.readouterr().out
    for line in lines:
        assert re.search(line, printed), printed
    found = json.loads(written.read_text())
    assert set(found) == {"bench", "versions", "machine", "commit", "results"}
    assert f"bench_{found['bench']}.py" == name
    for result in found["results"].values():
        assert all(0 < side["low"] <= side["median"] <= side["high"] for side in result["seconds"].values())
        assert result["ratio"] is None if len(result["seconds"]) == 1 else result["ratio"] > 0
    assert found["results"]
    if name not in PEERLESS:
        assert compare_json.main([str(written), str(written)]) == 0


def test_a_ratio_is_the_fastest_peers_time_over_ours(capsys):
    results, seconds = Results("some"), {"ours": [1.0, 2.0, 9.0], "slow": [8.0], "fast": [6.0]}
    assert results.show("all", seconds) == 3.0
    assert results.add("one peer", seconds, ["slow"]) == 4.0
    assert results.add("no peer", {"ours": [1.0]}) is None
    assert results.found["all"]["seconds"]["ours"] == {"median": 2.0, "low": 1.0, "high": 9.0}
    assert "2000.00 ms" in capsys.readouterr().out


def written(path, ours, peer, bench="some", name="a generation"):
    results = Results(bench)
    results.add(name, {"ours": [ours], "peer": [peer]})
    results.write(path)
    return str(path)


@pytest.mark.parametrize(
    ("ours", "peer", "arguments", "code"),
    [
        (1.0, 10.0, [], 0),
        (2.0, 20.0, [], 0),  # the machine is half as fast
        (1.04, 10.0, [], 0),
        (1.06, 10.0, [], 1),
        (1.0, 9.0, [], 1),  # the machine is faster, and ours is not
        (1.06, 10.0, ["--tolerance", "10"], 0),
    ],
)
def test_slower_is_what_takes_more_of_the_peers_time(ours, peer, arguments, code, tmp_path):
    files = [written(tmp_path / "before.json", 1.0, 10.0), written(tmp_path / "after.json", ours, peer)]
    assert compare_json.main([*files, *arguments]) == code


@pytest.mark.parametrize("changed", [{"bench": "another"}, {"name": "another"}])
def test_what_cannot_be_compared_is_refused(changed, tmp_path):
    files = [written(tmp_path / "before.json", 1.0, 10.0), written(tmp_path / "after.json", 1.0, 10.0, **changed)]
    with pytest.raises(SystemExit) as stopped:
        compare_json.main(files)
    assert stopped.value.code == 2
