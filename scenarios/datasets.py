"""What the data scenarios share: their settings, and the data sets that are downloaded once.

A downloaded file is pinned by the sha256 of its decompressed bytes (mirrors compress differently) and kept in the
cache folder. EVO_DATA=FOLDER reads FOLDER/<name>/ in its place and never goes to the network.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from filelock import FileLock

from evo.machine import cache_folder
from evo.settings import setting, settings
from evo.tasks.metrics import METRICS
from evo.tasks.supervised import SupervisedTask


@settings
class DataSettings:
    solved: float | None = setting(None, "validation metric at which the task is solved; none: undefined")
    select: str = setting("fitness", "what chooses the champion on validation", choices=("fitness", "metric"))
    batch_size: int | None = setting(None, "training examples per generation, redrawn each generation; none: all", low=1)
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


RETRIES = 3  # of a download that fails or is not the pinned file
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
        return tuple(_array(self._path(file, sha256), sha256) for file, sha256 in zip(FILES, self.sha256))

    def task(self, settings: Any, network: Any, of: type[SupervisedTask] = SupervisedTask) -> SupervisedTask:
        """Train on 50,000 pictures, validate on the last 10,000 of the training files, test on the test files' 10,000.
        Pixels are standardised by one mean and deviation, of the 50,000."""
        x, y, test_x, test_y = self.load()
        pictures = (x[:-10_000], x[-10_000:], test_x)
        labels = (y[:-10_000], y[-10_000:], test_y)
        pixels = [part.reshape(len(part), -1) / np.float32(255) for part in pictures]
        mean, deviation = pixels[0].mean(dtype=np.float64), pixels[0].std()
        for part in pixels:
            part -= np.float32(mean)
            part /= deviation
        pairs = [(part, label.astype(np.int64)) for part, label in zip(pixels, labels)]
        shape = (1, *x.shape[1:])
        return of(*pairs, kind="classification", shape=shape, network=network, **vars(settings))

    def _path(self, file: str, sha256: str) -> Path:
        if os.environ.get("EVO_DATA"):
            path = Path(os.environ["EVO_DATA"], self.name, file)
            if not path.is_file():
                raise FileNotFoundError(
                    f"EVO_DATA: no file {path}; put it there, or unset EVO_DATA to download {self.url}{file}"
                )
            return path
        path = cache_folder() / self.name / file
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.parent / "download.lock"):  # several runs start at once; one of them downloads
                if not path.is_file():
                    self._download(file, sha256, path.parent)
        return path

    def _download(self, file: str, sha256: str, folder: Path) -> None:
        import pooch

        download = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)

        def checked(url: str, beside: str, cache: Any) -> None:  # before the file takes its name
            download(url, beside, cache)
            _unpacked(Path(beside).read_bytes(), sha256, url)

        try:
            pooch.create(folder, self.url, registry={file: None}, retry_if_failed=RETRIES).fetch(file, downloader=checked)
        except OSError as error:
            raise ConnectionError(
                f"{self.name}: could not download {self.url + file} ({error}); go online, or put {', '.join(FILES)} into "
                f"{folder}, or set EVO_DATA to a folder that holds them in {self.name}/"
            ) from error


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


def _unpacked(packed: bytes, sha256: str, origin: str | Path) -> bytes:
    try:
        raw = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{origin}: not a complete gzip file ({error}); remove it and download it again") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ValueError(f"{origin}: expected sha256 {sha256} of the decompressed file; got {found}: it is refused")
    return raw


@lru_cache(maxsize=8)
def _array(path: Path, sha256: str) -> np.ndarray:
    """An idx file of bytes: 0, 0, type 8, number of axes; their lengths, 4 bytes each; the values."""
    raw = _unpacked(path.read_bytes(), sha256, path)
    axes = raw[3]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(np.frombuffer(raw, ">u4", axes, offset=4))
