import csv
import io
import re

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from evo.settings import SettingsError
from evo.tasks.targets import split
from evo.vectors.modules import MLP
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
def test_kind_is_inferred_and_said_in_the_title(tmp_path, target, kind, metric, outputs, inputs):
    scenario, task = made(write(tmp_path / "my table.csv", rows()), target)
    assert (task.kind, task.metric.name, task.outputs, task.inputs) == (kind, metric, outputs, inputs)
    assert re.fullmatch(f"my-table-{target}-[0-9a-f]{{6}}", scenario.name)  # a blank was lost
    assert "20 rows" in scenario.title
    assert f"-> {target}" in scenario.title


def test_targets_of_a_file_have_folders_of_their_own_of_allowed_characters(tmp_path):
    path = write(tmp_path / "t.csv", "the price (€),b\n" + "".join(f"{k},{k % 7}\n" for k in range(40)))
    assert re.fullmatch("t-the-price-[0-9a-f]{6}", table_scenario(path, "the price (€)").name)
    assert table_scenario(path, "b", "regression").name == "t-b"


def test_no_two_files_and_targets_share_a_folder(tmp_path):
    text = "価格,数量,t+1,t-1,b-c,c\n" + "".join(f"{k}.5,{k % 7},{k},{k},{k},{k}\n" for k in range(40))
    names = ("データ.csv", "表.csv", "a.csv", "a-b.csv", "a.tsv", "a+b.csv")
    files = [write(tmp_path / name, text) for name in names]
    made = {table_scenario(path, target).name for path in files for target in text.partition("\n")[0].split(",")}
    assert len(made) == 6 * len(files)
    assert all(re.fullmatch("[A-Za-z0-9_-]+", name) for name in made)


def test_the_kind_may_be_given(tmp_path):
    path = write(tmp_path / "t.csv", rows(30))
    assert made(path, "few", "regression")[1].kind == "regression"
    with pytest.raises(ValueError, match=r"column 'size': expected at least 5 rows of each class.*class '0' \(line 2\) has 1"):
        table_scenario(path, "size", "classification")
    with pytest.raises(ValueError, match=r"line 2, column 'letter': expected a number; got 'a'"):
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
    "target alone": ("y\n" + "1\n2\n" * 10, "expected columns beside 'y'"),
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


def varied(count=80):
    """Rows as dicts: a number, a column of few values and one of many, each with gaps, and both kinds of target."""
    return [
        {
            "size": "NA" if k % 11 == 0 else str(k * 3 % 17),
            "place": "" if k % 13 == 0 else f"town, {k % 3}",
            "name": f"name {k}",
            "price": str(1000 + 50 * (k * 7 % 23)),
            "sold": ["no", "yes"][k % 2],
        }
        for k in range(count)
    ]


def as_table(path, records, columns):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(records)
    return str(path)


def learning(tmp_path, target):
    """A task about `target`, and the raw rows of its test part."""
    other = {"price": "sold", "sold": "price"}[target]
    records = varied()
    columns = [column for column in records[0] if column != other]
    task = made(as_table(tmp_path / "t.csv", records, columns), target)[1]
    part = split(len(records) if target == "price" else np.array([record["sold"] for record in records]))[2]
    return task, [records[row] for row in part]


@pytest.mark.parametrize("target", ["price", "sold"])
def test_raw_rows_are_the_inputs_they_were_in_the_test_part_in_any_order_of_columns_with_or_without_the_target(
    tmp_path, target
):
    task, raw = learning(tmp_path, target)
    expected = task.split("test")[0].numpy()
    for columns in (["name", "place", "size"], ["size", target, "name", "place"]):
        np.testing.assert_array_equal(task.encode(as_table(tmp_path / "rows.csv", raw, columns)), expected)
    some = as_table(tmp_path / "rows.csv", raw[::-3], ["place", "name", "size"])  # what a row becomes is its own affair
    np.testing.assert_array_equal(task.encode(some), expected[::-3])


def test_a_category_that_training_never_saw_is_what_it_was_in_the_test_part(tmp_path):
    train = set(split(20)[0].tolist())
    lines = [f"{'ab'[k % 2] if k in train else 'new'},{k}" for k in range(20)]
    task = made(write(tmp_path / "t.csv", "c,y\n" + "\n".join(lines)), "y")[1]
    np.testing.assert_array_equal(task.encode(write(tmp_path / "r.csv", "c\nnew\nb\nNA\n")), [[0, 0], [0, 1], [0, 0]])


def test_a_column_whose_rare_values_share_an_input_takes_a_new_one(tmp_path):
    task, raw = learning(tmp_path, "price")
    new = as_table(tmp_path / "r.csv", [{**raw[0], "name": "never seen"}], ["size", "place", "name"])
    names = task.encode(new)[0, -32:]
    assert names.tolist() == [0] * 31 + [1]


def test_outputs_are_said_in_the_units_of_the_target_or_as_names_of_classes(tmp_path):
    task, raw = learning(tmp_path, "price")
    prices = [[float(row["price"])] for row in raw]
    np.testing.assert_allclose(task.decode(task.split("test")[1]), prices, rtol=1e-6)
    task, raw = learning(tmp_path, "sold")
    y = task.split("test")[1]
    assert task.decode(torch.eye(2)[y]) == [row["sold"] for row in raw]
    assert task.decode(torch.tensor([[0.0, torch.nan], [-1, -2]])) == [None, "no"]


@pytest.mark.parametrize("target", ["price", "sold"])
def test_predictions_of_raw_rows_are_those_of_the_test_part(tmp_path, target):
    task, raw = learning(tmp_path, target)
    torch.manual_seed(0)
    model = task.network()
    x, y = task.split("test")
    said = task.predictions(model, task.encode(as_table(tmp_path / "r.csv", raw, ["name", "size", "place"])))
    known = task.predictions(model, x, y)
    assert said == [{name: value for name, value in row.items() if name != "truth"} for row in known]
    if target == "sold":
        assert [row["truth"] for row in known] == [record["sold"] for record in raw]
        return
    prices = np.array([float(record["price"]) for record in varied()])
    train = prices[split(len(prices))[0]]
    np.testing.assert_allclose([row["truth"] for row in known], [[float(record["price"])] for record in raw], rtol=1e-6)
    expected = model(x).detach().numpy() * train.std() + train.mean()
    np.testing.assert_allclose([row["outputs"] for row in said], expected, rtol=1e-6)


WRONG = {
    "unknown category": ("n,c\n1,a\n\n2,bb\n", r"line 4, column 'c': unknown value 'bb' \(did you mean 'b'\?\)"),
    "text for a number": ("c,n\na,one\n", "line 2, column 'n': expected a number; got 'one'"),
    "number in words of Python": ("c,n\na,1_0\n", "line 2, column 'n': expected a number; got '1_0'"),
    "infinite number": ("n,c\n1,a\n-inf,a\n", "line 3, column 'n': expected a number within 1e.*; got '-inf'"),
    "missing column": ("n,cc\n1,a\n", r"no column 'c' \(did you mean 'cc'\?\)"),
    "another column": ("n,c,y,z\n1,a,2,3\n", "the data have no column 'z'"),
    "no names": ("1,a\n2,b\n", "no column 'n'"),
    "same column twice": ("n,c,n\n1,a,2\n", "columns 1 and 3 are both called 'n'"),
    "ragged row": ("n,c\n1,a\n1\n", "line 3: expected 2 values, one a column; got 1"),
    "no rows": ("n,c\n", "no rows"),
    "empty": ("", "empty"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_raw_rows_that_do_not_fit_the_table_are_one_error_that_says_where(tmp_path, fault):
    task = made(write(tmp_path / "t.csv", "n,c,y\n" + "".join(f"{k},{'ab'[k % 2]},{k * 0.5}\n" for k in range(20))), "y")[1]
    text, said = WRONG[fault]
    with pytest.raises(ValueError, match=rf"^r\.csv.*{said}"):
        task.encode(write(tmp_path / "r.csv", text))


def test_a_missing_value_is_encoded_as_in_training_and_the_target_is_not_looked_at(tmp_path):
    lines = [f"{k},{'' if k % 5 == 0 else 'ab'[k % 2]},{k}" for k in range(20)]
    task = made(write(tmp_path / "t.csv", "n,c,y\n" + "\n".join(lines)), "y")[1]
    x = task.encode(write(tmp_path / "r.csv", "y,n,c\nwhat,NA,\n,?,b\n"))
    np.testing.assert_allclose(x, [[0, 1, 0, 0], [0, 0, 0, 1]], atol=1e-7)


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


def test_a_column_without_a_training_value_is_left_out_and_said(tmp_path):
    part = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    lines = [f"{k},,{k if p != 'train' else 'NA'},{'word' if p == 'test' else ''},{p},{k / 2}" for k, p in enumerate(part)]
    path = write(tmp_path / "t.csv", "n,none,late,said,part,y\n" + "\n".join(lines))
    scenario = table_scenario(path, "y", split="part")
    assert scenario.title.endswith("; read as left out, without a value in the training rows: none, late, said")
    task = scenario.task(scenario.settings(split="part"), network)
    assert task.inputs == 1
    assert task.encode(path).shape == (12, 1)
    np.testing.assert_array_equal(task.encode(write(tmp_path / "r.csv", "n\n3\n")), task.encode(path)[3:4])


def test_what_the_training_rows_cannot_teach_is_refused(tmp_path):
    part = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    lines = [f"{k},{p},{'ab'[k % 2] if p != 'test' else 'new'},{k / 2 if p != 'train' else 5}" for k, p in enumerate(part)]
    path = write(tmp_path / "t.csv", "n,part,y,z\n" + "\n".join(lines))
    with pytest.raises(ValueError, match="test: 3 rows of class 'new', of which train has none to learn from"):
        table_scenario(path, "y", split="part", drop=["z"])
    with pytest.raises(ValueError, match="the target 'z' is '5' in every training row: there is nothing to learn"):
        table_scenario(path, "z", split="part", drop=["y"])


def test_a_target_named_twice_dropped_or_saying_the_split_is_refused(tmp_path):
    path = write(tmp_path / "t.csv", rows(30))
    with pytest.raises(ValueError, match=r"t\.csv: the target 'size' is named twice"):
        table_scenario(path, "size,size")
    with pytest.raises(ValueError, match=r"t\.csv: task.drop names 'half', which is the target"):
        table_scenario(path, "half", drop=["half"])
    with pytest.raises(ValueError, match=r"t\.csv: task.split names 'letter', which is the target"):
        table_scenario(path, "letter", split="letter")
