"""Double pole without velocities: networks observe position and angles only, so they need memory.

Gruau, Whitley, Pyeatt: A comparison between cellular encoding and direct encoding for genetic neural networks. GP 1996, with a
fitness that penalises oscillation; as in Stanley and Miikkulainen 2002, section 4.3.2, equations 3 and 4.
"""

from functools import partial

from evo.rollout.environment import Environment
from scenarios.environments import double_pole
from scenarios.environments.double_pole import start
from scenarios.environments.poles import FALLEN, FORCE, FPS, START_ANGLE, draw2, move2, out

WINDOW = 100  # steps over which oscillation is measured
STEPS = 1000  # of a fitness episode


def observe(state):
    return state[0] / 4.8, state[2] / 0.52, state[4] / 0.52


def shaking_step(state, action):
    """The reward is the deviation of cart and long pole from rest at the centre, which `fitness` sums."""
    state = move2(state, action)
    shaking = abs(state[0]) + abs(state[1]) + abs(state[2]) + abs(state[3])
    return state, shaking, out(state) or not abs(state[4]) <= FALLEN


def fitness(total, recent, steps):
    """0.1 f1 + 0.9 f2: f1 = steps / 1000; f2 = 0.75 / the deviation summed over the last 100 steps, 0 for fewer steps."""
    return 0.1 * steps / 1000.0 + (0.9 * 0.75 / recent if steps >= WINDOW else 0.0)


def shaking(angle: float = START_ANGLE) -> Environment:
    """The environment for fitness; the long pole starts at `angle` (rad)."""
    return Environment(
        "double_pole_no_velocity",
        partial(start, angle=angle),
        observe,
        shaking_step,
        draws=0,
        actions=((-FORCE, FORCE),),
        max_steps=STEPS,
        episode_return=fitness,
        window=WINDOW,
        picture=draw2,
        fps=FPS,
    )


def balancing(angle: float = START_ANGLE, max_steps: int = 100_000) -> Environment:
    """The environment for tests: reward 1 per step while both poles are up."""
    return Environment(
        "double_pole_no_velocity",
        partial(start, angle=angle),
        observe,
        double_pole.step,
        draws=0,
        actions=((-FORCE, FORCE),),
        max_steps=max_steps,
        picture=draw2,
        fps=FPS,
    )


environment = shaking()
