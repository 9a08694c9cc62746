"""Carts with poles as they are drawn: where the physics puts them."""

import math

import numpy as np
import pytest
import torch

from evo.core import Model
from evo.tasks.control import ControlTask
from evo.vectors.modules import MLP
from scenarios.environments import double_pole, double_pole_no_velocity, drawing, single_pole, swing_up

ALL = (single_pole, double_pole, double_pole_no_velocity, swing_up)
named = pytest.mark.parametrize("module", ALL, ids=lambda module: module.__name__.rpartition(".")[2])


def place(picture, colour):
    """The middle of all points of a colour: metres to the right of the track's middle, pixels from the top."""
    down, across = np.nonzero((picture == colour).all(axis=-1))
    return (across.mean() + 0.5 - drawing.WIDTH / 2) / drawing.METRE, down.mean()


def upright(module, x=0.0):
    return (x, *[0.0] * (module.environment.size - 1))


@named
def test_pictures_of_an_environment_are_of_one_size_and_differ_with_the_state(module):
    rest, away = (module.environment.picture(upright(module, x)) for x in (0.0, 1.0))
    assert rest.shape == away.shape == (len(rest), drawing.WIDTH, 3)
    assert rest.dtype == np.uint8
    assert (rest != away).any()


@named
def test_cart_is_drawn_where_it_is_and_inside_the_picture_at_the_ends_of_its_track(module):
    for x in (-2.4, -1.0, 0.0, 0.3, 2.4):
        picture = module.environment.picture(upright(module, x))
        assert place(picture, drawing.CART)[0] == pytest.approx(x, abs=0.01)
        assert (picture[:, [0, -1]] == drawing.PAPER).all()


def test_what_lies_outside_or_nowhere_is_not_seen():
    for x in (50.0, 1e300, math.inf, math.nan):
        picture = drawing.cart_with_poles(x, 2.4, [(0.0, 1.0)], above=1.1, below=0.2)
        assert not (picture == drawing.CART).all(axis=-1).any()
    with pytest.raises(ValueError, match="math domain"):
        drawing.cart_with_poles(0.0, 2.4, [(math.inf, 1.0)], above=1.1, below=0.2)


@named
def test_a_pole_that_is_left_behind_by_its_cart_is_drawn_behind_it(module):
    state, (_, push) = upright(module), module.environment.actions[0]
    for _ in range(10):
        state = module.environment.step(state, push)[0]
    picture = module.environment.picture(state)
    cart, pole = place(picture, drawing.CART)[0], place(picture, drawing.POLES[0])[0]
    assert cart == pytest.approx(state[0], abs=0.01)
    assert pole < cart - 0.01


def test_poles_have_their_angles_and_lengths():
    for angle in (0.0, 0.5, -1.0, math.pi, 2.5):
        picture = drawing.cart_with_poles(0.4, 2.4, [(angle, 1.0)], above=1.1, below=1.1)
        x, y = place(picture, drawing.POLES[0])
        assert x == pytest.approx(0.4 + 0.5 * math.sin(angle), abs=0.01)
        assert y == pytest.approx(1.1 * drawing.METRE - 0.5 * drawing.METRE * math.cos(angle), abs=1.5)


def test_the_short_pole_is_seen_before_the_long_one_at_an_angle_of_its_own():
    picture = double_pole.environment.picture((0.0, 0.0, -0.2, 0.0, 0.4, 0.0))
    long, short = (place(picture, colour) for colour in drawing.POLES)
    assert long[0] < 0 < short[0]
    assert long[1] < short[1]
    picture = double_pole.environment.picture((0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert (picture == drawing.POLES[1]).all(axis=-1).sum() > 100


class Pushing(Model):
    """A model that pushes to the right."""

    parameters = 0

    def __call__(self, x):
        return torch.ones(len(x), 1)

    def save(self): ...


@named
def test_a_film_has_frames_at_the_pace_of_the_physics(module):
    task = ControlTask(module.environment, network=lambda inputs, outputs: MLP(inputs, outputs, hidden=(3,)))
    film = task.film(Pushing(), frames=8)
    assert film.trouble == ""
    assert 2 <= len(film.frames) <= 9
    pace = 100 if module is swing_up else 50  # steps a second
    assert film.fps * film.steps[1] == pytest.approx(pace)
