"""What a flat vector (D,) encodes: the parameters of an nn.Module, or a point (`evo.vectors.points`).

Networks run in tiles of the population that fit the cache; the tile size is a function of shapes alone. For bit-identical
results with any tile, every network needs the same memory alignment: vector instructions take LANES numbers at a time and
round differently in the remainder (sigmoid, softplus), and matrix products round differently if rows are not 16-byte aligned.
So a tile holds whole groups whose rows are a multiple of LANES, the last tile is padded, and no tile holds a single network
(vmap of one takes another code path).
"""

from __future__ import annotations

import copy
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo import rng
from evo.core import Backends, Episodic, Model, Networked, Points, Task
from evo.space import Space
from evo.vectors import mlp_rows, rnn_kernel
from evo.vectors.models import TorchModel, as_module, matching, network_of
from evo.vectors.points import Box, Reals
from evo.vectors.population import Networks
from evo.vectors.recurrent import Recurrent

TILE_BYTES = {"cpu": 2**23, "cuda": 2**28}  # parameters and activations of one tile
LANES = 32  # numbers per widest vector instruction
Searched = Reals | Space | int | None  # what an algorithm's vectors stand for; None: said by `dimensions=` or `space=`


class Parameters(Reals):
    """Networks that differ from `network()` only in their parameters, as flat vectors (D,).

    network: returns the nn.Module, (B, I) -> (B, O), initialised from torch's global generator. New vectors follow the module's
    own initialiser: normal, with mean and std per parameter tensor as measured over a few initialisations (constants, such as a
    normalisation layer's scale, stay constant). Buffers are not evolved.
    samples: how many initialisations are measured. template: one of the modules; shapes: of its parameters, by name, in the
    order in which they stand in a vector.
    """

    dtype = np.float32

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

    def __getstate__(self) -> dict[str, object]:
        """Without the modules of this process's threads."""
        return {name: value for name, value in vars(self).items() if name != "_copies"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _copies=threading.local())

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

    def of(self, model: Model | nn.Module) -> np.ndarray:
        """The flat vector (D,) float32 of a module of this shape, or of a Model of one.

        Raises ValueError that lists the differences in parameter shapes or buffers.
        """
        module = as_module(model)
        given = {name: p.shape for name, p in module.named_parameters()}
        differences = [
            f"{name}: expected {_shape(self.shapes.get(name))}, got {_shape(given.get(name))}"
            for name in [*self.shapes, *(name for name in given if name not in self.shapes)]
            if given.get(name) != self.shapes.get(name)
        ]
        own = dict(self.template.named_buffers())
        for name, buffer in module.named_buffers():
            if name not in own or not torch.equal(buffer.cpu(), own[name]):
                differences.append(f"{name}: buffers are not evolved, and this one differs")
        if differences:
            raise ValueError(f"these weights do not fit the network of the task: {'; '.join(differences)}")
        return torch.cat([p.detach().flatten() for p in module.parameters()]).cpu().float().numpy()

    def named(self, patterns: Sequence[str]) -> np.ndarray:
        """Which numbers (D,) belong to parameters whose names match one of `patterns` ("layers.0.*"). Raises ValueError for a
        pattern that matches none."""
        matched = matching(patterns, self.shapes)
        return np.repeat([name in matched for name in self.shapes], [shape.numel() for shape in self.shapes.values()])

    def express(self, vectors: npt.ArrayLike) -> Networks:
        """The networks of vectors (P, D), array or tensor, as Phenotypes. Raises ValueError for another shape."""
        return Networks(self, _tensor(vectors))

    def model(self, vector: npt.ArrayLike) -> TorchModel:
        """The network of one vector (D,) as a Model, in a module of its own. Raises ValueError for another shape."""
        values = _tensor(vector)
        if values.shape != (self.dimensions,):
            raise ValueError(f"expected a vector of shape ({self.dimensions},); got {tuple(values.shape)}")
        named, template = self._named(values), self.template
        # What a copy has in place of its original. Most of a module are empty tables of hooks, which `copy` copies slowly.
        memo: dict[int, object] = {
            id(table): OrderedDict()
            for part in template.modules()
            for table in vars(part).values()
            if type(table) is OrderedDict and not table
        }
        memo |= {id(p): nn.Parameter(torch.empty_like(p).copy_(named[name])) for name, p in template.named_parameters()}
        return TorchModel(copy.deepcopy(template, memo))

    def _named(self, vector: Tensor) -> dict[str, Tensor]:
        pieces = vector.split([shape.numel() for shape in self.shapes.values()])
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces)}

    def tile(self, population: int, x: Tensor) -> int:
        """Networks per tile: as many groups as fit TILE_BYTES, evenly spread; a function of shapes and device alone."""
        width = self.dimensions + x.shape[-2] * (x.shape[-1] + self._probe(x.shape[-1])[0])
        group = max(2, LANES // math.gcd(LANES, x.shape[-2]))
        groups = max(1, -(-population // group))
        most = max(1, min(512, TILE_BYTES[x.device.type] // (4 * width)) // group)
        return group * -(-groups // -(-groups // most))

    def _probe(self, inputs: int) -> tuple[int, int]:
        """The number of activations of one example in all layers, and of outputs O."""
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
                if isinstance(self.template, Recurrent):
                    self.template.reset()
            if len(shape) != 2 or shape[0] != 2:
                raise ValueError(f"the network must give outputs of shape (B, O); for 2 examples it gave {shape}")
            self._probed[inputs] = sum(seen), shape[1]
        return self._probed[inputs]

    def _copy(self, device: torch.device) -> nn.Module:
        """One module per thread: functional_call swaps a module's parameters while it runs."""
        copies = self._copies.__dict__
        if str(device) not in copies:
            copies[str(device)] = copy.deepcopy(self.template).to(device)
        return copies[str(device)]


def as_encoding(*named: Searched) -> Reals:
    """What a user names as the vectors of an algorithm: a number of dimensions, a Space, or an encoding. Raises TypeError
    unless exactly one is not None."""
    given = [each for each in named if each is not None]
    if len(given) != 1:
        raise TypeError(f"expected one of dimensions=20, space=Space(...), or an encoding such as Parameters; got {len(given)}")
    one = given[0]
    if isinstance(one, Reals):
        return one
    if isinstance(one, Space):
        return Box(one)
    if isinstance(one, bool) or not isinstance(one, (int, np.integer)):
        raise TypeError(f"encoding: expected a number of dimensions, a Space, or Parameters; got {one!r}")
    return Reals(int(one))


def encoding_for(task: Task) -> Reals:
    """The encoding of a weight-based method on this task: its network's parameters, a point, or one of a Space."""
    if isinstance(task, Networked):
        return Parameters(task.network)
    if isinstance(task, Points):
        return Reals(task.dimensions) if task.space is None else Box(task.space)
    raise ValueError(unsupported_reason(task))


def unsupported_reason(task: Task) -> str | None:
    """Why a method that searches real vectors does not support the task, or None."""
    if isinstance(task, (Networked, Points)):
        return None
    return "it searches real vectors: the task has neither a network (task.network) nor a number of dimensions"


def backends(task: Task) -> Backends:
    """What runs the networks of a method that searches real vectors."""
    if not isinstance(task, Networked):
        return Backends("the task's function", "", "the task's function takes points on the host")
    network = network_of(task)
    compiled = mlp_rows.layers(network) is not None or rnn_kernel.sizes_of(network) is not None
    if not compiled:
        return Backends("torch", "" if task.off_card else "torch", task.off_card)
    on_card = "compiled" if isinstance(task, Episodic) else "torch"
    return Backends("compiled", "" if task.off_card else on_card, task.off_card)


def _shape(shape: torch.Size | None) -> str:
    return "nothing" if shape is None else str(tuple(shape))


def _tensor(vectors: npt.ArrayLike) -> Tensor:
    """float32, on the same memory if it can be. torch warns of an array that is read-only; nothing here writes to it."""
    if isinstance(vectors, np.ndarray) and not vectors.flags.writeable:
        vectors = vectors.view()
        try:
            vectors.setflags(write=True)
        except ValueError:  # its owner is read-only
            vectors = vectors.copy()
    return torch.as_tensor(vectors, dtype=torch.float32)
