"""Finite-sample bias: how far from the truth are the weights, in the mean over data sets, and does backstitch come nearer?

Wang et al.: Backstitch: counteracting finite-sample bias via negative steps. Interspeech 2017. What minimises the loss on N
examples differs from the truth by a bias of order 1 / N; a step up of alpha (1 + alpha) rate = factor / N, for minibatches of
one example, is meant to cancel it. Here: logistic regression, x uniform on (1, 2), intercept 0 and slope 3, factor 1. Two more
cases have scenarios of their own: `finite_sample_bias_gaussian` and `finite_sample_bias_quadratic`.

    evo run finite_sample_bias -m backprop -m backstitch -m sam

`scenarios.simulated` says how 1,000 data sets are trained at once, and what is reported. Some 21 % of the data sets have
examples of one class alone and no finite minimum (`separable` is the share of these and of those that a point tells apart):
their weights are those where they stop. The run takes some 55,000 epochs; `--budget steps=1000 --set task.data_sets=200` is a
look.
"""

from scenarios.functions.samples import LOGISTIC
from scenarios.simulated import bias_scenario

scenario = bias_scenario("finite_sample_bias", LOGISTIC, "bias of 1,000 logistic regressions, each on 100 examples", 150_000)

if __name__ == "__main__":
    from scenarios.lab import main

    main("finite_sample_bias")
