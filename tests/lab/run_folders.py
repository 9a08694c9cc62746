"""Run folders for the tests of the report, written without running anything.

row, result, meta      what a run leaves behind, as plain values
make                   one folder of them
large, everything      what the page is measured on: many long runs, and some of all there is to show
"""

from __future__ import annotations

import json
import struct
import zlib
from html.parser import HTMLParser

import numpy as np

from scenarios.lab.store import store, toml

LONG = "a-method-whose-label-is-as-long-as-sixty-characters-may-get-."
MARKUP = "<script>alert(1)<∕script>"
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload="alert(1)">',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}${alert(1)}",
    "<!-- ]]> --><!--<script>",
    "two\nlines\r\tand a tab",
    "\u2028\u2029\x00\x1b[31m",
    "\ud800 half a sign",
    "\u202eright to left",
    '=HYPERLINK("http://example.org")',
    "&lt;script&gt;&#60;",
)


def row(step, value, metric="accuracy", compute=True, **more):
    """A row of metrics.jsonl: 100 evaluations, 1,000 samples, 5,000 compute and half a second a step."""
    done = step + 1
    cost = {
        "evaluations": 100 * done,
        "samples": 1000 * done,
        "compute": 5000.0 * done if compute else None,
        "seconds": 0.5 * done,
    }
    return {"step": step, **cost, "nonfinite": 0, "validation": {metric: value, "n": 30}, **more}


def result(value, rows, metric="accuracy", direction="max", solved=None, stopped_by="budget", **more):
    """A result.json after `rows`; value: the metric on the test part."""
    cost = {axis: rows[-1][axis] for axis in store.AXES}
    scores = {split: {metric: value, "n": 30} for split in ("train", "validation", "test")}
    return {
        "schema": 1,
        "status": "finished",
        "stopped_by": "solved" if solved else stopped_by,
        "steps": len(rows),
        "solved": solved,
        "solved_at": cost if solved else None,
        "cost": cost,
        "metric": {"name": metric, "direction": direction},
        "champion": {"parameters": 323, "nodes": 12, "connections": 40, "step": len(rows) - 1},
        "nonfinite": 0,
        **scores,
        **more,
    }


def meta(command="evo run digits -m ga --seeds 5", **more):
    versions = {"neuroevo": "0.1.0", "torch": "2.13.0+cpu", "numpy": "2.4.6", "scikit-learn": "1.9.1"}
    machine = {"commit": "8001362be74eeb2d7a6670333b1c02aaa5af61cf", "device": "cpu", "device_name": "x86_64", "cores": 2}
    return {"command": command, "versions": versions, **machine, "python": "3.11.7", "platform": "Linux-6.1-x86_64", **more}


def config(scenario, label, seed, budget=None, method=None, **more):
    own = {"method": method or label, "population_size": 200}
    tables = {"budget": budget or {"evaluations": 1000}, "task": {"stop": "solved"}, "learners": {label: own}}
    return {"scenario": scenario, "seeds": [seed], "device": "cpu", **tables, **more}


def make(runs, label, seed, rows=(), outcome=None, scenario="digits", settings=None, about=None, error=None, pictures=()):
    """A run folder with the given rows: finished with the result `outcome`, failed with `error`, else stopped.

    settings: the config.toml as a table; about: the meta.json; pictures: PNG files by name, which the result lists.
    """
    path = store.run_path(runs, scenario, label, seed)
    path.mkdir(parents=True)
    (path / store.CONFIG).write_text(toml.write(settings or config(scenario, label, seed)), encoding="utf-8", errors="replace")
    (path / store.META).write_text(json.dumps(meta() if about is None else about))
    (path / store.METRICS).write_text("".join(json.dumps(each) + "\n" for each in rows))
    if pictures:
        (path / store.PICTURES).mkdir()
        for name, data in pictures.items():
            (path / store.PICTURES / name).write_bytes(data)
        entries = [{"file": name, "title": f"What {label} does", "alt": f"{name} of {label}"} for name in pictures]
        outcome = {"pictures": entries, **outcome}
    if outcome is not None:
        (path / store.RESULT).write_text(json.dumps(outcome))
    if error is not None:
        (path / store.ERROR).write_text(error, encoding="utf-8", errors="replace")
    return path


def study(runs, label="ga", values=(0.5, 0.7, 0.9), scenario="digits", steps=3, **more):
    """A seed for each of `values`, the metric on the test part; its curve climbs to it in equal steps."""
    for seed, value in enumerate(values):
        metric = more.get("metric", "accuracy")
        rows = [row(k, value * (k + 1) / steps, metric) for k in range(steps)]
        make(runs, label, seed, rows, result(value, rows, **more), scenario)


def png(width=640, height=240):
    """A picture of colours that run into each other."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, 255 - x], axis=-1).astype(np.uint8).reshape(height, -1)
    data = b"".join(b"\x00" + line.tobytes() for line in pixels)
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def large(runs, methods=10, seeds=20, rows=10_000):
    """A long study: every seed of every method climbs towards a value of its own."""
    steps = np.arange(rows)
    heads = [json.dumps(row(k, 0.0)).removesuffix('0.0, "n": 30}}') for k in steps.tolist()]
    for m in range(methods):
        draw = np.random.Generator(np.random.Philox(key=m))
        for seed in range(seeds):
            end = 0.95 - 0.03 * m + 0.02 * draw.standard_normal()
            values = end - 0.6 * np.exp(-steps / rows * (4 + m)) + 0.01 * draw.standard_normal(rows)
            best = np.round(np.maximum.accumulate(values), 5)
            path = make(runs, f"method-{m}", seed, [], result(float(end), [row(rows - 1, 0.0)]), "large")
            text = '{}{}, "n": 30}}}}\n'
            (path / store.METRICS).write_text("".join(map(text.format, heads, best.tolist())))


def everything(runs):
    """Two scenarios with all that a page can show: fronts, trust, pictures, solved and failed runs, odd labels."""
    draw = np.random.Generator(np.random.Philox(key=4))
    for m, label in enumerate(("backprop", "ga", "ga-nsga2", LONG, MARKUP, "tree")):
        for seed in range(5):
            if (label, seed) in (("ga", 4), ("tree", 3)):
                failed = [row(k, 0.2) for k in range(3)]
                make(
                    runs, label, seed, failed, error="Traceback (most recent call last):\nValueError: no gradient <b>here</b>\n"
                )
                continue
            if (label, seed) == ("ga-nsga2", 4):
                make(runs, label, seed, [row(k, 0.3) for k in range(20)])
                continue
            end = 0.95 - 0.06 * m + 0.02 * draw.standard_normal()
            rows = [row(k, float(end - 0.5 * np.exp(-k / (5 + 4 * m))), compute=label != "tree") for k in range(60)]
            outcome = result(float(end), rows, nonfinite=3 * (label == "ga"), trust=_trust(end, draw))
            if label.startswith("ga"):
                outcome["ensemble"] = {"accuracy": float(end) + 0.01, "n": 30, "size": 200}
            if label == "ga-nsga2":
                outcome["front"] = [
                    {"connections": c, "connection_cost": c / 7, "fitness": -3.0 / c - 0.01 * seed} for c in (4, 8, 16, 32, 64)
                ]
            pictures = {"champion.png": png(900, 300), "task.png": png()} if label in ("ga", MARKUP) else {}
            budget = {"evaluations": 6000} | ({"seconds": 60} if label == "tree" else {})
            make(runs, label, seed, rows, outcome, settings=config("digits", label, seed, budget), pictures=pictures)
    for m, label in enumerate(("neat", "deep-ga", LONG, "random-search")):
        for seed in range(6):
            solved = seed >= 2 * m
            steps = 10 * (m + 1) + 3 * seed if solved else 60
            more = peopled if label in ("neat", LONG) else lambda k: {}
            rows = [row(k, 500.0 * (k + 1) / 60, "steps", **more(k)) for k in range(steps)]
            outcome = result(480.0 + seed if solved else 90.0 + 20 * seed, rows, "steps", solved=solved)
            make(runs, label, seed, rows, outcome, "cartpole", about=meta("evo run cartpole --seeds 6"))


def peopled(step, population=150, founded=2, lives=8):
    """The columns of a generation whose genomes grow, in species that are founded and die out."""
    alive = range(founded * max(0, step - lives + 1), founded * (step + 1))
    sizes = {str(name): population // len(alive) + (name % 3) for name in alive}
    phases = {"ask": 0.01, "evaluate": 0.2, "tell": 0.02, "validate": 0.1}
    return {"species": sizes, "nodes_mean": 5 + 0.1 * step, "connections_mean": 4 + 0.3 * step, "phase_seconds": phases}


def _trust(accuracy, draw):
    bins = [(k + 0.5) / 10 for k in range(10)]
    reliability = [[b, float(np.clip(b + 0.05 * draw.standard_normal(), 0, 1)), 30] for b in bins]
    lost = lambda level: float(accuracy - 0.5 * level**1.5)
    levels = (0.0, 0.1, 0.2, 0.5, 1.0)
    curves = {"noise": [[x, lost(x)] for x in levels], "missing": [[x, lost(0.8 * x)] for x in levels[:4]]}
    return {"ece": 0.04, "brier": float(0.4 * (1 - accuracy)), "reliability": reliability, **curves}


class Parsed(HTMLParser):
    """A page as a browser takes it in: elements (tag and names of attributes), their values, the text, the scripts."""

    VOID = ("meta", "link", "img", "input", "line", "br")

    def __init__(self, page):
        super().__init__()
        self.elements, self.values, self.words, self.scripts, self.open, self.astray = [], [], [], [], [], []
        self.feed(page)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.values += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID and (not self.open or self.open.pop() != tag):
            self.astray.append(tag)

    def handle_data(self, data):
        (self.scripts if self.open[-1:] == ["script"] else self.words).append(data)

    @property
    def whole(self):
        """Whether every element that was opened was closed, in order, and the page ends with the html element."""
        return not self.open and not self.astray and ("html", "lang") in self.elements

    @property
    def charts(self):
        """The specifications of the charts, by the id of their place."""
        code = next(code for code in self.scripts if "const charts = " in code)
        return json.JSONDecoder().raw_decode(code, code.index("const charts = ") + len("const charts = "))[0]

    def value(self, tag, name):
        return [value for one, attribute, value in self.values if (one, attribute) == (tag, name)]
