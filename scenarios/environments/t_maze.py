"""T-maze: a corridor, a junction, and two arms, of which one holds the large reward. Its side changes once in a lifetime.

Risi and Stanley: Indirectly encoding neural plasticity as a pattern of local rules. SAB 2010, after Soltoggio, Bullinaria,
Mattiussi, Dürr and Floreano: Evolutionary advantages of neuromodulated plasticity in dynamic, reward-based scenarios.
Artificial Life XI, 2008, without the way home of the latter.
"""

import numpy as np
from PIL import Image, ImageDraw

from evo.rollout.environment import Environment

TRIALS = 100
FIRST_SWITCH, LAST_SWITCH = 35, 65  # trials, counted from 0, before one of which the sides change
LARGE, SMALL, CRASH = 1.0, 0.1, -0.4
STRAIGHT = 1.0 / 3.0  # an action of at most this magnitude goes straight on, a lower one left, a higher one right
LEFT, RIGHT = -1.0, 1.0
CORRIDOR, JUNCTION, ARM = 0.0, 1.0, 2.0
CELL, PAPER, FLOOR, AGENT, REWARD = 40, (255, 255, 255), (225, 225, 225), (0, 114, 178), (230, 159, 0)  # pixels; colours


def first_state(side, switch):
    """side: LEFT or RIGHT, of the large reward in the first trial; switch: the trial before which it changes."""
    return CORRIDOR, side, 0.0, float(switch), 0.0


def start(draws):
    """Switches before an even trial: validation and test have the odd ones."""
    return first_state(LEFT if draws[0] < 0.5 else RIGHT, FIRST_SWITCH + 1 + 2 * int(draws[1] * 15))


def starts(remainder):
    """The first states (B, 5) of both sides and every switch before a trial that leaves `remainder` when divided by 4."""
    switches = [trial for trial in range(FIRST_SWITCH, LAST_SWITCH + 1) if trial % 4 == remainder]
    return np.array([first_state(side, switch) for switch in switches for side in (LEFT, RIGHT)])


def observe(state):
    place, _, _, _, reward = state
    return 1.0 if place == JUNCTION else 0.0, 1.0 if place == ARM else 0.0, reward


def step(state, action):
    """state: place, side of the large reward at first, trial, switch, reward seen; action: straight, left or right, see
    STRAIGHT; in an arm it has no effect."""
    place, side, trial, switch, _ = state
    straight = abs(action) <= STRAIGHT
    large = side if trial < switch else -side
    crash = (place == CORRIDOR and not straight) or (place == JUNCTION and straight)
    turned = place == JUNCTION and not straight
    found = (LARGE if action * large > 0.0 else SMALL) if turned else 0.0
    ends = crash or place == ARM
    place = CORRIDOR if ends else place + 1.0
    trial = trial + 1.0 if ends else trial
    return (place, side, trial, switch, found), CRASH if crash else found, trial >= TRIALS


def draw(state):
    """The maze from above, both rewards by their size, the agent where it is."""
    place, side, trial, switch, reward = state
    picture = Image.new("RGB", (5 * CELL, 4 * CELL), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.rectangle([0.5 * CELL, 0.5 * CELL, 4.5 * CELL, 1.5 * CELL], FLOOR)
    pen.rectangle([2 * CELL, CELL, 3 * CELL, 3.5 * CELL], FLOOR)
    large = side if trial < switch else -side
    for end in (LEFT, RIGHT):
        pen.circle(((2.5 + 1.5 * end) * CELL, CELL), 14 if end == large else 5, REWARD)
    at = {CORRIDOR: (2.5, 3.0), JUNCTION: (2.5, 1.0)}.get(place, (2.5 + 1.5 * (large if reward == LARGE else -large), 1.0))
    pen.circle((at[0] * CELL, at[1] * CELL), 9, AGENT)
    return np.asarray(picture)


environment = Environment(
    "t_maze",
    start,
    observe,
    step,
    draws=2,
    actions=((-1.0, 1.0),),
    max_steps=3 * TRIALS,  # of a lifetime without a crash
    picture=draw,
    fps=6,
)
