"""Networks on a graph trained as their papers train them: the methods `gcn`, `gat`, `sage`, `gin`, `sgc`, `appnp`.

Each is `baselines.backprop` with Adam (Kingma, Ba 2015) on all training nodes at once, and the network is its own. GraphSAGE's
and GIN's papers have no recipe for a graph with labels of some nodes: theirs is GCN's. l2 is half of what torch and the papers
call weight decay, whose penalty is weight_decay / 2 * sum w^2.

The champion is that of the epoch with the best fitness on validation, as of every method. The papers choose otherwise: GCN's
the last epoch, SGC's too; GAT's one whose accuracy and loss on validation are both as good as ever, APPNP's the best accuracy,
and of equals the best loss. GCN's early stopping, of a window of 10 epochs, is left out: it is of no use with a best epoch.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from baselines.backprop import Backprop, BackpropSettings
from evo.core import Backends, Method, Model, Row, State, Task
from evo.settings import Value, describe, setting, settings
from evo.space import Log
from evo.vectors import models
from graphs.links import LinkTask
from graphs.models import APPNP, GAT, GCN, GIN, SAGE, SGC, APPNPSettings, ConvolutionSettings, GATSettings, SGCSettings
from graphs.task import GraphTask

if TYPE_CHECKING:
    from baselines.backprop import Trainable

FIRST = ".layers.0."  # in the names of the first layer's parameters


@settings
class TrainingSettings:
    """How a network is trained; the defaults are those of GCN (Kipf, Welling 2017, section 5.2)."""

    learning_rate: float = setting(0.01, "Adam's lr", above=0.0, search=Log(0.001, 0.1))
    l2: float = setting(0.00025, "adds l2 * sum w^2 to the loss, over weights, not biases", low=0.0, search=Log(1e-6, 1e-2))
    penalised: str = setting("first", "the layers that l2 is of", choices=("first", "all"))
    epochs: int | None = setting(200, "it ends after so many, unless task.stop is budget; none: never", low=1)
    patience: int | None = setting(
        None,
        "early stopping after so many epochs in which neither fitness nor metric on validation is as good as before; none: off",
        low=1,
        unit="epochs",
    )


def _other(name: str, value: Value) -> Value:
    """A setting of TrainingSettings with another default."""
    return dataclasses.field(default=value, metadata=TrainingSettings.__dataclass_fields__[name].metadata)  # type: ignore[attr-defined]  # a dataclass


@settings
class ConvolutionRecipe(TrainingSettings, ConvolutionSettings):
    """That of GCN, for GraphSAGE and GIN too."""


@settings
class GATRecipe(TrainingSettings, GATSettings):
    """Velickovic et al. 2018, section 3.3."""

    learning_rate: float = _other("learning_rate", 0.005)
    penalised: str = _other("penalised", "all")
    epochs: int | None = _other("epochs", 10_000)
    patience: int | None = _other("patience", 100)


@settings
class SGCRecipe(TrainingSettings, SGCSettings):
    """Wu et al. 2019, the authors' repository: for Cora."""

    learning_rate: float = _other("learning_rate", 0.2)
    l2: float = _other("l2", 0.0000065)
    epochs: int | None = _other("epochs", 100)


@settings
class APPNPRecipe(TrainingSettings, APPNPSettings):
    """Klicpera, Bojchevski, Guennemann 2019, section 5."""

    l2: float = _other("l2", 0.0025)
    epochs: int | None = _other("epochs", 10_000)
    patience: int | None = _other("patience", 100)


class GraphDescent(Backprop):
    """`Backprop` of a network by a recipe. Of patience, it is that of GAT (Velickovic et al. 2018, section 3.3): an epoch in
    which loss or accuracy on validation is as good as ever begins it again."""

    def __init__(self, task: Trainable, recipe: TrainingSettings, seed: int, device: str = "cpu"):
        self.recipe, self.waited = recipe, 0
        self.reached = [-math.inf, -math.inf]  # best fitness and metric on validation
        shared = {name: getattr(recipe, name) for name in ("learning_rate", "l2")}
        super().__init__(task, BackpropSettings(optimizer="Adam", batch_size=None, patience=None, **shared), seed, device)

    def step(self) -> Row:
        """As of Backprop."""
        row = super().step()
        metric = self.task.metric
        now = [row["validation"]["fitness"], row["validation"][metric.name] * (1 if metric.direction == "max" else -1)]
        self.waited = 0 if any(map(operator.ge, now, self.reached)) else self.waited + 1
        self.reached = [max(best, value) for best, value in zip(self.reached, now)]  # a NaN is no better
        if self.finished is None and self.task.stop != "budget":
            if self.recipe.epochs is not None and self.epoch >= self.recipe.epochs:
                self.finished = "completed"
            elif self.recipe.patience is not None and self.waited >= self.recipe.patience:
                self.finished = "early_stopping"
        return row

    def _prepare(self) -> None:
        super()._prepare()
        if self.recipe.penalised == "first":
            first = {id(p) for name, p in self.module.named_parameters() if FIRST in f".{name}"}
            self.weights = [p for p in self.weights if id(p) in first]

    def state_dict(self) -> State:
        return {**super().state_dict(), "waited": self.waited, "reached": list(self.reached)}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.waited, self.reached = state["waited"], list(state["reached"])


@dataclass(frozen=True)
class Recipe(Method):
    """A Method: a network on a graph, and how it is trained. settings: those of both."""

    name: str
    network: type[nn.Module]
    settings: type[TrainingSettings]

    @property
    def title(self) -> str:
        whose = "its" if self.network is GCN or self.settings is not ConvolutionRecipe else "GCN's"
        return f"{self.name} of neighbours' features, trained by gradient as {whose} paper does"

    def unsupported_reason(self, task: Task) -> str | None:
        return None if isinstance(task, (GraphTask, LinkTask)) else "it learns from the nodes of a graph; the task has none"

    def backends(self, task: Task) -> Backends:
        return Backends("torch", "", task.off_card)

    def __call__(self, task: Any, settings: Any, seed: int, device: str = "cpu") -> GraphDescent:
        return GraphDescent(self._task(task, settings), settings, seed, device)

    def restore(self, task: Any, settings: Any, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        """The model again. Raises ValueError for weights of another network."""
        return models.restore(self._task(task, settings), tensors, header)

    def _task(self, task: Any, options: TrainingSettings) -> Any:
        """The task with this method's network."""
        values = {one.name: getattr(options, one.name) for one in describe(self.network.settings)}  # type: ignore[attr-defined]  # of networks
        return task.with_network(partial(self.network, **values))


gcn = Recipe("GCN", GCN, ConvolutionRecipe)
sage = Recipe("GraphSAGE", SAGE, ConvolutionRecipe)
gin = Recipe("GIN", GIN, ConvolutionRecipe)
gat = Recipe("GAT", GAT, GATRecipe)
sgc = Recipe("SGC", SGC, SGCRecipe)
appnp = Recipe("APPNP", APPNP, APPNPRecipe)
