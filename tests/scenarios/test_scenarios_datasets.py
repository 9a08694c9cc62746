import gzip
import hashlib
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from evo import SettingsError
from evo.machine import cache_folder
from evo.vectors.modules import MLP
from evo.vectors.recurrent import LSTM
from scenarios.datasets import FILES, Classification, Pictures, PicturesSettings
from scenarios.gtn_mnist import GTNTaskSettings
from scenarios.gtn_mnist import task as gtn_mnist_task

network = lambda inputs, outputs: MLP(inputs, outputs)


def idx(values):
    """An idx file of unsigned bytes."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def arrays(tests=7):
    draw = np.random.default_rng(3).integers
    train, test = draw(0, 256, (10_050, 2, 3), np.uint8), draw(0, 256, (tests, 2, 3), np.uint8)
    return train, draw(0, 4, 10_050).astype(np.uint8), test, np.arange(tests, dtype=np.uint8) % 4


class Server(ThreadingHTTPServer):
    """Serves a folder on this machine. broken: how many answers are cut short before it works; asked: the paths."""

    def __init__(self, folder):
        self.folder, self.broken, self.asked = folder, 0, []
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        data = (self.server.folder / self.path[1:]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.server.broken -= 1
        self.wfile.write(data if self.server.broken < 0 else data[: len(data) // 2])

    def log_message(self, *arguments):
        pass


def served(folder, values, url=""):
    """The four files in a folder, and Pictures that pin them at `url`."""
    raw = [idx(value) for value in values]
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in zip(FILES, raw):
        (folder / file).write_bytes(gzip.compress(content))
    return Pictures("tiny", url, tuple(hashlib.sha256(content).hexdigest() for content in raw))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("EVO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "neuroevo"


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "server")
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def pictures(server, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between two tries
    return served(server.folder, arrays(), server.url)


def kept(cache):
    return sorted(path.name for path in cache.rglob("*.gz"))


def test_the_first_load_downloads_and_the_second_needs_no_server(pictures, cache, tmp_path):
    for found, original in zip(pictures.load(), arrays()):
        assert np.array_equal(found, original)
    assert kept(cache / "tiny") == sorted(FILES)
    for file in (tmp_path / "server").iterdir():
        file.unlink()
    from scenarios import datasets

    datasets._array.cache_clear()
    assert np.array_equal(pictures.load()[0], arrays()[0])


def test_coarser_pixels_are_the_means_of_squares(tmp_path, monkeypatch):
    draw = np.random.default_rng(5).integers
    train, test = draw(0, 256, (10_050, 4, 6), np.uint8), draw(0, 256, (7, 4, 6), np.uint8)
    labels = np.arange(10_050).astype(np.uint8) % 4, np.arange(7).astype(np.uint8) % 4
    made = served(tmp_path / "tiny", (train, labels[0], test, labels[1]))
    monkeypatch.setenv("EVO_DATA", str(tmp_path))
    task = made.task(Classification(), network, coarser=2)
    assert task.shape == (1, 2, 3)
    mean = lambda a: sum(a[:, row::2, column::2].astype(float) for row in (0, 1) for column in (0, 1)).reshape(len(a), -1) / 4
    center, scale = mean(train[:50]).mean(), mean(train[:50]).std()
    assert task.split("test")[0].numpy() == pytest.approx((mean(test) - center) / scale, abs=1e-4)
    assert np.array_equal(task.split("validation")[1], labels[0][50:])
    fine = made.task(Classification(), network)
    assert fine.shape == (1, 4, 6)


def test_the_scenario_of_teaching_has_pixels_of_its_size(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="size: expected a divisor of 28; got 13"):
        GTNTaskSettings(size=13)
    seen = []
    monkeypatch.setattr(
        Pictures, "task", lambda self, values, network, coarser=1: seen.append((coarser, hasattr(values, "size")))
    )
    for size in (7, 14, 28):
        gtn_mnist_task(GTNTaskSettings(size=size), network)
    assert seen == [(4, False), (2, False), (1, False)]


def test_a_download_that_breaks_off_is_tried_again(pictures, cache, server):
    server.broken = 2
    assert np.array_equal(pictures.load()[0], arrays()[0])
    assert server.asked[:4] == 3 * [f"/{FILES[0]}"] + [f"/{FILES[1]}"]
    assert kept(cache) == sorted(FILES)


def test_a_file_with_another_sha256_is_refused_and_not_kept(pictures, cache, tmp_path):
    wrong = arrays()[0]
    wrong[5, 1, 1] ^= 1
    (tmp_path / "server" / FILES[0]).write_bytes(gzip.compress(idx(wrong)))
    with pytest.raises(ValueError, match=f"{FILES[0]}: expected sha256 {pictures.sha256[0]} .* refused"):
        pictures.load()
    assert kept(cache) == []


def test_another_compression_of_the_same_bytes_is_accepted(pictures, tmp_path):
    (tmp_path / "server" / FILES[0]).write_bytes(gzip.compress(idx(arrays()[0]), compresslevel=1, mtime=7))
    assert np.array_equal(pictures.load()[0], arrays()[0])


@pytest.mark.parametrize("damage", [lambda raw: raw[: len(raw) // 2], lambda raw: b"<html>404</html>", lambda raw: b""])
def test_a_truncated_or_foreign_download_is_refused_and_not_kept(pictures, cache, tmp_path, damage):
    file = tmp_path / "server" / FILES[0]
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=f"{FILES[0]}: (not a complete gzip file|expected sha256)"):
        pictures.load()
    assert kept(cache) == []


def test_a_damaged_file_of_the_cache_is_named(pictures, cache):
    pictures.load()
    (cache / "tiny" / FILES[2]).write_bytes(b"junk")
    from scenarios import datasets

    datasets._array.cache_clear()
    with pytest.raises(ValueError, match=f"cache.*{FILES[2]}: not a complete gzip file .* remove it"):
        pictures.load()


def test_offline_the_message_names_url_cache_folder_and_evo_data(cache, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    offline = Pictures("tiny", "http://127.0.0.1:9/", ("0" * 64,) * 4)
    with pytest.raises(ConnectionError) as caught:
        offline.load()
    for part in ("http://127.0.0.1:9/" + FILES[0], str(cache / "tiny"), "EVO_DATA", "tiny/"):
        assert part in str(caught.value)
    assert kept(cache) == []


def test_evo_data_is_read_in_place_and_never_downloaded_instead(pictures, cache, tmp_path, monkeypatch):
    served(tmp_path / "mine" / "tiny", arrays())
    monkeypatch.setenv("EVO_DATA", str(tmp_path / "mine"))
    nowhere = Pictures("tiny", "http://127.0.0.1:9/", pictures.sha256)
    assert np.array_equal(nowhere.load()[2], arrays()[2])
    assert not cache.exists()
    (tmp_path / "mine" / "tiny" / FILES[3]).unlink()
    with pytest.raises(FileNotFoundError, match=f"EVO_DATA: no file .*{FILES[3]}; put it there, or unset EVO_DATA"):
        nowhere.load()


def test_evo_data_of_another_content_is_refused(pictures, tmp_path, monkeypatch):
    served(tmp_path / "mine" / "tiny", arrays(tests=8))
    monkeypatch.setenv("EVO_DATA", str(tmp_path / "mine"))
    with pytest.raises(ValueError, match="expected sha256"):
        pictures.load()


def test_the_last_ten_thousand_training_pictures_validate(pictures):
    task = pictures.task(Classification(), network)
    train, labels, test, test_labels = arrays()
    pixel = lambda values: torch.from_numpy(values.reshape(len(values), -1).astype(np.float32))
    mean, deviation = pixel(train[:50]).mean(), pixel(train[:50]).std(correction=0)
    for name, x, y in (
        ("train", train[:50], labels[:50]),
        ("validation", train[50:], labels[50:]),
        ("test", test, test_labels),
    ):
        torch.testing.assert_close(task.split(name)[0], (pixel(x) - mean) / deviation, atol=1e-4, rtol=1e-4)
        assert task.split(name)[1].tolist() == y.tolist()
    assert task.shape == (1, 2, 3)


def test_a_picture_is_a_sequence_of_its_rows_from_the_top(pictures):
    whole = pictures.task(PicturesSettings(), network)
    rows = pictures.task(PicturesSettings(rows=True), lambda inputs, outputs: LSTM(inputs, outputs, hidden=[3]))
    assert rows.layout == (2, 3, False)
    x, y = rows.split("train")
    assert torch.equal(x, whole.split("train")[0])
    assert torch.equal(rows.layout.sequences(x)[:, 1], x[:, 3:])
    assert torch.equal(y, whole.split("train")[1])
    assert rows.batch_size == whole.batch_size
    assert rows.shape == (1, 2, 3)


def test_other_parts_have_no_say_in_the_training_pictures(tmp_path, pictures):
    train, labels, test, test_labels = arrays()
    train[50:] = 255 - train[50:] // 2
    task = pictures.task(Classification(), network)
    other = served(tmp_path / "server", (train, labels, test // 3, test_labels))
    changed = Pictures("other", pictures.url, other.sha256).task(Classification(), network)
    assert torch.equal(task.split("train")[0], changed.split("train")[0])
    assert not torch.equal(task.split("test")[0], changed.split("test")[0])


def test_the_cache_folder_follows_the_platforms_variables(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "neuroevo"
    monkeypatch.delenv("LOCALAPPDATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "neuroevo"
