"""Fronts of several objectives and crowding within them, as in NSGA-II (Deb et al. 2002, section III).

Points are sorted once, the fittest first, so that none is dominated by a later one; each joins the first front that holds
nobody who dominates it, found by bisection (Zhang, Tian, Cheng, Jin: An efficient approach to nondominated sorting for
evolutionary multiobjective optimization. IEEE Transactions on Evolutionary Computation 19, 2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numba import njit


def survivors(fitness: np.ndarray, *costs: np.ndarray, size: int, share: float = 1.0) -> np.ndarray:
    """The places of at most `size` of the points (fitness, costs), all (P,): of equal points the first; nobody without finite
    fitness while another has it; (1 - share) * size by fitness alone, the others by front and crowding."""
    columns = np.stack([fitness, *costs])
    order = np.lexsort(columns)
    ordered = columns[:, order]
    first = order[np.append(True, (ordered[:, 1:] != ordered[:, :-1]).any(axis=0))]
    able = np.isfinite(fitness[first])
    order = np.sort(first[able] if able.any() else first)
    order = order[np.argsort(-fitness[order], kind="stable")]
    fittest, others = np.split(order, [round((1 - share) * size)])
    room = size - len(fittest)
    return np.concatenate([fittest, _chosen(columns[:, others], others, room) if len(others) > room else others])


def _chosen(points: np.ndarray, places: np.ndarray, room: int) -> np.ndarray:
    """`room` of the `places` of points (M, n): whole fronts, then of the next the least crowded."""
    chosen: list[np.ndarray] = []
    for front in _fronts(points):
        if len(front) >= room:
            least = np.argsort(-_crowding(points[:, front]), kind="stable")
            return np.concatenate([*chosen, places[front[least[:room]]]])
        chosen.append(places[front])
        room -= len(front)
    return np.concatenate(chosen)


def standing(fitness: np.ndarray, *costs: np.ndarray, counted: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the points (fitness, costs), all (P,), the number of its front, 0 the best, and its crowding distance in it.

    counted (P, P): whether costs count where two points are compared, else fitness alone decides; None: they always do.
    """
    points = np.stack([fitness, *costs]).astype(float)
    rank, crowding = np.empty(len(fitness), int), np.empty(len(fitness))
    fronts: Iterable[np.ndarray] = _fronts(points) if counted is None else _counted_fronts(fitness, costs, counted)
    for number, front in enumerate(fronts):
        rank[front], crowding[front] = number, _crowding(points[:, front])
    return rank, crowding


def _fronts(points: np.ndarray) -> list[np.ndarray]:
    """Places of the points (M, n), the first maximised, the others minimised, of each front, there in the order of the sort."""
    order = np.lexsort([*points[:0:-1], -points[0]])
    rank = np.empty(len(order), np.int64)
    _rank(np.ascontiguousarray(points[:, order].T, np.float64), rank)
    return np.split(order[np.argsort(rank, kind="stable")], np.cumsum(np.bincount(rank))[:-1])


@njit("void(float64[:, ::1], int64[::1])", cache=True, nogil=True)
def _rank(points, rank):
    """The front of each of the sorted points (n, M); the sort has compared the first objective."""
    count, costs = points.shape
    last = np.full(count, -1)  # of each front its latest point
    before = np.full(count, -1)  # of each point the one before it in its front
    fronts = 0
    for i in range(count):
        low, high = 0, fronts
        while low < high:
            middle = (low + high) // 2
            j, dominated = last[middle], False
            while j >= 0 and not dominated:
                dominated, differs = True, points[j, 0] != points[i, 0]
                for m in range(1, costs):
                    if points[j, m] > points[i, m]:
                        dominated = False
                        break
                    differs |= points[j, m] != points[i, m]
                dominated &= differs
                j = before[j]
            if dominated:
                low = middle + 1
            else:
                high = middle
        rank[i], before[i], last[low] = low, last[low], i
        fronts = max(fronts, low + 1)


def _crowding(points: np.ndarray) -> np.ndarray:
    """The crowding distance of each of the points (M, n) of one front: the mean side of the box up to its neighbours, in the
    front's extent; infinite at the ends."""
    distance, order = np.zeros(points.shape[1]), np.arange(points.shape[1])
    for values in points:
        order = order[np.argsort(values[order], kind="stable")]
        distance[order[[0, -1]]] = np.inf
        if values[order[0]] < values[order[-1]]:
            with np.errstate(invalid="ignore"):  # between infinite ones
                sides = values[order[2:]] - values[order[:-2]]
                distance[order[1:-1]] += sides / (len(points) * (values[order[-1]] - values[order[0]]))
    return distance


def _counted_fronts(fitness: np.ndarray, costs: Sequence[np.ndarray], counted: np.ndarray) -> Iterator[np.ndarray]:
    """Places of the points that no other dominates, then of those that only these dominate, and so on. There is an end, since
    who dominates is fitter, or as fit and cheaper."""
    values = np.stack([fitness, *(-cost for cost in costs)])
    no_worse = (values[:, :, None] >= values[:, None]).all(0)
    dominates = np.where(counted, no_worse & ~no_worse.T, fitness[:, None] > fitness)
    dominators = dominates.sum(0)
    while (front := np.flatnonzero(dominators == 0)).size:
        yield front
        dominators -= dominates[front].sum(0)
        dominators[front] = -1
