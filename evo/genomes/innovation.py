"""Innovation numbers: historical markings (Stanley and Miikkulainen 2002, section 3.2).

Every new gene gets the next number of a counter that only increases. The same structural mutation, if it occurs more than
once in a generation, gets the same numbers. The list of innovations covers one generation: its offspring are numbered in
order, then the list is discarded. Two splits are the same if they split the same innovation. So two different nodes or
connections never share a number, even when a gene is re-enabled and split again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types

if TYPE_CHECKING:
    from evo.genomes.genome import Genomes

_INT64 = types.int64[::1]


class Innovations:
    """node and number: the next hidden node's id and the next connection's innovation number."""

    def __init__(self, node: int, number: int):
        self.node, self.number = node, number

    @classmethod
    def after(cls, genomes: Genomes) -> Innovations:
        """Counters above every node id and innovation number of these genomes."""
        return cls(int(genomes.node_id.max()) + 1, int(genomes.innovation.max(initial=-1)) + 1)

    def pass_by(self, genomes: Genomes) -> None:
        """Moves on beyond every node id and innovation number of these genomes."""
        beyond = Innovations.after(genomes)
        self.node, self.number = max(self.node, beyond.node), max(self.number, beyond.number)

    def assign_numbers(
        self, split: np.ndarray, source: np.ndarray, target: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One generation's structural mutations, in the order of the offspring: the innovation number that each splits, and the
        source and target node of its new connection; -1 for none.

        Returns node, first, connection (P,): the id of the new node, the number of the connection into it (the one out of it is
        one higher), and the number of the new connection; -1 where there is none. The connection may have a smaller number than
        the split of the same offspring, if an earlier offspring made that connection.
        """
        numbers, self.node, self.number = number(split, source, target, self.node, self.number)
        return numbers


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _first_request(table, one, two, child):
    """The first child that requested (one[child], two[child]): the child itself if none did before. table: an open-addressing
    hash table of child indices, -1 where empty; longer than the number of children."""
    index = (one[child] * 40503 + two[child] * 2654435769 + (one[child] >> 7)) % table.size
    while table[index] >= 0:
        other = table[index]
        if one[other] == one[child] and two[other] == two[child]:
            return other
        index = (index + 1) % table.size
    table[index] = child
    return child


_NUMBERS = types.UniTuple(_INT64, 3)


@njit(
    types.Tuple((_NUMBERS, types.int64, types.int64))(_INT64, _INT64, _INT64, types.int64, types.int64), cache=True, nogil=True
)
def number(split, source, target, next_node, next_number):
    """What `Innovations.assign_numbers` returns, and its counters after it."""
    node, first, connection = np.full(split.size, -1), np.full(split.size, -1), np.full(split.size, -1)
    asked = 0
    for child in range(split.size):
        asked += (split[child] >= 0) + (source[child] >= 0)
    splits, connections = np.full(2 * asked + 1, -1), np.full(2 * asked + 1, -1)
    for child in range(split.size):
        if split[child] >= 0:
            known = _first_request(splits, split, split, child)
            if known == child:
                node[child], first[child] = next_node, next_number
                next_node += 1
                next_number += 2
            node[child], first[child] = node[known], first[known]
        if source[child] >= 0:
            known = _first_request(connections, source, target, child)
            if known == child:
                connection[child] = next_number
                next_number += 1
            connection[child] = connection[known]
    return (node, first, connection), next_node, next_number
