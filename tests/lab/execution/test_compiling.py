import subprocess
import sys

import pytest

CODE = """
from scenarios.lab.execution import compiling

compiling.announce()
compiling.announce()
from numba import njit

function = njit(lambda x: x + 1)
for argument in {arguments}:
    function(argument)
"""


@pytest.mark.parametrize(("arguments", "lines"), [("()", 0), ("(1, 2)", 1), ("(1, 1.0, 2)", 1)])
def test_the_first_kernel_that_is_compiled_is_announced_once(arguments, lines):
    command = [sys.executable, "-c", CODE.format(arguments=arguments)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert said.count("compiling kernels") == len(said.splitlines()) == lines


SPARED = """
import sys
from scenarios.lab.execution import compiling

compiling.spare_blas()
from evo import rng

rng.uniforms(0, 0, 0, 0, 1)
before = "scipy.linalg" in sys.modules
import numpy as np
from numba import njit

print(before, njit(lambda x: np.dot(x, x))(np.ones((2, 2))).sum())
"""


def test_kernels_load_without_scipys_blas_and_one_that_needs_it_has_it():
    said = subprocess.run([sys.executable, "-c", SPARED], capture_output=True, text=True, check=True).stdout
    assert said == "False 8.0\n"


KERNEL = """
import numpy as np
from numba import njit

from baselines.random_search import RandomSearch


@njit("void(float64[::1])", cache=True)
def doubled(x):
    x *= 2.0


class Doubled(RandomSearch):
    def tell(self, evaluation):
        doubled(np.ones(1))
        super().tell(evaluation)
"""


def test_a_run_announces_what_it_compiles_and_the_next_has_nothing_to_compile(tmp_path):
    """A user's kernel is what is new; ours are the test run's."""
    (tmp_path / "mine.py").write_text(KERNEL)
    run = [sys.executable, "-m", "scenarios", "run", "xor", "-m", "mine.py:Doubled", "--seeds", "1", "--budget", "steps=1"]
    said = []
    for number in range(2):
        arguments = [*run, "--runs", str(number)]
        said.append(subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True).stderr)
    assert "compiling kernels" in said[0]
    assert "compiling kernels" not in said[1]
