"""Graphs and labels of nodes in files: edge lists, .npz, Matrix Market, GraphML and GML.

An edge list has a line an edge: two ids, and a weight where there is a third column; separated by a comma, a semicolon, a tab
or blanks. Lines that begin with # or % are remarks. A first line of names is one whose third column is no number, whose names
are those of `HEADER`, or the only one whose ids are no whole numbers. Ids are whole numbers where all are spelled as such (7,
not 07), else text. No file is read that could hold code: a pickle is refused, and .npz has arrays of numbers and text alone.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx
import numpy as np
import scipy.io
import scipy.sparse

from evo.settings import did_you_mean
from graphs.data import Graph

TEXT = (".csv", ".tsv", ".txt", ".edges", ".edgelist", ".ungraph")
SUFFIXES = (*TEXT, ".npz", ".mtx", ".graphml", ".gml")
PICKLES = (".pkl", ".pickle", ".gpickle", ".p", ".joblib", ".pt", ".pth")
HEADER = re.compile(r"(source|target|src|dst|from|to|head|tail|u|v|(node|id|user)_?[12ab]?|weight|label|class|club)", re.I)
NUMBER = re.compile(r"0|-?[1-9]\d*")


@dataclass(frozen=True)
class Labels:
    """Labels of a graph's nodes: classes, the C names in order; members (N, C) bool, a row a node; a node may have none, one or
    several."""

    classes: tuple[Hashable, ...]
    members: np.ndarray


def read_graph(path: str | Path, *, directed: bool = False, duplicates: str = "refuse") -> Graph:
    """The graph in a file, by its suffix.

    directed: of an edge list; GraphML and GML say it themselves, of a matrix it is known by symmetry. duplicates: as of
    `Graph.from_edges`. Raises ValueError, naming the line where there is one, for a file that is no graph, FileNotFoundError.
    """
    path = Path(path)
    if path.suffix in PICKLES:
        raise ValueError(f"{path}: a pickle may hold code, and is not read; write an edge list, GraphML or .npz")
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected one of {', '.join(SUFFIXES)}{did_you_mean(path.suffix, SUFFIXES)}")
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix in TEXT:
        return _edge_list(path, directed, duplicates)
    try:
        if path.suffix == ".npz":
            return _arrays(path)
        if path.suffix == ".mtx":
            return Graph.from_scipy(scipy.sparse.csr_array(scipy.io.mmread(path)))
        read = networkx.read_graphml if path.suffix == ".graphml" else networkx.read_gml
        return Graph.from_networkx(read(path))
    except (ValueError, KeyError, ParseError, networkx.NetworkXException, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{path}: no graph ({error})") from error


def read_labels(path: str | Path, graph: Graph) -> Labels:
    """The labels of a graph's nodes in a file of two columns, id and label, separated as an edge list is.

    A node with several labels has several lines. Raises ValueError for a node that the graph lacks, naming the line.
    """
    path = Path(path)
    lines = list(_lines(path))
    if lines and len(lines[0][1]) == 2 and _named(lines[0][1]):
        lines = lines[1:]
    for number, words in lines:
        if len(words) != 2:
            raise ValueError(f"{path}, line {number}: expected an id and a label; got {len(words)} columns")
    if not lines:
        raise ValueError(f"{path}: expected lines of an id and a label; got none")
    ids, labels = (_typed([words[column] for _, words in lines]) for column in (0, 1))
    rows = []
    for (number, _), each in zip(lines, ids):
        try:
            rows.append(int(graph.rows([each])[0]))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    classes = tuple(sorted(set(labels)))  # type: ignore[type-var]  # all text or all numbers
    members = np.zeros((len(graph), len(classes)), bool)
    members[rows, [classes.index(label) for label in labels]] = True
    return Labels(classes, members)


def write_graph(graph: Graph, path: str | Path) -> None:
    """Writes a graph as .npz, which `read_graph` reads. Raises ValueError for ids that are neither whole numbers nor text."""
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"{path}: expected a name that ends in .npz")
    kinds = {type(each) for each in graph.ids}
    if kinds not in ({int}, {str}):
        raise ValueError(f"ids: a file holds whole numbers or text; got {', '.join(sorted(kind.__name__ for kind in kinds))}")
    ids = np.array(graph.ids, np.int64 if kinds == {int} else np.str_)
    arrays: dict[str, np.ndarray] = {
        "indptr": graph.indptr,
        "indices": graph.indices,
        "ids": ids,
        "directed": np.array(graph.directed),
    }
    if graph.weights is not None:
        arrays["weights"] = graph.weights
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _arrays(path: Path) -> Graph:
    """Our own arrays, those of `scipy.sparse.save_npz`, or edge_index."""
    if not zipfile.is_zipfile(path):
        raise ValueError("expected an archive of arrays, as numpy.savez writes it")
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files if name in ("indptr", "indices", "weights", "data", "edge_index")}
        ids = file["ids"].tolist() if "ids" in file.files else None
        directed = bool(file["directed"]) if "directed" in file.files else None
        layout = file["format"].item() if "format" in file.files else b"csr"
    if "edge_index" in found:
        return Graph.from_edge_index(found["edge_index"], found.get("weights"), ids=ids)
    if not {"indptr", "indices"} <= set(found) or layout not in (b"csr", "csr"):
        raise ValueError("expected the arrays indptr and indices of compressed rows, or edge_index")
    weights = found.get("weights", found.get("data", np.ones(len(found["indices"]))))
    if directed is not None:
        return Graph(found["indptr"], found["indices"], found.get("weights"), ids=ids, directed=directed)
    count = len(found["indptr"]) - 1
    return Graph.from_scipy(scipy.sparse.csr_array((weights, found["indices"], found["indptr"]), shape=(count, count)), ids=ids)


def _edge_list(path: Path, directed: bool, duplicates: str) -> Graph:
    lines = list(_lines(path))
    if lines and (_named(lines[0][1]) or _above_numbers(lines)):
        lines = lines[1:]
    if not lines:
        raise ValueError(f"{path}: expected lines of two ids; got none")
    columns = len(lines[0][1])
    for number, words in lines:
        if len(words) not in (2, 3) or len(words) != columns:
            raise ValueError(f"{path}, line {number}: expected two ids, and a weight in all lines or none; got {words}")
    ends = _typed([word for _, words in lines for word in words[:2]])
    weights = None
    if columns == 3:
        weights = np.empty(len(lines))
        for place, (number, words) in enumerate(lines):
            try:
                weights[place] = float(words[2])
            except ValueError:
                raise ValueError(f"{path}, line {number}: expected a weight; got {words[2]!r}") from None
    try:
        return Graph.from_edges(list(zip(ends[::2], ends[1::2])), weights, directed=directed, duplicates=duplicates)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number of each line that is no remark, and its words."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no text of UTF-8 ({error})") from error
    shown = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    shown = [(number, line) for number, line in shown if line and line[0] not in "#%"]
    separator = next((mark for mark in "\t;," if shown and mark in shown[0][1]), None)
    for number, line in shown:
        words = line.split() if separator is None else next(csv.reader([line], delimiter=separator))
        yield number, [word.strip() for word in words]


def _named(words: list[str]) -> bool:
    if len(words) == 3 and not _is_number(words[2]):
        return True
    return all(HEADER.fullmatch(word) for word in words) and not all(map(NUMBER.fullmatch, words))


def _above_numbers(lines: list[tuple[int, list[str]]]) -> bool:
    """Whether the first line alone has no whole numbers as its ids."""
    first, *rest = ([bool(NUMBER.fullmatch(word)) for word in words[:2]] for _, words in lines)
    return bool(rest) and not any(first) and all(map(all, rest))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _typed(words: list[str]) -> list[Hashable]:
    return list(map(int, words)) if all(map(NUMBER.fullmatch, words)) else list(words)
