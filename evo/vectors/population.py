"""A population (P, D) of flat vectors as networks: MLPs on the host run in a kernel (`mlp_rows`), others vmapped over tiles.

The tile size (`Parameters.tile`) is a function of shapes alone and changes no bit. Tiles run on all cores (`evo.threads`); the
examples of a batch are never split.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn import functional

from evo import cuda, threads
from evo.core import Phenotypes, counted, part_size
from evo.rollout.lanes import Policy
from evo.vectors import mlp_cuda, mlp_rows, models, rnn_cuda, unrolled
from evo.vectors.recurrent import Recurrent

if TYPE_CHECKING:
    from evo.vectors.encoding import Parameters


class Networks(Phenotypes):
    """A population (P, D) of Parameters, as Phenotypes, for every weight-based method.

    vectors: a tensor (P, D) float32, on whose device the networks run. Raises ValueError for another shape.
    """

    construction: float = 0.0

    def __init__(self, encoding: Parameters, vectors: Tensor):
        if vectors.ndim != 2 or vectors.shape[1] != encoding.dimensions:
            raise ValueError(f"expected vectors of shape (P, {encoding.dimensions}); got {tuple(vectors.shape)}")
        self.encoding, self.vectors = encoding, vectors
        self._state: Tensor | None = None  # (P, B, ...), of recurrent modules

    def __repr__(self) -> str:
        kind = type(self.encoding.template).__name__
        return f"Networks({counted(len(self), 'network')}, {kind}, {counted(self.parameters, 'parameter')} each, {self.device})"

    @property
    def parameters(self) -> int:
        return self.encoding.dimensions

    @property
    def passes(self) -> int:
        """As of `Phenotypes`: ticks of sequences."""
        return unrolled.passes(self.encoding.template)

    @property
    def keeps_state(self) -> bool:
        return isinstance(self.encoding.template, Recurrent)

    @property
    def device(self) -> torch.device:
        return self.vectors.device

    def __len__(self) -> int:
        return len(self.vectors)

    def to(self, device: str | torch.device) -> Networks:
        moved = Networks(self.encoding, self.vectors.to(device))
        moved.construction = self.construction
        return moved

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        if self.device.type != "cuda":
            return models.policy(self.encoding.template, self.vectors)
        if cuda.unavailable() is not None:
            return None
        networks = self.encoding.template, self.vectors
        return mlp_cuda.policy(*networks) or rnn_cuda.policy(*networks)

    def reset(self) -> None:
        self._state = None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) of every network on x: shared rows (B, I), or separate rows per network (P, B, I). Recurrent
        modules keep a state of every row."""
        size = len(self)
        x = self._checked(x)
        out = torch.empty((size, x.shape[-2], self.encoding._probe(x.shape[-1])[1]), device=self.device)
        if self._layers is not None:

            def keep(start: int, stop: int, outputs: Tensor) -> None:
                out[start:stop] = outputs

            self.each_part(x, keep)
            return out
        tile = self.encoding.tile(size, x)
        states: dict[int, Tensor] = {}  # of each tile

        def part(start: int, stop: int) -> None:
            for at in range(start, stop, tile):
                rows = self._padded(x, at, tile) if x.ndim == 3 else x
                state = None if self._state is None else self._padded(self._state, at, tile)
                here = out[at : at + tile]
                with torch.no_grad():  # grad mode is per thread
                    outputs, state = self._run(self._padded(self.vectors, at, tile), rows, state)
                here.copy_(outputs[: len(here)])
                if state is not None:
                    states[at] = state[: len(here)]

        if self.device.type == "cpu":
            threads.each(part, size, grain=tile)
        else:
            part(0, size)
        if states:
            self._state = torch.cat([states[at] for at in sorted(states)])
        return out

    def each_part(self, x: Tensor, use: Callable[[int, int, Tensor], None]) -> None:
        """As of `Phenotypes`; an MLP's outputs never leave the cache."""
        layers = self._layers
        if layers is None:
            return super().each_part(x, use)
        x = self._checked(x)
        if x.shape[-1] != layers.sizes[0]:
            raise ValueError(f"expected {layers.sizes[0]} inputs; got {x.shape[-1]}")
        batch, outputs = x.shape[-2], int(layers.sizes[-1])
        vectors = self.vectors.detach().contiguous().numpy()
        inputs = (x if x.ndim == 3 else x[None]).detach().transpose(1, 2).contiguous().numpy()

        def part(start: int, stop: int) -> None:
            out = torch.empty((stop - start, outputs, batch))
            own = inputs[start:stop] if x.ndim == 3 else inputs
            mlp_rows.forward(vectors[start:stop], *layers, own, out.numpy(), mlp_rows.scratch(layers.sizes))
            use(start, stop, out.transpose(1, 2))

        threads.each_block(part, len(self), part_size(batch * outputs))

    def _checked(self, x: Tensor) -> Tensor:
        size, x = len(self), torch.as_tensor(x, dtype=torch.float32, device=self.device)
        if x.ndim not in (2, 3) or (x.ndim == 3 and len(x) != size):
            raise ValueError(f"expected inputs of shape (B, I) or ({size}, B, I); got {tuple(x.shape)}")
        return x

    @cached_property
    def _layers(self) -> mlp_rows.Layers | None:
        """Of an MLP on the host; None for what torch runs."""
        return mlp_rows.layers(self.encoding.template) if self.device.type == "cpu" else None

    def _run(self, vectors: Tensor, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Outputs, and the next state of recurrent modules."""
        module, own = self.encoding._copy(self.device), 0 if x.ndim == 3 else None
        one = lambda vector, rows: functional_call(module, self.encoding._named(vector), (rows,))
        if not isinstance(module, Recurrent):
            return vmap(one, in_dims=(0, own))(vectors, x), None

        def step(vector: Tensor, rows: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
            module.state = state
            return one(vector, rows), module.state

        try:
            if state is None:
                return vmap(step, in_dims=(0, own))(vectors, x)
            return vmap(step, in_dims=(0, own, 0))(vectors, x, state)
        finally:
            module.reset()

    @staticmethod
    def _padded(values: Tensor, at: int, tile: int) -> Tensor:
        """A copy of `tile` members from `at` on, padded with zeros."""
        block = values[at : at + tile]
        return functional.pad(block, ((0, 0) * (block.ndim - 1) + (0, tile - len(block))))
