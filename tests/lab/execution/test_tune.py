"""Tuning: equal trials, the same whether it was cut or not, judged on validation alone."""

import json

import pytest
from lab_fakes import Climber, GoalTask, scenario
from tuning_fakes import Strider, planned

from scenarios.lab.execution import execute
from scenarios.lab.execution.runner import Workers
from scenarios.lab.execution.tune import asked_for, run_trials
from scenarios.lab.store.files import StoreError
from scenarios.lab.store.trials import UNFINISHED, Trials
from scenarios.lab.study.problems import ConfigError


def tried(path, made=None, count=4, **options):
    """The rows after a tuning, by key, without what depends on the clock; and how it ended."""
    with Workers() as workers, Trials(path) as trials:
        state = run_trials(made or planned(), trials, count, workers, **options)
        return state, {key: timeless(row) for key, row in trials.rows.items()}


def timeless(row):
    return {**row, "cost": {axis: value for axis, value in row["cost"].items() if axis != "seconds"}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return tried(tmp_path_factory.mktemp("whole") / "goal")


def test_every_label_has_the_same_number_of_trials_on_the_same_seeds(tmp_path):
    made = planned(learners={"a": Strider, "b": Strider, "climber": Climber})
    state, rows = tried(tmp_path / "goal", made, count=3)
    assert state == "finished"
    expected = {(label, trial) for label in "ab" for trial in range(3)} | {("climber", 0)}
    assert set(rows) == {(label, trial, "goal", seed) for label, trial in expected for seed in (1000, 1001)}
    assert {row["cost"]["evaluations"] for row in rows.values()} == {32}
    same = lambda label: [rows[label, trial, "goal", 1000]["fitness"] for trial in range(3)]
    assert same("a") == same("b")
    assert not (tmp_path / "goal" / UNFINISHED).exists()


def test_the_test_split_is_never_scored(tmp_path, monkeypatch):
    scored, score = [], GoalTask.score
    monkeypatch.setattr(GoalTask, "score", lambda self, model, split: scored.append(split) or score(self, model, split))
    tried(tmp_path / "goal", count=2)
    assert set(scored) == {"validation"}


def test_a_finished_tuning_runs_nothing_again_and_more_trials_go_on(tmp_path, whole):
    path = tmp_path / "goal"
    tried(path, count=2)
    before = (path / "trials.jsonl").read_bytes()
    tried(path, count=2)
    assert (path / "trials.jsonl").read_bytes() == before
    assert tried(path) == whole
    assert (path / "trials.jsonl").read_bytes().startswith(before)


@pytest.mark.parametrize("cut", [1, 20, 40, 61])
def test_a_tuning_that_was_cut_goes_on_to_the_same_trials(tmp_path, whole, monkeypatch, cut):
    """Cut by an exception in a step, as a kill would: nothing is saved beyond what a checkpoint holds."""
    steps, step = [], execute._Run.step  # not the learner's: an edited method is another

    def cutting(self):
        steps.append(1)
        if len(steps) == cut:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(execute._Run, "step", cutting)
    with pytest.raises(KeyboardInterrupt):
        tried(tmp_path / "goal")
    taken = len(steps)
    assert tried(tmp_path / "goal") == whole
    assert len(steps) - taken <= 8 * 8 - taken + 2  # of the run that was cut only the last step again


def test_a_line_that_was_cut_short_is_run_again(tmp_path, whole):
    path = tmp_path / "goal"
    tried(path)
    file = path / "trials.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert tried(path) == whole
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_a_damaged_line_is_refused(tmp_path):
    path = tmp_path / "goal"
    tried(path, count=2)
    text = (path / "trials.jsonl").read_text()
    (path / "trials.jsonl").write_text(text.replace('"fitness": -1', '"fitness": -2', 1))
    with pytest.raises(StoreError, match=r"trials.jsonl is damaged at line \d: .* delete the line"):
        tried(path, count=2)
    (path / "trials.jsonl").write_text(text)
    assert tried(path, count=2)[0] == "finished"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(steps=9), r"budget: stored {'steps': 8}, now {'steps': 9}"),
        ({"strider.pace": "fast"}, r"strider.trial-0.pace: stored slow, now fast; 7 runs more|5 runs more"),
        (dict(task={"stop": "budget"}), r"task.stop: stored solved, now budget"),
    ],
)
def test_other_settings_or_another_budget_are_refused(tmp_path, changed, message):
    tried(tmp_path / "goal")
    with pytest.raises(ConfigError, match=message) as caught:
        tried(tmp_path / "goal", planned(**changed))
    assert "--restart" in str(caught.value)


def test_a_run_that_fails_stops_no_other_and_is_tried_again(tmp_path, whole, monkeypatch):
    step = execute._Run.step
    unwell = lambda self: 1 / 0 if self.learner.options.pace == "fast" else step(self)
    monkeypatch.setattr(execute._Run, "step", unwell)
    state, rows = tried(tmp_path / "goal")
    assert state == "failed"
    assert 0 < len(rows) < len(whole[1])
    monkeypatch.setattr(execute._Run, "step", step)
    assert tried(tmp_path / "goal") == whole


def test_a_task_without_validation_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(GoalTask, "score", lambda self, model, split: None)
    monkeypatch.setattr(Strider, "step", lambda self: setattr(self, "finished", "completed") or {})
    state, rows = tried(tmp_path / "goal", count=1)
    assert (state, rows) == ("failed", {})
    assert "trials are judged on validation, and this task has no validation split" in capsys.readouterr().err


def test_rows_of_other_seeds_and_later_trials_are_not_asked_for(tmp_path):
    path = tmp_path / "goal"
    tried(path, planned(seeds="3"))
    with Trials(path) as trials:
        rows = asked_for(planned(seeds="1001,").labels[0], 2, trials.rows)
    assert [(row["trial"], row["seed"]) for row in rows] == [(0, 1001), (1, 1001)]


def test_two_scenarios_are_tuned_at_once(tmp_path):
    import dataclasses

    from scenarios.lab.study.plan import plan

    document = {"device": "cpu", "budget": {"steps": 3}, "learners": {"strider": {"method": Strider}}}
    both = [
        {"document": {**document, "scenario": each}, "overrides": {}, "problems": []}
        for each in (
            scenario,
            dataclasses.replace(scenario, name="other"),
        )
    ]
    made = plan(both, "1", "")
    assert made.name == "goal+other"
    _, rows = tried(tmp_path / made.name, made, count=2)
    assert {key[1:] for key in rows} == {(trial, name, 1000) for trial in (0, 1) for name in ("goal", "other")}
    with pytest.raises(ConfigError, match="scenario goal is given twice"):
        plan([both[0], both[0]], "1", "")


def test_tpe_draws_the_same_after_a_cut_and_learns(tmp_path):
    pytest.importorskip("optuna")
    options = dict(count=16, sampler="tpe")
    made = planned(seeds="1", steps=1)
    state, rows = tried(tmp_path / "whole", made, **options)
    assert state == "finished"
    tried(tmp_path / "cut", made, count=12, sampler="tpe")
    assert tried(tmp_path / "cut", made, **options) == (state, rows)
    begin = {key[1]: row["settings"]["begin"] for key, row in rows.items()}
    by_chance = tried(tmp_path / "chance", made, count=16)[1]
    same = [trial for trial in begin if begin[trial] == by_chance["strider", trial, "goal", 1000]["settings"]["begin"]]
    assert same == list(range(10))
    assert (
        sum(begin[trial] for trial in range(10, 16)) / 6 > sum(begin[trial] for trial in range(1, 10)) / 9
    )  # nearer to the goal


def test_tpe_without_optuna_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"--sampler tpe: needs Optuna: pip install 'neuroevo\[tune\]'"):
        tried(tmp_path / "goal", sampler="tpe")
