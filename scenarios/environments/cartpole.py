"""CartPole: keep a pole upright on a cart by pushing it left or right, as in Gymnasium's CartPole-v1.

Barto, Sutton, Anderson: Neuronlike adaptive elements that can solve difficult learning control problems. IEEE Transactions on
Systems, Man, and Cybernetics 13, 1983. Reward 1 per step, the terminal one included.
"""

import math

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos, sin

GRAVITY, CART, POLE, HALF_LENGTH = 9.8, 1.0, 0.1, 0.5  # m/s^2, kg, kg, m
TOTAL, POLE_LENGTH = POLE + CART, POLE * HALF_LENGTH
FORCE, TIME = 10.0, 0.02  # N, s
TRACK, FALLEN = 2.4, 12 * 2 * math.pi / 360  # m, rad


def start(draws):
    return tuple(0.1 * u - 0.05 for u in draws)


def observe(state):
    return state


def step(state, action):
    """state: position, velocity, angle from the vertical, angular velocity; action: 0 pushes left, 1 right."""
    x, v, angle, turn = state
    force = FORCE if action == 1 else -FORCE
    cosine, sine = cos(angle), sin(angle)
    push = (force + POLE_LENGTH * (turn * turn) * sine) / TOTAL
    bend = (GRAVITY * sine - cosine * push) / (HALF_LENGTH * (4.0 / 3.0 - POLE * (cosine * cosine) / TOTAL))
    pull = push - POLE_LENGTH * bend * cosine / TOTAL
    x, v = x + TIME * v, v + TIME * pull
    angle, turn = angle + TIME * turn, turn + TIME * bend
    return (x, v, angle, turn), 1.0, x < -TRACK or x > TRACK or angle < -FALLEN or angle > FALLEN


environment = Environment("CartPole-v1", start, observe, step, draws=4, actions=2, max_steps=500, picture="CartPole-v1")
