"""Generative teaching as a Learner: what is drawn, counted, clipped, kept, refused; and that it teaches."""

import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import evo
from evo import GTN, SettingsError, SupervisedTask
from evo.learning.gtn import gtn, taught
from evo.learning.gtn.curriculum import CURRICULA, Draw
from evo.plots import lessons
from evo.tasks.targets import split
from evo.testing import check_learner, small_task
from evo.vectors.modules import MLP

TINY = {"inner_steps": 4, "inner_batch": 6, "hidden": (5,), "noise": 3, "outer_batch": 8, "interval": 2, "stretch": 3}
TINY |= {"validation_learners": 2, "outer_steps": 6}


def learner(task=None, seed=0, **values):
    return GTN(task or small_task(), GTN.settings(**(TINY | values)), seed)


@pytest.mark.parametrize("curriculum", CURRICULA)
def test_every_curriculum_has_no_findings_as_a_learner(curriculum):
    settings = GTN.settings(**TINY, curriculum=curriculum)
    assert check_learner(GTN, small_task(), settings) == []


def test_no_network_is_initialised_as_another_was_and_the_champions_as_none(monkeypatch):
    drawn = []
    begin = taught.begun
    for module in (gtn, taught):
        monkeypatch.setattr(module, "begun", lambda make, draw, *rest: drawn.append(draw) or begin(make, draw, *rest))
    made = learner()
    while made.finished is None:
        made.step()
    training = {draw for draw in drawn if draw.learner == 0}
    validation = {draw for draw in drawn if 0 < draw.learner <= 2}
    champion = {draw for draw in drawn if draw.learner > 2}
    assert training == {Draw(0, step, 0) for step in range(6)}
    assert validation == {Draw(0, 0, 1), Draw(0, 0, 2)}
    assert champion == {Draw(0, 0, gtn.CHAMPION)}
    assert made.finished == "completed"
    weights = [begin(made.task.network, draw, torch.device("cpu")).layers[0].weight for draw in {*drawn}]
    assert len({each[0, 0].item() for each in weights}) == len({*drawn}) == 9


def test_the_learning_rate_falls_to_a_tenth_as_a_cosine():
    made, rates = learner(interval=1, outer_steps=5), []
    while made.finished is None:
        rates.append(made.step()["learning_rate"])
    assert rates == pytest.approx([0.02 * (0.1 + 0.45 * (1 + math.cos(math.pi * k / 5))) for k in range(5)])


def test_no_outer_gradient_is_longer_than_the_limit(monkeypatch):
    made, seen = learner(gradient_clip=0.01), []
    step = made.optimizer.step
    norm = lambda: torch.stack([p.grad.norm() for p in made.parameters]).norm().item()
    monkeypatch.setattr(made.optimizer, "step", lambda: seen.append(norm()) or step())
    row = made.step()
    assert row["gradient_norm"] > 0.02
    assert seen == pytest.approx([0.01, 0.01], rel=1e-4)


def test_a_gradient_that_is_not_finite_is_left_out_and_counted(monkeypatch):
    made = learner()
    outer = gtn.Inner.outer
    broken = iter([True, False])

    def poisoned(self, *rest):
        loss, gradient = outer(self, *rest)
        return loss, [each * math.nan for each in gradient] if next(broken) else gradient

    monkeypatch.setattr(gtn.Inner, "outer", poisoned)
    before = [p.detach().clone() for p in made.parameters]
    assert math.isnan(made._outer_step()[1])
    assert all(torch.equal(one, p) for one, p in zip(before, made.parameters))
    made._outer_step()
    assert not any(torch.equal(one, p) for one, p in zip(before, made.parameters) if p.grad.abs().max() > 0)
    assert made.cost.evaluations == 2
    monkeypatch.setattr(gtn.Inner, "outer", lambda *rest: (torch.tensor(1.0), [p.detach() * math.nan for p in made.parameters]))
    row = made.step()
    assert row["nonfinite"] == 2
    assert row["gradient_norm"] is None
    assert made.finished is None


def test_a_teacher_that_is_not_finite_ends_the_run():
    made = learner()
    with torch.no_grad():
        made.teacher.rate[0] = math.nan
    made.step()
    assert made.finished == "diverged"


@pytest.mark.parametrize(
    ("loss_interval", "judged"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (3, [3, 4]), (4, [4]), (9, [4]), (None, [4])]
)
def test_a_learner_is_judged_on_the_way_and_at_the_end(loss_interval, judged):
    made = learner(loss_interval=loss_interval)
    found = made._judged(Draw(0, 0, 0))
    assert [each.steps for each in found] == judged
    assert all(len(each.x) == 8 for each in found)
    rows = {tuple(row) for row in made.x.tolist()}
    assert {tuple(row) for each in found for row in each.x.tolist()} <= rows


def test_an_outer_step_costs_what_its_passes_cost():
    made = learner(stretch=2)  # of 4: half the steps are taken twice
    made._outer_step()
    network, generator = (sum(p.numel() for p in m.parameters()) for m in (made.task.network(), made.teacher.generator))
    lessons, judged = 4 * 6, 4 * 8
    compute = (lessons * (9 + 3 * 0.5) + judged * 3) * network + lessons * (3 + 0.5) * generator
    assert made.cost.state_dict() == {"evaluations": 1, "samples": lessons + judged, "compute": compute, "seconds": 0.0}
    whole = learner(stretch=4, curriculum="dataset")
    whole._outer_step()
    assert whole.cost.compute == (lessons * 9 + judged * 3) * network


def test_validation_is_the_mean_over_its_learners():
    made = learner(validation_learners=3, interval=1)
    score = made.step()["validation"]
    networks = [taught.taught(made.task.network, made.teacher, made.task.loss, Draw(0, 0, k)) for k in (1, 2, 3)]
    scores = [made.task.score(taught.TorchModel(network), "validation") for network in networks]
    assert score["accuracy"] == pytest.approx(np.mean([each["accuracy"] for each in scores]))
    assert len({each["cross_entropy"] for each in scores}) == 3


def networked(*layers):
    return lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, 4), *layers, nn.Linear(4, outputs))


@pytest.mark.parametrize(
    ("layer", "said"), [(nn.Dropout(0.1), "drops units at random"), (nn.BatchNorm1d(4), "keeps running statistics")]
)
def test_a_network_that_is_no_function_of_weights_and_inputs_is_refused(layer, said):
    task = small_task()
    task._network = networked(layer)
    with pytest.raises(SettingsError, match=f"model.network: expected a network that is a function .*; 1 {said}"):
        learner(task)
    task._network = networked(nn.Dropout(0.0), nn.BatchNorm1d(4, track_running_stats=False))
    learner(task).step()


def test_tasks_that_are_no_classes_of_rows_are_refused_in_words():
    reasons = {GTN.unsupported_reason(small_task(kind)) for kind in ("probability", "regression")}
    assert reasons == {"it makes examples of classes: the task is not the classification of rows"}


@pytest.mark.parametrize("curriculum", ["full", "dataset"])
def test_the_champions_picture_shows_what_is_taught_and_how_fast(curriculum, monkeypatch):
    shown = []
    monkeypatch.setattr(lessons, "draw", lambda *given: shown.append(given))
    x = torch.rand(30, 6)
    task = SupervisedTask((x, torch.arange(30) % 3), kind="classification", shape=(1, 2, 3), network=MLP)
    made = learner(task, inner_steps=12, curriculum=curriculum)
    made.step()
    champion = made.champion()
    champion.figure()
    pictures, steps, rates, momenta = shown[0]
    assert (pictures.shape, len(rates), len(momenta)) == ((8, 3, 2, 3), 12, 12)
    assert (steps[0], steps[-1]) == (1, 12)
    taught_last = champion.teacher.lessons()(11)
    first = int((taught_last.y == 1).nonzero()[0]) if 1 in taught_last.y else None
    if first is not None:
        np.testing.assert_array_equal(pictures[-1, 1].flatten(), taught_last.x[first].detach().numpy().astype(float))
    monkeypatch.undo()
    small = learner()
    small.step()
    for each in (champion, small.champion()):
        assert each.figure().get_size_inches()[0] <= 9


def digits(**network):
    x, y = load_digits(return_X_y=True)
    parts = [(x[rows] / 16, y[rows]) for rows in split(y)]
    return SupervisedTask(*parts, kind="classification", network=partial(MLP, **network))


DIGITS = {"inner_steps": 8, "inner_batch": 20, "hidden": (32,), "noise": 8, "outer_batch": 64, "interval": 40, "stretch": 8}
DIGITS |= {"outer_steps": 40, "loss_interval": 4, "validation_learners": 4}


def accuracy(curriculum, seed):
    made = GTN(digits(hidden=(16,)), GTN.settings(**DIGITS, curriculum=curriculum), seed)
    return made.step()["validation"]["accuracy"], made


def test_a_few_made_minibatches_teach_digits_better_than_real_ones_and_other_networks_too():
    """Seeds from 1000; at equal outer steps, real minibatches with rates learned for them."""
    pairs = [(accuracy("full", seed), accuracy("dataset", seed)) for seed in (1000, 1001, 1002)]
    assert all(made[0] > real[0] + 0.1 for made, real in pairs)
    assert pairs[0][0][0] > accuracy("all_shuffled", 1000)[0] + 0.03
    teacher = pairs[0][0][1].champion().teacher
    other = digits(hidden=(30,))
    network = taught.taught(other.network, teacher, other.loss, Draw(7, 0, 0))
    assert other.score(taught.TorchModel(network), "validation")["accuracy"] > 0.5


def test_the_program_of_the_page_runs():
    page = (Path(evo.__file__).parent / "learning" / "README.md").read_text(encoding="utf-8")
    _, program = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(program, found := {})
    assert found["examples"].shape == (16, 8)
    assert 0 < found["rate"].item() < 1
