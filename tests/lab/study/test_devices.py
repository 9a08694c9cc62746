"""Where a method runs: what was asked, what is there, and that auto leaves no compiled path for one that was not measured."""

import pytest
from run_folders import make, meta, result, row

from evo import cuda
from evo.core import Backends
from scenarios import METHODS
from scenarios.lab.report.comparison import compare
from scenarios.lab.store import provenance
from scenarios.lab.study import devices, resolve, trial
from scenarios.lab.study.devices import Impossible, Placed, decide
from scenarios.lab.study.problems import Checks, ConfigError

GYMNASIUM = Backends("compiled", "", "Gymnasium's environments run on cores")
GENOMES, MODULE, LIBRARY = Backends("compiled", "compiled"), Backends(), Backends("scikit-learn", "", "it runs on cores")


@pytest.fixture
def card(monkeypatch):
    """There is a card, and numba-cuda."""
    monkeypatch.setattr(cuda, "no_card", lambda: None)
    monkeypatch.setattr(cuda, "unavailable", lambda: None)
    return monkeypatch


@pytest.mark.parametrize(
    ("asked", "backends", "expected"),
    [
        *[("cpu", each, Placed("cpu")) for each in (GYMNASIUM, GENOMES, MODULE, LIBRARY)],
        *[(asked, each, Placed("cpu", each.why)) for asked in ("auto", "cuda") for each in (GYMNASIUM, LIBRARY)],
        *[("cuda", each, Placed("cuda")) for each in (GENOMES, MODULE)],
        ("auto", GENOMES, Placed("cpu", "compiled for cores, and not measured on a GPU")),
        ("auto", MODULE, Placed("cuda", "torch runs it on either")),
    ],
)
def test_a_card_is_taken_where_it_can_be_and_by_auto_where_nothing_compiled_is_left(card, asked, backends, expected):
    assert decide(asked, backends) == expected


@pytest.mark.parametrize(("factor", "device"), [(3.0, "cuda"), (0.5, "cpu")])
def test_auto_decides_by_what_was_measured(card, factor, device):
    card.setattr(devices, "MEASURED", {"compiled": (factor, "a card", "2026-11-28")})
    assert decide("auto", GENOMES) == Placed(device, f"{factor:.2g} times as fast on a card (2026-11-28)")


def test_without_numba_cuda_modules_run_on_a_card_and_genomes_say_what_to_install(card):
    card.setattr(cuda, "unavailable", lambda: "numba-cuda is not installed")
    assert decide("cuda", MODULE).device == "cuda"
    assert decide("auto", GENOMES) == Placed("cpu", "numba-cuda is not installed")
    with pytest.raises(Impossible, match="numba-cuda is not installed"):
        decide("cuda", GENOMES)


@pytest.mark.parametrize("name", ["xor", "cartpole"])
def test_auto_never_leaves_a_compiled_path_for_a_card_that_was_not_measured(card, name):
    task = Checks().default_task(resolve.scenario(name))
    methods = {label: resolve.method(label) for label in METHODS if not label.endswith(":")}
    fitting = {label: method.backends(task) for label, method in methods.items() if method.unsupported_reason(task) is None}
    assert fitting["neat"].cores == fitting["ga"].cores == "compiled"
    for label, backends in fitting.items():
        assert (decide("auto", backends).device == "cuda") <= (backends.cores == "torch"), label


def study(name, *methods, **more):
    return trial.study({"scenario": name, "budget": {"steps": 1}, "learners": {each: {} for each in methods}, **more})


def test_each_label_has_a_device_and_a_reason_of_its_own(card):
    ga, linear = study("digits", "ga", "linear", device="cuda").specs
    assert (ga.device, ga.device_reason) == ("cuda", "")
    assert (linear.device, linear.device_reason) == ("cpu", "scikit-learn runs on cores")
    assert [spec.device for spec in study("cartpole", "neat", "ga", device="cuda").specs] == ["cuda", "cuda"]
    neat, backprop = study("xor", "neat", "backprop").specs
    assert (neat.device, backprop.device) == ("cpu", "cuda")
    card.setattr(provenance, "_commit", lambda: None)
    written = provenance.meta(neat, 1, {})
    assert (written["device"], written["device_reason"]) == ("cpu", "compiled for cores, and not measured on a GPU")


def test_a_card_that_none_can_use_is_refused_before_anything_starts(card):
    with pytest.raises(ConfigError) as raised:
        study("CartPole-v1", "neat", "ga", device="cuda")
    assert raised.value.problems == [
        "device: no method here runs on a card (neat: Gymnasium's environments run on cores; "
        "ga: Gymnasium's environments run on cores); use cpu or auto"
    ]
    card.setattr(cuda, "unavailable", lambda: "numba-cuda is not installed")
    with pytest.raises(ConfigError, match="neat: numba-cuda is not installed"):
        study("xor", "neat", device="cuda")


@pytest.mark.parametrize(
    ("method", "why"),
    [("es-hyperneat", "hidden nodes are looked for on cores"), ("adaptive-hyperneat", "weights change on cores")],
)
def test_networks_that_only_cores_make_say_so_before_anything_starts(card, method, why):
    with pytest.raises(ConfigError, match=f"no method here runs on a card \\({method}: {why}"):
        study("cartpole", method, device="cuda")
    found, neat, drawn = study("cartpole", method, "neat", "hyperneat", device="cuda").specs
    assert (found.device, found.device_reason) == ("cpu", why)
    assert neat.device == drawn.device == "cuda"


def test_the_table_says_what_ran_where_on_a_machine_with_a_card(tmp_path):
    rows = [row(0, 0.5)]
    about = meta(card="H200", device_reason="compiled for cores, and not measured on a GPU")
    make(tmp_path, "ga", 0, rows, result(0.5, rows), about=about)
    make(tmp_path, "backprop", 0, rows, result(0.5, rows), about=meta(card="H200") | {"device": "cuda"})
    make(tmp_path, "linear", 0, rows, result(0.5, rows), about=meta(card=None, device_reason="no card"))
    (found,) = compare(sorted(tmp_path.glob("*/*/seed-0")))
    told = [note for note in found.notes if "ran on" in note]
    assert sorted(told) == ["backprop: ran on cuda", "ga: ran on cpu: compiled for cores, and not measured on a GPU"]


def test_devices_that_are_alike_share_a_row(card):
    tasks = {name: Checks().default_task(resolve.scenario(name)) for name in ("xor", "cartpole")}
    methods = {label: resolve.method(label) for label in ("neat", "ga", "backprop", "linear")}
    assert devices.places(tasks, methods, "auto") == [
        ["device", "methods", "why", "scenarios"],
        ["cpu", "neat, ga", "compiled for cores, and not measured on a GPU", "xor, cartpole"],
        ["cuda", "backprop", "torch runs it on either", "xor"],
        ["cpu", "linear", "scikit-learn runs on cores", "xor"],
    ]
    card.setattr(cuda, "no_card", lambda: "torch finds no CUDA device")
    card.setattr(cuda, "unavailable", cuda.no_card)
    assert devices.places(tasks, methods, "auto")[1][2] == "no CUDA device, as said above"
    assert devices.machine()[2] == ["card", "none: torch finds no CUDA device"]
