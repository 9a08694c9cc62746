"""The one loop: every method, on every scenario, goes through here.

    task, method, settings = spec.build()
    learner = method(task, settings, seed, device)
    until solved, finished or out of budget:
        row = learner.step()            -> metrics.jsonl
        a new champion                  -> history/
        every run.checkpoint_seconds    -> checkpoint.pt
    task.score(champion, "test")        -> result.json

What is written is a function of configuration and seed alone (keys with `seconds` or `_per_second` apart, and the check sums of
what holds these), wherever the run was cut and continued: no file remembers the cuts.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from evo import threads as thread_budget
from evo.core import Budget, Cost, Model, Row, counted, split_shown
from scenarios.lab.execution import finalize
from scenarios.lab.execution.progress import Emit
from scenarios.lab.execution.stored import conflicts
from scenarios.lab.store.files import CannotWrite, plain
from scenarios.lab.store.provenance import meta
from scenarios.lab.store.store import CHAMPION, SPLITS, RunDirectory, StoreError, history_name, run_path
from scenarios.lab.store.tensors import read_checkpoint, tensor_bytes
from scenarios.lab.study.loading import start_model
from scenarios.lab.study.resolve import method_name, said
from scenarios.lab.study.spec import RunSpec

ROW_SECONDS = 0.2  # between the rows that are shown; all are written


def execute(
    spec: RunSpec,
    runs: str | Path,
    *,
    restart: bool = False,
    threads: int = 1,
    trial: bool = False,
    emit: Emit = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> str:
    """Runs, continues or skips one run, and says how that ended: "finished", "stopped", "failed" or "skipped".

    trial: of tuning: the champion is scored on validation alone, and nothing is drawn. threads: of the population
    (`run.threads` overrides it; torch and BLAS always have one). emit is called with events: dicts with "event" ("started",
    "row", "finishing" with the last row, "warning", and one of the four ends) and "message", "row" or "result". stop is
    asked before every step; once it is true the run is saved and left. Nothing is raised for a run that fails: the event
    "failed" says why in one line, error.txt has the traceback.
    """
    threads = spec.run.get("threads") or threads
    directory = RunDirectory(run_path(runs, spec.name, spec.label, spec.seed))
    try:
        with directory, thread_budget.limited(threads), threadpool_limits(1):
            return _execute(spec, directory, restart, threads, trial, emit, stop)
    except (StoreError, OSError) as error:
        kept = "; the last checkpoint is kept" if isinstance(error, CannotWrite) and directory.checkpoints() else ""
        emit({"event": "failed", "message": f"{said(error)}{kept}"})
        return "failed"


def _execute(
    spec: RunSpec,
    directory: RunDirectory,
    restart: bool,
    threads: int,
    trial: bool,
    emit: Emit,
    stop: Callable[[], bool],
) -> str:
    try:
        if restart and directory.path.exists():
            emit({"event": "warning", "message": f"the previous run was renamed {directory.set_aside()}"})
        elif why := conflicts(spec, directory):
            raise StoreError(why)
        result = directory.result()
        if result is not None and _done(result, spec):
            directory.write_config(spec.toml())
            emit({"event": "skipped", "message": "already finished", "result": result})
            return "skipped"
        run = _Run(spec, directory, threads, emit)
        run.begin(had_finished=result is not None)
        while (reason := run.over()) is None:
            if stop():
                return run.leave()
            run.step()
        return run.finish(reason, trial)
    except StoreError:
        raise
    except (Exception, SystemExit) as error:  # a learner or a user's task may fail in any way; it stops no other run
        directory.write_error(traceback.format_exc())
        message = f"{said(error)} (traceback in {directory.path / 'error.txt'})"
        emit({"event": "failed", "message": message})
        return "failed"


def _done(result: Mapping[str, Any], spec: RunSpec) -> bool:
    """Whether a finished run would go no further with this budget."""
    return result["stopped_by"] != "budget" or _budget(spec).spent(Cost(**result["cost"]), result["steps"])


def _budget(spec: RunSpec) -> Budget:
    limits: Mapping[str, Any] = spec.budget
    return Budget(**limits)


@dataclass
class _Progress:
    """What the loop itself must remember across a cut."""

    steps: int = 0
    nonfinite: int = 0
    solved_at: dict[str, Any] | None = None
    champion_step: int = -1
    champion_digest: str = ""


class _Run:
    """One run on its way from the first step, or the last checkpoint, to its result."""

    def __init__(self, spec: RunSpec, directory: RunDirectory, threads: int, emit: Emit):
        self.spec, self.directory, self.threads, self.emit = spec, directory, threads, emit
        self.budget = _budget(spec)
        self.progress = _Progress()
        self.row: Row = {}  # the last one of this process
        self.saved_steps = 0
        self.saved_at = time.monotonic()
        self.shown_at = -math.inf

    def begin(self, had_finished: bool) -> None:
        """Opens the folder and takes up the run where its last good checkpoint left it."""
        spec, directory = self.spec, self.directory
        self.open()
        built = spec.build()
        self.task = built.task
        told = self.task.description()
        self.description = {} if told is None else {"task": json.dumps(plain(told))}
        make = lambda: built.method(built.task, built.settings, spec.seed, spec.device)
        bad: list[Path] = []
        for path in directory.checkpoints():
            self.learner = make()
            try:
                self.restore(path)
                break
            except Exception as error:  # a damaged state may make a learner fail in any way
                bad.append(path)
                self.warn(f"{path} is skipped: {said(error)}")
        else:
            if bad or had_finished:
                self.warn(f"no valid checkpoint: starting over from step 0; the old run was renamed {directory.set_aside()}")
                self.open()
                bad = []
            self.learner, self.progress = make(), _Progress()
            if spec.start is not None:
                self.learner.warm_start(start_model(spec.start, spec.seed))
            directory.cut_back(0)
        for path in bad:
            self.warn(f"resuming from step {self.progress.steps}; the damaged file was renamed {directory.set_aside(path)}")
        self.saved_steps = self.progress.steps
        started = {"event": "started", "steps": self.progress.steps, "metric": self.task.metric.name}
        self.emit({**started, "path": str(directory.path)})

    def open(self) -> None:
        self.directory.open(self.spec.toml(), meta(self.spec, self.threads, self.directory.meta()))

    def restore(self, path: Path) -> None:
        state = read_checkpoint(path)
        self.learner.load_state_dict(state["learner"])
        self.learner.cost.load_state_dict(state["cost"])
        self.progress = _Progress(**state["progress"])
        self.directory.cut_back(self.progress.steps)

    def over(self) -> str | None:
        """Why the run takes no further step. The budget comes last, so that a larger one leaves the others alone."""
        if self.progress.solved_at is not None and self.task.stop == "solved":
            return "solved"
        if self.learner.finished is not None:
            return self.learner.finished
        return "budget" if self.budget.spent(self.learner.cost, self.progress.steps) else None

    def step(self) -> None:
        """One step of the learner, its row, and its champion if that is new."""
        before = self.learner.cost.state_dict()
        columns = self.learner.step()
        if not isinstance(columns, Mapping):
            raise TypeError(f"step() must return a row, a dict; got {type(columns).__name__}")
        cost = self.learner.cost.state_dict()
        ours = {"step": self.progress.steps, **cost}
        row: Row = {**ours, **columns, **ours}  # ours come first, and win
        if (took := cost["seconds"] - before["seconds"]) > 0:
            row["evaluations_per_second"] = (cost["evaluations"] - before["evaluations"]) / took
        self.note_champion()
        row["champion_step"] = self.progress.champion_step
        self.row = plain(row)
        self.directory.append(self.row)

        validation = columns.get("validation")
        if self.progress.solved_at is None and validation is not None and self.task.solved(validation):
            self.progress.solved_at = cost
        self.progress.nonfinite += int(columns.get("nonfinite") or 0)
        self.progress.steps += 1

        now = time.monotonic()
        if now - self.shown_at >= ROW_SECONDS and self.over() is None:  # the last row comes with "finishing"
            self.shown_at = now
            self.emit({"event": "row", "row": self.row})
        if now - self.saved_at >= self.spec.run["checkpoint_seconds"]:
            self.save()

    def note_champion(self) -> None:
        """Sees by its content whether the champion is another than a step ago, and keeps it in history/."""
        tensors, header = self.learner.champion().save()
        digest = hashlib.sha256(tensor_bytes(tensors, header)).hexdigest()
        step, history = self.progress.steps, self.spec.run["history"]
        new = digest != self.progress.champion_digest
        if new:
            self.progress.champion_digest, self.progress.champion_step = digest, step
        if history == "all" or (new and history == "champions"):
            self.directory.keep(history_name(step), (tensors, self.header(header)))
        if history == "all" and (population := self.learner.population_tensors()):
            self.directory.keep(history_name(step, "population"), (population, {"step": str(step)}))

    def header(self, header: Mapping[str, str]) -> dict[str, str]:
        """What a champion's file says of itself."""
        spec, lineage = self.spec, json.dumps(plain(self.learner.lineage()))
        ours = {"scenario": spec.name, "label": spec.label, "method": method_name(spec.method), "seed": str(spec.seed)}
        return {**header, **ours, **self.description, "step": str(self.progress.champion_step), "lineage": lineage}

    def save(self, *, twice: bool = False) -> None:
        tensors, header = self.learner.champion().save()
        state = {
            "learner": self.learner.state_dict(),
            "cost": self.learner.cost.state_dict(),
            "progress": asdict(self.progress),
        }
        self.directory.save(state, (tensors, self.header(header)), twice=twice)
        self.saved_steps, self.saved_at = self.progress.steps, time.monotonic()

    def leave(self) -> str:
        if self.progress.steps > self.saved_steps:
            self.save()
        message = f"after {counted(self.progress.steps, 'step')}; continue with: {self.spec.command}"
        self.emit({"event": "stopped", "message": message, "steps": self.progress.steps})
        return "stopped"

    def finish(self, reason: str, trial: bool) -> str:
        """Scores the champion, on the test for the only time and in a trial not at all, and writes the result."""
        does = "scoring the champion" if trial else "scoring and drawing the champion"
        self.emit({"event": "finishing", "message": does, "row": self.row})
        self.save(twice=True)  # the two checkpoints of a finished run are the same, wherever the run was cut
        champion, further = self.learner.champion(), {}
        scores: dict[str, dict[str, float] | None] = dict.fromkeys(SPLITS)
        if trial:
            scores["validation"] = self.task.score(champion, "validation")
            if scores["validation"] is None:
                raise ValueError("trials are judged on validation, and this task has no validation split")
        else:
            scores = {split: self.task.score(champion, split) for split in ("train", "validation", "test")}
            split = next((name for name in SPLITS if scores[name] is not None), "validation")
            further = finalize.measured(self.task, self.learner, champion, split, self.warn)
            further["pictures"] = finalize.drawn(self.task, champion, split, self.spec, self.directory, self.warn)
        result = plain({**self.result(reason, champion, scores), **further})
        self.directory.write_meta(meta(self.spec, self.threads, self.directory.meta(), finished=True))
        self.directory.write_result(result)
        self.emit({"event": "finished", "message": f"{reason} after {counted(self.progress.steps, 'step')}", "result": result})
        return "finished"

    def result(self, reason: str, champion: Model, scores: Mapping[str, dict[str, float] | None]) -> dict[str, Any]:
        progress, spec, validation = self.progress, self.spec, scores["validation"]
        undefined = validation is None or self.task.solved(validation) is None
        judged = validation or scores["train"]
        return {
            "schema": 1,
            "scenario": spec.name,
            "label": spec.label,
            "method": method_name(spec.method),
            "seed": spec.seed,
            "status": "finished",
            "stopped_by": reason,
            "steps": progress.steps,
            "solved": None if undefined else progress.solved_at is not None,
            "solved_at": progress.solved_at,
            "cost": self.learner.cost.state_dict(),
            "metric": {"name": self.task.metric.name, "direction": self.task.metric.direction},
            **scores,
            "validated_on": split_shown(self.task, "validation"),
            "champion": {
                "file": CHAMPION,
                "parameters": champion.parameters or None,  # a tree has none that could be counted
                "nodes": champion.nodes,
                "connections": champion.connections,
                "hidden": champion.hidden,
                "fitness": None if judged is None else judged["fitness"],
                "step": progress.champion_step,
            },
            "nonfinite": progress.nonfinite,
            **({} if self.task.benchmark is None else {"benchmark": self.task.benchmark._asdict()}),
        }

    def warn(self, message: str) -> None:
        self.emit({"event": "warning", "message": message})
