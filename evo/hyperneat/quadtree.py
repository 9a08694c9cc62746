"""The quadtree of ES-HyperNEAT: which connections of one node a CPPN expresses (Risi and Stanley, Artificial Life 18(4), 2012).

    division and initialisation    `divide`: the square is divided into four, its parts again, where answers vary
    pruning and extraction         `express`: where answers no longer vary, points in a band become connections

The order of thresholds and their units are those of the code released by S. Risi: variance and bands are of the CPPN's own
answers, before any scale or threshold of weights. In d dimensions a part has 2^d children: an octree in three.

All cells that a tree could have stand in one array, a grid a level, with a border of one cell, since a cell at the edge is
compared with what lies beyond it. So a point that several cells ask for is asked once. Questions are gathered level by level
and asked together: every level up to the initial depth at once, since there is no choice, then only children of cells that
vary. What is known of a cell carries the number of the tree that knew it, so that no array is cleared between trees.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo.genomes.genome import offsets
from evo.network.cpu import answers
from evo.network.program import PROGRAM, Program

ROWS, WIDTH = 256, 32  # questions handed over at a time; of these computed at once
PRESENT, QUESTIONS = range(2)  # of Tree.number
MOST_CELLS = 1 << 20  # of the grids of a tree: 80 MB a thread


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


class Tree(NamedTuple):
    """Grids of levels 0 (the whole square, one cell) .. depth, of 2^level cells a side and a border: cell `first[level] + i` is
    cell i of a level, row by row.

    number: of the present tree, and how many questions were asked since it was last set. answer, leo: what the CPPN said of a
    cell; asked, divided: the number of the tree in which it was asked, in which it has children; leaves, mean, squares: how
    many leaves are below it, their mean and the sum of squared differences from it. wanted, order, tested: lists of cells. x,
    out, values: scratch for questions.
    """

    number: np.ndarray  # int64 (2,)
    first: np.ndarray  # int64 (depth + 2,)
    answer: np.ndarray  # float64 (cells,)
    leo: np.ndarray
    leaves: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    asked: np.ndarray  # int64 (cells,)
    divided: np.ndarray
    wanted: np.ndarray
    order: np.ndarray
    tested: np.ndarray
    x: np.ndarray  # float64 (ROWS, I)
    out: np.ndarray  # float64 (O, ROWS)
    values: np.ndarray  # float64 (slots, WIDTH)


_LONG, _FLOAT, _INT64 = types.int64, types.float64, types.int64[::1]
_DOUBLE, _TABLE = types.float64[::1], types.float64[:, ::1]
RULES = types.NamedTuple(
    (_LONG,) * 3 + (_FLOAT,) * 3 + (_LONG,) + (types.boolean,) * 3 + (_LONG,) * 2 + (_FLOAT, _LONG),
    Rules,
)
TREE = types.NamedTuple((_INT64,) * 2 + (_DOUBLE,) * 5 + (_INT64,) * 5 + (_TABLE,) * 3, Tree)


def cells(dimensions: int, depth: int) -> int:
    """Cells of all grids."""
    return sum((2**level + 2) ** dimensions for level in range(depth + 1))


def planted(program: Program, rules: Rules) -> Tree:
    """A tree that knows nothing, for the CPPNs of a program."""
    first = offsets(np.array([(2**level + 2) ** rules.dimensions for level in range(rules.depth + 1)]))
    numbers, counts = np.empty((5, first[-1])), np.zeros((5, first[-1]), np.int64)
    scratch = [np.empty(shape) for shape in ((ROWS, program.inputs), (program.outputs, ROWS), (program.widest, WIDTH))]
    return Tree._make([np.zeros(2, np.int64), first, *numbers, *counts, *scratch])


@njit(_LONG(TREE, _LONG), cache=True, nogil=True, _nrt=False)
def level_of(tree, cell):
    level = 0
    while tree.first[level + 1] <= cell:
        level += 1
    return level


@njit(types.void(TREE, RULES, _LONG, types.float64[:]), cache=True, nogil=True, _nrt=False)
def place(tree, rules, cell, into):
    """The middle of a cell, into (d,)."""
    level = level_of(tree, cell)
    rest, size = cell - tree.first[level], 2**level
    for axis in range(rules.dimensions - 1, -1, -1):
        into[axis] = (2 * (rest % (size + 2)) - 1) / size - 1.0
        rest //= size + 2


@njit(_LONG(TREE, RULES, _LONG, _LONG, _LONG), cache=True, nogil=True, _nrt=False)
def child(tree, rules, cell, level, which):
    """Child 0 .. 2^d - 1 of a cell of a level; the bits of `which` say on which side of its middle, the last axis first."""
    rest, size, stride, found = cell - tree.first[level], 2**level, 1, tree.first[level + 1]
    for axis in range(rules.dimensions):
        found += (2 * (rest % (size + 2)) - 1 + ((which >> axis) & 1)) * stride
        rest //= size + 2
        stride *= 2 * size + 2
    return found


@njit(types.void(RULES, _DOUBLE), cache=True, nogil=True, _nrt=False)
def differ(rules, row):
    """Adds to the source and target in a question's row what is asked besides, as `cppn.questions` does."""
    d, squares = rules.dimensions, 0.0
    for axis in range(d):
        difference = row[axis] - row[d + axis]
        squares += difference * difference
        if rules.delta:
            row[2 * d + axis] = difference
    if rules.length:
        row[-1] = np.sqrt(squares)


@njit(types.void(PROGRAM, RULES, TREE, _LONG, _DOUBLE, types.boolean, _LONG), cache=True, nogil=True, _nrt=False)
def ask(program, rules, tree, genome, point, outgoing, wanted):
    """What the CPPN says of connections from `point`, or to it, to the first `wanted` cells of tree.wanted."""
    d = rules.dimensions
    other, own = (d, 0) if outgoing else (0, d)
    for begin in range(0, wanted, ROWS):
        rows = min(ROWS, wanted - begin)
        for r in range(rows):
            place(tree, rules, tree.wanted[begin + r], tree.x[r, other : other + d])
            for axis in range(d):
                tree.x[r, own + axis] = point[axis]
            differ(rules, tree.x[r])
        answers(program, genome, tree.x[:rows], tree.out, tree.values)
        tree.number[QUESTIONS] += rows
        for r in range(rows):
            cell = tree.wanted[begin + r]
            tree.answer[cell] = tree.out[0, r]
            tree.leo[cell] = tree.out[rules.leo, r] if rules.leo >= 0 else 1.0
            tree.asked[cell] = tree.number[PRESENT]


@njit(types.void(TREE, RULES, _LONG, _LONG), cache=True, nogil=True, error_model="numpy", _nrt=False)
def gather(tree, rules, cell, level):
    """leaves, mean and squares of a divided cell, from those of its children (Chan, Golub and LeVeque 1983)."""
    count, mean, squares = 0.0, 0.0, 0.0
    for which in range(2**rules.dimensions):
        below = child(tree, rules, cell, level, which)
        inner = tree.divided[below] == tree.number[PRESENT]
        leaves = tree.leaves[below] if inner else 1.0
        difference = (tree.mean[below] if inner else tree.answer[below]) - mean
        both = count + leaves
        mean += difference * leaves / both
        squares += (tree.squares[below] if inner else 0.0) + difference * difference * count * leaves / both
        count = both
    tree.leaves[cell], tree.mean[cell], tree.squares[cell] = count, mean, squares


@njit(_LONG(PROGRAM, RULES, TREE, _LONG, _DOUBLE, types.boolean), cache=True, nogil=True, _nrt=False)
def divide(program, rules, tree, genome, point, outgoing):
    """Division and initialisation: asks for every cell of the tree of `point`. Returns how many cells are divided; they are
    the first in tree.order, each after its parent, and the variance below each is known."""
    children, wanted, divided = 2**rules.dimensions, 0, 1
    tree.order[0] = tree.first[0] + (3**rules.dimensions - 1) // 2
    tree.divided[tree.order[0]] = tree.number[PRESENT]
    level_begin, level = 0, 0
    while level < rules.initial:  # no choice here: all at once
        level_end = divided
        for k in range(level_begin, level_end):
            for which in range(children):
                below = child(tree, rules, tree.order[k], level, which)
                tree.wanted[wanted] = below
                wanted += 1
                if level + 1 < rules.initial:
                    tree.divided[below] = tree.number[PRESENT]
                    tree.order[divided] = below
                    divided += 1
        if level + 1 < rules.initial:
            level_begin = level_end
        level += 1
    ask(program, rules, tree, genome, point, outgoing, wanted)
    level -= 1  # of the cells from level_begin on, whose children are known
    while level + 1 < rules.depth and level_begin < divided:
        level_end, wanted = divided, 0
        for k in range(level_begin, level_end):
            gather(tree, rules, tree.order[k], level)
            if tree.squares[tree.order[k]] / children > rules.division:
                for which in range(children):
                    below = child(tree, rules, tree.order[k], level, which)
                    tree.divided[below] = tree.number[PRESENT]
                    tree.order[divided] = below
                    divided += 1
                    for further in range(children):
                        tree.wanted[wanted] = child(tree, rules, below, level + 1, further)
                        wanted += 1
        ask(program, rules, tree, genome, point, outgoing, wanted)
        level_begin = level_end
        level += 1
    for k in range(divided - 1, -1, -1):
        gather(tree, rules, tree.order[k], level_of(tree, tree.order[k]))
    return divided


@njit(_LONG(TREE, RULES), cache=True, nogil=True, _nrt=False)
def prune(tree, rules):
    """Lists the cells where a branch is cut, as answers below vary less than the threshold, or as there is nothing below, in
    tree.tested; returns how many."""
    tests, visited, open_cells = 0, 0, 1  # tree.order is read and written as a queue
    while visited < open_cells:
        cell = tree.order[visited]
        level = level_of(tree, cell)
        for which in range(2**rules.dimensions):
            below = child(tree, rules, cell, level, which)
            if tree.divided[below] == tree.number[PRESENT] and tree.squares[below] / tree.leaves[below] >= rules.variance:
                tree.order[open_cells] = below
                open_cells += 1
            else:
                tree.tested[tests] = below
                tests += 1
        visited += 1
    return tests


@njit(types.boolean(TREE, RULES, _LONG), cache=True, nogil=True, _nrt=False)
def in_band(tree, rules, cell):
    """Whether along some axis a cell's answer differs from those on both sides by more than the threshold."""
    stride, side = 1, 2 ** level_of(tree, cell) + 2
    for _ in range(rules.dimensions):
        low = abs(tree.answer[cell] - tree.answer[cell - stride])
        high = abs(tree.answer[cell] - tree.answer[cell + stride])
        if low > rules.band and high > rules.band:
            return True
        stride *= side
    return False


@njit(_LONG(PROGRAM, RULES, TREE, _LONG, _DOUBLE, types.boolean), cache=True, nogil=True, _nrt=False)
def express(program, rules, tree, genome, point, outgoing):
    """The cells that `point` is connected to. Returns how many, which are then the first of tree.tested; the weight of each is
    its answer, before the range of weights."""
    tree.number[PRESENT] += 1
    divide(program, rules, tree, genome, point, outgoing)
    tests = prune(tree, rules)
    wanted = 0
    for k in range(tests):
        cell = tree.tested[k]
        stride, side = 1, 2 ** level_of(tree, cell) + 2
        for _ in range(rules.dimensions):
            for beside in (cell - stride, cell + stride):
                if tree.asked[beside] != tree.number[PRESENT]:
                    tree.asked[beside] = tree.number[PRESENT]
                    tree.wanted[wanted] = beside
                    wanted += 1
            stride *= side
    ask(program, rules, tree, genome, point, outgoing, wanted)
    found = 0
    for k in range(tests):
        cell = tree.tested[k]
        if in_band(tree, rules, cell) and tree.leo[cell] > 0.0 and np.isfinite(tree.answer[cell] * rules.weight_range):
            tree.tested[found] = cell
            found += 1
    return found
