"""What the tests of the lab share."""

from __future__ import annotations

import ctypes
import os

import pytest
from lab_fakes import start


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The folder of a run of eight steps that was left in peace."""
    return start(tmp_path_factory.mktemp("whole"))[2]


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch):
    """What waits for it, and in which order, is the business of test_store."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def no_pictures():
    """Runs in this process end without pictures, which take most of a short run; they are the business of test_execute,
    and those of a run that was cut of test_resume."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scenarios.lab.execution.finalize.drawn", lambda *arguments: [])
        yield


@pytest.fixture
def unprivileged():
    """Root may read and write whatever its mode says: not in this test, on this thread."""
    if os.name == "nt":
        pytest.skip("files have no mode")
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # capabilities(7): version 3, this thread
    sets = (ctypes.c_uint32 * 6)()  # twice effective, permitted, inheritable
    if libc.capget(header, sets) != 0:
        pytest.skip("no capabilities")
    whole, overrides = sets[0], 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    sets[0] = whole & ~overrides
    libc.capset(header, sets)
    yield
    sets[0] = whole
    libc.capset(header, sets)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What is said of long waits depends on the machine; it is the business of test_progress."""
    monkeypatch.setattr("scenarios.lab.execution.progress.PATIENCE", 1000.0)


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    """As if piped: pytest's workers are told the width of its own terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
