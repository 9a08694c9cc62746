"""The report: one HTML file that opens from disk and asks the network for nothing, and its tables beside it.

    report.html       what was compared, the table, curves, seeds, champions, calibration, failures, settings, versions
    table.csv         the table, a line a method      per-seed.csv      a line a run
    table.tex         the table for a paper           comparison.json   all of it, for a program

Every string of a run may be anybody's, and is escaped. A file is written beside and renamed, so none is half written.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenarios.lab.report import bands, charts, evolution, gather, latex, palettes, stats, tables, targets
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.format import AXIS_LABELS, number, seed_list
from scenarios.lab.report.gather import Seed, Series
from scenarios.lab.report.notes import NAMED
from scenarios.lab.store import files, store, toml

REPORT = "report.html"
LARGEST_PICTURE = 400_000  # bytes of a PNG that the page takes in
FRONT_ROWS = 200  # of a front's table


def write(comparisons: Sequence[Comparison], path: Path, own: bool = False) -> list[Path]:
    """The report at `path` and its tables in the same folder, which is made; the files, the report first.

    own: the folder is the runs' own, where the tables have the names above; elsewhere they are named after the page
    (page-table.csv), since a user may have a table.csv. Raises StoreError, naming the file, where the disk is full or
    read-only.
    """
    folder, prefix = path.parent, "" if own else f"{path.stem}-"
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    summary = {"schema": 2, "comparisons": list(map(tables.summary, comparisons))}
    contents = {
        "table.csv": tables.csv_bytes(tables.stacked([tables.methods(each) for each in comparisons], comparisons)),
        "per-seed.csv": tables.csv_bytes(tables.stacked([tables.per_seed(each) for each in comparisons], comparisons)),
        "table.tex": "\n".join(map(latex.table, comparisons)).encode("utf-8", "replace"),
        "comparison.json": files.to_json(summary, indent=2),
    }
    made = {path: page(comparisons).encode("utf-8", "replace")}
    for file, content in [*((folder / (prefix + name), content) for name, content in contents.items()), *made.items()]:
        files.write(file, content)
    return [path, *(folder / (prefix + name) for name in contents)]


def page(comparisons: Sequence[Comparison], refresh: str = "") -> str:
    """The page as text. refresh: an address that the page asks for changes while it is open (`evo watch`); "" for none."""
    from altair.utils.schemapi import debug_mode

    drawn: dict[str, Any] = {}
    with debug_mode(False):  # charts are checked in the tests alone: that takes longer than making them
        sections = [_section(k, each, drawn) for k, each in enumerate(comparisons)]
    return rendered(
        "report.html.j2",
        drawn,
        title="Comparison: " + ", ".join(each.scenario for each in comparisons),
        sections=sections,
        across=tables.across(comparisons),
        coverage=stats.COVERAGE,
        time_coverage=stats.TIME_COVERAGE,
        refresh=refresh,
    )


def rendered(template: str, drawn: dict[str, Any], **shown: Any) -> str:
    """A template that extends page.html.j2, with what every page has; drawn: Vega-Lite by the id of its place."""
    return (
        _environment()
        .get_template(template)
        .render(
            **shown,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            charts=drawn,
            themes={name: palettes.theme(name) for name in palettes.PALETTES},
            dashes=palettes.DASHES,
            axis_labels=AXIS_LABELS,
            vega=_vega(),
        )
    )


def prepare() -> None:
    """Imports and makes what every page needs, which takes half a second."""
    import_module("altair")
    for name in ("report", "page", "macros"):
        _environment().get_template(f"{name}.html.j2")
    _vega()


@cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "plain": tables.plain, "script": script}
    return environment


@cache
def _vega() -> str:
    """What draws the charts in a browser: Vega, Vega-Lite and Vega-Embed, kept, since to put them together takes seconds."""
    import vl_convert

    bundle: Callable[..., str] = vl_convert.javascript_bundle  # its stub asks for an argument that it does not need
    return files.kept("vega.js", version("vl-convert-python"), lambda: bundle().encode()).decode()


def script(value: Any) -> str:
    """JSON that may stand inside a script element, whatever strings it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


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
    for name in gather.SIZES:
        if evolution.size_rows(comparison, name):
            still[name] = partial(evolution.size, name=name)
    fronts = {cost: rows for cost in charts.COSTS if (rows := charts.front_rows(comparison, cost))}
    still |= {f"front_{cost}": partial(charts.front, cost=cost) for cost in fronts}
    if traces := targets.traces(comparison):
        still["runtimes"] = partial(targets.chart, traces)
    made = {name: chart(comparison, legend=False) for name, chart in still.items()}
    drawn |= {f"{name}-{place}": {"spec": _spec(chart)} for name, chart in made.items()}
    streams = evolution.streams(comparison)
    drawn |= {f"species-{k}-{place}": {"spec": _spec(evolution.stream(each.rows))} for k, each in enumerate(streams)}
    return {
        "place": place,
        "comparison": comparison,
        "notes": _notes(comparison),
        "intro": _intro(comparison),
        "commands": _commands(comparison),
        "table": tables.filled(tables.methods(comparison)),
        "pairs": comparison.conclusion.pairs,
        "standings": tables.filled(tables.standings(comparison)),
        "runtimes": targets.table(traces),
        "per_seed": tables.filled(tables.per_seed(comparison)),
        "shown": [*shown, *made],
        "few_levels": charts.few_levels(comparison),
        "axes": {axis: charts.AXIS_LABELS[axis] for axis in curve},
        "streams": streams,
        "phases": tables.filled(tables.phases(comparison)),
        "champions": [_champion(series, seed) for series in comparison.series if (seed := series.median)],
        "calibration": tables.filled(tables.calibration(comparison)),
        "fronts": {
            cost: {
                "name": charts.COSTS[cost],
                "left_out": max(0, len(rows) - FRONT_ROWS),
                "rows": [list(point.values()) for point in rows[:FRONT_ROWS]],
            }
            for cost, rows in fronts.items()
        },
        "failures": _failures(comparison),
        "settings": tables.settings(comparison),
        "configs": _configs(comparison),
        "machines": _machines(comparison),
    }


def _spec(chart: Any) -> dict[str, Any]:
    """Vega-Lite, not checked against its schema."""
    return chart.to_dict(validate=False)


def _columns(rows: bands.Rows) -> dict[str, list[Any]]:
    """Rows as columns: the names are written once."""
    return {key: [row.get(key) for row in rows] for key in (rows[0] if rows else ())}


def _intro(comparison: Comparison) -> list[tuple[str, str]]:
    """What was compared, as pairs of a word and its meaning."""
    configs = _known_configs(comparison.series)
    budgets = {
        ", ".join(f"{axis} {number(limit)}" for axis, limit in tables.as_dict(config.get("budget")).items())
        for config in configs
    }
    seeds = {seed_list([seed.seed for seed in series.seeds]) for series in comparison.series}
    found = [
        ("Methods", ", ".join(row["label"] for row in comparison.rows)),
        ("Metric", f"{comparison.title}: interquartile mean (IQM) over the seeds, 95 % bootstrap interval"),
        ("Seeds", "; ".join(sorted(seeds))),
        ("Budget per run", "; ".join(sorted(filter(None, budgets))) or "unknown"),
    ]
    return found


def _notes(comparison: Comparison) -> list[str]:
    """The notes, with the runs' folders named from the scenario's on: a page may be sent to others."""
    roots = {f"{seed.path.parents[1]}/" for series in comparison.series for seed in series.seeds}
    notes = comparison.notes
    for root in roots:
        notes = [note.replace(root, "") for note in notes]
    return notes


def _commands(comparison: Comparison) -> list[str]:
    """What runs it again."""
    every = [seed.command for series in comparison.series for seed in series.seeds if seed.command]
    return list(dict.fromkeys(every))


def _champion(series: Series, seed: Seed) -> dict[str, Any]:
    """The champion of the median seed, with the pictures that its run drew of it at its end, and the names of those that are
    lost."""
    result = seed.result or {}
    drawn = tables.as_list(result.get("pictures"))
    pictures = [_picture(seed.path, each) for each in drawn]
    facts = {key: tables.as_dict(result.get("champion")).get(key) for key in ("parameters", "nodes", "connections", "step")}
    return {
        "label": series.label,
        "seed": seed.seed,
        "of": len(series.finished),
        "facts": {key: fact for key, fact in facts.items() if store.is_number(fact)},
        "pictures": list(filter(None, pictures)),
        "lost": [str(tables.as_dict(each).get("file")) for each, found in zip(drawn, pictures) if found is None],
        "path": f"{seed.path.parts[-3]}/{seed.path.parts[-2]}/{seed.path.parts[-1]}",
    }


def _picture(path: Path, entry: Any) -> dict[str, str] | None:
    """A picture of a run folder as the page holds it; None for what is no PNG inside the folder, or is damaged."""
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
    if not data.startswith(b"\x89PNG\r\n") or entry.get("sha256") not in (None, hashlib.sha256(data).hexdigest()):
        return None
    words = {key: str(entry.get(key) or "") for key in ("title", "alt")}
    return {**words, "source": "data:image/png;base64," + base64.b64encode(data).decode()}


def _failures(comparison: Comparison) -> list[dict[str, str]]:
    """What failed, with its error: what stands behind the places in the code, the exception and its notes."""
    found = []
    for series in comparison.series:
        for seed in [seed for seed in series.seeds if seed.state == "failed"][:NAMED]:
            try:
                text = (seed.path / store.ERROR).read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                text = ""
            lines = text.splitlines() or ["no error.txt"]
            places = [k for k, line in enumerate(lines) if line.startswith(" ")]
            error = "; ".join(lines[places[-1] + 1 if places else 0 :] or lines[-1:])
            found.append({"run": f"{series.label} seed {seed.seed}", "error": error[:500]})
    return found


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
                versions = ", ".join(
                    f"{name} {version}" for name, version in tables.as_dict(meta.get("versions")).items() if version
                )
                words = [(key.replace("_", " "), str(meta.get(key) or "unknown")) for key in keys] + [("versions", versions)]
                found.setdefault(json.dumps(words), (words, []))[1].append(series.label)
    return [[("runs", ", ".join(dict.fromkeys(labels))), *words] for words, labels in found.values()]


def _known_configs(series: Sequence[Series]) -> list[dict[str, Any]]:
    return [seed.config for one in series for seed in one.seeds if seed.config]
