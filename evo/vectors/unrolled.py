"""Sequences as rows of numbers, and a network that keeps a state run over them: rows (B, F) -> answers.

A sequence is a row, so that whatever takes rows takes sequences: a method of gradients, a population, an estimator of
scikit-learn. Networks without a state see the row whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from evo.vectors.recurrent import Recurrent, Stacked


class Layout(NamedTuple):
    """How a row (F,) holds a sequence: `ticks` times `features` numbers, one tick after another. padded: sequences differ in
    length, and each tick has one number more, 1, or 0 where the sequence has ended and all is 0."""

    ticks: int
    features: int
    padded: bool

    @classmethod
    def of(cls, sequences: Sequence[np.ndarray], names: Sequence[str] = ()) -> Layout:
        """The one for arrays (T, I) of different T. names: what each is called, by default its place. Raises ValueError if
        there is none, for an empty one, or different I."""
        if not len(sequences):
            raise ValueError("expected at least one sequence; got none")
        features = (*"I", *np.shape(sequences[0]))[-1]
        for k, one in enumerate(sequences):
            if np.ndim(one) != 2 or not one.size or one.shape[1] != features:
                called = names[k] if names else f"sequence {k}"
                raise ValueError(f"{called}: expected an array (T, {features}) with T >= 1; got shape {np.shape(one)}")
        lengths = {len(one) for one in sequences}
        return cls(max(lengths), sequences[0].shape[1], len(lengths) > 1)

    @property
    def width(self) -> int:
        """Numbers of a tick."""
        return self.features + self.padded

    @property
    def inputs(self) -> int:
        """F"""
        return self.ticks * self.width

    def rows(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Arrays (T, I) as rows (B, F) float32. Raises ValueError for other I, and for T beyond `ticks`, or other than `ticks`
        where nothing is padded."""
        for k, one in enumerate(sequences):
            if (
                np.ndim(one) != 2
                or one.shape[1] != self.features
                or not (1 if self.padded else self.ticks) <= len(one) <= self.ticks
            ):
                expected = f"T from 1 to {self.ticks}" if self.padded else f"T = {self.ticks}"
                raise ValueError(
                    f"sequence {k}: expected an array (T, {self.features}) with {expected}; got shape {np.shape(one)}"
                )
        ticks = np.zeros((len(sequences), self.ticks, self.width), np.float32)
        for row, one in zip(ticks, sequences):
            row[: len(one), : self.features] = one
            row[: len(one), self.features :] = 1.0
        return ticks.reshape(len(sequences), -1)

    def sequences(self, rows: Tensor) -> Tensor:
        """Rows (..., F) -> (..., T, I), padded with zeros."""
        return rows.unflatten(-1, (self.ticks, self.width))[..., : self.features]

    def inside(self, rows: Tensor) -> Tensor:
        """Which ticks are of the sequences (..., T), bool; all where nothing is padded."""
        ticks = rows.unflatten(-1, (self.ticks, self.width))
        return ticks[..., -1] > 0.5 if self.padded else torch.ones_like(ticks[..., 0], dtype=torch.bool)

    def last(self, rows: Tensor) -> Tensor:
        """The last tick of each sequence (...,) int64, of rows (..., F)."""
        return (self.inside(rows).sum(-1) - 1).clamp(min=0)


class Unrolled(nn.Module):
    """A network that keeps a state, (B, I) -> (B, O), run over sequences from its initial state: rows (B, F) -> what it answers
    after the last tick of each (B, O); every: after each tick, (B, T * O). No call knows of another."""

    def __init__(self, network: nn.Module, layout: Layout, every: bool = False):
        super().__init__()
        if not isinstance(network, Recurrent):
            raise TypeError(f"expected a network that keeps a state; got {type(network).__name__}")
        self.network, self.layout, self.every = network, layout, every

    def forward(self, rows: Tensor) -> Tensor:
        values = self._values(self.layout.sequences(rows))
        if not self.every:
            last = self.layout.last(rows)[:, None, None].expand(-1, 1, values.shape[-1])
            values = values.gather(1, last)[:, 0]
        answers = self.network.output(values) if isinstance(self.network, Stacked) else values
        return answers.flatten(1) if self.every else answers

    def _values(self, x: Tensor) -> Tensor:
        """After each tick of x (B, T, I) what answers are made of, or the answers (B, T, O) of a network of another kind."""
        if isinstance(self.network, Stacked):
            return self.network.run(x)
        self.network.reset()
        try:
            return torch.stack([self.network(step) for step in x.unbind(1)], 1)
        finally:
            self.network.reset()


def passes(module: nn.Module) -> int:
    """Forwards of its weights that a call of a module takes: as many as sequences have ticks."""
    return max((part.layout.ticks for part in module.modules() if isinstance(part, Unrolled)), default=1)
