import csv
import io

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from evo.networks import MLP
from evo.settings import SettingsError
from evo.supervised import split
from scenarios.tables import table_scenario

network = lambda inputs, outputs: MLP(inputs, outputs, hidden=(2,))


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return str(path)


def rows(count=20, line=lambda k: f"{k},{k % 3},{'ab'[k % 2]},{k * 0.5}"):
    return "size,few,letter,half\n" + "".join(line(k) + "\n" for k in range(count))


def made(path, target, kind=None, **values):
    scenario = table_scenario(path, target, kind)
    return scenario, scenario.task(scenario.settings(**values), network)


def whole(task):
    """All rows (B, I) and targets, in the order of the file; the split depends on the targets alone."""
    x = torch.cat([task.split(name)[0] for name in ("train", "validation", "test")])
    y = torch.cat([task.split(name)[1] for name in ("train", "validation", "test")])
    parts = split(len(y)) if task.kind == "regression" else None
    if parts is None:
        return x, y
    order = torch.from_numpy(np.concatenate(parts)).argsort()
    return x[order], y[order]


@pytest.mark.parametrize(
    ("target", "kind", "metric", "outputs", "inputs"),
    [
        ("letter", "classification", "accuracy", 2, 3),
        ("few", "classification", "accuracy", 3, 4),
        ("size", "regression", "r2", 1, 4),
        ("half", "regression", "r2", 1, 4),
    ],
)
def test_kind_and_metric_are_inferred_and_said_in_the_title(tmp_path, target, kind, metric, outputs, inputs):
    scenario, task = made(write(tmp_path / "my table.csv", rows()), target)
    assert (task.kind, task.metric.name, task.outputs, task.inputs) == (kind, metric, outputs, inputs)
    assert scenario.name == f"my-table-{target}"
    assert metric in scenario.title
    assert "20 rows" in scenario.title
    assert f"-> {target}" in scenario.title


def test_targets_of_a_file_have_folders_of_their_own_of_allowed_characters(tmp_path):
    path = write(tmp_path / "t.csv", "the price (€),b\n" + "".join(f"{k},{k % 7}\n" for k in range(40)))
    assert table_scenario(path, "the price (€)").name == "t-the-price"
    assert table_scenario(path, "b", "regression").name == "t-b"


def test_the_kind_may_be_given(tmp_path):
    path = write(tmp_path / "t.csv", rows(30))
    assert made(path, "few", "regression")[1].kind == "regression"
    with pytest.raises(ValueError, match=r"column 'size': expected at least 5 rows of each class.*class '0' \(line 2\) has 1"):
        table_scenario(path, "size", "classification")
    with pytest.raises(ValueError, match=r"line 2, column 'letter': expected a number, for regression; got 'a'"):
        table_scenario(path, "letter", "regression")
    with pytest.raises(ValueError, match="did you mean 'regression'"):
        table_scenario(path, "few", "regresion")


def test_numbers_are_standardised_and_categories_one_hot_by_the_training_part(tmp_path):
    task = made(write(tmp_path / "t.csv", rows()), "half")[1]
    train = split(20)[0]
    x, y = whole(task)
    for column, values in enumerate((np.arange(20.0), np.arange(20) % 3)):
        np.testing.assert_allclose(x[:, column], (values - values[train].mean()) / values[train].std(), rtol=1e-4, atol=1e-6)
    assert x[:, 2:].tolist() == [[1.0, 0.0], [0.0, 1.0]] * 10
    half = np.arange(20) * 0.5
    np.testing.assert_allclose(y[:, 0], (half - half[train].mean()) / half[train].std(), rtol=1e-4, atol=1e-6)


def test_a_missing_number_is_the_mean_and_a_missing_category_is_one_of_its_own(tmp_path):
    lines = [f"{'' if k in (0, 7) else k},{['a', 'b', 'NA'][k % 3]},{k}" for k in range(20)]
    task = made(write(tmp_path / "t.csv", "n,c,y\n" + "\n".join(lines)), "y")[1]
    x, _ = whole(task)
    assert x[[0, 7], 0].abs().max() < 1e-6  # the mean of the training part is 0 after standardisation
    assert x[:3, 1:].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_validation_and_test_rows_have_no_say_in_the_training_inputs(tmp_path):
    train = set(split(20)[0].tolist())
    line = lambda k, odd: f"{k if k in train or not odd else 999},{'ab'[k % 2] if k in train or not odd else 'new'},{k}"
    tasks = [
        made(write(tmp_path / f"{odd}.csv", "n,c,y\n" + "\n".join(line(k, odd) for k in range(20))), "y")[1]
        for odd in (False, True)
    ]
    assert torch.equal(tasks[0].split("train")[0], tasks[1].split("train")[0])
    assert not torch.equal(tasks[0].split("test")[0], tasks[1].split("test")[0])
    assert tasks[1].split("test")[0][:, 1:].sum() == 0  # a value that training never saw is no known one


def test_classes_keep_their_names_in_order(tmp_path):
    path = write(tmp_path / "t.csv", "a,y\n" + "\n".join(f"{k},{[10, 2, 3.5][k % 3] if k % 2 else 2}" for k in range(60)))
    assert made(path, "y", "classification")[1].classes == ["2", "3.5", "10"]
    path = write(tmp_path / "u.csv", "a,y\n" + "\n".join(f"{k},{['yes', 'no'][k % 2]}" for k in range(20)))
    assert made(path, "y")[1].classes == ["no", "yes"]


def test_a_category_of_many_values_shares_the_rarest(tmp_path):
    path = write(tmp_path / "t.csv", "id,y\n" + "\n".join(f"name{k},{k * 0.1}" for k in range(100)))
    assert made(path, "y")[1].inputs == 32


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_quotes_spaces_empty_lines_and_a_byte_order_mark(tmp_path, separator):
    lines = ["\ufeffthe size, letter".replace(",", separator)]
    lines += [f'{k}{separator} "quoted{separator} {k % 2}"\r\n' for k in range(20)]
    scenario, task = made(write(tmp_path / "t.csv", "\r\n".join(lines)), "letter")
    assert task.classes == [f"quoted{separator} 0", f"quoted{separator} 1"]
    assert (task.inputs, "1 number" in scenario.title) == (1, True)


BAD = {
    "empty file": ("", r"t\.csv: empty"),
    "empty lines": ("\n\n\n", r"t\.csv: empty"),
    "header alone": ("a,y\n", "at least 10 rows.*got 0"),
    "too few rows": (rows(9).replace("half", "y"), "at least 10 rows.*got 9"),
    "unknown target": (rows().replace("few", "yy"), r"no column 'y' \(did you mean 'yy'\?\)"),
    "ragged row": ("a,y\n1,2\n\n1,2,3\n", "line 4: expected 2 values, one a column; got 3"),
    "short row": ("a,y\n1,2\n1\n", "line 3: expected 2 values, one a column; got 1"),
    "duplicate column": ("y,a,y\n1,2,3\n", "line 1: columns 1 and 3 are both called 'y'"),
    "nameless column": (",a,y\n1,2,3\n", "line 1: column 1 has no name"),
    "constant number": ("a,y\n" + "1,5\n" * 20, "target 'y' is '5' in every row"),
    "constant number in other words": ("a,y\n" + "1,5\n" * 10 + "1,5.0\n" * 10, "target 'y' is '5' in every row"),
    "single class": ("a,y\n" + "1,x\n" * 20, "target 'y' is 'x' in every row"),
    "missing target": ("a,y\n" + "1,x\n2,z\n" * 10 + "3,\n", "line 22, column 'y': the target is missing"),
    "rare class": ("a,y\n" + "1,x\n2,z\n" * 10 + "3,q\n", r"class 'q' \(line 22\) has 1"),
    "target alone": ("y\n" + "1\n2\n" * 10, "expected columns beside the target 'y'"),
    "infinite number": ("a,y\n" + "1,x\n2,z\n" * 10 + "inf,x\n", "line 22, column 'a': expected a number within 1e"),
    "huge number": ("a,y\n" + "1,x\n2,z\n" * 10 + "-1e300,x\n", "line 22, column 'a': expected a number within 1e"),
    "open quote": ("a,y\n1,2\n3,4\n" + '5,"six\n7,8\n', "not CSV: unexpected end of data"),
    "latin-1": (b"a,y\n1,2\n1,\xe9t\xe9\n", r"line 3: not UTF-8 \(byte 0xe9\)"),
    "utf-16": ("a,y\n1,2\n".encode("utf-16"), r"line 1: not UTF-8 \(byte 0xff\)"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_of_the_file_is_one_error_that_says_where(tmp_path, fault):
    text, said = BAD[fault]
    with pytest.raises(ValueError, match=said) as caught:
        table_scenario(write(tmp_path / "t.csv", text), "y")
    assert "t.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        table_scenario(str(tmp_path / "none.csv"), "y")


def test_a_changed_table_is_another_task(tmp_path):
    path = tmp_path / "t.csv"
    before = table_scenario(write(path, rows()), "few")
    stored = before.settings().sha256
    assert table_scenario(str(path), "few").settings().sha256 == stored
    after = table_scenario(write(path, rows().replace("19,", "18,")), "few")
    assert after.settings().sha256 != stored
    with pytest.raises(SettingsError, match="sha256"):
        after.settings(sha256=stored)


def test_settings_of_the_task_reach_it(tmp_path):
    _, task = made(write(tmp_path / "t.csv", rows()), "few", metric="macro_f1", solved=0.9, batch_size=4, stop="budget")
    assert (task.metric.name, task.target, task.batch_size, task.stop) == ("macro_f1", 0.9, 4, "budget")


cells = st.one_of(
    st.text(max_size=6), st.integers(-9, 9).map(str), st.floats().map(str), st.sampled_from(["", "NA", "?", "x", "y", "1e40"])
)


@settings(deadline=None)
@given(data=st.data(), width=st.integers(2, 4), count=st.integers(5, 40))
def test_any_table_makes_a_finite_task_or_one_clear_error(tmp_path_factory, data, width, count):
    few = st.sampled_from(data.draw(st.sampled_from([["a", "b"], ["1", "2"], ["0.5", "1", "7", "9"]])))
    table = [[f"column {k}" for k in range(width)]]
    table += [[data.draw(few), *data.draw(st.lists(cells, min_size=width - 1, max_size=width - 1))] for _ in range(count)]
    out = io.StringIO()
    csv.writer(out).writerows(table)
    path = tmp_path_factory.mktemp("tables") / "t.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    scenario, said = None, "t.csv"
    try:
        scenario = table_scenario(str(path), table[0][data.draw(st.sampled_from([0, 0, 0, 1]))])
    except ValueError as error:
        said = str(error)
    event("a task" if scenario else "an error")
    assert said.startswith("t.csv")
    if scenario is None:
        return
    task = scenario.task(scenario.settings(), network)
    sizes = [len(task.split(name)[0]) for name in ("train", "validation", "test")]
    assert sum(sizes) == count
    assert min(sizes) > 0
    assert all(task.split(name)[0].isfinite().all() for name in ("train", "validation", "test"))
