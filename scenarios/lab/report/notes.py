"""What the numbers of a table do not say, in words under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scenarios.lab.report.format import AXIS_NAMES, number, seed_list
from scenarios.lab.report.gather import Seed, Series, differing
from scenarios.lab.store import store

if TYPE_CHECKING:
    from scenarios.lab.report.comparison import Comparison

NAMED = 6  # seeds that a note names; further ones are counted
SLACK = 0.01  # share of a budget that the last step may exceed it by before that is said
CHAMPIONS = {"centre": "the centre of its distribution", "sampled": "the fittest that was sampled"}  # of evolution strategies


def of_label(series: Series, row: Mapping[str, Any], at: tuple[str, float] | None) -> list[str]:
    """What the numbers of a label do not say: runs that are not finished or damaged, metrics that are no numbers."""
    for seed in series.finished:
        _ = seed.curve  # which says where a run has a result, but rows that are damaged
    unfinished = [seed for seed in series.seeds if seed.result is None and seed.fault is None]
    notes = _unfinished(series.label, unfinished)
    values = row["values"]
    if lost := sum(value is None for value in values):
        what = "non-finite metric" if at is None else "no metric at that budget"
        notes.append(f"{series.label}: {what} in {lost} of {len(values)} seeds; they rank last and are excluded from the IQM")
    metas = [meta for seed in series.seeds if (meta := seed.meta).get("card")]
    for where in dict.fromkeys((str(meta.get("device")), str(meta.get("device_reason") or "")) for meta in metas):
        notes.append(f"{series.label}: ran on {': '.join(filter(None, where))}")
    if begun := {str(own["start"]): None for seed in series.seeds if "start" in (own := seed.own)}:
        notes.append(f"{series.label}: warm start from {', '.join(begun)}; the cost of that run is not included")
    return [f"{series.label}: {seed.fault}" for seed in series.seeds if seed.fault] + notes


def _unfinished(label: str, seeds: Sequence[Seed]) -> list[str]:
    """A line for each state that runs of a label are left in, with what to do about it."""
    notes = []
    for state in dict.fromkeys(seed.state for seed in seeds):
        some = [seed for seed in seeds if seed.state == state]
        words = f"{label}: seed{'s' * (len(some) > 1)} {', '.join(str(seed.seed) for seed in some[:NAMED])}"
        words += f" and {len(some) - NAMED} more" if len(some) > NAMED else ""
        words += f" {state}"
        one = some[0]
        if len(some) == 1 and one.begun:
            words += f" after {one.steps:,} step{'s' * (one.steps != 1)}{_standing(one)}"
        if state == "failed" and (one.path / store.ERROR).is_file():
            words += f"; see {one.path / store.ERROR}"
        elif state == "stopped" and one.command:
            words += f"; continue with: {one.command}"
        notes.append(words)
    return notes


def _standing(seed: Seed) -> str:
    """The reported metric in the last row of an unfinished run, in words; "" before the first."""
    score = seed.last.get("validation")
    if seed.fault:
        return f", {seed.fault}"
    value = score.get(seed.metric) if isinstance(score, dict) else None
    return f", validation {seed.metric} {number(value)}" if store.is_number(value) else ""


def of_differences(comparison: Comparison) -> list[str]:
    """What differs between runs that are compared: metrics, budgets, seeds, settings."""
    notes, series = [], comparison.series
    metrics = {f"{row['metric']} ({row['direction']})": row["label"] for row in reversed(comparison.rows) if row["metric"]}
    if len(metrics) > 1:
        notes.append("metrics differ and are not ranked against each other: " + _who(metrics))
    if len(comparison.budgets) > 1:
        notes.append("budgets differ: " + _who(comparison.budgets))
    if comparison.at is None and len(series) > 1 and (over := list(filter(None, map(_overspent, series)))):
        notes.append(f"a run completes the step that reaches its budget: {'; '.join(over)}")
    seeds = {seed_list([seed.seed for seed in one.seeds]): one.label for one in reversed(series)}
    if len(seeds) > 1:
        notes.append("seeds differ: " + _who(seeds))
    champions = {one.label: CHAMPIONS.get(str(one.seeds[0].own.get("champion"))) for one in series if one.seeds}
    for what in filter(None, dict.fromkeys(champions.values())):
        notes.append(f"the champion of {', '.join(label for label, own in champions.items() if own == what)} is {what}")
    for one in series:
        keys = [key for key in differing([seed.config for seed in one.seeds if seed.config]) if "start_sha256" not in key]
        if keys:  # each seed may begin from a champion of its own
            notes.append(f"{one.label}: settings differ between seeds: {', '.join(keys)}")
    return notes


def _overspent(series: Series) -> str:
    """What runs of a label spent beyond their budget, at most, on the axis on which that is the largest share; "" for none."""
    most: tuple[float, str] = (1 + SLACK, "")
    for seed in series.finished:
        limits, cost = seed.config.get("budget"), (seed.result or {})["cost"]
        for axis, limit in limits.items() if isinstance(limits, dict) else ():
            if store.is_number(limit) and limit > 0 and store.is_number(cost.get(axis)):
                words = f"{series.label} spent {number(cost[axis])} {AXIS_NAMES[axis]} of {number(limit)}"
                most = max(most, (cost[axis] / limit, words))
    return most[1]


def _who(found: Mapping[str, str]) -> str:
    return "; ".join(f"{label} {what}" for what, label in found.items())
