"""What methods are ranked by: the metric of their seeds, the cost of a solution, the budget that is common to all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scenarios.lab.report.gather import Seed, Series
from scenarios.lab.store import store

SIGN = {"max": 1, "min": -1}


def ranked_values(row: Mapping[str, Any]) -> np.ndarray:
    """The seeds' values (n,), turned so that more is better; minus infinity for those that failed or gave no number."""
    known = [SIGN[row["direction"]] * value if value is not None else -math.inf for value in row["values"]]
    return np.array(known + [-math.inf] * row["failed"], float)


def solutions(counted: Sequence[Seed], axis: str) -> tuple[np.ndarray, np.ndarray]:
    """What each run spent on `axis` until it solved the task, or in all if it did not (n,), and whether it did (n,).

    A run that failed did not. One without a known cost on the axis is left out.
    """
    costs, solved = [], []
    for seed in counted:
        success: bool | None
        if seed.result is None:
            cost, success = seed.last.get(axis, 0), False
        else:
            success = bool(seed.result["solved"]) if seed.result.get("solved") is not None else None
            at = seed.result.get("solved_at") if success else None
            cost = at.get(axis) if isinstance(at, dict) and store.is_number(at.get(axis)) else seed.result["cost"][axis]
        if store.is_number(cost) and success is not None:
            costs.append(float(cost))
            solved.append(success)
    return np.array(costs), np.array(solved, bool)


def common_budget(series: Sequence[Series], axis: str) -> float:
    """What every run has spent on `axis` that was not stopped before its own end: the least that a budget stopped;
    where none was, the most that any run spent. nan if nothing is known."""
    ends = [(seed, seed.result["cost"][axis]) for one in series for seed in one.seeds if seed.result is not None]
    known = [(seed, cost) for seed, cost in ends if cost is not None]
    stopped = [cost for seed, cost in known if not seed.ended_itself]
    return float(min(stopped) if stopped else max((cost for _, cost in known), default=math.nan))
