"""How well vectors of nodes predict their labels: the protocol of DeepWalk, and the same without the true number of labels.

Perozzi, Al-Rfou, Skiena: DeepWalk. KDD 2014, section 5.2, and the authors' code: a share of the nodes, drawn at random, trains
a logistic regression for each label against the rest (squared penalty, C = 1); for each other node as many labels are predicted
as it truly has. This tells the classifier what it could not know; beside it stands the F1 of those labels whose probability is
at least a half, or of the likeliest where there is none.

The regressions of all labels are solved together, by Newton's method with conjugate gradients (Lin, Weng, Keerthi: Trust region
Newton method for large-scale logistic regression. JMLR 9, 2008, without the region: the step is halved where the loss rises).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy.special import expit
from threadpoolctl import threadpool_limits

from evo import rng
from evo.core import counted

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TOLERANCE = 1e-4  # largest entry of the gradient of a regression, as of scikit-learn's lbfgs


class Scores(NamedTuple):
    """F1, each (S, R): of share s of the nodes for training, and shuffle r. micro, macro: the true number of labels is known;
    micro_honest, macro_honest: it is not."""

    shares: tuple[float, ...]
    micro: np.ndarray
    macro: np.ndarray
    micro_honest: np.ndarray
    macro_honest: np.ndarray


def score_labels(
    embedding: np.ndarray, members: np.ndarray, *, shares: Sequence[float] = SHARES, shuffles: int = 10, seed: int = 0
) -> Scores:
    """Scores of vectors (N, D) by labels (N, C) bool; nodes without a label take no part.

    Raises ValueError if the shapes do not agree, vectors are not finite, a share leaves no node on one side, and for fewer than
    two labels.
    """
    embedding, members = np.asarray(embedding, np.float64), np.asarray(members, bool)
    if embedding.ndim != 2 or members.ndim != 2 or len(embedding) != len(members):
        raise ValueError(f"expected vectors (N, D) and labels (N, C); got {embedding.shape} and {members.shape}")
    if not np.isfinite(embedding).all():
        raise ValueError("expected vectors of finite numbers")
    labelled = np.flatnonzero(members.any(1))
    if np.count_nonzero(members.any(0)) < 2:
        raise ValueError(f"expected at least two labels; got {np.count_nonzero(members.any(0))}")
    found = np.empty((4, len(shares), shuffles))
    for shuffle in range(shuffles):
        order = labelled[rng.permutation(seed, shuffle, 0, rng.SPLIT, len(labelled))]
        for place, share in enumerate(shares):
            count = int(share * len(order))
            if not 0 < count < len(order):
                raise ValueError(f"a share of {share:g} of {counted(len(order), 'node')} leaves none on one side")
            train, test = order[:count], order[count:]
            chances = probabilities(embedding[train], members[train], embedding[test])
            guesses = top(chances, members[test].sum(1)), likely(chances)
            found[:, place, shuffle] = [value for guess in guesses for value in f1(members[test], guess)]
    return Scores(tuple(shares), *found)


def probabilities(x: np.ndarray, y: np.ndarray, at: np.ndarray, C: float = 1.0) -> np.ndarray:
    """Of each label, at `at` (B, D), by logistic regressions fitted to x (n, D) and y (n, C) bool: (B, C). A label that all
    or no rows of y have is as likely as that: 1 or 0."""
    return expit(log_odds(at, logistic_regressions(x, y, C)))


def log_odds(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of each label, at x (B, D), by regressions (D + 1, C): (B, C)."""
    with threadpool_limits(1):
        return x @ weights[:-1] + weights[-1]


def logistic_regressions(x: np.ndarray, y: np.ndarray, C: float = 1.0) -> np.ndarray:
    """Weights (D + 1, C labels), intercepts last, which minimise |w|^2 / 2 + C times the log-loss, for each label; the
    intercept is not penalised. Of a label that all or no rows have it is infinite."""
    with threadpool_limits(1):
        weights = _regressions(x, y, C)
    weights[-1, ~y.any(0)], weights[-1, y.all(0)] = -np.inf, np.inf
    return weights


def _regressions(x: np.ndarray, y: np.ndarray, C: float) -> np.ndarray:
    rows = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalty = np.ones((rows.shape[1], 1))
    penalty[-1] = 0
    weights = np.zeros((rows.shape[1], y.shape[1]))
    # A quarter of the squares bounds every Hessian (Boehning 1992): conjugate gradients that begin so need few steps.
    bound = scipy.linalg.cho_factor(C / 4 * rows.T @ rows + np.diag(np.maximum(penalty[:, 0], 1e-6)))
    scores = rows @ weights
    losses = _losses(scores, y, weights, penalty, C)
    for _ in range(100):
        chance = expit(scores)
        gradient = C * rows.T @ (chance - y) + penalty * weights
        active = (np.abs(gradient).max(0) > TOLERANCE) & y.any(0) & ~y.all(0)
        if not active.any():
            break
        curvature = C * (chance * (1 - chance))[:, active]
        step = _conjugate(rows, curvature, penalty, gradient[:, active], bound)
        along, scale = rows @ step, np.ones(int(active.sum()))
        for _ in range(30):
            tried = weights[:, active] - scale * step
            loss = _losses(scores[:, active] - scale * along, y[:, active], tried, penalty, C)
            worse = loss > losses[active] + 1e-9
            if not worse.any():
                break
            scale[worse] /= 2
        weights[:, active], losses[active] = tried, loss
        scores[:, active] -= scale * along
    return weights


def _conjugate(rows: np.ndarray, curvature: np.ndarray, penalty: np.ndarray, gradient: np.ndarray, bound: tuple) -> np.ndarray:
    """The Newton step of each regression, to a tenth of its gradient's norm."""
    step, rest = np.zeros_like(gradient), gradient.copy()
    ready = scipy.linalg.cho_solve(bound, rest)
    way, product = ready.copy(), (rest * ready).sum(0)
    aim = 0.01 * product
    for _ in range(50):
        turned = rows.T @ (curvature * (rows @ way)) + penalty * way
        size = product / np.maximum((way * turned).sum(0), 1e-300)
        size[product <= aim] = 0
        step += size * way
        rest -= size * turned
        ready = scipy.linalg.cho_solve(bound, rest)
        before, product = product, (rest * ready).sum(0)
        if (product <= aim).all():
            break
        way = ready + product / np.maximum(before, 1e-300) * way
    return step


def _losses(scores: np.ndarray, y: np.ndarray, weights: np.ndarray, penalty: np.ndarray, C: float) -> np.ndarray:
    return C * (np.logaddexp(0, scores) - y * scores).sum(0) + (penalty * weights**2).sum(0) / 2


def top(chances: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(B, C) bool: the counts (B,) likeliest labels of each row; of equals the first."""
    order = np.argsort(-chances, axis=1, kind="stable")
    guess = np.zeros(chances.shape, bool)
    np.put_along_axis(guess, order, np.arange(chances.shape[1]) < counts[:, None], axis=1)
    return guess


def likely(chances: np.ndarray) -> np.ndarray:
    """(B, C) bool: the labels with a probability of at least a half, or the likeliest."""
    return (chances >= 0.5) | top(chances, np.ones(len(chances), np.int64))


def area(chances: np.ndarray, truth: np.ndarray) -> float:
    """Under the ROC curve of chances (B,) of truth (B,) bool: of a true and a false one, the share of pairs in the right order,
    equals counting half. NaN where all are true or none is."""
    yes, no = chances[truth], np.sort(chances[~truth])
    if not len(yes) or not len(no):
        return float("nan")
    return float((np.searchsorted(no, yes) + np.searchsorted(no, yes, "right")).mean() / (2 * len(no)))


def average_precision(chances: np.ndarray, truth: np.ndarray) -> float:
    """The mean over true ones of the precision at their chance, equals taken together, as in scikit-learn; chances (B,), truth
    (B,) bool. NaN where none is true."""
    order = np.argsort(-chances, kind="stable")
    hits, last = np.cumsum(truth[order]), np.append(np.diff(chances[order]) != 0, True)
    found, seen = hits[last], np.flatnonzero(last) + 1
    return float((np.diff(found, prepend=0) * found / seen).sum() / found[-1]) if truth.any() else float("nan")


def f1(truth: np.ndarray, guess: np.ndarray) -> tuple[float, float]:
    """Micro and macro F1 of labels (B, C) bool; a label that is neither there nor guessed counts 0 in the mean, as in
    scikit-learn."""
    hits, both = (truth & guess).sum(0), truth.sum(0) + guess.sum(0)
    return float(2 * hits.sum() / max(1, both.sum())), float((2 * hits / np.maximum(1, both)).mean())
