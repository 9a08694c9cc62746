"""The session on a card, without one: steps that fail, hang or are missing stop no other, and all is told."""

import json
import sys

import pytest
import results
import run


@pytest.fixture
def session(tmp_path):
    return run.Session(tmp_path, tmp_path, run.SECONDS, {})


def python(code):
    return [sys.executable, "-c", code]


def test_a_step_that_fails_or_hangs_stops_no_other(session):
    assert session.step("fails", python("print('why'); exit(3)"), 30) == "why\n"
    # Its child too, which holds the pipe, is ended.
    hangs = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    )
    session.step("hangs", python(hangs), 0.5)
    session.step("is missing", ["/no/such/program"], 30)
    assert session.step("is fine", python("print(1)"), 30) == "1\n"
    assert [(step["step"], step["code"]) for step in session.steps] == [
        ("fails", 3),
        ("hangs", 124),
        ("is missing", 127),
        ("is fine", 0),
    ]


def test_what_is_left_of_the_session_limits_every_step(tmp_path):
    session = run.Session(tmp_path, tmp_path, 0.0, {})
    session.step("too late", python("import time; time.sleep(60)"), 60)
    assert session.steps[0]["code"] == 124


SIDE = """
import sys, time
print("ready for CUDA\\ntook note of it", flush=True)
print("ready 2.5", flush=True)
for k, _ in enumerate(sys.stdin):
    print(f"took {k} 500.0", flush=True)
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (SIDE, {"first_seconds": 2.5, "seconds": 3.0, "all_seconds": [1.0, 2.0, 3.0, 4.0, 5.0]}),
        ("raise ImportError('no such peer')", {"error": "ImportError: no such peer"}),
        ("print('ready 1', flush=True); input(); raise MemoryError('of the card')", {"error": "MemoryError: of the card"}),
        ("import time; time.sleep(60)", {"error": "not compiled in time"}),
    ],
)
def test_a_peer_is_timed_or_says_why_not(session, monkeypatch, tmp_path, code, expected):
    (tmp_path / "side.py").write_text(code)
    monkeypatch.setattr(run, "BENCH", tmp_path)
    peer = run.Peer(session, "a peer", 10, "side.py", 10)
    peer.wait(5 if "sleep(60)" not in code else 0.3)
    assert peer.generations(10) == {"case": "a peer", "size": 10} | expected
    peer.end()
    assert (tmp_path / "peers.txt").read_text().startswith("== a peer, 10\n")


def test_a_peers_interpreter_that_is_not_there_is_refused_in_a_line_before_anything_starts(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PEERS", "/no/such/python")
    monkeypatch.setattr(sys, "argv", ["run.py", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="2"):
        run.main()
    assert "PEERS=/no/such/python: no such program" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_limits_of_steps_grow_with_the_seconds_of_a_session(tmp_path):
    assert run.Session(tmp_path, tmp_path, 2 * run.SECONDS, {}).limit(60) == 120


def test_the_section_names_failures_and_what_is_missing():
    text = results.section(
        {
            "toy": False,
            "card": "a card",
            "date": "2026-11-28",
            "versions": {"torch": "2.11", "evosax": None},
            "tests": {"summary": "1 failed, 3 passed", "failed": ["FAILED test_device.py::test_x"]},
            "copy_gigabytes_per_second": 4000.0,
            "rows": [
                {
                    "case": "forward",
                    "size": "2 genomes",
                    "seconds": 0.5,
                    "cores_seconds": 2.0,
                    "bytes_taken": 2e6,
                    "bytes_said": 1e6,
                },
                {"case": "TensorNEAT", "size": 10000, "error": "out of memory"},
            ],
            "left_out": ["a case"],
            "steps": [{"step": "bench", "code": 124, "seconds": 150.0}, {"step": "tests", "code": 0, "seconds": 1.0}],
        }
    )
    assert text.startswith("## On a CUDA card\n\na card, 2026-11-28, torch 2.11;")
    assert "- FAILED test_device.py::test_x" in text
    assert "| forward | 2 genomes |  | 0.5 | 2 | 4 | 2, 1 |  |" in text
    assert "Failed: TensorNEAT 10000: out of memory; step bench: code 124 after 150.0 s." in text
    assert "Left out: a case; evosax." in text


def test_wheels_of_what_is_there_are_left_packed(tmp_path):
    import zipfile

    for name in ("numpy-1.0-py3-none-any.whl", "no_such_package-1.0-py3-none-any.whl"):
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr(f"{name.partition('-')[0]}/__init__.py", "")
    run.unpack(sorted(tmp_path.glob("*.whl")), tmp_path / "site")
    assert [each.name for each in (tmp_path / "site").iterdir()] == ["no_such_package"]


def test_a_session_leaves_no_more_files_than_a_lent_machine_gives_back(tmp_path, monkeypatch):
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    out.mkdir()
    scratch.mkdir()
    (tmp_path / "side.py").write_text(SIDE)
    monkeypatch.setattr(run, "BENCH", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(run, "peers", lambda session, toy: [run.Peer(session, "a peer", k, "side.py") for k in (1, 2, 3)])
    step = run.Session.step
    monkeypatch.setattr(run.Session, "step", lambda self, name, command, seconds: step(self, name, python("print(1)"), seconds))
    assert run.verify(out, scratch, 60.0, toy=True) == 0
    (out / "bench.json").touch()  # of the bench
    assert len(list(out.rglob("*"))) == 8
    assert [row["seconds"] for row in json.loads((out / "device.json").read_text())["rows"]] == [3.0] * 3
