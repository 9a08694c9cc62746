"""The quadtree of ES-HyperNEAT: which connections of one node a CPPN expresses (Risi and Stanley, Artificial Life 18(4), 2012).

    division and initialisation    `divide`: the square is divided into four, its parts again, where answers vary
    pruning and extraction         `express`: where answers no longer vary, points in a band become connections

The order of thresholds and their units are those of the code released by S. Risi: variance and bands are of the CPPN's own
answers, before any scale or threshold of weights. In d dimensions a part has 2^d children: an octree in three.

All cells that a tree could have stand in one array, a grid a level, with a border of one cell, since a cell at the edge is
compared with what lies beyond it. So a point that several cells ask for is asked once. Questions are gathered level by level
and asked together: every level up to the initial depth at once, since there is no choice, then only children of cells that
vary. What is known of a cell carries the number of the tree that knew it, so that no array is cleared between trees.

Kernels here are entered from `discovery` alone, so they have no wrappers for Python. Most are written into their callers: a
call hands over some 300 numbers, which takes longer than what they do, and every level of calls is optimised anew.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo.genomes.genome import offsets
from evo.network.cpu import compute_rows
from evo.network.program import PROGRAM, Program

WIDTHS = (8, 16, 32)  # questions computed at once: the smallest that takes all, or the largest
PRESENT, QUESTIONS = range(2)  # of Tree.number
MOST_CELLS = 1 << 20  # of the grids of a tree: 80 MB a thread, and 40 MB


class Rules(NamedTuple):
    """What the settings of ES-HyperNEAT say, as kernels take it.

    initial, depth: levels that are always, and at most, divided; division, variance, band: the thresholds; iterations: how
    often hidden nodes ask for further ones; cycles: whether connections of hidden nodes may go in every direction. delta,
    length: as of `cppn.Reading`; bias, leo: the CPPN's output for it, -1: none. most: connections of a network.
    """

    dimensions: int
    initial: int
    depth: int
    division: float
    variance: float
    band: float
    iterations: int
    cycles: bool
    delta: bool
    length: bool
    bias: int
    leo: int
    weight_range: float
    most: int


class Grids(NamedTuple):
    """Where cells lie: levels 0 (the whole square, one cell) .. depth, of 2^level cells a side and a border; cell first[level]
    + i is cell i of a level, row by row. level, middle: of each cell; below: the first of its 2^d children. Of each level,
    step: from this child to the others; stride: from a cell to the next along each axis."""

    first: np.ndarray  # int64 (depth + 2,)
    level: np.ndarray  # int64 (cells,)
    middle: np.ndarray  # float64 (cells, d)
    below: np.ndarray  # int64 (cells,)
    step: np.ndarray  # int64 (depth + 1, 2^d)
    stride: np.ndarray  # int64 (depth + 1, d)


class Spread(NamedTuple):
    """Of divided cells, the number of the tree in which they are; how many leaves are below, their mean and the sum of squared
    differences from it."""

    tree: np.ndarray  # int64 (cells,)
    leaves: np.ndarray  # float64 (cells,)
    mean: np.ndarray
    squares: np.ndarray


class Tree(NamedTuple):
    """What a CPPN says of the cells of `grids`.

    number: of the present tree, and how many questions were asked since it was last set. answer, leo: what the CPPN said of a
    cell; asked: the number of the tree in which it was. wanted, order, tested: lists of cells. values: scratch for questions,
    one of each width.
    """

    grids: Grids
    spread: Spread
    number: np.ndarray  # int64 (2,)
    answer: np.ndarray  # float64 (cells,)
    leo: np.ndarray
    asked: np.ndarray  # int64 (cells,)
    wanted: np.ndarray
    order: np.ndarray
    tested: np.ndarray
    values: tuple[np.ndarray, ...]  # float64 (slots, width)


_LONG, _FLOAT, _INT64 = types.int64, types.float64, types.int64[::1]
_DOUBLE, _TABLE, _LONGS = types.float64[::1], types.float64[:, ::1], types.int64[:, ::1]
RULES = types.NamedTuple(
    (_LONG,) * 3 + (_FLOAT,) * 3 + (_LONG,) + (types.boolean,) * 3 + (_LONG,) * 2 + (_FLOAT, _LONG),
    Rules,
)
GRIDS = types.NamedTuple((_INT64, _INT64, _TABLE, _INT64, _LONGS, _LONGS), Grids)
SPREAD = types.NamedTuple((_INT64, _DOUBLE, _DOUBLE, _DOUBLE), Spread)
TREE = types.NamedTuple(
    (GRIDS, SPREAD, _INT64, _DOUBLE, _DOUBLE) + (_INT64,) * 4 + (types.UniTuple(_TABLE, len(WIDTHS)),),
    Tree,
)
INNER = dict(cache=True, nogil=True, error_model="numpy", _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def cells(dimensions: int, depth: int) -> int:
    """Cells of all grids."""
    return sum((2**level + 2) ** dimensions for level in range(depth + 1))


@lru_cache(maxsize=2)
def grids(dimensions: int, depth: int) -> Grids:
    """Those of so many levels."""
    sides = [2**level + 2 for level in range(depth + 2)]
    powers = np.array([[side**axis for axis in reversed(range(dimensions))] for side in sides], np.int64)
    first = offsets(np.array([side**dimensions for side in sides[:-1]]))
    signs = (np.arange(2**dimensions)[:, None] >> np.arange(dimensions)[::-1]) & 1  # the last axis first
    level, middle, below = np.empty(first[-1], np.int64), np.empty((first[-1], dimensions)), np.empty(first[-1], np.int64)
    for k, side in enumerate(sides[:-1]):
        own, place = slice(first[k], first[k + 1]), np.indices((side,) * dimensions).reshape(dimensions, -1).T
        level[own], middle[own] = k, (2 * place - 1) / 2**k - 1.0
        below[own] = first[k + 1] + ((2 * place - 1) @ powers[k + 1])
    return Grids(first, level, middle, below, powers[1:] @ signs.T, powers[:-1].copy())


def planted(program: Program, rules: Rules) -> Tree:
    """A tree that knows nothing, for the CPPNs of a program."""
    known = grids(rules.dimensions, rules.depth)
    size = len(known.level)
    spread = Spread(np.zeros(size, np.int64), *np.empty((3, size)))
    values = tuple(np.zeros((program.widest, width)) for width in WIDTHS)
    return Tree._make([known, spread, np.zeros(2, np.int64), *np.empty((2, size)), *np.zeros((4, size), np.int64), values])


@njit(types.void(PROGRAM, RULES, _LONG, _TABLE, _LONG), **INNER)
def consult(program, rules, genome, values, rows):
    """What the CPPN says to the first `rows` columns of `values`, where source and target stand: adds what is asked besides, as
    `cppn.questions` does, and computes."""
    d = rules.dimensions
    if rules.delta:
        for axis in range(d):
            for r in range(rows):
                values[2 * d + axis, r] = values[axis, r] - values[d + axis, r]
    if rules.length:
        for r in range(rows):
            squares = 0.0
            for axis in range(d):
                difference = values[axis, r] - values[d + axis, r]
                squares += difference * difference
            values[program.inputs - 1, r] = np.sqrt(squares)
    compute_rows(program, genome, values)


@njit(inline="always")
def wide_enough(wanted):
    """Which of WIDTHS takes so many questions, or as many as can be."""
    k = 0
    while k < len(WIDTHS) - 1 and WIDTHS[k] < wanted:
        k += 1
    return k


@njit(types.void(PROGRAM, RULES, TREE, _LONG, _DOUBLE, types.boolean, _LONG), **INNER)
def ask(program, rules, tree, genome, point, outgoing, wanted):
    """What the CPPN says of connections from `point`, or to it, to the first `wanted` cells of tree.wanted."""
    d, output, scratch, middle = rules.dimensions, program.first_output[genome], tree.values, tree.grids.middle
    cells, number, answer, leo, asked = tree.wanted, tree.number, tree.answer, tree.leo, tree.asked
    other, own = (d, 0) if outgoing else (0, d)
    begin = 0
    while begin < wanted:
        values = scratch[wide_enough(wanted - begin)]
        rows = min(wanted - begin, values.shape[1])
        for axis in range(d):
            for r in range(rows):
                values[other + axis, r] = middle[cells[begin + r], axis]
                values[own + axis, r] = point[axis]
        consult(program, rules, genome, values, rows)
        for r in range(rows):
            cell = cells[begin + r]
            answer[cell] = values[output, r]
            leo[cell] = values[output + rules.leo, r] if rules.leo >= 0 else 1.0
            asked[cell] = number[PRESENT]
        begin += rows
    number[QUESTIONS] += wanted


@njit(inline="always")
def gather(grids, spread, answer, present, cell):
    """leaves, mean and squares of a divided cell, from those of its children (Chan, Golub and LeVeque 1983)."""
    count, mean, squares = 0.0, 0.0, 0.0
    first, step = grids.below[cell], grids.step[grids.level[cell]]
    for which in range(step.size):
        below = first + step[which]
        inner = spread.tree[below] == present
        leaves = spread.leaves[below] if inner else 1.0
        difference = (spread.mean[below] if inner else answer[below]) - mean
        both = count + leaves
        mean += difference * leaves / both
        squares += (spread.squares[below] if inner else 0.0) + difference * difference * count * leaves / both
        count = both
    spread.leaves[cell], spread.mean[cell], spread.squares[cell] = count, mean, squares


@njit(inline="always")
def divide(program, rules, tree, genome, point, outgoing):
    """Division and initialisation: asks for every cell of the tree of `point`. Returns how many cells are divided; they are
    the first in tree.order, each after its parent, and the variance below each is known."""
    children, wanted, divided, present = 1 << rules.dimensions, 0, 1, tree.number[PRESENT]
    grids, spread, answer, order, cells = tree.grids, tree.spread, tree.answer, tree.order, tree.wanted
    order[0] = (3**rules.dimensions - 1) // 2  # the middle of level 0
    spread.tree[order[0]] = present
    level_begin, level = 0, 0
    while level < rules.initial:  # no choice here: all at once
        level_end = divided
        for k in range(level_begin, level_end):
            for which in range(children):
                below = grids.below[order[k]] + grids.step[level, which]
                cells[wanted] = below
                wanted += 1
                if level + 1 < rules.initial:
                    spread.tree[below] = present
                    order[divided] = below
                    divided += 1
        if level + 1 < rules.initial:
            level_begin = level_end
        level += 1
    ask(program, rules, tree, genome, point, outgoing, wanted)
    level -= 1  # of the cells from level_begin on, whose children are known
    while level + 1 < rules.depth and level_begin < divided:
        level_end, wanted = divided, 0
        for k in range(level_begin, level_end):
            gather(grids, spread, answer, present, order[k])
            if spread.squares[order[k]] / children > rules.division:
                for which in range(children):
                    below = grids.below[order[k]] + grids.step[level, which]
                    spread.tree[below] = present
                    order[divided] = below
                    divided += 1
                    for further in range(children):
                        cells[wanted] = grids.below[below] + grids.step[level + 1, further]
                        wanted += 1
        ask(program, rules, tree, genome, point, outgoing, wanted)
        level_begin = level_end
        level += 1
    for k in range(divided - 1, -1, -1):
        gather(grids, spread, answer, present, order[k])
    return divided


@njit(inline="always")
def prune(tree, rules):
    """Lists the cells where a branch is cut, as answers below vary less than the threshold, or as there is nothing below, in
    tree.tested; returns how many."""
    grids, spread, order, tested, present = tree.grids, tree.spread, tree.order, tree.tested, tree.number[PRESENT]
    tests, visited, open_cells = 0, 0, 1  # order is read and written as a queue
    while visited < open_cells:
        cell = order[visited]
        first, step = grids.below[cell], grids.step[grids.level[cell]]
        for which in range(step.size):
            below = first + step[which]
            if spread.tree[below] == present and spread.squares[below] / spread.leaves[below] >= rules.variance:
                order[open_cells] = below
                open_cells += 1
            else:
                tested[tests] = below
                tests += 1
        visited += 1
    return tests


@njit(inline="always")
def in_band(answer, strides, cell, band):
    """Whether along some axis a cell's answer differs from those on both sides by more than the threshold."""
    for k in range(strides.size):
        low = abs(answer[cell] - answer[cell - strides[k]])
        high = abs(answer[cell] - answer[cell + strides[k]])
        if low > band and high > band:
            return True
    return False


@njit(inline="always")
def express(program, rules, tree, genome, point, outgoing):
    """The cells that `point` is connected to. Returns how many, which are then the first of tree.tested; the weight of each is
    its answer, before the range of weights."""
    tree.number[PRESENT] += 1
    divide(program, rules, tree, genome, point, outgoing)
    tests, wanted, present = prune(tree, rules), 0, tree.number[PRESENT]
    tested, asked, cells, answer, leo = tree.tested, tree.asked, tree.wanted, tree.answer, tree.leo
    stride, level = tree.grids.stride, tree.grids.level
    for k in range(tests):
        cell = tested[k]
        for axis in range(rules.dimensions):
            for side in (-1, 1):
                beside = cell + side * stride[level[cell], axis]
                if asked[beside] != present:
                    asked[beside] = present
                    cells[wanted] = beside
                    wanted += 1
    ask(program, rules, tree, genome, point, outgoing, wanted)
    found = 0
    for k in range(tests):
        cell = tested[k]
        banded = in_band(answer, stride[level[cell]], cell, rules.band)
        if banded and leo[cell] > 0.0 and np.isfinite(answer[cell] * rules.weight_range):
            tested[found] = cell
            found += 1
    return found
