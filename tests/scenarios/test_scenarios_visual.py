"""Visual discrimination at several resolutions."""

import math

import pytest
import torch

from scenarios import visual_discrimination as visual


def test_the_75_placements_are_those_of_the_paper_and_the_test_has_none_of_them():
    """The big box is five pixels to the right, below, or both; wrapped around, and moved as little as puts it inside."""
    trials = visual.trials()
    assert len(set(trials)) == 75
    assert {small for small, _ in trials} == {(row, column) for row in (1, 3, 5, 7, 9) for column in (1, 3, 5, 7, 9)}
    found = [[big for small, big in trials if small == each] for each in ((1, 3), (5, 5), (7, 9))]
    assert found == [[(1, 8), (6, 3), (6, 8)], [(5, 9), (9, 5), (9, 9)], [(7, 3), (1, 9), (1, 3)]]
    assert not set(trials) & set(visual.others())
    apart = [max(abs(row - down), abs(column - right)) for (row, column), (down, right) in trials + visual.others()]
    assert min(apart) > 1


def test_fitness_sums_squared_distances_and_of_equally_high_outputs_the_farthest_counts():
    task = visual.VisualDiscrimination()
    outputs, target = torch.zeros(4, 1, 121), torch.tensor([12])  # row 1, column 1
    outputs[0, 0, 12] = outputs[1, 0, [12, 35]] = 1.0  # row 3, column 2
    outputs[3, 0, 50] = math.nan
    assert task.near(outputs[:3], target).tolist() == pytest.approx([0.0, -5.0, -162.0], abs=1e-3)
    two = task.near(outputs[1:2].expand(1, 2, 121), torch.tensor([12, 35]))
    assert two.item() == pytest.approx(-10.0, abs=1e-3)
    assert math.isnan(task.near(outputs, target)[3])


def test_what_answers_nan_is_not_the_best_of_all():
    score = visual.VisualDiscrimination().score(lambda x: torch.full((len(x), 121), math.nan), "train")
    assert all(math.isnan(score[name]) for name in ("distance", "fitness"))
    assert score["accuracy"] == 0


def test_the_same_placements_are_shown_at_every_resolution_with_the_same_sum():
    task = visual.VisualDiscrimination()
    finer = task.at(33)
    for split in ("train", "test"):
        (x, y), (other, truth) = task.split(split), finer.split(split)
        torch.testing.assert_close(x.sum(1), other.sum(1))
        assert len(x) == {"train": 75, "test": 8997}[split]
        assert torch.equal(y // 11, (truth // 33) // 3)
        assert torch.equal(y % 11, (truth % 33) // 3)


def test_a_score_in_parts_is_that_of_all_rows(monkeypatch):
    task = visual.VisualDiscrimination()
    answer = lambda x: x + torch.linspace(0, 0.1, 121)
    whole = task.score(answer, "test")
    monkeypatch.setattr(visual, "ANSWERS", 121 * 1000)
    assert task.score(answer, "test") == whole
    assert whole["distance"] > 1


def test_a_resolution_that_is_no_multiple_of_the_cells_is_refused():
    with pytest.raises(ValueError, match="resolution: expected a multiple of 11; got 12"):
        visual.VisualDiscrimination().at(12)
