"""A disk that refuses: no right to read or write, a full one, a folder that is a file. One line names it, on every command."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.lab import load
from scenarios.lab.cli import commands, watch
from scenarios.lab.report import gather
from scenarios.lab.store import store
from scenarios.lab.study import resolve

ONE = "runs/xor/random-search/seed-0"
LABEL, SCENARIO, ALL = "runs/xor/random-search", "runs/xor", "runs"
QUICK = ["-m", "random-search", "--budget", "steps=2", "--set", "random-search.population_size=5"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished")
    before = Path.cwd()
    os.chdir(path)
    try:
        assert commands.main(["run", "xor", *QUICK]) == 0
    finally:
        os.chdir(before)
    return path


@pytest.fixture(autouse=True)
def folder(finished, tmp_path, monkeypatch):
    shutil.copytree(finished / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for path in (tmp_path, *tmp_path.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)


def evo(capsys, *words):
    code = commands.main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(path):
    Path(path).chmod(0)
    return "Permission denied"


def filed(path):
    shutil.rmtree(path)
    Path(path).write_text("")
    return "Not a directory"


@pytest.mark.parametrize("line", ["list runs", "compare", "compare xor", f"compare {ONE}", "plot xor"])
@pytest.mark.parametrize("place", [ALL, SCENARIO, LABEL, ONE])
@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_may_not_be_read_is_named_and_never_called_empty(capsys, line, place):
    refused(place)
    code, out, err = evo(capsys, *line.split())
    assert (code, out) == (1, "")
    assert err.startswith(f"evo: cannot read {place}")
    assert err.endswith(": Permission denied\n")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("place", ["runs/other", "runs/other/ga", "runs/other/ga/seed-0"])
@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_may_not_be_read_stops_no_other_run(capsys, place):
    shutil.copytree(ONE, "runs/other/ga/seed-0")
    shutil.copytree(ONE, "runs/\x1b[31m/ga/seed-0")
    refused(place)
    code, out, err = evo(capsys, "list", "runs")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()[1:]] == [r"\x1b[31m/ga/seed-0", "xor/random-search/seed-0"]
    assert err.startswith(f"evo: cannot read {place}")
    assert err.endswith(": Permission denied; left out\n")
    assert evo(capsys, "compare", "xor")[0] == 0
    assert "did you mean 'xor'" in evo(capsys, "compare", "xorr")[2]
    code, out, err = evo(capsys, "run", "xor", *QUICK)
    assert (code, "no report" in out + err) == (0, False)


@pytest.mark.parametrize("line", ["list runs", "compare", "compare xor"])
def test_a_file_in_the_place_of_the_runs_is_named(capsys, line):
    filed(ALL)
    assert evo(capsys, *line.split()) == (1, "", "evo: cannot read runs: Not a directory\n")


@pytest.mark.parametrize("place", [ALL, SCENARIO, LABEL, ONE, f"{ONE}/config.toml"])
@pytest.mark.usefixtures("unprivileged")
def test_a_stored_run_that_may_not_be_read_is_not_run_over(capsys, place):
    refused(place)
    code, out, err = evo(capsys, "run", "xor", *QUICK)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"evo: cannot read {ONE}")
    assert "Traceback" not in err


@pytest.mark.parametrize("line", [f"play {ONE} --rows 0", f"export {ONE} x.pt"])
@pytest.mark.parametrize("place", [ALL, ONE, f"{ONE}/config.toml", f"{ONE}/champion.safetensors"])
@pytest.mark.usefixtures("unprivileged")
def test_a_champion_that_may_not_be_read_is_named(capsys, line, place):
    refused(place)
    code, out, err = evo(capsys, *line.split())
    assert (code, out) == (2, "")
    assert err.startswith("evo: ")
    assert place in err
    assert "Permission denied" in err
    assert len(err.splitlines()) == 1


def test_a_champion_that_is_a_folder_is_named(capsys):
    Path(ONE, "champion.safetensors").unlink()
    Path(ONE, "champion.safetensors").mkdir()
    assert evo(capsys, "play", ONE) == (2, "", f"evo: cannot read {ONE}/champion.safetensors: Is a directory\n")


@pytest.mark.usefixtures("unprivileged")
def test_parts_that_may_not_be_read_are_named_and_the_rest_is_compared(capsys):
    for name in ("result.json", "metrics.jsonl"):
        refused(f"{ONE}/{name}")
        code, out, err = evo(capsys, "compare", "xor", "-o", "page.html")
        assert (code, err) == (0, "")
        assert f"{name}: Permission denied" in out
        Path(ONE, name).chmod(0o600)


def test_an_emptied_configuration_is_named(capsys):
    Path(ONE, "config.toml").write_text("")
    file = f"{ONE}/config.toml"
    assert evo(capsys, "play", ONE)[2] == f"evo: {file} is damaged: it is empty\n"
    assert evo(capsys, "run", file)[2].startswith(f"evo: {file}: scenario: missing")
    assert f"{ONE} holds a run with other settings: the stored config.toml is empty" in evo(capsys, "run", "xor", *QUICK)[2]
    assert "config.toml is damaged: it is empty" in evo(capsys, "compare", "xor")[1]
    Path(file).write_text("seeds = 1\n")
    assert evo(capsys, "play", ONE)[2].startswith(f"evo: {file}: scenario: missing")


def test_a_run_killed_before_its_first_row_misses_no_file(capsys):
    for name in ("metrics.jsonl", "result.json", "checkpoint.pt", "checkpoint.previous.pt"):
        Path(ONE, name).unlink()
    (series,) = gather.gather([Path(ONE)])["xor"]
    assert (series.seeds[0].rows, series.seeds[0].fault) == ([], None)
    out = evo(capsys, "compare", "xor")[1]
    assert "metrics.jsonl" not in out
    assert "random-search: seed 0 stopped after 0 steps; continue with: evo run xor" in out


@pytest.mark.usefixtures("unprivileged")
def test_files_of_a_user_that_may_not_be_read_are_named(capsys, folder):
    (folder / "locked").mkdir()
    (folder / "locked" / "mine.py").write_text("")
    refused("locked")
    for words, message in (
        (["show", "locked/inner/mine.toml"], "locked/inner/mine.toml: Permission denied"),
        (["show", "locked/mine.py:scenario"], f"scenario {folder}/locked/mine.py: Permission denied"),
        (["compare", "xor", "-o", "locked/page.html"], "cannot write locked"),
        (["plot", "xor", "-o", "locked/curves.svg"], "cannot write locked/curves.svg"),
        (["export", ONE, "locked/inner/x.pt"], "locked/inner: Permission denied"),
    ):
        code, _, err = evo(capsys, *words)
        assert code in (1, 2)
        assert message in err
        assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("unprivileged")
def test_the_live_page_says_what_it_cannot_read_and_waits(folder):
    page = watch.Watch([], folder / "runs")
    refused(SCENARIO)
    assert "Permission denied" in page.state()
    assert "Permission denied" in page.page()


@pytest.mark.parametrize("line", ["compare xor", "plot xor", f"export {ONE} x.pt"])
def test_a_full_disk_is_one_line(capsys, monkeypatch, line):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    code, _, err = evo(capsys, *line.split())
    assert code in (1, 2)
    assert err.endswith(": No space left on device\n")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("buffered", ["", "1"])
def test_an_output_that_is_full_is_one_line(buffered):
    code = "import sys; from scenarios.lab.cli import commands; sys.exit(commands.main(['list', 'runs']))"
    with open("/dev/full", "w") as out:
        environment = {**os.environ, "PYTHONUNBUFFERED": buffered}
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=-1, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (1, "evo: No space left on device\n")


def test_python_gets_one_error_class_for_what_cannot_be_read():
    Path(ONE, "metrics.jsonl").unlink()
    with pytest.raises(store.StoreError, match=r"cannot read .*metrics.jsonl: No such file"):
        _ = load(ONE).rows
    assert resolve.said(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
