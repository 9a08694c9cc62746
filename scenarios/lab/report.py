"""The report: one HTML file that opens from disk and asks the network for nothing, and its tables beside it.

    report.html       what was compared, the table, curves, seeds, champions, trust, failures, settings, versions
    table.csv         the table, a line a method      per-seed.csv      a line a run
    table.tex         the table for a paper           comparison.json   all of it, for a program

Every string of a run may be anybody's, and is escaped. A file is written beside and renamed, so none is half written.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

from scenarios.lab import charts, files, stats, store, toml
from scenarios.lab.compare import NAMED, Comparison, differing, number, seed_list
from scenarios.lab.gather import Seed, Series

REPORT = "report.html"
LARGEST_PICTURE = 400_000  # bytes of a PNG that the page takes in
FRONT_ROWS = 200  # of a front's table

Table = tuple[list[str], list[list[Any]]]


def write(comparisons: Sequence[Comparison], path: Path) -> list[Path]:
    """The report at `path` and its tables in the same folder, which is made; the files, the report first.

    Raises StoreError, naming the file, where the disk is full or read-only.
    """
    folder = path.parent
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    contents = {
        folder / "table.csv": _csv(_stacked([_table(each) for each in comparisons], comparisons)),
        folder / "per-seed.csv": _csv(_stacked([_per_seed(each) for each in comparisons], comparisons)),
        folder / "table.tex": "\n".join(map(_tex, comparisons)).encode("utf-8", "replace"),
        folder / "comparison.json": files.to_json({"schema": 1, "comparisons": list(map(_summary, comparisons))}, indent=2),
        path: page(comparisons).encode("utf-8", "replace"),
    }
    for file, content in contents.items():
        files.write(file, content)
    return [path, *list(contents)[:-1]]


def page(comparisons: Sequence[Comparison], refresh: str = "") -> str:
    """The page as text. refresh: an address that the page asks for changes while it is open (`evo watch`); "" for none."""
    drawn: dict[str, Any] = {}
    sections = [_section(k, each, drawn) for k, each in enumerate(comparisons)]
    return _template().render(
        title="Comparison: " + ", ".join(each.scenario for each in comparisons),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sections=sections,
        across=across(comparisons),
        charts=drawn,
        themes={name: charts.theme(name) for name in charts.PALETTES},
        dashes=charts.DASHES,
        coverage=stats.COVERAGE,
        time_coverage=stats.TIME_COVERAGE,
        vega=_vega(),
        refresh=refresh,
    )


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters |= {"number": number, "plain": plain, "script": script}
    return environment.from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))


@cache
def _vega() -> str:
    """What draws the charts in a browser: Vega, Vega-Lite and Vega-Embed, which take seconds to be put together."""
    import vl_convert

    bundle: Callable[..., str] = vl_convert.javascript_bundle  # its stub asks for an argument that it does not need
    return bundle()


def across(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """The mean probability of improvement over the scenarios, for every two methods that all of them have."""
    from scenarios.lab.conclude import values_of

    if len(comparisons) < 2:
        return []
    values = [{row["label"]: values_of(row) for row in each.rows if row["done"]} for each in comparisons]
    common = [label for label in values[0] if all(len(own.get(label, ())) > 1 for own in values)]
    rows = []
    for a, b in combinations(common, 2):
        won, low, high = stats.superiority_over([(own[a], own[b]) for own in values])
        rows.append([a, b, f"{won:.3f}", f"{low:.3f}", f"{high:.3f}"])
    return rows


def script(value: Any) -> str:
    """JSON that may stand inside a script element, whatever strings it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def plain(value: Any) -> str:
    """A number as a spreadsheet reads it; "" for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if abs(value) >= 1e9 or (abs(value) < 1000 and not float(value).is_integer()):
        return f"{value:.5g}"
    return f"{value:.0f}"


def _section(place: int, comparison: Comparison, drawn: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of one scenario; its charts are added to `drawn`, by the id of their place."""
    curve = {axis: rows for axis in store.AXES if (rows := charts.curve_rows(comparison, axis))}
    switched = {"curves": (charts.curves, curve)} if curve else {}
    if curve and any(row["solved"] is not None for row in comparison.rows):
        switched["solved"] = (charts.solved_share, {axis: charts.solved_rows(comparison, axis) for axis in curve})
    for name, (chart, data) in switched.items():
        columns = {axis: _columns(rows) for axis, rows in data.items()}
        drawn[f"{name}-{place}"] = {"spec": _spec(chart(comparison, legend=False)), "data": columns}
    shown = list(switched)
    still: dict[str, Callable[..., Any]] = {}
    if any(value is not None for row in comparison.rows for value in row["values"]):
        still["final"] = charts.final
        if "solved" not in shown:
            still["reached"] = charts.reached_share
    if charts.reliability_rows(comparison):
        still["reliability"] = charts.reliability
    for what in ("noise", "missing"):
        if charts.disturbed_rows(comparison, what):
            still[what] = partial(charts.disturbed, what=what)
    if charts.front_rows(comparison):
        still["front"] = charts.front
    made = {name: chart(comparison, legend=False) for name, chart in still.items()}
    drawn |= {f"{name}-{place}": {"spec": _spec(chart)} for name, chart in made.items()}
    return {
        "place": place,
        "comparison": comparison,
        "intro": _intro(comparison),
        "commands": _commands(comparison),
        "table": _table(comparison),
        "pairs": comparison.conclusion.pairs,
        "standings": _standings(comparison),
        "per_seed": _per_seed(comparison),
        "shown": [*shown, *made],
        "axes": list(curve),
        "champions": [_champion(series) for series in comparison.series if series.finished],
        "trust": _trust(comparison),
        "front": [list(point.values()) for point in charts.front_rows(comparison)[:FRONT_ROWS]],
        "failures": _failures(comparison),
        "settings": _settings(comparison),
        "configs": _configs(comparison),
        "machines": _machines(comparison),
    }


def _spec(chart: Any) -> dict[str, Any]:
    """Vega-Lite, not checked against its schema, which takes longer than all else of the page: the tests do that."""
    return chart.to_dict(validate=False)


def _columns(rows: charts.Rows) -> dict[str, list[Any]]:
    """Rows as columns: the names are written once."""
    return {key: [row.get(key) for row in rows] for key in (rows[0] if rows else ())}


def _intro(comparison: Comparison) -> list[tuple[str, str]]:
    """What was compared, as pairs of a word and its meaning."""
    configs = _known_configs(comparison.series)
    budgets = {
        ", ".join(f"{axis} {number(limit)}" for axis, limit in _dict(config.get("budget")).items()) for config in configs
    }
    seeds = {seed_list([seed.seed for seed in series.seeds]) for series in comparison.series}
    found = [
        ("Methods", ", ".join(row["label"] for row in comparison.rows)),
        ("Figure", f"{comparison.title}: interquartile mean over the seeds, 95 % bootstrap interval"),
        ("Seeds", "; ".join(sorted(seeds))),
        ("Budget of a run", "; ".join(sorted(filter(None, budgets))) or "unknown"),
    ]
    return found


def _commands(comparison: Comparison) -> list[str]:
    """What runs it again."""
    every = [seed.command for series in comparison.series for seed in series.seeds if seed.command]
    return list(dict.fromkeys(every))


def _table(comparison: Comparison) -> Table:
    """The table with a column a number, as it is copied into a spreadsheet."""
    some_solved = any(row["solved"] is not None for row in comparison.rows)
    head = ["method", f"{comparison.title} (IQM)", "low", "high"]
    head += ["solved", "solved low", "solved high", "evaluations to solution", "ETS low", "ETS high"] * some_solved
    head += ["seeds", "finished", "failed", "parameters", *store.AXES, "non-finite"]
    rows = []
    for row in comparison.rows:
        cells = [row[key] for key in ("label", "iqm", "low", "high")]
        if some_solved:
            cells += [row[key] for key in ("solved", "solved_low", "solved_high")] + list(row["expected"] or [None] * 3)
        rows.append(cells + [row[key] for key in ("seeds", "done", "failed", "parameters", *store.AXES, "nonfinite")])
    return head, rows


def _standings(comparison: Comparison) -> Table:
    """Every method on each axis: a row a method, three columns a standing."""
    found = [each for each in comparison.conclusion.standings if each.values]
    at = lambda each: each.name if each.budget is None else f"{each.name} ({number(each.budget)})"
    head = ["method", *(title for each in found for title in (at(each), "low", "high"))]
    labels = [row["label"] for row in comparison.rows if any(row["label"] in each.values for each in found)]
    return head, [[label, *(cell for each in found for cell in each.values.get(label, [None] * 3))] for label in labels]


def _per_seed(comparison: Comparison) -> Table:
    head = ["method", "seed", "state", comparison.title, "solved", "stopped by", "steps", *store.AXES, "non-finite"]
    rows = []
    for row, series in zip(comparison.rows, comparison.series):
        values = dict(zip([id(seed) for seed in series.finished], row["values"]))
        for seed in series.seeds:
            result = seed.result or {}
            costs = [_dict(result.get("cost")).get(axis) for axis in store.AXES]
            own = [series.label, seed.seed, seed.state, values.get(id(seed)), result.get("solved"), result.get("stopped_by")]
            rows.append([*own, seed.steps, *costs, result.get("nonfinite")])
    return head, rows


def _champion(series: Series) -> dict[str, Any]:
    """The champion of the median seed, with the pictures that its run drew of it at its end."""
    value = lambda seed: _reported(seed)
    ranked = sorted(series.finished, key=lambda seed: (value(seed) is None, value(seed) or 0.0, seed.seed))
    known = [seed for seed in ranked if value(seed) is not None] or ranked
    seed = known[(len(known) - 1) // 2]
    result = seed.result or {}
    facts = {key: _dict(result.get("champion")).get(key) for key in ("parameters", "nodes", "connections", "step")}
    facts["nodes"] = facts["nodes"] if store.is_number(facts["nodes"]) else None
    return {
        "label": series.label,
        "seed": seed.seed,
        "of": len(series.finished),
        "facts": {key: fact for key, fact in facts.items() if store.is_number(fact)},
        "pictures": [picture for each in _list(result.get("pictures")) if (picture := _picture(seed.path, each))],
        "path": f"{seed.path.parts[-3]}/{seed.path.parts[-2]}/{seed.path.parts[-1]}",
    }


def _reported(seed: Seed) -> float | None:
    result = seed.result or {}
    for split in ("test", "validation", "train"):
        if result.get(split):
            return result[split].get(result["metric"]["name"])
    return None


def _picture(path: Path, entry: Any) -> dict[str, str] | None:
    """A picture of a run folder as the page holds it; None for what is no PNG inside the folder."""
    name = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(name, str) or Path(name).name != name:
        return None
    file = path / store.PICTURES / name
    try:
        if not file.is_file() or file.is_symlink() or file.stat().st_size > LARGEST_PICTURE:
            return None
        data = file.read_bytes()
    except OSError:
        return None
    if not data.startswith(b"\x89PNG\r\n"):
        return None
    words = {key: str(entry.get(key) or "") for key in ("title", "alt")}
    return {**words, "source": "data:image/png;base64," + base64.b64encode(data).decode()}


def _trust(comparison: Comparison) -> Table:
    """Calibration of the champions, and the final populations as ensembles: means over the seeds."""
    head = ["method", "calibration error (ECE)", "Brier score", "ensemble of the final population", "its champion"]
    rows = []
    for row, series in zip(comparison.rows, comparison.series):
        results = [seed.result or {} for seed in series.finished]
        tables = [_dict(result.get("trust")) for result in results]
        cells = [_mean(table.get(key) for table in tables) for key in ("ece", "brier")]
        together = [result for result in results if store.is_number(_dict(result.get("ensemble")).get(row["metric"]))]
        cells.append(_mean(result["ensemble"][row["metric"]] for result in together))
        cells.append(_mean(_dict(result.get(row["split"])).get(row["metric"]) for result in together))
        if any(cell is not None for cell in cells):
            rows.append([row["label"], *cells])
    return head, rows


def _mean(values: Iterable[Any]) -> float | None:
    known = [value for value in values if store.is_number(value)]
    return sum(known) / len(known) if known else None


def _failures(comparison: Comparison) -> list[dict[str, str]]:
    """What failed, with the last line of its error."""
    found = []
    for series in comparison.series:
        for seed in [seed for seed in series.seeds if seed.state == "failed"][:NAMED]:
            try:
                text = (seed.path / store.ERROR).read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                text = ""
            found.append(
                {"run": f"{series.label} seed {seed.seed}", "error": (text.splitlines() or ["no error.txt"])[-1][:500]}
            )
    return found


def _settings(comparison: Comparison) -> Table:
    """The shared settings (budget, task, model, device, run) in which the labels differ, a column a label."""
    firsts = [(series.label, next((seed.config for seed in series.seeds if seed.config), None)) for series in comparison.series]
    known = [(label, {k: v for k, v in config.items() if k != "learners"}) for label, config in firsts if config is not None]
    found = differing([config for _, config in known])
    rows = [[key, *("none" if value is None else str(value) for value in values)] for key, values in found.items()]
    return ["setting", *(label for label, _ in known)], rows


def _configs(comparison: Comparison) -> list[dict[str, str]]:
    """The configuration of each label's first seed, as the file that runs it again."""
    found = []
    for series in comparison.series:
        if config := next((seed.config for seed in series.seeds if seed.config), None):
            found.append({"label": series.label, "text": toml.write(config)})
    return found


def _machines(comparison: Comparison) -> list[list[tuple[str, str]]]:
    """What the runs ran on: the words and their meanings of each different machine or set of versions."""
    keys = ("commit", "device", "device_name", "cores", "python", "platform")
    found: dict[str, tuple[list[tuple[str, str]], list[str]]] = {}
    for series in comparison.series:
        for seed in series.seeds:
            if meta := seed.meta:
                versions = ", ".join(f"{name} {version}" for name, version in _dict(meta.get("versions")).items() if version)
                words = [(key.replace("_", " "), str(meta.get(key) or "unknown")) for key in keys] + [("versions", versions)]
                found.setdefault(json.dumps(words), (words, []))[1].append(series.label)
    return [[("runs", ", ".join(dict.fromkeys(labels))), *words] for words, labels in found.values()]


def _known_configs(series: Sequence[Series]) -> list[dict[str, Any]]:
    return [seed.config for one in series for seed in one.seeds if seed.config]


def _stacked(tables: Sequence[Table], comparisons: Sequence[Comparison]) -> Table:
    """Tables of several scenarios under one head: theirs in order, each column once."""
    heads = [
        ["scenario", *(title.replace(each.title, "metric") for title in head)] for (head, _), each in zip(tables, comparisons)
    ]
    columns = list(dict.fromkeys(title for head in heads for title in head))
    rows = []
    for head, (_, own), each in zip(heads, tables, comparisons):
        for row in own:
            cells = dict(zip(head, [each.scenario, *row]))
            rows.append([cells.get(title) for title in columns])
    return columns, rows


def _csv(table: Table) -> bytes:
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


_TEX = {
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_TEX |= {"<": r"\textless{}", ">": r"\textgreater{}", "∞": r"$\infty$"}


def _tex(comparison: Comparison) -> str:
    """The table as it stands on the terminal, for LaTeX with the package booktabs."""
    escaped = lambda text: "".join(_TEX.get(sign, sign) for sign in " ".join(text.split()))
    line = lambda cells: " & ".join(map(escaped, cells)) + r" \\"
    body = "\n".join(map(line, comparison.cells()))
    columns = "l" + "r" * (len(comparison.columns) - 1)
    head = f"% {escaped(comparison.scenario)}: interquartile mean over the seeds, 95 \\% bootstrap interval; costs are means\n"
    table = f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{line(list(comparison.columns))}\n\\midrule\n{body}\n\\bottomrule"
    return f"{head}{table}\n\\end{{tabular}}\n"


def _summary(comparison: Comparison) -> dict[str, Any]:
    conclusion = comparison.conclusion
    words = {"verdict": conclusion.verdict, "robustness": conclusion.robustness, "warnings": conclusion.warnings}
    keep = lambda row: {key: list(value) if isinstance(value, tuple) else value for key, value in row.items()}
    return files.plain(
        {
            "scenario": comparison.scenario,
            "figure": comparison.title,
            "at": None if comparison.at is None else dict([comparison.at]),
            "rows": list(map(keep, comparison.rows)),
            "pairs": conclusion.pairs,
            "standings": [
                {"axis": each.name, "budget": each.budget, "values": {k: list(v) for k, v in each.values.items()}}
                for each in conclusion.standings
            ],
            **words,
            "notes": comparison.notes,
        }
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
