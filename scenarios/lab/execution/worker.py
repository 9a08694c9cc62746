"""A worker process: does what its parent sends, one thing after another, and ends when its parent does.

    python -m scenarios.lab.execution.worker
    stdin    {"ask": "study", "of": {"document": ..., ...}}    what needs torch: a function of ANSWERS
             {"run": <RunSpec>, "index": 3, "runs": "runs", "threads": 1, "restart": false, "trial": false}    a line a run
             {"stop": true}                                    finish the step, save, and take no further step
             end of file: the parent is gone, and so is this process, at once
    stdout   {"event": "answer", "answer": ...} or {"event": "mistakes", "problems": [...]}
             the events of `execute`, with "index"; {"event": "done", "index": 3, "state": "finished"} ends a run

A user's code may print, and read its standard input: the protocol has descriptors of its own, standard output becomes
standard error, standard input is empty.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from evo.machine import die_with_parent


def main() -> None:
    gc.disable()  # until a run begins: what is imported stays
    for each in (signal.SIGINT, signal.SIGTERM):  # they reach every process of a terminal or a job; the parent says what to do
        signal.signal(each, signal.SIG_IGN)
    die_with_parent()  # where C code holds the interpreter lock that `_listen` needs
    requests = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    stopping = threading.Event()
    threading.Thread(target=_listen, args=(requests, waiting, stopping), daemon=True).start()
    while True:
        request = waiting.get()
        if "ask" in request:
            _answer(request, events)
        else:
            _run(request, events, stopping)


def _listen(requests: IO[bytes], waiting: queue.SimpleQueue[dict[str, Any]], stopping: threading.Event) -> None:
    for line in requests:
        request = json.loads(line)
        if request.get("stop"):
            stopping.set()
        else:
            waiting.put(request)
    os._exit(0)  # whatever the main thread is at: a run needs no farewell, it is safe at any moment


# Imports stand in the functions, not above: the parent's death is noticed also while they take their seconds.


def _answer(request: dict[str, Any], events: IO[bytes]) -> None:
    from scenarios.lab.execution import compiling
    from scenarios.lab.study.problems import ConfigError

    compiling.spare_blas()
    compiling.announce()
    answer: dict[str, Any]
    try:
        answer = {"event": "answer", "answer": ANSWERS[request["ask"]](**request["of"])}
    except ConfigError as error:
        answer = {"event": "mistakes", "problems": error.problems}
    _say(events, json.dumps(answer).encode() + b"\n")


def _study(**asked: Any) -> dict[str, Any]:
    """A configuration, tried."""
    from scenarios.lab.study.trial import study

    return study(**asked).to_json()


def _plan(**asked: Any) -> dict[str, Any]:
    """What `evo tune` is to try, tried."""
    from scenarios.lab.study.plan import plan

    return plan(**asked).to_json()


def _trials(label: dict[str, Any], **asked: Any) -> list[list[dict[str, Any]]]:
    """The runs of some trials of a label."""
    from scenarios.lab.execution.tune import runs_of
    from scenarios.lab.study.plan import Tuned

    return [[spec.to_json() for spec in runs] for runs in runs_of(Tuned.from_json(label), **asked)]


ANSWERS: dict[str, Callable[..., Any]] = {"study": _study, "plan": _plan, "trials": _trials}


def _run(request: dict[str, Any], events: IO[bytes], stopping: threading.Event) -> None:
    from scenarios.lab.execution.execute import execute
    from scenarios.lab.store.files import to_json
    from scenarios.lab.study.spec import RunSpec

    def emit(event: dict[str, Any]) -> None:
        _say(events, to_json({**event, "index": request["index"]}))

    if not request["trial"]:
        _spare_docs()
    spec = RunSpec.from_json(request["run"])
    options = {key: request[key] for key in ("restart", "threads", "trial")}
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    state = execute(spec, request["runs"], **options, emit=emit, stop=stopping.is_set)
    emit({"event": "done", "state": state})


def _spare_docs() -> None:
    """Matplotlib writes the documentation of every class's `set` when it is imported, which takes a third of that time. Nobody
    reads it in a worker."""
    from matplotlib.artist import Artist

    Artist._update_set_signature_and_docstring = classmethod(lambda cls: None)  # type: ignore[attr-defined]  # a private name


def _say(events: IO[bytes], line: bytes) -> None:
    try:
        while line:
            line = line[events.write(line) :]
    except OSError:
        os._exit(0)  # nobody listens


if __name__ == "__main__":
    main()
