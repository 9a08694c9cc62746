"""Single pole: the long pole of `poles` alone on the cart. Reward 1 per step while it is up."""

from functools import partial

from evo.rollout.environment import Environment
from scenarios.environments.poles import FORCE, FPS, START_ANGLE, draw1, move1, out


def start(draws, angle=START_ANGLE):
    return 0.0, 0.0, angle, 0.0


def observe(state):
    return state[0] / 4.8, state[1] / 2.0, state[2] / 0.52, state[3] / 2.0


def step(state, action):
    state = move1(state, action)
    fallen = out(state)
    return state, 0.0 if fallen else 1.0, fallen


def balancing(angle: float = START_ANGLE, max_steps: int = 100_000) -> Environment:
    """The pole starts at `angle` (rad); an episode is truncated after `max_steps`."""
    return Environment(
        "single_pole",
        partial(start, angle=angle),
        observe,
        step,
        draws=0,
        actions=((-FORCE, FORCE),),
        max_steps=max_steps,
        picture=draw1,
        fps=FPS,
    )


environment = balancing()
