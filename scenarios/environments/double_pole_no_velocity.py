"""Double pole without velocities: networks see position and angles alone, and must remember.

Gruau, Whitley, Pyeatt: A comparison between cellular encoding and direct encoding for genetic neural networks. GP 1996, whose
fitness punishes those who balance by shaking; as in Stanley and Miikkulainen 2002, section 4.3.2, equations 3 and 4.
"""

from functools import partial

from evo.rollout.environment import Environment
from scenarios.environments import double_pole
from scenarios.environments.double_pole import start
from scenarios.environments.poles import FALLEN, FORCE, FPS, START_ANGLE, draw2, move2, out

WINDOW = 100  # steps in which the shaking is measured
STEPS = 1000  # of an episode that gives fitness


def observe(state):
    return state[0] / 4.8, state[2] / 0.52, state[4] / 0.52


def shaking_step(state, action):
    """The reward is how much cart and long pole are away from rest in the middle, which `fitness` sums."""
    state = move2(state, action)
    shaking = abs(state[0]) + abs(state[1]) + abs(state[2]) + abs(state[3])
    return state, shaking, out(state) or not abs(state[4]) <= FALLEN


def fitness(total, recent, steps):
    """.1 f1 + .9 f2: f1 = steps / 1000; f2 = .75 / the shaking of the last 100 steps, 0 where there were fewer."""
    return 0.1 * steps / 1000.0 + (0.9 * 0.75 / recent if steps >= WINDOW else 0.0)


def shaking(angle: float = START_ANGLE) -> Environment:
    """The environment that gives fitness; the long pole starts at `angle` (rad)."""
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
    """The environment that tests: a step after which both poles stand is worth 1."""
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
