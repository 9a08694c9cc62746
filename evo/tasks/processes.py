"""Other processes that take a share of the episodes of a task, one for each core but the first.

An environment of Python is not thread-safe and holds the interpreter lock, so each process makes one of its own:

    python -m evo.tasks.processes
    stdin    the task, as `Helpers` pickles it; then, for each evaluation, (policy, starts, observe) and the lanes to run; or
             the Start of lanes, and outputs of their networks for each step
    stdout   b"" once its environment is made, then an Outcome for each share of lanes, or the state of the lanes after a step

An episode is a function of network and start seed, so it changes no number which process runs it. A helper that fails in any
way is dropped, and what it had is run by the process that asked, where an error has its own traceback. Helpers start when a
task has stepped for PATIENCE seconds, since each must import torch, and end with the task or with the process that made them,
however that ends. They have a session of their own: Ctrl-C at the terminal is for the one that asked.

What is unpickled here comes from the process at the other end of the pipe, never from a file.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.machinery import PathFinder
from time import perf_counter
from typing import IO, TYPE_CHECKING

from evo.machine import die_with_parent, end_process, module_process

if TYPE_CHECKING:
    import numpy as np

    from evo.rollout.lanes import Policy
    from evo.tasks.environments import Make
    from evo.tasks.stepping import Outcome, State, Stepper

PATIENCE = 2.0  # seconds of stepping before a task gets helpers
ANSWER = 5e-4  # seconds of steps of all lanes from which a helper's share is worth its answer
_HEAD = struct.Struct("<Q")


class Helpers:
    """The helpers of one task.

    make, max_steps: the task's; name: its name.
    """

    def __init__(self, name: str, make: Make, max_steps: int | None):
        self.name, self._task = name, (name, make, max_steps)
        self._all: list[Helper] | None = None
        self._process, self.stepped = os.getpid(), 0.0
        self._told, self._lanes = 0.0, 0  # of steps tick by tick: seconds, and of how many lanes

    def run(self, stepper: Stepper, policy: Policy, starts: np.ndarray, observe: bool, count: int) -> list[_Share]:
        """The episodes of every network from every start, in shares: `stepper` runs them in this process, helpers, at most
        count - 1 of them, run some beside it. Raises what `stepper.run` raises."""
        import cloudpickle

        from evo.rollout.lanes import spreading

        total = policy.size * len(starts)
        done: list[_Share] = []
        began = perf_counter()
        helpers = self.ready(count) if total > 1 and count > 1 else []
        stride = spreading(total) if helpers else 1
        waiting = deque(k * stride % total for k in range(total))

        def share() -> list[int]:
            # Large shares first, small ones at the end, so that all end at about the same time.
            lanes: list[int] = []
            with suppress(IndexError):  # another thread took the last
                while len(lanes) < max(1, len(waiting) // (2 * len(helpers) + 2)):
                    lanes.append(waiting.popleft())
            return lanes

        def here() -> None:
            while lanes := share():
                done.append((lanes, stepper.run(policy, starts, lanes, observe)))

        def there(helper: Helper) -> None:
            lanes: list[int] = []
            try:
                helper.send(asked)
                while lanes := share():
                    done.append((lanes, helper.ask(lanes)))
            except (OSError, EOFError):
                waiting.extend(lanes)
                self.drop(helper)

        if not helpers:
            here()
        else:
            asked = cloudpickle.dumps((policy, starts, observe))
            with ThreadPoolExecutor(len(helpers)) as pool:
                beside = [pool.submit(there, helper) for helper in helpers]
                try:
                    here()
                except BaseException:
                    self.close()  # which ends the threads too
                    raise
            for each in beside:
                each.result()
            here()  # what a helper left that failed
        self.stepped += perf_counter() - began
        return done

    def worth(self, lanes: int, count: int) -> list[Helper]:
        """Those that take a part of so many lanes, tick by tick."""
        pays = lanes * self._told >= ANSWER * max(1, self._lanes)
        return self.ready(count) if count > 1 and lanes > 1 and pays else []

    def tell(self, seconds: float, lanes: int) -> None:
        """Hears how long a step of so many lanes took in this process."""
        self.stepped += seconds
        self._told, self._lanes = self._told + seconds, self._lanes + lanes

    def ready(self, count: int) -> list[Helper]:
        """Those that have an environment; the first call after PATIENCE seconds starts them."""
        if self._process != os.getpid():  # forked: they are another's
            self._process, self._all = os.getpid(), None
        if self._all is None:
            if self.stepped < PATIENCE:
                return []
            self._all = []
            try:
                task = _pickled(*self._task)
            except Exception as error:
                self._alone(f"{type(error).__name__}: {error}")
            else:
                self._all = [Helper(task) for _ in range(count - 1)]
        for helper in list(self._all):
            if helper.trouble:
                self.drop(helper)
                self._alone(helper.trouble)
        return [helper for helper in self._all if helper.ready][: count - 1]

    def _alone(self, why: str) -> None:
        warnings.warn(f"{self.name}: its episodes run on one core, since another process cannot make it ({why})", stacklevel=2)

    def drop(self, helper: Helper) -> None:
        if self._all is not None and helper in self._all:  # else `close` was quicker
            self._all.remove(helper)
        helper.close(kindly=False)

    def close(self) -> None:
        """Ends them."""
        ending, self._all = self._all or [], None
        for helper in ending:
            helper.close(kindly=True)


_Share = tuple[list[int], "Outcome"]


class Helper:
    """One process. ready: it has an environment; trouble: why it has none, and never will."""

    def __init__(self, task: bytes):
        self.ready, self.trouble = False, ""
        command, environment = module_process("evo.tasks.processes")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        threading.Thread(target=self._begin, args=(task,), daemon=True).start()

    def _begin(self, task: bytes) -> None:
        try:
            self.send(task)
            self.trouble = self._receive().decode()
            self.ready = not self.trouble
        except (OSError, EOFError, ValueError):
            self.trouble = "it ended while it imported"

    def send(self, message: bytes) -> None:
        assert self._process.stdin is not None
        _write(self._process.stdin, message)

    def ask(self, lanes: Sequence[int]) -> Outcome:
        """What those lanes of the evaluation last sent give. Raises EOFError if it fails."""
        self.tell(lanes)
        return pickle.loads(self._receive())

    def tell(self, what: object) -> None:
        self.send(pickle.dumps(what))

    def answer(self) -> State:
        """Its lanes, after it was told of their start or their outputs. Raises EOFError if it fails."""
        return pickle.loads(self._receive())

    def _receive(self) -> bytes:
        assert self._process.stdout is not None
        return _read(self._process.stdout)

    def close(self, kindly: bool) -> None:
        """Ends it. kindly: it may close its environment first."""
        end_process(self._process, kindly)
        assert self._process.stdout is not None
        self._process.stdout.close()


def _pickled(name: str, make: Make, max_steps: int | None) -> bytes:
    """A task, its functions and classes by name where another process can import them, else by what they are."""
    import cloudpickle
    import gymnasium

    task = (name, make, max_steps, gymnasium.registry.get(make) if isinstance(make, str) else None)
    module = sys.modules.get(getattr(make, "__module__", None) or "")
    if module is None or PathFinder.find_spec(module.__name__.partition(".")[0]) is not None:
        return cloudpickle.dumps(task)
    cloudpickle.register_pickle_by_value(module)  # a file of the user's, imported under a name of ours
    try:
        return cloudpickle.dumps(task)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _write(file: IO[bytes], message: bytes) -> None:
    file.write(_HEAD.pack(len(message)))
    file.write(message)
    file.flush()


def _read(file: IO[bytes]) -> bytes:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError("the other process has ended")
    (size,) = _HEAD.unpack(head)
    message = file.read(size)
    if len(message) < size:
        raise EOFError("the other process has ended")
    return message


# The process that helps.


def main() -> None:
    die_with_parent()
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # an environment may read and print
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    warnings.simplefilter("ignore")  # the process that asks warns
    _serve(inbox.get, lambda message: _write(answers, message))
    os._exit(0)


def _listen(requests: IO[bytes], inbox: queue.SimpleQueue[bytes | None]) -> None:
    try:
        while True:
            inbox.put(_read(requests))
    except EOFError:
        inbox.put(None)
        threading.Event().wait(1.0)  # to close the environment, if it is at none of its steps
        os._exit(0)


def _serve(receive: Callable[[], bytes | None], send: Callable[[bytes], None]) -> None:
    # Imported here: the end of the process that asked is noticed while they take their seconds.
    import gymnasium

    from evo.tasks import actions, environments
    from evo.tasks.stepping import Lanes, Start, Stepper

    first = receive()
    if first is None:
        return
    try:
        name, make, max_steps, spec = pickle.loads(first)
        if spec is not None:
            gymnasium.registry.setdefault(make, spec)  # it may be one of the user's
        worlds = [environments.made(make, name)]
        _, act = actions.space_actions(worlds[0].action_space, name)
        inputs = worlds[0].observation_space.shape[0]  # type: ignore[index]  # that of a Box
        stepper = Stepper(name, worlds[0], inputs, act, max_steps)
    except Exception as error:  # of the user's code
        send(f"{type(error).__name__}: {error}".encode())
        return
    send(b"")
    while (message := receive()) is not None:
        request = pickle.loads(message)
        if isinstance(request, tuple) and not isinstance(request, Start):
            policy, starts, observe = request
            continue
        try:
            if isinstance(request, list):
                send(pickle.dumps(stepper.run(policy, starts, request, observe)))
                continue
            if isinstance(request, Start):
                worlds += [environments.made(make, name) for _ in range(len(request.lanes) - len(worlds))]
                lanes = Lanes(name, worlds, inputs, act, max_steps, request)
            else:
                lanes.step(request)
            send(pickle.dumps(lanes.state))
        except Exception:  # the process that asks meets it again
            break
    for environment in worlds:
        environment.close()


if __name__ == "__main__":
    main()
