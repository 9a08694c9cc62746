"""Generative Teaching Networks: a generator makes the examples from which a learner learns in a few steps what real ones teach.

Such, Rawal, Lehman, Stanley, Clune: Generative Teaching Networks: accelerating neural architecture search by learning to
generate synthetic training data. ICML 2020. An outer step:

    1.  a new learner: the task's network, newly initialised
    2.  it takes T steps of gradient descent with momentum on what the teacher's curriculum gives it        `inner.Inner`
    3.  its loss on real training data after these steps, and those on the way: the outer loss
    4.  the gradient of that by generator, curriculum, rates and momenta, clipped; one step of Adam

No evolution is part of it. What was learned is judged on validation by learners that no outer step has seen.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from evo import rng, threads
from evo.core import Backends, Champion, Cost, Examples, Learner, Networked, Row, Score, Sequential, State, Task
from evo.learning.gtn.curriculum import CURRICULA, GENERATED, Draw, Shape, Teacher, sampled
from evo.learning.gtn.inner import Inner, Judgement
from evo.learning.gtn.taught import TEACHER, Taught, begun, taught
from evo.learning.gtn.weight_norm import normalised
from evo.settings import SettingsError, setting, settings
from evo.space import Choice, Log
from evo.vectors import models
from evo.vectors.models import TorchModel

if TYPE_CHECKING:

    class Teachable(Task, Examples, Networked):
        """What `unsupported_reason` lets through."""


LAST = 0.1  # of the learning rate, at the end of its cosine, as in the authors' program
CHAMPION = 1 << 31  # which learner is the champion's network


@settings
class GTNSettings:
    curriculum: str = setting(
        "full",
        "full: generated, in a learned order; batch_shuffled, all_shuffled: in a drawn order; none: from noise drawn afresh; "
        "random_fixed: from noise drawn once; distilled: learned examples without a generator; dataset: real examples",
        choices=CURRICULA,
        source="Such et al. 2020",
    )
    inner_steps: int = setting(32, "steps of a learner", low=1, source="Such et al. 2020, MNIST")
    inner_batch: int = setting(128, "examples of such a step", low=2, unit="examples", source="Such et al. 2020")
    noise: int = setting(64, "numbers of the generator's input beside the label", low=1)
    hidden: tuple[int, ...] = setting((256,), "units of each hidden layer of the generator", low=1)
    weight_norm: bool = setting(True, "weight normalisation of the learner", source="Such et al. 2020")
    inner_rate: float = setting(0.3, "the learner's initial rate, at every step", above=0.0, below="rate_cap")
    rate_cap: float = setting(1.0, "no learned rate reaches it", above=0.0)
    inner_momentum: float = setting(0.5, "its initial momentum, at every step", above=0.0, below=1.0, source="Such et al. 2020")
    loss_interval: int | None = setting(
        1, "the learner is judged after every so many steps, and the last; none: after the last alone", low=1, unit="steps"
    )
    outer_batch: int = setting(128, "real examples on which a learner is judged each time", low=1, source="Such et al. 2020")
    outer_steps: int = setting(
        800, "outer steps until the run is completed; the learning rate falls to a tenth on the way, as a cosine", low=1
    )
    learning_rate: float = setting(0.02, "Adam's initial one", above=0.0, source="Such et al. 2020", search=Log(0.002, 0.1))
    gradient_clip: float = setting(0.1, "largest norm of the outer gradient", above=0.0, search=Choice(0.03, 0.1, 0.3))
    interval: int = setting(10, "outer steps before each look at validation, of which one makes a step of a run", low=1)
    validation_learners: int = setting(4, "learners that are taught for such a look; their mean score counts", low=1)
    stretch: int = setting(
        8, "inner steps between states that are kept: as many as inner_steps need the least time, 1 the least memory", low=1
    )


class GTN(Learner):
    """A Learner whose step is `interval` outer steps and one look at validation. The champion is a network that the teacher of
    the best such look has taught, newly initialised as no other (`evo.learning.gtn.taught.Taught`).

    task: one of classes, with a network that is a function of weights and inputs. device: "cpu" or "cuda". teacher: what is
    learned.
    An outer step is one evaluation; samples are its learner's, of lessons and real examples. Of compute, a forward and backward
    pass count 3, what is taken a second time 3 more, and the derivative of both 6.
    finished: "completed" after `outer_steps`, "diverged" once a parameter of the teacher is not finite. Raises SettingsError
    for a network with dropout, or with running statistics.
    """

    settings = GTNSettings
    task: Teachable

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        if not isinstance(task, Examples) or not isinstance(task, Networked):
            return "it teaches networks a task of examples: the task has no examples, or no network"
        if task.kind != "classification" or isinstance(task, Sequential) or task.numbered:
            return "it makes examples of classes: the task is not the classification of rows"
        return None

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return Backends("torch", "" if task.off_card else "torch", task.off_card)

    @classmethod
    def restore(cls, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Taught:
        assert isinstance(settings, GTNSettings)
        teacher = _teacher(task, settings, seed, "cpu")  # type: ignore[arg-type]  # whose learner it was
        own = {name.removeprefix(TEACHER): value for name, value in tensors.items() if name.startswith(TEACHER)}
        try:
            teacher.load_state_dict(own)
        except RuntimeError as error:
            raise ValueError(f"expected the champion of a teacher with these settings: {error}") from error
        learned = {name: value for name, value in tensors.items() if not name.startswith(TEACHER)}
        model = models.restore(task, learned, header)
        assert isinstance(model, TorchModel)
        return Taught(model.module, teacher)

    def __init__(self, task: Teachable, settings: GTNSettings, seed: int, device: str = "cpu"):
        self.task, self.options, self.seed = task, settings, rng.checked(seed)
        network = models.network_of(task)
        if problem := _no_function(network):
            raise SettingsError([f"model.network: expected a network that is a function of weights and inputs; {problem}"])
        self.x, self.y = task.split("train", device)
        self.teacher = _teacher(task, settings, self.seed, device)
        self.parameters = list(self.teacher.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=settings.learning_rate)
        self.size, self.outer_step = sum(p.numel() for p in network.parameters()), 0
        every = settings.loss_interval or settings.inner_steps
        self.judged_after = [*range(every, settings.inner_steps, every), settings.inner_steps]  # inner steps
        self.cost, self.best = Cost(), Champion()
        self.best_model: Taught | None = None

    def step(self) -> Row:
        """Outer steps, then validation. Columns: loss (the mean outer loss), gradient_norm (mean), learning_rate, inner_rate
        and inner_momentum (means over the learner's steps), nonfinite (outer steps without a finite gradient, left out),
        validation (means over its learners)."""
        with self.cost.timed(), threads.limited(threads.count()):
            losses, norms = zip(*[self._outer_step() for _ in range(min(self.options.interval, self._left))])
            score = self._validate()
            if self.best.offer(score, self.task.solved(score), self.outer_step):
                self.best_model = Taught(self._taught(CHAMPION), self._snapshot())
            self.finished = self._why_finished()
        rate, momentum = (float(each.mean()) for each in self.teacher.pace())
        finite = [norm for norm in norms if math.isfinite(norm)]
        return {
            "loss": sum(losses) / len(losses),
            "gradient_norm": sum(finite) / len(finite) if finite else None,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "inner_rate": rate,
            "inner_momentum": momentum,
            "nonfinite": len(norms) - len(finite),
            "validation": score,
        }

    @property
    def _left(self) -> int:
        return self.options.outer_steps - self.outer_step

    def _outer_step(self) -> tuple[float, float]:
        """One learner is taught and judged: the outer loss, and the norm of its gradient."""
        options, draw = self.options, Draw(self.seed, self.outer_step, 0)
        network = begun(self.task.network, draw, self.x.device)
        network = normalised(network) if options.weight_norm else network
        inner = Inner(network, self.teacher.lessons(draw), options.inner_steps, self.task.loss)
        loss, gradient = inner.outer(self._judged(draw), self.parameters, options.stretch)
        norm = float(torch.stack([each.norm() for each in gradient]).norm())
        if math.isfinite(norm):
            shrunk = min(1.0, options.gradient_clip / max(norm, math.ulp(0.0)))
            for p, each in zip(self.parameters, gradient):
                p.grad = each * shrunk
            part = self.outer_step / options.outer_steps
            self.optimizer.param_groups[0]["lr"] = options.learning_rate * _cosine(part)
            self.optimizer.step()
        self._pay()
        self.outer_step += 1
        return float(loss), norm

    def _judged(self, draw: Draw) -> list[Judgement]:
        """Real training examples for every step after which the learner is judged."""
        options, after = self.options, self.judged_after
        rows = sampled(draw, rng.OBJECTIVES, len(after) * options.outer_batch, len(self.x)).to(self.x.device)
        return [Judgement(t, self.x[part], self.y[part]) for t, part in zip(after, rows.split(options.outer_batch))]

    def _pay(self) -> None:
        options, generated = self.options, self.options.curriculum in GENERATED
        taught, judged = options.inner_steps * options.inner_batch, len(self.judged_after) * options.outer_batch
        again = 1 - min(1.0, options.stretch / options.inner_steps)
        generator = sum(p.numel() for p in self.teacher.generator.parameters()) if generated else 0
        compute = (taught * (9 + 3 * again) + judged * 3) * self.size + taught * (3 + again) * generator
        self.cost.add(evaluations=1, samples=taught + judged, compute=compute)

    def _validate(self) -> Score:
        """The mean of each metric over learners that are the same every time."""
        scores = []
        for number in range(1, self.options.validation_learners + 1):
            score = self.task.score(TorchModel(self._taught(number)), "validation")
            assert score is not None  # a task of examples scores validation
            scores.append(score)
        return {name: sum(score[name] for score in scores) / len(scores) for name in scores[0]}

    def _taught(self, number: int) -> nn.Module:
        draw = Draw(self.seed, 0, number)
        return taught(self.task.network, self.teacher, self.task.loss, draw, self.options.weight_norm)

    def _snapshot(self) -> Teacher:
        """The teacher as it is now; both share the training data."""
        found = _teacher(self.task, self.options, self.seed, str(self.x.device))
        found.load_state_dict(self.teacher.state_dict())
        return found

    def _why_finished(self) -> str | None:
        if not all(bool(p.isfinite().all()) for p in self.parameters):
            return "diverged"
        return "completed" if self._left <= 0 else None

    def champion(self) -> Taught:
        """Raises RuntimeError before the first step."""
        if self.best_model is None:
            raise RuntimeError("there is no champion before the first step")
        return self.best_model

    def state_dict(self) -> State:
        return {
            "outer_step": self.outer_step,
            "finished": self.finished,
            "cost": self.cost.state_dict(),
            "champion": self.best.state_dict(),
            "champion_tensors": None if self.best_model is None else self.best_model.save()[0],
            "teacher": copy.deepcopy(self.teacher.state_dict()),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
        }

    def load_state_dict(self, state: State) -> None:
        self.outer_step, self.finished = state["outer_step"], state["finished"]
        self.cost.load_state_dict(state["cost"])
        self.best.load_state_dict(state["champion"])
        kept = state["champion_tensors"]
        self.best_model = None if kept is None else self.restore(self.task, self.options, self.seed, kept, {})
        self.teacher.load_state_dict(state["teacher"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))


def _no_function(network: nn.Module) -> str:
    """What else a pass of a network depends on, in words; "" if nothing."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:
            return f"{name} drops units at random"
        if getattr(layer, "running_mean", None) is not None:
            return f"{name} keeps running statistics: track_running_stats=False"
    return ""


def _cosine(part: float) -> float:
    return LAST + (1 - LAST) * (1 + math.cos(math.pi * part)) / 2


def _teacher(task: Teachable, options: GTNSettings, seed: int, device: str) -> Teacher:
    x, y = task.split("train", device)
    shape = Shape(options.inner_steps, options.inner_batch, x.shape[1], task.outputs, task.shape)
    rates = {"rate": options.inner_rate, "momentum": options.inner_momentum, "cap": options.rate_cap}
    made = Teacher(options.curriculum, shape, (x, y), noise=options.noise, hidden=options.hidden, **rates, seed=seed)
    return made.to(device)
