"""What the graph of a genome says of its fitness, by ridge regression, so that some need not be evaluated.

Of a graph network (GIN) and a linear model on the same graphs the linear one predicted better where we measured it, for a
thousandth of the time; so ridge it is. Gaier, Asteroth, Mouret: Data-efficient neuroevolution with kernel-based surrogate
models. GECCO 2018, is NEAT with a surrogate of another kind, a Gaussian process on compatibility distances.
"""

from __future__ import annotations

import numpy as np

from evo.genomes.genome import BIAS, HIDDEN, Genomes
from evo.search.strategy import centred_ranks

FIRST = 64  # initial connections, at most, of which each weight is a column
PENALTY = 10.0  # of the squared coefficients of standardised columns


def features(genomes: Genomes) -> np.ndarray:
    """Columns (P, K) float64 of each genome: hidden nodes; enabled, disabled and bias connections; mean, deviation, mean and
    largest magnitude of enabled weights; mean and largest number of connections into a node; then the weights, 0 where
    disabled, of the first min(FIRST, (I + 1) O) innovation numbers, which are those of the initial connections."""
    size = len(genomes)
    node_of, gene_of = genomes.owners()
    enabled = genomes.enabled
    weight, owner = genomes.weight[enabled], gene_of[enabled]
    count = np.bincount(owner, minlength=size).astype(float)
    share = 1.0 / np.maximum(count, 1.0)
    mean = np.bincount(owner, weight, size) * share
    square = np.bincount(owner, weight**2, size) * share
    largest = np.zeros(size)
    np.maximum.at(largest, owner, np.abs(weight))
    source, target = (genomes.node_indices(end)[enabled] for end in ("source", "target"))
    into = np.bincount(target, minlength=len(node_of))
    busiest = np.zeros(size)
    np.maximum.at(busiest, node_of, into)
    reached = np.bincount(node_of, into > 0, size)
    columns = [
        np.bincount(node_of, genomes.node_kind == HIDDEN, size),
        count,
        np.bincount(gene_of, ~enabled, size),
        np.bincount(owner, genomes.node_kind[source] == BIAS, size),
        mean,
        np.sqrt(np.maximum(square - mean**2, 0.0)),
        np.bincount(owner, np.abs(weight), size) * share,
        largest,
        count / np.maximum(reached, 1.0),
        busiest,
    ]
    first = np.zeros((size, min(FIRST, (genomes.inputs + 1) * genomes.outputs)))
    known = enabled & (genomes.innovation < first.shape[1])
    first[gene_of[known], genomes.innovation[known]] = genomes.weight[known]
    return np.column_stack([*columns, first])


class Ridge:
    """Predicts where a genome ranks among those of `x` (n, K), of fitness (n,): 0 the worst, 1 the best. A fitness that is not
    finite is the worst. Equal fitness of all is predicted as .5."""

    def __init__(self, x: np.ndarray, fitness: np.ndarray):
        spread = x.std(0)
        self.centre, self.scale = x.mean(0), np.where(spread > 0, spread, 1.0)
        z, y = self.standard(x), centred_ranks(fitness)
        self.coefficients = np.linalg.solve(z.T @ z + PENALTY * np.eye(z.shape[1]), z.T @ y)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Ranks (n,)."""
        found: np.ndarray = self.standard(x) @ self.coefficients + 0.5
        return found

    def standard(self, x: np.ndarray) -> np.ndarray:
        standardised: np.ndarray = (x - self.centre) / self.scale
        return standardised
