"""Finite-sample bias (`scenarios.finite_sample_bias`) of the minimum of b'Cb / 2 + y'b, the mean of 100 such functions.

C = XX' with X (2, 2) uniform on (-1, 1), y uniform on (0, 1): the minimum of the mean over all is at (-.75, -.75), and 1.5,
the factor of the prediction, is the inverse of its curvature, so that the bias of order 1 / N is cancelled.
"""

from scenarios.functions.samples import QUADRATIC
from scenarios.simulated import bias_scenario

scenario = bias_scenario(
    "finite_sample_bias_quadratic", QUADRATIC, "bias of the minima of 1,000 quadratic functions, each of 100 terms", 20_000
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("finite_sample_bias_quadratic")
