"""Any configuration either runs a step or is one clean error: 500 in the suite, 2,000 with EVO_NIGHTLY=1."""

import os
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evo import threads
from evo.settings import describe
from scenarios import METHODS
from scenarios.lab.study import resolve
from scenarios.lab.study.config import BudgetSettings, RunSettings
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.spec import RunSpec
from scenarios.lab.study.trial import study

EXAMPLES = 2_000 if os.environ.get("EVO_NIGHTLY") else 500
NAMES = [name for name in METHODS if not name.endswith(":")] + ["sklearn:GaussianNB", "sklearn:RidgeClassifier"]
SETTINGS = {name: resolve.method(name).settings for name in NAMES} | {"mlp": resolve.network("mlp").settings}
SETTINGS |= {name: resolve.scenario(name).settings for name in ("xor", "wine")}
SIZES = ("population_size", "n_estimators", "max_iter")  # a step spends its time on these

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 60),
    st.sampled_from([2**31, 2**63, -(2**70), 10**30]),
    st.floats(-2, 2),
    st.sampled_from([float("inf"), float("nan"), 1e-300, 1e300, -0.0]),
    st.text(max_size=5),
    st.lists(st.integers(-1, 6), max_size=3),
    st.dictionaries(st.sampled_from(["eps", "lr", "momentum", "T_max", "x"]), st.integers(-1, 5), max_size=2),
)


def allowed(one):
    """Values that the declaration of a setting allows."""
    if one.choices:
        good = st.sampled_from(one.choices)
    elif one.kind in (int, float):
        numbers = lambda *bounds: [bound for bound in bounds if isinstance(bound, (int, float))]
        low = max(numbers(one.low, one.above, 0))
        high = min(numbers(one.high, one.below, low + (6 if one.name in SIZES else 40)))
        if one.kind is int:
            good = st.integers(int(low) + (one.above == low), int(high))
        else:
            good = st.floats(low, high, exclude_min=one.above == low, exclude_max=one.below == high, allow_subnormal=False)
    elif one.kind == tuple[int, ...]:
        good = st.lists(st.integers(1, 6), max_size=2)
    else:
        good = st.just(one.default)
    return st.one_of(good, st.none()) if one.optional else good


class Writer:
    """Draws the parts of a document; a careless one makes mistakes here and there."""

    def __init__(self, draw):
        self.draw, self.careless = draw, draw(st.booleans())

    def one(self, usual, wrong=junk):
        return self.draw(wrong if self.careless and self.draw(st.integers(0, 15)) == 9 else usual)

    def table(self, cls):
        """Some of the keys of a settings class."""
        declared = describe(cls)
        some = self.draw(st.lists(st.sampled_from(declared), max_size=4, unique_by=lambda one: one.name)) if declared else []
        found = {one.name: self.one(allowed(one)) for one in some}
        if self.careless and self.draw(st.integers(0, 7)) == 5:
            known = st.sampled_from([one.name for one in declared] or ["x"])
            found[self.draw(st.one_of(known, known, st.text(max_size=6)))] = self.draw(junk)
        return found


@st.composite
def documents(draw):
    write = Writer(draw)
    scenario = write.one(st.sampled_from(["xor", "wine"]), st.sampled_from(["xo", "wine:x", "", 3, "math:pi"]))
    task = SETTINGS[scenario if scenario == "wine" else "xor"]
    learners = {}
    for _ in range(draw(st.integers(1, 2))):
        name = write.one(st.sampled_from(NAMES), st.sampled_from(["sklearn:Nothing", "sklearn:Lasso", "gaa", ""]))
        label = write.one(st.just(resolve.labelled(name)[0]), st.sampled_from(["task", "..", "a b", "mine"]))
        declared = SETTINGS.get(name, RunSettings)
        size = {key: draw(st.integers(3, 8)) for key in SIZES if key in declared.__dataclass_fields__}
        learners[label] = {"method": name, **size, **write.table(declared)}
        if draw(st.integers(0, 3)) == 0:
            learners[label]["model"] = write.one(st.just(write.table(SETTINGS["mlp"])))
    document = {
        "scenario": scenario,
        "seeds": write.one(st.one_of(st.integers(1, 3), st.just([3, 5]), st.just("7,"))),
        "device": write.one(st.sampled_from(["auto", "cpu"]), st.sampled_from(["cuda", "gpu", 1])),
        "budget": write.one(st.just({"steps": 1, **write.table(BudgetSettings)})),
        "task": write.one(st.just(write.table(task))),
        "run": write.one(st.just(write.table(RunSettings))),
        "model": write.one(st.just(write.table(SETTINGS["mlp"]))),
        "learners": write.one(st.just(learners)),
    }
    if write.careless and draw(st.integers(0, 15)) == 9:
        document[draw(st.text(max_size=5))] = draw(junk)
    return document


@pytest.mark.filterwarnings("ignore")  # of settings that are odd, but allowed
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(documents())
def test_any_configuration_runs_a_step_or_is_one_clean_error(document):
    with threads.limited(1):
        check(document)


def check(document):
    try:
        made = study(document)
    except ConfigError as error:
        problems = error.problems
    else:
        problems = []
        for spec in {spec.label: spec for spec in reversed(made.specs)}.values():
            assert study(tomllib.loads(spec.toml())).specs[0] == spec
            problems += step(RunSpec.from_json(spec.to_json()))
    assert all(problem.isprintable() and "Traceback" not in problem for problem in problems)


def step(spec):
    """Takes one; the problems are those of an estimator whose values scikit-learn checks when it fits."""
    built = spec.build()
    learner = built.method(built.task, built.settings, spec.seed, spec.device)
    try:
        row = learner.step()
    except MemoryError as error:  # billions of networks, of which numpy says how much room they want
        return [resolve.said(error)]
    except (TypeError, ValueError) as error:
        if not spec.method.startswith("sklearn:"):
            raise
        return [resolve.said(error)]
    assert row["validation"]["n"] == len(built.task.split("validation")[0])
    assert learner.champion().parameters >= 0
    assert learner.cost.evaluations > 0
    return []
