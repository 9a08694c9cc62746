"""A run that was cut and continued, or extended, is the run that was left in peace; other settings are refused."""

from __future__ import annotations

import dataclasses

import pytest
from lab_fakes import contents, differing, start, study, words
from PIL import Image

from scenarios import METHODS
from scenarios.lab.execution import finalize
from scenarios.lab.execution.execute import execute
from scenarios.lab.store import store
from scenarios.lab.store.store import RunDirectory
from scenarios.lab.study import config, trial

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

SELDOM = {"checkpoint_seconds": 1000}


@pytest.mark.parametrize("cut", [0, 1, 4, 7])
def test_stopped_run_equals_uninterrupted_run(tmp_path, whole, cut):
    state, events, path = start(tmp_path, study(run=SELDOM).specs[0], stop_after=cut)
    assert state == "stopped"
    assert words(events, "stopped") == [f"after {cut} step{'s' * (cut != 1)}; continue with: evo run goal"]
    state, events, _ = start(tmp_path)
    assert state == "finished"
    assert events[0] == {"event": "started", "steps": cut, "path": str(path), "metric": "distance"}
    assert differing(path, whole) == []


def test_run_stopped_at_every_step_equals_uninterrupted_run(tmp_path, whole):
    states = [start(tmp_path, stop_after=1)[0] for _ in range(9)]
    assert states == ["stopped"] * 7 + ["finished", "skipped"]
    assert differing(whole.parents[2] / "goal" / "climber" / "seed-0", store.run_path(tmp_path, "goal", "climber", 0)) == []


class Killed(BaseException):
    """What `kill -9` is to a test in one process."""


def killed(*_):
    raise Killed


def test_what_came_after_the_last_checkpoint_is_cut_and_made_again(tmp_path, whole, monkeypatch):
    monkeypatch.setattr("scenarios.lab.execution.execute.ROW_SECONDS", 0.0)
    spec = study(run=SELDOM).specs[0]
    assert start(tmp_path, spec, stop_after=2)[0] == "stopped"
    with pytest.raises(Killed):
        execute(spec, tmp_path, emit=lambda event: event.get("row", {}).get("step") == 5 and killed())
    path = store.run_path(tmp_path, "goal", "climber", 0)
    assert len(store.read_rows(path / "metrics.jsonl")) == 6
    assert start(tmp_path)[0] == "finished"
    assert differing(path, whole) == []


def test_a_kill_before_the_result_leaves_only_the_end_to_do(tmp_path, whole, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "write_result", killed)
        with pytest.raises(Killed):
            start(tmp_path)
    state, events, path = start(tmp_path)
    assert state == "finished"
    assert [event["event"] for event in events] == ["started", "finishing", "finished"]
    assert differing(path, whole) == []


def test_a_finished_run_is_skipped_and_not_touched(tmp_path):
    path = start(tmp_path)[2]
    before = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.rglob("*") if each.is_file()}
    state, events, _ = start(tmp_path)
    assert state == "skipped"
    assert events[-1]["result"] == store.read_result(path)
    assert before == {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.rglob("*") if each.is_file()}


@pytest.mark.parametrize("short", [1, 3, 7])
def test_extended_run_equals_the_longer_run(tmp_path, whole, short):
    start(tmp_path, study(steps=short).specs[0])
    state, _, path = start(tmp_path)
    assert state == "finished"
    assert differing(path, whole) == []


def test_a_longer_run_that_is_cut_is_unfinished_and_continues(tmp_path, whole):
    path = start(tmp_path, study(steps=4).specs[0])[2]
    assert start(tmp_path, stop_after=1)[0] == "stopped"
    assert store.read_result(path) is None
    assert start(tmp_path)[0] == "finished"
    assert differing(path, whole) == []


@pytest.mark.parametrize(("task", "climber"), [({"solved": 1.4}, {}), ({}, {"finish_at": 3})])
def test_a_larger_budget_leaves_a_run_that_ended_by_itself_as_the_longer_run_would_be(tmp_path, task, climber):
    longer = start(tmp_path / "longer", study(steps=20, task=task, **climber).specs[0])[2]
    steps = store.read_result(longer)["steps"]
    assert steps < 8
    path = start(tmp_path / "short", study(steps=steps, task=task, **climber).specs[0])[2]
    assert start(tmp_path / "short", study(steps=20, task=task, **climber).specs[0])[0] == "skipped"
    assert differing(path, longer) == []


def test_a_larger_budget_that_the_last_step_overshot_already_leaves_the_run_as_it_is(tmp_path):
    specs = [dataclasses.replace(study().specs[0], budget={"evaluations": limit}) for limit in (9, 11)]
    path = start(tmp_path / "a", specs[0])[2]
    assert start(tmp_path / "a", specs[1])[0] == "skipped"
    assert differing(path, start(tmp_path / "b", specs[1])[2]) == []


@pytest.mark.parametrize("method", [name for name in METHODS if not name.endswith(":")])
def test_every_method_cut_and_extended_equals_itself_left_in_peace(tmp_path, monkeypatch, method):
    def spec(steps):
        scenario = "retina" if "hyperneat" in method else "wine"  # a row of a table lies nowhere
        scenario = "t_maze" if "adaptive" in method else scenario  # and has no life
        scenario = "karate" if METHODS[method].startswith("graphs.") else scenario  # and is no node
        scenario = "link_prediction" if method == "common-neighbours" else scenario  # and is no pair of nodes
        small = {"interval": 1, "inner_steps": 4} if method == "gtn" else {}
        learners = {method: small if scenario in ("wine", "karate", "link_prediction") else {"population_size": 20}}
        document = {"scenario": scenario, "device": "cpu", "budget": {"steps": steps}, "learners": learners}
        return config.study(document | {"task": {"stop": "budget"}}).specs[0]

    _, _, path = start(tmp_path / "cut", spec(3), stop_after=2)
    start(tmp_path / "cut", spec(3))
    with monkeypatch.context() as patch:
        patch.setattr(finalize, "drawn", lambda *arguments: [])  # pictures are dear; the run of 3 and that of 6 have theirs
        start(tmp_path / "cut", spec(4))
    start(tmp_path / "cut", spec(6))
    start(tmp_path / "cut", spec(6))
    whole = start(tmp_path / "whole", spec(6))[2]
    assert store.read_result(whole)["status"] == "finished"
    assert differing(path, whole) == []


# --- other settings ---------------------------------------------------------------------------------------------------


def test_other_settings_are_refused_by_name_and_nothing_is_touched(tmp_path):
    path = start(tmp_path, stop_after=3)[2]
    before = contents(path)
    state, events, _ = start(tmp_path, study(pause=0.001, task={"solved": 0.1}).specs[0])
    assert state == "failed"
    (message,) = words(events, "failed")
    assert "climber.pause: stored 0.0, now 0.001" in message
    assert "task.solved" in message
    assert "--restart" in message
    assert contents(path) == before


def test_restart_puts_the_old_run_aside_and_starts_anew(tmp_path, whole):
    for k in (1, 2):
        path = start(tmp_path, study(pause=0.001 * k).specs[0], stop_after=3, restart=True)[2]
    assert start(tmp_path, restart=True)[0] == "finished"
    assert differing(path, whole) == []
    for k in (1, 2):
        assert f"pause = {0.001 * k}" in (path.parent / f"seed-0.old-{k}" / "config.toml").read_text()


def test_a_target_that_became_another_picture_is_another_setting(tmp_path):
    def run(grey):
        Image.new("L", (6, 4), grey).save(tmp_path / "target.png")
        settings = {"task.target": str(tmp_path / "target.png"), "task.resolution": 6, "cppn.population_size": 5}
        document = {"scenario": "cppn_image", "learners": {"cppn": {}}, "budget": {"steps": 1}}
        return start(tmp_path, trial.study(document, settings).specs[0])

    assert run(10)[0] == "finished"
    assert run(10)[0] == "skipped"
    state, events, _ = run(20)
    assert state == "failed"
    assert "other settings: the task's file changed" in words(events, "failed")[0]


@pytest.mark.parametrize("method", ["backprop", "backstitch", "sam"])
def test_a_network_that_settles_after_each_epoch_goes_on_as_if_never_cut(tmp_path, method):
    scenario, task = "finite_sample_bias_quadratic", {"data_sets": 3}
    spec = trial.study({"scenario": scenario, "task": task, "learners": {method: {}}, "budget": {"steps": 6}}).specs[0]
    assert start(tmp_path / "cut", spec, stop_after=2)[0] == "stopped"
    path, whole = (start(tmp_path / name, spec)[2] for name in ("cut", "whole"))
    assert store.read_result(path)["status"] == "finished"
    assert differing(path, whole) == []


def test_an_evolved_topology_in_training_goes_on_as_if_never_cut(tmp_path):
    document = {"scenario": "xor", "learners": {"neat": {"population_size": 10}}, "budget": {"steps": 3}}
    donor = start(tmp_path, trial.study(document).specs[0])[2]
    trained = document | {"learners": {"trained": {"method": "backprop", "start": str(donor)}}, "budget": {"steps": 5}}
    spec = trial.study(trained).specs[0]
    assert start(tmp_path / "cut", spec, stop_after=2)[0] == "stopped"
    path, whole = (start(tmp_path / name, spec)[2] for name in ("cut", "whole"))
    assert store.read_result(path)["status"] == "finished"
    assert differing(path, whole) == []


@pytest.mark.parametrize("method", ["backprop", "backstitch", "sam", "openai-es", "neat"])
def test_what_learns_sequences_goes_on_as_if_never_cut(tmp_path, method):
    learners = {method: {"population_size": 8} if method in ("openai-es", "neat") else {}}
    task = {"points": 150, "window": 4, "ahead": 2, "batch_size": 20}
    document = {"scenario": "mackey_glass", "task": task, "learners": learners, "budget": {"steps": 4}}
    spec = trial.study(document | {"model": {"network": "rwa", "hidden": [3]}, "device": "cpu"}).specs[0]
    assert start(tmp_path / "cut", spec, stop_after=2)[0] == "stopped"
    path, whole = (start(tmp_path / name, spec)[2] for name in ("cut", "whole"))
    assert store.read_result(path)["status"] == "finished"
    assert differing(path, whole) == []
