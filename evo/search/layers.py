"""Networks of linear layers with functions between them, taken apart for methods that perturb layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

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
    is an nn.Sequential, has one as its `layers`, or is a linear layer; a function has no modules of its own, and of its
    parameters none is a matrix."""
    inner = module if isinstance(module, nn.Sequential) else getattr(module, "layers", None)
    if isinstance(inner, nn.Sequential) and (
        inner is module or len(list(module.parameters())) == len(list(inner.parameters()))
    ):
        found = [stacked(each) for each in inner]
        return None if None in found else [one for each in found for one in each or []]
    plain = not list(module.children()) and all(one.ndim == 1 for one in module.parameters())
    return [module] if type(module) is nn.Linear or plain else None  # another may compute in another way


def unstackable(module: nn.Module) -> str:
    """What is said of a network that is no stack of layers."""
    return f"it needs linear layers with functions between them: model.network is {type(module).__name__}"


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
