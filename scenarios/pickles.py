"""Arrays and lists out of pickles of which nothing is run.

Loading a pickle calls whatever functions it names. But it is a list of instructions, and data alone need few of them: these are
followed here, and where a pickle would call a function, its name and arguments are noted. Any other instruction is refused.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse


@dataclass
class Made:
    """What a pickle would make: the name of a class or function, its arguments, the state and the items it would be given."""

    name: str
    arguments: tuple
    state: Any = None
    items: dict = field(default_factory=dict)


MARK = object()
PUSHED = ("BININT", "BININT1", "BININT2", "SHORT_BINSTRING", "BINSTRING", "GLOBAL")
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": MARK, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def held(raw: bytes) -> Any:
    """What a pickle of protocol 2 holds: an array of numpy, a matrix of scipy in compressed sparse rows, or a dict of lists.

    Raises ValueError for an instruction that none of these needs, and for anything else that it would make.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for instruction, value, _ in pickletools.genops(raw):
        name = instruction.name
        if name in PUSHED:
            stack.append(value)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in ("EMPTY_LIST", "EMPTY_DICT"):
            stack.append([] if name == "EMPTY_LIST" else {})
        elif name in TUPLES:
            stack[-TUPLES[name] :] = [tuple(stack[-TUPLES[name] :])]
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[value] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name in ("REDUCE", "NEWOBJ"):
            stack[-2:] = [Made(*stack[-2:])]
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].state = state
        elif name == "TUPLE":
            stack.append(tuple(_popped(stack)))
        elif name in ("APPEND", "APPENDS"):
            more = _popped(stack) if name == "APPENDS" else [stack.pop()]
            stack[-1].extend(more)
        elif name == "SETITEMS":
            pairs = _popped(stack)
            items = stack[-1].items if isinstance(stack[-1], Made) else stack[-1]
            items.update(zip(pairs[::2], pairs[1::2]))
        elif name not in ("PROTO", "STOP"):
            raise ValueError(f"a pickle of arrays and lists needs no instruction {name}: it is refused")
    return _plain(stack[-1])


def _popped(stack: list[Any]) -> list[Any]:
    """What stands above the last mark, which is taken off with it."""
    at = max(k for k, one in enumerate(stack) if one is MARK)
    above = stack[at + 1 :]
    del stack[at:]
    return above


def _plain(made: Any) -> Any:
    if not isinstance(made, Made):
        return made
    if made.name == "numpy.core.multiarray _reconstruct":
        _, shape, kind, by_columns, text = made.state
        kept = np.frombuffer(text.encode("latin-1"), np.dtype(kind.state[1] + kind.arguments[0]))
        return kept.reshape(shape, order="F" if by_columns else "C")
    if made.name == "scipy.sparse.csr csr_matrix":
        rows = [_plain(made.state[name]) for name in ("data", "indices", "indptr")]
        return scipy.sparse.csr_array(tuple(rows), shape=made.state["_shape"])
    if made.name == "collections defaultdict":
        return made.items
    raise ValueError(f"expected a pickle of arrays and lists; it would make {made.name}: it is refused")
