"""What the data scenarios share: their settings, and data sets of pictures, which are downloaded once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evo.settings import Value, setting, settings
from evo.tasks.metrics import METRICS
from evo.tasks.sequence import SequenceTask
from evo.tasks.supervised import SupervisedTask
from scenarios.downloads import Download, unpacked


def batch_setting(default: int | None) -> Value:
    """The setting `batch_size` with this default."""
    return setting(default, "training examples per generation, redrawn each generation; none: all", low=1)


@settings
class DataSettings:
    solved: float | None = setting(None, "validation metric at which the task is solved; none: undefined")
    select: str = setting("fitness", "what chooses the champion on validation", choices=("fitness", "metric"))
    batch_size: int | None = batch_setting(None)
    stop: str = setting(
        "solved",
        '"solved": stop when solved; "budget": spend the whole budget, without early stopping',
        choices=("solved", "budget"),
    )


@settings
class Classification(DataSettings):
    fitness: str = setting("cross_entropy", "fitness to maximise; losses are negated", choices=METRICS["classification"])
    metric: str = setting("accuracy", "the reported metric", choices=METRICS["classification"])
    class_weights: bool = setting(False, "weigh every class alike in cross-entropy, as fitness and as loss")


@settings
class Probability(DataSettings):
    fitness: str = setting("cross_entropy", "fitness to maximise; losses are negated", choices=METRICS["probability"])
    metric: str = setting("accuracy", "the reported metric", choices=METRICS["probability"])


@settings
class Regression(DataSettings):
    fitness: str = setting("squared_error", "fitness to maximise; losses are negated", choices=METRICS["regression"])
    metric: str = setting("r2", "the reported metric", choices=METRICS["regression"])


@settings
class PicturesSettings(Classification):
    batch_size: int | None = batch_setting(500)
    rows: bool = setting(
        False,
        "a picture is a sequence of its rows, from the top, which lstm, gru, rnn, rwa and recurrent genomes see one after "
        "another; other networks see it whole",
    )


FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@dataclass(frozen=True)
class Pictures:
    """A data set in the four files of MNIST: `name` of its folder, `url` that FILES are appended to, and their sha256.
    facts: what `evo list` says of it without a download."""

    facts: ClassVar = {
        "kind": "classification",
        "inputs": "1x28x28",
        "outputs": 10,
        "metric": "accuracy",
        "size": "50,000 + 10,000 + 10,000",
    }
    name: str
    url: str
    sha256: tuple[str, str, str, str]

    def load(self) -> tuple[np.ndarray, ...]:
        """Training pictures uint8 (60000, 28, 28) and labels (60000,), test pictures and labels.

        Raises FileNotFoundError or ConnectionError, saying what to do, if they cannot be had; ValueError if a file is
        not the pinned one.
        """
        files = Download(self.name, self.url, dict(zip(FILES, self.sha256)))
        return tuple(_array(files.path(file), sha256) for file, sha256 in files.sha256.items())

    def task(self, settings: Any, network: Any, of: type[SupervisedTask] = SupervisedTask, coarser: int = 1) -> SupervisedTask:
        """Train on 50,000 pictures, validate on the last 10,000 of the training files, test on the test files' 10,000.
        Pixels are standardised by one mean and deviation, of the 50,000. coarser: a pixel is the mean of so many squared."""
        x, y, test_x, test_y = self.load()
        x, test_x = (_coarser(part, coarser) for part in (x, test_x))
        pictures = (x[:-10_000], x[-10_000:], test_x)
        labels = (y[:-10_000], y[-10_000:], test_y)
        pixels = [part.reshape(len(part), -1) / np.float32(255) for part in pictures]
        mean, deviation = pixels[0].mean(dtype=np.float64), pixels[0].std()
        for part in pixels:
            part -= np.float32(mean)
            part /= deviation
        pairs = [(part, label.astype(np.int64)) for part, label in zip(pixels, labels)]
        values = dict(vars(settings))
        if values.pop("rows", False):
            sequences = [(part.reshape(-1, *x.shape[1:]), label) for part, label in pairs]
            return SequenceTask(*sequences, kind="classification", network=network, **values)
        return of(*pairs, kind="classification", shape=(1, *x.shape[1:]), network=network, **values)


MNIST = Pictures(
    name="mnist",
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
FASHION_MNIST = Pictures(
    name="fashion-mnist",
    url="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)


def _coarser(pictures: np.ndarray, times: int) -> np.ndarray:
    """(B, H, W) with the mean of times x times pixels in place of each such square; as they are, for 1."""
    if times == 1:
        return pictures
    size, height, width = pictures.shape
    squares = pictures.reshape(size, height // times, times, width // times, times)
    return squares.mean((2, 4), dtype=np.float32)


@lru_cache(maxsize=8)
def _array(path: Path, sha256: str) -> np.ndarray:
    """An idx file of bytes: 0, 0, type 8, number of axes; their lengths, 4 bytes each; the values."""
    raw = unpacked(path.read_bytes(), sha256, path)
    axes = raw[3]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(np.frombuffer(raw, ">u4", axes, offset=4))
