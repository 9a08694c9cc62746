"""Files as they come from anywhere: dialects, words for missing, labels, and what cannot be told is asked."""

import gzip
import tomllib

import numpy as np
import pandas
import pytest

from evo.tasks.table import Table
from scenarios.lab.cli import flags
from scenarios.lab.study import config
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.resolve import is_table
from scenarios.reading import Reading, read
from scenarios.tables import table_scenario

COUNT = 40


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


def table(header, line, count=COUNT):
    return header + "\n" + "".join(line(k) + "\n" for k in range(count))


def made(path, target, kind=None, **options):
    scenario = table_scenario(str(path), target, kind, **options)
    return scenario, scenario.task(scenario.settings(**options), None)


SEPARATED = {
    "commas in quoted names": ('"Height, cm";"Weight, kg";y', lambda k: f"{k};{k % 7};{k * 0.5}"),
    "tabs and a comma in a name": ('"Temp, C"\tWeight\ty', lambda k: f"{k}\t{k % 7}\t{k * 0.5}"),
    "a line break within a name": ('"Height\nin cm",Weight,y', lambda k: f"{k},{k % 7},{k * 0.5}"),
    "text with commas": ("a;b;y", lambda k: f"{k};{k % 7};{k * 0.5}".replace(".", ",")),
    "as many decimal commas as semicolons": ("a;b, m;y, s", lambda k: f"{k};{k % 7},5;{k},5"),
    "bars": ("a|b|y", lambda k: f"{k}|{k % 7}|{k * 0.5}"),
    "more commas than semicolons in a line": ("a;b;y", lambda k: f"{k};{k % 7},0;{k},5"),
}


@pytest.mark.parametrize("case", SEPARATED)
def test_the_separator_is_that_which_gives_every_row_one_width(tmp_path, case):
    found = read(write(tmp_path / "t.csv", table(*SEPARATED[case])), Reading()).table
    assert len(found.columns) == 3
    for name in found.columns:
        assert isinstance(found.columns[name], np.ndarray), name
    assert found.numbers(next(iter(found.columns)))[:3].tolist() == [0, 1, 2]


NUMBERS = {
    "decimal comma": (["47,5", "-0,25", "3"], [47.5, -0.25, 3]),
    "decimal comma and points between thousands": (["1.047,5", "2", "3,25"], [1047.5, 2, 3.25]),
    "decimal comma and an exponent": (["1,5e3", "2", "3"], [1500, 2, 3]),
    "commas between thousands and a decimal point": (["1,047.5", "2", "3.25"], [1047.5, 2, 3.25]),
    "ISO dates": (["1970-01-02", "1970-01-01 00:01", "1970-01-01T00:00:30"], [86400, 60, 30]),
    **{f"missing {word!r}": (["1.5", word, "3"], [1.5, np.nan, 3]) for word in
       ("None", "#N/A", "<NA>", "-", ".", "NA", "nan", "-nan", "?", "", "NULL", "N/A", "n/a")},
    "missing under a decimal comma": (["1,5", "-", "3"], [1.5, np.nan, 3]),
}  # fmt: skip


@pytest.mark.parametrize("case", NUMBERS)
@pytest.mark.parametrize("at", [0, 2000], ids=["at once", "beyond the rows that are guessed by"])
def test_numbers_are_numbers_however_they_are_written(tmp_path, case, at):
    texts, expected = NUMBERS[case]
    plain = "2024-01-01" if "dates" in case else "7"
    lines = [f"{plain};x" for _ in range(at)] + [f"{text};x" for text in texts]
    file = read(write(tmp_path / "t.csv", "n;c\n" + "\n".join(lines) + "\n"), Reading())
    np.testing.assert_allclose(file.table.numbers("n")[at:], expected)
    said = "; ".join(file.inferred)
    assert said.startswith("separated by semicolons")
    for word, note in (("decimal comma", "decimal comma"), ("thousands and", "between thousands"), ("dates", "dates")):
        assert (note in said) >= case.startswith(word)
    if case.startswith("missing 'None'"):
        assert "n: 'None' is missing (1 row)" in said


@pytest.mark.parametrize("case", NUMBERS)
def test_text_in_a_frame_is_read_as_text_in_a_file_is(case):
    texts, expected = NUMBERS[case]
    found = Table.of(pandas.DataFrame({"n": texts, "c": "x"}))
    np.testing.assert_allclose(found.columns["n"], expected)
    (said,) = found.inferred
    assert said.startswith("n: numbers written as text")
    for note in ("decimal comma", "between thousands", "dates"):
        assert (note in said) >= (note in case)


@pytest.mark.parametrize("words", [("E5", "e10"), ("+", "-")], ids=["with an exponent alone", "with a sign alone"])
def test_words_without_a_digit_of_their_own_are_words_beside_decimal_commas(tmp_path, words):
    path = write(tmp_path / "t.csv", table("fuel;price", lambda k: f"{words[k % 2]};1,{k}"))
    assert [*filter(None, read(path, Reading()).table.columns["fuel"].values)] == [*words]


def test_the_value_that_is_no_number_is_named_not_one_with_a_decimal_comma(tmp_path):
    path = write(tmp_path / "t.csv", "a;y\n1,5;x\n2,5;x\noops;x\n")
    with pytest.raises(ValueError, match=r"t\.csv, line 4, column 'a': expected a number; got 'oops'"):
        read(path, Reading()).table.numbers("a")
    path = write(tmp_path / "t.csv", "a;y\n1.5;x\nNone;x\n2,5;x\n")
    with pytest.raises(ValueError, match=r"line 4, column 'a': expected a number; got '2,5'"):
        read(path, Reading()).table.numbers("a")


def test_what_is_inferred_is_said_in_the_title_and_what_is_plain_is_not(tmp_path):
    title = table_scenario(str(write(tmp_path / "t.csv", table("a;y", lambda k: f"{k},5;{k % 2}"))), "y").title
    assert title.endswith("read as separated by semicolons; decimal comma")
    assert "read as" not in table_scenario(str(write(tmp_path / "u.csv", table("a,y", lambda k: f"{k}.5,{k % 2}"))), "y").title


def test_a_comma_that_may_stand_between_thousands_or_before_decimals_is_asked_about(tmp_path):
    path = write(tmp_path / "t.csv", table("a;y", lambda k: f"1,{k + 100};{k % 2}"))
    with pytest.raises(ValueError, match=r"column 'a': is '1,100' 1100 or 1\.100\? say --decimal \. or --decimal ,"):
        read(path, Reading())
    assert read(path, Reading(decimal=",")).table.numbers("a")[0] == 1.1
    assert read(path, Reading(decimal=".")).table.numbers("a")[0] == 1100
    quoted = write(tmp_path / "u.csv", table("a,y", lambda k: f'"1,{k + 100}",{k % 2}'))
    assert read(quoted, Reading()).table.numbers("a")[0] == 1100  # among commas, a comma stands between thousands


def test_words_for_missing_are_words_where_a_column_is_text_but_for_the_given_ones(tmp_path):
    path = write(
        tmp_path / "t.csv", table("c,n,y", lambda k: f"{['None', 'few', 'NA', 'out'][k % 4]},{k if k else -999},{k % 2}")
    )
    found = read(path, Reading()).table
    assert sorted(found.words("c").values) == ["", "None", "few", "out"]
    assert found.numbers("n")[0] == -999
    found = read(path, Reading(missing=("out", "-999"))).table
    assert sorted(found.words("c").values) == ["", "None", "few"]
    assert np.isnan(found.numbers("n")[0])


@pytest.mark.parametrize("name", ["t.CSV", "t.tsv", "t.csv.gz", "t.parquet"])
def test_other_files_are_tables_too(tmp_path, name):
    frame = pandas.DataFrame({"a": np.arange(COUNT), "c": ["u", "v"] * (COUNT // 2), "y": np.arange(COUNT) % 2})
    text = frame.to_csv(index=False, sep="\t" if "tsv" in name else ",")
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert is_table(name)
    task = made(path, "y")[1]
    assert (task.inputs, task.classes) == (3, ["0", "1"])
    assert np.array_equal(task.encode(path), task.columns.encode(frame))


def test_a_damaged_gzip_or_parquet_file_is_named(tmp_path):
    for name in ("t.csv.gz", "t.parquet"):
        (tmp_path / name).write_bytes(b"what is this?")
        with pytest.raises(ValueError, match=f"{name}: not a "):
            read(tmp_path / name, Reading())


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("01", "1"), ["01", "1"]),
        (("00501", "501"), ["00501", "501"]),
        (("12345678901234567890", "12345678901234567891"), ["12345678901234567890", "12345678901234567891"]),
        (("1.0", "2.0"), ["1", "2"]),
        (("10", "2"), ["2", "10"]),
        (("True", "False"), ["False", "True"]),
        (("true", "FALSE"), ["FALSE", "true"]),
        (("None", "-"), ["-", "None"]),
    ],
)
def test_labels_keep_their_own_spelling(tmp_path, labels, classes):
    path = write(tmp_path / "t.csv", table("a,y", lambda k: f"{k},{labels[k % 2]}"))
    assert made(path, "y")[1].classes == classes


def test_many_digits_that_are_names_are_classes_and_not_a_number(tmp_path):
    path = write(tmp_path / "t.csv", table("a,y", lambda k: f"{k},{k % 16:05}", 160))
    assert made(path, "y")[1].classes == [f"{k:05}" for k in range(16)]
    path = write(tmp_path / "u.csv", table("a,y", lambda k: f"{k},{k % 16}", 160))
    assert made(path, "y")[1].kind == "regression"


@pytest.mark.parametrize("word", ["-nan", "nan", "", "-", "None"])
def test_a_missing_target_names_its_line(tmp_path, word):
    path = write(tmp_path / "t.csv", table("a,y", lambda k: f"{k},{word if k == 7 else k * 0.5}"))
    with pytest.raises(ValueError, match="line 9, column 'y': the target is missing"):
        table_scenario(str(path), "y")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (table("5.1,3.5,setosa", lambda k: f"{k}.5,{k},{['setosa', 'other'][k % 2]}"), True),
        (table("p,x", lambda k: f"{'px'[k % 2]},{'xy'[k % 2]}"), True),
        (table("1,2,3", lambda k: f"{k},{k},{k}"), True),
        (table("7,a1,3", lambda k: f"{k},b{k},{k}"), True),
        (table("country,2019,2020", lambda k: f"c{k % 3},{k},{k}"), False),
        (table("a,b", lambda k: f"{k},{k}"), False),
    ],
)
def test_a_first_line_that_looks_like_a_row_is_asked_about(tmp_path, text, asked):
    path = write(tmp_path / "t.csv", text)
    if not asked:
        assert len(read(path, Reading()).table) == COUNT
        return
    with pytest.raises(ValueError, match=r"t\.csv, line 1: expected names of columns.*task\.header=false"):
        read(path, Reading())
    assert len(read(path, Reading(header=True)).table) == COUNT
    found = read(path, Reading(header=False)).table
    assert len(found) == COUNT + 1
    assert list(found.columns) == ["1", "2", "3"][: len(found.columns)]


def test_rows_of_a_table_without_names_are_taken_by_position(tmp_path):
    path = write(tmp_path / "t.csv", "".join(f"{k},{k % 2},{k}.5\n" for k in range(COUNT)))
    task = made(path, "2", header=False)[1]
    x = task.columns.encode({"1": [3, 4], "3": [3.5, 4.5]})
    for name, text in (("with", "3,1,3.5\n4,0,4.5\n"), ("without", "3,3.5\n4,4.5\n")):
        assert np.array_equal(task.encode(write(tmp_path / f"{name}.csv", text)), x)
    with pytest.raises(ValueError, match=r"more\.csv: expected 3 or 2 columns; got 4"):
        task.encode(write(tmp_path / "more.csv", "1,2,3,4\n"))


def test_splits_may_be_given_in_each_of_three_ways(tmp_path):
    words = ["train"] * 20 + ["val"] * 8 + ["Test"] * 12
    column = write(tmp_path / "column.csv", table("a,part,y", lambda k: f"{k},{words[k]},{k * 0.5}"))
    whole = write(tmp_path / "whole.csv", table("a,y", lambda k: f"{k},{k * 0.5}"))
    cut = {"train": (0, 20), "valid": (20, 28), "test": (28, 40)}
    for name, (start, stop) in cut.items():
        write(tmp_path / f"{name}.csv", "a,y\n" + "".join(f"{k},{k * 0.5}\n" for k in range(start, stop)))
    others = {"validation": str(tmp_path / "valid.csv"), "test": str(tmp_path / "test.csv")}
    tasks = [
        made(column, "y", split="part")[1],
        made(whole, "y", sizes=[0.5, 0.2, 0.3])[1],
        made(tmp_path / "train.csv", "y", **others)[1],
    ]
    for task in tasks:
        assert [len(task.split(name)[0]) for name in ("train", "validation", "test")] == [20, 8, 12]
        for name in ("train", "validation", "test"):
            for one, other in zip(task.split(name), tasks[0].split(name)):
                assert np.array_equal(one, other)
    before = table_scenario(str(tmp_path / "train.csv"), "y", **others).settings().sha256
    write(tmp_path / "test.csv", "a,y\n1,2\n")
    assert table_scenario(str(tmp_path / "train.csv"), "y", **others).settings().sha256 != before


def test_wrong_splits_are_named(tmp_path):
    path = write(tmp_path / "t.csv", table("a,part,y", lambda k: f"{k},{'train' if k else 'other'},{k * 0.5}"))
    with pytest.raises(ValueError, match="line 2, column 'part': expected train, validation or test; got 'other'"):
        table_scenario(str(path), "y", split="part")
    path = write(tmp_path / "u.csv", table("a,part,y", lambda k: f"{k},train,{k * 0.5}"))
    with pytest.raises(ValueError, match="no row is for validation"):
        table_scenario(str(path), "y", split="part")
    with pytest.raises(ValueError, match=r"task\.sizes: expected three shares whose sum is 1; got \[0\.5, 0\.2\]"):
        table_scenario(str(path), "y", sizes=[0.5, 0.2])
    with pytest.raises(ValueError, match="three ways to say one thing"):
        table_scenario(str(path), "y", sizes=[0.6, 0.2, 0.2], split="part")


def test_columns_are_dropped_or_declared_categories(tmp_path):
    path = write(tmp_path / "t.csv", table("zip,id,a,y", lambda k: f"{'01' if k % 2 else '1'},{k},{k % 5},{k * 0.5}"))
    task = made(path, "y", drop=["id"], categories=["zip"])[1]
    assert [one.values for one in task.columns.categories] == [("01", "1")]
    assert task.inputs == 3
    assert task.encode(write(tmp_path / "r.csv", "zip,a\n01,2\n"))[0, 1:].tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"no column 'ids' \(did you mean 'id'\?\)"):
        table_scenario(str(path), "y", drop=["ids"])


def test_several_targets_are_numbers_or_labels_of_their_own(tmp_path):
    path = write(tmp_path / "t.csv", table("a,b,c,p,q", lambda k: f"{k},{k * 0.5},{k * 2.5},{k % 2},{k // 20}"))
    scenario, task = made(path, "b,c")
    assert (task.kind, task.outputs, task.inputs) == ("regression", 2, 3)
    assert "2 numbers" in scenario.title
    scenario, task = made(path, "p,q")
    assert (task.kind, task.outputs, task.metric.name) == ("probability", 2, "accuracy")
    assert "2 probabilities" in scenario.title


def test_a_large_table_is_scored_on_a_minibatch_by_default_and_says_so(tmp_path):
    path = write(tmp_path / "t.csv", table("a,y", lambda k: f"{k % 97},{k % 2}", 40_000))
    scenario, task = made(path, "y")
    assert task.batch_size == 2000
    assert "fitness on 2,000 of 24,000 training rows" in scenario.title
    assert len(task.split("validation")[0]) == 8000
    assert scenario.task(scenario.settings(batch_size=None), None).batch_size is None


def test_how_a_file_is_read_is_a_setting_of_the_task_that_flags_and_files_set(tmp_path):
    path = write(tmp_path / "t.csv", table("a;b;y", lambda k: f"{k},5;{'none at all' if k % 9 == 0 else k};{k % 2}"))
    reading = {"sep": ";", "decimal": "", "missing": ["none at all"]}
    asked = flags.chosen(str(path), ["linear"], sets=['task.drop=["a"]'], target="y", reading=reading)
    spec = config.study(**asked).specs[0]
    assert (spec.task["sep"], spec.task["missing"], spec.task["drop"]) == (";", ["none at all"], ["a"])
    task = spec.build().task
    assert [one.name for one in task.columns.numbers] == ["b"]
    again = config.study(tomllib.loads(spec.toml())).specs[0]
    assert again.task == spec.task
    with pytest.raises(ConfigError, match=r"task\.sep: expected one character; got 'ab'"):
        config.study(**flags.chosen(str(path), ["linear"], target="y", sets=["task.sep=ab"]))


def test_other_files_of_a_table_are_read_as_the_table_is(tmp_path):
    path = write(tmp_path / "t.csv", table("a;b;y", lambda k: f"{k},5;{k}.{k + 100};{k % 2}"))
    task = made(path, "y")[1]
    rows = write(tmp_path / "rows.csv", "a;b\n3;3.103\n-;4.104\n")  # no decimal comma tells what the point stands for
    expected = task.columns.encode({"a": [3, np.nan], "b": [3103, 4104]})
    assert np.array_equal(task.encode(rows), expected)
    assert np.array_equal(task.encode(write(tmp_path / "row.csv", "a;b\n-;4.104\n")), expected[1:])

    thousands = made(write(tmp_path / "u.csv", table("a;b;y", lambda k: f"1,{k + 100}.5;{k};{k % 2}")), "y")[1]
    row = write(tmp_path / "row.csv", "a;b\n1,105;2\n")
    assert np.array_equal(thousands.encode(row), thousands.columns.encode({"a": [1105], "b": [2]}))

    parts = [write(tmp_path / f"{name}.csv", table("a;y", lambda k: f"{k};{k}.{k + 100}")) for name in ("validation", "test")]
    train = write(tmp_path / "train.csv", table("a;y", lambda k: f"{k},5;{k}.{k + 100}"))
    split = made(train, "y", validation=str(parts[0]), test=str(parts[1]))[1]
    assert split.split("train")[1].equal(split.split("test")[1])


def test_a_number_that_begins_with_0_has_no_point_between_thousands(tmp_path):
    file = read(write(tmp_path / "t.csv", table("a;b", lambda k: f"{k},5;0.{k + 100}")), Reading())
    assert file.table.numbers("b")[3] == 0.103
