"""What a teacher teaches: orders, labels, noise, and what of it is learned."""

import pytest
import torch
from torch import nn

from evo.learning.gtn.curriculum import CURRICULA, GENERATED, Draw, Shape, Teacher
from evo.learning.gtn.generator import Generator

STEPS, BATCH, INPUTS, CLASSES = 6, 7, 3, 4
SHAPE = Shape(STEPS, BATCH, INPUTS, CLASSES)
REAL = torch.arange(50.0)[:, None].expand(50, INPUTS) + 100, torch.arange(50) % CLASSES
ONE, OTHER = Draw(0, 4, 0), Draw(0, 5, 0)


class Echo(nn.Module):
    """A generator whose examples show what went in: two numbers of noise, and the label."""

    def forward(self, noise, labels):
        return torch.cat([noise, labels[:, None]], 1)


def teacher(curriculum, echo=True, seed=0):
    made = Teacher(curriculum, SHAPE, REAL, noise=2, hidden=(5,), seed=seed)
    if echo and curriculum in GENERATED:
        made.generator = Echo()
    return made


def batches(made, draw=ONE):
    """x (T, B, I) and y (T, B) of all steps, without gradients."""
    lessons = [made.lessons(draw)(t) for t in range(STEPS)]
    return torch.stack([lesson.x.detach() for lesson in lessons]), torch.stack([lesson.y for lesson in lessons])


def rows(x, y):
    """A set of examples with their labels."""
    return {(*map(float, one), int(label)) for one, label in zip(x.reshape(-1, INPUTS), y.flatten())}


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other))


@pytest.mark.parametrize("curriculum", CURRICULA)
def test_lessons_are_functions_of_the_draw_and_of_rows_as_the_task_has_them(curriculum):
    made = teacher(curriculum, echo=False)
    x, y = batches(made)
    assert same((x, y), batches(made))
    assert x.shape == (STEPS, BATCH, INPUTS)
    assert set(y.unique().tolist()) <= set(range(CLASSES))
    assert same((x, y), batches(made, OTHER)) == (curriculum in ("full", "random_fixed", "distilled"))


def test_shuffled_minibatches_are_those_of_the_full_curriculum_in_another_order():
    full, shuffled = batches(teacher("full")), batches(teacher("batch_shuffled"))
    minibatches = [{tuple(map(float, batch.flatten())) for batch in x} for x, _ in (full, shuffled)]
    assert minibatches[0] == minibatches[1]
    assert len(minibatches[0]) == STEPS
    assert not torch.equal(full[0], shuffled[0])


def test_shuffled_examples_are_those_of_the_full_curriculum_in_other_minibatches():
    full, shuffled = batches(teacher("full")), batches(teacher("all_shuffled"))
    assert rows(*full) == rows(*shuffled)
    assert len(rows(*full)) == STEPS * BATCH
    apart = [{tuple(map(float, batch.sum(0))) for batch in x} for x, _ in (full, shuffled)]
    assert not apart[0] & apart[1]


@pytest.mark.parametrize("curriculum", [each for each in CURRICULA if each not in ("dataset", "all_shuffled")])
def test_labels_go_round_in_every_minibatch(curriculum):
    _, y = batches(teacher(curriculum))
    counts = torch.stack([batch.bincount(minlength=CLASSES) for batch in y])
    assert counts.max() - counts.min() == 1


def test_the_real_examples_of_the_control_are_training_rows_with_their_labels():
    x, y = batches(teacher("dataset"))
    assert rows(x, y) <= rows(*REAL)
    assert len(rows(x, y)) > 20


def test_noise_is_learned_drawn_for_every_learner_or_drawn_once():
    named = {curriculum: dict(teacher(curriculum, echo=False).named_parameters()) for curriculum in CURRICULA}
    learned = {curriculum: set(found) - {n for n in found if n.startswith("generator.")} for curriculum, found in named.items()}
    rates = {"rate", "momentum"}
    assert learned == {
        **dict.fromkeys(("full", "batch_shuffled", "all_shuffled"), rates | {"z"}),
        **dict.fromkeys(("none", "random_fixed", "dataset"), rates),
        "distilled": rates | {"examples"},
    }
    assert [any(name.startswith("generator.") for name in named[each]) for each in CURRICULA] == [
        each in GENERATED for each in CURRICULA
    ]
    assert not rows(*batches(teacher("none"))) & rows(*batches(teacher("none"), OTHER))


def test_seeds_have_teachers_of_their_own_and_the_same_seed_the_same():
    for curriculum in ("full", "random_fixed", "distilled"):
        one, again, other = (batches(teacher(curriculum, echo=False, seed=seed)) for seed in (0, 0, 1))
        assert same(one, again)
        assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("curriculum", ["full", "distilled"])
def test_examples_reach_two_deviations_around_the_mean_of_real_ones(curriculum):
    made = teacher(curriculum, echo=False)
    with torch.no_grad():
        for p in made.parameters():
            p.mul_(100)
    x, _ = batches(made)
    mean, std = REAL[0].mean(), REAL[0].std(correction=0)
    assert ((x - mean) / std).abs().max() == pytest.approx(2.0, abs=1e-3)


def test_the_generator_knows_the_label():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Generator(4, CLASSES, (8,), INPUTS)
        z = torch.randn(10, 4)
    a, b = generator(z, torch.arange(10) % CLASSES), generator(z, (torch.arange(10) + 1) % CLASSES)
    assert (a - b).abs().max() > 0.1
