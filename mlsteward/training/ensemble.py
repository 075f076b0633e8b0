"""Greedy ensembles on out-of-fold scores (Caruana et al. 2004, *Ensemble Selection from Libraries of Models*)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlsteward.training.signature import Task

Floats = NDArray[np.float64]

ROUNDS = 30
STARTED = 3


def loss(task: Task, target: NDArray[np.int64] | Floats, scores: Floats, weights: Floats | None = None) -> float:
    """The mean log loss of (m, k) class probabilities, or squared error of (m, 1) predictions."""
    if task == "regression":
        each = (scores[:, 0] - target) ** 2
    else:
        chosen = scores[np.arange(len(scores)), target.astype(np.int64)]
        each = -np.log(np.clip(chosen / np.maximum(scores.sum(axis=1), 1e-12), 1e-6, 1.0))
    return float(np.average(each, weights=weights))


def greedy_weights(
    task: Task,
    target: NDArray[np.int64] | Floats,
    library: Sequence[Floats],
    weights: Floats | None = None,
    *,
    most: int,
    rounds: int = ROUNDS,
) -> Floats:
    """(c,) weights of the `library`'s c models, summing to 1, at most `most` of them above zero.

    It starts with the best models (up to three, none half as bad again as the best), which keeps small tables from
    overfitting. Then models are added one at a time, with replacement, each time the one that lowers the loss of the
    average most; the best prefix of `rounds` additions counts.
    """
    alone = np.array([loss(task, target, scores, weights) for scores in library])
    started = [
        place for place in np.argsort(alone, kind="stable")[: min(STARTED, most)] if alone[place] <= 1.5 * alone.min()
    ]
    counts = np.zeros(len(library))
    counts[started] = 1
    total = np.sum([library[place] for place in started], axis=0)
    best, best_loss = counts.copy(), loss(task, target, total / len(started), weights)
    for size in range(len(started) + 1, rounds + 1):
        full = np.count_nonzero(counts) >= most
        allowed = [place for place in range(len(library)) if counts[place] > 0 or not full]
        losses = [loss(task, target, (total + library[place]) / size, weights) for place in allowed]
        place = allowed[int(np.argmin(losses))]
        counts[place] += 1
        total = total + library[place]
        if min(losses) < best_loss - 1e-12:
            best, best_loss = counts.copy(), min(losses)
    return best / best.sum()
