"""What a tuning found, of its rows alone: for each label the present settings beside the best trial's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scenarios.lab.report import stats
from scenarios.lab.report.format import aligned, number, seed_list
from scenarios.lab.store import toml
from scenarios.lab.store.trials import best, ranks

Rows = Sequence[Mapping[str, Any]]
HEAD = ("label", "scenario", "trials", "validation metric", "present settings", "best trial")


@dataclass(frozen=True)
class Label:
    """The rows of a label's trials; there is one at least of trial 0. `planned`: how many trials were asked for."""

    label: str
    rows: Rows
    planned: int

    @cached_property
    def ranks(self) -> dict[int, float]:
        return ranks(self.rows)

    @cached_property
    def best(self) -> int:
        """The best trial; 0: the present settings."""
        return best(self.ranks)

    @cached_property
    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(row["scenario"] for row in self.rows))

    def settings(self, trial: int) -> dict[str, Any]:
        """The searched settings of a trial; {} where it has no row."""
        return dict(next((row["settings"] for row in self.rows if row["trial"] == trial), {}))

    def of(self, trial: int, scenario: str) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if row["trial"] == trial and row["scenario"] == scenario]


def labels(rows: Rows, planned: Mapping[str, int]) -> list[Label]:
    """The labels of `planned`, which says how many trials each was to have, as far as they have rows."""
    found = {label: [row for row in rows if row["label"] == label] for label in planned}
    return [Label(label, own, planned[label]) for label, own in found.items() if own]


def table(found: Sequence[Label]) -> list[list[str]]:
    """A row a label and scenario, in words."""
    cells = []
    for each in found:
        for scenario in each.scenarios:
            rows = each.of(0, scenario) or each.of(each.best, scenario)
            metric = rows[0]["metric"]["name"] if rows else ""
            trials = f"{len(each.ranks)}/{each.planned}"
            won = f"{score(each.of(each.best, scenario))} (trial {each.best})"
            cells.append([each.label, scenario, trials, metric, score(each.of(0, scenario)), won])
    return cells


def score(rows: Rows) -> str:
    """The interquartile mean of the metric over the seeds with its 95 % interval, how many seeds solved the task, and the
    mean cost of those."""
    values = np.array([np.nan if row["value"] is None else row["value"] for row in rows])
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "none"
    text = number(float(stats.iqm(finite)))
    if len(finite) > 1:
        low, high = stats.iqm_interval(finite)
        text += f" [{number(float(low))}, {number(float(high))}]"
    if spent := [row["spent"] for row in rows if row["solved"]]:
        text += f", solved {len(spent)}/{len(rows)} ({number(round(sum(spent) / len(spent)))} {rows[0]['axis']})"
    return text


def text(found: Sequence[Label], failed: bool) -> str:
    """The table for the terminal, and below it the settings of each best trial."""
    lines = aligned([list(HEAD), *table(found)])
    for each in found:
        values = each.settings(each.best)
        if each.best == 0:
            lines.append(f"{each.label}: no trial ranks before the present settings")
        else:
            lines.append(f"{each.label}: {', '.join(f'{name} = {toml.value(value)}' for name, value in values.items())}")
    seeds = seed_list(sorted({row["seed"] for each in found for row in each.rows}))
    lines.append(
        f"Validation, seeds {seeds}: IQM [95 % interval]. The best of many trials looks better here than on new seeds."
    )
    if failed:
        lines.append("Warning: some runs failed; a failed run ranks last. The same command tries them again.")
    return "\n".join(lines)
