"""300 damaged sets of runs: a page that is whole, or one clear line; never a traceback, never a half-written file."""

from __future__ import annotations

import contextlib
import json
import shutil
import warnings

import numpy as np
import pytest
from run_folders import HOSTILE, Parsed, make, peopled, png, result, row

from scenarios.lab.cli.commands import main
from scenarios.lab.report import bands, gather, report
from scenarios.lab.report.comparison import BadPoint, compare
from scenarios.lab.store import store

CASES, COMMANDS = 300, 30  # of which so many go through the command line
FILES = (store.CONFIG, store.META, store.METRICS, store.RESULT, store.ERROR)
TAGS = {
    *("html", "head", "meta", "link", "title", "style", "script", "body", "a", "header", "main", "section", "nav", "div", "p"),
    *("h1", "h2", "h3", "h4", "ul", "li", "dl", "dt", "dd", "pre", "table", "thead", "tbody", "tr", "th", "td", "figure"),
    *("figcaption", "img", "svg", "line", "button", "fieldset", "legend", "label", "input", "details", "summary"),
}
NUMBERS = (-1, 0, -0.0, 1e308, -1e308, 10**400, -(10**400), 5e-324, float("nan"), float("inf"), float("-inf"), 0.5, 2**63)
VALUES = (
    *NUMBERS,
    *HOSTILE,
    None,
    True,
    False,
    "",
    [],
    {},
    [[]],
    {"": {}},
    [[0.5] * 3] * 3,
    {"accuracy": "high"},
    "min",
    "a.png",
)
TOML = (
    "budget = 3",
    "budget = {evaluations = 0x" + "f" * 5000 + "}",
    "budget = {evaluations = nan, seconds = -inf, '<b>' = [1, {a = 1979-05-27T07:32:00Z}]}",
    "learners = [[[]]]",
    "learners = {ga = 1979-05-27}",
    ".".join(["a"] * 3000) + " = 1",
    "x = " + "[" * 3000 + "]" * 3000,
    "seeds = '''\n</pre><script>alert(1)</script>'''",
    "a = 1\na = 2",
    "\x00",
    "= = =",
    'learners.ga = {method = ["x"], start = {a = "\\u0000"}}',
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch, no_waiting_for_the_disk):
    """What draws in a browser, and a curve's every point, are the business of other tests."""
    monkeypatch.setattr(report, "_vega", lambda: "")
    monkeypatch.setattr(bands, "POINTS", 5)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Runs with all that a run may leave behind."""
    runs = tmp_path_factory.mktemp("base")
    for label in ("ga", "tree"):
        for seed in (0, 1):
            rows = [row(k, 0.1 * k, compute=label == "ga", champion_step=k, **peopled(k)) for k in range(4)]
            trust = {"ece": 0.1, "brier": 0.2, "reliability": [[0.5, 0.5, 30]], "noise": [[0.0, 0.5]], "missing": [[0.0, 0.5]]}
            more = {"ensemble": {"accuracy": 0.6, "size": 3}, "front": [{"connections": 3, "fitness": 0.5}], "trust": trust}
            outcome = result(0.3 + 0.1 * seed, rows, solved=seed > 0, **more)
            make(runs, label, seed, rows, outcome, "digits", pictures={"a.png": png(4, 4)} if label == "ga" else {})
    make(runs, "ga", 3, [row(0, 0.1)], scenario="digits", error="Traceback\nValueError: unwell")
    make(runs, "linear", 0, [row(0, 0.5)], scenario="wine")
    return runs


class Vandal:
    """Damages a folder of runs, by a key: the same key does the same damage."""

    def __init__(self, runs, key):
        self.runs, self.draw = runs, np.random.Generator(np.random.Philox(key=key))

    def one_of(self, things):
        return list(things)[int(self.draw.integers(len(things)))]

    def run(self):
        return self.one_of(sorted(path for path in self.runs.glob("*/*/*") if path.is_dir()) or [self.runs])

    def file(self):
        run = self.run()
        return run / self.one_of(FILES)

    def strike(self):
        harms = (
            "cut",
            "lose",
            "empty",
            "garbage",
            "swap",
            "value",
            "value",
            "value",
            "value",
            "toml",
            "toml",
            "folder",
            "loop",
        )
        harm = self.one_of((*harms, "nest", "rename", "picture", "mixed", "long", "bare"))
        with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError):
            getattr(self, harm)()  # unless a harm before it has left nothing here to damage
        return harm

    def cut(self):
        file = self.file()
        data = file.read_bytes()
        file.write_bytes(data[: int(self.draw.integers(len(data) + 1))])

    def lose(self):
        self.file().unlink()

    def empty(self):
        self.file().write_bytes(b"")

    def garbage(self):
        self.file().write_bytes(self.draw.bytes(300) + b"\n")

    def swap(self):
        one, other = self.file(), self.file()
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    def value(self):
        """Puts something else at a place of a JSON file, or takes it away."""
        file = self.run() / self.one_of((store.RESULT, store.RESULT, store.META, store.METRICS))
        text = file.read_text(errors="replace")
        lines = text.splitlines() if file.name == store.METRICS else [text]
        k = int(self.draw.integers(max(1, len(lines))))
        try:
            document = json.loads(lines[k])
        except (ValueError, IndexError, RecursionError):
            return  # damaged already
        inside = document
        while isinstance(inside, (dict, list)) and inside:
            place = self.one_of(inside if isinstance(inside, dict) else range(len(inside)))
            if not isinstance(inside[place], (dict, list)) or self.draw.random() < 0.3:
                if self.draw.random() < 0.15:
                    del inside[place]
                else:
                    inside[place] = self.one_of(VALUES)
                break
            inside = inside[place]
        lines[k] = json.dumps(document)
        file.write_text("\n".join(lines) + "\n")

    def toml(self):
        (self.run() / store.CONFIG).write_text(self.one_of(TOML))

    def folder(self):
        file = self.file()
        file.unlink()
        file.mkdir()

    def loop(self):
        path = self.one_of((self.file(), self.run(), self.run().parent / "seed-9", self.run() / "deeper"))
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(self.one_of((path, path.parent, path.parent.parent, self.runs / "nowhere")))

    def nest(self):
        depth = self.one_of((50, 900, 5000))
        file = self.run() / self.one_of((store.RESULT, store.META, store.METRICS))
        file.write_text('{"command": ' * depth + '"x"' + "}" * depth + "\n")

    def rename(self):
        run = self.run()
        name = self.one_of(("seed-", "seed-x", "seed-²", "seed-007", "seed-" + "9" * 200, "7", "seed-1.old-1", "seed--1"))
        run.rename(run.with_name(name))

    def picture(self):
        (self.run() / store.PICTURES / "a.png").write_bytes(self.one_of((b"", b"GIF89a", self.draw.bytes(99), b"\x89PNG\r\n")))

    def mixed(self):
        run = self.run()
        shutil.copytree(
            run, self.runs / "wine" / self.one_of(("ga", "<img src=x onerror=alert(1)>", "\udcff", "a\nb")) / "seed-0"
        )

    def long(self):
        line = json.dumps(row(3, 0.5)) + "\n"
        (self.run() / store.METRICS).write_text(line * self.one_of((1, 1000)))

    def bare(self):
        (self.runs / self.one_of(("empty", "digits/ga/seed-8", "digits/none"))).mkdir(parents=True)


def damaged(base, tmp_path, key):
    runs = tmp_path / "runs"
    shutil.copytree(base, runs)
    vandal = Vandal(runs, key)
    harms = [vandal.strike() for _ in range(1 + key % 5)]
    return runs, harms, vandal


def whole(text):
    page = Parsed(text)
    assert page.whole
    assert {element[0] for element in page.elements} <= TAGS
    assert not any(name.startswith("on") for _, name, _ in page.values)
    assert len(page.scripts) <= 2
    assert isinstance(page.charts, dict)
    return page


@pytest.mark.parametrize("few", range(10))
def test_damaged_runs_give_a_page_or_say_in_a_line_why_not(base, tmp_path_factory, few):
    for key in range(few, CASES - COMMANDS, 10):
        folder = tmp_path_factory.mktemp("case")
        runs, harms, vandal = damaged(base, folder, key)
        at = vandal.one_of((None, None, None, ("evaluations", None), ("seconds", 1.0), ("compute", None)))
        try:
            found = compare(gather.find([], runs), at=at)
            files = report.write(found, folder / "out" / "report.html", own=True)
            assert all(map(str, found))
        except (gather.NoRuns, BadPoint) as error:
            said = str(error.args[0])
        except Exception as error:
            raise AssertionError(f"case {key}, with {', '.join(harms)}") from error
        else:
            said = "a page"
            whole(files[0].read_text(encoding="utf-8"))
            assert all(file.is_file() for file in files)
        assert "\n" not in said, (key, harms)
        assert not list(folder.glob("out/*.new"))


@pytest.mark.parametrize("key", range(CASES - COMMANDS, CASES))
def test_command_on_damaged_runs_ends_well_or_in_one_line(base, tmp_path, capsys, monkeypatch, key):
    runs, harms, vandal = damaged(base, tmp_path, key)
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "report.html").write_text("the old page")
    names = vandal.one_of(([], ["digits"], [str(runs / "digits" / "ga")], ["wine"], ["nothing"]))
    code = main(["compare", *names, "--runs", str(runs), "-o", "report.html"])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if code == 0:
        whole((tmp_path / "report.html").read_text(encoding="utf-8"))
        assert out.splitlines()[-1] == "report: report.html"
        assert err == ""
    else:
        assert code in (1, 2), harms
        assert len(err.splitlines()) == 1
        assert err.startswith("evo: ")
        assert (tmp_path / "report.html").stat().st_size == before
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize("label", ["\udcff", "\x1b[31m", "a\nb", "\u202e"])
def test_a_label_that_is_no_text_is_printed_all_the_same(tmp_path, capsys, label):
    make(tmp_path, label, 0, [row(0, 0.5)], result(0.5, [row(0, 0.5)]))
    assert main(["compare", "digits", "--runs", str(tmp_path), "-o", str(tmp_path / "report.html")]) == 0
    assert "report: " in capsys.readouterr().out
    whole((tmp_path / "report.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("value", [-1, 0, 1e308, -1e300, 1e300, 5e-324])
@pytest.mark.parametrize("place", ["test", "cost", "nonfinite", "parameters", "solved_at", "row", "columns"])
def test_a_strange_number_in_every_seed_leaves_a_page(tmp_path, place, value):
    for seed in range(5):
        rows = [row(k, 0.1 * k) for k in range(3)]
        outcome = result(0.5, rows, solved=True)
        if place == "row":
            rows[seed % 3]["evaluations"] = rows[-1]["validation"]["accuracy"] = value
        elif place == "columns":
            rows[seed % 3] |= {"nodes_mean": value, "phase_seconds": {"ask": value}, "species": {"1": value}}
        elif place == "test":
            outcome["test"]["accuracy"] = value
        elif place == "parameters":
            outcome["champion"]["parameters"] = value
        elif place == "nonfinite":
            outcome["nonfinite"] = value
        else:
            outcome[place] = {**outcome[place], "evaluations": value}
        make(tmp_path, "ga", seed, rows, outcome)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        report.write(compare(gather.find([], tmp_path)), tmp_path / "report.html", own=True)
    whole((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert not said, [str(one.message) for one in said]


def test_the_same_key_does_the_same_damage(base, tmp_path):
    contents = []
    for name in ("one", "other"):
        runs, harms, _ = damaged(base, tmp_path / name, 7)
        contents.append((harms, {str(file.relative_to(runs)): file.read_bytes() for file in runs.rglob("*") if file.is_file()}))
    assert contents[0] == contents[1]


def test_undamaged_runs_of_this_file_give_a_page(base):
    page = whole(report.page(compare(gather.find([], base))))
    assert len(page.charts) > 6
