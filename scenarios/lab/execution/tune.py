"""Fair tuning: equal trials for every label, judged on validation alone, on seeds that no report shows.

    for each trial: its runs          -> unfinished/<scenario>/<label>.trial-N/seed-1000/, as any run, but without the test
        a finished run                -> a line of trials.jsonl; its folder goes
    ranks of each label's trials      -> the best

The same command continues after a stop, to the same trials: a line is never run again, a run that was cut goes on from its
checkpoint.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scenarios.lab.execution import progress, runner, tpe
from scenarios.lab.execution.runner import Workers
from scenarios.lab.store.store import read_result, run_path
from scenarios.lab.store.trials import UNFINISHED, Key, Rows, Trials
from scenarios.lab.study.plan import Plan, Tuned, Values
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.resolve import method_name
from scenarios.lab.study.spec import RunSpec, Study

COUNTED = ("evaluations", "samples", "compute")  # axes of a budget by which one solution is cheaper than another


def run_trials(
    plan: Plan, trials: Trials, count: int, workers: Workers, *, sampler: str = "random", jobs: int | None = None
) -> str:
    """Runs what is missing of `count` trials of each label, and says how that ended: "finished", "stopped" or "failed".

    jobs: as of `run_study`. Raises ConfigError, before the runs of a trial start, if stored ones have other settings.
    """
    if sampler == "tpe":
        tpe.installed()
    state = "finished"
    for some in rounds(count, sampler):
        cells: dict[Key, RunSpec] = {}
        for tuned in plan.labels:
            own = [trial for trial in some if tuned.searched or trial == 0]
            before = asked_for(tuned, some.start, trials.rows) if sampler == "tpe" else []
            for trial, specs in zip(own, _drawn(workers, tuned, trials=own, sampler=sampler, rows=before)):
                cells |= {(tuned.label, trial, spec.name, spec.seed): spec for spec in specs}
        check(cells, trials)
        ended = _run(cells, plan, trials, jobs, workers)
        if "stopped" in ended:
            return "stopped"
        state = "failed" if "failed" in ended else state
    if state == "finished":
        trials.clear()
    return state


def rounds(count: int, sampler: str) -> Iterator[range]:
    """The trials that are run beside one another: a sampler that learns from those before has one at a time."""
    if sampler == "random":
        yield range(count)
    else:
        yield from (range(trial, trial + 1) for trial in range(count))


def runs_of(tuned: Tuned, trials: Iterable[int], sampler: str, rows: Sequence[Mapping[str, Any]]) -> list[list[RunSpec]]:
    """The runs of some trials: a function of label, trial and, for "tpe", the rows of the trials before all of them."""
    draw = tuned.drawn if sampler == "random" else lambda trial: tpe.drawn(tuned, trial, rows)
    return [tuned.runs(trial, {} if trial == 0 else draw(trial)) for trial in trials]


def _drawn(workers: Workers, tuned: Tuned, **of: Any) -> list[list[RunSpec]]:
    """`runs_of`, by a worker where that can have the method: its settings need torch."""
    if not all(spec.named for spec in tuned.specs) or not of["trials"]:
        return runs_of(tuned, **of)
    workers.ask("trials", label=tuned.to_json(), **of)
    return [list(map(RunSpec.from_json, specs)) for specs in workers.answer()]


def asked_for(tuned: Tuned, count: int, rows: Rows) -> list[dict[str, Any]]:
    """The rows of a label's first `count` trials on the scenarios and seeds that are asked for."""
    keys = [(tuned.label, trial, spec.name, spec.seed) for trial in range(count) for spec in tuned.specs]
    return [rows[key] for key in keys if key in rows]


def check(cells: Mapping[Key, RunSpec], trials: Trials) -> None:
    """Raises ConfigError where a stored line is of other settings, or of another budget."""
    problems = []
    for key, spec in cells.items():
        if key not in trials.rows:
            continue
        stored = trials.rows[key]
        found = [each for each in spec.differences(stored["config"]) if not each.startswith("budget.")]
        if stored["budget"] != spec.budget:
            found.append(f"budget: stored {stored['budget']}, now {spec.budget}")
        if found:
            problems.append(f"{trials.file} holds other trials: {'; '.join(found)}")
    if problems:
        more = f"; {len(problems) - 1} runs more" if len(problems) > 1 else ""
        raise ConfigError([f"{problems[0]}{more} (--restart renames them and starts over; or choose another --runs DIR)"])


def _run(cells: Mapping[Key, RunSpec], plan: Plan, trials: Trials, jobs: int | None, workers: Workers) -> set[str]:
    """Runs those that have no line, and writes one for each that is finished; how they ended."""
    keys = [key for key in cells if key not in trials.rows]
    if not keys:
        return set()
    specs, folder = tuple(cells[key] for key in keys), trials.path / UNFINISHED
    searched = {tuned.label: tuned.searched for tuned in plan.labels}

    def ended(index: int, state: str) -> None:
        spec, (label, trial, *_) = specs[index], keys[index]
        path = run_path(folder, spec.name, spec.label, spec.seed)
        if state in ("finished", "skipped"):
            result = read_result(path)
            assert result is not None
            trials.add(row(label, trial, spec, {name: spec.settings[name] for name in searched[label]}, result))
            shutil.rmtree(path)

    several, done = len({spec.name for spec in specs}) > 1, len(cells) - len(keys)
    named = [replace(spec, label=f"{spec.name} {spec.label}") for spec in specs] if several else specs
    with progress.showing(Study(tuple(named), plan.name)) as shown:
        shown.write(f"{len(cells)} runs, of which {done} are done")

        def emit(event: dict[str, Any]) -> None:
            nonlocal done
            if event["event"] in ("finished", "skipped"):
                done += 1
                event = {**event, "message": f"{event['message']} ({done} of {len(cells)} runs)"}
            shown.emit(event)

        states = runner.run_study(
            Study(specs, plan.name), folder, jobs=jobs, trial=True, emit=emit, ended=ended, workers=workers
        )
    return set(states.values())


def row(label: str, trial: int, spec: RunSpec, tried: Values, result: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a finished run: what it is to be ranked and remembered by."""
    axis = next((axis for axis in COUNTED if axis in spec.budget), "evaluations")
    score, at = result["validation"], result["solved_at"]
    return {
        "label": label,
        "trial": trial,
        "scenario": spec.name,
        "seed": spec.seed,
        "method": method_name(spec.method),
        "settings": tried,
        "solved": bool(result["solved"]),
        "axis": axis,
        "spent": (at or result["cost"])[axis] or 0,
        "fitness": score["fitness"],
        "metric": result["metric"],
        "value": score[result["metric"]["name"]],
        "stopped_by": result["stopped_by"],
        "steps": result["steps"],
        "cost": result["cost"],
        "budget": spec.budget,
        "config": spec.toml(),
    }
