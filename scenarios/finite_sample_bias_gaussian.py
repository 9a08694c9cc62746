"""Finite-sample bias (`scenarios.finite_sample_bias`) of the mean and precision, 0 and .8, of a normal distribution, from 100
numbers each.

The factor of the prediction is .8, as in an author's simulation.
"""

from scenarios.functions.samples import GAUSSIAN
from scenarios.simulated import bias_scenario

scenario = bias_scenario(
    "finite_sample_bias_gaussian", GAUSSIAN, "bias of 1,000 estimates of mean and precision, each from 100 numbers", 20_000
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("finite_sample_bias_gaussian")
