"""The one loop: what it writes, and when it ends."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import time

import pytest
import torch
from lab_fakes import Climber, GoalTask, Point, differing, scenario, start, study, words

from evo import threads as thread_budget
from scenarios.lab.cli import listing
from scenarios.lab.execution import progress
from scenarios.lab.execution.execute import execute
from scenarios.lab.report import report, tables
from scenarios.lab.report.comparison import compare
from scenarios.lab.store import store, tensors
from scenarios.lab.store.store import RunDirectory
from scenarios.lab.study import trial
from scenarios.lab.study.spec import Study

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

SCORE = {"distance", "fitness", "n"}
COST = {"evaluations", "samples", "compute", "seconds"}
SELDOM = {"checkpoint_seconds": 1000}


# --- what is written --------------------------------------------------------------------------------------------------


COLUMNS = {"fitness_best", "nonfinite", "validation", "evaluations_per_second", "champion_step"}


def test_rows_hold_the_cost_and_the_learners_columns(whole):
    rows = store.read_rows(whole / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(8))
    assert [row["evaluations"] for row in rows] == [4 * (k + 1) for k in range(8)]
    for row in rows:
        assert set(row) == {"step", *COST, *COLUMNS}
        assert set(row["validation"]) == SCORE
    assert rows[-1]["seconds"] > rows[0]["seconds"] > 0


def test_the_result_follows_the_schema(whole):
    result = store.read_result(whole)
    rows = store.read_rows(whole / "metrics.jsonl")
    best = max(range(8), key=lambda k: rows[k]["validation"]["fitness"])
    name = study().specs[0].method
    assert result == {
        "schema": 1,
        "scenario": "goal",
        "label": "climber",
        "method": name,
        "seed": 0,
        "status": "finished",
        "stopped_by": "budget",
        "steps": 8,
        "solved": None,
        "solved_at": None,
        "cost": {axis: rows[-1][axis] for axis in COST},
        "metric": {"name": "distance", "direction": "min"},
        "train": result["train"],
        "validation": rows[best]["validation"],
        "test": result["test"],
        "validated_on": "validation",
        "champion": {
            "file": "champion.safetensors",
            "parameters": 3,
            "nodes": None,
            "connections": None,
            "hidden": None,
            "fitness": rows[best]["validation"]["fitness"],
            "step": best,
        },
        "nonfinite": 0,
        **dict.fromkeys(("trust", "ensemble", "front")),
        "pictures": [],
    }
    assert result["test"]["distance"] == pytest.approx(result["train"]["distance"] + 0.02)


def test_meta_says_what_the_run_ran_on(whole):
    meta = json.loads((whole / "meta.json").read_text())
    assert meta["command"] == "evo run goal"
    assert meta["versions"]["torch"] == torch.__version__
    assert meta["device"] == "cpu"
    assert meta["threads"] == {"population": 1, "torch": 1, "blas": 1}
    assert {"commit", "python", "platform", "cores"} <= set(meta)
    assert meta["clock_seconds"]["started"] <= meta["clock_seconds"]["finished"]


def test_the_champion_says_what_it_is_and_can_be_made_again(whole):
    saved, header = tensors.read_champion(whole / "champion.safetensors")
    result = store.read_result(whole)
    step = result["champion"]["step"]
    assert header == {
        "kind": "point",
        "scenario": "goal",
        "label": "climber",
        "method": result["method"],
        "seed": "0",
        "step": str(step),
        "lineage": json.dumps({"id": step, "parents": [step - 1]}),
    }
    model = Climber.restore(GoalTask(), None, 0, saved, header)
    assert GoalTask().score(model, "test") == result["test"]


def test_the_configuration_that_is_stored_runs_the_same_run(tmp_path, whole):
    document = store.read_config(whole)
    spec = trial.study(document, command="evo run goal").specs[0]
    assert differing(start(tmp_path, spec)[2], whole) == []


def test_history_has_a_file_for_each_improvement_alone(tmp_path):
    spec = study(steps=40, run=SELDOM).specs[0]
    path = start(tmp_path, spec)[2]
    rows = store.read_rows(path / "metrics.jsonl")
    best, improved = -1e9, []
    for row in rows:
        if row["validation"]["fitness"] > best:
            best = row["validation"]["fitness"]
            improved.append(row["step"])
    assert len(improved) < 40
    assert sorted(each.name for each in (path / "history").iterdir()) == [store.history_name(step) for step in improved]
    last = path / "history" / store.history_name(improved[-1])
    assert last.read_bytes() == (path / "champion.safetensors").read_bytes()


def test_history_can_be_of_nothing_or_of_every_step_with_its_population(tmp_path):
    nothing = start(tmp_path / "a", study(run={"history": "none"}).specs[0])[2]
    assert list((nothing / "history").iterdir()) == []
    everything = start(tmp_path / "b", study(run={"history": "all"}).specs[0])[2]
    assert len(list((everything / "history").iterdir())) == 16
    saved, header = tensors.read_champion(everything / "history" / store.history_name(7, "population"))
    state = tensors.read_checkpoint(everything / "checkpoint.pt")
    assert torch.equal(saved["population"], state["learner"]["population"])
    assert header == {"step": "7"}


def test_numbers_that_are_not_finite_are_null_in_rows_and_counted_in_the_result(tmp_path):
    state, _, path = start(tmp_path, study(nonfinite_at=2).specs[0])
    row = store.read_rows(path / "metrics.jsonl")[2]
    assert state == "finished"
    assert (row["fitness_best"], row["strange"], row["table"]) == (None, [None, "\ud800\n\x00 „"], {"x": None})
    assert store.read_result(path)["nonfinite"] == 2


def test_checkpoints_are_as_far_apart_as_the_setting_says(tmp_path, monkeypatch):
    saved = []
    save = RunDirectory.save

    def counted(self, state, champion, *, twice=False):
        saved.append((state["progress"]["steps"], twice))
        save(self, state, champion, twice=twice)

    monkeypatch.setattr(RunDirectory, "save", counted)
    start(tmp_path / "a", study(run=SELDOM).specs[0])
    assert saved == [(8, True)]
    del saved[:]
    start(tmp_path / "b")
    assert saved == [*((step, False) for step in range(1, 9)), (8, True)]


def test_live_line_last_words_table_and_page_tell_of_the_same_steps(tmp_path):
    spec = study(steps=9, pause=0.01).specs[0]  # a row every 0.2 s is shown
    state, events, path = start(tmp_path, spec)
    shown = progress.Display(Study((spec,), "goal"), live=True, write=print)
    for event in events[: [event["event"] for event in events].index("finished")]:
        shown.emit({**event, "index": 0})
    (comparison,) = compare([path])
    seed = dict(zip(*[tables.per_seed(comparison)[0], tables.per_seed(comparison)[1][0]]))
    assert (state, shown.lines[0].cells()["step"], words(events, "finished")) == (
        "finished",
        "step 9",
        ["budget after 9 steps"],
    )
    assert "9 steps" in listing.runs(tmp_path)[0]
    assert (seed["steps"], seed["evaluations"], comparison.rows[0]["evaluations"]) == (9, 36, 36)
    assert ">9</td>" in report.page([comparison])


@pytest.mark.parametrize(("name", "split"), [("xor", "training"), ("wine", "test")])
def test_pictures_name_the_split_that_they_show(tmp_path, name, split):
    document = {"scenario": name, "learners": {"linear": {}}, "device": "cpu"}
    result = start(tmp_path, trial.study(document).specs[0])[1][-1]["result"]
    assert result["pictures"][-1]["title"] == f"Behaviour on the {split} split"
    assert result["validated_on"] == ("train" if name == "xor" else "validation")


# --- the end of a run -------------------------------------------------------------------------------------------------


def observed(spec, **options):
    """The spec with a scenario object, and the list of the tasks it makes."""
    tasks = []

    def make(values, network):
        tasks.append(GoalTask(values.solved, values.stop, values.test))
        return tasks[-1]

    return dataclasses.replace(spec, scenario=dataclasses.replace(scenario, task=make), **options), tasks


def test_the_test_is_scored_once_and_last(tmp_path):
    spec, tasks = observed(study().specs[0])
    start(tmp_path, spec)
    (task,) = tasks
    assert task.scored.count("test") == 1
    assert task.scored[-1] == "test"


def test_a_task_without_a_test_has_null(tmp_path):
    assert store.read_result(start(tmp_path, study(task={"test": False}).specs[0])[2])["test"] is None


def test_a_solved_task_stops_at_once_and_says_what_it_cost(tmp_path):
    path = start(tmp_path, study(steps=500, task={"solved": 0.5}, run=SELDOM).specs[0])[2]
    result, rows = store.read_result(path), store.read_rows(path / "metrics.jsonl")
    assert result["stopped_by"] == "solved"
    assert result["solved"] is True
    assert [row["validation"]["distance"] <= 0.5 for row in rows] == [False] * (len(rows) - 1) + [True]
    assert result["solved_at"] == result["cost"] == {axis: rows[-1][axis] for axis in COST}


def test_with_stop_budget_a_solved_task_goes_on_and_keeps_the_first_time(tmp_path):
    path = start(tmp_path, study(steps=60, task={"solved": 0.5, "stop": "budget"}, run=SELDOM).specs[0])[2]
    result, rows = store.read_result(path), store.read_rows(path / "metrics.jsonl")
    assert (result["stopped_by"], result["steps"], result["solved"]) == ("budget", 60, True)
    first = next(row for row in rows if row["validation"]["distance"] <= 0.5)
    assert result["solved_at"] == {axis: first[axis] for axis in COST}


def test_an_unsolved_task_says_so(tmp_path):
    result = store.read_result(start(tmp_path, study(task={"solved": 0.0}).specs[0])[2])
    assert (result["solved"], result["solved_at"], result["stopped_by"]) == (False, None, "budget")


def test_a_learner_that_is_finished_ends_the_run_even_at_the_budgets_last_step(tmp_path):
    result = store.read_result(start(tmp_path, study(finish_at=7).specs[0])[2])
    assert (result["stopped_by"], result["steps"]) == ("completed", 8)


def test_a_budget_of_seconds_ends_after_the_step_that_reaches_it(tmp_path):
    spec = dataclasses.replace(study(pause=0.02).specs[0], budget={"seconds": 0.05})
    result = store.read_result(start(tmp_path, spec)[2])
    assert result["cost"]["seconds"] >= 0.05
    assert result["steps"] <= 3


# --- surroundings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "threads"), [(None, 3), (5, 5)])
def test_torch_and_blas_have_one_thread_and_the_population_what_was_given(tmp_path, setting, threads):
    from threadpoolctl import threadpool_info

    seen = {}

    class Looking(Climber):
        def step(self):
            seen.update(torch=torch.get_num_threads(), ours=thread_budget.count())
            seen.update(others={library["num_threads"] for library in threadpool_info()})
            return super().step()

    spec = dataclasses.replace(study(run={"threads": setting}).specs[0], method=Looking)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        path = start(tmp_path, spec, threads=3)[2]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {"torch": 1, "ours": threads, "others": {1}}
    assert json.loads((path / "meta.json").read_text())["threads"] == {"population": threads, "torch": 1, "blas": 1}


def test_rows_are_shown_about_five_times_a_second_and_all_are_written(tmp_path):
    spec = study(steps=60, pause=0.01, run=SELDOM).specs[0]
    shown, times = [], []

    def emit(event):
        if event["event"] == "row":
            shown.append(event["row"])
            times.append(time.monotonic())

    execute(spec, tmp_path, emit=emit)
    rows = store.read_rows(store.run_path(tmp_path, "goal", "climber", 0) / "metrics.jsonl")
    assert len(rows) == 60
    assert shown == [rows[row["step"]] for row in shown]
    assert len(shown) >= 3
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.15


def test_the_learner_is_given_the_specs_seed_and_device(tmp_path):
    given = []

    class Told(Climber):
        def __init__(self, task, settings, seed, device):
            given.append((type(task), settings.pause, seed, device))
            super().__init__(task, settings, seed, device)

    spec = dataclasses.replace(study(seeds=[7]).specs[0], method=Told)
    start(tmp_path, spec)
    assert [each[1:] for each in given] == [(0.0, 7, "cpu")]


def test_a_models_shape_is_in_the_result(tmp_path):
    class Net(Point):
        nodes, connections, hidden = 5, 6, 2

    class Growing(Climber):
        def champion(self):
            return Net(self.best)

    champion = store.read_result(start(tmp_path, dataclasses.replace(study().specs[0], method=Growing))[2])["champion"]
    assert (champion["nodes"], champion["connections"], champion["hidden"]) == (5, 6, 2)


# --- what is drawn and measured at the end ----------------------------------------------------------------------------


def drawn(*arguments):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


def ended(runs, method=Climber, **of_the_task):
    """A whole run on a GoalTask that has more attributes."""
    task = type("Task", (GoalTask,), of_the_task)
    ours = dataclasses.replace(scenario, task=lambda settings, network: task())
    return start(runs, dataclasses.replace(study().specs[0], scenario=ours, method=method))


def test_pictures_are_drawn_at_the_end_and_are_the_same_bytes_each_time(tmp_path):
    seen, contents = [], []
    for name in ("a", "b"):
        _, _, path = ended(tmp_path / name, figure=lambda self, model, split: seen.append(split) or drawn())
        contents.append({each.name: each.read_bytes() for each in (path / "pictures").iterdir()})
    assert contents[0] == contents[1]
    assert seen == ["test", "test"]
    assert [name for name, data in contents[0].items() if data.startswith(b"\x89PNG")] == ["behaviour.png"]
    assert [each["file"] for each in store.read_result(path)["pictures"]] == ["behaviour.png"]  # a Point draws nothing


def test_a_picture_that_cannot_be_drawn_costs_no_result(tmp_path):
    state, events, path = ended(tmp_path, figure=lambda self, model, split: 1 / 0)
    assert state == "finished"
    assert "behaviour.png skipped: ZeroDivisionError" in words(events, "warning")[0]
    assert store.read_result(path)["pictures"] == []


def test_what_task_and_learner_have_to_say_of_the_end_is_kept(tmp_path):
    class Speaking(Climber):
        def front(self):
            return [{"fitness": 1.0, "connections": 3}]

        def ensemble(self):
            return Point(torch.ones(3))

    _, _, path = ended(tmp_path, Speaking, diagnostics=lambda self, model: {"ece": 0.25})
    result = store.read_result(path)
    assert result["trust"] == {"ece": 0.25}
    assert result["front"] == [{"fitness": 1.0, "connections": 3}]
    assert result["ensemble"]["distance"] == pytest.approx(0.02)  # on the test part


def test_what_fails_of_it_costs_no_result(tmp_path):
    class Broken(Climber):
        def front(self):
            return [{"fitness": object()}]

        def ensemble(self):
            raise RuntimeError("no members")

    state, events, path = ended(tmp_path, Broken, diagnostics=lambda self, model: 1 / 0)
    assert state == "finished"
    assert [said.partition(":")[0] for said in words(events, "warning")] == [
        f"{name} skipped" for name in ("calibration and robustness", "ensemble", "Pareto front")
    ]
    result = store.read_result(path)
    assert [result[name] for name in ("trust", "ensemble", "front")] == [None] * 3


def test_rows_say_at_which_step_their_champion_was_found(whole):
    rows = store.read_rows(whole / "metrics.jsonl")
    best, expected = -math.inf, []
    for k, row in enumerate(rows):
        if row["validation"]["fitness"] > best:
            best, champion = row["validation"]["fitness"], k
        expected.append(champion)
    assert [row["champion_step"] for row in rows] == expected
