"""Bias of stored runs of the scenarios finite_sample_bias, with 95 % intervals over the data sets of all their seeds.

    evo run finite_sample_bias finite_sample_bias_gaussian finite_sample_bias_quadratic --seeds 1
    python tests/efficacy/finite_sample_bias.py runs

For every weight: what theory says of the minimum's bias; each label's bias; and by how much its mean lies from backprop's in
the direction of the truth (beyond it, if that is more than backprop's bias), over the same data sets. "finite": of the data
sets that are not separable alone, where some are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from scenarios.functions.samples import GAUSSIAN, LOGISTIC, QUADRATIC, Case, first_order_bias
from scenarios.lab import load
from scenarios.simulated import BiasTask

CASES = {
    "finite_sample_bias": LOGISTIC,
    "finite_sample_bias_gaussian": GAUSSIAN,
    "finite_sample_bias_quadratic": QUADRATIC,
}
Z = 1.96


def errors(folder: Path, case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of all seeds of a label: weights minus truth (S, 2), which of S data sets have stopped, which are separable, seeds."""
    found = []
    for path in sorted(folder.glob("seed-*")):
        run = load(path)
        weights, seed = run.champion.to_module(), int(path.name.removeprefix("seed-"))
        apart = BiasTask(case, len(weights.b), seed=seed).separable_sets
        found.append((weights.b.detach().numpy() - case.truth, ~weights.moving.numpy(), apart, np.full(len(apart), seed)))
    return tuple(map(np.concatenate, zip(*found)))


def interval(values: np.ndarray) -> str:
    mean, half = values.mean(), Z * values.std(ddof=1) / len(values) ** 0.5
    return f"{mean:+.5f} [{mean - half:+.5f}, {mean + half:+.5f}]"


def lines(runs: Path) -> list[str]:
    """The report of every scenario of `runs`."""
    found = []
    for name, case in CASES.items():
        labels = {
            path.name: errors(path, case) for path in sorted((runs / name).glob("*")) if any(path.glob("seed-*/result.json"))
        }
        if not labels:
            continue
        plain = labels.get("backprop")
        expected = ", ".join(f"{weight} {value:+.5f}" for weight, value in zip(case.names, first_order_bias(case)))
        found += [f"{name}: expected of the minimum, to order 1 / N: {expected}"]
        for label, (error, stopped, apart, seeds) in labels.items():
            found.append(f"  {label}: {len(error)} data sets, {stopped.mean():.1%} stopped, {apart.mean():.1%} separable")
            for which, chosen in {"all": np.full(len(error), True), "finite": ~apart}.items():
                if which == "finite" and not apart.any():
                    continue
                for k, weight in enumerate(case.names):
                    line = f"    {which:6} {weight:10} bias {interval(error[chosen, k])}"
                    if plain is not None and label != "backprop" and np.array_equal(plain[3], seeds):
                        sign = np.sign(plain[0][chosen, k].mean())
                        line += f"   moved from backprop's, towards the truth {interval(sign * (plain[0] - error)[chosen, k])}"
                    found.append(line)
    return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("runs", type=Path)
    print("\n".join(lines(arguments.parse_args().runs)) or "no runs of finite_sample_bias")
