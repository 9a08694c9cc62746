import types

import numpy as np
import pytest
import torch
from random_graphs import alike, random_genome

from evo import core
from evo.activations import CODES
from evo.genomes.genome import HIDDEN, Connection, Genome, Genomes, Node
from evo.interop.export import ExportError, export
from evo.network.model import NetworkModel, restore
from evo.network.population import Networks

WAYS = [(False, 1, 0.0), (True, 1, 0.0), (True, 3, 0.0), (True, "depth", 0.0), (True, 2, 0.02)]
in_every_way = pytest.mark.parametrize("way", WAYS)


def model_of(seed, way=WAYS[0], **values):
    return NetworkModel(Genomes.of([random_genome(seed, way[0], **values)]), *way)


def rows_for(model, count=6):
    return torch.randn(count, model.genome.inputs, generator=torch.manual_seed(0))


def task_of(model):
    return types.SimpleNamespace(inputs=model.genome.inputs, outputs=model.genome.outputs)


def xor():
    """The five-node network of the paper's figure: two inputs, bias, output, one hidden node."""
    nodes = [Node(0, 0), Node(1, 0), Node(2, 1), Node(3, 2), Node(4, HIDDEN)]
    ends = [(0, 3, -1.5), (1, 3, -1.5), (2, 3, 1.0), (0, 4, 1.5), (1, 4, 1.5), (2, 4, -1.0), (4, 3, 2.0)]
    return NetworkModel(Genomes.of([Genome(2, 1, nodes, [Connection(k, *end) for k, end in enumerate(ends)])]))


def test_they_are_what_evo_core_calls_them():
    assert isinstance(xor(), core.Model)
    assert isinstance(Networks(xor().genome), core.Phenotypes)


@in_every_way
def test_a_model_computes_as_in_its_population_and_counts_alike(way):
    genomes = Genomes.of(alike([random_genome(seed, way[0]) for seed in range(60)]))
    networks = Networks(genomes, *way)
    x = torch.randn(2, 4, genomes.inputs, generator=torch.manual_seed(1))
    together = [networks.forward(rows) for rows in x]
    for g, genome in enumerate(genomes):
        model = NetworkModel(genome, *way)
        for rows, outputs in zip(x, together):
            assert torch.equal(model(rows.numpy()).nan_to_num(), outputs[g].nan_to_num())
        assert model.parameters == networks.parameters[g]


def test_parameters_are_connections_and_biases_that_take_part():
    nodes = [Node(0, 0), Node(1, 2, bias=0.5), Node(2, HIDDEN, bias=1.0, response=2.0), Node(3, HIDDEN, bias=9.0)]
    genes = [Connection(0, 0, 1, 1.0), Connection(1, 0, 2, 1.0), Connection(2, 2, 1, 1.0), Connection(3, 0, 3, 1.0)]
    genome = Genome(1, 1, nodes, genes)
    model = NetworkModel(Genomes.of([genome]))
    assert (model.parameters, model.connections, model.nodes, model.hidden) == (3 + 2 + 1, 4, 4, 2)
    genes[2] = genes[2]._replace(enabled=False)
    model = NetworkModel(Genomes.of([genome]))
    assert (model.parameters, model.connections) == (1 + 1, 3)


@in_every_way
def test_a_saved_model_comes_back_the_same(way):
    for seed in range(10):
        model = model_of(seed, way)
        tensors, header = model.save()
        assert all(isinstance(value, str) for value in header.values())
        again, x = restore(task_of(model), tensors, header), rows_for(model)
        for _ in range(2):
            assert torch.equal(again(x).nan_to_num(), model(x).nan_to_num())


def test_a_file_that_is_no_such_network_is_named():
    model = xor()
    tensors, header = model.save()
    with pytest.raises(ValueError, match="expected the genome of a network; got torch"):
        restore(task_of(model), tensors, {"kind": "torch"})
    with pytest.raises(ValueError, match=r"incomplete network genome: .*weight"):
        restore(task_of(model), {k: v for k, v in tensors.items() if k != "weight"}, header)
    with pytest.raises(ValueError, match="has 2 inputs and 1 outputs, the task 2 and 3"):
        restore(types.SimpleNamespace(inputs=2, outputs=3), tensors, header)
    with pytest.raises(ValueError, match="weight of connection 2 is nan"):
        restore(task_of(model), {**tensors, "weight": torch.where(torch.arange(7) == 2, torch.nan, tensors["weight"])}, header)
    with pytest.raises(ValueError, match="expected one genome; got 2"):
        NetworkModel(Genomes.concatenate([model.genome, model.genome]))


@in_every_way
def test_the_module_computes_what_the_model_does(way):
    for seed in range(30):
        model = model_of(seed, way, activations=[CODES["steep_sigmoid"], CODES["tanh"], CODES["neat_gauss"]])
        module, x = model.to_module(), rows_for(model)
        for _ in range(3):
            torch.testing.assert_close(module(x), model(x), rtol=2e-4, atol=2e-4)
        module.reset()
        model.reset()
        torch.testing.assert_close(module(x), model(x), rtol=2e-4, atol=2e-4)


@in_every_way
def test_gradients_are_those_of_finite_differences(way):
    smooth = [CODES[name] for name in ("steep_sigmoid", "tanh", "sin", "gaussian")]
    for seed in range(5):
        model = model_of(seed, way, activations=smooth, aggregations=[0, 1, 6], biased=False)
        module = model.to_module().double()
        x = rows_for(model, 2).double()

        def run(weight, bias, module=module, x=x):
            module.reset()
            out = [torch.func.functional_call(module, {"weight": weight, "bias": bias}, (x,)) for _ in range(3)]
            return torch.stack(out)

        assert torch.autograd.gradcheck(run, (module.weight, module.bias))


def test_backpropagation_learns_on_from_a_champion():
    module, x = xor().to_module(), torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = torch.tensor([[0.0], [1], [1], [0]])
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        loss = (module(x) - y).square().sum()
        loss.backward()
        optimizer.step()
    assert loss < 0.01
    assert not module.bias.any()  # its bias node does that work
    assert repr(module) == "GraphModule(3 inputs".replace("3", "2") + ", 2 nodes, 7 connections, 1 outputs)"


def test_a_network_is_exported_and_a_recurrent_one_not_as_onnx(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, x = xor(), torch.rand(5, 2)
    session = onnxruntime.InferenceSession(export(model, tmp_path / "net.onnx", 2))
    (output,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(output, model(x), atol=1e-6)
    recurrent = NetworkModel(model.genome, recurrent=True)
    with pytest.raises(ExportError, match="cannot export this GraphModule"):
        export(recurrent, tmp_path / "net.onnx", 2)
    assert torch.load(export(recurrent, tmp_path / "net.pt", 2))["weight"].shape == (7,)


@in_every_way
@pytest.mark.parametrize("hidden", [0, 4, 60])
def test_every_node_and_connection_that_takes_part_is_drawn_inside_the_picture(way, hidden):
    for seed in range(3):
        model = model_of(seed, way, hidden=hidden)
        figure = model.figure()
        (axes,) = figure.axes
        width, height = figure.get_size_inches() * 100
        assert (width, height) <= (900, 500)
        drawn = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
        spots = np.concatenate([line.get_xydata() for line in drawn])
        program = model.program
        computed = program.node[: program.steps[0]]
        connections = [k for slot in computed for k in range(program.first[slot], program.last[slot])]
        shown = {*range(program.first_output[0] + program.outputs), *computed, *program.connection_source[connections]}
        assert len(np.unique(spots.round(6), axis=0)) == len(spots) == len(shown)
        assert len(axes.lines) - len(drawn) + len(axes.patches) == len(connections)
        assert f"{len(shown)} nodes" in axes.get_title()
        inside = axes.transAxes.inverted().transform(axes.transData.transform(spots))
        assert inside.min() > 0
        assert inside.max() < 1


def test_a_drawing_tells_sign_by_line_and_strength_by_width():
    (axes,) = xor().figure().axes
    connections = [line for line in axes.lines if line.get_marker() == "None"]
    assert len(connections) == 7
    widths = [line.get_linewidth() for line in connections]
    assert widths == sorted(widths)
    assert [line.get_linestyle() for line in connections].count("--") == 3


def test_connections_that_lead_back_are_bent():
    nodes = [Node(0, 0), Node(1, 2), Node(2, HIDDEN)]
    ends = [(0, 2, 1.0), (2, 1, 1.0), (1, 2, -1.0), (1, 1, 2.0)]
    genome = Genomes.of([Genome(1, 1, nodes, [Connection(k, *end) for k, end in enumerate(ends)])])
    (axes,) = NetworkModel(genome, recurrent=True).figure().axes
    assert sorted(type(patch).__name__ for patch in axes.patches) == ["Ellipse", "FancyArrowPatch"]
    assert sum(line.get_marker() == "None" for line in axes.lines) == 2
