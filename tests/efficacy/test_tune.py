import json

import pytest
import tune

from scenarios.lab.study import config
from scenarios.lab.study.resolve import method


def test_every_drawn_setting_is_allowed_by_its_method():
    for name in tune.SEARCH:
        accepted = method(name).settings
        seen = [tune.drawn(name, trial) for trial in range(40)]
        assert seen[0] == {}
        assert set(seen[1]) == set(tune.SEARCH[name])
        assert len({str(one) for one in seen}) > 10
        for values in seen:
            accepted(**values)


def test_trials_are_run_at_toy_size_and_those_already_in_the_file_are_not_run_again(tmp_path, capsys):
    out = tmp_path / "tuning.jsonl"
    stored = tune.run("backprop", 0, "xor", 1000, 0.001) | {"fitness": 99.5}
    out.write_text(json.dumps(stored) + "\n")
    flags = ["--trials", "2", "--seeds", "1", "--share", "0.001", "--scenarios", "xor", "breast_cancer"]
    tune.main(["random-search", "backprop", *flags, "--out", str(out)])
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 2 * 2 * 2
    assert {row["seed"] for row in rows} == {1000}
    assert rows[0] == stored
    printed = capsys.readouterr().out
    assert "random-search: 2 trials" in printed
    assert "best on breast_cancer" in printed
    assert "(99.5)" in printed
    assert str(tune.drawn("backprop", 1)) in printed


def test_every_method_spends_the_same_compute():
    spent = {name: tune.run(name, 0, "two_spirals", 1000, 0.02)["compute"] for name in ("random-search", "backprop")}
    task = config.study({"scenario": "two_spirals", "learners": {"backprop": {}}}).specs[0].build().task
    one_pass = sum(p.numel() for p in task.network().parameters()) * len(task.split("train")[0])
    passes = 0.02 * tune.BUDGETS["two_spirals"]
    assert all(passes * one_pass <= each < (passes + 100) * one_pass for each in spent.values())


def test_tuning_never_asks_for_the_test_part(monkeypatch):
    from evo.tasks.supervised import SupervisedTask

    asked, score = [], SupervisedTask.score
    monkeypatch.setattr(SupervisedTask, "score", lambda self, model, split: asked.append(split) or score(self, model, split))
    tune.run("linear", 0, "breast_cancer", 1000, 0.01)
    assert set(asked) == {"validation"}


def test_trials_rank_by_solved_then_cost_then_fitness():
    def row(trial, solved, compute, fitness, seed=0):
        return {"scenario": "xor", "seed": seed, "trial": trial, "solved": solved, "compute": compute, "fitness": fitness}

    rows = [row(0, False, 9, 5.0), row(1, True, 8, 1.0), row(2, True, 3, 1.0), row(3, False, 9, float("nan"))]
    assert tune.ranks(rows) == {0: 2, 1: 1, 2: 0, 3: 3}
    tied = [row(0, False, 9, 5.0), row(1, False, 9, 5.0)]
    assert tune.ranks(tied) == {0: 0.5, 1: 0.5}


def test_an_unknown_method_is_refused(capsys):
    with pytest.raises(SystemExit):
        tune.main(["gaa"])
    assert "no search space for gaa" in capsys.readouterr().err
