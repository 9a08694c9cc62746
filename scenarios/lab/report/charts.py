"""Charts of a comparison, written once: the same altair chart is in the page, and is saved as SVG, PNG or PDF.

A method has one colour and one dash (or point) wherever it is drawn, by its place in the table
(`palettes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scenarios.lab.report import stats
from scenarios.lab.report.bands import Rows, band_rows, short
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.format import AXIS_LABELS
from scenarios.lab.report.gather import Series
from scenarios.lab.report.palettes import DASHES, SHAPES
from scenarios.lab.report.ranking import solutions
from scenarios.lab.store import store

FEWEST = 10  # examples behind a point of a reliability diagram
PLOTTED = AXIS_LABELS | {"steps": "steps (generations or epochs)", "generations": "generations"}
FEW = 20  # validation examples, below which a share of them has too few levels for a curve
COSTS = {  # what methods of several objectives minimise, as `Learner.front` names it
    "connections": "connections (non-zero weights)",
    "connection_cost": "connection cost (sum of squared lengths)",
    "connection_count": "number of connections",
}


def few_levels(comparison: Comparison) -> str | None:
    """Why the learning curves are of the fitness: the metric is a share of fewer than FEW validation examples, and the fitness
    is known and another; None where they are of the metric."""
    seeds = [seed for one in comparison.series for seed in one.seeds if np.isfinite(seed.curve.metric).any()]
    if not seeds:
        return None
    for curve in (seed.curve for seed in seeds):
        count = curve.metric * curve.examples
        shares = (curve.metric >= 0) & (curve.metric <= 1) & (abs(count - np.rint(count)) < 1e-4)
        if not (curve.examples < FEW and (shares | np.isnan(curve.metric)).all() and np.isfinite(curve.fitness).any()):
            return None
    if all(np.array_equal(seed.curve.metric, seed.curve.fitness, equal_nan=True) for seed in seeds):
        return None
    examples = max(seed.curve.examples for seed in seeds)
    levels = f"{seeds[0].metric} has only {examples + 1:.0f} levels on {examples:.0f} examples"
    return f"{levels}; below {FEW} examples fitness is drawn"


def curves(comparison: Comparison, legend: bool = True) -> Any:
    """Interquartile mean of the champion so far against cost, with its 95 % interval; data: `curve_rows`."""
    alt = _altair()
    metric = next((row["metric"] for row in comparison.rows if row["metric"]), "metric")
    metric = "fitness" if few_levels(comparison) else metric
    x = alt.X("x:Q", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~s", tickCount=6))
    return banded(
        comparison, alt.Chart(alt.NamedData("rows")).encode(x), f"{comparison.validation} {metric}", legend
    ).properties(height=300)


def banded(comparison: Comparison, base: Any, title: str, legend: bool) -> Any:
    """A line a method and the band around it, on the x of `base`, whose data are `band_rows`."""
    alt = _altair()
    y = lambda name: alt.Y(f"{name}:Q", scale=alt.Scale(zero=False), title=title)
    band = base.mark_area(opacity=0.18, interpolate="step-after").encode(y("low"), alt.Y2("high:Q"), _method(comparison, False))
    tooltip = _tooltip(("method", "N"), ("x", "Q"), ("y", "Q"), ("low", "Q"), ("high", "Q"), ("seeds", "Q"), y="IQM")
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(
        y("y"), _method(comparison, legend), strokeDash=_dash(comparison, legend), tooltip=tooltip
    )
    return (band + line).resolve_legend(color="independent", strokeDash="independent").properties(width="container")


def curve_rows(comparison: Comparison, axis: str) -> Rows:
    """`band_rows` of the champions so far, x being the cost: a run that ended by itself keeps its last value."""
    drawn = lambda seeds: [seed for seed in seeds if _drawable(seed.curve.cost[axis])]
    by_fitness = few_levels(comparison) is not None
    value = lambda curve: curve.fitness if by_fitness else curve.metric
    runs = {
        one.label: [(seed.curve.cost[axis], value(seed.curve), seed.ended_itself) for seed in drawn(one.seeds)]
        for one in comparison.series
    }
    return band_rows(runs, np.geomspace)


def solved_share(comparison: Comparison, legend: bool = True) -> Any:
    """The share of seeds that have solved the task by a cost; data: `solved_rows`."""
    alt = _altair()
    base = alt.Chart(alt.NamedData("rows")).mark_line(interpolate="step-after", strokeWidth=2)
    return base.encode(
        alt.X("x:Q", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~s", tickCount=6)),
        alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"), title="share of seeds that solved the task"),
        color=_method(comparison, legend),
        strokeDash=_dash(comparison, legend),
        tooltip=_tooltip(("method", "N"), ("x", "Q"), ("y", "Q"), x="cost", y="solved"),
    ).properties(width="container", height=240)


def solved_rows(comparison: Comparison, axis: str) -> Rows:
    """method, x (cost), y: the empirical distribution of the cost of a solution; runs that failed count as seeds."""
    found = [(one.label, *solutions(one.finished, axis)) for one in comparison.series]
    found = [(label, costs, solved) for label, costs, solved in found if len(costs) and (costs > 0).all()]
    first = min((costs.min() for _, costs, _ in found), default=1.0)
    last = max((costs.max() for _, costs, _ in found), default=1.0)
    rows: Rows = []
    for label, costs, solved in found:
        x, share = stats.ecdf(costs, solved)
        steps = [(first, 0.0), *zip(x[1:], share[1:]), (last, float(solved.mean()))]
        rows += [{"method": label, "x": short(float(at)), "y": short(float(y))} for at, y in steps]
    return rows


def reached_share(comparison: Comparison, legend: bool = True) -> Any:
    """Performance profile (Dolan and More 2002; Agarwal et al. 2021): the share of seeds that reached a value."""
    alt = _altair()
    rows: Rows = []
    sign = -1 if any(row["direction"] == "min" for row in comparison.rows) else 1
    every = [value for row in comparison.rows for value in row["values"] if value is not None]
    for row in comparison.rows:
        own = np.sort(sign * np.array([value for value in row["values"] if value is not None], float))
        if len(own):
            points = np.unique(np.concatenate([own, [min(sign * v for v in every), max(sign * v for v in every)]]))
            share = [float((own >= point).mean()) for point in points]
            rows += [{"method": row["label"], "x": short(float(sign * x)), "y": y} for x, y in zip(points, share)]
    chart = alt.Chart(alt.Data(values=rows)).mark_line(interpolate="step-before", strokeWidth=2)
    better = "at least" if sign > 0 else "at most"
    return chart.encode(
        alt.X("x:Q", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6), title=f"{comparison.title}, {better}"),
        alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"), title="share of seeds"),
        alt.Order("x:Q"),
        color=_method(comparison, legend),
        strokeDash=_dash(comparison, legend),
        tooltip=_tooltip(("method", "N"), ("x", "Q"), ("y", "Q"), x=comparison.title, y="share of seeds"),
    ).properties(width="container", height=240)


def final(comparison: Comparison, legend: bool = False) -> Any:
    """Every seed's value as a point, with the interquartile mean and its interval."""
    alt = _altair()
    points: Rows = []
    means: Rows = []
    for row, series in zip(comparison.rows, comparison.series):
        for seed, value in zip(series.finished, row["values"]):
            points += [{"method": row["label"], "value": value, "seed": seed.seed}] if value is not None else []
        if row["iqm"] is not None:
            means.append({"method": row["label"], **{key: row[key] for key in ("iqm", "low", "high")}})
    y = alt.Y("method:N", sort=_labels(comparison), title=None)
    x = alt.X("value:Q", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6), title=comparison.title)
    color = _method(comparison, legend)
    shape = alt.Shape("method:N", sort=_labels(comparison), scale=alt.Scale(range=SHAPES), legend=None)
    dots = alt.Chart(alt.Data(values=points)).mark_point(size=45, opacity=1)
    dots = dots.encode(x, y, color, shape=shape, tooltip=_tooltip(("method", "N"), ("seed", "N"), ("value", "Q")))
    bars = alt.Chart(alt.Data(values=means)).encode(y=y, color=color)
    tooltip = _tooltip(("method", "N"), ("iqm", "Q"), ("low", "Q"), ("high", "Q"))
    interval = bars.mark_rule(strokeWidth=3).encode(alt.X("low:Q"), alt.X2("high:Q"), tooltip=tooltip)
    middle = bars.mark_tick(thickness=3, size=18, opacity=1).encode(alt.X("iqm:Q"), tooltip=tooltip)
    known = [interval] if any(mean["low"] is not None for mean in means) else []  # a scale without a number is warned about
    return alt.layer(dots, *known, middle).properties(width="container", height=30 * len(comparison.rows) + 20)


def reliability_rows(comparison: Comparison) -> Rows:
    """method, x (confidence), y (accuracy), examples: tenths of the confidence, every seed's examples together."""
    rows: Rows = []
    for series in comparison.series:
        bins: dict[int, list[float]] = {}
        for confidence, accuracy, count in _pooled(series, "reliability", 3):
            sums = bins.setdefault(min(9, int(10 * min(1.0, max(0.0, confidence)))), [0.0, 0.0, 0.0])
            sums[0] += confidence * count
            sums[1] += accuracy * count
            sums[2] += count
        for _, (confidence, accuracy, count) in sorted(bins.items()):
            if count >= FEWEST:
                point = {"x": short(confidence / count), "y": short(accuracy / count), "examples": int(count)}
                rows.append({"method": series.label, **point})
    return rows


def reliability(comparison: Comparison, legend: bool = True) -> Any:
    """Reliability diagram: accuracy against confidence; a diagonal is well calibrated."""
    alt = _altair()
    unit = alt.Scale(domain=[0, 1])
    ideal = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(style="reference", strokeDash=[3, 3])
    ideal = ideal.encode(x=alt.X("x:Q", scale=unit, title="confidence"), y=alt.Y("y:Q", scale=unit, title="accuracy"))
    line = alt.Chart(alt.Data(values=reliability_rows(comparison))).mark_line(point=True, strokeWidth=2)
    line = line.encode(
        alt.X("x:Q", scale=unit, title="confidence"),
        alt.Y("y:Q", scale=unit, title="accuracy"),
        alt.Order("x:Q"),
        color=_method(comparison, legend),
        strokeDash=_dash(comparison, legend),
        tooltip=_tooltip(("method", "N"), ("x", "Q"), ("y", "Q"), ("examples", "Q"), x="confidence", y="accuracy"),
    )
    return (ideal + line).properties(width="container", height=260)


def disturbed_rows(comparison: Comparison, what: str) -> Rows:
    """method, x (level of "noise", share "missing"), y (test accuracy, mean over the seeds)."""
    rows: Rows = []
    for series in comparison.series:
        levels: dict[float, list[float]] = {}
        for level, accuracy in _pooled(series, what, 2):
            levels.setdefault(level, []).append(accuracy)
        points = [{"x": level, "y": short(float(np.mean(own)))} for level, own in sorted(levels.items())]
        rows += [{"method": series.label, **point} for point in points]
    return rows


def disturbed(comparison: Comparison, what: str, legend: bool = True) -> Any:
    """Test accuracy under input "noise" or with inputs "missing"."""
    alt = _altair()
    titles = {"noise": "input noise (std, relative to that of the input)", "missing": "share of missing inputs"}
    chart = alt.Chart(alt.Data(values=disturbed_rows(comparison, what))).mark_line(point=True, strokeWidth=2)
    return chart.encode(
        alt.X("x:Q", axis=alt.Axis(tickCount=5), title=titles[what]),
        alt.Y("y:Q", scale=alt.Scale(zero=False), title="test accuracy"),
        color=_method(comparison, legend),
        strokeDash=_dash(comparison, legend),
        tooltip=_tooltip(("method", "N"), ("x", "Q"), ("y", "Q"), x=titles[what], y="test accuracy"),
    ).properties(width="container", height=260)


def shares(comparison: Comparison, rows: Rows, x: str, y: str, interpolate: str) -> Any:
    """A share of nodes or the like, by x; rows: method, x, y."""
    alt = _altair()
    line = alt.Chart(alt.Data(values=rows)).mark_line(interpolate=interpolate, strokeWidth=2)
    return line.encode(
        alt.X("x:Q", axis=alt.Axis(tickCount=6), title=x),
        alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"), title=y),
        color=_method(comparison, False),
        strokeDash=_dash(comparison, False),
        tooltip=_tooltip(("method", "N"), ("x", "Q"), ("y", "Q"), x=x, y=y),
    )


def dots(comparison: Comparison, rows: Rows, name: str, order: list[str], title: str) -> Any:
    """A point a seed for each of several names, in their order; rows: method, seed, the name's field, x."""
    alt = _altair()
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_point(size=25)
        .encode(
            alt.X(f"{name}:N", sort=order, title=name, axis=alt.Axis(labelAngle=-60)),
            alt.Y("x:Q", title=title),
            color=_method(comparison, False),
            shape=_shape(comparison),
            tooltip=_tooltip(("method", "N"), ("seed", "N"), (name, "N"), ("x", "Q"), x=title),
        )
    )


def front(comparison: Comparison, cost: str, legend: bool = True) -> Any:
    """Fitness against a cost of COSTS: the fronts of the methods that have one, every seed's."""
    alt = _altair()
    chart = alt.Chart(alt.Data(values=front_rows(comparison, cost))).mark_point(size=40, opacity=1)
    return chart.encode(
        alt.X(f"{cost}:Q", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=8), title=COSTS[cost]),
        alt.Y("fitness:Q", scale=alt.Scale(zero=False), title="training fitness"),
        color=_method(comparison, legend),
        shape=_shape(comparison),
        tooltip=_tooltip(("method", "N"), ("seed", "N"), (cost, "Q"), ("fitness", "Q")),
    ).properties(width="container", height=280)


def front_rows(comparison: Comparison, cost: str) -> Rows:
    """method, seed, a cost of COSTS, fitness of every point of every front that has it, by seed, then as the front has them."""
    rows: Rows = []
    for series in comparison.series:
        for seed in series.finished:
            points = (seed.result or {}).get("front")
            for point in points if isinstance(points, list) else []:
                if isinstance(point, dict) and all(store.is_number(point.get(key)) for key in (cost, "fitness")):
                    ours = {"method": series.label, "seed": seed.seed}
                    rows.append({**ours, cost: point[cost], "fitness": short(point["fitness"])})
    return rows


def titled(spec: dict[str, Any], axis: str) -> None:
    """Names the horizontal axis of every layer; seconds without SI prefixes, since 30m looks like minutes."""
    for layer in spec.get("layer", [spec]):
        layer["encoding"]["x"]["title"] = PLOTTED[axis]
        layer["encoding"]["x"]["axis"]["format"] = "~g" if axis == "seconds" else "~s"


def _drawable(cost: np.ndarray) -> bool:
    return len(cost) > 0 and bool(np.isfinite(cost).all() and cost[0] > 0 and (np.diff(cost) >= 0).all())


def _pooled(series: Series, what: str, width: int) -> list[list[float]]:
    """The rows of `width` numbers that the finished seeds' calibration tables hold under a name."""
    found = []
    for seed in series.finished:
        trust = (seed.result or {}).get("trust")
        rows = trust.get(what) if isinstance(trust, dict) else None
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, list) and len(row) == width and all(store.is_number(each) for each in row):
                found.append(row)
    return found


def _labels(comparison: Comparison) -> list[str]:
    return [row["label"] for row in comparison.rows]


def _method(comparison: Comparison, legend: bool) -> Any:
    alt = _altair()
    scale = alt.Scale(domain=_labels(comparison), range="category")
    return alt.Color("method:N", scale=scale, legend=alt.Legend() if legend else None)


def _dash(comparison: Comparison, legend: bool) -> Any:
    alt = _altair()
    labels = _labels(comparison)
    scale = alt.Scale(domain=labels, range=[DASHES[k % len(DASHES)] for k in range(len(labels))])
    return alt.StrokeDash("method:N", scale=scale, legend=alt.Legend() if legend else None)


def _shape(comparison: Comparison) -> Any:
    alt, labels = _altair(), _labels(comparison)
    return alt.Shape("method:N", sort=labels, scale=alt.Scale(domain=labels, range=SHAPES), legend=None)


def _tooltip(*fields: tuple[str, str], **titles: str) -> list[Any]:
    alt = _altair()
    titles = {"iqm": "IQM", "low": "95 % low", "high": "95 % high"} | titles
    form = {"Q": {"format": ".4~g"}, "N": {}}
    return [alt.Tooltip(f"{name}:{kind}", title=titles.get(name, name), **form[kind]) for name, kind in fields]


def _altair() -> Any:
    import altair

    return altair
