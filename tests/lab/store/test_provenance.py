"""A run says what it ran on."""

import subprocess
from pathlib import Path

import pytest

from scenarios.lab.store import provenance


def test_the_commit_is_that_of_the_checkout():
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    asked = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert str(provenance._commit()).removesuffix("-dirty") == asked.stdout.strip()
