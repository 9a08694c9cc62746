import numpy as np

from evo import Budget, ControlTask, Environment, Scenario, settings


def start(draws):  # uniform numbers in (0, 1) -> the initial state
    return 2.0 * draws[0] - 1.0, 0.0


def observe(state):  # -> the observation
    return state


def step(state, push):  # -> the next state, the reward, whether the episode is over
    position, speed = state
    speed = 0.98 * speed + 0.05 * push
    position = position + 0.1 * speed
    return (position, speed), 1.0 - abs(position), abs(position) > 2.0


def draw(state):  # -> an image (H, W, 3) uint8; optional
    image = np.full((40, 240, 3), 255, np.uint8)
    column = 120 + int(50 * state[0])
    image[15:25, column - 8 : column + 8] = 0
    return image


@settings
class RailSettings:
    pass


rail = Environment("rail", start, observe, step, draws=1, actions=((-1.0, 1.0),), max_steps=200, picture=draw)
scenario = Scenario(
    name="rail",
    title="push a cart to the middle of a rail",
    task=lambda settings, network: ControlTask(rail, network=network, episodes=4),
    settings=RailSettings,
    budget=Budget(samples=2_000_000),
    methods=("neat", "ga"),
    model={"network": "mlp", "hidden": (8,)},
)
