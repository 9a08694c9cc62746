"""One document becomes one Study, or one message with every mistake."""

import dataclasses
import json
import re
import tomllib

import numpy as np
import pytest

from evo.settings import SYNONYMS, describe
from evo.tasks.metrics import METRICS
from scenarios import METHODS, NETWORKS
from scenarios.lab.cli import flags, listing
from scenarios.lab.study import config, resolve
from scenarios.lab.study.config import KEYS, BudgetSettings
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.spec import RunSpec
from scenarios.lab.study.trial import study

# What stands in a configuration of xor.
MODEL = {"network": "mlp", "hidden": [4], "activation": "tanh", "arithmetic": "float32", "arithmetic_seed": 0}
MODEL |= {"gradient": "autograd"}


def chosen(*methods, **options):
    return study(**flags.chosen("xor", methods or ("ga",), **options))


def problems(*arguments, by=study, **options):
    typed = lambda *words, **more: study(**flags.chosen(*words, **more))
    with pytest.raises(ConfigError) as caught:
        (typed if arguments and isinstance(arguments[0], str) else by)(*arguments, **options)
    return caught.value.problems


def test_every_mistake_of_a_file_is_in_one_message_with_the_closest_match(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text(
        'scenario = "xor"\nseed = 3\nseeds = -1\ndevice = "gpu"\n'
        "[budget]\nevalutions = 5\nsteps = 0\n"
        '[task]\nfitnes = 1\nstop = "budge"\n'
        "[model]\nhiden = [3]\nhidden = [0]\n"
        '[run]\nhistory = 1\n[learners.ga]\npopulaton_size = 3\nelites = "many"\nselection = "ranks"\n'
        '[learners.task]\nmethod = "ga"\n[learners.b]\nmethod = "bakprop"\n'
    )
    found = problems(str(file), sets=["gaa.elites=1"], budget=[])
    for word in (
        "seed: unknown key (did you mean 'seeds'?)",
        "seeds: expected a count of 1 to 100000",
        "device: expected auto, cpu, cuda; got 'gpu' (did you mean 'cpu'?)",
        "budget.evalutions: unknown key (did you mean 'evaluations'?)",
        "budget.steps: expected a whole number > 0 or none; got 0",
        "task.fitnes: unknown key (did you mean 'fitness'?)",
        "task.stop: expected one of solved, budget; got 'budge' (did you mean 'budget'?)",
        "model.hiden: unknown key (did you mean 'hidden'?)",
        "model.hidden: expected a list of whole numbers >= 1; got 0",
        "run.history: expected one of none, champions, all; got 1",
        "ga.populaton_size: unknown key (did you mean 'population_size'?)",
        "ga.elites: expected a whole number >= 0 and < population_size; got 'many'",
        "ga.selection: expected one of tournament, truncation, rank; got 'ranks' (did you mean 'rank'?)",
        "label 'task' is reserved",
        "unknown method 'bakprop' (did you mean 'backprop'?)",
        "gaa.elites: no label or table 'gaa' (did you mean 'ga'?)",
    ):
        assert any(word in problem for problem in found), (word, found)
    assert len(found) == 16
    assert all("\n" not in problem for problem in found)


def test_one_mistake_is_one_line_and_several_are_counted():
    assert "\n" not in str(ConfigError(["a"]))
    assert str(ConfigError(["a", "b", "a"])) == "2 mistakes:\n  a\n  b"


def test_contradictions_of_settings_are_mistakes():
    assert "ga.elites: expected < population_size, 2; got 2" in problems("xor", ["ga"], sets=["ga.population_size=2"])


def test_method_that_does_not_fit_says_why_beside_other_mistakes():
    found = problems("cartpole", ["backprop", "ga"], sets=["ga.elites=-1"])
    assert any("backprop: the method does not support this task: it needs examples" in problem for problem in found)
    assert any(problem.startswith("ga.elites") for problem in found)


def test_network_that_does_not_fit_the_task_is_told_before_the_start():
    assert "needs images" in problems("xor", ["ga"], sets=["model.network=cnn"])[0]


def test_mistake_that_only_the_learner_can_see_is_told_before_the_start():
    found = problems("xor", ["backprop"], sets=["model.hidden=[]", "backprop.dropout=0.5"])
    assert len(found) == 1
    assert found[0].startswith("backprop.dropout")


def test_task_that_needs_a_download_is_left_alone_while_there_are_mistakes(monkeypatch, tmp_path):
    monkeypatch.setenv("EVO_DATA", str(tmp_path))
    assert problems("mnist", ["ga"], seeds="x") == problems("xor", ["ga"], seeds="x")
    assert problems("mnist", ["gaa"]) == problems("xor", ["gaa"])
    assert "EVO_DATA" in problems("mnist", ["ga"])[0]


@pytest.mark.parametrize(
    "where", ["[budget\n", "x" * 5, "a = " + "[" * 3000, "budget = 3\n", "scenario = [1]\n", "learners = [1]\n"]
)
def test_file_that_is_no_configuration_is_one_clean_error(tmp_path, where):
    file = tmp_path / "file.toml"
    file.write_text(where)
    assert problems(str(file))


def test_missing_file_and_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "this.toml").write_bytes(b"\xff\xfe")
    assert "is not a TOML file" in problems(str(tmp_path / "this.toml"))[0]
    assert "did you mean 'this.toml'" in problems(str(tmp_path / "that.toml"))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        ("1e-3", 1e-3),
        ("[3, 4]", [3, 4]),
        ("true", True),
        ('"3"', "3"),
        ("{a = 1}", {"a": 1}),
        ("cnn", "cnn"),
        ("", ""),
        ("[3", "[3"),
        ("[fitness,connection_cost]", ["fitness", "connection_cost"]),
        ("[sin, random-search]", ["sin", "random-search"]),
        ("[]", []),
        ("[a b]", "[a b]"),
        ("[a,]", "[a,]"),
        ("1979-05-27", "1979-05-27"),
        ("1\nother = 2", "1\nother = 2"),
        ("a=b", "a=b"),
        ("[" * 5000, "[" * 5000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_value_of_a_flag_is_toml_or_else_text(text, expected):
    assert flags.value(text) == expected


def test_flags_that_are_no_pairs_or_come_twice_are_mistakes():
    found = problems("xor", ["ga"], budget=["steps", "=3"], sets=["ga.elites=1", "ga.elites=2", "elites=3"])
    assert "--budget steps: expected AXIS=LIMIT" in found
    assert "--budget =3: expected AXIS=LIMIT" in found
    assert "--set ga.elites: given twice" in found
    assert any(problem.startswith("elites: expected LABEL.key") for problem in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *[(3, [0, 1, 2]), ("3", [0, 1, 2]), ("7,", [7]), ("3,5", [3, 5]), (" 5, 3 ,", [5, 3]), ([4], [4]), (range(2), [0, 1])],
        *[(np.int64(2), [0, 1]), (np.arange(2), [0, 1])],
    ],
)
def test_seeds_are_a_count_or_a_list(given, expected):
    document = {"scenario": "xor", "seeds": given, "learners": {"ga": {}}}
    assert [spec.seed for spec in config.study(document).specs] == expected


@pytest.mark.parametrize(
    "given", [0, -1, "0", "", ",", "a", "1.5", "-1,", "3,3", [], [-1], [2**32], [True], True, 1.5, None, 10**9, "٣", {"a": 1}]
)
def test_seeds_that_are_none_are_refused(given):
    document = {"scenario": "xor", "seeds": given, "learners": {"ga": {}}}
    assert [problem for problem in problems(document, by=config.study) if problem.startswith("seeds:")]


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "many", float("inf"), float("nan"), [1], 10**400, 1e300])
def test_budget_that_is_not_positive_or_not_whole_is_refused(limit):
    document = {"scenario": "xor", "budget": {"evaluations": limit}, "learners": {"ga": {}}}
    assert problems(document, by=config.study)[0].startswith("budget.evaluations: expected a whole number > 0")


def test_budget_of_flags_takes_the_place_of_the_scenarios_own():
    assert chosen().specs[0].budget == {"evaluations": 45_000}
    spec = chosen(budget=["steps=5", "compute=2e5"]).specs[0]
    assert spec.budget == {"compute": 2e5, "steps": 5}
    assert isinstance(spec.budget["steps"], int)


def test_study_is_ordered_by_label_and_then_by_seed():
    found = [(spec.label, spec.seed) for spec in chosen("b=ga", "a=ga", seeds="2").specs]
    assert found == [("b", 0), ("b", 1), ("a", 0), ("a", 1)]


def test_without_methods_the_scenarios_default_methods_run():
    from scenarios.xor import scenario

    assert tuple(dict.fromkeys(spec.method for spec in study(**flags.chosen("xor")).specs)) == scenario.methods


def test_two_configurations_of_one_method_stand_side_by_side():
    specs = chosen("ga", "big=ga", sets=["big.population_size=300"]).specs
    assert [(spec.label, spec.method, spec.settings["population_size"]) for spec in specs] == [
        ("ga", "ga", specs[0].settings["population_size"]),
        ("big", "ga", 300),
    ]
    assert specs[0].settings["population_size"] != 300


def test_flags_are_laid_over_a_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'scenario = "xor"\nseeds = [4]\n[budget]\nsteps = 9\n[task]\nfitness = "accuracy"\n'
        '[learners.big]\nmethod = "ga"\npopulation_size = 300\n[learners.backprop]\nbatch_size = 2\n'
    )
    plain = study(**flags.chosen(str(file))).specs
    assert [(spec.label, spec.seed, spec.budget, spec.task["fitness"]) for spec in plain] == [
        ("big", 4, {"steps": 9}, "accuracy"),
        ("backprop", 4, {"steps": 9}, "accuracy"),
    ]
    sets = ["big.elites=7", "task.fitness=cross_entropy"]
    both = study(**flags.chosen(str(file), ["big", "knn"], "1", ["samples=50"], sets)).specs
    assert [(spec.label, spec.method, spec.seed, spec.budget) for spec in both] == [
        ("big", "ga", 0, {"samples": 50}),
        ("knn", "knn", 0, {"samples": 50}),
    ]
    assert both[0].settings["population_size"] == 300
    assert both[0].settings["elites"] == 7
    assert both[0].task["fitness"] == "cross_entropy"


def test_another_network_does_not_inherit_the_scenarios_settings_of_its_own(tmp_path):
    (tmp_path / "net.py").write_text("import torch\nclass Net(torch.nn.Linear): pass\n")
    assert chosen(sets=["model.activation=relu"]).specs[0].model == MODEL | {"activation": "relu"}
    name = f"{tmp_path}/net.py:Net"
    spec = chosen(sets=[f"model.network={name}"]).specs[0]
    assert spec.model == {"network": name}
    assert sum(p.numel() for p in spec.build().task.network().parameters()) == 3
    assert "declares no settings" in problems("xor", ["ga"], sets=[f"model.network={name}", "model.hidden=[4]"])[0]


def test_build_gives_the_settings_that_were_asked_for():
    built = chosen(sets=["ga.population_size=12", "model.hidden=[2, 3]"]).specs[0].build()
    assert built.settings.population_size == 12
    assert [p.shape[0] for p in built.task.network().parameters() if p.ndim == 2] == [2, 3, 1]


def test_spec_survives_json_and_its_own_toml():
    for spec in chosen("ga", "backprop", seeds="3,5", sets=["backprop.optimizer_options={eps = 1e-7}"]).specs:
        assert RunSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
        (again,) = study(tomllib.loads(spec.toml()), command=spec.command).specs
        assert again == spec
        assert spec.differences(spec.toml()) == []


@pytest.mark.parametrize(
    ("method", "scenario", "preset"),
    [
        ("neat", "wine", "tables"),
        ("neat-modern", "wine", "tables"),
        ("neat", "xor", None),
        ("hyperneat", "visual_discrimination", "hyperneat"),
    ],
)
def test_a_stored_configuration_holds_the_values_of_the_preset_in_force(method, scenario, preset):
    """So that a run is not continued with a preset whose values have changed."""
    (spec,) = study(**flags.chosen(scenario, [method])).specs
    given = spec.build().settings
    assert (spec.settings["preset"], given.filled()) == (preset, given)
    (same,) = study(tomllib.loads(spec.toml())).specs
    assert (same.settings, same.differences(spec.toml())) == (spec.settings, [])
    other = re.sub(r"(?m)^population_size = .*", "population_size = 7", spec.toml())
    size = spec.settings["population_size"]
    assert spec.differences(other) == [f"{method}.population_size: stored 7, now {size}"]


def test_a_run_that_was_stored_without_the_values_of_its_preset_is_refused_in_one_line():
    (spec,) = study(**flags.chosen("wine", ["neat"])).specs
    head, table, own = spec.toml().partition("[learners.neat]")
    before = head + table + re.sub(r"(?m)^(?!method)(\w+) = .*", r'\1 = "none"', own)
    (line,) = spec.differences(before)
    said = r"neat\.preset, neat\.\w+, neat\.\w+ and \d+ more: stored nothing, so what the run had is not known"
    assert re.fullmatch(said, line)


@pytest.mark.parametrize("scenario", ["xor", "digits", "cartpole"])
def test_shown_configuration_runs_unchanged_and_explains_every_key(scenario):
    asked = flags.chosen(scenario, seeds="3,4", budget=["steps=3", "seconds=4.5"])
    made, text = study(**asked), listing.commented(**asked)
    assert study(tomllib.loads(text)).specs == made.specs
    assert listing.commented(tomllib.loads(text), {}, []) == text
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith(("#", "[")):
            assert lines[number - 1].startswith("#"), line
    assert re.search(
        r"# individuals a generation, .*: a whole number >= 2; default \d+; evo tune searches 50, 100, 200, 400\n", text
    )
    assert max(map(len, listing.narrowed(text, None).splitlines())) <= 128


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"budget": {"evaluations": 90_000}}, []),
        ({"budget": {}}, []),
        ({"run": {"history": "all", "threads": 2, "checkpoint_seconds": 1.0}}, []),
        ({"command": "another"}, []),
        ({"budget": {"evaluations": 500}}, ["budget.evaluations: stored 45000, now 500"]),
        ({"budget": {"evaluations": 45_000, "steps": 5}}, ["budget.steps: stored nothing, now 5"]),
        ({"device": "cuda"}, ["device: stored cpu, now cuda"]),
        ({"method": "random-search"}, ["ga.method: stored ga, now random-search"]),
        ({"task": {"fitness": "accuracy", "stop": "solved"}}, ["task.fitness: stored closeness, now accuracy"]),
        ({"model": MODEL | {"hidden": [5]}}, ["model.hidden: stored [4], now [5]"]),
    ],
)
def test_only_what_changes_the_run_forbids_continuing(change, expected):
    spec = chosen().specs[0]
    assert dataclasses.replace(spec, **change).differences(spec.toml()) == expected


def test_a_method_that_was_renamed_is_the_same_configuration_and_keeps_its_name_on_disk():
    (old,), (new,) = chosen("ga-nsga2").specs, chosen("ga-nsga2=nsga2").specs
    assert (old.label, new.label) == ("ga-nsga2", "ga-nsga2")
    assert "[learners.ga-nsga2]\n" in old.toml()
    assert 'method = "ga-nsga2"\n' in old.toml()
    assert new.differences(old.toml()) == old.differences(new.toml()) == []
    assert new.differences(old.toml().replace('"ga-nsga2"', '"ga"')) == ["ga-nsga2.method: stored ga, now nsga2"]


def test_difference_names_a_setting_as_the_command_line_does():
    (old,), (new,) = chosen(sets=["ga.population_size=100"]).specs, chosen(sets=["ga.population_size=50"]).specs
    assert new.differences(old.toml()) == ["ga.population_size: stored 100, now 50"]


@pytest.mark.parametrize("text", ["[", "learners = 3", "learners = {ga = 3}", "task = 1", "\x00"])
def test_damaged_stored_configuration_is_a_difference_and_no_exception(text):
    assert chosen().specs[0].differences(text)


def test_object_is_named_as_what_no_file_can_hold():
    from evo.search.ga import GA

    spec = study({"scenario": "xor", "learners": {"mine": {"method": GA}}}).specs[0]
    assert tomllib.loads(spec.toml())["learners"]["mine"]["method"] == "python:mine"
    assert "was a Python object" in problems(tomllib.loads(spec.toml()))[0]
    assert spec.build().method.settings is GA.settings


def test_wrong_key_of_the_model_may_mean_the_network():
    (found,) = problems("xor", ["ga"], sets=["model.netwrk=cnn"])
    assert found == "model.netwrk: unknown key (did you mean 'network'?)"


@pytest.mark.parametrize("scenario", ["xor", "cartpole"])
def test_network_of_the_wrong_output_shape_is_told_before_the_start(tmp_path, scenario):
    (tmp_path / "nets.py").write_text(
        "import torch\ndef wide(inputs, outputs):\n    return torch.nn.Linear(inputs, outputs + 1)\n"
    )
    found = problems(scenario, ["ga"], sets=[f"model.network={tmp_path}/nets.py:wide"])
    assert any(problem.startswith("model.network: expected outputs of shape (B, O) = (2, ") for problem in found)


MINE = """
from scenarios.xor import scenario
from evo import GA

POWER = {power}
"""


def test_an_edited_file_of_ones_own_is_another_configuration(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE.format(power=1))
    asked = lambda: study({"scenario": f"{file}:scenario", "learners": {"own": {"method": f"{file}:GA"}, "ga": {}}})
    own, registered = asked().specs
    parts = {"mine.py", "task", "task.splits.train.x", "task.splits.train.y"}
    assert own.code.keys() == registered.code.keys() == parts
    stored = own.toml()
    assert tomllib.loads(stored)["code"] == own.code
    assert RunSpec.from_json(json.loads(json.dumps(own.to_json()))) == own
    assert asked().specs[0].differences(stored) == []
    file.write_text(MINE.format(power=2))
    assert asked().specs[0].differences(stored) == ["mine.py changed"]
    assert study(tomllib.loads(stored)).specs[0] == asked().specs[0]  # what a file says of its code is not believed


def test_what_is_in_the_registries_has_no_code_of_its_own():
    spec = chosen("ga").specs[0]
    assert spec.code == {}
    assert "code" not in spec.document()


def test_names_of_other_libraries_are_understood():
    expected = {
        "ga.popsize": "did you mean 'population_size'?",
        "ga.mutpb": "did you mean 'mutation_rate'?",
        "ga.cxpb": "did you mean 'crossover_rate'?",
        "ga.sigma": "did you mean 'mutation_std'?",
        "ga.tournsize": "did you mean 'tournament_size'?",
        "ga.ngen": "budget.steps limits generations and epochs",
        "ga.random_state": "--seeds sets the seeds",
        "neat.pop_size": "did you mean 'population_size'?",
        "neat.fitness_threshold": "task.solved, where the task has it, sets the value at which it is solved",
        "neat.max_stagnation": "did you mean 'stagnation'?",
        "neat.compatibility_threshold": "did you mean 'threshold'?",
        "neat.node_add_prob": "did you mean 'add_node'?",
        "neat.conn_add_prob": "did you mean 'add_link'?",
        "neat.elitism": "did you mean 'champion_above'?",
        "neat.survival_threshold": "did you mean 'survival'?",
        "backprop.lr": "did you mean 'learning_rate'?",
        "backprop.epochs": "budget.steps limits generations and epochs",
        "backprop.max_iter": "budget.steps limits generations and epochs",
        "backprop.hidden_layer_sizes": "model.hidden sets the hidden layers",
        "backprop.n_estimators": "the method sklearn:Name has the estimator's own settings",
        "model.hidden_layer_sizes": "did you mean 'hidden'?",
    }
    found = problems("digits", ["ga", "neat", "backprop"], sets=[f"{key}=1" for key in expected])
    assert sorted(found) == sorted(f"{key}: unknown key ({said})" for key, said in expected.items())


def test_every_synonym_names_a_setting_or_a_choice_that_there_is():
    classes = [resolve.method(name).settings for name in METHODS if not name.endswith(":")]
    classes += [resolve.network(name).settings for name in NETWORKS] + [BudgetSettings]
    declared = [one for cls in classes for one in describe(cls)]
    known = (
        {name for names in METRICS.values() for name in names}
        | {one.name for one in declared}
        | {choice for one in declared for choice in one.choices or ()}
        | {*KEYS}
    )
    assert {target for targets in SYNONYMS.values() for target in targets} <= known


def test_title_says_the_metric_in_force():
    asked = {"scenario": "wine", "learners": {"ga": {}}}
    assert config.study(asked).title.endswith("; metric: accuracy")
    assert config.study(asked, {"task.metric": "macro_f1"}).title.endswith("; metric: macro_f1")
