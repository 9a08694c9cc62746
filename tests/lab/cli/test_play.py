import gzip
import io
import math
import re
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from PIL import Image

from evo import CPPN, ESHyperNEAT, HyperNEAT
from evo.tasks.control import ControlTask
from evo.tasks.function import FunctionTask
from evo.tasks.supervised import SupervisedTask
from evo.tasks.targets import split
from evo.vectors.models import TorchModel, VectorModel
from evo.vectors.modules import MLP
from scenarios import cppn_image
from scenarios.cppn_image import CPPNImageSettings, pixels
from scenarios.lab import Run, load, run
from scenarios.lab.cli import play
from scenarios.lab.store.files import CannotWrite
from scenarios.tables import table_scenario
from scenarios.visual_discrimination import VisualDiscrimination

network = lambda inputs, outputs: MLP(inputs, outputs, hidden=[4])
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


class Lamp(gymnasium.Env):
    """Thirty steps of growing light, each worth 1 and 1/10; `shown` lists the modes it was made in."""

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 25}
    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = spaces.Discrete(2)
    shown: list = []
    length = 30

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.shown.append(render_mode)

    def reset(self, *, seed=None, options=None):
        self.now = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.now += 1
        return np.zeros(1, np.float32), 1.1, self.now >= self.length, False, {}

    def render(self):
        return np.concatenate([np.zeros((8, 6, 3), np.uint8), np.full((8, 6, 3), 8 * self.now, np.uint8)], 1)


class Dying(Lamp):
    def render(self):
        raise OSError("the bulb is gone")


class Screenless(Lamp):
    def reset(self, *, seed=None, options=None):
        if self.render_mode == "human":
            raise OSError("no such display")
        return super().reset(seed=seed)


class Terminal(io.StringIO):
    isatty = lambda self: True


def of(task, model=None, path="runs/x/ga/seed-0"):
    return SimpleNamespace(task=task, predictor=task, champion=model or TorchModel(task.network()), path=path)


def acting(environment=Lamp):
    environment.shown = []
    return of(ControlTask(environment, network=network, test_episodes=5))


def answering(kind="classification", test=True, rows=30, classes=("cat", "d\x1b[31mog", "<b>")):
    x = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    y = np.arange(rows) % 3 if kind == "classification" else x[:, :2] / 2
    names = dict(classes=list(classes)) if kind == "classification" else {}
    return of(SupervisedTask((x, y), (x, y), (x, y) if test else None, kind=kind, network=network, **names))


def played(run, record=None, rows=None, table=None, out=None, resolution=None):
    out = out or io.StringIO()
    play.play(run, record, rows, table, out, resolution)
    return out.getvalue()


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    for name in (*SCREENS, "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(play.sys, "platform", "linux")
    waited = []
    monkeypatch.setattr(play.time, "sleep", waited.append)
    return waited


def test_a_film_is_a_gif_of_every_frame_that_loops_at_the_environments_pace(tmp_path):
    said = played(acting(), record=tmp_path / "out.gif")
    assert said == f"test episode 0: return 33 in 30 steps; 31 frames in {tmp_path / 'out.gif'}\n"
    gif = Image.open(tmp_path / "out.gif")
    assert (gif.format, gif.n_frames, gif.size, gif.info["loop"]) == ("GIF", 31, (12, 8), 0)
    for k in range(31):
        gif.seek(k)
        frame = np.asarray(gif.convert("RGB")).astype(int)
        assert gif.info["duration"] == 40
        assert abs(frame[:, 6:] - 8 * k).max() <= 4
        assert frame[:, :6].max() == 0
    gif.close()
    assert [one.name for one in tmp_path.iterdir()] == ["out.gif"]


@pytest.mark.parametrize(
    ("fps", "length", "duration", "faster"),
    [(1000, 30, 40, ""), (10, 30, 100, ""), (50, 580, 40, ""), (50, 1500, 40, ", 4 times as fast as it was")],
)
def test_a_gif_is_smooth_however_long_the_episode_and_never_longer_than_its_frames(tmp_path, fps, length, duration, faster):
    kind = type("Paced", (Lamp,), {"metadata": {"render_modes": ["rgb_array"], "render_fps": fps}, "length": length})
    kind.render = lambda self: np.full((2, 2, 3), 40 * self.now % 256, np.uint8)
    assert played(acting(kind), record=tmp_path / "out.gif").endswith(f"out.gif{faster}\n")
    with Image.open(tmp_path / "out.gif") as gif:
        assert gif.n_frames <= play.FRAMES + 1
        assert gif.info["duration"] == duration


@pytest.mark.parametrize(
    ("name", "environment", "said"),
    [
        ("out.png", Lamp, "expected a name that ends in .gif"),
        ("nowhere/out.gif", Lamp, "there is no folder .*nowhere; make it first"),
        ("taken.gif", Lamp, "cannot write .*taken.gif: Is a directory"),
        ("out.gif", Dying, "Dying cannot be drawn: OSError: the bulb is gone"),
        ("out.gif", lambda: Lamp(), "cannot be drawn: its render_mode is None"),
    ],
)
def test_a_gif_that_cannot_be_is_an_error_in_a_line_and_no_file(tmp_path, name, environment, said):
    (tmp_path / "taken.gif").mkdir()
    made = acting(Lamp)
    made.predictor = ControlTask(environment, network=network)
    with pytest.raises((play.PlayError, CannotWrite), match=said) as error:
        played(made, record=tmp_path / name)
    assert "\n" not in str(error.value)
    assert [one.name for one in tmp_path.iterdir()] == ["taken.gif"]


def test_a_folder_that_is_missing_is_told_before_the_episode_is_played(tmp_path):
    made = acting()
    with pytest.raises(play.PlayError):
        played(made, record=tmp_path / "nowhere" / "out.gif")
    assert Lamp.shown == [None]


@pytest.mark.parametrize("screen", SCREENS)
def test_where_there_is_a_screen_the_environment_shows_itself(screen, monkeypatch):
    monkeypatch.setenv(screen, ":0")
    lines = played(acting()).splitlines()
    assert lines == [f"test episode {k}: return 33 in 30 steps" for k in range(3)]
    assert Lamp.shown == [None] + ["human"] * 3


@pytest.mark.parametrize("environment", [Screenless, lambda: Lamp()])
def test_a_window_that_does_not_open_is_told_and_the_terminal_takes_its_place(environment, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    lines = played(of(ControlTask(environment, network=network, test_episodes=5))).splitlines()
    assert re.match(r"no window: (Screenless, test episode 0, .*no such display|its render_mode is None)", lines[0])
    assert lines[1:4] == [f"test episode {k}: return 33 in 30 steps" for k in range(3)]


def test_without_a_terminal_it_is_a_line_an_episode_and_a_hint():
    lines = played(acting()).splitlines()
    assert lines[:3] == [f"test episode {k}: return 33 in 30 steps" for k in range(3)]
    assert len(lines) == 4
    assert "--record out.gif" in lines[3]


def test_in_a_terminal_frames_are_half_blocks_in_the_colours_of_the_frames(no_screen):
    text = played(acting(), out=Terminal())
    assert text.count("▀") == 3 * 31 * 12 * 4
    assert text.count("\x1b[4A") == 3 * 30  # each frame but an episode's first is drawn over the one before
    last = text.split("\x1b[4A")[30]
    assert "\x1b[38;2;0;0;0;48;2;0;0;0m▀" in last
    assert "\x1b[38;2;240;240;240;48;2;240;240;240m▀" in last
    assert no_screen == [1 / 25] * 93
    for line in text.splitlines():
        assert line.endswith("\x1b[0m") == ("▀" in line)


def test_where_colours_are_unwelcome_the_blocks_have_none(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = played(acting(), out=Terminal())
    assert "38;2" not in text
    frames = text.split("test episode 0")[0].split("\x1b[4A")
    assert frames[0] == (" " * 12 + "\n") * 4
    assert frames[-1] == (" " * 6 + "█" * 6 + "\n") * 4


def test_a_frame_fits_the_terminal(monkeypatch):
    monkeypatch.setattr(play.shutil, "get_terminal_size", lambda fallback=None: (9, 5))
    text = played(acting(), out=Terminal())
    first = text.split("\x1b[")[0:1][0] + text.partition("\x1b[3A")[0]
    assert max(line.count("▀") for line in text.splitlines()) <= 8
    assert first.count("\n") <= 3


def test_an_environment_that_cannot_be_drawn_is_played_in_words():
    lines = played(acting(Dying), out=Terminal()).splitlines()
    assert lines[:3] == [f"test episode {k}: return 33 in 30 steps" for k in range(3)]
    assert lines[3] == "Dying cannot be drawn: OSError: the bulb is gone"


def test_predictions_are_printed_with_the_truth_and_mistakes_are_marked():
    made = answering()
    lines = played(made, rows="0,4-6,29").splitlines()
    assert lines[0] == "5 of 30 rows of the test split"
    assert lines[1].split() == ["row", "predicted", "confidence", "truth"]
    x, y = made.task.split("test")
    chosen = [0, 4, 5, 6, 29]
    outputs = made.champion(x[chosen]).softmax(-1)
    names = ["cat", "d?[31mog", "<b>"]
    for line, row, said in zip(lines[2:], chosen, outputs):
        best = int(said.argmax())
        wrong = ["wrong"] * (best != int(y[row]))
        assert line.split() == [str(row), names[best], f"{float(said.max()):.4f}", names[y[row]], *wrong]
    assert len(lines) == 7


def test_numbers_are_printed_beside_the_truth():
    made = answering("regression", test=False)
    lines = played(made).splitlines()
    assert lines[0] == "10 of 30 rows of the validation split"
    x, y = made.task.split("validation")
    expected = [f"{value:.6g}" for value in [*made.champion(x[:10])[3].tolist(), *y[3].tolist()]]
    assert lines[5].split() == ["3", *expected]


def test_an_answer_that_is_no_number_is_a_dash():
    made = answering()
    made.champion = SimpleNamespace(__call__=None)
    made.champion = lambda x: torch.full((len(x), 3), math.nan)
    assert [line.split()[1:3] for line in played(made, rows="0-1").splitlines()[2:]] == [["-", "-"]] * 2


def test_a_small_part_is_shown_whole():
    assert len(played(answering(rows=4)).splitlines()) == 2 + 4


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("30", "the test split has rows 0 to 29"),
        ("0-99999999999", "the test split has rows 0 to 29"),
        ("5-3", "5-3 ends before it begins"),
        ("-3", "as 0,5,7 or 0-9; got '-3'"),
        ("", "got ''"),
        ("1,,2", "got ''"),
        ("a", "got 'a'"),
        ("1.5", "got '1.5'"),
        ("٣", "got '٣'"),
        ("1" * 30, "got '1"),
    ],
)
def test_rows_that_are_none_are_refused(rows, said):
    with pytest.raises(play.PlayError, match=f"--rows {re.escape(rows)}: .*{re.escape(said)}"):
        played(answering(), rows=rows)


@pytest.mark.parametrize(
    "text", ["1,2\n3,-4e1\n", "a,b\n1,2\n3,-40\n", "1;2\r\n\r\n3;-40", "\ufeff1\t2\n3\t-40", "1;2,0\n3;-40,0\n"]
)
def test_rows_of_a_file_are_predicted_as_the_network_sees_them(tmp_path, text):
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8", newline="")
    made = answering()
    lines = played(made, table=file).splitlines()
    assert lines[0].startswith(f"2 rows of {file}, taken as the network sees its inputs: standardised")
    said = made.champion(torch.tensor([[1.0, 2], [3, -40]])).softmax(-1).max(-1).values
    assert [line.split()[2] for line in lines[2:]] == [f"{float(value):.4f}" for value in said]
    assert "truth" not in lines[1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "rows.csv: empty"),
        (b"a,b\n", "rows.csv: expected rows of 2 numbers; got 0 of 2"),
        (b"1,2,3\n", "rows.csv: expected 2 columns; got 3"),
        (b"a,b,c\n1,2,3\n", "expected rows of 2 numbers; got 1 of 3"),
        (b"a,b\n1\n", "line 2: expected 2 values, one a column; got 1"),
        (b"1,2\n3,x\n", "line 2, column '2': expected a number; got 'x'"),
        (b"a,2\n", "line 1, column '1': expected a number; got 'a'"),
        (b"u,v\n1,nan\n", "line 2, column 'v': expected a number; it is missing"),
        (b"1,1e39\n", "line 1, column '2': expected a number within 1e+30; got '1e+39'"),
        (b"1,\n", "column '2': expected a number; it is missing"),
        (b"1,1_0\n", "got '1_0'"),
        (b"\xff\xfe1,2", "line 1: not UTF-8"),
        (b'1,2\n1,"2\n', "line 2: not CSV"),
        (None, "No such file"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_line(tmp_path, data, said):
    file = tmp_path / "rows.csv"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(play.PlayError, match=f"^--input .*{re.escape(said)}") as error:
        played(answering(), table=file)
    assert "\n" not in str(error.value)


def test_rows_of_a_compressed_file_are_predicted_too(tmp_path):
    """By the one reader of files, whatever the task."""
    file, packed = tmp_path / "rows.csv", tmp_path / "rows.csv.gz"
    file.write_text("1,2\n3,-4\n")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    made = answering()
    assert played(made, table=packed).splitlines()[1:] == played(made, table=file).splitlines()[1:]


def sales(path, names, lines):
    text = {
        "size": lambda k: str(k * 7 % 31),
        "town": lambda k: ["Rome", "Bonn", ""][k % 3],
        "price": lambda k: str(900 + 3 * k),
    }
    path.write_text("".join(",".join(row) + "\n" for row in [names, *([text[name](k) for name in names] for k in lines)]))
    return path


def test_rows_of_a_users_own_table_are_predicted_as_they_stand_there_in_its_units(tmp_path):
    file = sales(tmp_path / "sales.csv", ["size", "town", "price"], range(60))
    run(f"{file}::price", methods="linear", budget={"steps": 3}, runs=tmp_path, jobs=1)
    read = load(tmp_path / "sales-price" / "linear" / "seed-0")
    test = split(60)[2].tolist()
    raw = sales(tmp_path / "raw.csv", ["town", "size"], test)
    lines = played(read, table=raw).splitlines()
    assert lines[0] == f"{len(test)} rows of {raw}, taken by the names of their columns"
    said = [line.split() for line in lines[2:]]
    known = [line.split() for line in played(read, rows=f"0-{len(test) - 1}").splitlines()[2:]]
    assert [[*line, str(900 + 3 * row)] for line, row in zip(said, test)] == known
    assert all(800 < float(line[1]) < 1200 for line in said)


def test_rows_of_a_users_own_table_are_answered_with_the_names_of_its_classes(tmp_path):
    lines = ["size,sold", *(f"{k * 7 % 31},{['no', 'yes'][k % 2]}" for k in range(30))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    scenario = table_scenario(str(tmp_path / "t.csv"), "sold")
    made = of(scenario.task(scenario.settings(), network))
    test = split(np.arange(30) % 2)[2]
    (tmp_path / "raw.csv").write_text("\n".join([lines[0], *(lines[1 + row] for row in test)]))
    said = [line.split() for line in played(made, table=tmp_path / "raw.csv").splitlines()[2:]]
    known = [line.split() for line in played(made).splitlines()[2:]]
    assert {line[1] for line in said} <= {"no", "yes"}
    assert said == [line[:3] for line in known]
    assert len(said) == len(test)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("size,town\n1,Rom\n", "raw.csv, line 2, column 'town': unknown value 'Rom' (did you mean 'Rome'?)"),
        ("size\n1\n", "raw.csv: no column 'town'"),
        ("town,size\nBonn,big\n", "raw.csv, line 2, column 'size': expected a number; got 'big'"),
        ('town,size\n"a\nb",1\n', r"raw.csv, line 3, column 'town': unknown value 'a\nb'"),
        (None, "raw.csv: No such file or directory"),
    ],
)
def test_rows_that_do_not_fit_a_users_own_table_are_refused_in_a_line(tmp_path, text, said):
    scenario = table_scenario(str(sales(tmp_path / "sales.csv", ["size", "town", "price"], range(30))), "price")
    raw = tmp_path / "raw.csv"
    if text is not None:
        raw.write_text(text)
    with pytest.raises(play.PlayError, match=f"^--input .*{re.escape(said)}") as error:
        played(of(scenario.task(scenario.settings(), network)), table=raw)
    assert "\n" not in str(error.value)


def test_options_of_the_other_kind_are_refused(tmp_path):
    for made, options, said in (
        (answering(), dict(record=tmp_path / "out.gif"), "--record does not apply: .* has data; use --rows 0,5,7 or --input"),
        (acting(), dict(rows="0"), "--rows does not apply: .* has an environment; use --record"),
        (acting(), dict(table=tmp_path / "x.csv"), "--input does not apply"),
        (answering(), dict(rows="0", table=tmp_path / "x.csv"), "give only one"),
        (
            of(FunctionTask(lambda p: p[:, 0], 2), VectorModel(np.zeros(2))),
            {},
            "FunctionTask has neither an environment nor data",
        ),
    ):
        with pytest.raises(play.PlayError, match=said):
            played(made, **options)


def test_a_run_on_disk_has_its_task_and_its_champion_plays(tmp_path):
    run("xor", methods="ga", budget={"steps": 1}, runs=tmp_path, jobs=1)
    read = load(tmp_path / "xor" / "ga" / "seed-0")
    assert isinstance(read, Run)
    assert (read.task.inputs, read.task.outputs) == (2, 1)
    assert read.task is read.task
    lines = played(read).splitlines()
    assert len(lines) == 2 + 4
    assert [line.split()[-1] for line in lines[2:]] == ["0", "1", "1", "0"]


def test_predictions_of_rows_of_another_width_are_refused():
    made = answering()
    with pytest.raises(ValueError, match=re.escape("expected rows of 2 inputs; got shape (4, 3)")):
        made.task.predictions(made.champion, np.zeros((4, 3)))


@pytest.mark.parametrize("kind", [HyperNEAT, ESHyperNEAT])
def test_a_network_that_is_drawn_is_scored_at_another_resolution(kind):
    task = VisualDiscrimination()
    hyper = kind.for_task(task, seed=0, population_size=1, **({"band_threshold": 0.05} if kind is ESHyperNEAT else {}))
    model = hyper.model(hyper.ask())
    finer, own = played(of(task, model), resolution=22).splitlines()
    wanted = task.at(22).score(model.at(task.at(22)), "test")["distance"]
    assert finer.startswith(f"test split at resolution 22: distance {wanted:.6g}, accuracy ")
    assert own.startswith(f"test split at resolution 11, the run's own: distance {task.score(model, 'test')['distance']:.6g}, ")


@pytest.mark.parametrize(("colour", "shape"), [("grey", (20, 30)), ("hsb", (20, 30, 3))])
def test_a_picture_is_drawn_and_scored_at_another_resolution(tmp_path, colour, shape):
    scaled = CPPNImageSettings(target="china", colour=colour, resolution=12)
    task, path = cppn_image.task(scaled, network), tmp_path / "drawn.png"
    model = CPPN(outputs=task.outputs, population_size=1, seed=0)
    model = model.model(model.ask())
    finer, own, said = played(of(task, model), record=path, resolution=30).splitlines()
    wanted = model.picture(20, 30)
    error = np.square(wanted.reshape(-1) - pixels("china", colour, 30).reshape(-1)).mean()
    assert finer.startswith("validation split at resolution 30: ")
    assert float(re.search(r"squared_error ([\d.]+)", finer)[1]) == pytest.approx(error, rel=1e-4)
    assert own.startswith("validation split at resolution 12, the run's own: ")
    assert finer.endswith("n 600")
    assert own.endswith("n 96")
    assert said == f"30x20 pixels in {path}"
    with Image.open(path) as drawn:
        assert np.asarray(drawn).shape == shape
        assert np.ptp(np.asarray(drawn)) > 5
        np.testing.assert_allclose(np.asarray(drawn) / 255, wanted, atol=0.51 / 255)
    assert played(of(task, model), record=path) == f"12x8 pixels in {path}\n"
    for options, wrong in (
        (dict(record=tmp_path / "a.gif"), "expected a name that ends in .png"),
        (dict(record=path, rows="0"), "--record draws the picture, --rows shows it: give only one"),
        (dict(resolution=5000), "^--resolution 5000: expected a whole number >= 2 and <= 1024; got 5000$"),
    ):
        with pytest.raises(play.PlayError, match=wrong):
            played(of(task, model), **options)


def test_a_resolution_that_cannot_be_is_refused():
    task = VisualDiscrimination()
    one = of(task, TorchModel(network(121, 121)))
    for made, options, said in (
        (one, dict(resolution=22), "--resolution 22: a TorchModel has one size; what a CPPN draws .* has any"),
        (one, dict(resolution=25), "^--resolution 25: expected a multiple of 11; got 25$"),
        (one, dict(resolution=22, rows="0"), "--resolution scores the champion, --rows shows it: give only one"),
        (acting(), dict(resolution=22), "--resolution does not apply: .* has a task of one resolution"),
    ):
        with pytest.raises(play.PlayError, match=said):
            played(made, **options)
