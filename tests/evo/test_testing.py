import random

import numpy as np
import pytest
import torch

from evo import GA, DeepGA, FunctionTask
from evo.core import Algorithm, Champion, Cost, Evaluation, Examples, Learner, Metric, Task
from evo.evolve import Evolved
from evo.settings import setting, settings
from evo.tasks.supervised import SupervisedTask
from evo.testing import check_algorithm, check_learner, check_task, small_task
from evo.vectors.models import TorchModel, restore

KINDS = ("classification", "probability", "regression")


def finding(found, words):
    """Is there a finding with these words?"""
    assert any(words in one for one in found), found
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_task_has_no_findings(kind):
    assert check_task(small_task(kind)) == []


def test_a_function_a_minibatch_and_a_full_table_are_good_tasks():
    assert check_task(FunctionTask(lambda points: -(points[:, 0] ** 2), 3, solved=0.0)) == []
    full = small_task()
    parts = [full.split(name) for name in ("train", "validation", "test")]
    assert check_task(SupervisedTask(*parts, kind="classification", network=full._network, batch_size=10)) == []
    assert check_task(SupervisedTask(parts[0], kind="classification", network=full._network, solved=1.0)) == []


def altered(**parts):
    """A small task with some of its methods and attributes replaced; a method is given the good one first."""
    task = small_task()
    for name, part in parts.items():
        good = getattr(task, name)
        setattr(task, name, (lambda *a, part=part, good=good: part(good, *a)) if callable(part) else part)
    return task


STORE = np.random.default_rng(0)

BROKEN_TASKS = {
    "direction": (dict(metric=Metric("accuracy", "up")), "metric.direction is 'up'"),
    "network": (dict(network=lambda good: 1 / 0), "task.network() or a first population raised ZeroDivisionError"),
    "random": (
        dict(evaluate=lambda good, p, s: good(p, s).fitness + STORE.normal()),
        "another fitness for the same networks and seeds",
    ),
    "place": (
        dict(evaluate=lambda good, p, s: good(p, s).fitness + np.arange(5)),
        "depends on its place in the population",
    ),
    "seeds": (
        dict(evaluate=lambda good, p, s: good(p, s).fitness + (len(s) and s[0])),
        "episodes is 0, yet the fitness depends on `seeds`",
    ),
    "torch": (
        dict(evaluate=lambda good, p, s: good(p, s).fitness + 0 * float(torch.rand(()))),
        "task.evaluate uses the global random state of torch",
    ),
    "numpy": (
        dict(evaluate=lambda good, p, s: good(p, s).fitness + 0 * np.random.rand()),  # noqa: NPY002
        "task.evaluate uses the global random state of numpy.random",
    ),
    "python": (
        dict(score=lambda good, m, s: (random.random(), good(m, s))[1]),
        "task.score uses the global random state of random",
    ),
    "nan": (
        dict(evaluate=lambda good, p, s: np.maximum(good(p, s).fitness, -9)),
        "outputs are all NaN gets a finite fitness",
    ),
    "shape": (dict(evaluate=lambda good, p, s: good(p, s).fitness[:, None]), "fitness must have shape (5,)"),
    "raises": (dict(evaluate=lambda good, p, s: {}["lost"]), "task.evaluate raised KeyError: 'lost'"),
    "samples": (
        dict(evaluate=lambda good, p, s: Evaluation(good(p, s).fitness, samples=np.full(5, -1))),
        "samples must be (P,) counts >= 0",
    ),
    "no fitness": (
        dict(score=lambda good, m, s: {"accuracy": 1.0}),
        "score(model, 'validation') has no 'fitness'",
    ),
    "no metric": (dict(score=lambda good, m, s: {"fitness": 1.0}), "score(model, 'train') has no 'accuracy'"),
    "tensor": (
        dict(score=lambda good, m, s: {"fitness": torch.zeros(2), "accuracy": 0.5}),
        "score(model, 'test') must be a dict of numbers",
    ),
    "changing": (
        dict(score=lambda good, m, s: {"fitness": STORE.normal(), "accuracy": 0.5}),
        "score(model, 'train') differs when asked again",
    ),
    "solved": (dict(solved=lambda good, score: "yes"), "solved(score) must be True, False, or None"),
}


@pytest.mark.parametrize("name", BROKEN_TASKS)
def test_a_broken_task_gets_the_finding_that_names_its_fault(name):
    change, words = BROKEN_TASKS[name]
    assert finding(check_task(altered(**change)), words)


def test_a_task_that_lacks_parts_is_told_which():
    class Foreign:
        inputs, outputs, metric = 1, 1, Metric("m")

    class Half(Task):
        outputs = 1

        def evaluate(self, phenotypes, seeds): ...

        def score(self, model, split): ...

    assert check_task(Foreign()) == ["Foreign must inherit evo.Task: see there what each method means"]
    assert check_task(Half()) == ["Half lacks inputs, metric: see evo.Task for what each means"]


@pytest.mark.parametrize("algorithm", [GA, DeepGA])
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_algorithm_has_no_findings(algorithm, kind):
    assert check_algorithm(algorithm, small_task(kind)) == []
    assert check_algorithm(algorithm, FunctionTask(lambda points: -(points[:, 0] ** 2), 3)) == []


class FreshAsks(GA):
    asked = 0

    def ask(self):
        self.asked += 1
        return super().ask() + np.float32(self.asked)


class AnyShape(GA):
    def tell(self, evaluation):
        given = evaluation.fitness if isinstance(evaluation, Evaluation) else evaluation
        super().tell(given if self.population is None else np.resize(given, len(self.population)))


class Unseeded(GA):
    def __init__(self, *args, seed=0, **values):
        super().__init__(*args, seed=int(STORE.integers(2**40)), **values)


class Deaf(GA):
    def __init__(self, *args, seed=0, **values):
        super().__init__(*args, seed=0, **values)


class Endless(GA):
    def tell(self, evaluation):
        super().tell(evaluation)
        self.generation = 0


class CountsByTwo(GA):
    def tell(self, evaluation):
        super().tell(evaluation)
        self.generation += 1


class Forgetful(GA):
    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.population = self.fitness = None


class Unreadable(GA):
    def state_dict(self):
        return super().state_dict() | {"population": self.population}


class Fragile(GA):
    def tell(self, evaluation):
        super().tell(evaluation)
        if not np.isfinite(self.fitness).all():
            raise ZeroDivisionError("the mean of nothing")


class Global(GA):
    def ask(self):
        np.random.rand()  # noqa: NPY002
        return super().ask()


class NoWarmth(GA):
    def warm_start(self, model, frozen=()):
        self.encoding.of(model)


class Clones(GA):
    def warm_start(self, model, frozen=()):
        super().warm_start(model)
        self._population[:] = self._population[0]


class AnyStart(GA):
    def warm_start(self, model, frozen=()):
        if isinstance(model, TorchModel):
            super().warm_start(model)


class Hasty(GA):
    def tell(self, evaluation):
        self.ask()
        super().tell(evaluation)


class Writable(GA):
    def ask(self):
        super().ask()
        return self._population


class PopulationGiven(GA):
    def population_tensors(self):
        return {"population": torch.from_numpy(self._population)}


class PlaceForACandidate(GA):
    def candidate(self):
        return 3


class LineageOfPlacesAlone(GA):
    def lineage(self, index):
        return {"id": self.generation + index, "parents": []}


class LateStarts(GA):
    def warm_start(self, model, frozen=()):
        self._population = None
        super().warm_start(model)


class BestOfTheMoment(GA):
    @property
    def best(self):
        return self.population[0]


class BestUnsaved(GA):
    def load_state_dict(self, state):
        super().load_state_dict(state | {"best": None})


class Wasteful(GA):
    def screen(self, offspring):
        return offspring[1:]


class Bare(Algorithm):
    settings = GA.settings

    def ask(self): ...

    def tell(self, evaluation): ...


BROKEN_ALGORITHMS = [
    (FreshAsks, "a second ask() before tell() gives another population"),
    (AnyShape, "tell() takes a fitness of shape (9,) for 8 genomes: raise ValueError"),
    (Unseeded, "two runs with one seed differ"),
    (Deaf, "runs with seeds 0 and 1 are the same"),
    (Endless, "`generation` does not go up"),
    (CountsByTwo, "generation is 6 after three told generations"),
    (Forgetful, "goes on differently after state_dict and load_state_dict"),
    (Unreadable, "ask, tell raised UnpicklingError"),
    (Fragile, "ask, tell raised ZeroDivisionError: the mean of nothing"),
    (Global, "Global uses the global random state of numpy.random"),
    (NoWarmth, "the first genome of ask(), or candidate(), must be the model"),
    (Clones, "the population holds nothing but the model"),
    (AnyStart, "warm_start() takes something that is no model: raise ValueError"),
    (Hasty, "tell() before ask() must raise RuntimeError"),
    (Writable, "what a user writes into ask()'s arrays before tell() changes the run"),
    (PopulationGiven, "what a user writes into ask()'s arrays, `population` or population_tensors() changes the run"),
    (PlaceForACandidate, "candidate, lineage(None), or the model of the candidate, raised"),
    (LineageOfPlacesAlone, "candidate, lineage(None), or the model of the candidate, raised TypeError"),
    (LateStarts, "warm_start() after ask() must raise RuntimeError"),
    (BestOfTheMoment, "best and best_fitness change with ask()"),
    (BestUnsaved, "best is known after tell()"),
    (Wasteful, "screen() must give as many offspring as it got"),
    (Bare, "Bare lacks express, for_task, load_state_dict, model, state_dict"),
]


@pytest.mark.parametrize(("algorithm", "words"), BROKEN_ALGORITHMS, ids=[one.__name__ for one, _ in BROKEN_ALGORITHMS])
def test_a_broken_algorithm_gets_the_finding_that_names_its_fault(algorithm, words):
    assert finding(check_algorithm(algorithm), words)


@settings
class Options:
    step_size: float = setting(0.1, "how far a step goes", above=0.0)


class Descent(Learner):
    """A small Learner that keeps the contract: gradient descent on the training part."""

    settings = Options

    def __init__(self, task, settings, seed, device):
        self.task, self.options, self.seed = task, settings, seed
        self.cost, self._champion, self.steps = Cost(), Champion(), 0
        self.module = self.fresh(seed)
        self.best = TorchModel(self.fresh(seed))

    def fresh(self, seed):
        from evo import rng

        with rng.torch_seed(seed, 0, 0, rng.NETWORK):
            return self.task.network()

    @classmethod
    def unsupported_reason(cls, task):
        return None if isinstance(task, Examples) else "it needs a gradient"

    @classmethod
    def restore(cls, task, settings, seed, tensors, header):
        return restore(task, tensors, header)

    def step(self):
        with self.cost.timed():
            x, y = self.task.split("train")
            loss = self.task.loss(self.module(x), y)
            gradients = torch.autograd.grad(loss, list(self.module.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(self.module.parameters(), gradients):
                    parameter -= self.options.step_size * gradient
            self.cost.add(1, len(x), 3.0 * len(x))
            score = self.task.score(TorchModel(self.module), "validation")
            if self._champion.offer(score, None, self.steps):
                self.best.module.load_state_dict(self.module.state_dict())
            self.steps += 1
        return {"loss": loss.item(), "validation": score}

    def champion(self):
        return self.best

    def state_dict(self):
        copied = lambda module: {name: value.clone() for name, value in module.state_dict().items()}
        parts = {"cost": self.cost.state_dict(), "champion": self._champion.state_dict(), "steps": self.steps}
        return parts | {"module": copied(self.module), "best": copied(self.best.module)}

    def load_state_dict(self, state):
        self.cost.load_state_dict(state["cost"])
        self._champion.load_state_dict(state["champion"])
        self.steps = state["steps"]
        self.module.load_state_dict(state["module"])
        self.best.module.load_state_dict(state["best"])


@pytest.mark.parametrize("method", [Descent, GA, DeepGA, Evolved(GA)], ids=["descent", "ga", "deep-ga", "wrapped"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_learner_has_no_findings(method, kind):
    assert check_learner(method, small_task(kind)) == []


class Peeking(Descent):
    def step(self):
        self.task.score(self.best, "test")
        return super().step()


class PeekingAtData(Descent):
    def step(self):
        self.task.split(name="test")
        return super().step()


class TensorRow(Descent):
    def step(self):
        return super().step() | {"loss": torch.zeros(2)}


class Costless(Descent):
    def step(self):
        row = super().step()
        self.cost.evaluations = 0
        return row


class Refunding(Descent):
    def step(self):
        row = super().step()
        self.cost.samples -= 100
        return row


class Unjudged(Descent):
    def step(self):
        return {"loss": super().step()["loss"]}


class Moody(Descent):
    def fresh(self, seed):
        return super().fresh(int(STORE.integers(2**40)))


class Losing(Descent):
    def load_state_dict(self, state):
        super().load_state_dict(state | {"steps": 0})


class LosingHidden(Descent):
    """What a state forgets altogether shows only in how the run goes on."""

    momentum = 1.0

    def step(self):
        row = super().step()
        self.momentum *= 1.5
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter *= self.momentum
        return row


class Unsaved(Descent):
    @staticmethod
    def restore(task, settings, seed, tensors, header):
        return TorchModel(task.network())


class Championless(Descent):
    def champion(self):
        return "the best"


class GlobalSeed(Descent):
    def step(self):
        torch.manual_seed(0)
        return super().step()


class Raising(Descent):
    def step(self):
        raise KeyError("step")


class Wordless(Descent):
    @classmethod
    def unsupported_reason(cls, task):
        return False


class FrontOfTheMoment(Descent):
    def front(self):
        return [{"fitness": float(STORE.normal())}]


class TensorFront(Descent):
    def front(self):
        return [{"fitness": torch.zeros(2)}]


class EnsembleOfTheMoment(Descent):
    def ensemble(self):
        return TorchModel(self.fresh(int(STORE.integers(2**40))))


class Silent(Descent):
    def warm_start(self, model, frozen=()):
        raise ValueError


class Cold(Descent):
    def warm_start(self, model, frozen=()):
        if not isinstance(model, TorchModel):
            raise ValueError("no module")


class Swallowing(Descent):
    def warm_start(self, model, frozen=()):
        if isinstance(model, TorchModel):
            self.module.load_state_dict(model.module.state_dict())


class Restless(Swallowing):
    def warm_start(self, model, frozen=()):
        super().warm_start(model)
        with torch.no_grad():
            self.module.layers[0].bias += float(STORE.normal())


class NoLearner:
    settings = Options


class Stepless(Learner):
    settings = Options


BROKEN_LEARNERS = [
    (Peeking, 'the learner calls task.score with "test"'),
    (PeekingAtData, 'the learner calls task.split with "test"'),
    (TensorRow, "a row must be a dict of numbers"),
    (Costless, "must add to cost.evaluations"),
    (Refunding, "lower no cost"),
    (Unjudged, 'a row needs "validation"'),
    (Moody, "two learners with one seed differ"),
    (Losing, "load_state_dict(state_dict()) loses something"),
    (LosingHidden, "a resumed learner goes on differently"),
    (Unsaved, "restore(save()) gives a model that scores differently"),
    (Championless, "champion() must be callable"),
    (GlobalSeed, "uses the global random state of torch"),
    (Raising, "step raised KeyError: 'step'"),
    (Wordless, "unsupported_reason(task) must be None, or a sentence"),
    (FrontOfTheMoment, "front() differs after state_dict"),
    (TensorFront, "front() must be None or a list of dicts of numbers"),
    (EnsembleOfTheMoment, "ensemble() scores otherwise after state_dict"),
    (Silent, "refuses a model without a word"),
    (Cold, "warm_start(model) changes nothing"),
    (Swallowing, "warm_start() takes something that is no model: raise ValueError"),
    (Restless, "begin from the same model differ"),
    (NoLearner, "NoLearner is not a method: expected a class that inherits evo.Algorithm (ask, tell, ...) or evo.Learner"),
    (Stepless, "Stepless lacks champion, load_state_dict, state_dict, step"),
]


@pytest.mark.parametrize(("learner", "words"), BROKEN_LEARNERS, ids=[one.__name__ for one, _ in BROKEN_LEARNERS])
def test_a_broken_learner_gets_the_finding_that_names_its_fault(learner, words):
    found = check_learner(learner)
    assert finding(found, words)
    assert len(found) == len(set(found))


def test_a_method_that_does_not_fit_and_says_why_has_no_findings():
    assert check_learner(Descent, FunctionTask(lambda points: points[:, 0], 2)) == []


def test_the_checks_leave_the_random_states_alone():
    state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    check_task(small_task())
    check_learner(GA)
    check_algorithm(GA)
    assert state == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
