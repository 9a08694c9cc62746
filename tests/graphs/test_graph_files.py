"""Graphs and labels in files: each form gives the same graph, and a file that is no graph says where it goes wrong."""

import pickle

import networkx
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from graphs import Graph, read_graph, read_labels, write_graph

GRAPH = Graph.from_edges([(3, 5), (5, 9), (9, 9), (3, 12)], [1.0, 2.0, 0.5, 4.0])


def dense(graph):
    order = np.argsort([int(each) for each in graph.ids])
    return graph.to_scipy().toarray()[np.ix_(order, order)]


WRITTEN = {
    "comma.csv": "3,5,1\n5,9,2\n9,9,.5\n3,12,4\n",
    "named.csv": "source,target,weight\n3,5,1\n5,9,2\n9,9,.5\n3,12,4\n",
    "strange.csv": "von,nach,kosten\n3,5,1\n5,9,2\n9,9,.5\n3,12,4\n",
    "semicolon.csv": "3;5;1\n5;9;2\n9;9;.5\n3;12;4\n",
    "tab.tsv": "# a remark\n3\t5\t1\n5\t9\t2\n\n9\t9\t.5\n3\t12\t4\n",
    "blanks.edgelist": "% a remark\n3 5 1\n5   9 2\n9 9 .5\n3 12 4",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_an_edge_list_is_read_however_it_is_separated(tmp_path, name):
    (tmp_path / name).write_text(WRITTEN[name])
    graph = read_graph(tmp_path / name)
    assert graph.ids == (3, 5, 9, 12)
    assert np.array_equal(dense(graph), dense(GRAPH))


def test_every_other_form_gives_the_same_graph(tmp_path):
    network = GRAPH.to_networkx()
    write_graph(GRAPH, tmp_path / "own.npz")
    networkx.write_graphml(network, tmp_path / "g.graphml")
    networkx.write_gml(network, tmp_path / "g.gml")
    scipy.sparse.save_npz(tmp_path / "scipy.npz", GRAPH.to_scipy())
    scipy.io.mmwrite(tmp_path / "g.mtx", GRAPH.to_scipy())
    edge_index, weights = GRAPH.to_edge_index()
    np.savez(tmp_path / "pyg.npz", edge_index=edge_index, weights=weights, ids=GRAPH.ids)
    for name in ("own.npz", "g.graphml", "g.gml", "scipy.npz", "g.mtx", "pyg.npz"):
        graph = read_graph(tmp_path / name)
        assert np.array_equal(dense(graph), dense(GRAPH)), name
        assert not graph.directed
    assert read_graph(tmp_path / "own.npz").ids == GRAPH.ids


def test_directed_edges_and_text_ids_are_kept(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\nb,a\nb,07\n")
    graph = read_graph(tmp_path / "a.csv", directed=True)
    assert (graph.ids, graph.directed, graph.weights) == (("a", "b", "07"), True, None)
    write_graph(graph, tmp_path / "a.npz")
    again = read_graph(tmp_path / "a.npz")
    assert (again.ids, again.directed) == (graph.ids, True)
    assert np.array_equal(again.indices, graph.indices)


def test_a_column_of_whole_numbers_is_a_name_nowhere(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n2,3\n")
    assert read_graph(tmp_path / "a.csv").edges == 2


def test_a_first_line_of_words_above_whole_numbers_is_one_of_names(tmp_path):
    for content, ids in {
        "follower,followee\n1,2\n2,3\n": (1, 2, 3),
        "follower,followee\n1,b\n": ("follower", "followee", "1", "b"),
        "anna,ben\n": ("anna", "ben"),
        "anna,1\n1,2\n": ("anna", "1", "2"),
    }.items():
        (tmp_path / "a.csv").write_text(content)
        assert read_graph(tmp_path / "a.csv").ids == ids, content


MISTAKES = {
    "comma.csv": (b"a;b;1,5\nb;c;0,2\n", "comma.csv, line 2: expected a weight; got '0,2'"),
    "a.pkl": (pickle.dumps([1]), "a pickle may hold code, and is not read"),
    "a.json": (b"{}", "expected one of .csv, "),
    "a.csv": (b"1,2\n3\n", r"a.csv, line 2: expected two ids, and a weight in all lines or none; got \['3'\]"),
    "b.csv": (b"1,2,3\n3,4,x\n", "b.csv, line 2: expected a weight; got 'x'"),
    "c.csv": (b"1,2\n3,4\n2,1\n", r"c.csv: edge 3 \(2, 1\) stands twice"),
    "d.csv": (b"", "d.csv: expected lines of two ids; got none"),
    "e.csv": (b"\xff\xfe1", "e.csv: no text of UTF-8"),
    "f.npz": (b"1,2", "f.npz: no graph"),
    "g.graphml": (b"<graphml", "g.graphml: no graph"),
    "h.gml": (b"graph [", "h.gml: no graph"),
    "i.mtx": (b"1 2", "i.mtx: no graph"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_file_that_is_no_graph_says_why(tmp_path, name):
    content, message = MISTAKES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / name)


def test_an_npz_that_could_hold_code_or_holds_no_graph_is_refused(tmp_path):
    np.savez(tmp_path / "code.npz", indptr=np.array([{}], object), indices=[0])
    np.savez(tmp_path / "other.npz", x=[0])
    with open(tmp_path / "array.npz", "wb") as file:
        np.save(file, np.zeros((2, 2)))
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"indptr": [0, 0]}))
    mistakes = {
        "code": "allow_pickle",
        "other": "expected the arrays indptr and indices",
        "array": "array.npz: no graph .expected an archive of arrays",
        "pickle": "pickle.npz: no graph .expected an archive of arrays",
    }
    for name, message in mistakes.items():
        with pytest.raises(ValueError, match=message):
            read_graph(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError, match="no file"):
        read_graph(tmp_path / "absent.csv")


def test_ids_that_a_file_cannot_hold_are_named(tmp_path):
    with pytest.raises(ValueError, match="a file holds whole numbers or text; got tuple"):
        write_graph(Graph.from_edges([((0, 1), (1, 0))]), tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        write_graph(GRAPH, tmp_path / "a.txt")


def test_labels_are_read_by_id_and_a_node_may_have_several_or_none(tmp_path):
    (tmp_path / "labels.csv").write_text("id,club\n5,red\n3,blue\n5,blue\n")
    labels = read_labels(tmp_path / "labels.csv", GRAPH)
    assert labels.classes == ("blue", "red")
    assert labels.members.tolist() == [[True, False], [True, True], [False, False], [False, False]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3,red\n4,red\n", "line 2: no node 4 among the graph's 4"),
        ("3,red\nx,red\n", r"line 1: no node '3' among the graph's 4; it has 3, of type int"),
        ("3\n", "line 1: expected an id and a label; got 1 columns"),
        ("id,club\n", "expected lines of an id and a label; got none"),
    ],
)
def test_a_mistake_in_labels_names_the_line(tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / "labels.csv", GRAPH)
