"""What a tuning found: ranks by the stated rule, the best trial, importance that finds what matters and says when it cannot."""

import numpy as np
import pytest

from scenarios.lab.report import report, tuning
from scenarios.lab.report.importance import Importance, importance
from scenarios.lab.store.trials import best, ranks


def row(trial, fitness, solved=False, spent=9, seed=1000, scenario="xor", label="ga", **settings):
    settings = settings or {"mutation_std": 0.1 * (trial + 1), "selection": "rank"}
    own = {"solved": solved, "spent": spent, "axis": "evaluations", "fitness": fitness, "value": fitness}
    return {"label": label, "trial": trial, "scenario": scenario, "seed": seed, "settings": settings, **own, "metric": METRIC}


METRIC = {"name": "accuracy", "direction": "max"}


def test_trials_rank_by_solved_then_cost_then_fitness_and_nan_loses():
    rows = [row(0, 5.0), row(1, 1.0, solved=True, spent=8), row(2, 1.0, solved=True, spent=3), row(3, None)]
    assert ranks(rows) == {0: 2, 1: 1, 2: 0, 3: 3}
    assert best(ranks(rows)) == 2


def test_ties_share_a_rank_and_present_settings_stay():
    assert ranks([row(0, 5.0), row(1, 5.0)]) == {0: 0.5, 1: 0.5}
    assert best({0: 0.5, 1: 0.5}) == 0


def test_a_missing_run_is_last_and_scenarios_count_alike():
    rows = [row(0, 1.0), row(1, 2.0), row(2, 3.0), row(0, 9.0, scenario="wine"), row(1, 8.0, scenario="wine")]
    assert ranks(rows) == {0: 1.0, 1: 1.0, 2: 1.0}


def test_the_table_says_what_present_settings_and_the_best_trial_reached():
    rows = [row(trial, 0.5 + 0.2 * trial, solved=trial == 2, seed=seed) for trial in range(3) for seed in (1000, 1001)]
    found = tuning.labels([*rows, row(0, 0.4, label="linear")], ["ga", "linear", "gone"])
    text = tuning.text(found, {"ga": 3, "linear": 1, "gone": 3})
    assert "0.5 [0.5, 0.5]  0.9 [0.9, 0.9], solved 2/2 (9 evaluations)" in text
    assert 'ga: 3 of 3 trials; best: mutation_std = 0.30000000000000004, selection = "rank"' in text
    assert "linear: 1 of 1 trials; none ranks before the present settings" in text
    assert "gone: no run finished" in text
    assert "seeds 1000-1001" in text
    assert "then by validation fitness" in text


def drawn(count, merit, noise=0.0):
    """Settings of trials, and their ranks by merit(settings)."""
    generator = np.random.default_rng(0)
    settings = [
        {
            "rate": float(10 ** generator.uniform(-4, 0)),
            "kind": str(generator.choice(["a", "b"])),
            "idle": int(generator.integers(9)),
        }
        for _ in range(count)
    ]
    values = np.array([merit(each) for each in settings]) + noise * generator.normal(size=count)
    return settings, np.argsort(np.argsort(-values)).tolist()


def test_importance_finds_what_matters_and_its_direction():
    found = importance(*drawn(40, lambda each: np.log10(each["rate"]) + (each["kind"] == "b")))
    assert isinstance(found, Importance)
    assert list(found.shares) == ["rate", "kind", "idle"]
    assert 0.5 < found.shares["rate"] <= 1.1
    assert found.shares["kind"] > 0.02 > abs(found.shares["idle"])
    assert found.rising["rate"] > 0.8
    assert "kind" not in found.rising
    assert importance(*drawn(40, lambda each: np.log10(each["rate"]) + (each["kind"] == "b"))) == found


def test_importance_says_when_it_cannot_tell():
    merit = lambda each: each["rate"]
    assert importance(*drawn(19, merit)) == "too few trials: importance needs at least 20 drawn ones; there are 19"
    assert "no better than the mean" in importance(*drawn(30, lambda each: 0.0, noise=1.0))
    settings, _ = drawn(30, merit)
    assert importance(settings, [14.5] * 30) == "all trials rank alike"


@pytest.fixture
def no_vega(monkeypatch):
    monkeypatch.setattr(report, "_vega", lambda: "")


def test_the_page_shows_trials_best_settings_and_importance(no_vega, tmp_path):
    settings, places = drawn(25, lambda each: each["rate"])
    rows = [
        row(k, -float(place), scenario=name, **each) for k, (each, place) in enumerate(zip(settings, places)) for name in "xy"
    ]
    few = [row(0, 0.5, label="<b>few</b>", rate=1.0), row(1, 0.6, label="<b>few</b>", rate=2.0)]
    found = tuning.labels([*rows, *few], ["ga", "<b>few</b>"])
    tuning.write(found, tmp_path / "report.html", "evo tune x y -m ga")
    page = (tmp_path / "report.html").read_text()
    assert "<b>few" not in page
    for part in ("evo tune x y -m ga", "Importance of the settings of ga", "Table of all trials", "Too few trials: importance"):
        assert part in page
    for chart in ("trials-0", "trials-1", "importance-label-0"):
        assert f'id="{chart}"' in page
    assert 'id="importance-label-1"' not in page


def test_charts_are_valid_vega_lite():
    settings, places = drawn(25, lambda each: each["rate"])
    found = tuning.labels([row(k, -float(place), **each) for k, (each, place) in enumerate(zip(settings, places))], ["ga"])
    tuning.trials_chart(found, "xor").to_dict(validate=True)
    tuning.importance_chart(importance(settings, places)).to_dict(validate=True)
