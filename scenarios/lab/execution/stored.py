"""Whether what a run folder holds may be continued."""

from __future__ import annotations

from scenarios.lab.store.store import RunDirectory, StoreError
from scenarios.lab.study.spec import RunSpec


def conflicts(spec: RunSpec, directory: RunDirectory) -> str | None:
    """Why a stored run cannot be continued with these settings, or None."""
    try:
        stored = directory.config_text()
    except StoreError as error:
        return str(error)
    keys = spec.differences(stored) if stored is not None else []
    if not keys:
        return None
    what = f"{directory.path} holds a run with other settings: {'; '.join(keys)}"
    return f"{what} (--restart, in Python restart=True, renames it and starts over)"
