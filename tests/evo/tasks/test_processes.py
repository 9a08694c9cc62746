import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import gymnasium
import pytest
from torch import nn

from evo import rng, threads
from evo.tasks import processes
from evo.tasks.control import ControlTask
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP

network = lambda inputs, outputs: MLP(inputs, outputs, hidden=(4,))
SEEDS = rng.words(0, 0, 0, rng.EPISODES, 3)


def started(task, count=2, seconds=60):
    """The task's helpers, once they have an environment; it has no start that fails among the first."""
    scored(task, 1, SEEDS[:1])
    deadline = time.monotonic() + seconds
    while not (ready := task._helpers[0].ready(count)):
        assert time.monotonic() < deadline, "no helper is ready"
        time.sleep(0.02)
    return ready


class Net(nn.Module):
    """A network of a user's, which no kernel runs."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.second = nn.Linear(inputs, 4), nn.Linear(4, outputs)

    def forward(self, x):
        return self.second(self.first(x).tanh())


def scored(task, count, seeds=SEEDS, network=network):
    encoding = Parameters(lambda: network(task.inputs, task.outputs))
    with threads.limited(count):
        found = task.evaluate(encoding.express(encoding.initial(0, 0, 20, 3.0)), seeds)
        champion = task.score(encoding.model(encoding.initial(1, 0, 1, 3.0)[0]), "validation")
    return found.fitness.tolist(), found.samples.tolist(), found.observations.tolist(), champion


def ended(process):
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    return True


def test_episodes_that_a_helper_ran_are_those_of_one_process_also_after_its_death(monkeypatch):
    monkeypatch.setattr(processes, "ANSWER", 0.0)
    monkeypatch.setattr(processes, "PATIENCE", 1000.0)
    task = ControlTask(lambda: gymnasium.make("CartPole-v1"), network=network, normalize_observations=True)
    alone, module_alone = scored(task, 2), scored(task, 2, network=Net)
    assert task._helpers[0]._all is None  # it has not stepped for long
    monkeypatch.setattr(processes, "PATIENCE", 0.0)
    scored(task, 1)
    assert task._helpers[0]._all is None  # one core has no need of any
    (helper,) = started(task)
    asked, ask = [], helper.ask
    monkeypatch.setattr(helper, "ask", lambda lanes: (asked.extend(lanes), ask(lanes))[1])
    assert scored(task, 2) == alone
    assert 0 < len(asked) < 60 + 20
    sent, send = [], helper.send
    monkeypatch.setattr(helper, "send", lambda message: (sent.append(len(message)), send(message))[1])
    assert scored(task, 2, network=Net) == module_alone
    assert len(sent) > 20  # a step of its lanes each
    helper._process.send_signal(signal.SIGSTOP)  # killed while it has a share of the lanes
    threading.Timer(0.2, helper._process.kill).start()
    assert scored(task, 2) == alone
    assert (task._helpers[0]._all, ended(helper._process.pid)) == ([], True)


class Fragile(gymnasium.Wrapper):
    """Fails at a step of one start."""

    def __init__(self):
        super().__init__(gymnasium.make("CartPole-v1"))

    def reset(self, *, seed=None, options=None):
        self.broken = seed == int(SEEDS[1])
        return super().reset(seed=seed)

    def step(self, action):
        if self.broken:
            raise OSError("no such track")
        return super().step(action)


def test_a_fault_that_a_helper_meets_is_raised_here(monkeypatch, capfd):
    monkeypatch.setattr(processes, "PATIENCE", 0.0)
    task = ControlTask(Fragile, network=network, normalize_observations=True)
    helper = started(task)[0]
    with pytest.raises(RuntimeError, match=r"Fragile, genome \d+, episode 1, step 1: OSError: no such track"):
        scored(task, 2)
    assert capfd.readouterr().err == ""
    del task
    assert ended(helper._process.pid)


def test_what_no_other_process_can_make_runs_on_one_core_and_says_so(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.0)
    lock = threading.Lock()
    task = ControlTask(lambda: (lock, gymnasium.make("CartPole-v1"))[1], network=network, normalize_observations=True)
    with pytest.warns(UserWarning, match=r"its episodes run on one core, .* cannot pickle '_thread.lock' object"):
        found = scored(task, 2)
    assert found == scored(task, 2) == scored(task, 1)  # it is said once


PARENT = """
import os, sys, time
sys.path.insert(0, {tests!r})
from evo.tasks import processes
from test_processes import *
processes.PATIENCE = 0.0
task = ControlTask("CartPole-v1", network=network, normalize_observations=True)
(helper,) = started(task)
print(helper._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_kill_nine_of_the_process_that_asks_leaves_no_helper():
    script = PARENT.format(tests=str(Path(__file__).parent))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        helper = int(parent.stdout.readline())
        os.kill(helper, 0)
        parent.kill()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{helper}").exists() and "Z" not in Path(f"/proc/{helper}/stat").read_text().split(")")[1][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
