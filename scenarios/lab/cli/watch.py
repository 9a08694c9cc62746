"""`evo watch`: the report of what lies in the runs folder, made anew whenever a run has written something.

Served to this machine alone (the loopback address), and read-only: there are two addresses to get and nothing to post.
A browser names the host it asks; another name than this machine's is refused, so that no web page can have a reader's
browser fetch the runs by a name of its own (DNS rebinding).
"""

from __future__ import annotations

import html
import os
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from scenarios.lab.report import gather, report
from scenarios.lab.report.comparison import compare
from scenarios.lab.store import store

HOST = "127.0.0.1"
WATCHED = (store.METRICS, store.RESULT, store.ERROR)


class Watch:
    """The page of some runs, kept until they change."""

    def __init__(self, names: Sequence[str], runs: Path):
        self.names, self.runs = names, runs
        self._lock = threading.Lock()
        self._made: tuple[str, str] = ("", "")

    def state(self) -> str:
        """A word that changes whenever a run has written something."""
        try:
            files = [path / name for path in gather.find(self.names, self.runs) for name in WATCHED]
        except (gather.NoRuns, store.StoreError) as error:
            return str(error)
        return str(hash(tuple((str(file), found.st_size, found.st_mtime_ns) for file in files if (found := _stat(file)))))

    def page(self) -> str:
        with self._lock:
            state = self.state()
            if self._made[0] != state:
                self._made = (state, self._page(state))
            return self._made[1]

    def _page(self, state: str) -> str:
        try:
            return report.page(compare(gather.find(self.names, self.runs)), refresh=state)
        except (gather.NoRuns, store.StoreError) as error:
            again = '<meta http-equiv="refresh" content="3">'
            return (
                f"<!DOCTYPE html><title>neuroevo</title>{again}<p>{html.escape(str(error))}</p><p>This page waits for them.</p>"
            )


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


def server(names: Sequence[str], runs: Path, port: int) -> ThreadingHTTPServer:
    """The server, listening. Raises OSError if the port is taken."""
    watch = Watch(names, runs)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            port = "" if made.server_port == 80 else f":{made.server_port}"  # browsers leave 80 out
            if self.headers.get("Host") not in (HOST + port, "localhost" + port):
                self.send_error(403, "asked for by another name")
            elif self.path == "/":
                self.answer(watch.page(), "text/html")
            elif self.path == "/state":
                self.answer(watch.state(), "text/plain")
            else:
                self.send_error(404)

        def answer(self, text: str, kind: str) -> None:
            data = text.encode("utf-8", "replace")
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """The terminal is for people."""

    made = ThreadingHTTPServer((HOST, port), Handler)
    return made


def serve(names: Sequence[str], runs: Path, port: int) -> None:
    """Serves until Ctrl-C. Raises OSError if the port is taken."""
    with server(names, runs, port) as made:
        try:
            print(f"http://{HOST}:{made.server_address[1]}/  (Ctrl-C ends it)", flush=True)
            made.serve_forever()
        except KeyboardInterrupt:
            print()
