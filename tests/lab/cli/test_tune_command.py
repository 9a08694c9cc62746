"""`evo tune` as it is typed: workers, a table, files that `evo run` takes, one message with every mistake."""

import re
import tomllib
from pathlib import Path

import pytest

from scenarios.lab.cli import commands
from scenarios.lab.store.trials import Trials
from scenarios.lab.study import config

FAKES = Path(__file__).parents[1] / "tuning_fakes.py"
TUNE = ["tune", "xor", "-m", "random-search", "--budget", "steps=2", "--set", "random-search.population_size=5"]
QUICK = ["--trials", "3", "--seeds", "2", "--jobs", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evo(capsys, *words):
    code = commands.main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A tuning of xor with one worker: where it lies."""
    path = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        assert commands.main([*TUNE, "-m", "linear", *QUICK]) == 0
    return path / "runs" / "tune" / "xor"


def test_the_table_shows_present_settings_and_the_best_trial_of_each_label(capsys, tuned, monkeypatch):
    monkeypatch.chdir(tuned.parents[2])
    code, out, err = evo(capsys, *TUNE, "-m", "linear", *QUICK)  # everything is done
    assert code == 0
    assert "0 are done" not in err
    assert re.search(r"label +metric +present settings +best trial +trial", out)
    assert len(re.findall(r"(?m)^(random-search|linear) +xor accuracy +\S+ \[.*\] +\d$", out)) == 2
    assert len(re.findall(r"(?m)^(random-search|linear): 3 of 3 trials; ", out)) == 2
    assert "seeds 1000-1001" in out
    assert "best settings: evo run runs/tune/xor/xor.toml" in out


def test_no_line_is_longer_than_the_terminal_is_wide(capsys, tuned, monkeypatch):
    monkeypatch.chdir(tuned.parents[2])
    monkeypatch.setenv("COLUMNS", "60")
    out = evo(capsys, *TUNE, "-m", "linear", *QUICK)[1]
    assert max(map(len, out.splitlines())) <= 60


def test_a_table_is_read_as_run_reads_it(capsys, folder):
    lines = "".join(f"{k},5;{'unknown' if k % 9 == 0 else k};{k % 2}\n" for k in range(40))
    (folder / "table.csv").write_text("a;b;y\n" + lines)
    told = ["--target", "y", "--sep", ";", "--decimal", ",", "--missing", "unknown"]
    code, _, err = evo(capsys, "tune", "table.csv", *told, "-m", "linear", "--trials", "1", "--seeds", "1", "--jobs", "1")
    assert code == 0, err
    document = tomllib.loads(next((folder / "runs" / "tune").glob("*/*.toml")).read_text())
    assert {name: document["task"][name] for name in ("sep", "decimal", "missing")} == {
        "sep": ";",
        "decimal": ",",
        "missing": ["unknown"],
    }


def test_the_file_of_settings_is_taken_by_run(tuned):
    document = tomllib.loads((tuned / "xor.toml").read_text())
    study = config.study(document)
    assert [(spec.label, spec.seed) for spec in study.specs] == [(m, s) for m in ("random-search", "linear") for s in range(10)]
    assert study.specs[0].budget == {"steps": 2}
    assert study.specs[0].settings["population_size"] == 5
    with Trials(tuned) as trials:
        tried = {key[1]: row["settings"]["initial_scale"] for key, row in trials.rows.items() if key[0] == "random-search"}
    assert study.specs[0].settings["initial_scale"] in tried.values()
    assert len(set(tried.values())) == 3


def test_all_mistakes_stand_in_one_message(capsys):
    words = ["tune", "xor", "-m", "ga", "--seeds", "0,1", "--sampler", "tpee", "--budget", "steps=-1", "--set", "ga.elits=2"]
    code, out, err = evo(capsys, *words)
    assert (code, out) == (2, "")
    for part in (
        "4 mistakes",
        "--sampler: expected random or tpe; got 'tpee' (did you mean 'tpe'?)",
        "from 1000",
        "budget.steps",
    ):
        assert part in err
    assert "ga.elits: unknown key (did you mean 'elites'?)" in err
    assert not Path("runs").exists()


def test_unknown_names_of_several_scenarios_are_said_before_anything_is_imported(capsys, monkeypatch):
    monkeypatch.setattr(commands.sys.modules["scenarios.lab.cli.tune"], "_tuned", None)
    code, _, err = evo(capsys, "tune", "xro", "xor", "xro", "wien", "-m", "gaa")
    assert code == 2
    assert err.startswith("evo: 5 mistakes:\n  xro: unknown scenario 'xro' (did you mean 'xor'?)")
    assert "\n  xor: unknown method 'gaa'" in err
    assert "\n  wien: unknown scenario 'wien' (did you mean 'wine'?)" in err


def test_other_trials_are_refused_and_restart_renames_them(capsys, tuned, monkeypatch):
    monkeypatch.chdir(tuned.parents[2])
    words = ["tune", "xor", "-m", "linear", "--budget", "steps=1", *QUICK]
    code, _, err = evo(capsys, *words, "--seeds", "1", "--trials", "1")
    assert code == 2
    assert "budget: stored {'steps': 2}, now {'steps': 1}" in err
    assert "--restart" in err
    assert not tuned.with_name("xor.old-1").exists()
    code, _, err = evo(capsys, *words, "--seeds", "1", "--trials", "1", "--restart")
    assert code == 0
    assert "the previous trials were renamed runs/tune/xor.old-1" in err
    assert (tuned.with_name("xor.old-1") / "trials.jsonl").exists()


def test_show_prints_what_is_searched(capsys):
    shown = evo(capsys, "show", "xor", "-m", "random-search")[1]
    assert "evo tune searches 0.3 to 10, logarithmic" in shown.replace("\n# ", " ")
