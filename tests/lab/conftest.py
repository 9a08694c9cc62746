"""What the tests of the lab share."""

from __future__ import annotations

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


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What is said of long waits depends on the machine; it is the business of test_progress."""
    monkeypatch.setattr("scenarios.lab.execution.progress.PATIENCE", 1000.0)
