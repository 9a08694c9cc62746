"""How well CPPNs draw a target: python tests/efficacy/cppn_study.py [--seeds 10] [--generations 600] [--target flower].

The mean squared error of the best picture, of each of:

    evolved      the method cppn
    modern       cppn-modern
    random       as many genomes of cppn, bred without selection
    trained      the champion of `evolved`, its weights by gradient, an epoch for every generation
    mlp          the scenario's network by gradient, as many epochs
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np

from baselines.backprop import Backprop
from evo import CPPN, MLP, ModernCPPN
from evo.core import Model
from scenarios.cppn_image import CPPNImageSettings, PictureTask, scenario, task

Found = dict[str, float]
OPTIONS = {"batch_size": 256, "patience": None}


def searched(made: PictureTask, method: type, seed: int, generations: int, informed: bool = True) -> tuple[float, Model]:
    """The least error of all genomes, and the best genome told, where fitness says something."""
    search, best = method.for_task(made, seed=seed), 0.0
    for _ in range(generations):
        fitness = made.evaluate(search.express(search.ask()), np.zeros(0)).fitness
        best = max(best, float(fitness.max()))
        search.tell(fitness if informed else np.zeros(len(fitness)))
    return 1 - best, search.best_model


def trained(made: PictureTask, seed: int, epochs: int, donor: Model | None = None) -> float:
    """The least error of an epoch by gradient."""
    learner = Backprop(made, Backprop.settings(**OPTIONS), seed)
    if donor is not None:
        learner.warm_start(donor)
    return min(1 - learner.step()["validation"]["fitness"] for _ in range(epochs))


def studied(made: PictureTask, seed: int, generations: int) -> Found:
    evolved, champion = searched(made, CPPN, seed, generations)
    return {
        "evolved": evolved,
        "modern": searched(made, ModernCPPN, seed, generations)[0],
        "random": searched(made, CPPN, seed, generations, informed=False)[0],
        "trained": trained(made, seed, generations, champion),
        "mlp": trained(made, seed, generations),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("seeds", 10), ("first", 0), ("generations", 600), ("resolution", 48)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--target", default="flower")
    parser.add_argument("--colour", choices=("grey", "hsb"), default="hsb")
    chosen = parser.parse_args(arguments)
    network: Callable = partial(MLP, hidden=scenario.model["hidden"])
    made = task(CPPNImageSettings(target=chosen.target, colour=chosen.colour, resolution=chosen.resolution), network)
    found: dict[str, list[float]] = {}
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        errors = studied(made, seed, chosen.generations)
        print(f"seed {seed}: " + ", ".join(f"{name} {error:.4f}" for name, error in errors.items()), flush=True)
        for name, error in errors.items():
            found.setdefault(name, []).append(error)
    flat = made.picture.reshape(-1, made.outputs)
    print(f"one colour, the best: {np.square(flat - flat.mean(0)).mean():.4f}")
    for name, errors in found.items():
        better = sum(a < b for a, b in zip(errors, found["random"]))
        said = f"{name}: mean {np.mean(errors):.4f}, median {np.median(errors):.4f}"
        print(f"{said}; better than random in {better} of {len(errors)}")


if __name__ == "__main__":
    main()
