"""run() and load(): the command line's power from Python, with nothing executed from a file."""

import io
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from evo.search.ga import GA
from evo.tasks.supervised import SupervisedTask
from evo.vectors.models import TorchModel
from scenarios.lab import Comparison, ConfigError, Scenario, export, load, main, play, run
from scenarios.lab.store import files
from scenarios.lab.store.store import StoreError
from scenarios.xor import scenario as xor

pytestmark = pytest.mark.usefixtures("no_pictures")

SMALL = {"ga.population_size": 6}


@pytest.fixture(scope="module")
def rings():
    """A Task of a user's own, given as an object."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radii = np.where(np.arange(60) % 2, 1.0, 2.0)
    x = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    return SupervisedTask.from_arrays(x, np.arange(60) % 2, network=lambda inputs, outputs: torch.nn.Linear(inputs, outputs))


@pytest.fixture(scope="module")
def made(rings, tmp_path_factory, no_pictures):
    """The rings learned by two methods, one of them under a label and as a class; and the table."""
    runs = tmp_path_factory.mktemp("runs")
    table = run(
        rings,
        {"mine": GA, "knn": "knn"},
        seeds=[0, 2],
        budget={"steps": 3},
        settings={"mine.population_size": 6, "run.checkpoint_seconds": 0},
        runs=runs,
        name="rings",
    )
    return runs / "rings", table


@pytest.fixture
def copy(made, tmp_path):
    """A run folder to damage."""
    import shutil

    shutil.copytree(made[0] / "mine" / "seed-0", tmp_path / "rings" / "mine" / "seed-0")
    return tmp_path / "rings" / "mine" / "seed-0"


def test_the_runs_of_objects_are_played_and_exported(made, tmp_path):
    runs = {(run.path.parent.name, run.path.name): run for run in made[1].runs}
    assert [*runs] == [("mine", "seed-0"), ("mine", "seed-2"), ("knn", "seed-0"), ("knn", "seed-2")]
    one, out = runs["mine", "seed-2"], io.StringIO()
    play(one, rows="0-2", out=out)
    assert out.getvalue().startswith("3 of 12 rows of the test split\n")
    assert export(one, tmp_path / "x.safetensors") == tmp_path / "x.safetensors"
    weights = load_file(tmp_path / "x.safetensors")
    assert sum(each.numel() for each in weights.values()) == one.champion.parameters
    with pytest.raises(ValueError, match="what can be exported is a network"):
        export(runs["knn", "seed-0"], tmp_path / "x.pt")


def test_run_returns_the_table_and_its_numbers(made):
    _, table = made
    assert isinstance(table, Comparison)
    assert sorted(row["label"] for row in table.rows) == ["knn", "mine"]
    assert all(row["done"] == row["seeds"] == 2 and row["split"] == "test" for row in table.rows)
    assert repr(table).startswith("Comparison(rings: 2 methods, 4 of 4 runs finished, first ")
    assert str(table).splitlines()[0] == "rings"


def test_run_prints_nothing_on_standard_output(made, rings, capsys):
    run(rings, {"mine": GA}, [0, 2], {"steps": 3}, {"mine.population_size": 6}, runs=made[0].parent, name="rings")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("already finished") == 2


def test_the_same_call_skips_and_a_larger_budget_continues(made, rings, tmp_path):
    def again(steps, runs):
        return run(rings, {"mine": GA}, [0], {"steps": steps}, {"mine.population_size": 6}, runs=runs, name="rings")

    again(2, tmp_path)
    again(3, tmp_path)
    cut, whole = (load(path / "mine/seed-0").rows for path in (tmp_path / "rings", made[0]))
    assert np.array_equal(cut["fitness_best"], whole["fitness_best"])
    with pytest.raises(ConfigError, match=r"budget.steps: stored 3, now 2"):
        again(2, tmp_path)


def test_rows_are_arrays_with_dotted_keys_and_nan_for_null(copy):
    last = {"step": 3, "fitness_best": None, "validation": None, "word": "w", "list": [1], "deep": {"a": {"b": 1}}}
    with (copy / "metrics.jsonl").open("ab") as file:
        file.write(files.checked_json(last))
        file.write(b'{"step": 4, "unfini')
    rows = load(copy).rows
    assert rows["step"].tolist() == [0, 1, 2, 3]
    assert rows["fitness_best"].dtype == float
    assert np.isnan(rows["fitness_best"]).tolist() == [False, False, False, True]
    assert np.isnan(rows["validation.accuracy"]).tolist() == [False, False, False, True]
    assert rows["deep.a.b"][-1] == 1
    assert rows["word"].tolist() == [None, None, None, "w"]
    assert {len(column) for column in rows.values()} == {4}


def test_config_and_result_are_what_the_files_hold(made):
    found = load(str(made[0] / "mine" / "seed-2"))
    assert found.config["seeds"] == [2]
    assert found.config["learners"]["mine"]["population_size"] == 6
    assert found.result["seed"] == 2
    assert "seed-2" in repr(found)


def test_unfinished_run_has_no_result_but_rows(copy):
    (copy / "result.json").unlink()
    assert load(copy).result is None
    assert len(load(copy).rows["step"]) == 3


def test_champion_scores_as_its_result_says(made, rings):
    found = load(made[0] / "mine" / "seed-0", scenario=rings, method=GA)
    assert isinstance(found.champion, TorchModel)
    assert rings.score(found.champion, "test") == found.result["test"]
    assert found.champion.figure().axes
    assert found.champion is found.champion


def test_champion_of_an_estimator_is_fitted_again(made, rings):
    found = load(made[0] / "knn" / "seed-0", scenario=rings)
    assert rings.score(found.champion, "test") == found.result["test"]


def test_champion_of_what_was_an_object_says_what_to_give(made, rings):
    with pytest.raises(ConfigError, match=r"load\(..., scenario=...\)"):
        load(made[0] / "knn" / "seed-0").champion  # noqa: B018
    with pytest.raises(ConfigError, match=r"load\(..., method=...\)"):
        load(made[0] / "mine" / "seed-0", scenario=rings).champion  # noqa: B018


def champion(path, rings):
    return load(path, scenario=rings, method=GA).champion


@pytest.mark.parametrize("keep", [0, 4, 8, 20, 100, -1])
def test_truncated_champion_is_a_clean_error(copy, rings, keep):
    file = copy / "champion.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"champion.safetensors is damaged"):
        champion(copy, rings)


def test_pickled_code_in_place_of_a_champion_is_refused_and_not_executed(copy, rings, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    for data in (pickle.dumps(Bomb()), b"PK\x03\x04" + pickle.dumps(Bomb())):
        (copy / "champion.safetensors").write_bytes(data)
        with pytest.raises(StoreError, match=r"champion.safetensors is damaged"):
            champion(copy, rings)
    torch.save({"weight": Bomb()}, copy / "champion.safetensors")
    with pytest.raises(StoreError, match=r"champion.safetensors is damaged"):
        champion(copy, rings)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("fault", ["shape", "missing", "extra", "empty"])
def test_champion_that_does_not_fit_its_configuration_is_a_clean_error(copy, rings, fault):
    file = copy / "champion.safetensors"
    tensors = load_file(file)
    if fault == "shape":
        tensors = {name: tensor.repeat(*[2] * tensor.ndim) for name, tensor in tensors.items()}
    elif fault == "missing":
        tensors.popitem()
    elif fault == "extra":
        tensors["another"] = torch.zeros(1)
    else:
        tensors = {}
    save_file(tensors, file, {"kind": "torch"})
    with pytest.raises(StoreError, match=r"does not fit its config.toml"):
        champion(copy, rings)


def test_missing_and_damaged_parts_are_named(copy, rings, tmp_path):
    with pytest.raises(StoreError, match="is no run directory"):
        load(tmp_path)
    (copy / "result.json").write_text("{")
    with pytest.raises(StoreError, match=r"result.json is damaged"):
        load(copy).result  # noqa: B018
    (copy / "result.json").unlink()
    (copy / "metrics.jsonl").write_text("{\n")
    with pytest.raises(StoreError, match=r"metrics.jsonl is damaged at line 1"):
        load(copy).rows  # noqa: B018
    (copy / "config.toml").write_text("scenario = 3\n")
    with pytest.raises(ConfigError, match="scenario: expected a name"):
        load(copy).champion  # noqa: B018
    (copy / "champion.safetensors").unlink()
    with pytest.raises(StoreError, match=r"champion.safetensors is missing"):
        load(copy).champion  # noqa: B018
    (copy / "config.toml").write_text("[")
    with pytest.raises(StoreError, match=r"config.toml is damaged"):
        load(copy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name: a Task needs one"),
        ({"name": "../up"}, "a scenario's name is that of its folder"),
        ({"name": "a"}, "no method: name at least one"),
        ({"name": "a", "methods": ["ga"]}, "budget: expected at least one limit"),
        ({"name": "a", "methods": ["gaa"], "budget": {"steps": 1}}, "did you mean 'ga'"),
        ({"name": "a", "methods": "gaa", "budget": {"steps": 1}}, "did you mean 'ga'"),
        ({"name": "a", "methods": ["ga", "ga"]}, "label 'ga' is taken"),
        ({"name": "a", "methods": [GA]}, "a label"),
        ({"name": "a", "methods": {"x": 3}, "budget": {"steps": 1}}, "x.method: expected a name; got 3"),
        ({"name": "a", "methods": {"x": dict}, "budget": {"steps": 1}}, "is not a method"),
        (
            {"name": "a", "methods": ["ga"], "settings": {"task.fitness": "auc"}},
            "task.fitness: the task was given as an object",
        ),
        ({"name": "a", "methods": ["ga"], "settings": {"model.hidden": [3]}}, "model.hidden: this scenario has no network"),
        ({"name": "a", "methods": ["ga"], "budget": {"step": 1}}, "did you mean 'steps'"),
    ],
)
def test_mistakes_of_a_call_are_gathered_before_anything_starts(rings, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        run(rings, runs=tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_object_that_is_no_task_says_what_it_lacks():
    class Half:
        inputs = outputs = 1

    with pytest.raises(ConfigError, match=r"got Half, which does not inherit evo\.Task"):
        run(Half(), ["ga"], name="half")


def test_scenario_object_keeps_its_settings_and_may_be_renamed(tmp_path):
    assert isinstance(xor, Scenario)
    table = run(xor, ["ga"], 1, {"steps": 1}, {**SMALL, "task.fitness": "accuracy"}, runs=tmp_path, name="again")
    assert table.scenario == "again"
    assert load(tmp_path / "again" / "ga" / "seed-0").config["task"]["fitness"] == "accuracy"


def test_failure_is_counted_and_raises_nothing(rings, tmp_path):
    class Weak(GA):
        def tell(self, evaluation):
            raise ValueError("too tired")

    table = run(rings, {"weak": Weak, "ga": "ga"}, 1, {"steps": 1}, runs=tmp_path, name="rings")
    assert {row["label"]: (row["done"], row["failed"]) for row in table.rows} == {"weak": (0, 1), "ga": (1, 0)}


def test_interrupt_is_raised_after_everything_is_saved(rings, tmp_path, monkeypatch):
    from scenarios.lab.execution import execute

    monkeypatch.setattr(execute, "execute", lambda *arguments, **options: "stopped")
    with pytest.raises(KeyboardInterrupt, match="the same call of run"):
        run(rings, ["ga"], 1, {"steps": 1}, runs=tmp_path, name="rings")


def test_script_needs_no_main_guard_and_import_brings_no_torch(tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from scenarios.lab import load, run\n"
        "assert 'torch' not in sys.modules\n"
        "print('once')\n"
        "table = run('xor', methods=['ga', 'big=ga'], budget={'steps': 1}, settings={'big.population_size': 7}, jobs=2)\n"
        "print([row['done'] for row in table.rows], load('runs/xor/big/seed-0').champion([[0, 1], [1, 1]]).shape)\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "once\n[1, 1] torch.Size([2, 1])\n", done.stderr


def test_a_run_by_the_old_name_of_its_method_is_continued_loaded_and_compared(tmp_path):
    settings = {"ga-nsga2.population_size": 6}
    for steps, methods in ((1, ["ga-nsga2"]), (2, ["ga-nsga2=nsga2"]), (3, ["ga-nsga2"])):
        table = run(xor, methods, budget={"steps": steps}, settings=settings, runs=tmp_path)
        assert [(row["label"], row["done"]) for row in table.rows] == [("ga-nsga2", 1)]
    found = load(tmp_path / "xor/ga-nsga2/seed-0", scenario=xor)
    assert found.rows["step"].tolist() == [0, 1, 2]
    assert found.champion([[0.0, 1.0]]).shape == (1, 1)


def test_main_runs_a_scenario_with_the_arguments_of_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["xor.py", "--seeds", "x"])
    with pytest.raises(SystemExit) as caught:
        main("xor")
    assert caught.value.code == 2
    assert "seeds: expected" in capsys.readouterr().err


def test_public_names_exist_and_others_do_not():
    import scenarios.lab as lab

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(getattr(lab, name) for name in lab.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        lab.nothing  # noqa: B018
