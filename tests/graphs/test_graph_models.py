"""Networks on a graph: against dense matrices, and where only a neighbourhood is computed."""

import networkx
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from evo import threads
from evo.interop.export import ExportError, export
from evo.vectors import encoding
from evo.vectors.encoding import Parameters
from graphs import Graph, neighbourhoods
from graphs.layers import GATLayer, dropped
from graphs.models import APPNP, GAT, GCN, GIN, SAGE, SGC, NodeNetwork
from graphs.neighbourhoods import KEPT, NodeData
from graphs.task import GraphTask

N, F, CLASSES = 24, 10, 3
KINDS = {
    "gcn": lambda: GCN(F, CLASSES, hidden=(5,)),
    "deep gcn": lambda: GCN(F, CLASSES, hidden=(5, 4)),
    "sage": lambda: SAGE(F, CLASSES, hidden=(5,)),
    "gin": lambda: GIN(F, CLASSES, hidden=(5,)),
    "deep gin": lambda: GIN(F, CLASSES, hidden=(5, 4)),
    "gat": lambda: GAT(F, CLASSES, hidden=(4,), heads=3, output_heads=2),
    "sgc": lambda: SGC(F, CLASSES),
    "appnp": lambda: APPNP(F, CLASSES, hidden=(5,), hops=4, teleport=0.2),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def graph(seed=0, weighted=False, directed=False):
    network = networkx.gnm_random_graph(N, 40, seed=seed, directed=directed)
    network.remove_edges_from([pair for pair in network.edges if 3 in pair])  # an isolated node
    network.add_edge(5, 5)
    for k, (u, v) in enumerate(network.edges):
        network[u][v].update({"weight": 0.5 + k % 4} if weighted else {})
    return Graph.from_networkx(network)


def data(seed=0, **rest):
    x = scipy.sparse.random_array((N, F), density=0.3, rng=np.random.default_rng(seed), format="csr")
    return NodeData(graph(seed, **rest), x)


def made(kind, seed=0):
    torch.manual_seed(seed)
    module = KINDS[kind]().double()
    for p in module.parameters():  # biases too
        p.data.normal_(0, 0.5)
    for norm in (each for each in module.modules() if isinstance(each, torch.nn.BatchNorm1d)):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return module.eval()


def matrices(a):
    """D^-1/2 (A + I) D^-1/2, D^-1 A without loops, A + I."""
    loops = a + torch.diag((a.diagonal() == 0).double())
    root = loops.sum(1).rsqrt()
    others = a - torch.diag(a.diagonal())
    return root[:, None] * loops * root, others / others.sum(1, keepdim=True).clamp(min=1e-12), loops


def normal(norm, x):
    """Batch normalisation after training."""
    return (x - norm.running_mean) / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias


def attention(layer, x, mask):
    """Velickovic et al., (1) to (4), a head after the other, by a dense mask."""
    heads, units = [], len(layer.bias) // layer.heads
    for h in range(layer.heads):
        columns = slice(h * units, (h + 1) * units)
        z = x @ layer.weight[:, columns]
        scores = functional.leaky_relu((z @ layer.target[h])[:, None] + (z @ layer.source[h])[None], 0.2)
        heads.append(scores.masked_fill(~mask, -torch.inf).softmax(1) @ z + layer.bias[columns])
    return torch.stack(heads, 1)


def dense(module, x, a):
    """The network on the whole graph as its paper writes it, x (N, F), adjacency a (N, N)."""
    sym, mean, loops = matrices(a)
    if isinstance(module, SGC):
        layer = module.layers[0]
        return sym @ sym @ x @ layer.weight + layer.bias
    if isinstance(module, APPNP):
        first, last = module.layers
        z = own = torch.relu(x @ first.weight + first.bias) @ last.weight + last.bias
        for _ in range(module.depth):
            z = (1 - module.teleport) * sym @ z + module.teleport * own
        return z
    for k, layer in enumerate(module.layers):
        last = k == len(module.layers) - 1
        if isinstance(module, GCN):
            x = sym @ x @ layer.weight + layer.bias
        elif isinstance(module, SAGE):
            x = torch.cat([x, mean @ x], 1) @ torch.cat([layer.own, layer.weight]) + layer.bias
        elif isinstance(module, GIN):
            hidden = torch.relu(normal(layer.norm, loops @ x @ layer.first.weight + layer.first.bias))
            x = hidden @ layer.second.weight + layer.second.bias
            x = x if last else normal(module.norms[k], x)
        else:
            z = attention(layer, x, loops > 0)
            x = z.mean(1) if last else functional.elu(z.flatten(1))
            continue
        x = x if last else torch.relu(x)
    return x


@kinds
@pytest.mark.parametrize(("weighted", "directed"), [(False, False), (True, False), (True, True)])
def test_a_network_is_what_its_paper_writes_on_any_nodes(kind, weighted, directed):
    own, module = data(weighted=weighted, directed=directed), made(kind)
    a = torch.from_numpy(own.graph.to_scipy().toarray())
    expected = dense(module, torch.from_numpy(own.x.toarray()).double(), torch.maximum(a, a.T))
    wrapped = NodeNetwork(module.float(), own)
    for nodes in (range(N), [3], [7, 2, 2, 19]):
        x = torch.tensor(nodes, dtype=torch.float32)[:, None]
        torch.testing.assert_close(wrapped(x), expected[list(nodes)].float(), rtol=1e-4, atol=1e-5)


@kinds
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_outputs_follow_a_renaming_of_the_nodes(kind, seed):
    own, module = data(seed), made(kind, seed).float()
    order = np.random.default_rng(seed).permutation(N)  # node k is node order[k] of the other
    a = own.graph.to_scipy()[np.argsort(order)][:, np.argsort(order)]
    other = NodeData(Graph.from_scipy(a), own.x[np.argsort(order)])
    x = torch.arange(N, dtype=torch.float32)[:, None]
    renamed = NodeNetwork(module, other)(torch.from_numpy(order.astype(np.float32))[:, None])
    torch.testing.assert_close(renamed, NodeNetwork(module, own)(x), rtol=1e-4, atol=1e-5)


def test_gat_on_a_complete_graph_is_attention_of_a_single_head():
    """With all nodes neighbours of all: softmax(scores of pairs) times values, as in additive attention."""
    own = NodeData(Graph.from_networkx(networkx.complete_graph(N)), data().x)
    torch.manual_seed(0)
    module = GAT(F, CLASSES, hidden=()).eval()
    (layer,) = module.layers
    torch.nn.init.normal_(layer.bias)
    values = torch.from_numpy(own.x.toarray()) @ layer.weight
    query, key = values @ layer.target[0], values @ layer.source[0]
    expected = functional.leaky_relu(query[:, None] + key[None], 0.2).softmax(1) @ values + layer.bias
    x = torch.arange(N, dtype=torch.float32)[:, None]
    torch.testing.assert_close(NodeNetwork(module, own)(x), expected)


@kinds
def test_rows_alone_are_nodes_without_neighbours(kind):
    own, module = NodeData(Graph.from_edges([], nodes=range(N)), data().x), made(kind).float()
    x = torch.arange(N, dtype=torch.float32)[:, None]
    torch.testing.assert_close(module(torch.from_numpy(own.x.toarray())), NodeNetwork(module, own)(x))


@kinds
def test_gradients_are_those_of_dense_matrices(kind):
    own, module = data(weighted=True), made(kind).double()
    a, x = torch.from_numpy(own.graph.to_scipy().toarray()), torch.from_numpy(own.x.toarray()).double()
    expected = torch.autograd.grad(dense(module, x, a)[[2, 9]].square().sum(), list(module.parameters()))
    module.float()
    outputs = NodeNetwork(module, own)(torch.tensor([[2.0], [9.0]]))
    found = torch.autograd.grad(outputs.square().sum(), list(module.parameters()))
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other.float(), rtol=2e-3, atol=1e-4)


@kinds
def test_only_what_lies_within_the_layers_reach_is_read(kind):
    """On a long path: features of nodes further away do not matter, nor are they touched."""
    path = Graph.from_networkx(networkx.path_graph(50))
    x = np.random.default_rng(0).normal(size=(50, F)).astype(np.float32)
    module = made(kind).float()
    far = x.copy()
    far[module.depth + 1 :] = 1e6
    asked = torch.tensor([[0.0]])
    assert torch.equal(NodeNetwork(module, NodeData(path, x))(asked), NodeNetwork(module, NodeData(path, far))(asked))
    around = NodeData(path, x).around(np.array([0]), module.depth)
    assert [len(block.pattern) for block in around.blocks] == list(range(module.depth, 0, -1))
    assert len(around.x) == module.depth + 1


def test_networks_of_different_reach_share_a_graph():
    own, x = data(), torch.arange(N, dtype=torch.float32)[:, None]
    first = {kind: NodeNetwork(made(kind).float(), own)(x[4:6]) for kind in KINDS}
    for start in range(12):  # more than are kept
        NodeNetwork(made("gcn").float(), own)(x[start : start + 3])
    assert all(torch.equal(NodeNetwork(made(kind).float(), own)(x[4:6]), first[kind]) for kind in reversed(KINDS))
    assert all(torch.equal(NodeNetwork(made(kind).float(), data())(x[4:6]), first[kind]) for kind in KINDS)
    assert len(own._kept) <= KEPT


def test_dropout_of_sparse_features_drops_entries_alone_and_keeps_the_mean():
    own = data().around(np.arange(N), 1).x
    torch.manual_seed(0)
    drawn = torch.stack([dropped(own, 0.6, True).values for _ in range(2000)])
    assert ((drawn == 0) | torch.isclose(drawn, own.values / 0.4)).all()
    torch.testing.assert_close((drawn == 0).float().mean(0), torch.full_like(own.values, 0.6), rtol=0, atol=0.06)
    assert dropped(own, 0.6, False).values is own.values


@kinds
def test_dropout_acts_in_training_alone(kind):
    own, module = data(), made(kind).float()
    x = torch.arange(N, dtype=torch.float32)[:, None]
    wrapped = NodeNetwork(module, own)
    once = wrapped(x)
    assert torch.equal(wrapped(x), once)
    wrapped.train()
    assert torch.equal(wrapped(x), once) == (kind == "sgc")  # which has none


@pytest.mark.parametrize("part", ["layers.0.first", "layers.0.second", "layers.1.first"])
def test_the_scale_of_a_hidden_layer_of_gin_is_of_no_account_in_training(part):
    own, x = data(), torch.arange(N, dtype=torch.float32)[:, None]
    torch.manual_seed(0)
    wrapped = NodeNetwork(GIN(F, CLASSES, hidden=(6,), dropout=0.0), own).train()
    before = wrapped(x)
    wrapped.network.get_submodule(part).weight.data.mul_(100)
    torch.testing.assert_close(wrapped(x), before, rtol=0.02, atol=0.02)


def test_heads_begin_as_layers_of_their_own():
    """Glorot, Bengio 2010: the variance is 2 / (I + O), whatever the number of heads."""
    torch.manual_seed(0)
    layer = GATLayer(40, 10, 500, 0.0)
    for weight, sizes in ((layer.weight, 50), (layer.target, 11), (layer.source, 11)):
        assert weight.var().item() == pytest.approx(2 / sizes, rel=0.05)
        assert weight.abs().max().item() == pytest.approx((6 / sizes) ** 0.5, rel=0.05)


def test_attention_drops_shares_and_what_they_weigh():
    """An isolated node has one share, of itself: an output is 0 where that share or the value is dropped."""
    own = NodeData(Graph.from_edges([], nodes=range(400)), np.ones((400, 1), np.float32))
    torch.manual_seed(0)
    layer = GATLayer(1, 50, 1, 0.4).train()
    around = own.around(np.arange(400), 1)
    z = layer(around.x, around.blocks[0])[:, 0]
    whole = (torch.ones(400, 1) @ layer.weight) / 0.6**2
    assert ((z == 0) | torch.isclose(z, whole)).all()
    kept = (z != 0).any(1)
    assert kept.float().mean().item() == pytest.approx(0.6, abs=0.08)  # of the shares, one a node
    assert (z[kept] != 0).float().mean().item() == pytest.approx(0.6, abs=0.02)  # of the values


WIDE = {"gcn": GCN, "sage": SAGE, "gin": GIN, "gat": GAT, "appnp": APPNP}


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("hidden", [(4,), (6, 3)])
def test_layers_are_as_wide_as_so_many_parameters_allow(kind, hidden):
    count = lambda **values: sum(p.numel() for p in WIDE[kind](F, CLASSES, **values).parameters())
    wider = [tuple(first * units // hidden[0] for units in hidden) for first in (14, 15)]
    exact, beyond = (count(hidden=each) for each in wider)
    for most in (exact, beyond - 1):
        assert count(hidden=hidden, parameters=most) == exact
    assert count(hidden=hidden, parameters=beyond) == beyond
    one = count(hidden=(1,) * len(hidden))
    assert count(hidden=hidden, parameters=one) == one
    with pytest.raises(ValueError, match=f"parameters: expected at least {one}, hidden = .*; got {one - 1}"):
        count(hidden=hidden, parameters=one - 1)
    with pytest.raises(ValueError, match="parameters: expected a network with hidden layers"):
        count(hidden=(), parameters=5)


def test_an_edge_of_weight_zero_is_none():
    edges = [(0, 1), (1, 2), (0, 2)]
    given, kept = Graph.from_edges(edges, [1.0, 2.0, 0.0]), Graph.from_edges(edges[:2], [1.0, 2.0])
    x = torch.arange(3, dtype=torch.float32)[:, None]
    for kind in KINDS:
        one, other = (NodeNetwork(made(kind).float(), NodeData(each, np.eye(3, F)))(x) for each in (given, kept))
        assert torch.equal(one, other)


@kinds
def test_neither_tile_nor_threads_nor_population_change_a_bit(kind, monkeypatch):
    network = lambda inputs, outputs: KINDS[kind]()
    task = GraphTask(graph(), np.arange(N) % CLASSES, (np.arange(N),), data().x, kind="classification", network=network)
    own = Parameters(task.network)
    vectors = own.initial(0, 0, 40)
    x = torch.tensor([0.0, 3, 7, 8, 11, 20, 21])[:, None]
    expected = own.express(vectors).forward(x)
    torch.testing.assert_close(expected, torch.stack([own.model(vector)(x) for vector in vectors]), rtol=1e-5, atol=1e-5)
    tiles = set()
    for size in (2**10, 2**17, 2**26):
        monkeypatch.setitem(encoding.TILE_BYTES, "cpu", size)
        tiles.add(own.tile(40, x))
        for count in (1, 2):
            with threads.limited(count):
                assert torch.equal(own.express(vectors).forward(x), expected)
    assert len(tiles) > 1
    for some in (1, 2, 3, 17):
        assert torch.equal(own.express(vectors[:some]).forward(x), expected[:some])


def test_negative_weights_are_refused():
    own = NodeData(Graph.from_edges([(0, 1), (1, 2)], [1, -3]), np.eye(3))
    with pytest.raises(ValueError, match=r"a graph network takes weights >= 0; the edge \(1, 2\) weighs -3"):
        NodeNetwork(GCN(3, 2), own)(torch.tensor([[0.0]]))


def test_more_nodes_than_numbers_of_float32_are_refused(monkeypatch):
    monkeypatch.setattr(neighbourhoods, "MOST", N - 1)
    with pytest.raises(ValueError, match=f"expected at most {N - 1} nodes, whose numbers float32 tells apart; got {N}"):
        data()


def test_an_export_without_the_graph_is_refused(tmp_path):
    task = GraphTask(graph(), np.arange(N) % CLASSES, (np.arange(N),), data().x, kind="classification", network=GCN)
    own = Parameters(task.network)
    model = own.model(own.initial(0, 0, 1)[0])
    with pytest.raises(ExportError, match="it reads the graph, which an ONNX file does not hold"):
        export(model, tmp_path / "x.onnx", task)
    kept = torch.load(export(model, tmp_path / "x.pt", task), weights_only=True)
    assert sorted(kept) == sorted(dict(task.network().named_parameters()))
