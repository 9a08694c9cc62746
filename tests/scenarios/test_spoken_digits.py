"""Sound as numbers, the splits of recordings, and what of them a task is made of."""

import io
import os
import wave
import zipfile
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from test_scenarios_datasets import Server

from evo.vectors.recurrent import LSTM
from scenarios import sounds, spoken_digits
from scenarios.downloads import Download, members
from scenarios.lab.cli import listing

DATA = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
network = partial(LSTM, hidden=[3])


def wav(values, rate=8000, channels=1):
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(values, "<i2").tobytes())
    return made.getvalue()


def zipped(files, **kwargs):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", **kwargs) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.fixture
def recorded(monkeypatch):
    """Six speakers' 50 recordings of two digits: a tone of each digit's, of a length that is the number's."""
    draw, rows = np.random.default_rng(0), [(d, s, n) for d in (0, 1) for s in range(6) for n in range(50)]
    waves = []
    for digit, _, number in rows:
        time = np.arange(256 + 128 * (number % 5)) / 8000
        waves.append(np.sin(2 * np.pi * (500 + 1500 * digit) * time).astype(np.float32) + 0.01 * draw.normal(size=len(time)))
    found = sounds.Recordings(waves, *np.array(rows).T)
    monkeypatch.setattr(spoken_digits, "recordings", lambda: found)
    return found


def test_a_wave_is_read_and_another_kind_is_refused():
    values = np.array([0, 16384, -32768, 32767])
    assert sounds.samples(wav(values)).tolist() == (values / 32768).tolist()
    for kind, told in (({"rate": 16000}, "1 of 2 bytes|1 of 2 at 16000"), ({"channels": 2}, "2 of 2 at 8000")):
        with pytest.raises(ValueError, match=f"expected 1 channel of 2 bytes at 8000 Hz; got ({told})"):
            sounds.samples(wav(values, **kind))


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_the_band_around_it(frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(2000) / 8000).astype(np.float32)
    found = sounds.log_mel(tone, 20)
    assert found.shape == (1 + (2000 - 256) // 128, 20)
    middles = 700 * (10 ** (np.log10(1 + 4000 / 700) * np.arange(1, 21) / 21) - 1)
    assert {abs(int(row.argmax()) - int(np.abs(middles - frequency).argmin())) for row in found} <= {0, 1}


def test_energies_are_those_of_a_fourier_transform_written_out():
    sound = np.random.default_rng(0).normal(size=300)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(256)) / 256)
    energy = np.abs(turns @ (window * sound[:256])) ** 2
    np.testing.assert_allclose(sounds.log_mel(sound, 5), np.log(energy @ sounds.triangles(5))[None], rtol=1e-5)


def test_bands_cover_every_frequency_alike_on_the_mel_scale():
    weights = sounds.triangles(10)
    np.testing.assert_allclose(weights[5:105].sum(1), 1.0)  # where two bands overlap
    assert weights.max() <= 1.0
    peaks = 2595 * np.log10(1 + weights.argmax(0) * 8000 / 256 / 700)
    np.testing.assert_allclose(np.diff(peaks), 2595 * np.log10(1 + 4000 / 700) / 11, atol=40)


def test_silence_is_the_floor_and_a_click_is_one_frame():
    assert (sounds.log_mel(np.zeros(600), 8) == np.float32(np.log(sounds.FLOOR))).all()
    assert sounds.log_mel(np.ones(10), 8).shape == (1, 8)


def test_the_rule_of_the_data_set_splits_by_number(recorded):
    options = spoken_digits.SpokenDigitsSettings()
    train, validation, test = spoken_digits.parts_of(options, recorded.speakers, recorded.numbers)
    assert set(recorded.numbers[test]) == set(range(5))
    assert set(recorded.numbers[validation]) == set(range(5, 10))
    assert set(recorded.numbers[train]) == set(range(10, 50))
    assert [len(np.unique(recorded.speakers[part])) for part in (train, validation, test)] == [6, 6, 6]
    assert sorted(np.concatenate([train, validation, test])) == list(range(600))


@pytest.mark.parametrize("speaker", ["george", "yweweler"])
def test_a_speaker_that_is_held_out_is_heard_in_the_test_alone(recorded, speaker):
    options = spoken_digits.SpokenDigitsSettings(split="speaker", speaker=speaker)
    train, validation, test = spoken_digits.parts_of(options, recorded.speakers, recorded.numbers)
    own = sounds.SPEAKERS.index(speaker)
    assert set(recorded.speakers[test]) == {own}
    assert len(test) == 100
    assert own not in {*recorded.speakers[train], *recorded.speakers[validation]}
    assert set(recorded.numbers[validation]) == set(range(5))
    assert set(recorded.numbers[train]) == set(range(5, 50))


def test_a_task_holds_the_recordings_standardised_by_the_training_frames(recorded):
    task = spoken_digits.task(spoken_digits.SpokenDigitsSettings(bands=6, batch_size=None), network)
    assert task.layout == (5, 6, True)
    assert [len(task.split(name)[0]) for name in ("train", "validation", "test")] == [480, 60, 60]
    x, y = task.split("train")
    frames = task.layout.sequences(x)[task.layout.inside(x)]
    np.testing.assert_allclose(frames.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(frames.std(0, correction=0), 1, atol=1e-4)
    assert (task.layout.last(x) + 1).tolist() == [1 + n % 5 for n in recorded.numbers if n >= 10]
    assert y.tolist() == [d for d, n in zip(recorded.digits, recorded.numbers) if n >= 10]


def test_how_loud_a_recording_is_tells_nothing(recorded, monkeypatch):
    options = spoken_digits.SpokenDigitsSettings(bands=6)
    first = spoken_digits.task(options, network).split("train")[0]
    louder = recorded._replace(waves=[wave * (1 + k % 3) for k, wave in enumerate(recorded.waves)])
    monkeypatch.setattr(spoken_digits, "recordings", lambda: louder)
    np.testing.assert_allclose(spoken_digits.task(options, network).split("train")[0], first, atol=1e-4)


def test_no_more_of_a_recording_is_heard_than_said(recorded):
    task = spoken_digits.task(spoken_digits.SpokenDigitsSettings(seconds=0.05), network)
    assert task.layout.ticks == 3  # of 16 ms


def test_files_of_an_archive_are_pinned_by_their_bytes_in_whatever_folder_and_packing():
    content = {"b_x_0.wav": b"second", "a_x_0.wav": b"first"}
    pinned = sha256(b"firstsecond").hexdigest()
    plain = zipped({"recordings/" + name: value for name, value in content.items()})
    packed = zipped(
        {"top-1.0/README.md": "words", **{"top-1.0/recordings/" + n: v for n, v in content.items()}},
        compression=zipfile.ZIP_DEFLATED,
    )
    assert plain != packed
    for archive in (plain, packed):
        found = members(archive, pinned, "here", ".wav")
        assert list(found.items()) == [("a_x_0.wav", b"first"), ("b_x_0.wav", b"second")]
    with pytest.raises(ValueError, match=r"here: expected sha256 .* of its \.wav files; got .*: it is refused"):
        members(zipped({"a_x_0.wav": b"fourth"}), pinned, "here", ".wav")
    with pytest.raises(ValueError, match="here: not a complete zip file"):
        members(packed[: len(packed) // 2], pinned, "here", ".wav")


def test_an_archive_is_downloaded_by_its_name_there_and_kept_by_its_own(monkeypatch, tmp_path):
    monkeypatch.delenv("EVO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "there").mkdir()
    archive = zipped({"top/a.wav": b"first"})
    (tmp_path / "there" / "theirs.zip").write_bytes(archive)
    server = Server(tmp_path / "there")
    try:
        there = {"own.zip": "theirs.zip", "wrong.zip": "theirs.zip"}
        digests = {"own.zip": sha256(b"first").hexdigest(), "wrong.zip": "0"}
        made = Download("sounds", server.url, digests, there=there, check=partial(members, suffix=".wav"))
        assert made.path("own.zip").read_bytes() == archive
        assert made.path("own.zip").name == "own.zip"
        with pytest.raises(ValueError, match=r"theirs\.zip: expected sha256 0 of its \.wav files"):
            made.path("wrong.zip")
    finally:
        server.shutdown()
        server.server_close()


def test_a_download_may_have_another_name_there(monkeypatch, tmp_path):
    monkeypatch.setenv("EVO_DATA", str(tmp_path))
    made = Download("fsdd", "http://there/", {"own.zip": "0"}, there={"own.zip": "theirs.zip"})
    with pytest.raises(FileNotFoundError, match=r"no file .*own\.zip; put it there, .* download http://there/theirs\.zip"):
        made.path("own.zip")


def test_all_recordings_are_there(monkeypatch):
    if not (DATA / "fsdd" / sounds.FILE).is_file():
        pytest.skip("needs fsdd/fsdd_wav.zip: set EVO_DATA")
    monkeypatch.setenv("EVO_DATA", str(DATA))
    sounds.recordings.cache_clear()
    found = sounds.recordings()
    assert len(found.waves) == 3000
    for column, count in ((found.digits, 10), (found.speakers, 6), (found.numbers, 50)):
        assert np.bincount(column).tolist() == [3000 // count] * count
    task = spoken_digits.scenario.task(spoken_digits.scenario.settings(), network)
    assert listing.facts(task) == spoken_digits.scenario.facts
