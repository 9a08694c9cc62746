"""What is written as TOML is read back."""

import tomllib

from scenarios.lab.store import toml


def test_toml_of_any_value_is_read_back():
    document = {
        "text": 'a"b\\c\nd\x7f',
        "number": 1e-05,
        "none": None,
        "list": [1.5, [True, "x"]],
        "odd key": {"a.b": 1, "table": {"x": {"y": []}}},
        "learners": {"a.b": {"method": "ga", "options": {"betas": [0.9, 0.99]}}},
    }
    assert tomllib.loads(toml.write(document)) == {**document, "none": "none"}
