"""What files of all networks that CPPNs draw have in common: the CPPN, and the coordinates of the substrate's layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from evo.core import Saved
from evo.genomes.genome import Genomes
from evo.hyperneat.substrate import Substrate
from evo.network.model import NetworkModel


def saved(cppn: NetworkModel, substrate: Substrate, said: Mapping[str, str]) -> Saved:
    """For `load`. said: what a method adds to the header, its "kind" among it."""
    tensors, header = cppn.save()
    layers = {f"layer.{k}": torch.from_numpy(each.copy()) for k, each in enumerate(substrate.layers)}
    return tensors | layers, {**header, **said}


def load(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> tuple[Genomes, Substrate]:
    """The genome of the CPPN, feed-forward, and the substrate. Raises KeyError for what is missing, ValueError for what is no
    genome or no substrate."""
    layers = {name: value for name, value in tensors.items() if name.startswith("layer.")}
    substrate = Substrate([layers[f"layer.{k}"].numpy() for k in range(len(layers))])
    genes = {name: value for name, value in tensors.items() if name not in layers}
    genome = Genomes.from_state({**genes, **{name: int(header[name]) for name in ("inputs", "outputs")}})
    return genome.check(feedforward=True), substrate
