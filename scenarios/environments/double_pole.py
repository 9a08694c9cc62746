"""Double pole with velocities: a long and a short pole on one cart (`poles`). Reward 1 per step while both are up.

Stanley and Miikkulainen 2002, section 4.3.1: fitness is the number of steps, 100,000 solve the task. Observations are scaled as
in the program released with it.
"""

from functools import partial

from evo.rollout.environment import Environment
from scenarios.environments.poles import FALLEN, FORCE, FPS, START_ANGLE, draw2, move2, out


def start(draws, angle=START_ANGLE):
    return 0.0, 0.0, angle, 0.0, 0.0, 0.0


def observe(state):
    x, v, angle1, turn1, angle2, turn2 = state
    return x / 4.8, v / 2.0, angle1 / 0.52, turn1 / 2.0, angle2 / 0.52, turn2 / 2.0


def step(state, action):
    state = move2(state, action)
    fallen = out(state) or not abs(state[4]) <= FALLEN
    return state, 0.0 if fallen else 1.0, fallen


def balancing(angle: float = START_ANGLE, max_steps: int = 100_000) -> Environment:
    """The long pole starts at `angle` (rad), the short one upright; an episode is truncated after `max_steps`."""
    return Environment(
        "double_pole",
        partial(start, angle=angle),
        observe,
        step,
        draws=0,
        actions=((-FORCE, FORCE),),
        max_steps=max_steps,
        picture=draw2,
        fps=FPS,
    )


environment = balancing()
