"""Spoken digits: 3,000 recordings of 0 to 9 by six speakers (Free Spoken Digit Dataset v1.0.10); downloaded once.

A tick is a frame of 32 ms, every 16 ms: the logarithm of its energy in `bands` of the mel scale (`scenarios.sounds`), less the
mean over all of the recording, its loudness, and standardised band by band by the training recordings. `split=index` is the
data set's own rule, all speakers in all splits: of each speaker's 50 of a digit the numbers 0 to 4 are for the test, and 5 to 9
validate. `split=speaker` holds `speaker` out: all 500 of that speaker are for the test; of the other speakers' the numbers 0 to
4 validate and the rest train.
"""

from typing import Any

import numpy as np

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.sequence import SequenceTask
from scenarios.datasets import Classification, batch_setting
from scenarios.sounds import HOP, RATE, SPEAKERS, log_mel, recordings


@settings
class SpokenDigitsSettings(Classification):
    batch_size: int | None = batch_setting(200)
    split: str = setting(
        "index", "index: every speaker is in every split; speaker: one is heard in the test alone", choices=("index", "speaker")
    )
    speaker: str = setting("jackson", "who is held out by split=speaker", choices=SPEAKERS)
    bands: int = setting(32, "of the mel scale: inputs a tick", low=1, high=64)
    seconds: float = setting(1.0, "of a recording that are heard at most", low=0.05, unit="s")


def parts_of(settings: SpokenDigitsSettings, speakers: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """Places of the recordings of train, validation and test."""
    if settings.split == "index":
        test, validation = numbers < 5, (numbers >= 5) & (numbers < 10)
    else:
        test = speakers == SPEAKERS.index(settings.speaker)
        validation = ~test & (numbers < 5)
    return [np.flatnonzero(chosen) for chosen in (~test & ~validation, validation, test)]


def task(settings: SpokenDigitsSettings, network: Any) -> SequenceTask:
    found, most = recordings(), max(1, round(settings.seconds * RATE / HOP))
    heard = [log_mel(wave, settings.bands)[:most] for wave in found.waves]
    heard = [one - one.mean() for one in heard]
    parts = parts_of(settings, found.speakers, found.numbers)
    frames = np.concatenate([heard[k] for k in parts[0]])
    mean, deviation = frames.mean(0, dtype=np.float64), frames.std(0, dtype=np.float64)
    heard = [((one - mean) / deviation).astype(np.float32) for one in heard]
    pairs = [([heard[k] for k in part], found.digits[part]) for part in parts]
    own = ("split", "speaker", "bands", "seconds")
    values = {name: value for name, value in vars(settings).items() if name not in own}
    return SequenceTask(*pairs, kind="classification", network=network, **values)


scenario = Scenario(
    name="spoken_digits",
    title="Spoken digits: 3,000 recordings of 0 to 9 by six speakers",
    task=task,
    settings=SpokenDigitsSettings,
    budget=Budget(compute=5e11),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "lstm", "hidden": (64,)},
    learners={
        "backprop": {"optimizer": "Adam", "learning_rate": 0.003, "batch_size": 32, "gradient_clip": 1.0, "l2": 0.0},
        "neat": {"recurrent": True},
    },
    needs="16 MB, downloaded once (or EVO_DATA)",
    facts={
        "kind": "classification",
        "inputs": "1x62x33",
        "outputs": 10,
        "metric": "accuracy",
        "size": "2,400 + 300 + 300",
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("spoken_digits")
