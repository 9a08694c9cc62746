"""A warm start begins from another run's champion, and from that one only."""

import shutil

import numpy as np
import pytest
from lab_fakes import run_here

from scenarios.lab import ConfigError, load, run
from scenarios.lab.store import store, tensors
from scenarios.lab.study import warm_start
from scenarios.xor import scenario

pytestmark = pytest.mark.usefixtures("no_pictures")

FEW = {"ga.population_size": 10, "model.hidden": [3]}


@pytest.fixture(scope="module")
def before(tmp_path_factory, no_pictures):
    """Runs of backprop on two seeds, and of a linear model, from which others begin."""
    runs = tmp_path_factory.mktemp("before")
    run_here(runs, "xor", ["backprop"], steps=30, seeds=2, settings={"model.hidden": [3]})
    run_here(runs, "breast_cancer", ["linear"], steps=1)
    return runs


def begun(before, runs, begins="xor/backprop", method="ga", steps=1, seeds=2, **settings):
    chosen = {f"{method}.start": str(before / begins), "model.hidden": [3], "run.checkpoint_seconds": 0.0, **settings}
    if method == "ga":
        chosen["ga.population_size"] = 10
    # The scenario as an object: it runs in this process, which has imported torch.
    return run(scenario, [method], seeds=seeds, budget={"steps": steps}, settings=chosen, runs=runs)


def weights(path):
    return {name: tensor.numpy() for name, tensor in tensors.read_champion(path / store.CHAMPION)[0].items()}


def test_evolution_holds_the_trained_weights_in_its_first_population(before, tmp_path):
    begun(before, tmp_path)
    for seed in (0, 1):
        trained = load(before / f"xor/backprop/seed-{seed}")
        evolved = load(tmp_path / f"xor/ga/seed-{seed}")
        assert evolved.rows["fitness_best"][0] >= trained.result["validation"]["fitness"] - 1e-7


def test_each_seed_begins_from_its_own_or_all_from_one(before, tmp_path):
    for begins, files in (("xor/backprop", [0, 1]), ("xor/backprop/seed-1", [1, 1])):
        runs = tmp_path / begins.replace("/", "-")
        begun(before, runs, begins, method="backprop", **{"backprop.learning_rate": 1e-30})
        for seed, source in enumerate(files):
            trained, ours = weights(before / f"xor/backprop/seed-{source}"), weights(runs / f"xor/backprop/seed-{seed}")
            for name, values in trained.items():
                np.testing.assert_allclose(ours[name], values, atol=1e-6)


def test_backprop_goes_on_from_an_evolved_champion(before, tmp_path):
    run_here(tmp_path / "ga", "xor", ["ga"], steps=3, settings=FEW)
    begun(tmp_path / "ga", tmp_path / "fine", "xor/ga", method="backprop", steps=20, seeds=1)
    evolved, fine = load(tmp_path / "ga/xor/ga/seed-0"), load(tmp_path / "fine/xor/backprop/seed-0")
    assert fine.result["validation"]["fitness"] > evolved.result["validation"]["fitness"]


def test_a_run_that_was_cut_never_asks_for_its_beginning_again(before, tmp_path):
    shutil.copytree(before, tmp_path / "before")
    for steps in (2, 4):
        begun(tmp_path / "before", tmp_path / "cut", steps=steps)
    begun(tmp_path / "before", tmp_path / "whole", steps=4)
    for seed in (0, 1):
        cut, whole = (load(tmp_path / name / f"xor/ga/seed-{seed}") for name in ("cut", "whole"))
        np.testing.assert_array_equal(cut.rows["fitness_best"], whole.rows["fitness_best"])


def test_a_beginning_that_changed_is_another_configuration(before, tmp_path):
    shutil.copytree(before, tmp_path / "before")
    begun(tmp_path / "before", tmp_path / "runs", seeds=1)
    shutil.copy(before / "xor/backprop/seed-1/champion.safetensors", tmp_path / "before/xor/backprop/seed-0")
    with pytest.raises(ConfigError, match=r"other settings: ga\.start_sha256"):
        begun(tmp_path / "before", tmp_path / "runs", seeds=1, steps=3)
    assert load(tmp_path / "runs/xor/ga/seed-0").result["steps"] == 1


def test_the_stored_configuration_runs_it_again_and_knows_its_beginning(before, tmp_path):
    begun(before, tmp_path, seeds=1)
    stored = load(tmp_path / "xor/ga/seed-0").config["learners"]["ga"]
    assert stored["start"] == str(before / "xor/backprop")
    assert stored["start_sha256"] == warm_start.digest(stored["start"], 0)
    with pytest.raises(ConfigError, match="has changed"):
        run("xor", ["ga"], budget={"steps": 1}, settings={**FEW, "ga.start": stored["start"], "ga.start_sha256": "0" * 64})


@pytest.mark.parametrize(
    ("begins", "method", "said"),
    [
        ("nowhere", "ga", "has a champion; .*nowhere.* has none"),
        ("xor/backprop", "random-search", "does not support a warm start"),
        ("breast_cancer/linear/seed-0", "ga", "these weights do not fit the network"),
        ("xor/backprop", "linear", "does not support"),
    ],
)
def test_what_cannot_begin_so_is_one_clear_mistake_before_anything_starts(before, tmp_path, begins, method, said):
    with pytest.raises(ConfigError, match=said):
        run("xor", [method], budget={"steps": 1}, settings={f"{method}.start": str(before / begins)}, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_weights_of_another_shape_are_refused_with_both_shapes(before, tmp_path):
    with pytest.raises(ConfigError, match="3"):
        begun(before, tmp_path / "runs", **{"model.hidden": [5]})
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("given", [3, "", [1]])
def test_a_start_that_is_no_path_is_refused(given):
    with pytest.raises(warm_start.BadStart, match="expected a run folder"):
        warm_start.folder(given, 0)
