"""Poles on a cart, without friction of the cart: the physics of single and double pole balancing, and of its variants.

Wieland: Evolving neural network controllers for unstable systems. IJCNN 1991. Equations, constants and the 625 starts as in
Stanley and Miikkulainen: Evolving neural networks through augmenting topologies. Evolutionary Computation 10(2), 2002, section
4.3, and in the program released with it. That section says that the long pole starts at 1 degree; the program starts it at
.07 rad, four degrees, which is START_ANGLE here.

state: position and speed of the cart, then angle from the vertical and its speed for each pole, in m and rad, a second. action:
the force, -10 .. 10 N, held for two Runge-Kutta steps of .01 s.
"""

import itertools
import math

import numpy as np

from evo import rng
from evo.rollout.trigonometry import cos, sin
from scenarios.environments.drawing import cart_with_poles

HINGE_FRICTION, GRAVITY, FORCE, CART = 0.000002, -9.8, 10.0, 1.0
LONG_MASS, LONG = 1.0, 0.5  # kg; half of its length, m
SHORT_MASS, SHORT = 0.1, 0.05
TIME = 0.01  # s, twice an action
FPS = 1 / (2 * TIME)
VISIBLE = 3  # times its length, a tenth of the long one's, which the short pole is drawn at
TRACK, FALLEN = 2.4, 36 * math.pi / 180  # m, rad
START_ANGLE = 0.07  # rad
PLACES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the range of a number of the 625 starts
RANGES = (2.16, 1.35, 0.06283152, 0.15009752)  # + and - of position, speed, long pole's angle, its speed


def pull(angle, turn, mass, half_length):
    """A pole's effective force and mass on the cart, its own driving term, and the cosine of its angle."""
    sine, cosine = sin(angle), cos(angle)
    drag = HINGE_FRICTION / (mass * half_length) * turn + GRAVITY * sine
    force = mass * half_length * turn * turn * sine + 0.75 * mass * cosine * drag
    return force, mass * (1.0 - 0.75 * cosine * cosine), drag, cosine


def slope1(state, force):
    """The derivative of a state with the long pole."""
    _, v, angle, turn = state
    f, m, drag, cosine = pull(angle, turn, LONG_MASS, LONG)
    cart = (force + f) / (m + CART)
    return v, cart, turn, -0.75 / LONG * (cart * cosine + drag)


def slope2(state, force):
    """The derivative of a state with the long and the short pole."""
    _, v, angle1, turn1, angle2, turn2 = state
    f1, m1, drag1, cosine1 = pull(angle1, turn1, LONG_MASS, LONG)
    f2, m2, drag2, cosine2 = pull(angle2, turn2, SHORT_MASS, SHORT)
    cart = (force + f1 + f2) / (m1 + m2 + CART)
    first = -0.75 / LONG * (cart * cosine1 + drag1)
    return v, cart, turn1, first, turn2, -0.75 / SHORT * (cart * cosine2 + drag2)


def along1(state, slope, time):
    """The state after `time` along a slope."""
    return state[0] + time * slope[0], state[1] + time * slope[1], state[2] + time * slope[2], state[3] + time * slope[3]


def along2(state, slope, time):
    return along1(state, slope, time) + (state[4] + time * slope[4], state[5] + time * slope[5])


def runge_kutta1(state, force):
    """The state with one pole after TIME."""
    a = slope1(state, force)
    b = slope1(along1(state, a, TIME / 2.0), force)
    c = slope1(along1(state, b, TIME / 2.0), force)
    d = slope1(along1(state, c, TIME), force)
    return along1(along1(along1(along1(state, a, TIME / 6.0), b, TIME / 3.0), c, TIME / 3.0), d, TIME / 6.0)


def runge_kutta2(state, force):
    """The state with two poles after TIME."""
    a = slope2(state, force)
    b = slope2(along2(state, a, TIME / 2.0), force)
    c = slope2(along2(state, b, TIME / 2.0), force)
    d = slope2(along2(state, c, TIME), force)
    return along2(along2(along2(along2(state, a, TIME / 6.0), b, TIME / 3.0), c, TIME / 3.0), d, TIME / 6.0)


def move1(state, force):
    """The state with one pole after an action."""
    return runge_kutta1(runge_kutta1(state, force), force)


def move2(state, force):
    """The state with two poles after an action."""
    return runge_kutta2(runge_kutta2(state, force), force)


def out(state):
    """Whether the cart has left its track or the long pole has fallen; true for NaN."""
    return not (abs(state[0]) <= TRACK and abs(state[2]) <= FALLEN)


def draw1(state):
    """The long pole on its cart."""
    return cart_with_poles(state[0], TRACK, [(state[2], 2 * LONG)], above=1.15, below=0.25)


def draw2(state):
    """The long pole and, in front of it, the short one on their cart."""
    poles = [(state[2], 2 * LONG), (state[4], VISIBLE * 2 * SHORT)]
    return cart_with_poles(state[0], TRACK, poles, above=1.15, below=0.25)


def generalization_starts():
    """The initial states (625, 6) of section 4.3.2's test: 5 values for each of four variables, the short pole upright."""
    starts = np.zeros((625, 6))
    starts[:, :4] = [[r * (2.0 * p - 1.0) for r, p in zip(RANGES, places)] for places in itertools.product(PLACES, repeat=4)]
    return starts


def random_starts(count):
    """Initial states (count, 6), uniform over the same ranges: the test episodes."""
    starts = np.zeros((count, 6))
    places = rng.uniforms(0, 0, 0, rng.TEST, 4 * count).reshape(count, 4)
    starts[:, :4] = RANGES * (2.0 * places - 1.0)
    return starts
