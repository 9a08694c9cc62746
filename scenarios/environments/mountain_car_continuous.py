"""Mountain car with a continuous force, as in Gymnasium's MountainCarContinuous-v0, which computes in float32.

Moore: Efficient memory-based learning for robot control. PhD thesis, Cambridge 1990. A step costs 0.1 times the squared force;
the goal pays 100.
"""

from numpy import float32, float64

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos

POWER, THREE = float32(0.0015), float32(3)
LEFT, RIGHT, FASTEST, GOAL = float32(-1.2), float32(0.6), float32(0.07), float32(0.45)
STILL = float32(0)


def start(draws):
    return float32(0.2 * draws[0] - 0.6), STILL


def observe(state):
    return state


def step(state, action):
    """state: position and velocity; action: the force, -1 .. 1."""
    x, v, force = float32(state[0]), float32(state[1]), float32(action)
    slope = float32(0.0025 * cos(float64(THREE * x)))
    v = min(max(v + (force * POWER - slope), -FASTEST), FASTEST)
    x = min(max(x + v, LEFT), RIGHT)
    if x == LEFT and v < STILL:
        v = STILL
    out = x >= GOAL and v >= STILL
    return (x, v), (100.0 if out else 0.0) - float64(force) * float64(force) * 0.1, out


environment = Environment(
    "MountainCarContinuous-v0",
    start,
    observe,
    step,
    draws=1,
    actions=((-1.0, 1.0),),
    max_steps=999,
    picture="MountainCarContinuous-v0",
)
