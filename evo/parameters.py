"""Any nn.Module as a flat vector (D,), and a population of them (P, D) as networks that run side by side.

The forward pass is vmapped over tiles of the population: as many networks as fit a cache, a function of shapes alone.
How the population is cut into tiles changes no bit. For that every network must lie alike in memory: vector
instructions take LANES numbers at a time and round otherwise in the rest (sigmoid, softplus), and matrix products round
otherwise where their rows begin off a 16-byte boundary. So a tile holds whole groups whose rows are a multiple of LANES,
the last tile is filled up, and none holds a single network (vmap of one takes another path). Tiles run on all cores
(`evo.threads`); the examples of a batch are never split.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

from evo import perceptron, rng, threads
from evo.core import Model, Phenotypes, Row, Saved, State, Task
from evo.rollout import Policy

TILE_BYTES = {"cpu": 2**23, "cuda": 2**28}  # parameters and activations of one tile
LANES = 32  # numbers that the widest vector instructions take in one go
ROWS = 4096  # examples that a single model runs at once


class TorchModel:
    """An nn.Module as a Model: called with rows (B, I), tensor or array, it gives a tensor (B, O) on the host."""

    def __init__(self, module: nn.Module):
        self.module = module.eval()

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.module.parameters())

    @property
    def connections(self) -> int:
        """How many parameters are not zero."""
        return sum(int(p.count_nonzero()) for p in self.module.parameters())

    @torch.no_grad()
    def __call__(self, inputs: Any) -> Tensor:
        device = next((p.device for p in self.module.parameters()), torch.device("cpu"))
        x = torch.as_tensor(inputs, dtype=torch.float32)
        parts = [self.module(part.to(device)) for part in x.split(ROWS)]
        return torch.cat(parts).cpu()

    def reset(self) -> None:
        """A feed-forward module keeps nothing between calls; one that does has a `reset` of its own."""
        if hasattr(self.module, "reset"):
            self.module.reset()

    def to_module(self) -> nn.Module:
        return self.module

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout`)."""
        flat = [p.detach().flatten() for p in self.module.parameters()]
        return perceptron.policy(self.module, torch.cat(flat)[None]) if flat else None

    def save(self) -> Saved:
        return {k: v.detach().cpu().contiguous().clone() for k, v in self.module.state_dict().items()}, {"kind": "torch"}

    def figure(self) -> Any:
        """The weights, a picture a layer (matplotlib Figure)."""
        from evo.pictures import weights

        return weights({name: p.detach().cpu() for name, p in self.module.named_parameters()})


def restore(task: Any, tensors: dict[str, Tensor], header: dict[str, str]) -> TorchModel | VectorModel:
    """The model that `save` wrote: on the task's network, or a point. Raises ValueError if the tensors do not fit."""
    if not hasattr(task, "network"):
        vector = tensors.get("vector", torch.empty(0))
        if vector.shape != (task.dimensions,):
            raise ValueError(f"expected a vector of shape ({task.dimensions},); got {tuple(vector.shape)}")
        return VectorModel(vector.numpy())
    with rng.torch_seed(0, 0, 0, rng.NETWORK):
        module = task.network()
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"these weights do not fit the network of the task: {error}") from error
    return TorchModel(module)


@njit("void(float32[:, ::1], int64, float64[::1], float64[::1], int64, int64)", cache=True, nogil=True)
def _draw(out, first, centre, spread, generation, seed):
    """Rows of `out` (n, D): individual first + i, each gene centre + spread * N(0, 1)."""
    genes = out.shape[1]
    for i in range(out.shape[0]):
        for block in range((genes + 3) // 4):
            four = rng.four_normals(block, first + i, generation, rng.INITIAL, seed)
            for k in range(min(4, genes - 4 * block)):
                g = 4 * block + k
                out[i, g] = centre[g] + spread[g] * four[k]


class Reals:
    """Vectors (D,) of real numbers that stand for themselves; the initial ones are N(0, 1) a gene."""

    def __init__(self, dimensions: int):
        if dimensions < 1:
            raise ValueError(f"dimensions: expected a whole number >= 1; got {dimensions}")
        self.dimensions = int(dimensions)
        self.centre = np.zeros(self.dimensions)
        self.spread = np.ones(self.dimensions)

    def initial(self, seed: int, generation: int, count: int, scale: float = 1.0) -> np.ndarray:
        """`count` fresh vectors (count, D) float32, scale times as far from the centre as the initialiser would put them."""
        out = np.empty((count, self.dimensions), np.float32)
        spread = scale * self.spread
        word = rng.signed(seed)
        threads.each(lambda a, b: _draw(out[a:b], a, self.centre, spread, generation, word), count)
        return out

    def of(self, model: Any) -> np.ndarray:
        """The vector (D,) of a model that `model` could have made. Raises ValueError if it is none."""
        if np.shape(getattr(model, "vector", None)) != (self.dimensions,):
            raise ValueError(f"expected a point of {self.dimensions} numbers; got {type(model).__name__}")
        return np.array(model.vector, np.float32)

    def express(self, vectors: np.ndarray) -> Any:
        return vectors

    def model(self, vector: np.ndarray) -> VectorModel:
        return VectorModel(vector)


class VectorModel:
    """A point (D,) of a FunctionTask as a Model: calling it gives the point."""

    def __init__(self, vector: Any):
        self.vector = np.array(vector)

    @property
    def parameters(self) -> int:
        return self.vector.size

    def __call__(self, inputs: Any = None) -> np.ndarray:
        return self.vector

    def reset(self) -> None:
        pass

    def save(self) -> Saved:
        return {"vector": torch.from_numpy(self.vector.copy())}, {"kind": "vector"}

    def figure(self) -> Any:
        from evo.pictures import weights

        return weights({"vector": torch.from_numpy(self.vector)})


class Parameters(Reals):
    """The networks that differ from `network()` in their parameters alone, as flat vectors (D,).

    network: makes the nn.Module, (B, I) -> (B, O), initialised from torch's global generator. A fresh vector is drawn
    as the module's own initialiser would: normal, with each parameter tensor's centre and spread as measured over a
    few initialisations (a constant one, such as a normalisation's scale, stays constant). Buffers are not evolved.
    """

    def __init__(self, network: Callable[[], nn.Module], samples: int = 8):
        drawn = []
        for k in range(samples):
            with rng.torch_seed(0, 0, k, rng.NETWORK):
                drawn.append(network())
        self.template = drawn[0].eval().requires_grad_(False)
        self.shapes = {name: p.shape for name, p in self.template.named_parameters()}
        super().__init__(sum(shape.numel() for shape in self.shapes.values()))
        self._measure_initialiser(drawn)
        self._copies = threading.local()
        self._probed: dict[int, tuple[int, int]] = {}

    def _measure_initialiser(self, drawn: list[nn.Module]) -> None:
        centres, spreads = [], []
        for name, shape in self.shapes.items():
            values = torch.stack([dict(m.named_parameters())[name].detach().flatten().double() for m in drawn])
            mean, spread = values.mean(), values.std(correction=0)
            if spread == 0 or (values == values[0]).all():
                centre, spread = values[0], torch.zeros(())
            else:
                noise = 3 * spread / values.numel() ** 0.5
                centre = (mean if abs(mean) > noise else torch.zeros(())).expand(shape.numel())
            centres.append(centre)
            spreads.append(spread.expand(shape.numel()))
        self.centre, self.spread = torch.cat(centres).double().numpy(), torch.cat(spreads).double().numpy()

    def of(self, model: Any) -> np.ndarray:
        """The flat vector (D,) float32 of a module of this shape, or of a Model of one.

        Raises ValueError, saying what differs, if it is none: in its parameters' shapes, or in a buffer's content.
        """
        module = model.to_module() if hasattr(model, "to_module") else model
        if not isinstance(module, nn.Module):
            raise ValueError(f"expected a network of torch, whose weights can be taken over; got {type(model).__name__}")
        given = {name: p.shape for name, p in module.named_parameters()}
        differences = [
            f"{name}: expected {_shape(self.shapes.get(name))}, got {_shape(given.get(name))}"
            for name in [*self.shapes, *(name for name in given if name not in self.shapes)]
            if given.get(name) != self.shapes.get(name)
        ]
        own = dict(self.template.named_buffers())
        for name, buffer in module.named_buffers():
            if name not in own or not torch.equal(buffer.cpu(), own[name]):
                differences.append(f"{name}: a buffer, which is not evolved, holds other numbers")
        if differences:
            raise ValueError(f"these weights do not fit the network of the task: {'; '.join(differences)}")
        return torch.cat([p.detach().flatten() for p in module.parameters()]).cpu().float().numpy()

    def express(self, vectors: Any) -> Networks:
        return Networks(self, torch.as_tensor(vectors, dtype=torch.float32))

    def model(self, vector: Any) -> TorchModel:
        values = torch.as_tensor(vector, dtype=torch.float32)
        if values.shape != (self.dimensions,):
            raise ValueError(f"expected a vector of shape ({self.dimensions},); got {tuple(values.shape)}")
        module = copy.deepcopy(self.template).requires_grad_()
        module.load_state_dict(self._named(values), strict=False)
        return TorchModel(module)

    def _named(self, vector: Tensor) -> dict[str, Tensor]:
        pieces = vector.split([shape.numel() for shape in self.shapes.values()])
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces)}

    def tile(self, population: int, x: Tensor) -> int:
        """Networks a tile: as many groups as fit TILE_BYTES, spread evenly; a function of shapes and device alone."""
        width = self.dimensions + x.shape[-2] * (x.shape[-1] + self._probe(x.shape[-1])[0])
        group = max(2, LANES // math.gcd(LANES, x.shape[-2]))
        groups = max(1, -(-population // group))
        most = max(1, min(512, TILE_BYTES[x.device.type] // (4 * width)) // group)
        return group * -(-groups // -(-groups // most))

    def _probe(self, inputs: int) -> tuple[int, int]:
        """Numbers that one example makes on its way through the network, and outputs O."""
        if inputs not in self._probed:
            seen: list[int] = []
            hooks = [
                part.register_forward_hook(lambda part, args, out: seen.append(out[0].numel()))
                for part in self.template.modules()
                if not list(part.children())
            ]
            try:
                shape = tuple(self.template(torch.zeros(2, inputs)).shape)
            finally:
                for hook in hooks:
                    hook.remove()
            if len(shape) != 2 or shape[0] != 2:
                raise ValueError(f"the network must give outputs of shape (B, O); for 2 examples it gave {shape}")
            self._probed[inputs] = sum(seen), shape[1]
        return self._probed[inputs]

    def _copy(self, device: torch.device) -> nn.Module:
        """This thread's own module: functional_call exchanges a module's parameters while it runs."""
        copies = self._copies.__dict__
        if str(device) not in copies:
            copies[str(device)] = copy.deepcopy(self.template).to(device)
        return copies[str(device)]


class Networks:
    """A population (P, D) of Parameters, ready to run: the Phenotypes of every weight-based method."""

    def __init__(self, encoding: Parameters, vectors: Tensor):
        if vectors.ndim != 2 or vectors.shape[1] != encoding.dimensions:
            raise ValueError(f"expected vectors of shape (P, {encoding.dimensions}); got {tuple(vectors.shape)}")
        self.encoding, self.vectors = encoding, vectors

    @property
    def parameters(self) -> int:
        return self.encoding.dimensions

    @property
    def device(self) -> torch.device:
        return self.vectors.device

    def __len__(self) -> int:
        return len(self.vectors)

    def to(self, device: str | torch.device) -> Networks:
        return Networks(self.encoding, self.vectors.to(device))

    def reset(self) -> None:
        """Feed-forward networks keep nothing between calls."""

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout`)."""
        return perceptron.policy(self.encoding.template, self.vectors)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) of every network on x: the same rows (B, I) for all, or rows of its own (P, B, I)."""
        size = len(self)
        x = torch.as_tensor(x, dtype=torch.float32, device=self.device)
        if x.ndim not in (2, 3) or (x.ndim == 3 and len(x) != size):
            raise ValueError(f"expected inputs of shape (B, I) or ({size}, B, I); got {tuple(x.shape)}")
        tile = self.encoding.tile(size, x)
        out = torch.empty((size, x.shape[-2], self.encoding._probe(x.shape[-1])[1]), device=self.device)

        def part(start: int, stop: int) -> None:
            for at in range(start, stop, tile):
                rows = self._padded(x, at, tile) if x.ndim == 3 else x
                here = out[at : at + tile]
                with torch.no_grad():  # a thread of the pool has a grad mode of its own
                    here.copy_(self._run(self._padded(self.vectors, at, tile), rows)[: len(here)])

        if self.device.type == "cpu":
            threads.each(part, size, grain=tile)
        else:
            part(0, size)
        return out

    def _run(self, vectors: Tensor, x: Tensor) -> Tensor:
        module = self.encoding._copy(self.device)
        one = lambda vector, rows: functional_call(module, self.encoding._named(vector), (rows,))
        return vmap(one, in_dims=(0, 0 if x.ndim == 3 else None))(vectors, x)

    @staticmethod
    def _padded(values: Tensor, at: int, tile: int) -> Tensor:
        """A copy of `tile` members from `at` on, zeros after the last."""
        block = values[at : at + tile]
        return functional.pad(block, ((0, 0) * (block.ndim - 1) + (0, tile - len(block))))


def encoding(task: Task) -> Reals:
    """What a vector of a weight-based method stands for on this task: its network's parameters, or a point."""
    return Parameters(task.network) if hasattr(task, "network") else Reals(task.dimensions)  # type: ignore[attr-defined]


def _shape(shape: Any) -> str:
    return "nothing" if shape is None else str(tuple(shape))


def fits(task: Task) -> str | None:
    """Why a weight-based method does not fit the task, or None."""
    if hasattr(task, "network") or hasattr(task, "dimensions"):
        return None
    return "it searches real vectors: the task has neither a network (task.network) nor a number of dimensions"


class VectorAlgorithm:
    """What the algorithms that search vectors (P, D) share; each brings `ask`, `tell` and what it needs besides.

    `encoding` is a number of dimensions D, or Parameters: what the vectors stand for. A class names its `settings` and
    the `arrays` of its state, attributes that are None or numpy arrays.
    """

    settings: type
    arrays: tuple[str, ...] = ("population",)
    repeats = 1
    fits = staticmethod(fits)

    def __init__(self, encoding: Reals | int, *, seed: int = 0, **values: Any):
        self.encoding = Reals(encoding) if isinstance(encoding, int) else encoding
        self.options, self.seed = self.settings(**values), seed
        self.generation = 0
        self.population: np.ndarray | None = None

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Any) -> Any:
        return cls(encoding(task), seed=seed, **values)

    def express(self, population: np.ndarray) -> Phenotypes:
        return self.encoding.express(population)

    def model(self, genome: np.ndarray) -> Model:
        return self.encoding.model(genome)

    def row(self) -> Row:
        return {}

    def state_dict(self) -> State:
        values = {name: getattr(self, name) for name in self.arrays}
        return {"generation": self.generation, **{k: None if v is None else torch.from_numpy(v) for k, v in values.items()}}

    def load_state_dict(self, state: State) -> None:
        self.generation = state["generation"]
        for name in self.arrays:
            setattr(self, name, None if state[name] is None else state[name].numpy().copy())
