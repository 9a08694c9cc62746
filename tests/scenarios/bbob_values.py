"""Writes bbob_values.json, the values of COCO that test_bbob.py compares ours with: needs numpy and coco-experiment.

python tests/scenarios/bbob_values.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
FUNCTIONS, DIMENSIONS, INSTANCES = range(1, 25), (2, 3, 5, 10, 20, 40), (1, 7, 110)


def points(function: int, dimension: int, instance: int) -> np.ndarray:
    """Three points (3, D): within the region of interest, beyond it, and near the origin. RandomState draws alike for ever."""
    drawn = np.random.RandomState(1000 * function + 10 * dimension + instance).uniform(-1, 1, (3, dimension))
    return drawn * np.array([[5], [8], [0.1]])


def main() -> None:
    import cocoex

    lines = []
    for function in FUNCTIONS:
        for dimension in DIMENSIONS:
            for instance in INSTANCES:
                problem = cocoex.BareProblem("bbob", function, dimension, instance)
                values = [problem(x) for x in points(function, dimension, instance)]
                lines.append(json.dumps([function, dimension, instance, problem.best_value(), *values]))
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
