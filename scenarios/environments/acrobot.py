"""Acrobot: swing a two-link arm above a line by a torque at its middle joint, as in Gymnasium's Acrobot-v1.

Sutton: Generalization in reinforcement learning: successful examples using sparse coarse coding. NIPS 8, 1996; dynamics of the
book of Sutton and Barto (2018). Reward -1 per step until the arm is above the line.
"""

import math

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos, sin

GRAVITY = 9.8  # m/s^2; both links weigh 1 kg, are 1 m long with the centre in their middle, and have inertia 1 kg m^2
LENGTH, CENTRE, INERTIA = 1.0, 0.5, 1.0
TIME = 0.2  # s
FASTEST = (4 * math.pi, 9 * math.pi)  # rad/s


def start(draws):
    return tuple(0.2 * u - 0.1 for u in draws)


def observe(state):
    first, second, turn, bend = state
    return cos(first), sin(first), cos(second), sin(second), turn, bend


def accelerations(first, second, turn, bend, torque):
    """Angular accelerations of both joints; angles from hanging down, the second relative to the first."""
    cosine, sine = cos(second), sin(second)
    d1 = CENTRE * CENTRE + (LENGTH * LENGTH + CENTRE * CENTRE + 2.0 * LENGTH * CENTRE * cosine) + INERTIA + INERTIA
    d2 = (CENTRE * CENTRE + LENGTH * CENTRE * cosine) + INERTIA
    phi2 = CENTRE * GRAVITY * cos(first + second - math.pi / 2.0)
    phi1 = (
        -LENGTH * CENTRE * (bend * bend) * sine
        - 2.0 * LENGTH * CENTRE * bend * turn * sine
        + (CENTRE + LENGTH) * GRAVITY * cos(first - math.pi / 2.0)
        + phi2
    )
    force = torque + d2 / d1 * phi1 - LENGTH * CENTRE * (turn * turn) * sine - phi2
    second_one = force / (CENTRE * CENTRE + INERTIA - d2 * d2 / d1)
    return -(d2 * second_one + phi1) / d1, second_one


def moved(state, turn, bend, faster, harder, time):
    """The state after `time` with these velocities and accelerations."""
    return state[0] + time * turn, state[1] + time * bend, state[2] + time * faster, state[3] + time * harder


def wrapped(angle):
    """The angle in -pi .. pi."""
    while angle > math.pi:
        angle -= 2.0 * math.pi
    while angle < -math.pi:
        angle += 2.0 * math.pi
    return angle


def step(state, action):
    """state: both angles and their velocities; action: a torque of -1, 0 or 1 N m. Fourth-order Runge-Kutta."""
    torque = action - 1.0
    a1, b1 = accelerations(state[0], state[1], state[2], state[3], torque)
    s2 = moved(state, state[2], state[3], a1, b1, TIME / 2.0)
    a2, b2 = accelerations(s2[0], s2[1], s2[2], s2[3], torque)
    s3 = moved(state, s2[2], s2[3], a2, b2, TIME / 2.0)
    a3, b3 = accelerations(s3[0], s3[1], s3[2], s3[3], torque)
    s4 = moved(state, s3[2], s3[3], a3, b3, TIME)
    a4, b4 = accelerations(s4[0], s4[1], s4[2], s4[3], torque)
    sixth = TIME / 6.0
    first = wrapped(state[0] + sixth * (state[2] + 2.0 * s2[2] + 2.0 * s3[2] + s4[2]))
    second = wrapped(state[1] + sixth * (state[3] + 2.0 * s2[3] + 2.0 * s3[3] + s4[3]))
    turn = min(max(state[2] + sixth * (a1 + 2.0 * a2 + 2.0 * a3 + a4), -FASTEST[0]), FASTEST[0])
    bend = min(max(state[3] + sixth * (b1 + 2.0 * b2 + 2.0 * b3 + b4), -FASTEST[1]), FASTEST[1])
    up = -cos(first) - cos(second + first) > 1.0
    return (first, second, turn, bend), 0.0 if up else -1.0, up


environment = Environment("Acrobot-v1", start, observe, step, draws=4, actions=3, max_steps=500, picture="Acrobot-v1")
