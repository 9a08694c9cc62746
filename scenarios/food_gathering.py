"""Food gathering: n sensors around a robot, n effectors in the same directions, one piece of food a trial.

After Stanley, D'Ambrosio and Gauci: A hypercube-based encoding for evolving large-scale neural networks. Artificial Life
15(2), 2009, as others tell it: its own text was not at hand, so figures here are not to be set beside the paper's. Food lies
100 units away, in training at the angle of each sensor and halfway between two: 2n trials of at most 1,000 steps. The robot
moves in the direction of its strongest effector, at that effector's share in the sum of all. Fitness is the mean of the
trials: 10 for a piece of food, minus .001 a step. Nodes lie on two concentric circles, sensors within effectors, or in two
parallel rows, so that a CPPN may see that a sensor points where an effector does. What it draws for 8 sensors it draws for 16
.. 128 too.

Ours: that the nearest sensor alone reads, and reads 1; a reach of 6 units, a full speed of 5 a step, no walls; that effectors
that are equally strong push together, so that opposite ones cancel; the scale of fitness; the radii of the circles, .5 and 1.
Validation and test are 2n other angles each, a third and two thirds of the way from one of training to the next. Who drives
in the direction of the sensor that reads reaches every piece, at full speed in 19 to 21 steps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from evo.core import Budget, Evaluation, Model, Phenotypes, Scenario
from evo.hyperneat.substrate import circle, sheet
from evo.settings import setting, settings
from evo.tasks.control import ControlTask
from scenarios.environments import food_gathering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OFFSETS = {"train": 0.0, "validation": 1 / 3, "test": 2 / 3}  # of angles, in those between two of training
INNER = 0.5  # radius of the sensors' circle; that of effectors is 1


@settings
class FoodGatheringSettings:
    sensors: int = setting(8, "sensors, and as many effectors: 8, 16, 32, 64 or 128", low=8, high=128)
    layout: str = setting("concentric", "where nodes lie: on two circles, or in two rows", choices=("concentric", "parallel"))
    solved: float | None = setting(9.9, "mean validation return at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))

    def contradictions(self) -> list[str]:
        known = self.sensors in food_gathering.SENSORS
        return [] if known else [f"sensors: expected one of {food_gathering.SENSORS}; got {self.sensors}"]


class FoodGathering(ControlTask):
    """Trials of a robot with so many sensors, one of 8, 16, 32, 64, 128; layout: "concentric" or "parallel"."""

    def __init__(self, sensors: int = 8, layout: str = "concentric", **rest: Any):
        self._world = world = food_gathering.robot(sensors)
        self.trials = {split: food_gathering.starts(sensors, offset) for split, offset in OFFSETS.items()}
        fixed = {split: (world, self.trials[split]) for split in ("validation", "test")}
        super().__init__(world, episodes=2 * sensors, trials=fixed, **rest)
        self.resolution, self._layout = sensors, layout
        row = sheet((1, sensors))
        self.places = (circle(sensors, INNER), circle(sensors)) if layout == "concentric" else (row, row)

    def at(self, resolution: int) -> FoodGathering:
        """The same robot with another number of sensors."""
        if resolution not in food_gathering.SENSORS:
            raise ValueError(f"resolution: expected a number of sensors, one of {food_gathering.SENSORS}; got {resolution}")
        return FoodGathering(resolution, self._layout, network=self._network)

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation:
        """Every genome in all trials of training, whatever the seeds."""
        return super().evaluate(phenotypes, self.trials["train"])

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The robot's path to each piece of food of a split: a circle where it was reached, a cross where it was not."""
        from evo.plots import figures

        figure = figures.blank(4.8, 4.8)
        axes, foods, found = figure.subplots(), self.trials[split][:, 2:], 0
        for food, path in zip(foods, self.paths(model, split)):
            reached = math.dist(path[-1], food) <= food_gathering.REACH
            found += reached
            axes.plot(*path.T, "-", color=figures.PALETTE[0], linewidth=1)
            axes.plot(*food, "o" if reached else "x", color=figures.PALETTE[1 if reached else 4])
        side = 1.3 * food_gathering.DISTANCE
        axes.set(xlim=(-side, side), ylim=(-side, side), aspect="equal", xlabel="east", ylabel="north")
        axes.set_title(f"{split} split: {found} of {len(foods)} pieces of food reached", fontsize=figures.SMALL + 1)
        return figures.settled(figure)

    def paths(self, model: Model, split: str = "validation") -> list[np.ndarray]:
        """Where the robot is at first and after each step (steps + 1, 2), in each trial of "train", "validation" or "test". A
        trial also ends where the network answers NaN."""
        world = self._world
        states = [tuple(state) for state in self.trials[split].tolist()]
        paths, running = [[state[:2]] for state in states], list(range(len(states)))
        ranges = None if model.output_range is None else model.output_range[0]
        model.reset()
        for _ in range(world.max_steps):
            seen = np.array([world.observe(state) for state in states], np.float32)
            answers, going = torch.as_tensor(model(torch.from_numpy(seen))), []
            for k in running:
                if answers[k].isnan().any():
                    continue
                states[k], _, over = world.step(states[k], np.asarray(self._act(answers[k].tolist(), ranges)).tolist())
                paths[k].append(states[k][:2])
                going += [] if over else [k]
            if not (running := going):
                break
        return [np.array(path) for path in paths]


scenario = Scenario(
    name="food_gathering",
    title="Food gathering: drive to food that sensors all around see; 8 observations, 8 effectors",
    task=lambda settings, network: FoodGathering(network=network, **vars(settings)),
    settings=FoodGatheringSettings,
    budget=Budget(evaluations=30_000),
    methods=("hyperneat", "neat", "ga", "random-search"),
    model={"network": "mlp", "hidden": (16,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("food_gathering")
