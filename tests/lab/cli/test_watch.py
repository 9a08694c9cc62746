"""`evo watch` serves one page to this machine alone, anew whenever a run has written something."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from run_folders import Parsed, make, result, row, study

from scenarios.lab.cli import watch
from scenarios.lab.cli.commands import main
from scenarios.lab.report import bands, report
from scenarios.lab.store import store


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """What draws in a browser, and a curve's every point, are the business of other tests."""
    monkeypatch.setattr(report, "_vega", lambda: "")
    monkeypatch.setattr(bands, "POINTS", 5)


class Client:
    """Asks a server of the runs in a folder, on a port of its own."""

    def __init__(self, runs, *names):
        self.server = watch.server(names, runs, 0)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def ask(self, path="/", method="GET", host=None, body=None):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {"Host": f"127.0.0.1:{self.port}" if host is None else host})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text


def test_page_is_the_report_and_asks_for_changes(tmp_path):
    study(tmp_path, "ga", (0.5, 0.7))
    with Client(tmp_path) as client:
        status, headers, text = client.ask()
        _, _, state = client.ask("/state")
    page = Parsed(text)
    assert status == 200
    assert page.whole
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert int(headers["Content-Length"]) == len(text.encode())
    assert "refreshed while runs go on" in page.text
    assert f"const made = {json.dumps(state)}, title = " in text


def test_a_new_row_changes_the_state_and_the_page(tmp_path):
    path = make(tmp_path, "ga", 0, [row(0, 0.25)])
    with Client(tmp_path) as client:
        before, page = client.ask("/state")[2], client.ask()[2]
        assert client.ask("/state")[2] == before
        assert client.ask()[2] == page
        with (path / store.METRICS).open("a") as file:
            file.write(json.dumps(row(1, 0.75)) + "\n")
        after, new = client.ask("/state")[2], client.ask()[2]
    assert after != before
    assert "after 1 step, validation accuracy 0.25" in Parsed(page).text
    assert "after 2 steps, validation accuracy 0.75" in Parsed(new).text


@pytest.mark.parametrize("name", [store.RESULT, store.ERROR])
def test_the_end_of_a_run_changes_the_state(tmp_path, name):
    path = make(tmp_path, "ga", 0, [row(0, 0.25)])
    seen = watch.Watch([], tmp_path)
    before = seen.state()
    (path / name).write_text(json.dumps(result(0.5, [row(0, 0.25)])))
    assert seen.state() != before


def test_a_new_run_changes_the_state(tmp_path):
    make(tmp_path, "ga", 0, [row(0, 0.25)])
    seen = watch.Watch([], tmp_path)
    before = seen.state()
    make(tmp_path, "ga", 1)
    assert seen.state() != before


def test_the_page_is_made_once_for_a_state(tmp_path, monkeypatch):
    make(tmp_path, "ga", 0, [row(0, 0.25)])
    made = []
    page = report.page
    monkeypatch.setattr(report, "page", lambda *a, **k: made.append(1) or page(*a, **k))
    with Client(tmp_path) as client:
        askers = [threading.Thread(target=client.ask) for _ in range(4)]
        [asker.start() for asker in askers]
        [asker.join() for asker in askers]
    assert made == [1]


def test_only_the_named_scenario_is_shown(tmp_path):
    study(tmp_path, "ga", (0.5,))
    study(tmp_path, "ga", (0.5,), "wine")
    with Client(tmp_path, "wine") as client:
        text = Parsed(client.ask()[2]).text
    assert "Comparison: wine" in text
    assert "digits" not in text.replace("evo run digits", "")


def test_before_the_first_run_the_page_waits_and_then_shows_it(tmp_path):
    with Client(tmp_path / "runs<b>") as client:
        status, _, text = client.ask()
        assert status == 200
        assert '<meta http-equiv="refresh"' in text
        assert "This page waits for them." in text
        assert "<b>" not in text
        assert "no runs in" in client.ask("/state")[2]
        study(tmp_path / "runs<b>", "ga", (0.5,))
        assert "Methods ga" in Parsed(client.ask()[2]).text


@pytest.mark.parametrize(
    "path", ["/favicon.ico", "/state/", "/index.html", "/../setup.cfg", "/digits/ga/seed-0/config.toml", "/state?x", "*"]
)
def test_there_are_two_addresses(tmp_path, path):
    study(tmp_path, "ga", (0.5,))
    with Client(tmp_path) as client:
        assert client.ask(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_sent(tmp_path, method):
    before = study(tmp_path, "ga", (0.5,)) or sorted(tmp_path.rglob("*"))
    with Client(tmp_path) as client:
        assert client.ask("/", method, body="x")[0] in (405, 501)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("path", ["/", "/state"])
@pytest.mark.parametrize(
    "host", ["example.org", "example.org:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.example.org:{port}", ""]
)
def test_a_foreign_name_is_refused(tmp_path, host, path):
    study(tmp_path, "ga", (0.5,))
    with Client(tmp_path) as client:
        status, _, text = client.ask(path, host=host.format(port=client.port))
    assert status == 403
    assert "digits" not in text


def test_a_browser_may_say_localhost(tmp_path):
    study(tmp_path, "ga", (0.5,))
    with Client(tmp_path) as client:
        assert client.ask(host=f"localhost:{client.port}")[0] == 200


def test_only_this_machine_can_ask(tmp_path):
    with Client(tmp_path) as client:
        assert client.server.server_address[0] == "127.0.0.1"
        others = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
            "127.0.0.1",
            "127.0.1.1",
        }
        for address in others:
            with pytest.raises(OSError), socket.create_connection((address, client.port), timeout=2):
                pass


def test_a_port_that_is_taken_is_a_line(tmp_path, capsys):
    with Client(tmp_path) as client:
        assert main(["watch", "--port", str(client.port), "--runs", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"evo: port {client.port}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_it(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.fspath(Path(__file__).resolve().parents[3])}
    words = [sys.executable, "-m", "scenarios", "watch", "--port", "0", "--runs", str(tmp_path)]
    heard = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job would ignore it, and its children
    process = subprocess.Popen(words, stdout=-1, stderr=-1, text=True, env=environment, start_new_session=True)
    signal.signal(signal.SIGINT, heard)
    line = process.stdout.readline()
    assert re.match(r"http://127\.0\.0\.1:\d+/  \(Ctrl-C ends it\)$", line)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert (out.strip(), err) == ("", "")
