"""The series is the equation's, and a forecast is learned without a look ahead."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_scenarios_registry import build

from scenarios import mackey_glass

FOLDER = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def by_steps(seconds):
    """The solution at whole seconds by the method of steps: over each delay an ordinary equation, solved by another method."""
    known = lambda t: np.where(np.asarray(t) < 0, 0.0, 1.2)
    pieces, value, found = [], 1.2, [1.2]
    for begin in range(0, seconds, 17):
        before = pieces[-1] if pieces else known
        slope = lambda t, x, before=before: 0.2 * before(t - 17) / (1 + before(t - 17) ** 10) - 0.1 * x
        end = min(begin + 17, seconds)
        solved = solve_ivp(slope, (begin, end), [value], dense_output=True, rtol=1e-10, atol=1e-12, max_step=0.5)
        pieces.append(lambda t, sol=solved.sol: sol(t)[0])
        found += solved.sol(np.arange(begin + 1, end + 1))[0].tolist()
        value = solved.y[0, -1]
    return np.array(found)


def test_the_series_solves_the_equation():
    exact = by_steps(300)
    ours = mackey_glass.series(100)
    np.testing.assert_allclose(ours, exact[118 : 118 + 100], atol=1e-4)
    assert np.array_equal(mackey_glass.series(300)[:100], ours)


def test_its_moments_are_those_of_the_attractor():
    path = FOLDER / "classics" / "mackey_glass_17.csv"
    if not path.is_file():
        pytest.skip("needs classics/mackey_glass_17.csv: set EVO_DATA")
    theirs, ours = np.loadtxt(path)[500:], mackey_glass.series(3000)  # without how it begins
    for moment in (np.mean, np.std, np.min, np.max):
        assert moment(ours) == pytest.approx(moment(theirs), abs=0.02)


def test_windows_and_their_targets_are_of_the_series_in_order_of_time():
    task, series = build("mackey_glass", points=1200, window=5, spacing=3, ahead=7), mackey_glass.series(1200)
    x, y = task.split("test")
    points, targets = task.in_units(x).numpy(), task.in_units(y).numpy()
    begin = 960  # after 60 and 20 %
    for k in (0, 40, len(x) - 1):
        np.testing.assert_allclose(points[k], series[begin + k : begin + k + 15 : 3], atol=1e-5)
        np.testing.assert_allclose(targets[k], series[begin + k + 12 + 7], atol=1e-5)
    assert len(x) == 240 - 19
    mean = task.score(lambda rows: y.mean().expand_as(y), "test")
    assert mean["nmse"] == pytest.approx(1.0, abs=1e-5)
    assert task.metric.direction == "min"
