import collections
import enum
import importlib.util
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from numba import config, njit

from evo.rollout.codegen import compiled, fingerprint

compiling = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")

PUSHER = """
import math
from evo.rollout.environment import Environment

PUSH = {push}

def start(draws):
    return (draws[0],)

def observe(state):
    return state

def moved(position, push):
    return position {sign} push

def step(state, action):
    position = moved(state[0], PUSH)
    return (position,), position, False

environment = Environment("pusher", start, observe, step, draws=1, actions=2, max_steps=3)
"""

# Plays the environment of each file named, and tells its return, and what was compiled on the way.
PLAY = """
import importlib.util, sys
import numpy as np
from numba.core import event
from evo.vectors import mlp_kernel
from evo.rollout.lanes import Policy, rollout

for name in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("pusher", name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = (np.zeros((1, 4), np.float32), np.array([1, 2]), 0)
    with event.install_recorder("numba:compile") as recorder:
        returns, *_ = rollout(module.environment, Policy(mlp_kernel, data, 1, 1, 2), np.zeros((1, 1)))
    print(returns[0, 0], len(recorder.buffer))
"""


def pusher(folder, push, sign="+", name="pusher"):
    path = folder / f"{name}.py"
    path.write_text(PUSHER.format(push=push, sign=sign))
    return path


def play(folder, *files):
    """What a process of its own tells: [(return, things compiled)] for each file."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-c", PLAY, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return [(float(line.split()[0]), int(line.split()[1])) for line in done.stdout.splitlines()]


@compiling
def test_an_edited_step_gives_the_new_physics_and_what_is_on_disk_is_never_compiled_again(tmp_path):
    path = pusher(tmp_path, 1.0)
    [(first, compiled_first)] = play(tmp_path, path)
    assert first == 1 + 2 + 3
    assert compiled_first > 0
    pusher(tmp_path, 10.0)  # the constant of the same file, edited
    [(second, _)] = play(tmp_path, path)
    assert second == 10 + 20 + 30
    # A third process finds both on disk: the names that numba gave their symbols in two processes must not be confused.
    before = pusher(tmp_path, 1.0, name="before")
    files = sorted((tmp_path / "cache" / "neuroevo" / "kernels").glob("*.py"))
    assert len(files) == 2
    assert play(tmp_path, path, before, path) == [(60, 0), (6, 0), (60, 0)]
    assert sorted((tmp_path / "cache" / "neuroevo" / "kernels").glob("*.py")) == files


def load(path):
    spec = importlib.util.spec_from_file_location("pusher", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_fingerprint_follows_code_constants_and_what_is_called_but_not_layout(tmp_path):
    base = load(pusher(tmp_path, 1.0, name="a"))
    same = tmp_path / "b.py"
    same.write_text("# a comment\n\n" + PUSHER.format(push=1.0, sign="+"))
    others = [
        load(pusher(tmp_path, 2.0, name="c")),
        load(pusher(tmp_path, 1.0, "-", name="d")),
        load(pusher(tmp_path, 1, name="e")),
    ]
    prints = [fingerprint(module.step) for module in (base, *others)]
    assert len(set(prints)) == 4
    assert fingerprint(load(same).step) == prints[0]
    assert fingerprint(base.observe) == fingerprint(others[0].observe)


@compiling
def test_a_fingerprint_sees_closures_defaults_arrays_and_functions_that_are_compiled_already():
    def scaling(factor):
        def scale(x):
            return x * factor

        return scale

    def with_default(x, factor=2.0):
        return x * factor

    other = lambda x, factor=3.0: x * factor
    other.__code__ = with_default.__code__
    things = [scaling(2.0), scaling(3.0), scaling(np.ones(3)), scaling(np.ones(4)), with_default, other, njit(scaling(2.0))]
    things += [njit(fastmath=True)(scaling(2.0)), scaling(scaling(2.0)), scaling(scaling(3.0)), (1, 2), (12,), "12", None]
    assert len({fingerprint(thing) for thing in things}) == len(things)
    assert fingerprint(scaling(2.0)) == fingerprint(scaling(2.0))


class Kind(enum.IntEnum):
    SLOW = 1


def test_a_fingerprint_sees_members_fields_and_modules_in_modules():
    def using(value):
        scope = {"value": value}
        exec("def read(x):\n    return x * value.inner.PUSH + value.SLOW + value.a", scope)
        return scope["read"]

    def module(push):
        outer, inner = types.ModuleType("outer"), types.ModuleType("inner")
        outer.inner, inner.PUSH = inner, push
        return outer

    other = enum.IntEnum("Kind", {"SLOW": 2})
    fields = [collections.namedtuple("K", names) for names in ("a b", "b a")]
    things = [using(value) for value in (module(1.0), module(2.0), Kind, other, *fields)]
    assert len({fingerprint(thing) for thing in things}) == len(things)
    assert fingerprint(using(module(1.0))) == fingerprint(things[0])


def halved(x):
    return 0.0 if x < 1e-3 else x / 2.0 + halved(x / 4.0)


def divided(x, y):
    return halved(x) / y


@compiling
def test_a_function_is_compiled_with_those_that_it_names_also_itself_and_divides_by_zero_as_numpy_does():
    quick = compiled(divided, __name__)
    assert quick(1.0, 2.0) == divided(1.0, 2.0)
    assert quick(1.0, 0.0) == np.inf
    assert compiled(lambda x: divided(x, 1.0), __name__, {"divided": lambda x, y: x + y})(1.0) == 2.0
    assert compiled(3.5, __name__) == 3.5


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_folder_that_cannot_be_written_to_costs_only_the_time_to_compile(tmp_path):
    tmp_path.chmod(0o500)
    assert play(tmp_path, pusher(tmp_path, 1.0))[0][0] == 6
