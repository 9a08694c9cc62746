import json
import os
import subprocess
import sys
from collections import OrderedDict

import gymnasium
import numpy as np
import onnxruntime
import pytest
import torch
from gymnasium import spaces
from random_graphs import random_genome
from safetensors.torch import load_file
from torch import nn

from evo.activations import CODES
from evo.genomes.genome import Genomes
from evo.interop import export as exporting
from evo.interop.export import ExportError, export
from evo.neat.neat import NEAT
from evo.network.model import NetworkModel
from evo.tasks.control import ControlTask
from evo.tasks.normalization import NormalizedModel
from evo.tasks.supervised import SupervisedTask
from evo.tasks.targets import split
from evo.vectors.models import TorchModel, VectorModel
from evo.vectors.modules import CNN, MLP

MADE = {
    "mlp": lambda: (TorchModel(MLP(5, 3, hidden=[7, 4], activation="tanh")), 5),
    "cnn": lambda: (TorchModel(CNN((1, 8, 8), 10, channels=[3, 4], hidden=[6])), 64),
    "probability": lambda: (TorchModel(nn.Sequential(MLP(4, 1, hidden=[6]), nn.Sigmoid())), 4),
    "normalised": lambda: (
        NormalizedModel(TorchModel(MLP(3, 2, hidden=[5])), torch.tensor([1.0, -2, 30]), torch.tensor([2.0, 0.1, 9])),
        3,
    ),
}


def rows(count, inputs):
    return torch.from_numpy(np.random.default_rng(count).normal(size=(count, inputs)).astype(np.float32))


@pytest.mark.parametrize("name", MADE)
def test_onnx_gives_the_same_outputs_for_any_number_of_rows(name, tmp_path):
    model, inputs = MADE[name]()
    session = onnxruntime.InferenceSession(export(model, tmp_path / "x.onnx", inputs))
    assert [one.name for one in session.get_inputs() + session.get_outputs()] == ["inputs", "outputs"]
    for count in (1, 17):
        x = rows(count, inputs)
        np.testing.assert_allclose(session.run(None, {"inputs": x.numpy()})[0], model(x), atol=1e-5)
    if name == "probability":
        assert ((session.run(None, {"inputs": 99 * x.numpy()})[0] - 0.5) <= 0.5).all()


@pytest.mark.parametrize("run", [{}, dict(recurrent=True, ticks=3, fresh=True, unconnected=True)])
def test_onnx_of_a_network_of_genes_gives_its_outputs(run, tmp_path):
    genome = random_genome(7, bool(run), (CODES["tanh"], CODES["sigmoid"]), (0, 2))
    model = NetworkModel(Genomes.of([genome]), **run)
    assert model.hidden > 2
    mean, std = torch.ones(genome.inputs), torch.full((genome.inputs,), 2.0)
    for one in (model, NormalizedModel(model, mean, std)):
        session = onnxruntime.InferenceSession(export(one, tmp_path / "x.onnx", genome.inputs))
        for count in (1, 17):
            x = rows(count, genome.inputs)
            np.testing.assert_allclose(session.run(None, {"inputs": x.numpy()})[0], one(x), atol=1e-5)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_tensors_are_those_of_the_module_and_load_into_a_fresh_one(name, ending, tmp_path):
    model, inputs = MADE[name]()
    path = export(model, tmp_path / f"x{ending}", inputs)
    tensors = torch.load(path, weights_only=True) if ending == ".pt" else load_file(path)
    fresh, _ = MADE[name]()
    module = fresh.to_module()
    module.load_state_dict(tensors)
    for count in (1, 17):
        torch.testing.assert_close(module(rows(count, inputs)), model(rows(count, inputs)), atol=1e-5, rtol=0)


def test_an_mlp_is_rebuilt_from_its_documented_keys_without_this_library(tmp_path):
    mlp, probability, normalised = (MADE[name]() for name in ("mlp", "probability", "normalised"))
    for name, (model, inputs) in (("mlp", mlp), ("probability", probability), ("normalised", normalised)):
        export(model, tmp_path / f"{name}.pt", inputs)
        torch.save((rows(17, inputs), model(rows(17, inputs))), tmp_path / f"{name}.expected")
    code = """if True:
        import sys, torch
        from torch import nn
        sys.path[:] = [place for place in sys.path if place]

        def linears(tensors, prefix, *between):
            weights = [key for key in tensors if key.startswith(prefix + "layers.") and key.endswith("weight")]
            layers = []
            for key in weights:
                layers += [nn.Linear(*reversed(tensors[key].shape)), nn.Tanh()]
            network = nn.Sequential(*layers[:-1])
            network.load_state_dict({key[len(prefix + "layers."):]: tensors[key] for key in tensors if "layers." in key})
            return network

        for name in ("mlp", "probability", "normalised"):
            tensors = torch.load(f"{sys.argv[1]}/{name}.pt", weights_only=True)
            x, expected = torch.load(f"{sys.argv[1]}/{name}.expected", weights_only=True)
            if name == "normalised":
                x = (x - tensors["0.mean"]) / tensors["0.std"]
            outputs = linears(tensors, {"mlp": "", "probability": "0.", "normalised": "1."}[name])(x)
            if name == "probability":
                outputs = outputs.sigmoid()
            assert (outputs - expected).abs().max() <= 1e-5, name
        assert "evo" not in sys.modules
        print("same")
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("same\n", "")


def frame(target):
    numbers = np.random.default_rng(0).normal(size=(3, 200))
    numbers[1, 3] = np.nan
    names = [f"town {k % 40}" if k % 7 else "" for k in range(200)]  # more than have an input of their own
    answers = [["né", "01", "1"][k % 3] for k in range(200)] if target == "words" else 1e6 + 3 * numbers[2]
    return {"far": 1.7e9 + 9 * numbers[0], "gaps": numbers[1], "town": names, "side": ["left", "right"] * 100, "y": answers}


@pytest.mark.parametrize("target", ["words", "numbers"])
def test_a_table_model_reads_the_tables_values_and_answers_in_its_words_or_units(target, tmp_path):
    rows = frame(target)
    task = SupervisedTask.from_table(rows, "y")
    model = TorchModel(task.network())
    session = onnxruntime.InferenceSession(export(model, tmp_path / "x.onnx", task, {"seed": "7"}))
    about = session.get_modelmeta().custom_metadata_map
    columns = json.loads(about["columns"])
    assert [one["name"] for one in columns] == ["far", "gaps", "town", "side"]
    numbers, words = ([rows[one["name"]] for one in columns if ("mean" in one) == number] for number in (True, False))
    answers = session.run(None, {"inputs": np.array(numbers).T, "categories": np.array(words, object).T})
    said = task.predictions(model, task.columns.encode({name: rows[name] for name in rows if name != "y"}))
    assert about["seed"] == "7"
    if target == "numbers":
        assert [one.name for one in session.get_outputs()] == ["outputs"]
        np.testing.assert_allclose(answers[0], [row["outputs"] for row in said], rtol=1e-9)
        assert json.loads(about["units"])["mean"] == [pytest.approx(1e6, rel=1e-5)]
        return
    assert [one.name for one in session.get_outputs()] == ["probabilities", "label"]
    assert json.loads(about["classes"]) == ["01", "1", "né"]
    assert answers[1].tolist() == [row["predicted"] for row in said]
    np.testing.assert_allclose(answers[0].max(1), [row["confidence"] for row in said], rtol=1e-5)


def test_a_word_has_the_input_that_it_has_in_a_table_and_an_unknown_one_is_refused(tmp_path):
    side = [["left", "right"][k % 2] for k in range(200)]
    side[split(np.arange(200) % 2)[2][0]] = "both"  # in a row of the test split
    table = {"town": frame("words")["town"], "side": side, "y": ["no", "yes"] * 100}
    task = SupervisedTask.from_table(table, "y")
    assert "both" not in task.columns.categories[1].values
    model = TorchModel(task.network())
    session = onnxruntime.InferenceSession(export(model, tmp_path / "x.onnx", task))
    assert [(one.name, one.type, one.shape) for one in session.get_inputs()] == [("categories", "tensor(string)", ["batch", 2])]
    rows = {"town": ["town 1", "", "Nowhere", "town 39", "town 3"], "side": ["left", "right", "left", "both", ""]}
    said = task.predictions(model, task.columns.encode(rows))
    answers = session.run(None, {"categories": np.array([rows["town"], rows["side"]], object).T})
    assert answers[1].tolist() == [row["predicted"] for row in said]
    np.testing.assert_allclose(answers[0].max(1), [row["confidence"] for row in said], rtol=1e-6)
    with pytest.raises(ValueError, match="column 'side': unknown value 'up'"):
        task.columns.encode({"town": ["town 1"], "side": ["up"]})
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, match="out of data bounds"):
        session.run(None, {"categories": np.array([["town 1", "up"]], object)})


BOX = spaces.Box(np.array([[-2.0, 0.0]], np.float32), np.array([[2.0, 10.0]], np.float32))


class World(gymnasium.Env):
    observation_space = spaces.Box(-1, 1, (3,), np.float32)

    def __init__(self, space):
        self.action_space = space


@pytest.mark.parametrize(("space", "evolved"), [(spaces.Discrete(3, start=-1), False), (BOX, True)])
def test_a_policy_reads_observations_and_answers_with_actions(space, evolved, tmp_path):
    task = ControlTask(lambda: World(space), network=MLP)
    neat = NEAT(3, task.outputs, population_size=1, output_activation="tanh")
    model = NetworkModel(neat.ask()) if evolved else TorchModel(task.network())
    model = NormalizedModel(model, torch.tensor([1.0, -2, 0.3]), torch.tensor([2.0, 0.1, 0.9]))
    session = onnxruntime.InferenceSession(export(model, tmp_path / "x.onnx", task))
    seen = rows(40, 3)
    ranges = None if model.output_range is None else model.output_range[0]
    expected = np.stack([task._act(outputs, ranges) for outputs in torch.as_tensor(model(seen)).tolist()])
    assert session.get_outputs()[0].name == "actions"
    actions = session.run(None, {"inputs": seen.numpy()})[0]
    assert (actions.shape, actions.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(actions, expected, atol=1e-4)


def test_exporting_leaves_the_model_as_it_was_and_replaces_an_older_file_whole(tmp_path):
    model, inputs = MADE["mlp"]()
    path = tmp_path / "x.onnx"
    path.write_text("old")
    before = OrderedDict((key, value.clone()) for key, value in model.module.state_dict().items())
    assert export(model, path, inputs) == path
    assert path.read_bytes()[:3] != b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["x.onnx"]
    assert all(parameter.requires_grad for parameter in model.module.parameters())
    assert all(torch.equal(before[key], value) for key, value in model.module.state_dict().items())


def test_nothing_is_said_on_the_terminal(tmp_path):
    code = """if True:
        import sys
        from evo.interop.export import export
        from evo.vectors.modules import CNN
        from evo.vectors.models import TorchModel
        export(TorchModel(CNN((1, 4, 4), 2, channels=[2], hidden=[])), sys.argv[1], 16)
        import logging, warnings
        logging.getLogger("torch.onnx").warning("heard again")
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.onnx")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert [line for line in done.stderr.splitlines() if not line.endswith("heard again")] == []
    assert "heard again" in done.stderr


def test_a_recurrent_network_has_no_onnx_and_that_is_said(tmp_path):
    model = NetworkModel(NEAT(2, 1, population_size=1).ask(), recurrent=True)
    with pytest.raises(
        ExportError, match=r"GraphModule: ValueError: a recurrent network keeps state .*; \.pt and \.safetensors"
    ):
        export(model, tmp_path / "x.onnx", 2)


class Estimator(VectorModel):
    """A model that is no network."""


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            VectorModel(np.zeros(3)),
            "is a torch module; got VectorModel: what can be exported is a network",
        ),
        (Estimator(np.zeros(3)), "is a torch module; got Estimator"),
        (
            NormalizedModel(Estimator(np.zeros(3)), torch.zeros(3), torch.ones(3)),
            "is a torch module; got Estimator",
        ),
    ],
)
def test_what_is_no_network_is_refused_with_its_name(model, said, tmp_path):
    for ending in exporting.FORMATS:
        with pytest.raises(ExportError, match=said):
            export(model, tmp_path / f"x{ending}", 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.pth", r"expected a name that ends in one of .pt, .safetensors, .onnx .did you mean '.pt'"),
        ("x", "expected a name that ends in one of"),
        ("nowhere/x.pt", "there is no folder .*nowhere; make it first"),
        ("taken.pt", "cannot be written: Is a directory"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused(name, said, tmp_path):
    (tmp_path / "taken.pt").mkdir()
    with pytest.raises(ExportError, match=said):
        export(MADE["mlp"]()[0], tmp_path / name, 5)
    assert [one.name for one in tmp_path.iterdir()] == ["taken.pt"]


def test_a_missing_package_is_named_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "onnxscript" else True)
    with pytest.raises(ExportError, match=r'\.onnx needs onnxscript: pip install "neuroevo\[export\]"'):
        export(MADE["mlp"]()[0], tmp_path / "x.onnx", 5)
    export(MADE["mlp"]()[0], tmp_path / "x.pt", 5)


def test_a_module_that_no_graph_can_hold_is_refused_in_a_line(tmp_path):
    class Deciding(nn.Linear):
        def forward(self, x):
            return super().forward(x) if float(x.sum()) > 0 else x

    with pytest.raises(ExportError, match=r"torch\.onnx cannot export this Deciding: ") as error:
        export(TorchModel(Deciding(2, 2)), tmp_path / "x.onnx", 2)
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []
