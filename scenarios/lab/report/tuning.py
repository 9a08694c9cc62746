"""What a tuning found, of its rows alone: the present settings beside the best trial's, every trial, what mattered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.lab.report import report, stats
from scenarios.lab.report.format import aligned, number, seed_list, wrapped
from scenarios.lab.report.importance import Importance, importance
from scenarios.lab.store import files, toml
from scenarios.lab.store.trials import best, ranks

Rows = Sequence[Mapping[str, Any]]
HEAD = ("label", "metric", "present settings", "best trial", "trial")
PAGE = "report.html"
KINDS = {"drawn": "circle", "present": "square", "best": "diamond"}  # of trials, and their points


@dataclass(frozen=True)
class Label:
    """The rows of a label's trials; there is one at least."""

    label: str
    rows: Rows

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


def labels(rows: Rows, names: Iterable[str]) -> list[Label]:
    """The labels of these names, as far as they have rows."""
    found = {name: [row for row in rows if row["label"] == name] for name in names}
    return [Label(name, own) for name, own in found.items() if own]


def table(found: Sequence[Label]) -> list[list[str]]:
    """A row a label and scenario, in words."""
    cells = []
    for each in found:
        for scenario in each.scenarios:
            present, best = each.of(0, scenario), each.of(each.best, scenario)
            metric = (present or best)[0]["metric"]["name"] if present or best else ""
            cells.append([each.label, f"{scenario} {metric}", score(present), score(best), str(each.best)])
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


def text(found: Sequence[Label], planned: Mapping[str, int], width: int | None = None) -> str:
    """The table for the terminal, and below it the settings of each best trial, in lines of at most `width` characters; None:
    however long they are. planned: trials that a label was to have."""
    lines = []
    for each in found:
        values = ", ".join(f"{name} = {toml.value(value)}" for name, value in each.settings(each.best).items())
        of = f"{each.label}: {len(each.ranks)} of {planned[each.label]} trials"
        lines.append(f"{of}; best: {values}" if each.best else f"{of}; none ranks before the present settings")
    lines += [f"{label}: no run finished" for label in planned if label not in {each.label for each in found}]
    seeds = seed_list(sorted({row["seed"] for each in found for row in each.rows}))
    lines.append(
        f"Validation metric, seeds {seeds}: IQM [95 % interval]. Trials rank by what they cost to solve the task, then by "
        "validation fitness. The best of many trials looks better here than on new seeds."
    )
    return "\n".join([*aligned([list(HEAD), *table(found)], width), *(wrapped(line, width, "  ") for line in lines)])


def write(found: Sequence[Label], path: Path, command: str) -> None:
    """The page of a tuning. Raises StoreError, naming the file, where the disk is full or read-only."""
    files.write(path, page(found, command).encode("utf-8", "replace"))


def page(found: Sequence[Label], command: str) -> str:
    """The page as text."""
    drawn: dict[str, Any] = {}
    scenarios = list(dict.fromkeys(name for each in found for name in each.scenarios))
    for place, name in enumerate(scenarios):
        drawn[f"trials-{place}"] = {"spec": trials_chart(found, name).to_dict(validate=False)}
    seeds = seed_list(sorted({row["seed"] for each in found for row in each.rows}))
    return report.rendered(
        "tuning.html.j2",
        drawn,
        title=f"Tuning: {', '.join(scenarios)}",
        intro=[("Labels", ", ".join(f"{each.label} ({len(each.ranks)} trials)" for each in found)), ("Seeds", seeds)],
        head=HEAD,
        rows=table(found),
        scenarios=[{"place": place, "name": name} for place, name in enumerate(scenarios)],
        labels=[_shown(each, f"label-{k}", drawn) for k, each in enumerate(found)],
        command=command,
    )


def _shown(each: Label, place: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of a label; its chart is added to `drawn`."""
    present, best = each.settings(0), each.settings(each.best)
    known = [trial for trial in each.ranks if trial]
    what = importance([each.settings(trial) for trial in known], [each.ranks[trial] for trial in known])
    shown: dict[str, Any] = {
        "place": place,
        "name": each.label,
        "best": each.best,
        "settings": [[name, toml.value(present.get(name)), toml.value(value)] for name, value in best.items()],
        "trials": (
            ["trial", "mean rank", *best],
            [
                [trial, rank, *map(toml.value, each.settings(trial).values())]
                for trial, rank in sorted(each.ranks.items(), key=lambda pair: pair[1])
            ],
        ),
        "unknown": what if isinstance(what, str) else "",
    }
    if isinstance(what, Importance):
        shown["explained"] = what.explained
        shown["importance"] = [[name, round(share, 3), _rounded(what.rising.get(name))] for name, share in what.shares.items()]
        drawn[f"importance-{place}"] = {"spec": importance_chart(what).to_dict(validate=False)}
    return shown


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def trials_chart(found: Sequence[Label], scenario: str) -> Any:
    """The metric of every trial of a scenario, in colours by label."""
    import altair as alt

    rows, metric = [], ""
    for each in found:
        for trial in each.ranks:
            own = [row for row in each.of(trial, scenario) if row["value"] is not None]
            if own:
                metric = own[0]["metric"]["name"]
                value = float(stats.iqm(np.array([row["value"] for row in own])))
                kind = "best" if trial == each.best else "present" if trial == 0 else "drawn"
                rows.append({"label": each.label, "trial": trial, "value": value, "kind": kind})
    labels = [each.label for each in found]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_point(size=70, opacity=1)
        .encode(
            alt.X("trial:Q", scale=alt.Scale(padding=12), axis=alt.Axis(tickMinStep=1, format="d"), title="trial"),
            alt.Y("value:Q", scale=alt.Scale(zero=False), title=f"validation {metric}"),
            alt.Color("label:N", sort=labels, scale=alt.Scale(domain=labels)),
            alt.Shape("kind:N", scale=alt.Scale(domain=list(KINDS), range=list(KINDS.values())), legend=None),
            tooltip=[alt.Tooltip(name) for name in ("label:N", "trial:Q", "kind:N")] + [alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(width="container", height=240)
    )


def importance_chart(what: Importance) -> Any:
    """A bar a setting, the most important on top."""
    import altair as alt

    rows = [{"setting": name, "importance": share} for name, share in what.shares.items()]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            alt.X("importance:Q", axis=alt.Axis(format=".0%"), title="importance: share of the ranks' variance"),
            alt.Y("setting:N", sort=list(what.shares), title=None),
            tooltip=[alt.Tooltip("setting:N"), alt.Tooltip("importance:Q", format=".1%")],
        )
        .properties(width="container", height=24 * len(rows))
    )
