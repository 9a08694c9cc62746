"""The study of generative teaching runs, on digits and tiny, so that it cannot rot; and counts steps as a ruler does."""

import re

import gtn_study
import numpy as np
import pytest
import torch

from evo.learning.gtn.curriculum import Shape, Teacher

TINY = {"inner_steps": 4, "inner_batch": 10, "hidden": [8], "outer_steps": 2, "interval": 2, "validation_learners": 1}


def test_steps_to_an_accuracy_are_read_off_the_curve():
    curve, after = np.array([0.1, 0.5, 0.7, 0.6]), [10, 20, 30, 40]
    assert [gtn_study.needed(curve, after, goal) for goal in (0.05, 0.1, 0.3, 0.6, 0.7, 0.8)] == pytest.approx(
        [10, 10, 15, 25, 30, np.inf]
    )


def test_real_data_are_taught_at_rates_that_go_on_as_they_end():
    real = torch.randn(20, 3), torch.arange(20) % 2
    like = Teacher("full", Shape(4, 5, 3, 2), real, noise=2, hidden=(3,), rate=0.3)
    rates, momenta = gtn_study.real(like, np.array([0.1, 0.2]), np.array([0.5, 0.0]), 4).pace()
    assert rates.tolist() == pytest.approx([0.1, 0.2, 0.2, 0.2])
    assert momenta.tolist() == pytest.approx([0.5, 0, 0, 0], abs=1e-5)


def test_the_study_prints_every_curriculum_the_controls_and_the_ratios(tmp_path, monkeypatch):
    monkeypatch.setattr(gtn_study, "SCENARIO", "digits")
    for name, value in {"NETWORKS": 2, "MOST": 8, "EVERY": 4, "RATES": (0.1,), "MOMENTA": (0.5,)}.items():
        monkeypatch.setattr(gtn_study, name, value)
    said = []
    settings = {f"{name}.{key}": value for name in gtn_study.CURRICULA for key, value in TINY.items()}
    gtn_study.study(2, tmp_path, settings, said.append)
    text = "\n".join(said)
    for name in gtn_study.CURRICULA:
        assert re.search(
            rf"^{name}: test accuracy [\d.]+ \[.*; 2 outer steps of .* 0 diverged, 0 without gradient$", text, re.M
        )
    assert re.search(r"^real data, rates of full: .* full is ahead by -?[\d.]+ \[", text, re.M)
    assert len(re.findall(r"^real data, (?:rates learned|rate 0.1, momentum 0.5).*: steps over", text, re.M)) == 2
    assert (tmp_path / "curves.png").stat().st_size > 1000
