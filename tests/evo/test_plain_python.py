"""The kernels as plain Python: what numba makes of them is what they say, and every line of them is run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plain_pass
import pytest


@pytest.fixture(scope="module")
def plain():
    """What `plain_pass` finds in a process without compiled code."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(plain_pass.ROOT)}
    command = [sys.executable, "-W", "ignore::RuntimeWarning", str(Path(plain_pass.__file__))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *printed, found = done.stdout.splitlines()
    return json.loads(found) | {"printed": "\n".join(printed)}


def test_tests_of_every_kernel_pass(plain):
    assert plain["status"] == 0, plain["printed"]


def test_no_line_of_a_kernel_is_left_out(plain):
    assert plain["kernels"] > 50
    assert plain["missed"] == []


def test_no_random_word_decides_two_things(plain):
    assert len(plain["draws"]) > 500
    assert [counter for counter, times in plain["draws"] if times > 1] == []


def test_it_gives_the_bytes_of_compiled_kernels(plain):
    compiled, found = plain_pass.results(), plain["results"]
    assert found["digests"] == compiled["digests"]
    assert len(set(found["digests"].values())) == len(found["digests"])
    for name, expected in compiled["vectors"].items():
        np.testing.assert_allclose(found["vectors"][name], expected, rtol=1e-5, atol=1e-6, err_msg=name)
