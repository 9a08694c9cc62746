"""What a user types: one-line errors with the closest match, exit codes, and the same words from every side."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter

import pytest
import torch

from scenarios import METHODS, SCENARIOS
from scenarios.lab.cli import commands, flags, kept, listing
from scenarios.lab.execution.runner import Workers
from scenarios.lab.store import store
from scenarios.lab.store.runs import find_runs
from scenarios.lab.study import config
from scenarios.lab.study.problems import ConfigError

QUICK = ["-m", "random-search", "--budget", "steps=2", "--set", "random-search.population_size=5"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evo(capsys, *words):
    code = commands.main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def process(*words, **options):
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which the command line has run two seeds of xor; and what it said."""
    path = tmp_path_factory.mktemp("finished")
    done = process("-m", "scenarios", "run", "xor", "--seeds", "2", *QUICK, cwd=path)
    assert done.returncode == 0, done.stderr
    return path, done


def test_help_imports_neither_torch_nor_numpy():
    for words in (["--help"], [], ["run", "--help"], ["list", "--help"]):
        code = f"import sys; from scenarios.lab.cli.commands import main; main({words}); print(*sys.modules)"
        done = process("-c", code)
        assert "evo" in done.stdout
        assert not {"torch", "numpy", "rich"} & set(done.stdout.split()), words


def test_what_only_reads_or_starts_workers_imports_no_torch(finished):
    """`run` too: its worker does. `show` does once."""
    commands.main(["show", "xor", "-m", "ga"])
    lines = [
        "list runs",
        "show xor -m ga --seeds 3",
        "show xor -m ga --set ga.population_size=50 --set model.hidden=[3]",
        "compare xor",
        "plot xor",
        "run xro",
        f"run xor --seeds 2 {' '.join(QUICK)}",
        f"tune xor --trials 2 --seeds 1 --jobs 1 {' '.join(QUICK)}",
    ]
    for words in [line.split() for line in lines]:
        code = f"import sys; from scenarios.lab.cli.commands import main; main({words}); print(*sys.modules)"
        done = process("-c", code, cwd=finished[0])
        assert done.returncode == 0, done.stderr
        assert not {"torch", "scipy", "sklearn", "matplotlib"} & set(done.stdout.splitlines()[-1].split()), words


def test_list_and_show_of_our_own_are_kept_until_a_source_file_or_a_library_changes(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = evo(capsys, "show", "xor", "-m", "ga")
    monkeypatch.setattr(listing, "described", lambda **asked: ({"seeds": [7], "budget": {"steps": 1}, "learners": {}}, {}, {}))
    assert evo(capsys, "show", "xor", "-m", "ga") == first
    assert evo(capsys, "show", "xor", "-m", "ga", "--seeds", "1") == first
    assert evo(capsys, "show", "xor", "-m", "ga", "--device", "cpu") == (0, first[1].replace('"auto"', '"cpu"', 1), "")
    monkeypatch.setattr(kept, "LIBRARIES", ("numpy",))
    assert "seeds = [7]" in evo(capsys, "show", "xor", "-m", "ga")[1]


@pytest.mark.parametrize("methods", [(), ("ga", "linear")])
@pytest.mark.parametrize(
    ("typed", "laid"),
    [
        ({}, True),
        ({"seeds": "3"}, True),
        ({"seeds": "7,", "budget": ["seconds=1e3", "steps=5"], "device": "cpu"}, True),
        ({"seeds": "4,9", "budget": ["compute=5e9", "samples=none"], "device": "auto"}, True),
        ({"budget": ["steps=none"]}, False),
        ({"seeds": "0", "budget": ["step=3", "steps=0"]}, False),
        ({"seeds": "3,3", "device": "cdua", "budget": ["steps"]}, False),
        ({"device": "cuda"}, False),
        ({"sets": ["task.metric=macro_f1", "model.hidden=[8, 4]", "run.threads=none"]}, True),
        ({"sets": ["ga.population_size=50", "ga.elites=49", "ga.mutation_std=1e-2", "linear.C=2"], "seeds": "2"}, True),
        ({"sets": ["ga.population_size=50", "ga.elites=50"]}, False),
        ({"sets": ["ga.elites=x"]}, False),
        ({"sets": ["ga.elits=2"]}, False),
        ({"sets": ["model.network=cnn"]}, False),
        ({"sets": ["ga.model.hidden=[3]"]}, False),
        ({"sets": ["ga.elites"]}, False),
    ],
)
def test_settings_seeds_budget_and_device_laid_over_what_is_kept_are_what_the_configuration_gives(methods, typed, laid):
    asked = flags.chosen("digits", methods, **typed)
    found = listing.kept_over("digits", methods, asked)
    assert found == (listing.commented(**asked) if laid else None)


def test_nothing_is_kept_of_a_scenario_whose_library_is_not_there(monkeypatch, tmp_path):
    """What it lacks is said together with every other mistake."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def described(**asked):
        raise ConfigError(["no library"])

    monkeypatch.setattr(listing, "described", described)
    assert listing.kept_over("mnist", ["svm"], flags.chosen("mnist", ["svm"], seeds="0")) is None


def test_a_configuration_that_kills_its_worker_is_an_error_in_one_line(capsys, folder):
    (folder / "mine.py").write_text("import os\nos._exit(7)\n")
    code, out, err = evo(capsys, "run", "mine.py:scenario")
    assert (code, out) == (2, "")
    assert err == "evo: the configuration could not be tried: its worker process exited with code 7\n"


def test_evo_alone_leads_to_the_first_run(capsys):
    code, out, _ = evo(capsys)
    assert code == 0
    assert "evo run xor" in out
    assert len(out.splitlines()) <= 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["digits"], "Did you mean 'evo run digits'?"),
        (["frobnicate"], "No such command 'frobnicate'."),
        (["run", "xor", "--sed", "3"], "no such option: --sed (did you mean '--seeds'?)"),
        (["run", "xor", "--seeds"], "Option '--seeds' requires an argument."),
        (["run", "xor", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["run", "xor", "--jobs", "two"], "Invalid value for '--jobs'"),
        (["run"], "Missing argument"),
        (["list", "runs", "wine"], "unexpected extra argument"),
        (["run", "xor", "-m", "ga", "neat"], "scenario 'neat': it is a method: -m neat"),
        (["run", "xor", "cartpole", "-m", "linear"], "cartpole: linear: the method does not support this task"),
        (["run", "xro"], "unknown scenario 'xro' (did you mean 'xor'?)"),
        (["show", "xor", "-m", "gaa"], "unknown method 'gaa' (did you mean 'ga'?)"),
        (["show", "xor", "-m", "sklearn:Ridg"], "(did you mean 'Ridge'?)"),
        (["show", "xor", "--budget", "step=3"], "budget.step: unknown key (did you mean 'steps'?)"),
        (["show", "xor", "--set", "ga.elitse=3"], "ga.elitse: unknown key (did you mean 'elites'?)"),
        (["show", "xor", "--set", "ga.pop_size=3"], "ga.pop_size: unknown key (did you mean 'population_size'?)"),
        (["show", "xor", "--device", "cdua"], "got 'cdua' (did you mean 'cuda'?)"),
        (["show", "nothing.toml"], "nothing.toml: No such file or directory"),
        (["show", "nothing.py:x"], "no file nothing.py"),
        (["run", "nothing.csv"], "a table needs its column: nothing.csv --target COLUMN"),
        (["show", "nothing.csv", "--target", "y"], "nothing.csv: No such file"),
        (["show", "xor", "--target", "y"], "--target: applies to a table only"),
        (["show", "xor", "--task", "regression"], "--task: applies to a table only"),
        (["show", "xor", "--sep", ";"], "--sep: applies to a table only; needs --target COLUMN"),
        (["show", "t.csv", "--target", "y", "--task", "regresion"], "(did you mean 'regression'?)"),
        (["run", "cartpole", "-m", "linear"], "linear: the method does not support this task: it is fitted to examples"),
        (["list", "rnus"], "(did you mean 'runs'?)"),
        (["compare", "digits"], "no runs of 'digits'"),
    ],
)
def test_usage_error_is_one_line_with_the_closest_match_and_code_2(capsys, words, message):
    code, out, err = evo(capsys, *words)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("evo: ")
    assert len(err.splitlines()) == (1 if "regresion" not in words else 3)


@pytest.mark.parametrize(
    ("typed", "mistakes"),
    [
        ({"reading": {"sep": ",", "decimal": "", "missing": []}}, ["--sep: applies to a table only; needs --target COLUMN"]),
        ({"kind": "regression"}, ["--task: applies to a table only; needs --target COLUMN"]),
        ({"target": "y", "methods": ["gaa"]}, ["--target: applies to a table only", "unknown method 'gaa'"]),
    ],
)
def test_an_option_that_does_not_apply_is_said_before_anything_is_imported(typed, mistakes):
    with pytest.raises(ConfigError) as raised:
        flags.chosen("xor", **typed)
    assert [problem[: len(known)] for problem, known in zip(raised.value.problems, mistakes, strict=True)] == mistakes


def test_several_mistakes_come_together_and_nothing_starts(capsys, folder):
    code, _, err = evo(capsys, "run", "xor", "-m", "ga", "--seeds", "x", "--budget", "steps=0", "--set", "ga.elites=-1")
    assert code == 2
    assert err.startswith("evo: 3 mistakes:\n")
    assert list(folder.iterdir()) == []


def test_missing_cuda_is_a_clear_error_before_anything_starts(capsys, folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    for command in (["show", "xor"], ["run", "cartpole", "-m", "neat", "-m", "ga"], ["devices"]):
        code, out, err = evo(capsys, *command, "--device", "cuda")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert re.fullmatch(r"evo: device: torch \S+ finds no CUDA device: .+; use cpu or auto\n", err)
    assert list(folder.iterdir()) == []


def test_list_has_a_line_for_everything_and_says_what_does_not_fit(capsys, monkeypatch):
    monkeypatch.setenv("EVO_DATA", "/nowhere")  # a download would fail
    code, out, _ = evo(capsys, "list")
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert code == 0
    assert "ga-nsga2" not in lines
    assert {*SCENARIOS, *(name for name in METHODS if not name.endswith(":"))} <= set(lines)
    assert re.search(r"digits +classification +1x8x8 +10 +accuracy +1,0\d\d \+ 3\d\d \+ 3\d\d", lines["digits"])
    assert re.search(r"xor +probability +2 +1 +accuracy +4 ", lines["xor"])
    assert re.search(r"mnist +classification +1x28x28 +10 +accuracy +50,000 \+ 10,000 \+ 10,000 .*downloaded", lines["mnist"])
    assert re.search(r"backprop is unsupported: .*\(.*cartpole.*\)", out)
    assert "?" not in out


@pytest.mark.parametrize("words", [["list"], ["list", "runs"], ["show", "digits", "-m", "ga"], ["compare", "xor"]], ids=str)
def test_at_80_columns_lines_are_broken_between_words_and_nothing_is_left_out(finished, capsys, monkeypatch, words):
    monkeypatch.chdir(finished[0])
    wide = evo(capsys, *words)
    monkeypatch.setenv("COLUMNS", "80")
    narrow = evo(capsys, *words)
    said = lambda text: Counter(word for line in text.splitlines() for word in line.removeprefix("#").split())
    assert max(map(len, wide[1].splitlines())) > 80 >= max(map(len, narrow[1].splitlines())) or words[-1] == "runs"
    assert not said(wide[1]) - said(narrow[1])
    assert said(narrow[1]) - said(wide[1]) == (Counter(["method", "random-search"]) if words[0] == "compare" else {})


def test_facts_of_a_download_are_those_of_its_task(monkeypatch):
    import numpy as np

    from scenarios import datasets, linear_float, mnist
    from scenarios.lab.cli import listing
    from scenarios.lab.study.problems import Checks

    pictures = np.random.default_rng(0).integers(0, 255, (60_000, 28, 28), np.uint8)
    labels = np.arange(60_000, dtype=np.uint8) % 10
    monkeypatch.setattr(datasets.Pictures, "load", lambda self: (pictures, labels, pictures[:10_000], labels[:10_000]))
    for scenario in (mnist.scenario, linear_float.scenario):
        assert listing.facts(Checks().default_task(scenario)) == scenario.facts


def test_shown_configuration_can_be_pasted_and_run(capsys, folder):
    code, out, _ = evo(capsys, "show", "xor", *QUICK, "--seeds", "7,")
    assert code == 0
    (folder / "mine.toml").write_text(out)
    assert evo(capsys, "show", "mine.toml")[1] == out
    assert tomllib.loads(out)["seeds"] == [7]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_line_of_settings_that_show_prints_is_taken_as_it_is(name):
    every = [method for method in METHODS if not method.endswith(":")] if name == "xor" else []
    first = flags.chosen(name, every)
    text, place, lines = listing.commented(**first), "", {"": [], "budget": []}
    for line in filter(None, text.splitlines()):
        if line.startswith("["):
            place = line.strip("[]").removeprefix("learners.")
        elif not line.startswith("#"):
            lines["budget" if place == "budget" else ""].append(line if place == "budget" else f"{place}.{line}")
    again = flags.chosen(name, every, "", lines["budget"], [line for line in lines[""] if not line.startswith(".")])
    assert config.study(**again).document() == config.study(**first).document()


def test_run_ends_in_a_table_on_standard_output_and_progress_elsewhere(finished):
    path, done = finished
    lines = done.stdout.splitlines()
    assert lines[0] == "xor"
    assert lines[2].split()[:2] == ["random-search", "2/2"]
    assert "xor: exclusive or" in done.stderr
    assert "random-search seed-1" in done.stderr
    assert "\x1b" not in done.stderr
    assert len(find_runs(path / "runs")) == 2


def test_compare_prints_the_same_table_again(finished, capsys, tmp_path):
    path, done = finished
    runs = str(path / "runs")
    table = done.stdout.partition("report: ")[0]
    anywhere = ("-o", str(tmp_path / "page.html"))
    assert evo(capsys, "compare", "xor", "--runs", runs) == (0, f"{table}report: {runs}/xor/report.html\n", "")
    assert evo(capsys, "compare", "--runs", runs)[1] == f"{table}report: {runs}/report.html\n"
    one = evo(capsys, "compare", f"{runs}/xor/random-search", "--runs", "elsewhere", *anywhere)
    assert one == (0, f"{table}report: {tmp_path}/page.html\n", "")
    tables = {"table.csv", "per-seed.csv", "table.tex", "comparison.json"}  # named after the page: a user may have a table.csv
    assert {each.name for each in tmp_path.iterdir()} == {"page.html", *(f"page-{name}" for name in tables)}
    assert tables <= {each.name for each in (path / "runs" / "xor").iterdir()}


def test_a_run_ends_in_the_path_of_its_report(finished):
    path, done = finished
    assert done.stdout.endswith("report: runs/xor/report.html\n")
    assert (path / "runs" / "xor" / "report.html").is_file()


def test_compare_at_a_budget_is_by_validation(finished, capsys, tmp_path):
    runs, page = str(finished[0] / "runs"), str(tmp_path / "page.html")
    _, out, _ = evo(capsys, "compare", "xor", "--runs", runs, "--at", "evaluations=10", "-o", page)
    assert "training accuracy at 10 evaluations" in out
    before = (finished[0] / "runs" / "xor" / "report.html").read_bytes()
    _, out, _ = evo(capsys, "compare", "xor", "--runs", runs, "--at", "evaluations=10")
    assert out.endswith("report-at-evaluations-10.html\n")
    assert (finished[0] / "runs" / "xor" / "report.html").read_bytes() == before


def test_several_scenarios_run_one_after_another_with_a_report_each(capsys, folder):
    """A mistake in one starts none; a failure in one stops no other and gives code 1."""
    words = ["-m", "random-search", "-m", "mine.py:Weak", "--budget", "steps=1", "--set", "random-search.population_size=5"]
    words += ["--jobs", "1"]
    (folder / "mine.py").write_text(
        "from baselines.random_search import RandomSearch\n"
        "class Weak(RandomSearch):\n"
        "    def tell(self, evaluation):\n"
        "        assert len(self.encoding.centre) < 20, 'too large'\n"
        "        super().tell(evaluation)\n"
    )
    code, out, err = evo(capsys, "run", "xor", "wine", *words, "--set", "task.batch_size=3")
    assert (code, out) == (2, "")
    assert "xor: task.batch_size: unknown key" in err
    assert not (folder / "runs").exists()
    code, out, err = evo(capsys, "run", "xor", "wine", *words, "--set", "Weak.population_size=5")
    assert code == 1
    assert "Traceback" not in err
    lines = out.splitlines()
    assert lines.index("report: runs/xor/report.html") < lines.index("wine") < lines.index("report: runs/wine/report.html")
    assert re.search(r"Weak +1/1 ", out[: out.index("\nwine\n")])
    assert re.search(r"Weak +0/1, 1 failed", out[out.index("\nwine\n") :])
    (status, *_) = find_runs("runs")
    assert status.command.startswith("evo run xor wine -m random-search")


def test_compare_and_plot_by_label_and_metric(finished, capsys, tmp_path):
    runs = ["--runs", str(finished[0] / "runs")]
    page = (finished[0] / "runs" / "xor" / "report.html").read_bytes()
    code, out, _ = evo(capsys, "compare", "xor", "-m", "random-search", "--metric", "cross_entropy", *runs)
    assert code == 0
    assert "training cross_entropy" in out
    assert out.endswith("xor/report-random-search-by-cross_entropy.html\n")
    assert (finished[0] / "runs" / "xor" / "report.html").read_bytes() == page
    words = ["--metric", "cross_entropy", "--axis", "generations", "--title", "A title", "--size", "300x200"]
    assert evo(capsys, "plot", "xor", *runs, *words, "-o", "x.svg") == (0, "x.svg\n", "")
    text = (tmp_path / "x.svg").read_text()
    for part in ("A title", "generations", "training cross_entropy"):
        assert f">{part}</text>" in text
    assert "--axis steps" not in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["compare", "xor", "--at", "second=3"], "did you mean 'seconds'"),
        (["compare", "xor", "--at", "seconds=x"], "expected a positive number"),
        (["compare", "xor", "-o", "page.pdf"], "expected a name that ends in .html"),
        (["compare", "xo"], "did you mean 'xor'"),
        (["plot", "xor", "-o", "curves.svgg"], "did you mean 'svg'"),
        (["plot", "xor", "--axis", "evals"], "expected one of evaluations"),
        (["plot", "nothing"], "no runs of 'nothing'"),
        (["plot", "xor", "--size", "big"], "--size: expected WIDTHxHEIGHT in pixels, such as 640x360; got 'big'"),
        (["plot", "xor", "-m", "random"], "no runs of the label 'random' (did you mean 'random-search'?)"),
        (["compare", "xor", "--metric", "accurracy"], "did you mean 'accuracy'"),
        (["compare", "xor", "--metric", "macro_f1"], "--metric: xor has absolute_error, accuracy, cross_entropy, fitness"),
        (["play", "runs/nothing"], "is no run directory"),
        (["export", "runs/nothing", "x.pt"], "is no run directory"),
        (["export", "runs/xor/random-search/seed-0", "x.pth"], "did you mean '.pt'"),
        (["watch", "--port", "70000"], "65535"),
    ],
)
def test_bad_input_is_one_clear_line(finished, capsys, monkeypatch, line, said):
    monkeypatch.chdir(finished[0])
    before = sorted(finished[0].rglob("*"))
    code, out, err = evo(capsys, *line)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert sorted(finished[0].rglob("*")) == before


def test_plot_and_export_and_play_do_what_they_say(finished, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(finished[0])
    run = "runs/xor/random-search/seed-0"
    assert evo(capsys, "plot", "xor", "-o", str(tmp_path / "curves.png")) == (0, f"{tmp_path}/curves.png\n", "")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert evo(capsys, "export", run, str(tmp_path / "x.pt")) == (0, f"{tmp_path}/x.pt\n", "")
    assert sum(value.numel() for value in torch.load(tmp_path / "x.pt", weights_only=True).values()) == 17
    code, out, _ = evo(capsys, "play", run, "--rows", "0-3")
    assert code == 0
    assert len(out.splitlines()) >= 5


def test_a_page_that_cannot_be_written_is_said_and_the_runs_are_kept(finished, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, out, err = evo(capsys, "compare", "xor", "--runs", str(finished[0] / "runs"), "-o", str(tmp_path / "file" / "x.html"))
    assert (code, "cannot write" in err) == (1, True)
    assert "random-search" in out


def test_list_runs_tells_how_each_stands(finished, capsys):
    _, out, _ = evo(capsys, "list", "runs", "--runs", str(finished[0] / "runs"))
    assert re.search(r"xor/random-search/seed-1 +finished +2 steps", out)
    assert "no runs in" in evo(capsys, "list", "runs")[1]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("result.json", "garbage", "result.json is damaged: Expecting value"),
        ("result.json", '{"steps": 2', "result.json is damaged: Expecting"),
        ("result.json", "{}", "result.json is damaged: stopped_by: expected a string; got null"),
        ("metrics.jsonl", "", "metrics.jsonl is damaged: expected 2 rows, one a step; got 0"),
        ("config.toml", "", "config.toml is damaged: it is empty"),
    ],
)
def test_list_runs_says_of_a_damaged_run_that_it_is_damaged(finished, capsys, tmp_path, name, content, said):
    shutil.copytree(finished[0] / "runs", tmp_path / "runs")
    (tmp_path / "runs" / "xor" / "random-search" / "seed-1" / name).write_text(content)
    code, out, err = evo(capsys, "list", "runs")
    assert code == 1
    assert re.search(r"seed-0 +finished +2 steps", out)
    assert re.search(r"seed-1 +damaged", out)
    assert said in err
    assert len(err.splitlines()) == 1


def test_stored_configuration_runs_again_and_finds_its_run_finished(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished[0])
    code, out, err = evo(capsys, "run", "runs/xor/random-search/seed-1/config.toml")
    assert code == 0
    assert "1/1" in out
    assert "already finished" in err


def test_changed_setting_is_refused_and_named(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished[0])
    code, _, err = evo(capsys, "run", "xor", *QUICK[:-1], "random-search.population_size=6")
    assert code == 2
    assert "random-search.population_size: stored 5, now 6" in err


def test_table_of_a_users_own_says_what_was_inferred_and_runs_in_a_worker(capsys, folder):
    rows = "".join(f"{k % 7},{'red' if k % 2 else 'blue'},{k % 2}\n" for k in range(60))
    (folder / "mine.csv").write_text("number,colour,label\n" + rows)
    words = ["run", "mine.csv", "--target", "label", "--task", "classification", "-m", "linear"]
    code, out, err = evo(capsys, *words)
    assert code == 0, err
    assert "60 rows" in err
    assert "1/1" in out
    assert evo(capsys, *words)[1] == out
    (status,) = find_runs("runs")
    assert status.command == "evo run mine.csv -m linear --target label --task classification"
    assert store.read_config(status.path)["scenario"] == "mine.csv::label::classification"


def test_failed_run_gives_code_1_and_stops_no_other(capsys, folder):
    (folder / "mine.py").write_text(
        "from baselines.random_search import RandomSearch\n"
        "class Weak(RandomSearch):\n"
        "    def tell(self, evaluation):\n"
        "        raise ValueError('too tired')\n"
    )
    code, out, err = evo(capsys, "run", "xor", "-m", "mine.py:Weak", *QUICK, "--jobs", "1")
    assert code == 1
    assert re.search(r"random-search +1/1", out)
    assert re.search(r"Weak +0/1, 1 failed", out)
    assert "error.txt" in out
    assert "too tired" in err


def test_scenario_file_is_a_script(folder):
    done = process("-m", "scenarios.xor", "--seeds", "0")
    assert done.returncode == 2
    assert "evo: seeds: expected" in done.stderr


def test_folder_that_hides_ours_is_one_clear_line(folder):
    (folder / "graphs").mkdir()
    (folder / "graphs" / "__init__.py").write_text("")
    done = process("-m", "scenarios", "list")
    assert done.returncode == 2
    assert "hides neuroevo's package 'graphs': rename it" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be sent Ctrl-C alone")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_save_and_say_what_continues(folder, capsys, number, expected):
    """SIGTERM as a scheduler sends it: to every process of the job."""
    words = ["run", "xor", "-m", "random-search", "--budget", "seconds=100", "--set", "task.stop=budget"]
    running = subprocess.Popen(
        [sys.executable, "-m", "scenarios", *words], stdout=-1, stderr=-1, text=True, start_new_session=True
    )
    metrics = folder / "runs/xor/random-search/seed-0/metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.is_file() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == expected
    assert "Traceback" not in err
    command = "evo run xor -m random-search --budget seconds=100 --set task.stop=budget"
    assert f"continue with: {command}" in err
    assert "seed 0 stopped after" in out
    listed = evo(capsys, "list", "runs")[1]
    assert re.search(rf"xor/random-search/seed-0 +stopped +[\d,]+ steps? +{re.escape(command)}", listed)


@pytest.mark.parametrize("interrupt", [signal.default_int_handler, signal.SIG_IGN])  # ignored: in a shell's background
def test_sigterm_before_the_runs_says_what_continues(monkeypatch, capsys, interrupt):
    monkeypatch.setattr(flags, "chosen", lambda *arguments: signal.raise_signal(signal.SIGTERM))
    before, held = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGINT, interrupt)
    assert evo(capsys, "run", "xor", *QUICK[:2]) == (143, "", "stopped at once; continue with: evo run xor -m random-search\n")
    assert signal.getsignal(signal.SIGTERM) is before
    signal.signal(signal.SIGINT, held)


def test_command_that_continues_leaves_restart_out_and_quotes(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(Workers, "ask", lambda workers, what, *, command, **asked: seen.append(command) or 1 / 0)
    words = ["run", "a b.csv", "--target", "the column", "--restart", "--seeds", "7,", "--jobs", "2", "--runs", "else where"]
    with pytest.raises(ZeroDivisionError):
        commands.main(words)
    assert seen == ["evo run 'a b.csv' --seeds 7, --target 'the column' --jobs 2 --runs 'else where'"]


def test_interrupt_before_the_runs_or_a_second_one_says_what_continues(monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(flags, "chosen", interrupted)
    assert evo(capsys, "run", "xor", *QUICK[:2]) == (130, "", "stopped at once; continue with: evo run xor -m random-search\n")


def test_only_a_missing_run_is_a_mistake_of_the_user(monkeypatch, capsys):
    from scenarios.lab.report import gather

    code, _, err = evo(capsys, "compare", "xor")
    assert (code, "no runs of 'xor'" in err) == (2, True)
    monkeypatch.setattr(gather, "find", lambda *arguments: {}["a fault of ours"])
    with pytest.raises(KeyError):
        commands.main(["compare"])
