"""One file: written whole or not at all, believed only after it was checked, never executed."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from scenarios.lab.store import files
from scenarios.lab.store.store import StoreError

CHAMPION = ({"w": torch.ones(2)}, {"kind": "point"})


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    files.write(tmp_path / "a.json", b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*a\.json: No space left on device$"):
        files.write(tmp_path / "a.json", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.json", b"old")]


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


# --- checkpoints ------------------------------------------------------------------------------------------------------

STATE = {"a": torch.arange(5.0), "b": [1, 2.5, "x", None, True], "c": {"d": (torch.ones(2, 2), {})}}


def test_a_checkpoint_gives_its_state_back(tmp_path):
    (tmp_path / "c.pt").write_bytes(files.checkpoint_bytes(STATE))
    back = files.read_checkpoint(tmp_path / "c.pt")
    assert torch.equal(back["a"], STATE["a"])
    assert back["b"] == STATE["b"]
    assert torch.equal(back["c"]["d"][0], torch.ones(2, 2))


@pytest.mark.parametrize("value", [np.zeros(2), np.float64(1), {1, 2}, lambda: 0, Path()])
def test_a_state_that_is_not_plain_is_refused_when_it_is_written_not_when_it_is_needed(value):
    with pytest.raises(TypeError, match=r"state\['a'\]\[1\]: a state holds tensors and plain values only; got "):
        files.checkpoint_bytes({"a": [0, value]})


def test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_noticed(tmp_path):
    good, path = files.checkpoint_bytes(STATE), tmp_path / "c.pt"
    for at in range(0, len(good), 29):
        path.write_bytes(good[:at])
        with pytest.raises(StoreError):
            files.read_checkpoint(path)
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        with pytest.raises(StoreError):
            files.read_checkpoint(path)


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("forge", ["torch", "pickle"])
def test_code_in_a_checkpoint_with_a_valid_sha256_is_not_executed(tmp_path, forge):
    payload = io.BytesIO()
    hostile = {"learner": Hostile(tmp_path / "executed")}
    torch.save(hostile, payload) if forge == "torch" else pickle.dump(hostile, payload)
    data = payload.getvalue()
    path = tmp_path / "c.pt"
    path.write_bytes(files.CHECKPOINT + b" " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    with pytest.raises(StoreError, match=r"it holds more than tensors and plain values$"):
        files.read_checkpoint(path)
    assert not (tmp_path / "executed").exists()


# --- champions --------------------------------------------------------------------------------------------------------


def test_a_champions_bytes_depend_on_its_content_alone():
    tensors = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.ones(2)}
    header = {f"key{k}": str(k) for k in range(20)}
    turned = dict(reversed(header.items()))
    assert files.tensor_bytes(tensors, header) == files.tensor_bytes(dict(reversed(tensors.items())), turned)
    back = safetensors.torch.load(files.tensor_bytes(tensors, header))
    assert torch.equal(back["b"], tensors["b"])


def test_a_champion_gives_tensors_and_header_back_and_its_header_may_hold_any_string(tmp_path):
    header = {"label": "ä„", "lineage": '{"x": "\\""}', "method": "bad\udcffbyte.py:M"}
    files.write(tmp_path / "c.safetensors", files.tensor_bytes({}, header))
    tensors, back = files.read_champion(tmp_path / "c.safetensors")
    assert tensors == {}
    assert back == {**header, "method": "bad\\udcffbyte.py:M"}


def test_a_damaged_champion_is_a_clear_error(tmp_path):
    good = files.tensor_bytes(*CHAMPION)
    hostile = pickle.dumps(Hostile(tmp_path / "executed"))
    for data in (b"", good[:5], good[:-1], good[:20], b"\xff" * 40, hostile, good.replace(b'"F32"', b'"X32"')):
        (tmp_path / "c.safetensors").write_bytes(data)
        with pytest.raises(StoreError, match=r"c\.safetensors is damaged"):
            files.read_champion(tmp_path / "c.safetensors")
    assert not (tmp_path / "executed").exists()
