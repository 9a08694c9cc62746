"""Innovation numbers: historical markings (Stanley and Miikkulainen 2002, section 3.2).

Every new gene gets the next number of a counter that never goes back. The same structural mutation, when it happens twice
within a generation, gets the same numbers: the list of a generation's innovations is kept while its offspring are numbered,
in their order, and then forgotten. A split is the same if it splits the same innovation; two nodes or links that differ in
anything thus never share a number, also when a gene is enabled again and split again.
"""

from __future__ import annotations

import numpy as np


class Innovations:
    """node and number: the next hidden node's id and the next connection's innovation number."""

    def __init__(self, node: int, number: int):
        self.node, self.number = node, number
        self._splits: dict[int, tuple[int, int]] = {}
        self._links: dict[tuple[int, int], int] = {}

    def new_generation(self) -> None:
        self._splits.clear()
        self._links.clear()

    def split(self, connection: int) -> tuple[int, int]:
        """The node in the middle of innovation `connection`, and the number of the link into it; that out of it is one more."""
        if connection not in self._splits:
            self._splits[connection] = (self.node, self.number)
            self.node += 1
            self.number += 2
        return self._splits[connection]

    def link(self, source: int, target: int) -> int:
        """The number of a new link between two nodes."""
        if (source, target) not in self._links:
            self._links[source, target] = self.number
            self.number += 1
        return self._links[source, target]

    def numbered(self, split: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One generation's requests, in the order of the offspring: what each one splits and what it links, -1 for nothing.

        Returns node, first, link (P,): the new node's id and the number of the link into it, the number of the new link;
        -1 where nothing was asked for. An offspring's link may have a smaller number than its split, if another had it before.
        """
        self.new_generation()
        given = np.full((3, len(split)), -1, np.int64)
        asking = np.flatnonzero((split >= 0) | (source >= 0))
        requests = zip(asking.tolist(), split[asking].tolist(), source[asking].tolist(), target[asking].tolist())
        for child, connection, start, end in requests:
            if connection >= 0:
                given[:2, child] = self.split(connection)
            if start >= 0:
                given[2, child] = self.link(start, end)
        return given[0], given[1], given[2]
