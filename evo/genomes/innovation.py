"""Innovation numbers: historical markings (Stanley and Miikkulainen 2002, section 3.2).

Every new gene gets the next number of a counter that never goes back. The same structural mutation, when it happens twice
within a generation, gets the same numbers: the list of a generation's innovations is kept while its offspring are numbered,
in their order, and then forgotten. A split is the same if it splits the same innovation; two nodes or links that differ in
anything thus never share a number, also when a gene is enabled again and split again.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_INT64 = types.int64[::1]


class Innovations:
    """node and number: the next hidden node's id and the next connection's innovation number."""

    def __init__(self, node: int, number: int):
        self.node, self.number = node, number

    def numbered(self, split: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One generation's requests, in the order of the offspring: what each one splits and what it links, -1 for nothing.

        Returns node, first, link (P,): the new node's id and the number of the link into it (that out of it is one more), the
        number of the new link; -1 where nothing was asked for. An offspring's link may have a smaller number than its split,
        if another had it before.
        """
        node, first, link = np.full((3, len(split)), -1, np.int64)
        self.node, self.number = _number(node, first, link, split, source, target, self.node, self.number)
        return node, first, link


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _who_first(table, one, two, child):
    """The first child that asked for (one[child], two[child]): itself, if none did before. table: of a generation's children,
    each at the first free place from where its request is hashed to, -1 where there is none; longer than their number."""
    place = (one[child] * 40503 + two[child] * 2654435769 + (one[child] >> 7)) % table.size
    while table[place] >= 0:
        other = table[place]
        if one[other] == one[child] and two[other] == two[child]:
            return other
        place = (place + 1) % table.size
    table[place] = child
    return child


@njit(types.UniTuple(types.int64, 2)(*(_INT64,) * 6, types.int64, types.int64), cache=True, nogil=True)
def _number(node, first, link, split, source, target, next_node, next_number):
    asked = 0
    for child in range(split.size):
        asked += (split[child] >= 0) + (source[child] >= 0)
    splits, links = np.full(2 * asked + 1, -1), np.full(2 * asked + 1, -1)
    for child in range(split.size):
        if split[child] >= 0:
            known = _who_first(splits, split, split, child)
            if known == child:
                node[child], first[child] = next_node, next_number
                next_node += 1
                next_number += 2
            node[child], first[child] = node[known], first[known]
        if source[child] >= 0:
            known = _who_first(links, source, target, child)
            if known == child:
                link[child] = next_number
                next_number += 1
            link[child] = link[known]
    return next_node, next_number
