import json

import numpy as np
import pytest
import torch

from evo.tasks.schema import Schema
from evo.tasks.supervised import SupervisedTask

TOWNS = [f"town {k % 40}" if k % 7 else "" for k in range(400)]


def task(target):
    numbers = np.random.default_rng(0).normal(size=(3, 400))
    numbers[0, 5] = np.nan
    frame = {"far": 1.7e9 + numbers[0], "town": TOWNS, "side": ["left", "right"] * 200, "id": numbers[1]}
    frame["y"] = ["né", "01", "1", "2"] * 100 if target == "words" else 1e6 + 3 * numbers[2]
    return frame, SupervisedTask.from_table(frame, "y", drop=["id"])


@pytest.mark.parametrize("target", ["words", "numbers"])
def test_a_schema_comes_back_from_json_as_it_was(target):
    frame, made = task(target)
    schema = Schema.from_json(json.loads(json.dumps(made.schema.to_json())))
    assert schema == made.schema
    assert np.array_equal(schema.columns.encode(frame), made.columns.encode(frame))
    outputs = torch.randn(6, made.outputs)
    assert schema.decode(outputs) == made.decode(outputs)


def test_a_schema_without_a_table_comes_back_too():
    x, y = np.zeros((6, 2)), np.arange(6) % 3
    schema = SupervisedTask((x, y), kind="classification", classes=["a", "b", "c"]).schema
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
