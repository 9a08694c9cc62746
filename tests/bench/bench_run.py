"""Where the time of a short run goes: python tests/bench/bench_run.py [--toy] [--json FILE].

Runs as `evo run` makes them, one after another in this process on all cores, into a temporary folder; the first of each, which
imports and compiles, is not counted. Wall clock of a run by phase, mean over seeds:

    start        the task and the learner, the folder, config.toml, meta.json
    evolution    ask, evaluate, tell          } the `seconds` of the result
    validation   judging the fittest          }
    champion     whether it is a new one; its file in history/
    rows         metrics.jsonl
    checkpoint   the last ones (a run shorter than 10 s has no other)
    scores       of the champion on every split, the ensemble, result.json
    pictures     of the champion and what it does
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any
from unittest.mock import patch

from turns import Results, parser

from evo import Evolve, threads
from scenarios.lab.execution import execute, finalize
from scenarios.lab.store.store import RunDirectory
from scenarios.lab.study.trial import study

RUNS = (("xor", 0), ("double_pole", 0), ("cartpole", 0), ("digits", 4000))  # scenario, evaluations (0: its own budget)
METHODS, SEEDS = ("neat", "ga"), 5
# A phase is what this function takes without those of the table that it calls.
PHASES: dict[str, tuple[Any, str]] = {
    "start": (execute._Run, "begin"),
    "evolution": (Evolve, "step"),
    "validation": (Evolve, "_judge"),
    "champion": (execute._Run, "note_champion"),
    "rows": (RunDirectory, "append"),
    "checkpoint": (execute._Run, "save"),
    "scores": (execute._Run, "finish"),
    "pictures": (finalize, "drawn"),
}


@contextmanager
def watched(spent: Counter[str]) -> Iterator[None]:
    """Inside the block what each phase takes is added to `spent`, seconds."""
    inner = [0.0]  # of the calls that are under way, what the phases that they called took

    def timed(phase: str, function: Callable) -> Callable:
        def call(*args: Any, **options: Any) -> Any:
            start = perf_counter()
            inner.append(0.0)
            try:
                return function(*args, **options)
            finally:
                took = perf_counter() - start
                spent[phase] += took - inner.pop()
                inner[-1] += took

        return call

    with ExitStack() as stack:
        for phase, (owner, name) in PHASES.items():
            stack.enter_context(patch.object(owner, name, timed(phase, getattr(owner, name))))
        yield


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    runs, methods, seeds = ((("xor", 300),), ("ga",), 1) if options.toy else (RUNS, METHODS, SEEDS)
    results, spent = Results("run"), Counter[str]()
    print(f"{'ms a run':18}{'all':>8}" + "".join(f"{phase:>12}" for phase in PHASES))
    for name, evaluations in runs:
        for method in methods:
            budget = {"budget": {"evaluations": evaluations}} if evaluations else {}
            document = {"scenario": name, "learners": {method: {"method": method}}, "seeds": seeds + 1, **budget}
            seconds: dict[str, list[float]] = {side: [] for side in ("all", *PHASES)}
            with tempfile.TemporaryDirectory() as folder, watched(spent):
                for spec in study(document, None, "").specs:
                    spent.clear()
                    start = perf_counter()
                    ended = execute.execute(spec, folder, threads=threads.count())
                    took = {"all": perf_counter() - start, **spent}
                    assert ended == "finished", f"{name} {method} {ended}"
                    for side, values in seconds.items():
                        values += [took[side]] if spec.seed else []
            results.add(f"{name} {method}", seconds, ["evolution"])
            means = [1000 * statistics.mean(values) for values in seconds.values()]
            print(f"{name + ' ' + method:18}{means[0]:8.0f}" + "".join(f"{mean:12.1f}" for mean in means[1:]), flush=True)
    results.write(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
