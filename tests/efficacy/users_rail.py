"""A user's own environment as a scenario, in one file: what `same_results.py` runs as "one of a user's"."""

from evo import ControlTask, Environment
from evo.core import Budget, Scenario
from evo.settings import setting, settings


def start(draws):
    return 2.0 * draws[0] - 1.0, 0.0


def observe(state):
    return state


def step(state, push):
    position, speed = state
    speed = 0.98 * speed + 0.05 * push
    position = position + 0.1 * speed
    return (position, speed), 1.0 - abs(position), abs(position) > 2.0


@settings
class RailSettings:
    episodes: int = setting(3, "episodes that score a genome", low=1)


def task(options, network):
    rail = Environment("users_rail", start, observe, step, draws=1, actions=((-1.0, 1.0),), max_steps=60)
    return ControlTask(rail, network=network, episodes=options.episodes, normalize_observations=True)


scenario = Scenario(
    name="users_rail",
    title="a cart is brought to the middle of a rail",
    task=task,
    settings=RailSettings,
    budget=Budget(evaluations=1000),
    methods=("neat", "ga"),
    model={"network": "mlp", "hidden": (4,)},
)
