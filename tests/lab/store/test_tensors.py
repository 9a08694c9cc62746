"""Checkpoints and champions: believed only after they were checked, never executed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from scenarios.lab.store import files, tensors
from scenarios.lab.store.store import StoreError

CHAMPION = ({"w": torch.ones(2)}, {"kind": "point"})

# --- checkpoints ------------------------------------------------------------------------------------------------------

STATE = {"a": torch.arange(5.0), "b": [1, 2.5, "x", None, True], "c": {"d": (torch.ones(2, 2), {})}}


def test_a_checkpoint_gives_its_state_back(tmp_path):
    (tmp_path / "c.pt").write_bytes(tensors.checkpoint_bytes(STATE))
    back = tensors.read_checkpoint(tmp_path / "c.pt")
    assert torch.equal(back["a"], STATE["a"])
    assert back["b"] == STATE["b"]
    assert torch.equal(back["c"]["d"][0], torch.ones(2, 2))


@pytest.mark.parametrize("value", [np.zeros(2), np.float64(1), {1, 2}, lambda: 0, Path()])
def test_a_state_that_is_not_plain_is_refused_when_it_is_written_not_when_it_is_needed(value):
    with pytest.raises(TypeError, match=r"state\['a'\]\[1\]: a state holds tensors and plain values only; got "):
        tensors.checkpoint_bytes({"a": [0, value]})


def test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_noticed(tmp_path):
    good, path = tensors.checkpoint_bytes(STATE), tmp_path / "c.pt"
    for at in range(0, len(good), 29):
        path.write_bytes(good[:at])
        with pytest.raises(StoreError):
            tensors.read_checkpoint(path)
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        with pytest.raises(StoreError):
            tensors.read_checkpoint(path)


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
    path.write_bytes(tensors.CHECKPOINT + b" " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    with pytest.raises(StoreError, match=r"it holds more than tensors and plain values$"):
        tensors.read_checkpoint(path)
    assert not (tmp_path / "executed").exists()


# --- champions --------------------------------------------------------------------------------------------------------


def test_a_champions_bytes_depend_on_its_content_alone():
    saved = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.ones(2)}
    header = {f"key{k}": str(k) for k in range(20)}
    turned = dict(reversed(header.items()))
    assert tensors.tensor_bytes(saved, header) == tensors.tensor_bytes(dict(reversed(saved.items())), turned)
    back = safetensors.torch.load(tensors.tensor_bytes(saved, header))
    assert torch.equal(back["b"], saved["b"])


def test_numbers_of_every_type_lie_where_the_library_lays_them():
    saved = {
        f"{k}{shape}": torch.ones(shape, dtype=each) for k, each in enumerate(tensors.TYPES) for shape in ((), (2, 3), (0,))
    }
    assert {torch.uint16, torch.uint32, torch.uint64} <= {each.dtype for each in saved.values()}
    data, theirs = tensors.tensor_bytes(saved, {}), safetensors.torch.save(saved)
    content = lambda file: json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")])
    numbers = lambda file: file[8 + int.from_bytes(file[:8], "little") :]
    ours = content(data)
    del ours["__metadata__"]
    assert ours == content(theirs)
    assert numbers(data) == numbers(theirs)
    assert len(data) % 8 == len(theirs) % 8
    assert all(torch.equal(each, saved[name]) for name, each in safetensors.torch.load(data).items())


def test_numbers_that_the_format_lacks_are_named():
    with pytest.raises(TypeError, match=r"w: expected torch.uint64, .*; got torch.complex128"):
        tensors.tensor_bytes({"w": torch.ones(2, dtype=torch.complex128)}, {})


def test_a_champion_gives_tensors_and_header_back_and_its_header_may_hold_any_string(tmp_path):
    header = {"label": "ä„", "lineage": '{"x": "\\""}', "method": "bad\udcffbyte.py:M"}
    files.write(tmp_path / "c.safetensors", tensors.tensor_bytes({}, header))
    saved, back = tensors.read_champion(tmp_path / "c.safetensors")
    assert saved == {}
    assert back == {**header, "method": "bad\\udcffbyte.py:M"}


def test_a_damaged_champion_is_a_clear_error(tmp_path):
    good = tensors.tensor_bytes(*CHAMPION)
    hostile = pickle.dumps(Hostile(tmp_path / "executed"))
    for data in (b"", good[:5], good[:-1], good[:20], b"\xff" * 40, hostile, good.replace(b'"F32"', b'"X32"')):
        (tmp_path / "c.safetensors").write_bytes(data)
        with pytest.raises(StoreError, match=r"c\.safetensors is damaged"):
            tensors.read_champion(tmp_path / "c.safetensors")
    assert not (tmp_path / "executed").exists()


def test_a_flipped_bit_of_a_champion_is_told_or_changes_nothing(tmp_path):
    saved = {"weight": torch.arange(6.0).reshape(2, 3)}, {"kind": "torch", "step": "3"}
    data, path = tensors.tensor_bytes(*saved), tmp_path / "one.safetensors"
    for bit in range(0, 8 * len(data), 3):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            found, header = tensors.read_champion(path)
        except StoreError:
            continue
        assert torch.equal(found["weight"], saved[0]["weight"])
        assert header.items() >= saved[1].items()
    path.write_bytes(data)
    assert tensors.read_champion(path)[1] == saved[1]
