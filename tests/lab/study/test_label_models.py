"""A label's own network: `--set big.model.hidden=[64, 64]`, over the table that all labels share."""

import json
import shutil
import tomllib

import numpy as np
import pytest
from lab_fakes import run_here, scenario

from scenarios.lab import ConfigError, load, run
from scenarios.lab.cli import flags, listing
from scenarios.lab.report import gather, tables
from scenarios.lab.report.comparison import compare
from scenarios.lab.store import store, tensors
from scenarios.lab.study import config
from scenarios.lab.study.spec import RunSpec
from scenarios.lab.study.trial import study

pytestmark = pytest.mark.usefixtures("no_pictures")

OTHERS = {"activation": "tanh", "arithmetic": "float32", "arithmetic_seed": 0, "gradient": "autograd"}  # settings of an MLP
BOTH = ("small=backprop", "big=backprop")
NET = """
import torch
from evo.settings import setting, settings

@settings
class NetSettings:
    width: int = setting(5, "units", low=1)

class Net(torch.nn.Sequential):
    settings = NetSettings

    def __init__(self, inputs, outputs, width):
        super().__init__(torch.nn.Linear(inputs, width), torch.nn.Tanh(), torch.nn.Linear(width, outputs))
"""


def chosen(*methods, sets=("big.model.hidden=[7, 7]",), **options):
    return study(**flags.chosen("xor", methods or BOTH, sets=list(sets), **options))


def problems(*methods, sets):
    with pytest.raises(ConfigError) as caught:
        chosen(*methods, sets=sets)
    return caught.value.problems


def hidden(spec):
    return [p.shape[0] for p in spec.build().task.network().parameters() if p.ndim == 2][:-1]


def weights(path):
    return {name: tensor.numpy() for name, tensor in tensors.read_champion(path / store.CHAMPION)[0].items()}


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path}/net.py:Net"


@pytest.fixture(scope="module")
def two(tmp_path_factory, no_pictures):
    """Two labels with different networks, run as one study."""
    return both(tmp_path_factory.mktemp("two"), 6)


def both(runs, steps, **settings):
    own = {"big.model.hidden": [7, 7], "run.checkpoint_seconds": 0.0, **settings}
    run_here(runs, "xor", BOTH, steps, settings=own)
    return runs / "xor"


def test_two_labels_have_networks_of_their_own(two):
    parameters = {label: load(two / label / "seed-0").result["champion"]["parameters"] for label in ("small", "big")}
    assert parameters == {"small": 2 * 4 + 4 + 4 + 1, "big": 2 * 7 + 7 + 7 * 7 + 7 + 7 + 1}


def test_they_equal_the_runs_made_separately_with_the_shared_key(two, tmp_path):
    for label, sets in (("small", {}), ("big", {"model.hidden": [7, 7]})):
        own = {"run.checkpoint_seconds": 0.0, **sets}
        run_here(tmp_path, "xor", [f"{label}=backprop"], 6, settings=own)
        ours, alone = two / label / "seed-0", tmp_path / "xor" / label / "seed-0"
        assert load(ours).rows["loss"].tolist() == load(alone).rows["loss"].tolist()
        for name, values in weights(alone).items():
            np.testing.assert_array_equal(weights(ours)[name], values)


def test_a_run_that_was_cut_goes_on_to_the_same_bytes(two, tmp_path):
    for steps in (3, 6):
        cut = both(tmp_path, steps)
    for label in ("small", "big"):
        assert load(cut / label / "seed-0").rows["loss"].tolist() == load(two / label / "seed-0").rows["loss"].tolist()
        assert (cut / label / "seed-0/champion.safetensors").read_bytes() == (
            two / label / "seed-0/champion.safetensors"
        ).read_bytes()


def test_the_configuration_on_disk_holds_it_and_that_of_another_label_does_not(two):
    big, small = (load(two / label / "seed-0") for label in ("big", "small"))
    assert big.config["learners"]["big"]["model"] == {"network": "mlp", "hidden": [7, 7], **OTHERS}
    assert "model" not in big.config
    assert "[learners.big.model]\n" in (two / "big/seed-0/config.toml").read_text()
    assert small.config["model"]["hidden"] == [4]
    assert "model" not in small.config["learners"]["small"]
    assert big.champion([[0.0, 1.0]]).shape == (1, 1)
    assert sum(p.numel() for p in big.task.network().parameters()) == big.result["champion"]["parameters"]


def test_a_warm_start_begins_with_the_labels_own_network(two, tmp_path):
    warm = both(tmp_path, 1, **{"big.start": str(two / "big"), "big.learning_rate": 1e-30})
    for name, values in weights(two / "big/seed-0").items():
        np.testing.assert_allclose(weights(warm / "big/seed-0")[name], values, atol=1e-6)
    with pytest.raises(ConfigError, match=r"small.start"):
        both(tmp_path / "not", 1, **{"small.start": str(two / "big")})


def test_a_configuration_without_one_is_what_it_was():
    (spec,) = chosen("ga", sets=[]).specs
    text = spec.toml()
    assert text.index("[model]") < text.index("[run]") < text.index("[learners.ga]")
    assert '[model]\nnetwork = "mlp"\nhidden = [4]\nactivation = "tanh"\n' in text
    assert text.count("model") == 1


def test_keys_are_laid_over_the_shared_table():
    small, big = chosen(sets=["model.activation=relu", "model.hidden=[3]", "big.model.hidden=[2, 2]"]).specs
    assert small.model == {"network": "mlp", "hidden": [3], **OTHERS, "activation": "relu"}
    assert big.model == {"network": "mlp", "hidden": [2, 2], **OTHERS, "activation": "relu"}
    assert (small.own_model, big.own_model) == (False, True)
    assert (hidden(small), hidden(big)) == ([3], [2, 2])


def test_another_network_starts_from_its_own_defaults(net):
    small, big = chosen(sets=[f"big.model.network={net}"]).specs
    assert big.model == {"network": net, "width": 5}
    assert hidden(big) == [5]
    assert small.model["network"] == "mlp"


def test_a_file_says_it_as_a_table(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'scenario = "xor"\n[learners.small]\nmethod = "ga"\n'
        '[learners.big]\nmethod = "ga"\n[learners.big.model]\nhidden = [64, 64]\n'
    )
    small, big = study(**flags.chosen(str(file))).specs
    assert (hidden(small), hidden(big)) == ([4], [64, 64])
    assert hidden(study(**flags.chosen(str(file), sets=["big.model.hidden=[2]"])).specs[1]) == [2]


def test_a_spec_survives_json_and_its_own_toml():
    for spec in chosen().specs:
        assert RunSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
        assert study(tomllib.loads(spec.toml())).specs == (spec,)
        assert spec.differences(spec.toml()) == []


def test_a_label_may_hold_dots():
    (spec,) = chosen("a.b=ga", sets=["a.b.model.hidden=[3]"]).specs
    assert '[learners."a.b".model]\n' in spec.toml()
    assert config.study(tomllib.loads(spec.toml())).specs == (spec,)


def test_what_is_shown_explains_every_key_and_runs_unchanged():
    made, text = chosen(), listing.commented(**flags.chosen("xor", BOTH, sets=["big.model.hidden=[7, 7]"]))
    lines = text.splitlines()
    assert "[learners.big.model]" in lines
    for number, line in enumerate(lines):
        if line and not line.startswith(("#", "[")):
            assert lines[number - 1].startswith("#"), line
    assert study(tomllib.loads(text)).specs == made.specs
    assert listing.commented(tomllib.loads(text), {}, []) == text


def test_another_network_forbids_continuing_and_is_named_as_the_command_line_does():
    (old,), (new,) = (chosen("big=backprop", sets=[f"big.model.hidden=[{n}]"]).specs for n in (3, 5))
    assert new.differences(old.toml()) == ["big.model.hidden: stored [3], now [5]"]
    shared = chosen("big=backprop", sets=["model.hidden=[3]"]).specs[0]
    assert shared.differences(old.toml()) == []  # the same network, asked for by the other key
    other = chosen("big=backprop", sets=["model.hidden=[9]", "model.activation=tanh", "big.model.hidden=[3]"]).specs[0]
    assert other.differences(old.toml()) == []  # what is shared made nothing of this run


def test_the_report_says_in_which_network_labels_differ(two):
    (found,) = compare(gather.find([], two.parent))
    head, rows = tables.settings(found)
    assert dict(zip(head, next(row for row in rows if row[0] == "model.hidden"))) == {
        "setting": "model.hidden",
        "small": "[4]",
        "big": "[7, 7]",
    }
    assert [row[0] for row in rows] == ["model.hidden"]


def test_seeds_of_a_label_that_differ_in_it_are_said(two, tmp_path):
    shutil.copytree(two / "big", tmp_path / "xor/big")
    shutil.copytree(two / "big/seed-0", tmp_path / "xor/big/seed-1")
    file = tmp_path / "xor/big/seed-1/config.toml"
    file.write_text(file.read_text().replace("hidden = [7, 7]", "hidden = [8]"))
    (found,) = compare(gather.find([], tmp_path))
    assert any(note.startswith("big:") and note.endswith(": big.model.hidden") for note in found.notes), found.notes


def test_a_file_of_ones_own_is_hashed(net, tmp_path):
    small, big = chosen(sets=[f"big.model.network={net}"]).specs
    assert (small.code.keys(), big.code.keys()) == (set(), {"net.py"})
    stored = big.toml()
    (tmp_path / "net.py").write_text(NET + "\n# edited\n")
    assert chosen(sets=[f"big.model.network={net}"]).specs[1].differences(stored) == ["net.py changed"]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["big.model.hiden=[3]"], "big.model.hiden: unknown key (did you mean 'hidden'?)"),
        (["big.model.hidden=[0]"], "big.model.hidden: expected a list of whole numbers >= 1; got 0"),
        (["big.model.network=mpl"], "unknown network 'mpl' (did you mean 'mlp'?)"),
        (["big.model=3"], "big.model: expected a table; got 3"),
        (["big.model=3", "big.model.hidden=[3]"], "big.model: expected a table; got 3"),
    ],
)
def test_a_mistake_is_one_clear_error(sets, message):
    (found,) = problems(sets=sets)
    assert found.startswith(message)


def test_a_table_that_is_not_there_is_told_with_the_closest():
    (found,) = problems(sets=["big.modl.hidden=[3]"])
    assert "(did you mean 'big.model'?)" in found


def test_mistakes_of_several_tables_are_in_one_message():
    found = problems(sets=["model.hiden=[3]", "big.model.hiden=[3]", "small.model.activation=reluu", "big.learning_rat=1"])
    assert [problem.partition(":")[0] for problem in found] == [
        "model.hiden",
        "small.model.activation",
        "big.learning_rat",
        "big.model.hiden",
    ]


def test_a_network_that_does_not_fit_is_told_by_its_label(tmp_path):
    (tmp_path / "nets.py").write_text(
        "import torch\ndef wide(inputs, outputs):\n    return torch.nn.Linear(inputs, outputs + 1)\n"
    )
    found = problems(sets=[f"big.model.network={tmp_path}/nets.py:wide"])
    assert found[0].startswith("big.model.network: expected outputs of shape (B, O) = (2, 1)")
    assert all(problem.startswith("big") for problem in found)


def test_a_network_that_fails_is_told_by_its_label_with_the_sizes_that_it_was_asked_for(tmp_path):
    (tmp_path / "nets.py").write_text(
        "import torch\n\ndef flat(inputs, outputs):\n    return torch.nn.Linear(inputs, outputs)\n"
    )
    with pytest.raises(ConfigError) as caught:
        study(**flags.chosen("digits", BOTH, sets=[f"big.model.network={tmp_path}/nets.py:flat"]))
    (found,) = caught.value.problems
    assert found.startswith("big.model.network: failed on inputs=(1, 8, 8), outputs=10: TypeError: ")
    assert found.endswith("; a picture's inputs are its shape (C, H, W)")


@pytest.mark.parametrize("method", ["linear", "svm", "knn", "forest", "gradient-boosting", "neat", "neat-modern"])
def test_a_method_without_a_network_refuses_one(method):
    (found,) = problems("ga", f"big={method}", sets=["big.model.hidden=[3]"])
    assert found.startswith("big.model: ")
    assert "network" in found


@pytest.mark.parametrize("method", ["ga", "deep-ga", "nsga2", "random-search", "backprop"])
def test_a_method_with_a_network_takes_one(method):
    assert [hidden(spec) for spec in chosen("linear", f"big={method}", sets=["big.model.hidden=[3]"]).specs] == [[4], [3]]


def test_a_scenario_without_a_network_has_none_for_a_label(tmp_path):
    with pytest.raises(ConfigError, match=r"ga\.model\.hidden: this scenario has no network to set"):
        run(scenario, ["ga"], budget={"steps": 1}, settings={"ga.model.hidden": [3]}, runs=tmp_path)
