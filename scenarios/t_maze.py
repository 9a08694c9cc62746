"""T-maze: turn to the side of the large reward, and learn within a lifetime that it has moved.

Risi and Stanley: Indirectly encoding neural plasticity as a pattern of local rules. SAB 2010, after Soltoggio et al.,
Artificial Life XI, 2008. An episode is a lifetime of 100 trials of three steps: a corridor, where nothing is seen; a junction;
the end of an arm, where the height of the reward is seen. The large reward (1) lies left or right at random, the small one (.1)
opposite; once, before one of trials 35 .. 65 counted from 0, they change places. Networks see whether there is a junction,
whether it is the end of an arm, and the reward's height; they answer one number in -1 .. 1: straight on up to a magnitude of
1/3, left below, right above. To leave a corridor not straight, or a junction straight, is a crash: -.4, and the next trial.
Fitness is the sum of rewards. Weights and values are kept between trials, and reset between lifetimes.

Who always turns to the same side gets 55 in the mean; who changes sides after each small reward gets 98.65. Training draws the
side, and a switch before an even trial; validation and test are both sides and the odd trials, those of 1 and those of 3
modulo 4. Ours: three steps a trial, without noise or a way home, the input that tells the end of an arm, and the
cost of a crash.

A hidden sheet of 4 nodes, and NEAT's preset dpnv, are the better of two trials on seeds 1000 .. 1002 (no sheet; neat2002,
recurrent), each of hebbian, abc, abcd, fixed, HyperNEAT and NEAT; the iterated rule was not tried. CPPNs then had
the preset neat2002, their default before the preset hyperneat.
"""

import numpy as np

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.control import ControlTask
from scenarios.environments import t_maze

POPULATION, GENERATIONS = 300, 100


@settings
class TMazeSettings:
    episodes: int = setting(4, "lifetimes per genome; all genomes of a generation share their start seeds", low=1)
    solved: float | None = setting(95.0, "mean validation return at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def task(settings, network):
    trials = {split: (t_maze.environment, t_maze.starts(k)) for split, k in (("validation", 1), ("test", 3))}
    made = ControlTask(t_maze.environment, network=network, trials=trials, **vars(settings))
    made.places = np.array([[-1.0], [0.0], [1.0]]), np.array([[0.0]])
    return made


scenario = Scenario(
    name="t_maze",
    title="T-maze: follow a reward that changes sides once; 3 observations, 1 turn",
    task=task,
    settings=TMazeSettings,
    budget=Budget(evaluations=POPULATION * GENERATIONS),
    methods=("adaptive-hyperneat", "hyperneat", "neat", "random-search"),
    model={"network": "mlp", "hidden": (4,)},
    learners={
        "adaptive-hyperneat": {"population_size": POPULATION, "sheet": (4,)},
        "hyperneat": {"population_size": POPULATION, "sheet": (4,)},
        "neat": {"population_size": POPULATION, "preset": "dpnv"},
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("t_maze")
