"""Runs in COCO's data format: what is written is read back, and archives of COCO's own logger are read."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from run_folders import make, result, row

from scenarios.lab.report import coco, gather, targets
from scenarios.lab.report.comparison import compare
from scenarios.lab.store.files import StoreError


def ended(runs, label, seed, best, function=8, dimension=5, worst=-100.0, step=100):
    """A finished run on a function whose f_opt is 3.5: generations of `step` evaluations with these best fitnesses."""
    champion = np.maximum.accumulate(best)
    rows = [row(k, 0) | {"fitness_best": each, "fitness_worst": worst} for k, each in enumerate(best)]
    rows = [each | {"evaluations": step * (k + 1)} for k, each in enumerate(rows)]
    rows = [each | {"validation": {"fitness": float(fit), "gap": float(-fit)}} for each, fit in zip(rows, champion)]
    known = {"suite": "bbob", "function": function, "dimension": dimension, "instance": seed + 1, "f_opt": 3.5}
    outcome = {**result(-champion[-1], rows, "gap", "min"), "test": None, "train": None, "benchmark": known}
    return make(runs, label, seed, rows, outcome, scenario="bbob")


@pytest.fixture
def exported(tmp_path):
    """Two functions, two dimensions, two seeds, two labels under several roots, and a run that is not finished."""
    for function, dimension in [(1, 2), (8, 5), (8, 20)]:
        for seed in (0, 1):
            ended(tmp_path / f"f{function}-{dimension}", "ga", seed, [-9.0, -0.5, -0.7, -1e-9], function, dimension)
    ended(tmp_path / "f8-5", "es", 3, [-9.0, -8.0], worst=None)
    make(tmp_path / "f8-5", "es", 4, [row(0, 1.0)], scenario="bbob")
    made = coco.write(gather.find([str(tmp_path)], tmp_path), tmp_path / "out")
    return tmp_path / "out", made


def test_several_functions_dimensions_and_instances_are_one_archive_a_label(exported):
    folder, made = exported
    assert (made.folders, made.runs, made.left_out) == ([folder / "es", folder / "ga"], 7, ["es seed 4: stopped"])
    files = sorted(path.relative_to(folder / "ga").as_posix() for path in (folder / "ga").rglob("*.*"))
    stems = ["data_f1/bbobexp_f1_DIM2", "data_f8/bbobexp_f8_DIM20", "data_f8/bbobexp_f8_DIM5"]
    data = [f"{stem}.{suffix}" for stem in stems for suffix in ("dat", "tdat")]
    assert files == ["bbobexp_f1.info", "bbobexp_f8.info", *data]
    lines = (folder / "ga" / "bbobexp_f8.info").read_text().splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("suite = 'bbob', funcId = 8, DIM = 5, Precision = 1.000e-08, algId = 'ga', ")
    assert lines[2] == "data_f8/bbobexp_f8_DIM5.dat, 1:400|1.0e-09, 2:400|1.0e-09"


def test_lines_are_evaluations_the_gap_and_the_value_from_the_first_evaluation_to_the_last(exported):
    folder, _ = exported
    lines = (folder / "ga/data_f8/bbobexp_f8_DIM5.dat").read_text().splitlines()
    assert lines[0].startswith("% f evaluations | g evaluations | best noise-free fitness - Fopt (3.5")
    numbers = [[float(word) for word in line.split()] for line in lines[1:5]]
    assert [line[:3] for line in numbers] == [[1, 0, 100], [100, 0, 9], [200, 0, 0.5], [400, 0, 1e-9]]
    assert [line[3] for line in numbers] == [103.5, 12.5, 4.0, 3.500000001]
    assert (folder / "es/data_f8/bbobexp_f8_DIM5.tdat").read_text().splitlines()[1].split()[:3] == ["1", "0", "+inf"]


def test_what_is_written_reads_back_to_the_same_expected_running_times(exported, tmp_path):
    (found,) = compare(gather.find([str(tmp_path / "f8-5")], tmp_path))
    ours, theirs = targets.traces(found), coco.read(exported[0])
    assert {name: len(own) for name, own in theirs.items()} == {"es": 1, "ga": 6}
    for label, own in ours.items():
        same = [trace for trace in theirs[label] if trace.problem[:2] == (8, 5)]
        finished = [trace for trace in own if trace.spent]
        assert [trace.problem for trace in same] == [trace.problem for trace in finished]
        for target in (10.0, 1.0, 1e-8):
            assert targets.expected(same, target) == targets.expected(finished, target)


def test_many_generations_are_thinned_to_lines_at_targets_and_evaluations(tmp_path):
    best = -(10.0 ** np.linspace(2, -9, 3000))
    ended(tmp_path, "es", 0, best.tolist(), step=10, worst=-1000.0)
    coco.write(gather.find([], tmp_path), tmp_path / "out")
    (trace,) = coco.read(tmp_path / "out")["es"]
    assert len(trace.gap) < 1150
    every = np.array([trace.reached(np.array([target]))[0] for target in targets.TARGETS])
    (seed,) = compare(gather.find([str(tmp_path / "bbob")], tmp_path))[0].series[0].seeds
    first = [seed.curve.cost["evaluations"][np.argmax(seed.curve.gap <= target)] for target in targets.TARGETS]
    assert every.tolist() == first
    assert len((tmp_path / "out/es/data_f8/bbobexp_f8_DIM5.tdat").read_text().splitlines()) < 100


def test_a_target_that_is_met_exactly_has_its_line(tmp_path):
    ended(tmp_path, "es", 0, [-10.1, -10.0, -9.0])
    coco.write(gather.find([], tmp_path), tmp_path / "out")
    (trace,) = coco.read(tmp_path / "out")["es"]
    assert trace.reached(np.array([10.0])) == 200


@pytest.mark.filterwarnings("ignore")
def test_cocopp_reads_it_to_the_same_expected_running_times_where_it_is_installed(exported):
    cocopp = pytest.importorskip("cocopp")
    ours, goals = coco.read(exported[0])["ga"], [10.0, 1.0, 1e-8]
    loaded = {(each.funcId, each.dim): each.detERT(goals) for each in cocopp.load(str(exported[0] / "ga"))}
    assert loaded.keys() == {trace.problem[:2] for trace in ours}
    for problem, times in loaded.items():
        own = [trace for trace in ours if trace.problem[:2] == problem]
        assert times == [targets.expected(own, goal)[1][0] for goal in goals]


LOGGED = """suite = 'bbob', funcId = 1, DIM = 2, Precision = 1.000e-08, algId = 'random', coco_version = '2.8.2', settings = ''
%
data_f1/a.dat, 1:200|1.8e-01, 2:150|1.4e-01
suite = 'bbob', funcId = 1, DIM = 3, Precision = 1.000e-08, algId = 'random', coco_version = '2.8.2', settings = ''
%
data_f1/b.dat, 7"""
OLD = """funcId = 1, DIM = 2, Precision = 1.000e-08, algId = 'CMA, of 2009'
% a comment
data_f1/a.dat, 1:200|1.8e-01, data_f1/b.dat, 1:99|5.0e-01"""
A = "% f evaluations | ...\n1 0 +2.5 +8.2e+01 +8 +1.3\n13 0 +8.1e-01 +8 +8\n% again\n1 0 +4.0 +8 +8\n150 0 +1.4e-1 +8 +8\n"
B = "% f\n1 0 +3 +8 +8\n50 0 +5e-1 +8 +8\n60 0 inf +8 +8\n"


def archive(folder, info, **data):
    (folder / "data_f1").mkdir(parents=True)
    (folder / "bbobexp_f1.info").write_text(info)
    for name, text in data.items():
        (folder / "data_f1" / f"{name}.dat").write_text(text)


def test_an_archive_of_cocos_logger_is_read(tmp_path):
    archive(tmp_path / "random", LOGGED, a=A, b=B)
    found = coco.read(tmp_path)["random"]
    assert [(trace.problem, trace.spent) for trace in found] == [((1, 2, 1), 200), ((1, 2, 2), 150), ((1, 3, 7), 60)]
    assert found[0].reached(np.array([3.0, 1.0, 0.1])).tolist() == [1, 13, math.inf]
    assert found[2].gap.tolist() == [3, 0.5, 0.5]


def test_an_archive_of_the_old_format_is_read_also_where_its_runs_lie_in_several_files(tmp_path):
    archive(tmp_path, OLD, a=A.partition("% again")[0], b=B)
    ((name, runs),) = coco.read(tmp_path).items()
    assert name == "CMA, of 2009"
    assert [trace.spent for trace in runs] == [200, 99]


@pytest.mark.parametrize(
    ("info", "data", "message"),
    [
        (LOGGED.replace("funcId = 1", "funcId = one"), {}, "expected funcId and DIM in"),
        (LOGGED, {"a": A}, r"cannot read .*b\.dat"),
        (LOGGED, {"a": B, "b": B}, "names more runs of f1 in 2 dimensions than its data files have"),
        (LOGGED, {"a": "1 0\n", "b": B}, r"a\.dat: expected lines of evaluations, a number, and the best gap so far"),
        (LOGGED.replace("data_f1/a", "../../a"), {"a": A, "b": B}, "which lies outside its folder"),
    ],
)
def test_what_is_not_that_format_is_named(tmp_path, info, data, message):
    archive(tmp_path / "x", info, **data)
    with pytest.raises(StoreError, match=message):
        coco.read(tmp_path)


def test_a_folder_without_an_archive_is_told(tmp_path):
    with pytest.raises(StoreError, match=r"no \.info file below it: expected an unpacked archive in COCO's format"):
        coco.read(tmp_path)


def test_runs_of_no_benchmark_and_a_folder_that_is_there_are_refused(exported, tmp_path):
    folder, _ = exported
    with pytest.raises(StoreError, match="es is there already: remove it, or name another folder"):
        coco.write(gather.find([str(tmp_path / "f8-5")], tmp_path), folder)
    rows = [row(0, 0.5)]
    path = make(tmp_path / "other", "ga", 0, rows, result(0.5, rows))
    with pytest.raises(StoreError, match="no finished run of a benchmark function among these: evo run bbob makes some"):
        coco.write([path], tmp_path / "new")


def test_the_command_writes_it_and_an_archive_is_drawn_beside(tmp_path, capsys):
    from scenarios.lab.cli.commands import main

    ended(tmp_path, "ga", 0, [-9.0, -0.5])
    assert main(["export", "bbob", str(tmp_path / "out"), "--format", "coco", "--runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out' / 'ga'}\n"
    page = tmp_path / "page.html"
    asked = ["compare", "bbob", "--runs", str(tmp_path), "--coco", str(tmp_path / "out"), "-o", str(page)]
    assert main(asked) == 0
    assert "ga (archive)" in page.read_text()
    assert json.loads((tmp_path / "page-comparison.json").read_text())["schema"] == 2
    assert main(["export", "bbob", "--format", "cocoa", "--runs", str(tmp_path)]) == 2
    assert "--format: expected coco; got 'cocoa' (did you mean 'coco'?)" in capsys.readouterr().err
    assert main(["export", "bbob"]) == 2
    assert "or --format coco" in capsys.readouterr().err
