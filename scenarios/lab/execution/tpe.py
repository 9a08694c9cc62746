"""Trials drawn by a tree-structured Parzen estimator, with Optuna.

Bergstra, Bardenet, Bengio, Kegl: Algorithms for hyper-parameter optimization. NIPS 2011. Every trial begins a new study of
Optuna, which is told all trials before: so a draw is a function of these, and a tuning that was cut goes on as if it had not
been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from evo.space import Choice, Dimension, Integer, Log, Real
from scenarios.lab.store.trials import ranks
from scenarios.lab.study.plan import Tuned, Values, shown
from scenarios.lab.study.problems import ConfigError

RANDOM = 10  # trials by random search before the estimator has enough to learn from: Optuna's default


def drawn(tuned: Tuned, trial: int, rows: Sequence[Mapping[str, Any]]) -> Values:
    """The searched settings of a trial, of the rows of those before it. The first RANDOM are random search's, and so is one
    whose settings would contradict one another."""
    import optuna

    from evo import rng

    told = ranks(rows)
    if trial < RANDOM or not told:
        return tuned.drawn(trial)
    distributions = {name: _distribution(optuna, dimension) for name, dimension in tuned.space.items()}
    word = int(rng.words(tuned.first_seed, trial, 0, rng.TUNING, 1)[0])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=word, n_startup_trials=0))
    settings = {row["trial"]: row["settings"] for row in rows}
    for number, rank in told.items():
        # Present settings may lie outside the space.
        params = {name: value for name, value in settings[number].items() if _within(tuned.space[name], value)}
        known = {name: distributions[name] for name in params}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=known, value=rank))
    found = study.ask(distributions).params
    values = {name: shown(tuned.space[name], found[name]) for name in tuned.space}
    return tuned.drawn(trial) if tuned.problems(values) else values


def installed() -> None:
    """Raises ConfigError where Optuna is missing."""
    if find_spec("optuna") is None:
        raise ConfigError(["--sampler tpe: needs Optuna: pip install 'neuroevo[tune]'"])


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    if isinstance(dimension, Choice):
        return optuna.distributions.CategoricalDistribution(tuple(dict.fromkeys(dimension.values)))
    if isinstance(dimension, Integer):
        return optuna.distributions.IntDistribution(dimension.low, dimension.high)
    assert isinstance(dimension, (Real, Log))
    return optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=isinstance(dimension, Log))


def _within(dimension: Dimension, value: Any) -> bool:
    if isinstance(dimension, Choice):
        return value in dimension.values
    assert isinstance(dimension, (Real, Log, Integer))
    return isinstance(value, (int, float)) and dimension.low <= value <= dimension.high
