"""Mountain car: rock an underpowered car out of a valley: push left, not at all, or right, as in Gymnasium's MountainCar-v0.

Moore: Efficient memory-based learning for robot control. PhD thesis, Cambridge 1990. Reward -1 per step until the goal.
"""

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos

FORCE, GRAVITY = 0.001, 0.0025
LEFT, RIGHT, FASTEST, GOAL = -1.2, 0.6, 0.07, 0.5


def start(draws):
    return 0.2 * draws[0] - 0.6, 0.0


def observe(state):
    return state


def step(state, action):
    """state: position and velocity; action: 0 pushes left, 1 not, 2 right."""
    x, v = state
    v = min(max(v + ((action - 1) * FORCE + cos(3.0 * x) * -GRAVITY), -FASTEST), FASTEST)
    x = min(max(x + v, LEFT), RIGHT)
    if x == LEFT and v < 0.0:
        v = 0.0
    return (x, v), -1.0, x >= GOAL and v >= 0.0


environment = Environment("MountainCar-v0", start, observe, step, draws=1, actions=3, max_steps=200, picture="MountainCar-v0")
