"""Parts of the comparison with genoxide that need no genoxide."""

import genoxide_study as study
import numpy as np
import pytest


def test_the_hypervolume_of_a_staircase_is_its_area():
    assert study.hypervolume(np.array([[0.5, 0.5]])) == pytest.approx(0.6**2)
    stairs = np.array([[0.1, 1.0], [0.5, 0.5], [0.6, 0.6], [1.0, 0.1], [1.2, 0.0]])  # the third and the fifth add nothing
    assert study.hypervolume(stairs) == pytest.approx(1.0 * 0.1 + 0.6 * 0.5 + 0.1 * 0.4)
    first = np.linspace(0, 1, 2_001)
    assert study.hypervolume(np.stack([first, 1 - np.sqrt(first)], 1)) == pytest.approx(study.TRUE, abs=1e-3)


def test_running_times_count_unsolved_runs_and_note_the_first_point_at_a_target():
    assert study.running_time(np.array([[100.0, 1], [300, 0]])) == 400
    assert study.running_time(np.array([[100.0, 0]])) == np.inf
    counted = study.Counted(study.sphere)
    counted(np.full((3, 2), 4.0))
    counted(np.array([[4.0, 4.0], [1.5, 1.55], [1.5, 1.5]]))
    assert counted.times() == [(5, True), (6, True)]
    assert study.ratio(np.array([[100.0, 1]] * 3), np.array([[200.0, 1]] * 3)) == "0.50 [0.50, 0.50]"


@pytest.mark.parametrize("name", ["cma-es", "openai-es", "de"])
def test_our_side_spends_its_budget_inside_the_box(name, monkeypatch):
    monkeypatch.setattr(study, "BUDGET", 300)
    seen = []
    counted = study.Counted(lambda points: seen.append(points) or study.rastrigin(points))
    study.ours(name, counted, seed=0)
    assert 300 <= counted.spent < 400
    assert np.abs(np.concatenate(seen)).max() <= study.BOUND
