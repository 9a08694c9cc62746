import math

import intervals
import numpy as np
import pytest

from scenarios.lab.report import stats

TOY = 400


def test_the_coverage_that_the_page_states_is_that_of_a_fresh_simulation():
    measured = intervals.average(intervals.iqm_block(TOY, key=99))
    assert set(measured) == set(stats.COVERAGE) == set(intervals.SEEDS)
    for n, stated in stats.COVERAGE.items():
        deviation = math.sqrt(stated * (1 - stated) / (TOY * len(intervals.POPULATIONS)))
        assert measured[n] == pytest.approx(stated, abs=4 * deviation), n


def test_the_command_prints_every_interval_at_toy_size_and_tells_by_its_exit(capsys, monkeypatch):
    monkeypatch.setattr(intervals, "SEEDS", (5, 30))
    monkeypatch.setattr(intervals, "SOLVED", (0.7,))
    monkeypatch.setattr(intervals, "EFFECTS", (0.0, 2.0))
    code = intervals.main(["--studies", "40"])
    printed = capsys.readouterr().out
    for title in ("interquartile mean", "superiority", "superiority over 4", "expected running time", "Wilson", "Holm"):
        assert title in printed
    assert printed.count("average") == 6
    assert code == ("outside its limits" in printed)


@pytest.mark.parametrize(
    ("held", "error", "found"),
    [(0.95, 0.05, 0), (0.905, 0.05, 1), (0.975, 0.05, 1), (0.95, 0.07, 1), (0.9, 0.07, 2), (0.91, 0.065, 0)],
)
def test_what_is_outside_its_limits_at_30_seeds_is_named(held, error, found):
    blocks = {"superiority": {"normal": {5: 0.5, 30: held}}}
    assert len(intervals.failures(blocks, {"normal": {5: 0.9, 30: error}})) == found


def test_an_average_within_its_limits_passes_though_one_population_is_not():
    blocks = {"superiority": {"normal": {30: 0.96}, "log-normal": {30: 0.9}}}
    assert intervals.failures(blocks, {"normal": {30: 0.03}}) == []


def test_an_interval_of_half_its_width_is_caught(monkeypatch):
    whole = stats.iqm_interval

    def half(values):
        low, high = whole(values)
        return (3 * low + high) / 4, (low + 3 * high) / 4

    monkeypatch.setattr(stats, "iqm_interval", half)
    block = intervals.iqm_block(100)
    assert 0.5 < intervals.average(block)[30] < 0.8
    assert len(intervals.failures({"interquartile mean": block}, {"normal": {30: 0.03}})) == 1


def test_the_truth_of_a_population_is_its_mean_between_quartiles():
    # Normal: 0 by symmetry; drawn in bulk: the interquartile mean of very many seeds.
    for name, quantile in intervals.POPULATIONS.items():
        drawn = quantile(intervals.generator(7).random(400_000))
        middle = quantile(0.25 + 0.5 * (np.arange(100_000) + 0.5) / 100_000).mean()
        assert stats.iqm(drawn) == pytest.approx(middle, abs=0.01 * drawn.std()), name
