"""The Free Spoken Digit Dataset (Jackson et al., v1.0.10): 3,000 recordings of six speakers at 8 kHz, and sound as a network
sees it: logarithms of the energy in bands of frequency, frame after frame."""

from __future__ import annotations

import io
import wave
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scenarios.downloads import Download, members

RATE = 8000  # samples a second
FRAME, HOP = 256, 128  # samples
FLOOR = 1e-6  # of the energy of a band; a sine of full volume has about 1e3
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
FILE = "fsdd_wav.zip"
FILES = Download(
    "fsdd",
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/",
    {FILE: "ddb17656a0bca4c5ddace082be188ca630516dc2ef1110afe3c4e9cc71173de4"},
    there={FILE: "v1.0.10.zip"},
    check=partial(members, suffix=".wav"),
)


class Recordings(NamedTuple):
    """N of them: waves, float32 within -1 .. 1, and digit, place in SPEAKERS and number of each (N,)."""

    waves: list[np.ndarray]
    digits: np.ndarray
    speakers: np.ndarray
    numbers: np.ndarray


@lru_cache(maxsize=1)
def recordings() -> Recordings:
    """All of them, in the order of their names. Raises as `Download.path` does, and ValueError for another file."""
    path = FILES.path(FILE)
    found = members(path.read_bytes(), FILES.sha256[FILE], path, ".wav")
    names = [name.removesuffix(".wav").split("_") for name in found]
    columns = [(int(digit), SPEAKERS.index(speaker), int(number)) for digit, speaker, number in names]
    return Recordings([samples(raw) for raw in found.values()], *np.array(columns).T)


def samples(raw: bytes) -> np.ndarray:
    """The wave of a .wav file of 16 bits, one channel and RATE samples a second. Raises ValueError for another."""
    with wave.open(io.BytesIO(raw)) as file:
        kind = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if kind != (1, 2, RATE):
            raise ValueError(f"expected 1 channel of 2 bytes at {RATE} Hz; got {kind[0]} of {kind[1]} at {kind[2]} Hz")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(2**15)


def log_mel(sound: np.ndarray, bands: int) -> np.ndarray:
    """The natural logarithms (T, bands) float32 of the energies in `bands` of equal width on the mel scale, of frames of FRAME
    samples under a Hann window, HOP apart. A sound that is shorter than a frame is one frame, padded with silence."""
    padded = np.pad(sound, (0, max(0, FRAME - len(sound))))
    frames = sliding_window_view(padded, FRAME)[::HOP] * np.hanning(FRAME + 1)[:-1]
    energies = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return np.log(np.maximum(energies @ triangles(bands), FLOOR)).astype(np.float32)


@lru_cache(maxsize=8)
def triangles(bands: int) -> np.ndarray:
    """What each frequency counts in each band (FRAME / 2 + 1, bands): triangles from the middle of the band below to that of
    the band above, on a scale of 2595 log10(1 + f / 700) (O'Shaughnessy 1987)."""
    frequencies = np.arange(FRAME // 2 + 1) * RATE / FRAME
    ends = 700 * (10 ** (np.linspace(0, np.log10(1 + RATE / 2 / 700), bands + 2)) - 1)
    rising = (frequencies[:, None] - ends[:-2]) / np.diff(ends)[:-1]
    falling = (ends[2:] - frequencies[:, None]) / np.diff(ends)[1:]
    return np.maximum(0, np.minimum(rising, falling))
