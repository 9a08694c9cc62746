"""README's worked examples, a user's own method, scenario and environment of one short file each, do all that ours do."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from test_readme import EXAMPLES, ROOT

from evo import MLP
from evo.testing import check_algorithm, check_environment, check_learner, check_task
from scenarios.lab import load
from scenarios.lab.cli import commands, flags
from scenarios.lab.execution.execute import execute
from scenarios.lab.store import store
from scenarios.lab.study.trial import study

sys.path += [str(ROOT / "tests" / "efficacy"), str(ROOT / "tests" / "extension")]
from climber import HillClimber
from iris import IrisSettings
from iris import scenario as iris
from kill_nine import differing
from rail import RailSettings, rail
from rail import scenario as on_a_rail

FILES = sorted((ROOT / "tests" / "extension").glob("*.py"))
MINE = "climber.py:HillClimber"
PAIRS = [("xor", MINE), ("iris.py:scenario", MINE), ("rail.py:scenario", MINE), ("rail.py:scenario", "neat")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A user's folder with the three files, after the three commands that README names."""
    folder = tmp_path_factory.mktemp("project")
    for file in FILES:
        (folder / file.name).write_bytes(file.read_bytes())
    for _, command, _ in EXAMPLES:
        words = [*command.split(), "--jobs", "1"]  # a second worker would import torch, and compile what the first compiles
        done = subprocess.run(
            [sys.executable, "-m", "scenarios", *words], cwd=folder, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def evo(project, monkeypatch, capsys):
    """Runs a command line in the user's folder and gives what it prints."""
    monkeypatch.chdir(project)

    def run(line):
        assert commands.main(line.split()) == 0
        return capsys.readouterr().out

    return run


def test_readme_shows_the_files_as_they_are():
    assert {file.name: file.read_text(encoding="utf-8") for file in FILES} == {name: code for name, _, code in EXAMPLES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_short_and_imports_ours_from_the_public_names_alone(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    ours = {"evo", "baselines", "graphs", "scenarios"}
    modules = [match[1] for line in lines if (match := re.match(r"\s*(?:from|import) ([\w.]+)", line))]
    assert len(lines) <= 60
    assert {module for module in modules if module.partition(".")[0] in ours} <= {"evo", "scenarios.lab"}


def test_they_pass_the_checks_for_users():
    flowers, episodes = iris.task(IrisSettings(), MLP), on_a_rail.task(RailSettings(), MLP)
    assert check_task(flowers) + check_task(episodes) + check_environment(rail) == []
    assert check_algorithm(HillClimber) + check_learner(HillClimber) + check_learner(HillClimber, episodes) == []


@pytest.mark.parametrize(
    ("name", "labels"), [("xor", {"HillClimber", "ga"}), ("iris", {"ga", "linear"}), ("rail", {"neat", "ga"})]
)
def test_they_are_run_and_compared(project, evo, name, labels):
    assert set(re.findall(r"^(\S+) +2/2 ", evo(f"compare {name}"), re.M)) == labels
    assert f"<title>Comparison: {name}</title>" in (project / "runs" / name / "report.html").read_text(encoding="utf-8")
    with (project / "runs" / name / "table.csv").open(encoding="utf-8", newline="") as table:
        assert {row["method"] for row in csv.DictReader(table)} == labels


@pytest.mark.parametrize(("scenario", "method"), PAIRS)
def test_stopped_run_goes_on_to_the_bytes_of_an_uninterrupted_one(project, scenario, method, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    words = ["task.stop=budget"] if scenario == "xor" else []
    (spec,) = study(**flags.chosen(scenario, [method], "1", ["steps=4"], words, "cpu")).specs
    asked = iter([False, False, True])
    assert execute(spec, tmp_path / "whole") == "finished"
    assert execute(spec, tmp_path / "cut", stop=lambda: next(asked)) == "stopped"
    assert execute(spec, tmp_path / "cut") == "finished"
    whole, cut = (store.run_path(tmp_path / name, spec.name, spec.label, spec.seed) for name in ("whole", "cut"))
    assert len(store.read_rows(cut / "metrics.jsonl")) == 4
    assert differing(whole, cut) == []


def test_champion_plays_the_environment_into_a_film(project, evo):
    evo("play runs/rail/neat/seed-0 --record rail.gif")
    with Image.open(project / "rail.gif") as film:
        assert film.size == (240, 40)
        assert film.n_frames > 10


def test_environment_is_a_gymnasium_environment_with_spaces():
    environment = rail.gym()
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    assert len(environment.step(environment.action_space.sample())) == 5


def test_champion_predicts_rows_of_the_scenario(evo):
    _, _, rows = evo("play runs/iris/ga/seed-0 --rows 0-3").partition("row  predicted")
    assert [int(line.split()[0]) for line in rows.splitlines()[1:]] == [0, 1, 2, 3]


@pytest.mark.parametrize(("run", "inputs"), [("xor/HillClimber", 2), ("iris/ga", 4), ("rail/ga", 2)])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_exported_champion_gives_the_outputs_of_the_champion(project, evo, run, inputs, ending):
    evo(f"export runs/{run}/seed-0 champion.{ending}")
    path = project / f"champion.{ending}"
    tensors = torch.load(path, weights_only=True) if ending == "pt" else load_file(path)
    champion = load(Path("runs") / run / "seed-0").champion
    module = champion.to_module()
    for parameter in module.parameters():
        parameter.data.zero_()
    module.load_state_dict(tensors)
    x = torch.linspace(-1, 1, 5 * inputs).reshape(5, inputs)
    torch.testing.assert_close(module(x), champion(x))
