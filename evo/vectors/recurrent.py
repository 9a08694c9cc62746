"""Networks that keep a state from step to step, for episodes and for sequences: model.network=rnn, lstm, gru and rwa.

    `Elman`            rnn    Elman: Finding structure in time. Cognitive Science 14, 1990
    `LongShortTerm`    lstm   Hochreiter, Schmidhuber: Long short-term memory. Neural Computation 9, 1997; with the forget gate
                              of Gers, Schmidhuber, Cummins (2000), whose bias begins at 1 (Jozefowicz et al. 2015)
    `Gated`            gru    Cho et al.: Learning phrase representations using RNN encoder-decoder. EMNLP 2014, as in torch
    `WeightedAverage`  rwa    Ostmeyer, Cowell: Machine learning on sequential data using a recurrent weighted average.
                              arXiv 1703.01253, 2017

A network is a stack of such layers and a linear one. `forward` takes a step, and keeps the state; `run` takes whole sequences.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from evo.settings import Value, setting, settings


@runtime_checkable
class Recurrent(Protocol):
    """A module that keeps a state (B, ...), one of each row, from call to call; None at first, and as `reset` leaves it."""

    state: Tensor | None

    def reset(self) -> None: ...


class Cell(nn.Module):
    """A recurrent layer of H units: what a step needs of x alone is computed beforehand, for all steps of a sequence at once.

    numbers: of its state, for each unit.
    """

    numbers: ClassVar[int] = 1
    inputs: nn.Linear

    def __init__(self, before: int, after: int):
        super().__init__()
        self.after = after

    def begin(self, x: Tensor) -> Tensor:
        """The state (B, numbers * H) before the first step, for x (B, ...)."""
        return x.new_zeros(x.shape[0], self.numbers * self.after)

    def ahead(self, x: Tensor) -> Tensor:
        """What a step needs of its inputs: (..., I) -> (..., K H)."""
        return self.inputs(x)

    def forward(self, ahead: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The values (B, H) of the units after a step, and the next state."""
        raise NotImplementedError


class Elman(Cell):
    """h = tanh(W x + U h + b)."""

    def __init__(self, before: int, after: int):
        super().__init__(before, after)
        self.inputs, self.recurrent = nn.Linear(before, after), nn.Linear(after, after, bias=False)

    def forward(self, ahead: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(ahead + self.recurrent(state))
        return h, h


class LongShortTerm(Cell):
    """c = sigmoid(f + 1) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c), where (i, f, g, o) = W x + U h + b.

    The forget gate's 1 stands beside its bias, so that it is there whatever draws the bias.
    """

    numbers = 2  # h, c

    def __init__(self, before: int, after: int):
        super().__init__(before, after)
        self.inputs, self.recurrent = nn.Linear(before, 4 * after), nn.Linear(after, 4 * after, bias=False)

    def forward(self, ahead: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h, c = state.chunk(2, -1)
        i, f, g, o = (ahead + self.recurrent(h)).chunk(4, -1)
        c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, torch.cat([h, c], -1)


class Gated(Cell):
    """h = (1 - z) n + z h, where n = tanh(W x + b + r (U h + d)), and reset r and update z are sigmoids of W x + b + U h + d,
    each of weights of its own."""

    def __init__(self, before: int, after: int):
        super().__init__(before, after)
        self.inputs, self.recurrent = nn.Linear(before, 3 * after), nn.Linear(after, 3 * after)

    def forward(self, ahead: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        (r, z, n), (own_r, own_z, own_n) = ahead.chunk(3, -1), self.recurrent(state).chunk(3, -1)
        n = torch.tanh(n + torch.sigmoid(r + own_r) * own_n)
        h = torch.lerp(n, state, torch.sigmoid(z + own_z))
        return h, h


class WeightedAverage(Cell):
    """h = tanh of the average of all z so far, each weighted by exp(a); z = u tanh(g), where u is linear in x, and g and a in x
    and h. Before the first step h is tanh(s), s a parameter. (Bias b of u and g; one of a would cancel.)

    The average and the logarithm of the sum of weights are the state: log sum += softplus(a - log sum), and the average moves
    towards z by sigmoid(a - log sum). No exp(a) is ever formed, so that no a is too large.
    """

    numbers = 2  # the average, the logarithm of the sum of weights

    def __init__(self, before: int, after: int):
        super().__init__(before, after)
        self.inputs, self.attention = nn.Linear(before, 2 * after), nn.Linear(before, after, bias=False)
        self.recurrent = nn.Linear(after, 2 * after, bias=False)
        self.start = nn.Parameter(nn.init.normal_(torch.empty(after)))

    def begin(self, x: Tensor) -> Tensor:
        start = self.start.expand(x.shape[0], self.after)
        return torch.cat([start, torch.full_like(start, -math.inf)], -1)

    def ahead(self, x: Tensor) -> Tensor:
        return torch.cat([self.inputs(x), self.attention(x)], -1)

    def forward(self, ahead: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        average, log_sum = state.chunk(2, -1)
        (u, g, a), (own_g, own_a) = ahead.chunk(3, -1), self.recurrent(torch.tanh(average)).chunk(2, -1)
        z, a = u * torch.tanh(g + own_g), a + own_a
        average = torch.lerp(average, z, torch.sigmoid(a - log_sum))
        return torch.tanh(average), torch.cat([average, torch.logaddexp(log_sum, a)], -1)


@settings
class RNNSettings:
    hidden: tuple[int, ...] = setting((8,), "units of each recurrent layer", low=1)

    def contradictions(self) -> list[str]:
        return [] if self.hidden else ["hidden: expected at least one recurrent layer; got []"]


class Stacked(nn.Module):
    """Recurrent layers of one kind and a linear one, (B, I) -> (B, O), a step a call; see the subclasses."""

    settings = RNNSettings
    cell: ClassVar[type[Cell]]

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = RNNSettings(**values)
        sizes = [inputs if isinstance(inputs, int) else math.prod(inputs), *chosen.hidden]
        cells = [self.cell(before, after) for before, after in itertools.pairwise(sizes)]
        self.cells: Iterable[Cell] = nn.ModuleList(cells)  # type: ignore[assignment]  # which is one
        self.output = nn.Linear(sizes[-1], outputs)
        self.inputs, self.hidden = sizes[0], list(chosen.hidden)
        self.state: Tensor | None = None

    def reset(self) -> None:
        """Forgets the state."""
        self.state = None

    def forward(self, x: Tensor) -> Tensor:
        """x (B, I) -> (B, O). Raises ValueError for another number of rows than the state has, and if it is exported to ONNX,
        which keeps no state."""
        if torch.compiler.is_exporting():
            raise ValueError(
                "a recurrent network keeps state between calls, which ONNX cannot; .pt and .safetensors hold its weights"
            )
        if self.state is None:
            self.state = torch.cat([cell.begin(x) for cell in self.cells], 1)
        if len(self.state) != len(x):
            raise ValueError(f"the state has {len(self.state)} rows, the inputs have {len(x)}: reset() first")
        states = []
        for cell, state in zip(self.cells, self.state.split([self.cell.numbers * size for size in self.hidden], 1)):
            x, state = cell(cell.ahead(x), state)
            states.append(state)
        self.state = torch.cat(states, 1)
        return self.output(x)

    def run(self, x: Tensor) -> Tensor:
        """The last layer's values (B, T, H) after each step of x (B, T, I), from the initial state; `output` makes answers of
        them. The kept state is neither read nor changed."""
        for cell in self.cells:
            state, values = cell.begin(x), []
            for ahead in cell.ahead(x).unbind(1):
                h, state = cell(ahead, state)
                values.append(h)
            x = torch.stack(values, 1)
        return x


class RNN(Stacked):
    """A simple recurrent network: layers of `Elman`. Its state is 0 at first and after `reset`.

    inputs: I, or the shape of an observation, which is flattened. values: those of RNNSettings, `hidden` (units of each
    recurrent layer). Raises SettingsError for values that these do not allow.
    """

    cell = Elman


class LSTM(Stacked):
    """Layers of `LongShortTerm`; else as RNN."""

    cell = LongShortTerm


class GRU(Stacked):
    """Layers of `Gated`; else as RNN."""

    cell = Gated


class RWA(Stacked):
    """Layers of `WeightedAverage`, whose initial state is trained; else as RNN."""

    cell = WeightedAverage
