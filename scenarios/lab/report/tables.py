"""The tables of a comparison, as the page shows them and as the files beside it hold them.

A table is a head and rows of cells, a number a cell, None where there is none, so that it can be copied into a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from scenarios.lab.report import stats
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.format import AXIS_TITLES, IN_UNITS, number
from scenarios.lab.report.gather import Seed, differing
from scenarios.lab.store import files, store

Table = tuple[list[str], list[list[Any]]]


def methods(comparison: Comparison) -> Table:
    """The table with a column a number, as it is copied into a spreadsheet."""
    some_solved = any(row["solved"] is not None for row in comparison.rows)
    head = ["method", "IQM", "low", "high", *comparison.errors]
    head += ["solved", "solved low", "solved high", "ERT (evaluations)", "ERT low", "ERT high"] * some_solved
    keys = {title: title for title in ("seeds", "finished", "failed", "parameters", "connections")} | {"finished": "done"}
    keys |= {title: axis for axis, title in AXIS_TITLES.items()} | {"non-finite": "nonfinite"}
    head += keys
    rows = []
    for row in comparison.rows:
        cells = [row[key] for key in ("label", "iqm", "low", "high", *comparison.errors.values())]
        if some_solved:
            cells += [row[key] for key in ("solved", "solved_low", "solved_high")] + list(row["expected"] or [None] * 3)
        rows.append(cells + [row[key] for key in keys.values()])
    return head, rows


def standings(comparison: Comparison) -> Table:
    """Every method on each axis: a row a method, three columns a standing."""
    found = [each for each in comparison.conclusion.standings if each.values]
    at = lambda each: each.name if each.budget is None else f"{each.name} ({number(each.budget)})"
    head = ["method", *(title for each in found for title in (at(each), "low", "high"))]
    labels = [row["label"] for row in comparison.rows if any(row["label"] in each.values for each in found)]
    return head, [[label, *(cell for each in found for cell in each.values.get(label, [None] * 3))] for label in labels]


def per_seed(comparison: Comparison) -> Table:
    finished = [seed for series in comparison.series for seed in series.finished]
    errors = {key: title for key, title in IN_UNITS.items() if any(store.is_number(seed.scored(key)) for seed in finished)}
    head = ["method", "seed", "state", "value", *errors.values(), "solved", "stopped by", "steps"]
    head += [*AXIS_TITLES.values(), "non-finite"]
    rows = []
    for row, series in zip(comparison.rows, comparison.series):
        values = dict(zip([id(seed) for seed in series.finished], row["values"]))
        for seed in series.seeds:
            result = seed.result or {}
            costs = [as_dict(result.get("cost")).get(axis) for axis in store.AXES]
            scored = [seed.scored(key) for key in errors]
            own = [series.label, seed.seed, seed.state, values.get(id(seed)), *scored]
            rows.append([*own, result.get("solved"), result.get("stopped_by"), seed.steps, *costs, result.get("nonfinite")])
    return head, rows


def across(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """The mean probability of improvement over the scenarios, each by what it ranks by, for each pair of methods that all of
    them have; none unless each scenario has pairwise comparisons."""
    values = [each.conclusion.values for each in comparisons]
    if len(comparisons) < 2 or not all(each.conclusion.pairs for each in comparisons):
        return []
    common = [label for label in values[0] if all(len(own.get(label, ())) > 1 for own in values)]
    rows = []
    for a, b in combinations(common, 2):
        won, low, high = stats.superiority_over([(own[a], own[b]) for own in values])
        rows.append([a, b, f"{won:.3f}", f"{low:.3f}", f"{high:.3f}"])
    return rows


def calibration(comparison: Comparison) -> Table:
    """Calibration of the champions, and the final populations as ensembles: means over the seeds."""
    head = ["method", "expected calibration error (ECE)", "Brier score", "ensemble (final population)", "champion alone"]
    rows = []
    for row, series in zip(comparison.rows, comparison.series):
        tables = [as_dict((seed.result or {}).get("trust")) for seed in series.finished]
        cells = [_mean(table.get(key) for table in tables) for key in ("ece", "brier")]
        ensembles = [as_dict((seed.result or {}).get("ensemble")).get(seed.metric) for seed in series.finished]
        cells.append(_mean(ensembles))
        cells.append(_mean(seed.reported for seed, own in zip(series.finished, ensembles) if store.is_number(own)))
        if any(cell is not None for cell in cells):
            rows.append([row["label"], *cells])
    return head, rows


def phases(comparison: Comparison) -> Table:
    """Time per phase: milliseconds a step, means over all steps of all seeds."""
    curves = {series.label: [seed.curve for seed in series.seeds if seed.curve.phases] for series in comparison.series}
    names = list(dict.fromkeys(name for own in curves.values() for curve in own for name in curve.phases))
    rows = []
    for label, own in curves.items():
        steps = sum(len(curve.metric) for curve in own)
        spent = {name: [curve.phases[name] for curve in own if name in curve.phases] for name in names}
        cells = [1000 * sum(seconds) / steps if seconds else None for seconds in spent.values()]
        if own:
            rows.append([label, *cells, sum(cell for cell in cells if cell is not None)])
    return ["method", *names, "total"], rows


def _mean(values: Iterable[Any]) -> float | None:
    known = [value for value in values if store.is_number(value)]
    return sum(known) / len(known) if known else None


def settings(comparison: Comparison) -> Table:
    """The shared settings (budget, task, model, device, run) in which the labels differ, a column a label."""
    firsts = [(series.label, next((seed for seed in series.seeds if seed.config), None)) for series in comparison.series]
    known = [(label, _shared(seed)) for label, seed in firsts if seed is not None]
    found = differing([config for _, config in known])
    rows = [[key, *("none" if value is None else str(value) for value in values)] for key, values in found.items()]
    return ["setting", *(label for label, _ in known)], rows


def _shared(seed: Seed) -> dict[str, Any]:
    """A run's configuration without its label's table, but for the network of its own, which takes the shared one's place."""
    own = {"model": seed.own["model"]} if "model" in seed.own else {}
    return {key: value for key, value in seed.config.items() if key != "learners"} | own


def filled(table: Table) -> Table:
    """The table without columns that have no value in any row; without rows if then only their names are left."""
    head, rows = table
    known = [k for k in range(len(head)) if any(plain(row[k]) for row in rows)]
    return [head[k] for k in known], [[row[k] for k in known] for row in rows] if len(known) > 1 else []


def stacked(tables: Sequence[Table], comparisons: Sequence[Comparison]) -> Table:
    """Tables of several scenarios under one head: scenario, the reported metric, then each column once."""
    columns = list(dict.fromkeys(title for head, _ in tables for title in head))
    rows = []
    for (head, own), each in zip(tables, comparisons):
        for row in own:
            cells = dict(zip(head, row))
            rows.append([each.scenario, each.title, *map(cells.get, columns)])
    return ["scenario", "metric", *columns], rows


def plain(value: Any) -> str:
    """A number as a spreadsheet reads it; "" for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if abs(value) >= 1e9 or (abs(value) < 1000 and not float(value).is_integer()):
        return f"{value:.5g}"
    return f"{value:.0f}"


def csv_bytes(table: Table) -> bytes:
    """Comma-separated, with full precision. A text that a spreadsheet would take for a formula gets a quote before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head, rows = table
    writer.writerow(head)
    writer.writerows([[_safe(cell) for cell in row] for row in rows])
    return out.getvalue().encode("utf-8", "replace")


def _safe(cell: Any) -> Any:
    if not isinstance(cell, str):
        return "" if cell is None else cell
    text = cell.replace("\r", " ")  # which the csv module leaves without quotes
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text


def summary(comparison: Comparison) -> dict[str, Any]:
    conclusion = comparison.conclusion
    words = {"verdict": conclusion.verdict, "robustness": conclusion.robustness, "warnings": conclusion.warnings}
    keep = lambda row: {key: list(value) if isinstance(value, tuple) else value for key, value in row.items()}
    return files.plain(
        {
            "scenario": comparison.scenario,
            "metric": comparison.title,
            "at": None if comparison.at is None else dict([comparison.at]),
            "rows": list(map(keep, comparison.rows)),
            "pairs": conclusion.pairs,
            "standings": [
                vars(each) | {"values": {k: list(v) for k, v in each.values.items()}} for each in conclusion.standings
            ],
            **words,
            "notes": comparison.notes,
        }
    )


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
