"""Runs a study: worker processes for what has a name, this process for what was given as an object.

Workers are subprocesses reused from run to run (one costs an import of torch); nothing is forked, so a notebook needs
no `__main__` guard. The first one may also try the configuration (`Workers.ask`): then this process needs no torch. Ctrl-C
once: every run finishes its step and saves; twice: they are killed. The bytes a run writes do not depend on which process
ran it, or beside how many others.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from evo.machine import ONE_THREAD, cores, end_process, module_process
from scenarios.lab.execution.progress import Emit
from scenarios.lab.execution.stored import conflicts
from scenarios.lab.store.store import RunDirectory, StoreError, run_path
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.spec import RunSpec, Study

POLL_SECONDS = 0.1  # how soon a Ctrl-C, or the death of a worker, is noticed


def run_study(
    study: Study,
    runs: str | Path,
    *,
    jobs: int | None = None,
    restart: bool = False,
    trial: bool = False,
    emit: Emit = lambda event: None,
    ended: Callable[[int, str], None] = lambda index, state: None,
    workers: Workers | None = None,
) -> dict[int, str]:
    """Runs every spec of the study, and says of each how it ended, by its index: "finished", "skipped", "stopped"
    (also: never started, since Ctrl-C came first) or "failed".

    jobs: worker processes; None: one a core. workers: those that are there already, which stay. trial: as of `execute`. emit
    gets the events of `execute` with "index", on this thread, after a "starting"; ended is told of each run once no process
    holds its folder. A failed run stops no other. Raises ConfigError, before anything starts, if stored runs have other
    settings (unless `restart`); KeyboardInterrupt on a second Ctrl-C.
    """
    specs = study.specs
    refuse_others(study, runs, restart)
    if study.unknown:
        words = f"{', '.join(study.unknown)}: objects that cannot be compared; use --restart after a change in them"
        emit({"event": "warning", "message": words})
    named = [k for k, spec in enumerate(specs) if spec.named]
    states = dict.fromkeys(range(len(specs)), "stopped")
    with Interrupt() as interrupt:
        if named:
            with nullcontext(workers) if workers else Workers() as own:
                pool = _Pool(specs, Path(runs), {"restart": restart, "trial": trial}, emit, ended, interrupt, own)
                pool.run(named, jobs or cores(), states)
        for k in sorted(set(states) - set(named)):
            if interrupt.requested:
                break
            from scenarios.lab.execution.execute import execute  # not above: it needs torch

            tell = lambda event, k=k: emit({**event, "index": k})
            tell({"event": "starting"})
            with _one_thread():
                options: dict[str, Any] = {"restart": restart, "trial": trial, "threads": cores()}
                states[k] = execute(specs[k], runs, **options, emit=tell, stop=lambda: interrupt.requested)
            ended(k, states[k])
    return states


def refuse_others(study: Study, runs: str | Path, restart: bool) -> None:
    """Raises ConfigError if stored runs have other settings, unless `restart`."""
    found = [] if restart else [conflicts(spec, RunDirectory(_path(spec, runs))) for spec in study.specs]
    if problems := [problem for problem in found if problem]:
        raise ConfigError(problems)


class Interrupt:
    """Inside the block the first Ctrl-C sets `requested`, the second raises KeyboardInterrupt.

    Python delivers Ctrl-C to the main thread alone; on another thread the block changes nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Interrupt:
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def _deaf() -> Iterator[None]:
    """A process started inside inherits deafness to Ctrl-C and SIGTERM, which it would not survive while it imports."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _Worker:
    """One subprocess, and the index of the run it is at."""

    def __init__(self, inbox: Inbox):
        self.index: int | None = None
        command, environment = module_process("scenarios.lab.execution.worker")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        threading.Thread(target=self._read, args=(inbox,), daemon=True).start()

    def _read(self, inbox: Inbox) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.endswith(b"\n"):  # else it died in the middle of it
                    inbox.put((self, json.loads(line)))
        inbox.put((self, None))

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):  # it is dead, which `_read` is about to tell
            self.process.stdin.write(json.dumps(message, default=str).encode() + b"\n")
            self.process.stdin.flush()

    def death(self) -> str:
        """How the process ended, in words; it has ended after this."""
        self.close(kindly=True)
        code = self.process.returncode
        if code >= 0:
            return f"its worker process exited with code {code}"
        name = signal.Signals(-code).name
        return f"its worker process was killed by {name}" + (" (manually, or out of memory)" if name == "SIGKILL" else "")

    def close(self, kindly: bool) -> None:
        end_process(self.process, kindly)


Inbox = queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]


class Workers:
    """The worker processes of a study, and what they say. The block ends them, on an error at once."""

    def __init__(self) -> None:
        self.inbox: Inbox = queue.SimpleQueue()
        self.busy: set[_Worker] = set()
        self.idle: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        for worker in [*self.busy, *self.idle]:
            worker.close(kindly=kind is None)
        self.busy, self.idle = set(), []

    def take(self) -> _Worker:
        """An idle worker, or a new one; it is busy now."""
        if not self.idle:
            with _deaf():
                self.idle.append(_Worker(self.inbox))
        worker = self.idle.pop()
        self.busy.add(worker)
        return worker

    def free(self, worker: _Worker) -> None:
        self.busy.remove(worker)
        self.idle.append(worker)

    def ask(self, what: str, **of: Any) -> None:
        """Has a worker do what needs torch, one of its ANSWERS, while this process goes on; `answer` waits for it."""
        self.take().send({"ask": what, "of": of})

    def answer(self) -> Any:
        """What was asked for. Raises ConfigError with every mistake."""
        worker, event = self._next()
        if event is None:
            self.busy.remove(worker)
            raise ConfigError([f"the configuration could not be tried: {worker.death()}"])
        self.free(worker)
        if event["event"] == "mistakes":
            raise ConfigError(event["problems"])
        return event["answer"]

    def _next(self) -> tuple[_Worker, dict[str, Any] | None]:
        """What the one busy worker says; None: it is dead."""
        (worker,) = self.busy
        while True:
            try:
                return self.inbox.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if worker.process.poll() is not None:  # a child of its own may still hold its pipe open
                    return worker, None


class _Pool:
    """The loop that hands runs to workers and passes on their events."""

    def __init__(
        self,
        specs: Sequence[RunSpec],
        runs: Path,
        options: dict[str, bool],
        emit: Emit,
        ended: Callable[[int, str], None],
        interrupt: Interrupt,
        workers: Workers,
    ):
        self.specs, self.runs, self.options, self.emit, self.ended = specs, runs, options, emit, ended
        self.interrupt, self.workers = interrupt, workers

    def run(self, indices: Sequence[int], jobs: int, states: dict[int, str]) -> None:
        """Runs the specs of these indices, `jobs` at a time, and puts how each ended in `states`."""
        jobs = max(1, min(jobs, len(indices)))
        self.threads = max(1, cores() // jobs)
        waiting, told, busy = deque(indices), False, self.workers.busy
        while busy or (waiting and not self.interrupt.requested):
            if self.interrupt.requested and not told:
                told = True
                words = "stopping: every run finishes its step and saves; Ctrl-C again stops at once"
                self.emit({"event": "interrupted", "message": words})
                for worker in busy:
                    worker.send({"stop": True})
            while waiting and len(busy) < jobs and not self.interrupt.requested:
                self._start(waiting.popleft())
            try:
                worker, event = self.workers.inbox.get(timeout=POLL_SECONDS)
            except queue.Empty:
                for worker in [each for each in busy if each.process.poll() is not None]:
                    self._died(worker, states)  # a child of its own may still hold its pipe open
                continue
            if event is None:
                self._died(worker, states)
            elif event["event"] == "done":
                states[event["index"]] = event["state"]
                self.workers.free(worker)
                self.ended(event["index"], event["state"])
            else:
                self.emit(event)

    def _start(self, index: int) -> None:
        worker = self.workers.take()
        worker.index = index
        self.emit({"event": "starting", "index": index})
        where = {"index": index, "runs": str(self.runs), "threads": self.threads}
        worker.send({"run": self.specs[index].to_json(), **where, **self.options})

    def _died(self, worker: _Worker, states: dict[int, str]) -> None:
        """A worker that is gone takes only its run along: that has failed, and the next gets a new worker."""
        if worker in self.workers.idle:
            self.workers.idle.remove(worker)
        if worker not in self.workers.busy:
            return
        self.workers.busy.remove(worker)
        assert worker.index is not None
        spec = self.specs[worker.index]
        message = f"{worker.death()}; the same command continues from its last checkpoint"
        try:
            with RunDirectory(_path(spec, self.runs)) as directory:
                directory.write_error(message + "\n")
        except StoreError as error:
            message += f" ({error})"
        states[worker.index] = "failed"
        self.emit({"event": "failed", "index": worker.index, "message": message})
        self.ended(worker.index, "failed")


def _path(spec: RunSpec, runs: str | Path) -> Path:
    return run_path(runs, spec.name, spec.label, spec.seed)


@contextmanager
def _one_thread() -> Iterator[None]:
    """A library that is first loaded inside the block reads ONE_THREAD; the user's environment comes back after it."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
