"""Which settings mattered in a tuning: how much worse a random forest predicts a trial's rank without knowing one of them.

Permutation importance (Breiman: Random forests. Machine Learning 45, 2001) of settings, as in Hutter, Hoos, Leyton-Brown: An
efficient approach for assessing hyperparameter importance. ICML 2014, whose surrogate is a forest too. Every trial is predicted
by forests that have not seen it, so that noise gets no importance; instead of one permutation, a setting takes the value of
every other trial. Half of what the error grows by estimates the setting's total effect, interactions included, on the variance
(Jansen 1999; Gregorutti, Michel, Saint-Pierre: Correlation and variable importance in random forests. Statistics and Computing
27, 2017). Forests need no scaling of a logarithmic setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.lab.store.store import is_number

FEWEST = 20  # drawn trials; fewer tell nothing of several settings at once
FOLDS, TREES = 5, 100


@dataclass(frozen=True)
class Importance:
    """explained: the share of the ranks' variance that forests predict on trials they have not seen (R^2), at most 1.
    shares: by setting, its total effect as a share of the variance; interactions count for each setting of them. rising: by
    numeric setting, Spearman's correlation of its value with how well a trial did."""

    explained: float
    shares: dict[str, float]
    rising: dict[str, float]


def importance(settings: Sequence[Mapping[str, Any]], ranks: Sequence[float]) -> Importance | str:
    """Of drawn trials: their settings, and their mean ranks, 0 the best. A str says why nothing can be said."""
    if len(ranks) < FEWEST:
        return f"too few trials: importance needs at least {FEWEST} drawn ones; there are {len(ranks)}"
    y = np.asarray(ranks, float)
    if y.var() == 0:
        return "all trials rank alike"
    from scipy.stats import spearmanr
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    names = list(settings[0])
    columns = {name: [each[name] for each in settings] for name in names}
    x = np.column_stack([_numbers(column) for column in columns.values()])
    error, without = 0.0, np.zeros(len(names))
    for train, held in KFold(FOLDS, shuffle=True, random_state=0).split(x):
        forest = RandomForestRegressor(TREES, random_state=0).fit(x[train], y[train])
        error += float(((forest.predict(x[held]) - y[held]) ** 2).sum()) / len(y)
        for k in range(len(names)):
            changed = np.repeat(x[held], len(x), axis=0)  # (held x trials, settings)
            changed[:, k] = np.tile(x[:, k], len(held))
            wrong = (forest.predict(changed) - np.repeat(y[held], len(x))) ** 2
            without[k] += float(wrong.sum()) / len(x) / len(y)
    explained = 1 - error / float(y.var())
    if explained <= 0:
        return "the trials do not tell: forests predict those they have not seen no better than the mean does"
    shares = dict(zip(names, ((without - error) / (2 * y.var())).tolist()))
    numeric = [name for name in names if all(map(is_number, columns[name])) and len(set(columns[name])) > 1]
    rising = {name: float(spearmanr(columns[name], -y).statistic) for name in numeric}
    return Importance(explained, dict(sorted(shares.items(), key=lambda pair: -pair[1])), rising)


def _numbers(column: Sequence[Any]) -> np.ndarray:
    """A column of numbers as it is; of anything else the place of each value among them all."""
    if all(map(is_number, column)):
        return np.asarray(column, float)
    places = {value: place for place, value in enumerate(sorted(set(column), key=str))}
    return np.array([places[value] for value in column], float)
