"""ProNE against the same with dense matrices: its ratios entry by entry, its factors by numpy, its filter by eigenvalues."""

import networkx
import numpy as np
import pytest
import scipy.sparse
import scipy.special
from numpy.polynomial import chebyshev

from graphs import Graph, GraRep, NetMF, ProNE, random_walks
from graphs.factorization import POWER, NetMFSettings, ProNESettings, _log_ratios, _propagated, _window, factorised

KARATE = Graph.of(networkx.karate_club_graph())


def test_entries_are_logarithms_of_steps_over_noise():
    weights = KARATE.to_scipy().toarray()
    steps = weights / weights.sum(1, keepdims=True)
    noise = steps.sum(0) ** POWER
    noise /= noise.sum()
    found = _log_ratios(KARATE.to_scipy()).toarray()
    for u, v in zip(*np.nonzero(weights)):
        assert found[u, v] == pytest.approx(np.log(steps[u, v] / noise[v]))
    assert (found[weights == 0] == 0).all()


def test_factors_are_the_leading_singular_vectors_of_numpy():
    matrix = scipy.sparse.random_array((60, 60), density=0.2, rng=np.random.default_rng(0)).tocsr()
    strong = np.random.default_rng(1).normal(size=(60, 5))
    dense = matrix.toarray() * 0.01 + strong @ strong.T
    left, values = factorised(scipy.sparse.csr_array(dense), 5, seed=0)
    expected, sizes, _ = np.linalg.svd(dense)
    assert np.allclose(values, sizes[:5])
    assert np.allclose(np.abs((left * expected[:, :5]).sum(0)), 1)
    assert (left[np.abs(left).argmax(0), range(5)] > 0).all()


@pytest.mark.parametrize("order", [2, 3, 10])
def test_the_filter_is_that_of_the_laplacians_eigenvalues(order):
    options = ProNESettings(dimension=3, order=order)
    vectors = np.random.default_rng(0).normal(size=(34, 3))
    loops = KARATE.to_scipy().toarray() + np.eye(34)
    root = np.sqrt(loops.sum(1))
    values, basis = np.linalg.eigh(np.eye(34) * (1 - options.mu) - loops / np.outer(root, root))
    terms = [scipy.special.iv(0, 0.5), *((-1) ** k * 2 * scipy.special.iv(k, 0.5) for k in range(1, order))]
    kept = chebyshev.chebval(values**2 / 2 - 1, terms)
    total = (basis * kept) @ basis.T @ (root[:, None] * vectors) / root[:, None]
    left, sizes, _ = np.linalg.svd(loops @ (vectors - total), full_matrices=False)
    found = _propagated(KARATE.to_scipy(), vectors, options)
    assert np.allclose(found @ found.T, (left * sizes) @ left.T)


def test_clubs_of_the_karate_club_lie_apart():
    club = networkx.karate_club_graph()
    groups = np.array([club.nodes[each]["club"] == "Officer" for each in club])
    z = ProNE(dimension=8).fit_transform(club)
    near = z @ z.T
    np.fill_diagonal(near, -np.inf)
    assert np.mean(groups[near.argmax(1)] == groups) > 0.85


def test_rows_have_length_one_and_a_seed_gives_the_same_bytes():
    one, again = (ProNE(dimension=8, seed=1).fit_transform(KARATE) for _ in range(2))
    assert one.tobytes() == again.tobytes()
    assert one.dtype == np.float32
    assert np.allclose((one**2).sum(1), 1, atol=1e-5)


def test_isolated_nodes_loops_and_directions_are_taken():
    graph = Graph.from_edges([(k, (k + 1) % 8) for k in range(8)] + [(3, 3)], nodes=["alone", 0], directed=True)
    z = ProNE(dimension=4).fit(graph)
    assert z.embedding_.shape == (9, 4)
    assert np.isfinite(z.embedding_).all()


def test_an_edge_of_weight_zero_is_none():
    edges, ids = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")], "abcde"
    kept = Graph.from_edges(edges[:3], [2.0, 1.0, 0.5], nodes=ids)
    given = Graph.from_edges(edges, [2.0, 1.0, 0.5, 0.0], nodes=ids)
    assert np.array_equal(ProNE(dimension=3).fit_transform(given), ProNE(dimension=3).fit_transform(kept))
    for empty in (Graph.from_edges([], nodes=ids), Graph.from_edges(edges, np.zeros(4), nodes=ids)):
        assert not ProNE(dimension=3).fit_transform(empty).any()


def test_a_small_graph_has_shorter_vectors():
    assert ProNE().fit_transform(KARATE).shape == (34, 33)
    assert ProNE().fit_transform(Graph.from_edges([(0, 1)])).shape == (2, 1)


def test_negative_weights_are_refused():
    with pytest.raises(ValueError, match=r"ProNE takes weights >= 0; the edge \(0, 1\) weighs -1"):
        ProNE().fit(Graph.from_edges([(k, k + 1) for k in range(9)], -np.ones(9)))


DIRECTED = Graph.from_edges(
    [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")], [2.0, 1.0, 1.0, 3.0], nodes=["alone"], directed=True
)


def test_a_window_is_what_walks_meet():
    """Theorem 2.3 of Qiu et al.: log(|pairs| count / (count of node, count of context)) of endless walks."""
    walks = random_walks(KARATE, walks_per_node=300, length=400, seed=0)
    together = np.zeros((34, 34))
    for distance in range(1, 4):
        np.add.at(together, (walks[:, :-distance].ravel(), walks[:, distance:].ravel()), 1 / (400 - distance))
    together += together.T
    expected = together.sum() * together / np.outer(together.sum(1), together.sum(0))
    found = _window(KARATE.to_scipy(), NetMFSettings(window=3, rank=None), 0)
    assert np.allclose(found, expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(("rank", "negative"), [(None, 1.0), (5, 1.0), (30, 2.0), (34, 1.0), (256, 0.5)])
def test_netmf_is_the_dense_formula(rank, negative):
    weights = KARATE.to_scipy().toarray()
    degrees = weights.sum(1)
    values, basis = np.linalg.eigh(weights / np.sqrt(np.outer(degrees, degrees)))
    kept = sum(values**power for power in range(1, 11)) / 10
    if rank in (5, 30):  # some of the 30 are below 0
        kept = np.where(values >= values[-rank], np.maximum(kept, 0), 0)
    mean = (basis * kept) @ basis.T / np.sqrt(np.outer(degrees, degrees))
    ratios = np.log(np.maximum(degrees.sum() / negative * mean, 1))
    left, sizes, _ = np.linalg.svd(ratios)
    z = NetMF(dimension=6, rank=rank, negative=negative).fit_transform(KARATE)
    assert np.allclose(z @ z.T, (left[:, :6] * sizes[:6]) @ left[:, :6].T, atol=1e-4)


@pytest.mark.parametrize("graph", [KARATE, DIRECTED])
def test_grarep_is_the_dense_formula(graph):
    weights, size = graph.to_scipy().toarray(), len(graph)
    sums, rank = weights.sum(1, keepdims=True), len(graph) - 1
    step = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
    z = GraRep(dimension=rank, steps=4).fit_transform(graph)
    for k, own in enumerate(np.split(z, 4, axis=1), 1):
        chances = np.linalg.matrix_power(step, k)
        met = chances.sum(0)
        ratios = np.divide(chances, met / size, out=np.zeros_like(chances), where=met > 0)
        left, sizes, _ = np.linalg.svd(np.log(np.maximum(ratios, 1)))
        assert np.allclose(own @ own.T, (left[:, :rank] * sizes[:rank]) @ left[:, :rank].T, atol=1e-4)


@pytest.mark.parametrize("method", [NetMF, GraRep])
def test_methods_of_all_pairs_take_what_prone_takes(method, monkeypatch):
    one, again = (method(dimension=3, seed=1).fit_transform(KARATE) for _ in range(2))
    assert one.tobytes() == again.tobytes()
    assert one.dtype == np.float32
    z = method(dimension=3).fit(DIRECTED)
    assert np.isfinite(z.embedding_).all()
    assert not z.embedding_[DIRECTED.rows(["alone"])].any()
    assert not method(dimension=3).fit_transform(Graph.from_edges([], nodes="abc")).any()
    with pytest.raises(ValueError, match=rf"{method.__name__} takes weights >= 0; the edge \(0, 1\) weighs -1"):
        method().fit(Graph.from_edges([(k, k + 1) for k in range(9)], -np.ones(9)))
    monkeypatch.setattr("graphs.factorization.MOST", 33)
    with pytest.raises(ValueError, match="a matrix of all pairs of nodes: at most 33 nodes; got 34"):
        method().fit(KARATE)


def test_netmf_takes_a_directed_graph_as_undirected():
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]
    one, other = (NetMF(dimension=3).fit_transform(Graph.from_edges(edges, directed=way)) for way in (True, False))
    assert np.array_equal(one, other)
