"""What is kept of a run's end beyond its scores, so that a report needs neither the champion nor the data.

Learners and tasks are asked for what they have (`evo.core.Learner`, `evo.core.Task`); None stands for nothing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from evo.core import Examples, Learner, Model, Task, split_shown
from scenarios.lab.store.files import plain
from scenarios.lab.store.store import RunDirectory
from scenarios.lab.study.resolve import said
from scenarios.lab.study.spec import RunSpec

Warn = Callable[[str], None]

TITLES = {"trust": "calibration and robustness", "front": "Pareto front"}
NAMES = {"train": "training", "validation": "validation", "test": "test"}
DPI = 100
COLORS = 128
PRODUCTS = 1e12  # that an ensemble is scored with: some ten seconds of a core, behind the budget


def measured(task: Task, learner: Learner, champion: Model, split: str, warn: Warn) -> dict[str, Any]:
    """trust: `task.diagnostics`, a classifier's calibration and robustness; ensemble: the score of `learner.ensemble` on the
    split that is reported; front: `learner.front`. One that fails costs no result: `warn` says why."""
    wanted: dict[str, Callable[[], Any]] = {
        "trust": lambda: task.diagnostics(champion),
        "ensemble": lambda: _ensemble(task, learner, split, warn),
        "front": learner.front,
    }
    found: dict[str, Any] = {}
    for name, ask in wanted.items():
        try:
            found[name] = plain(ask(), name)
        except Exception as error:  # a user's task or learner may fail in any way
            warn(f"{TITLES.get(name, name)} skipped: {said(error)}")
            found[name] = None
    return found


def _ensemble(task: Task, learner: Learner, split: str, warn: Warn) -> dict[str, float] | None:
    ensemble = learner.ensemble()
    if ensemble is None:
        return None
    pair = task.split(split) if isinstance(task, Examples) else None
    if pair is not None and (products := ensemble.parameters * len(pair[0])) > PRODUCTS:
        warn(f"ensemble skipped: {products:.2g} products of weights and {len(pair[0]):,} examples are more than {PRODUCTS:.2g}")
        return None
    return task.score(ensemble, split)


def drawn(task: Task, champion: Model, split: str, spec: RunSpec, directory: RunDirectory, warn: Warn) -> list[dict[str, str]]:
    """Draws the champion, and what it does, into pictures/: file, title, alt and sha256 of each. A picture that cannot be drawn
    costs no result: `warn` says why."""
    wanted = {
        "champion.png": (champion.figure, f"Champion network ({spec.label})"),
        "behaviour.png": (lambda: task.figure(champion, split), f"Behaviour on the {NAMES[split_shown(task, split)]} split"),
    }
    found = []
    for name, (figure, title) in wanted.items():
        try:
            data = _png(figure())
        except Exception as error:  # a user's figure may fail in any way
            warn(f"{name} skipped: {said(error)}")
            continue
        if data is not None:
            directory.picture(name, data)
            about = {"title": title, "alt": f"{title}, on {spec.name}, seed {spec.seed}"}
            found.append({"file": name, **about, "sha256": hashlib.sha256(data).hexdigest()})
    return found


def _png(figure: Any) -> bytes | None:
    """A matplotlib figure as PNG with a palette, half as large, and the same bytes each time; None for None."""
    if figure is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(DPI)
    canvas, out = FigureCanvasAgg(figure), io.BytesIO()
    canvas.draw()  # once: savefig draws twice, the first time for the places of what is drawn
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(out, format="PNG")
    return out.getvalue()
