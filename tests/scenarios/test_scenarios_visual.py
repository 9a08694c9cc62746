"""Visual discrimination at several resolutions."""

import pytest
import torch

from scenarios import visual_discrimination as visual


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
