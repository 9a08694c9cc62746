"""Pendulum: swing it up with an underpowered motor and hold it there, as in Gymnasium's Pendulum-v1.

A step costs angle^2 + 0.1 velocity^2 + 0.001 torque^2, of the state before it. Gymnasium's torque is a float32.
"""

import math

from numpy import float32, float64

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos, sin

GRAVITY, MASS, LENGTH, TIME = 10.0, 1.0, 1.0, 0.05  # m/s^2, kg, m, s
FASTEST, STRONGEST = 8.0, 2.0  # rad/s, N m
THOUSANDTH, THREE = float32(0.001), float32(3.0 / (MASS * LENGTH * LENGTH))


def start(draws):
    return math.pi * (2.0 * draws[0] - 1.0), 2.0 * draws[1] - 1.0


def observe(state):
    return cos(state[0]), sin(state[0]), state[1]


def step(state, action):
    """state: angle from upright and angular velocity; action: the torque, -2 .. 2 N m."""
    angle, turn = state
    torque = float32(action)
    from_top = (angle + math.pi) % (2.0 * math.pi) - math.pi
    cost = from_top * from_top + 0.1 * (turn * turn) + float64(THOUSANDTH * (torque * torque))
    faster = 3.0 * GRAVITY / (2.0 * LENGTH) * sin(angle) + float64(THREE * torque)
    turn = min(max(turn + faster * TIME, -FASTEST), FASTEST)
    return (angle + turn * TIME, turn), -cost, False


environment = Environment(
    "Pendulum-v1",
    start,
    observe,
    step,
    draws=2,
    actions=((-STRONGEST, STRONGEST),),
    max_steps=200,
    picture="Pendulum-v1",
)
