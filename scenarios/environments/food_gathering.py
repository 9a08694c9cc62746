"""Food gathering: a robot with sensors around it, and effectors in the same directions, drives to a piece of food.

After Stanley, D'Ambrosio and Gauci: A hypercube-based encoding for evolving large-scale neural networks. Artificial Life
15(2), 2009 (what is ours: scenarios/food_gathering.py). Of n sensors that which points most nearly at the food reads 1, all
others 0. The robot never turns; it moves in the direction of its strongest effector, the slower the more the others are
excited too.
"""

import math

import numpy as np
from PIL import Image, ImageDraw

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos, sin

SENSORS = (8, 16, 32, 64, 128)  # how many a robot may have
MOST = SENSORS[-1]
EAST, NORTH = (np.array([of(2.0 * math.pi * k / MOST) for k in range(MOST)]) for of in (cos, sin))  # of its directions
DISTANCE, REACH, SPEED = 100.0, 6.0, 5.0  # of the food at first; of the robot's hand; a step at full speed
PIECE, TIME, STEPS = 10.0, 0.001, 1000  # what a piece is worth, what a step costs, and the most steps of a trial
SIZE, SCALE = 280, 1.2  # of the picture in pixels; pixels a unit
PAPER, RING, ROBOT, FOOD = (255, 255, 255), (225, 225, 225), (0, 114, 178), (230, 159, 0)


def first_state(angle):
    """angle: of the food, counterclockwise from the first sensor (rad)."""
    return 0.0, 0.0, DISTANCE * math.cos(angle), DISTANCE * math.sin(angle)


def start(draws):
    """Food anywhere around the robot."""
    return first_state(2.0 * math.pi * draws[0])


def starts(sensors, offset):
    """The first states (2n, 4) with food at angles half of the angle between two sensors apart, the first `offset` of such a
    half ahead of the first sensor: 0 is at each sensor and halfway to the next."""
    return np.array([first_state(math.pi * (k + offset) / sensors) for k in range(2 * sensors)])


def nearest(state, sensors):
    """The sensor that points most nearly at the food; of two equally near the first."""
    x, y, food_x, food_y = state
    found, most = 0, -math.inf
    for k in range(sensors):
        along = (food_x - x) * EAST[k * (MOST // sensors)] + (food_y - y) * NORTH[k * (MOST // sensors)]
        if along > most:
            found, most = k, along
    return found


def eight(k):
    return (
        1.0 if k == 0 else 0.0,
        1.0 if k == 1 else 0.0,
        1.0 if k == 2 else 0.0,
        1.0 if k == 3 else 0.0,
        1.0 if k == 4 else 0.0,
        1.0 if k == 5 else 0.0,
        1.0 if k == 6 else 0.0,
        1.0 if k == 7 else 0.0,
    )


def sixteen(k):
    return eight(k) + eight(k - 8)


def thirty_two(k):
    return sixteen(k) + sixteen(k - 16)


def sixty_four(k):
    return thirty_two(k) + thirty_two(k - 32)


def observe_8(state):
    return eight(nearest(state, 8))


def observe_16(state):
    return sixteen(nearest(state, 16))


def observe_32(state):
    return thirty_two(nearest(state, 32))


def observe_64(state):
    return sixty_four(nearest(state, 64))


def observe_128(state):
    k = nearest(state, 128)
    return sixty_four(k) + sixty_four(k - 64)


def step(state, action):
    """state: robot and food, x and y each; action: n activations in 0 .. 1. Equally strong effectors push together."""
    x, y, food_x, food_y = state
    strongest, total, east, north = 0.0, 0.0, 0.0, 0.0
    for k in range(len(action)):
        strongest, total = max(strongest, action[k]), total + action[k]
    for k in range(len(action)):
        if action[k] == strongest:
            east, north = east + EAST[k * (MOST // len(action))], north + NORTH[k * (MOST // len(action))]
    speed = SPEED * strongest / total if total > 0.0 else 0.0
    x, y = x + speed * east, y + speed * north
    reached = (food_x - x) * (food_x - x) + (food_y - y) * (food_y - y) <= REACH * REACH
    return (x, y, food_x, food_y), (PIECE if reached else 0.0) - TIME, reached


def draw(state):
    """The field from above: where food may lie, the food, the robot and how far it reaches."""
    x, y, food_x, food_y = state
    picture = Image.new("RGB", (SIZE, SIZE), PAPER)
    pen = ImageDraw.Draw(picture)
    pixel = lambda east, north: (SIZE / 2 + SCALE * east, SIZE / 2 - SCALE * north)
    pen.circle(pixel(0.0, 0.0), SCALE * DISTANCE, outline=RING, width=2)
    pen.circle(pixel(food_x, food_y), 5, FOOD)
    pen.circle(pixel(x, y), SCALE * REACH, ROBOT)
    return np.asarray(picture)


def robot(sensors):
    """The environment of a robot with so many sensors and effectors, one of SENSORS."""
    observe = {8: observe_8, 16: observe_16, 32: observe_32, 64: observe_64, 128: observe_128}[sensors]
    name, actions = "food_gathering", ((0.0, 1.0),) * sensors
    return Environment(name, start, observe, step, draws=1, actions=actions, max_steps=STEPS, picture=draw, fps=20)


environment = robot(8)
