"""Networks of linear layers with functions between them, taken apart for methods that perturb layer by layer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn


class Layer(NamedTuple):
    """A linear layer, or a function with or without parameters. weight: place of a linear layer's weights in a vector; others:
    name and place of each other parameter; noise: where its noise begins among the numbers of a direction."""

    module: nn.Module
    weight: slice
    others: dict[str, slice]
    noise: int


@runtime_checkable
class Scaled(Protocol):
    """A function that gets numbers in another unit than its parameters': `unit`, how large 1 is there."""

    @property
    def unit(self) -> float: ...


def stacked(module: nn.Module) -> list[nn.Module] | None:
    """The modules of a network that is linear layers and functions between them, in order; None for another network. A network
    is an nn.Sequential, has one as its `layers` and computes what these do, or is a linear layer; a function has no modules of
    its own, and of its parameters none is a matrix."""
    inner = _layers(module)
    if inner is not None and len(list(module.parameters())) == len(list(inner.parameters())) and _in_order(module):
        found = [stacked(each) for each in inner]
        return None if None in found else [one for each in found for one in each or []]
    plain = not list(module.children()) and all(one.ndim == 1 for one in module.parameters())
    return [module] if type(module) is nn.Linear or plain else None  # another may compute in another way


def _layers(module: nn.Module) -> nn.Sequential | None:
    inner = module if isinstance(module, nn.Sequential) else getattr(module, "layers", None)
    return inner if isinstance(inner, nn.Sequential) else None


def _in_order(module: nn.Module) -> bool:
    """Whether a network computes what its layers do one after the other, and no more: tried on two inputs."""
    if type(module).forward is nn.Sequential.forward:
        return True
    module = copy.deepcopy(module).eval()
    linear = next((each for each in module.modules() if isinstance(each, nn.Linear)), None)
    inner = _layers(module)
    if linear is None or inner is None:
        return False
    x = torch.linspace(-1, 1, 2 * linear.in_features, dtype=linear.weight.dtype, device=linear.weight.device).view(2, -1)
    with torch.no_grad():
        try:
            return torch.equal(module(x), nn.Sequential.forward(inner, x))
        except (RuntimeError, ValueError, TypeError):  # another shape of inputs
            return False


def unstackable(module: nn.Module) -> str:
    """What is said of a network that is no stack of layers."""
    name = type(module).__name__
    return f"it needs linear layers with functions between them, which forward runs in order: model.network is {name}"


def placed(module: nn.Module, numbers: Callable[[nn.Linear], int]) -> tuple[list[Layer], int]:
    """The layers of a network (`stacked`), for vectors (D,) of its parameters in their order; and the noise numbers of a
    direction. numbers: those of a linear layer; a function has one for each of its parameters. Raises ValueError for another
    network."""
    modules = stacked(module)
    if modules is None or not any(isinstance(each, nn.Linear) for each in modules):
        raise ValueError(f"expected linear layers with functions between them; got {type(module).__name__}")
    places, at = {}, 0
    for parameter in module.parameters():
        places[id(parameter)] = slice(at, at + parameter.numel())
        at += parameter.numel()
    found, genes = [], 0
    for each in modules:
        weight = each.weight if isinstance(each, nn.Linear) else None
        others = {name: places[id(one)] for name, one in each.named_parameters() if one is not weight}
        found.append(Layer(each, slice(0) if weight is None else places[id(weight)], others, genes))
        own = (place.stop - place.start for place in others.values())
        genes += numbers(each) if isinstance(each, nn.Linear) else sum(own)
    return found, genes
