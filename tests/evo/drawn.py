"""A Gymnasium environment that draws itself, and whose frames tell which step they show."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Drawn(gymnasium.Env):
    """Ends after 30 steps, pays the number of each, and draws it as a shade of grey."""

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 20}
    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)
    length = 30

    def __init__(self, render_mode=None):
        self.render_mode, self.closed = render_mode, False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.now, self.start = 0, seed
        return np.array([seed % 7, 0], np.float32), {}

    def step(self, action):
        self.now += 1
        return np.array([0, self.now], np.float32), float(self.now), self.now >= self.length, False, {}

    def render(self):
        return np.full((4, 6, 3), self.now, np.uint8)

    def close(self):
        self.closed = True
