"""Exclusive or, the four rows of `scenarios.parity` with two bits, as Stanley and Miikkulainen (2002) pose it:
fitness (4 - sum |t - o|)^2, solved when all four outputs are on the right side of .5."""

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from scenarios.parity import FITNESS, ParitySettings, task


@settings
class XorSettings:
    fitness: str = setting("closeness", "fitness to maximise; closeness: (4 - sum |t - o|)^2", choices=FITNESS)
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


scenario = Scenario(
    name="xor",
    title="exclusive or (full truth table: no test split)",
    task=lambda settings, network: task(ParitySettings(bits=2, **vars(settings)), network),
    settings=XorSettings,
    budget=Budget(evaluations=45_000),  # half of the runs of neat-modern need more than 30,000
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "mlp", "hidden": (4,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("xor")
