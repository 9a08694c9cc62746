"""A champion predicts where its data are gone; what needs them says so."""

import io
import re
import shutil
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from baselines import classical
from scenarios.lab import ConfigError, export, load
from scenarios.lab.cli import play
from scenarios.lab.execution.execute import execute
from scenarios.lab.store import store, tensors
from scenarios.lab.study.config import study

LINES = [f"{k * 7 % 31},{['Rome', 'Bonn', ''][k % 3]},{900 + 3 * k},{['no', 'yes'][k * 7 % 31 > 12]}" for k in range(60)]
FEW = {"evaluations": 60}


def write(path, lines=LINES):
    path.write_text("\n".join(["size,town,price,sold", *lines]) + "\n")
    return path


def finished(folder, target, method="ga", **settings):
    """A run on a table of its own folder, that folder, and what `--input` reads."""
    table, rows = write(folder / "sales.csv"), write(folder / "new.csv", LINES[:5])
    document = {"scenario": f"{table}::{target}", "budget": FEW, "learners": {method: {"method": method}}, "device": "cpu"}
    (spec,) = study(document, {"run.checkpoint_seconds": 0.0, **settings}).specs
    assert execute(spec, folder / "runs") == "finished"
    return folder / "runs" / f"sales-{target}" / method / "seed-0", table, rows


def played(path, rows=None, table=None):
    out = io.StringIO()
    play.play(load(path), None, rows, table, out)
    return out.getvalue()


def from_rows(path, rows):
    """What a run that stores no description of its task says of a file's rows: the task is made of the table."""
    run = load(path)
    out = io.StringIO()
    play.play(SimpleNamespace(path=path, predictor=run.task, champion=run.champion), None, None, rows, out)
    return out.getvalue()


@pytest.mark.parametrize(("target", "method"), [("price", "ga"), ("sold", "backprop"), ("sold", "neat")])
def test_a_champion_predicts_where_its_table_is_gone(tmp_path, target, method):
    path, table, rows = finished(tmp_path, target, method)
    expected = from_rows(path, rows)
    table.unlink()
    moved = shutil.move(tmp_path / "runs", tmp_path / "elsewhere")
    path = moved / path.relative_to(tmp_path / "runs")
    assert played(path, table=rows) == expected
    with pytest.raises(
        store.StoreError, match=rf"this needs the data of the run: .*{re.escape(str(table))}: No such file"
    ) as error:
        played(path, rows="0-3")
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="No such file"):
        load(path).task  # noqa: B018


def test_a_table_that_has_changed_since_changes_no_prediction_and_its_rows_come_with_a_warning(tmp_path):
    path, table, rows = finished(tmp_path, "price")
    expected = from_rows(path, rows)
    write(table, [line.replace("Rome", "Paris") for line in LINES[:50]])
    assert played(path, table=rows) == expected
    with pytest.warns(UserWarning, match="the task's file changed since this run"):
        played(path)


def test_the_network_of_the_run_is_the_champions(tmp_path):
    path, table, _ = finished(tmp_path, "price", **{"model.hidden": [5, 4], "model.activation": "relu"})
    table.unlink()
    assert [p.shape[0] for p in load(path).champion.module.parameters()] == [5, 5, 4, 4, 1, 1]


@pytest.mark.parametrize("settings", [{}, {"task.class_weights": True}])
def test_what_is_fitted_again_predicts_where_its_table_is_gone(tmp_path, settings):
    path, table, rows = finished(tmp_path, "sold", "linear", **settings)
    expected = from_rows(path, rows)
    table.unlink()
    assert played(path, table=rows) == expected
    session = onnxruntime.InferenceSession(export(load(path), tmp_path / "x.onnx"))
    lines = [line.split(",") for line in LINES[:5]]
    raw = {"inputs": np.array([[float(line[0]), float(line[2])] for line in lines])}
    raw["categories"] = np.array([[line[1]] for line in lines], object)
    assert session.run(["label"], raw)[0].tolist() == [line.split()[1] for line in expected.splitlines()[2:]]


def test_what_is_fitted_to_more_than_a_champion_carries_says_that_it_needs_the_data(tmp_path, monkeypatch):
    monkeypatch.setattr(classical, "CARRIED", 100)
    path, table, rows = finished(tmp_path, "price", "linear")
    expected = from_rows(path, rows)
    assert played(path, table=rows) == expected
    table.unlink()
    said = (
        r"this needs the data of the run: .*sales\.csv: No such file.*; its 36 training rows .* than the .* a champion carries"
    )
    with pytest.raises(store.StoreError, match=said):
        played(path, table=rows)


def test_a_champion_that_says_nothing_of_its_task_is_read_with_its_table(tmp_path):
    path, table, rows = finished(tmp_path, "price")
    expected = from_rows(path, rows)
    weights, header = tensors.read_champion(path / store.CHAMPION)
    header.pop("task")
    (path / store.CHAMPION).write_bytes(tensors.tensor_bytes(weights, header))
    assert played(path, table=rows) == expected
    table.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        played(path, table=rows)


def test_a_description_that_is_none_is_refused_in_a_line(tmp_path):
    path, _, rows = finished(tmp_path, "price")
    weights, header = tensors.read_champion(path / store.CHAMPION)
    for told in ("", "[]", "{}", '{"schema": 1, "order": 2, "reading": {}}', '{"schema": {"kind": "x"}}'):
        (path / store.CHAMPION).write_bytes(tensors.tensor_bytes(weights, {**header, "task": told}))
        with pytest.raises(ConfigError, match="not the description of a table's task") as error:
            played(path, table=rows)
        assert "\n" not in str(error.value)


def test_a_run_plays_where_the_one_that_it_began_from_is_gone(tmp_path):
    (tmp_path / "first").mkdir()
    first, _, _ = finished(tmp_path / "first", "price")
    path, _, rows = finished(tmp_path, "price", **{"ga.start": str(first.parent)})
    expected = from_rows(path, rows)
    shutil.rmtree(tmp_path / "first")
    assert played(path, table=rows) == expected


def test_an_exported_table_model_reads_columns_and_answers_in_units_where_the_table_is_gone(tmp_path):
    path, table, rows = finished(tmp_path, "price")
    write(rows, [*LINES[:5], ",Bonn,,yes", "7,,,no", ",,,"])
    table.unlink()
    run = load(path)
    session = onnxruntime.InferenceSession(export(run, tmp_path / "x.onnx"))
    lines = [line.split(",") for line in rows.read_text().splitlines()[1:]]
    raw = {"inputs": np.array([[float(size or "nan")] for size, *_ in lines])}
    raw["categories"] = np.array([[town, sold] for _, town, _, sold in lines], object)
    answers = session.run(None, raw)[0]
    said = [float(line.split()[1]) for line in played(path, table=rows).splitlines()[2:]]
    np.testing.assert_allclose(answers[:, 0], said, rtol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert (about["target"], about["kind"]) == ('["price"]', "regression")
    assert [about[name] for name in ("scenario", "label", "method", "seed")] == ["sales-price", "ga", "ga", "0"]
