"""Learning from sequences: one target for each, or one for each of its ticks; and forecasts of a series.

A sequence is a row of examples (`evo.vectors.unrolled.Layout`), so splits, metrics, fitness and losses are those of
`SupervisedTask`. What keeps a state sees one tick after another, from its initial state for every sequence:

    lstm, gru, rnn, rwa      run inside `network()`, whatever searches or trains their weights
    recurrent genomes        `Ticked`: the kernels of `evo.network`, a tick a call
    any other                sees the row whole
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo import rng
from evo.core import Deployment, Evaluation, Model, Phenotypes, Row, Score, Task, counted
from evo.settings import Value, did_you_mean
from evo.tasks.columns import Units, moments
from evo.tasks.schema import networked
from evo.tasks.supervised import PARTS, SupervisedTask
from evo.tasks.targets import Pair, Rows, tensors
from evo.tasks.wrapped import WrappedModel, WrappedPhenotypes
from evo.vectors.modules import MLP
from evo.vectors.recurrent import Recurrent
from evo.vectors.unrolled import Layout, Unrolled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_CLASS = -1  # the target of a tick after a sequence's end, where ticks have classes


class SequenceTask(SupervisedTask):
    """Examples that are sequences. A split is (sequences, y): an array (B, T, I), or B arrays (T, I) of different lengths, each
    (T,) where I is 1; y as of SupervisedTask, or, every_tick, for each sequence as many targets as it has ticks.

    network(inputs, outputs) gives an nn.Module. One that keeps a state (`model.network=lstm`) is made for a tick, and runs from
    its initial state over each sequence; any other is made for rows: inputs is (1, T, I), in which sequences are padded with
    zeros, and with one number more a tick, 1 inside of the sequence, where lengths differ; outputs are O, or T * O.
    layout: how rows hold sequences; tick: inputs and outputs of a tick. rest: as of SupervisedTask; metrics, fitness, loss
    and class weights count ticks of sequences, where these have targets, and no padding. Raises ValueError as SupervisedTask.
    """

    layout: Layout
    tick: tuple[int, int]

    def __init__(
        self,
        train: Pair,
        validation: Pair | None = None,
        test: Pair | None = None,
        *,
        kind: str,
        every_tick: bool = False,
        network: Callable[..., nn.Module] = MLP,
        **rest: Value,
    ):
        self.every_tick = every_tick
        parts = [(name, _arrays(pair[0])) for name, pair in zip(PARTS, (train, validation, test)) if pair is not None]
        names = [f"{name}: sequence {k}" for name, part in parts for k in range(len(part))]
        self.layout = Layout.of([one for _, part in parts for one in part], names)
        shape = (1, self.layout.ticks, self.layout.width)
        super().__init__(train, validation, test, kind=kind, network=network, shape=shape, **rest)
        self.tick = self.layout.features, self.outputs
        if every_tick:
            self.outputs *= self.layout.ticks

    def __repr__(self) -> str:
        lengths = f"up to {self.layout.ticks:,}" if self.layout.padded else f"{self.layout.ticks:,}"
        sizes = f"{counted(self.tick[0], 'input')} and {counted(self.tick[1], 'output')} a tick, {lengths} ticks"
        examples = ", ".join(f"{name} {len(x):,}" for name, (x, _) in self._splits.items())
        return f"SequenceTask({self.kind}, {sizes}, {examples} sequences, {self.metric.name})"

    @classmethod
    def from_series(
        cls,
        series: npt.ArrayLike,
        *,
        window: int,
        ahead: int = 1,
        spacing: int = 1,
        shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
        **rest: Value,
    ) -> Self:
        """Forecasts of a series (n,) or (n, I), in order of time: from `window` points, `spacing` apart, all numbers of the
        point `ahead` after the last of them.

        The first share of the points trains, the next validates, the last is for the test; no window, nor what it forecasts,
        reaches from one into another. All is standardised by the training points, and reported in the series' own units.
        rest: as of the class. Raises ValueError for a series that is too short or not finite, and for numbers out of range.
        """
        points = np.asarray(series, np.float64)
        points = points[:, None] if points.ndim == 1 else points
        if points.ndim != 2:
            raise ValueError(f"series: expected numbers of shape (n,) or (n, I); got shape {points.shape}")
        if len(wrong := np.argwhere(~np.isfinite(points))):
            raise ValueError(f"series: expected finite numbers; got {points[tuple(wrong[0])]:g} at point {wrong[0, 0]}")
        for name, value in (("window", window), ("ahead", ahead), ("spacing", spacing)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: expected a whole number >= 1; got {value}")
        if len(shares) != 3 or min(shares) < 0 or not math.isclose(sum(shares), 1.0):
            raise ValueError(f"shares: expected three numbers >= 0 that sum to 1; got {shares}")
        ends = np.rint(np.cumsum(shares)[:2] * len(points)).astype(int)
        mean, deviation = moments(points[: ends[0]])
        units = Units(tuple(mean.tolist()), tuple(deviation.tolist()))
        reach = (window - 1) * spacing + ahead  # points from the first of a window to what it forecasts
        pairs = []
        for name, part in zip(PARTS, np.split(units.standardise(points), ends)):
            first = np.arange(len(part) - reach)
            if not len(first):
                raise ValueError(f"series: {name} has {counted(len(part), 'point')}; a window and its target take {reach + 1}")
            pairs.append((part[first[:, None] + spacing * np.arange(window)], part[first + reach]))
        return cls(*pairs, kind="regression", units=units, **rest)

    def network(self) -> nn.Module:
        """A fresh nn.Module (B, F) -> (B, O), or (B, T * O), initialised by torch's global generator."""
        if not self._keeps_state:
            return networked(self.kind, self._network(self.shape, self.outputs))
        return networked(self.kind, Unrolled(self._network(*self.tick), self.layout, self.every_tick))

    @cached_property
    def _keeps_state(self) -> bool:
        """Whether its networks see tick by tick."""
        with rng.torch_seed(0, 0, 0, rng.NETWORK):
            try:
                return isinstance(self._network(*self.tick), Recurrent)
            except Exception:  # one for rows alone, as a cnn; what else is wrong is told where it is made for these
                return False

    def running(self, phenotypes: Phenotypes) -> Phenotypes:
        """Those that keep a state as `Ticked`."""
        return Ticked(phenotypes, self.layout, self.every_tick) if phenotypes.keeps_state else phenotypes

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation:
        return super().evaluate(self.running(phenotypes) if isinstance(phenotypes, Phenotypes) else phenotypes, seeds)

    def score(self, model: Model, split: str) -> Score | None:
        return super().score(self._whole(model), split)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        aligned, targets = self._aligned(outputs[None], targets)
        return super().loss(aligned[0], targets, label_smoothing)

    def pool(self, outputs: Tensor) -> Tensor:
        ticks = outputs.reshape(len(outputs), -1, self.tick[1])  # each is an answer, where they all are
        return super().pool(ticks).reshape(outputs.shape[1:])

    def diagnostics(self, model: Model) -> dict[str, object] | None:
        """As of SupervisedTask, for one target a sequence; noise and gaps leave the lengths of sequences as they are."""
        test = self.split("test")
        if test is None or self.every_tick:
            return None
        inside, whole = self.layout.inside(test[0]), self._whole(model)

        def answers(rows: Tensor) -> Tensor:
            ticks = rows.unflatten(-1, (self.layout.ticks, self.layout.width)) * inside[..., None]
            if self.layout.padded:
                ticks[..., -1] = inside.to(ticks.dtype)
            return torch.as_tensor(whole(ticks.flatten(-2)))

        return super().diagnostics(_Answering(model, answers))

    def predictions(self, model: Model, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> list[Row]:
        """As of SupervisedTask; every_tick: a row for each tick, which says "sequence" and "tick"."""
        whole, rows = self._whole(model), torch.as_tensor(x, dtype=torch.float32)
        if not self.every_tick or rows.ndim != 2 or rows.shape[1] != self.inputs:
            return super().predictions(whole, rows, y)
        inside = self.layout.inside(rows)
        answers = torch.as_tensor(whole(rows)).reshape(*inside.shape, self.tick[1])[inside]
        known = None if y is None else torch.as_tensor(y)[inside]
        said = super().predictions(_Answering(model, lambda rows: answers), rows, known)
        return [{"sequence": b, "tick": t, **row} for (b, t), row in zip(inside.nonzero().tolist(), said)]

    def deployment(self, model: Model) -> Deployment:
        return Task.deployment(self, model) if self.every_tick else super().deployment(model)

    def figure(self, model: Model, split: str = "validation") -> Figure:
        if not self.every_tick:
            return super().figure(self._whole(model), split)
        from evo.plots import figures

        if split not in PARTS:
            raise ValueError(f"unknown split {split!r}{did_you_mean(split, PARTS)}")
        x, y = self.split(split) or self.split("validation")  # type: ignore[misc]  # which there is
        outputs, y = self._aligned(torch.as_tensor(self._whole(model)(x))[None], y)
        what = f"{split} split, {counted(len(x), 'sequence')}, {counted(len(y), 'tick')}"
        if self.kind == "classification":
            return figures.mistakes(outputs[0], y, y, self.classes, None, what)
        return figures.scatter(self.in_units(outputs[0]), self.in_units(y), what)

    def _whole(self, model: Model) -> Model:
        """A model as it answers rows."""
        if not isinstance(model, Model) or not model.keeps_state:
            return model
        return _Answering(model, lambda rows: stepped(model, self.layout, rows, self.every_tick))

    def _tensors(self, pair: Pair, name: str) -> Rows:
        """x (B, F); y, every_tick, (B, T) classes or (B, T, O) numbers, NO_CLASS and NaN after the end."""
        sequences, y = _arrays(pair[0]), pair[1]
        if not sequences:
            raise ValueError(f"{name}: expected at least one sequence; got none")
        rows = self.layout.rows(sequences)
        if len(wrong := np.argwhere(~np.isfinite(rows))):
            k, (tick, place) = wrong[0, 0], divmod(wrong[0, 1], self.layout.width)
            value = sequences[k][tick, place]
            raise ValueError(f"{name}: sequence {k}: expected finite numbers; got {value:g} at tick {tick}, input {place}")
        if not self.every_tick:
            if len({np.shape(one) for one in y}) > 1:  # type: ignore[union-attr]  # sequences
                raise ValueError(
                    f"{name}: expected one target a sequence; targets differ in shape (every_tick=True: one a tick)"
                )
            return tensors((rows, y), self.kind, name)
        lengths = [len(one) for one in sequences]
        targets = [np.atleast_1d(one) for one in y]  # type: ignore[union-attr]  # sequences
        if [len(one) for one in targets] != lengths:
            raise ValueError(f"{name}: expected as many targets as ticks in each of {counted(len(lengths), 'sequence')}")
        checked = tensors((np.concatenate(sequences), np.concatenate(targets)), self.kind, name)
        padding = NO_CLASS if self.kind == "classification" else math.nan
        held = torch.full((len(rows), self.layout.ticks, *checked.y.shape[1:]), padding, dtype=checked.y.dtype)
        inside = torch.arange(self.layout.ticks) < torch.tensor(lengths)[:, None]
        held[inside] = checked.y
        return Rows(torch.from_numpy(rows), held)

    def _aligned(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """An answer for each target, without padding."""
        if not self.every_tick:
            return outputs, y
        inside = y != NO_CLASS if self.kind == "classification" else ~y.isnan().any(-1)
        return outputs.reshape(len(outputs), *inside.shape, self.tick[1])[:, inside], y[inside]


def stepped(step: Callable[[Tensor], npt.ArrayLike], layout: Layout, rows: Tensor, every: bool) -> Tensor:
    """What a network that keeps a state answers to rows (..., B, F), by step(x (..., B, I)): after each sequence's last tick
    (..., B, O), or after every tick (..., B, T * O). It is to be in its initial state."""
    x, last, found = layout.sequences(rows), layout.last(rows)[..., None], []
    for tick, inputs in enumerate(x.unbind(-2)):
        answers = torch.as_tensor(step(inputs))
        if every:
            found.append(answers)
        else:
            found = [torch.where(last == tick, answers, found[0] if found else answers)]
    return torch.stack(found, -2).flatten(-2) if every else found[0]


class Ticked(WrappedPhenotypes):
    """Phenotypes that keep a state, (B, I) -> (P, B, O), run over sequences as `Unrolled` runs a module: rows (B, F)."""

    def __init__(self, inner: Phenotypes, layout: Layout, every: bool = False):
        super().__init__(inner)
        self.layout, self.every = layout, every

    @property
    def passes(self) -> int | np.ndarray:
        return self.inner.passes * self.layout.ticks

    @property
    def keeps_state(self) -> bool:
        """No more: a call begins and ends with the initial state."""
        return False

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O), or (P, B, T * O), on rows (B, F) or (P, B, F)."""
        self.inner.reset()
        try:
            return stepped(self.inner.forward, self.layout, torch.as_tensor(x, device=self.device), self.every)
        finally:
            self.inner.reset()

    def to(self, device: str | torch.device) -> Ticked:
        return Ticked(self.inner.to(device), self.layout, self.every)


class _Answering(WrappedModel):
    """A model that answers rows by a function of them."""

    def __init__(self, model: Model, answers: Callable[[Tensor], Tensor]):
        super().__init__(model)
        self.answers = answers

    @property
    def keeps_state(self) -> bool:
        return False

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        self.model.reset()
        try:
            return self.answers(torch.as_tensor(inputs, dtype=torch.float32))
        finally:
            self.model.reset()


def _arrays(sequences: npt.ArrayLike | Sequence[npt.ArrayLike]) -> list[np.ndarray]:
    """Each as (T, I)."""
    found = [np.asarray(one) for one in sequences]  # type: ignore[union-attr]  # of one axis at least
    return [one[:, None] if one.ndim == 1 else one for one in found]
