"""Safe mutations (Lehman, Chen, Clune, Stanley: Safe mutations for deep and recurrent neural networks through output gradients.
GECCO 2018, arXiv 1712.06563): noise that is small where the network's outputs are sensitive.

From outputs y (T, O) of the unchanged network on T inputs that its task has shown:

    sm-g-sum    noise_j / s_j, s_j^2 = sum over outputs k of (sum over inputs t of dy_k(t) / dw_j)^2       (section 3.2)
    sm-r        the whole noise rescaled, by a line search, so that outputs change by a set amount        (section 3.1)

The constants are those of the released code, as is the amount: the mean over inputs of the distance between old and new
outputs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from evo import rng, threads
from evo.core import Examples, Networked, Phenotypes, Task
from evo.settings import Value, setting
from evo.vectors.encoding import Parameters, Searched
from evo.vectors.population import Networks

SAFE = ("sm-g-sum", "sm-r")
LEAST = 0.01  # a smaller sensitivity counts as this, and one of 0 as 1
MOST = 10.0  # of a weight's change
ROUNDS = 15  # of the line search
NUMBERS = 2**22  # of the Jacobians that are made at once


def inputs_setting() -> Value:
    """The setting `mutation_inputs`."""
    doc = "training examples, drawn each generation, on which safe mutations look at outputs"
    return setting(100, doc, low=1, unit="examples", source="Lehman et al. 2018: at most 100")


def experienced(task: Task) -> Tensor | None:
    """The inputs (N, I) that safe mutations draw from: of the training examples; None where networks are shown none."""
    return task.split("train")[0] if isinstance(task, Examples) and isinstance(task, Networked) else None


def safe_mutation(options: Value, encoding: Searched, inputs: Tensor | None, seed: int) -> SafeMutation | None:
    """That of settings with `mutation`, `mutation_inputs` and `mutation_std`; None for another mutation."""
    if options.mutation not in SAFE:
        return None
    return SafeMutation(options.mutation, encoding, inputs, options.mutation_inputs, options.mutation_std, seed)


def with_construction(networks: Phenotypes | np.ndarray, safe: SafeMutation | None) -> Phenotypes | np.ndarray:
    """Networks that cost what their mutation cost."""
    if safe is not None and isinstance(networks, Networks):
        networks.construction = safe.compute
    return networks


class SafeMutation:
    """encoding: Parameters; inputs (N, I), of which `count` are drawn for a generation; amount: of sm-r, by how much outputs
    change. compute: forward-equivalents x parameters of the last call. Raises ValueError without inputs or a network."""

    def __init__(self, kind: str, encoding: Searched, inputs: Tensor | None, count: int, amount: float, seed: int):
        if inputs is None or not isinstance(encoding, Parameters):
            raise ValueError(
                f"mutation={kind} needs a network and examples, whose outputs it keeps from changing much: the task has none; "
                "use mutation=gaussian"
            )
        self.kind, self.encoding, self.inputs, self.amount, self.seed = kind, encoding, inputs, amount, seed
        self.count, self.compute = min(count, len(inputs)), 0.0

    def mutated(self, parents: np.ndarray, places: np.ndarray, noise: np.ndarray, generation: int) -> np.ndarray:
        """Children (n, D) of `parents` (P, D) at `places` (n,), with noise (n, D), scaled."""
        order = rng.permutation(self.seed, generation, 0, rng.EXPERIENCE, len(self.inputs))
        x = self.inputs[torch.from_numpy(order[: self.count])]
        if self.kind == "sm-r":
            return self._rescaled(parents[places], noise, x)
        used, at = np.unique(places, return_inverse=True)
        found = self.sensitivities(parents[used], x)
        found[found == 0] = 1.0
        return parents[places] + np.clip(noise / np.maximum(found, LEAST)[at], -MOST, MOST)

    def sensitivities(self, vectors: np.ndarray, x: Tensor) -> np.ndarray:
        """s (n, D) float32 of networks (n, D) on inputs x (T, I); what is not finite is 0."""
        encoding, size = self.encoding, vectors.shape[1]
        outputs = encoding._probe(x.shape[1])[1]
        tile = max(2, min(64, NUMBERS // (outputs * size)))  # of shapes alone; the last one is padded
        found = np.empty((len(vectors), size), np.float32)

        def block(start: int, stop: int) -> None:
            rows = np.zeros((tile, size), np.float32)
            rows[: stop - start] = vectors[start:stop]
            module = encoding._copy(torch.device("cpu"))
            summed = lambda vector: functional_call(module, encoding._named(vector), (x,)).sum(0)
            with torch.enable_grad():  # grad mode is per thread
                found[start:stop] = vmap(jacrev(summed))(torch.from_numpy(rows)).square().sum(1).sqrt()[: stop - start]

        threads.each_block(block, len(vectors), tile)
        self.compute = float(len(vectors)) * len(x) * size * (1 + 2 * outputs)
        return np.nan_to_num(found, copy=False, nan=0.0, posinf=0.0)

    def _rescaled(self, bases: np.ndarray, noise: np.ndarray, x: Tensor) -> np.ndarray:
        """Secant steps towards the amount, or the middle of the bracket where they leave it; the nearest of all counts."""
        before = self.encoding.express(bases).forward(x)
        factor, low, high = np.ones(len(bases)), np.zeros(len(bases)), np.full(len(bases), np.inf)
        best, nearest = np.zeros(len(bases)), np.full(len(bases), np.inf)
        moved = lambda by: bases + np.clip(noise * by[:, None].astype(noise.dtype), -MOST, MOST)
        for _ in range(ROUNDS):
            after = self.encoding.express(moved(factor)).forward(x)
            change = np.nan_to_num((after - before).norm(dim=-1).mean(-1).double().numpy(), nan=np.inf)
            gap = np.abs(change - self.amount)
            best, nearest = np.where(gap < nearest, factor, best), np.minimum(gap, nearest)
            low, high = np.where(change <= self.amount, factor, low), np.where(change <= self.amount, high, factor)
            with np.errstate(all="ignore"):
                secant = factor * self.amount / change
                middle = np.where(np.isinf(high), 2 * factor, (low + high) / 2)
            factor = np.where((secant > low) & (secant < high), secant, middle)
        self.compute = float(len(bases)) * len(x) * bases.shape[1] * (1 + ROUNDS)
        return moved(best)
