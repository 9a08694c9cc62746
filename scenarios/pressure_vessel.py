"""The cheapest pressure vessel (Sandgren: Nonlinear integer and discrete programming in mechanical design optimization. Journal
of Mechanical Design 112, 1990): a cylinder with two domed heads for 1,296,000 cubic inches. Shell and heads are of plates in
sixteenths of an inch; radius and length are real numbers, up to 200. The known optimum costs 6059.714335."""

import math

import numpy as np

from evo.constraints import HANDLINGS
from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.space import Integer, Real, Space, Values
from evo.tasks.function import FunctionTask

OPTIMUM, VOLUME, INCH = 6059.714335, 1_296_000.0, 1 / 16


def cost(v: Values) -> np.ndarray:
    """Minus the cost (P,) of material, forming and welding."""
    shell, head, radius, length = v["shell"] * INCH, v["head"] * INCH, v["radius"], v["length"]
    rolled = 0.6224 * shell * radius * length + 1.7781 * head * radius**2
    return -(rolled + 3.1661 * shell**2 * length + 19.84 * shell**2 * radius)


def strength(v: Values) -> np.ndarray:
    """(P, 2), in inches: shell and heads are thick enough for their radius."""
    return np.stack([0.0193 * v["radius"] - v["shell"] * INCH, 0.00954 * v["radius"] - v["head"] * INCH], axis=1)


def volume(v: Values) -> np.ndarray:
    """(P,), a share of what is wanted: the vessel holds that."""
    return 1 - (math.pi * v["radius"] ** 2 * v["length"] + 4 / 3 * math.pi * v["radius"] ** 3) / VOLUME


@settings
class PressureVesselSettings:
    constraint: str = setting(
        "feasibility", "how constraints enter the fitness; objective: one more, for nsga2", choices=HANDLINGS
    )
    penalty: float = setting(1e5, "dollars an inch, or a whole volume, of violation, for constraint=penalty", low=0.0)
    tolerance: float = setting(1e-3, "solved within this share of the known optimum", above=0.0)
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def space() -> Space:
    return Space(
        shell=Integer(1, 99),
        head=Integer(1, 99),
        radius=Real(10, 200),
        length=Real(10, 200),
        constraints=[strength, volume],
    )


def task(settings: PressureVesselSettings, network: object) -> FunctionTask:
    handled = dict(space=space(), constraint=settings.constraint, penalty=settings.penalty)
    return FunctionTask(cost, solved=-OPTIMUM * (1 + settings.tolerance), stop=settings.stop, optimum=-OPTIMUM, **handled)


scenario = Scenario(
    name="pressure_vessel",
    title="cheapest pressure vessel: 2 whole and 2 real numbers, 3 constraints",
    task=task,
    settings=PressureVesselSettings,
    budget=Budget(evaluations=30_000),
    methods=("de", "ga", "cma-es", "nsga2", "random-search"),
    model={},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("pressure_vessel")
