"""Constraints in a fitness, which stays one number: g (P, K) are satisfied where <= 0, fitness (P,) is maximised.

Feasibility rule (Deb: An efficient constraint handling method for genetic algorithms. Computer Methods in Applied Mechanics
and Engineering 186, 2000): a feasible point beats an infeasible one, the smaller violation the larger. Deb ranks within a
population; here an infeasible point is worth less than any feasible one, so that points of two generations compare as well.

Augmented Lagrangian (Atamna, Auger, Hansen: Linearly convergent evolution strategies via augmented Lagrangian constraint
handling. FOGA 2017, Algorithm 1): multipliers that adapt from generation to generation, first set as pycma does, by spreads.
"""

from __future__ import annotations

import numpy as np

INFEASIBLE = -1e30  # the fitness of a feasible point is above it
HANDLINGS = ("feasibility", "penalty", "augmented-lagrangian", "objective")
K1, K2, DAMPING_MULTIPLIER, DAMPING_WEIGHT = 3.0, 5.0, 5.0, 5.0  # k1, k2, d_gamma, d_omega of the paper


def violation(g: np.ndarray) -> np.ndarray:
    """The sum (P,) of what constraints g (P, K) are above 0."""
    return np.maximum(g, 0.0).sum(axis=-1)


def feasible(fitness: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The feasibility rule: fitness (P,) or (P, M), but INFEASIBLE * (1 + violation) where a constraint is violated."""
    total = violation(g).reshape(len(g), *[1] * (fitness.ndim - 1))
    return np.where(total > 0, INFEASIBLE * (1 + total), fitness)


def penalised(fitness: np.ndarray, g: np.ndarray, weight: float) -> np.ndarray:
    """A plain penalty: fitness (P,) or (P, M), minus the violation times `weight`."""
    return fitness - weight * violation(g).reshape(len(g), *[1] * (fitness.ndim - 1))


class AugmentedLagrangian:
    """Multipliers and weights (K,) of constraints in a space of `dimensions`; 0 until a tenth of a population violates the
    constraint for the first time.

        lagrangian = AugmentedLagrangian(dimensions=4, constraints=2)
        algorithm.tell(lagrangian.fitness(fitness, g))     # fitness (P,), maximised; g (P, K)
        lagrangian.update(fitness, g)                      # once a generation
    """

    def __init__(self, dimensions: int, constraints: int):
        self.dimensions = dimensions
        self.multipliers, self.weights = np.zeros(constraints), np.zeros(constraints)
        self.last = np.full(1 + constraints, np.nan)  # fitness and g of the last generation's fittest

    def fitness(self, fitness: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The fitness (P,), minus multiplier g + weight g^2 / 2 for each constraint, or its minimum where g is below that."""
        weights = np.where(self.weights > 0, self.weights, 1.0)
        quadratic = self.multipliers * g + 0.5 * self.weights * np.minimum(g, 1e150) ** 2
        terms = np.where(self.weights * g >= -self.multipliers, quadratic, -(self.multipliers**2) / (2 * weights))
        return fitness - terms.sum(axis=1)

    def update(self, fitness: np.ndarray, g: np.ndarray) -> None:
        """What a generation's points (P,), (P, K) teach: where their fittest lies beyond a constraint, its multiplier grows;
        its weight grows while the fittest hardly moves in it from generation to generation."""
        known = np.isfinite(fitness) & np.isfinite(g).all(axis=1)
        if not known.any():
            return
        self._begin(fitness[known], g[known])
        weighed = self.fitness(fitness[known], g[known])
        at = int(np.argmax(weighed))
        value, here = float(fitness[known][at]), g[known][at]
        before, self.last = self.last, np.concatenate([[value], here])
        if np.isfinite(before).all():
            moved = abs(float(self.fitness(before[:1], before[None, 1:])[0]) - weighed[at])
            slow = K2 * np.abs(here - before[1:]) < np.abs(before[1:])
            grows = (self.weights * here**2 < K1 * moved / self.dimensions) | slow
            rate = 2 ** (1 / (DAMPING_WEIGHT * self.dimensions))
            self.weights *= np.where(grows, rate**0.25, 1 / rate)
        self.multipliers = np.maximum(0.0, self.multipliers + self.weights * here / DAMPING_MULTIPLIER)

    def _begin(self, fitness: np.ndarray, g: np.ndarray) -> None:
        new = (self.weights == 0) & ((g > 0).mean(axis=0) > 0.1)
        spread = lambda values: np.subtract(*np.percentile(values, [75, 25], axis=0))
        ratio = spread(fitness) / (self.dimensions * spread(g) + 1e-11 * (spread(fitness) + 1))
        self.multipliers[new], self.weights[new] = ratio[new], 0.4 * ratio[new]

    def state_dict(self) -> dict[str, list[float]]:
        """What `load_state_dict` takes up again."""
        return {name: getattr(self, name).tolist() for name in ("multipliers", "weights", "last")}

    def load_state_dict(self, state: dict[str, list[float]]) -> None:
        for name, values in state.items():
            setattr(self, name, np.array(values))
