"""What shape an evolved network has: modules, small worlds, motifs, spectra and degrees, and which of these are more than its
degrees alone would give.

Each is compared with `samples` graphs that have the same degrees (`graphs.rewiring`): z is the number of their standard
deviations that the network lies above their mean.

Milo et al.: Superfamilies of evolved and designed networks. Science 303, 2004: the significance profile, z of each motif over
the length of all. Humphries, Gurney: Network "small-world-ness". PLoS ONE 3, 2008, equation 3: (C / C_random) / (L / L_random).
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from scipy.sparse import csgraph

from evo.core import counted
from graphs.data import Graph
from graphs.modules import modularity
from graphs.motifs import motif_counts
from graphs.rewiring import rewired

MOST_NODES, MOST_EDGES = 5_000, 50_000


class Topology(NamedTuple):
    """modularity: Q of `graphs.modules`, modularity_z beside it. clustering: share of two neighbours that are connected;
    path_length: mean number of edges between two nodes, of those that are connected at all; both, and small_worldness, without
    directions. spectral_radius: of the weights, 0 where there is no cycle. motifs (13,): counts of `graphs.motifs.MOTIFS`, and
    motif_profile (13,), of length 1. spectrum (N,): eigenvalues of the normalised Laplacian, 0 to 2, ascending; incoming,
    outgoing (N,): degrees. nan: what this graph, or a random one, does not have.
    """

    nodes: int
    connections: int
    modularity: float
    modularity_z: float
    clustering: float
    path_length: float
    small_worldness: float
    spectral_radius: float
    motifs: np.ndarray
    motif_profile: np.ndarray
    spectrum: np.ndarray
    incoming: np.ndarray
    outgoing: np.ndarray

    @classmethod
    def of(cls, graph: Graph, *, samples: int = 50, seed: int = 0) -> Self:
        """Of a directed graph, as `Graph.from_genome` makes it. Raises ValueError for an undirected one, for one of more than
        MOST_NODES or MOST_EDGES, and for fewer than two samples."""
        if len(graph) > MOST_NODES or graph.edges > MOST_EDGES:
            size = f"{counted(len(graph), 'node')} and {counted(graph.edges, 'edge')}"
            raise ValueError(f"expected at most {MOST_NODES:,} nodes and {MOST_EDGES:,} edges; got {size}")
        if samples < 2:
            raise ValueError(f"samples: expected 2 or more; got {samples}")
        others = [rewired(graph, sample, seed) for sample in range(samples)]
        q, motifs, clusters, paths = modularity(graph)[0], motif_counts(graph), clustering(graph), path_length(graph)
        random_clusters = np.mean([clustering(other) for other in others])
        random_paths = np.mean([path_length(other) for other in others])
        return cls(
            nodes=len(graph),
            connections=graph.edges,
            modularity=q,
            modularity_z=float(_z(np.array([q]), np.array([[modularity(other)[0]] for other in others]))[0]),
            clustering=clusters,
            path_length=paths,
            small_worldness=_ratio(_ratio(clusters, float(random_clusters)), _ratio(paths, float(random_paths))),
            spectral_radius=_radius(graph),
            motifs=motifs,
            motif_profile=_profile(_z(motifs, np.array([motif_counts(other) for other in others]))),
            spectrum=laplacian_spectrum(graph),
            incoming=np.bincount(graph.indices, minlength=len(graph)),
            outgoing=graph.degrees,
        )


def clustering(graph: Graph) -> float:
    """Transitivity, without directions: the share of paths of two edges whose ends are connected; nan without such a path."""
    links = _links(graph)
    degrees = links.sum(1)
    return _ratio(float(((links @ links) * links).sum()), float((degrees * (degrees - 1)).sum()))


def path_length(graph: Graph) -> float:
    """Mean length of the shortest paths, without directions, of all pairs of different nodes that have one."""
    lengths = csgraph.shortest_path(_links(graph), unweighted=True, directed=False)
    known = lengths[np.isfinite(lengths) & (lengths > 0)]
    return float(known.mean()) if len(known) else float("nan")


def laplacian_spectrum(graph: Graph) -> np.ndarray:
    """Eigenvalues (N,) of I - D^-1/2 A D^-1/2, without directions, ascending; as many are 0 as there are components (Chung:
    Spectral graph theory, 1997)."""
    links = _links(graph)
    degrees = links.sum(1)
    roots = 1.0 / np.sqrt(np.where(degrees > 0, degrees, 1.0))
    return np.linalg.eigvalsh(np.diag((degrees > 0).astype(float)) - roots[:, None] * links * roots)


def _links(graph: Graph) -> np.ndarray:
    """Which nodes are connected, either way (N, N) float64, without self-loops."""
    joined = graph.joined()
    links = (joined | joined.T).astype(np.float64)
    np.fill_diagonal(links, 0.0)
    return links


def _radius(graph: Graph) -> float:
    """The largest modulus of an eigenvalue of the weights; exactly 0 without a cycle: LAPACK puts these in order."""
    return float(np.abs(np.linalg.eigvals(graph.to_scipy().toarray())).max())


def _z(value: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Standard deviations of `others` (samples, K) that `value` (K,) lies above their mean; nan where they do not differ."""
    spread = others.std(0, ddof=1)
    return np.where(spread > 0, (value - others.mean(0)) / np.where(spread > 0, spread, 1.0), np.nan)


def _profile(z: np.ndarray) -> np.ndarray:
    length = float(np.sqrt(np.nansum(z**2)))
    return z / length if length > 0 else z


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")
