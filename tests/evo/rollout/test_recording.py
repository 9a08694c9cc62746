import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import torch
from drawn import Drawn

from evo.rollout import recording
from evo.tasks.control import ControlTask
from evo.tasks.stepping import LONGEST
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP

network = lambda inputs, outputs: MLP(inputs, outputs, hidden=(5,))


def filmed(environment=Drawn, **values):
    task = ControlTask(environment, network=network, test_episodes=4)
    return task.film(TorchModel(task.network()), "test", **values)


def test_a_film_holds_every_frame_reward_observation_and_action_of_an_episode():
    made = filmed()
    assert made.frames.shape == (31, 4, 6, 3)
    assert made.frames.dtype == np.uint8
    assert made.frames[:, 0, 0, 0].tolist() == made.steps.tolist() == list(range(31))
    assert made.rewards.tolist() == list(range(1, 31))
    assert made.observations[1:, 1].tolist() == list(range(1, 30))
    assert made.actions.shape == (30, 1)
    assert set(made.actions.flatten()) <= {0, 1}
    assert (made.fps, made.trouble) == (20, "")


def test_a_film_is_of_the_episodes_that_are_scored():
    task = ControlTask("CartPole-v1", network=network, validation_episodes=3)
    model = TorchModel(task.network())
    films = [task.film(model, "validation", k, frames=1) for k in range(3)]
    score = task.score(model, "validation")
    assert np.mean([one.rewards.sum() for one in films]) == score["return"]
    assert np.mean([len(one.rewards) for one in films]) == score["steps"]


@pytest.mark.parametrize("most", [1, 2, 7, 16, 30, 31, 500])
def test_frames_that_are_too_many_are_thinned_evenly_and_the_film_lasts_as_long(most):
    made = filmed(frames=most)
    gaps = np.diff(made.steps)
    assert len(made.frames) <= most + 1
    assert (made.steps[0], made.steps[-1]) == (0, 30)
    assert len(set(gaps[:-1])) <= 1
    assert made.frames[:, 0, 0, 0].tolist() == made.steps.tolist()
    assert len(made.rewards) == 30
    if len(gaps) > 1:
        assert made.fps * gaps[0] == 20


@pytest.mark.parametrize(("rate", "most", "gap", "speed"), [(20, 500, 1, 1), (10, 500, 2, 1), (9, 8, 4, 2), (10, 4, 8, 4)])
def test_a_film_has_a_rate_and_a_long_one_is_shown_faster_to_be_as_smooth(rate, most, gap, speed):
    made = filmed(rate=rate, frames=most)
    assert set(np.diff(made.steps)[:-1]) == {gap}
    assert (made.fps, made.speed) == (20 / gap, speed)
    assert made.fps * made.speed == 20 / max(1, round(20 / rate))
    assert len(made.frames) <= most + 1


def test_an_environment_that_draws_over_its_last_frame_is_filmed_frame_by_frame():
    canvas = np.zeros((4, 6, 3), np.uint8)

    class Overdrawn(Drawn):
        def render(self):
            canvas[:] = self.now
            return canvas

    assert filmed(Overdrawn).frames[:, 0, 0, 0].tolist() == list(range(31))


def test_the_environment_of_a_film_is_its_own_and_is_closed():
    made = []
    task = ControlTask(lambda render_mode=None: made.append(Drawn(render_mode)) or made[-1], network=network)
    task.film(TorchModel(task.network()))
    assert [one.render_mode for one in made] == [None, "rgb_array"]
    assert [one.closed for one in made] == [False, True]


def undrawn():
    return gymnasium.make("CartPole-v1")


def no_modes():
    environment = Drawn()
    return environment


def dying(at):
    class Dying(Drawn):
        def render(self):
            if self.now == at:
                raise OSError("the screen\nis gone")
            return super().render()

    return Dying


def giving(value):
    return type("Giving", (Drawn,), {"render": lambda self: value})


class Growing(Drawn):
    def render(self):
        return np.zeros((4 + self.now, 6, 3), np.uint8)


class Unmade(Drawn):
    def __init__(self, render_mode=None):
        if render_mode:
            raise ImportError("no pygame here")
        super().__init__()


@pytest.mark.parametrize(
    ("environment", "trouble"),
    [
        (undrawn, "its render_mode is None"),
        (no_modes, "its render_mode is None"),
        (dying(0), "OSError: the screen is gone"),
        (dying(12), "OSError: the screen is gone"),
        (dying(30), "OSError: the screen is gone"),
        (giving(None), "must give (H, W, 3) uint8; got object ()"),
        (giving("text"), "must give (H, W, 3) uint8; got <U4 ()"),
        (giving(np.zeros((4, 4), np.uint8)), "got uint8 (4, 4)"),
        (giving(np.zeros((0, 4, 3), np.uint8)), "got uint8 (0, 4, 3)"),
        (giving(np.zeros((4, 4, 3))), "got float64 (4, 4, 3)"),
        (Growing, "frames of one shape; got (4, 6, 3), then (5, 6, 3)"),
        (Unmade, "ImportError: no pygame here"),
    ],
)
def test_an_environment_that_cannot_draw_costs_the_frames_and_nothing_else(environment, trouble):
    made = filmed(environment)
    assert made.frames is None
    assert trouble in made.trouble
    assert len(made.steps) == 0
    assert len(made.rewards) == len(made.observations) == len(made.actions) > 5
    task = ControlTask(environment, network=network, validation_episodes=2)
    assert task.figure(TorchModel(task.network())).axes[0].get_ylabel() == "observation"


def test_a_registered_environment_that_draws_nothing_is_filmed_without_a_warning():
    gymnasium.register("Undrawn-v0", lambda **rest: Drawn() if not rest else 1 / 0)
    made = filmed("Undrawn-v0")
    assert made.frames is None
    assert made.trouble.startswith("ZeroDivisionError")
    assert len(made.rewards) == 30


def test_a_model_that_answers_nan_ends_its_film_with_reward_nan():
    task = ControlTask(Drawn, network=network)
    answers = iter([torch.tensor([[0.0, 1.0]])] * 3 + [torch.tensor([[0.0, float("nan")]])])
    model = TorchModel(task.network())
    model.module.forward = lambda x: next(answers)
    made = task.film(model)
    assert made.rewards[:3].tolist() == [1, 2, 3]
    assert np.isnan(made.rewards[3:]).tolist() == [True]
    assert len(made.frames) == 4
    assert len(made.actions) == 3


def test_a_fault_of_the_environment_itself_names_task_episode_and_step():
    class Broken(Drawn):
        def step(self, action):
            return super().step(action) if self.now < 4 else 1 / 0

    with pytest.raises(RuntimeError, match="Broken, test episode 2, step 5: ZeroDivisionError: division by zero"):
        filmed(Broken, episode=2)


def test_an_episode_without_end_is_cut():
    class Endless(Drawn):
        length = 10**9

    choose = lambda observation: 0
    made = recording.record(Endless("rgb_array"), choose, 0, most=10, longest=200)
    assert len(made.rewards) == 200
    assert len(made.frames) <= 11
    assert LONGEST == 100_000


@pytest.mark.parametrize(("values", "said"), [({"episode": 4}, "0 to 3"), ({"episode": -1}, "0 to 3")])
def test_an_episode_that_is_not_there_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        filmed(**values)


def test_a_mode_for_people_keeps_no_frames_and_is_not_asked_to():
    shown = []
    made = filmed(type("Watched", (Drawn,), {"render": lambda self: shown.append(self.now)}), mode="human")
    assert (made.frames, made.trouble, shown) == (None, "", [])
    assert filmed(undrawn, mode="human").trouble == "its render_mode is None"


def test_drawing_needs_no_screen_says_nothing_and_leaves_no_trace_in_the_environment():
    code = """if True:
        import os
        from evo.tasks.control import ControlTask
        from evo.vectors.modules import MLP
        from evo.vectors.models import TorchModel
        task = ControlTask("Pendulum-v1", network=lambda i, o: MLP(i, o, hidden=[2]))
        before = dict(os.environ)
        film = task.film(TorchModel(task.network()), frames=4)
        assert film.frames.max() > film.frames.min()
        assert dict(os.environ) == before
        import pygame
        assert not pygame.display.get_init()
    """
    gone = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "PYGAME_HIDE_SUPPORT_PROMPT")
    clean = {key: value for key, value in os.environ.items() if key not in gone}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=clean)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_stood_in_the_environment_stands_there_again(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    with recording.offscreen():
        assert os.environ["SDL_VIDEODRIVER"] == "dummy"
    assert os.environ["SDL_VIDEODRIVER"] == "x11"
    monkeypatch.delenv("SDL_VIDEODRIVER")
    with recording.offscreen():
        pass
    assert "SDL_VIDEODRIVER" not in os.environ
