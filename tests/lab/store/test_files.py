"""One file: written whole or not at all, believed only after it was checked, never executed."""

from __future__ import annotations

import errno
import json
import math
import os

import numpy as np
import pytest
import torch

from scenarios.lab.store import files
from scenarios.lab.store.store import StoreError


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    files.write(tmp_path / "a.json", b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*a\.json: No space left on device$"):
        files.write(tmp_path / "a.json", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.json", b"old")]


def test_what_is_kept_is_made_once_and_again_when_it_is_of_something_else_or_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []
    keep = lambda made_of: files.kept("a.txt", made_of, lambda: made.append(made_of) or b"of " + made_of.encode())
    assert [keep("one"), keep("one"), keep("two"), keep("two"), keep("one")] == [b"of one"] * 2 + [b"of two"] * 2 + [b"of one"]
    assert made == ["one", "two", "one"]
    path = tmp_path / "neuroevo" / "a.txt"
    path.write_bytes(path.read_bytes().replace(b"of", b"if"))
    assert keep("one") == b"of one"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder can be made in it
    assert [keep("one"), keep("one")] == [b"of one"] * 2
    assert len(made) == 6


@pytest.mark.parametrize("word", ["\ud800", "\x00\n\r\u2028", '"}\\', "\U0001f9e0 ä"])
def test_json_is_one_ascii_line_that_gives_hostile_strings_back(word):
    line = files.to_json({word: [word]})
    assert line.count(b"\n") == 1
    assert json.loads(line) == {word: [word]}


def test_json_has_null_for_every_number_that_is_not_finite():
    values = [math.nan, math.inf, np.float32("-inf"), torch.tensor([math.nan, 1.0]), np.array([2.0, math.inf])]
    assert json.loads(files.to_json({"values": values}))["values"] == [None, None, None, [None, 1.0], [2.0, None]]


def test_json_takes_the_numbers_of_numpy_and_torch():
    value = {"a": np.int64(3), "b": np.bool_(True), "c": torch.tensor(2), "d": np.float64(0.5), 4: (1, None)}
    assert json.loads(files.to_json(value)) == {"a": 3, "b": True, "c": 2, "d": 0.5, "4": [1, None]}


def test_what_json_cannot_hold_is_named_by_its_place():
    with pytest.raises(TypeError, match=r"value\['a'\]\[0\]: expected numbers, .*; got set"):
        files.to_json({"a": {0: {1, 2}}})


def test_a_flipped_bit_of_checked_json_is_told_or_changes_nothing(tmp_path):
    value = {"steps": 12, "cost": {"seconds": 0.5, "compute": None}, "name": "ga"}
    for indent, read in ((2, files.read_json), (None, lambda path: files.read_rows(path)[0])):
        path, data = tmp_path / "one", files.checked_json(value, indent=indent)
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            try:
                found = read(path)
            except (files.StoreError, IndexError):  # a row without its end is a row that is being written
                continue
            assert {key: found[key] for key in value} == value
        path.write_bytes(data)
        assert read(path) == value


def test_a_row_without_its_check_sum_is_told_where_the_rows_before_have_one(tmp_path):
    path, rows = tmp_path / "metrics.jsonl", [files.checked_json({"step": step}) for step in range(3)]
    path.write_bytes(files.to_json({"step": -1}) + b"".join(rows))  # a run that an earlier version began
    assert [row["step"] for row in files.read_rows(path)] == [-1, 0, 1, 2]
    path.write_bytes(rows[0] + rows[1].replace(b"check", b"chack") + rows[2])
    with pytest.raises(StoreError, match="damaged at line 2: it has no check sum"):
        files.read_rows(path)
