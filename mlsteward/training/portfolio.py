"""The candidates of `estimator="auto"`, from cheap to dear, and the search through them within a budget."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Predictions
from mlsteward.training.bundle import decide
from mlsteward.training.fitting import Candidate, CrossFit, Problem, Rows, cross_fit
from mlsteward.training.signature import Task
from mlsteward.training.spread import width

Floats = NDArray[np.float64]

LINEAR: Mapping[Task, Candidate] = {
    "binary": Candidate("linear", "logistic_regression"),
    "multiclass": Candidate("linear", "logistic_regression"),
    "regression": Candidate("linear", "ridge"),
}
DUMMY = Candidate("dummy", "dummy")
_SMALL = 4_000
# What is left of the budget fits the chosen on all training rows.
_SEARCH_SHARE = 0.75
_MIDDLE = 10_000
# Dummy and linear.
_ALWAYS = 2


@dataclass(frozen=True)
class Scored:
    """A candidate with its out-of-fold scores (m, k) and the selection metric's mean and sd over the folds."""

    cross_fit: CrossFit
    mean: float
    sd: float

    @property
    def name(self) -> str:
        return self.cross_fit.candidate.name


@dataclass(frozen=True)
class Search:
    """What a search reached, in the order tried, and the names of what it did not."""

    scored: list[Scored]
    unreached: list[str]


def portfolio(task: Task, rows: int) -> list[Candidate]:
    """The candidates for a table of `rows` training rows, in the order they are tried."""
    return _regressors(rows) if task == "regression" else _classifiers(rows)


def _classifiers(rows: int) -> list[Candidate]:
    svm = [
        Candidate("svm", "svm", {"C": 10.0}),
        Candidate("svm_soft", "svm", {"C": 1.0}),
    ]
    return [
        DUMMY,
        LINEAR["binary"],
        Candidate("linear_shrunk", "logistic_regression", {"C": 0.05}),
        *(svm if rows <= _SMALL else []),
        Candidate("extra_trees", "extra_trees", {"n_estimators": 200, "min_samples_leaf": 1 if rows <= _SMALL else 3}),
        *([Candidate("knn", "knn", {"n_neighbors": 5})] if rows <= _MIDDLE else []),
        Candidate("boosting", "hist_gradient_boosting"),
        Candidate(
            "boosting_small",
            "hist_gradient_boosting",
            {"max_leaf_nodes": 8, "learning_rate": 0.06, "max_iter": 200, "l2_regularization": 1.0},
        ),
        Candidate("random_forest", "random_forest", {"n_estimators": 150, "min_samples_leaf": 2}),
        Candidate("mlp", "mlp"),
        Candidate(
            "boosting_large",
            "hist_gradient_boosting",
            {"max_leaf_nodes": 63, "learning_rate": 0.05, "max_iter": 200, "max_features": 0.5},
        ),
        Candidate("mlp_wide", "mlp", {"hidden_layer_sizes": [128], "alpha": 1.0}),
    ]


def _regressors(rows: int) -> list[Candidate]:
    svm = [
        Candidate("svm", "svm", {"C": 1.0, "epsilon": 0.1}),
        Candidate("svm_soft", "svm", {"C": 0.2, "gamma": 0.02}),
    ]
    return [
        DUMMY,
        LINEAR["regression"],
        Candidate("linear_shrunk", "ridge", {"alpha": 50.0}),
        *(svm if rows <= _SMALL else []),
        Candidate("extra_trees", "extra_trees", {"n_estimators": 200, "min_samples_leaf": 3, "max_features": 0.5}),
        Candidate("boosting", "hist_gradient_boosting"),
        Candidate(
            "boosting_small",
            "hist_gradient_boosting",
            {"max_leaf_nodes": 4, "learning_rate": 0.06, "max_iter": 150, "min_samples_leaf": 10},
        ),
        *([Candidate("knn", "knn", {"n_neighbors": 20})] if rows <= _MIDDLE else []),
        Candidate("random_forest", "random_forest", {"n_estimators": 150, "min_samples_leaf": 4, "max_features": 0.5}),
        Candidate("mlp", "mlp"),
        Candidate(
            "boosting_large",
            "hist_gradient_boosting",
            {"max_leaf_nodes": 63, "learning_rate": 0.05, "max_iter": 200, "max_features": 0.5},
        ),
    ]


def named_candidates(candidates: Sequence[Candidate], names: Sequence[str]) -> list[Candidate]:
    """The candidates of a replay, in the order given; InvalidArgument for a name that the portfolio lacks."""
    known = {candidate.name: candidate for candidate in candidates}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InvalidArgument(f"params['candidates'] takes names of {', '.join(known)}; not {unknown}.")
    return [known[name] for name in names]


def search(
    candidates: Sequence[Candidate],
    problem: Problem,
    rows: Rows,
    *,
    metric: str,
    classes: Sequence[str],
    budget: float | None,
    progress: Callable[[float, str], None],
) -> Search:
    """Cross-fit candidates in turn until three quarters of `budget` CPU seconds are spent; None means all of them.

    Dummy and linear always run. A candidate whose first fold shows that the rest would overrun the budget is given
    up, and so is one that comes when the budget is spent. What a fold takes is told by the clock: only a replay, which
    names its candidates and has no budget, repeats exactly.
    """
    budget = None if budget is None else _SEARCH_SHARE * budget
    at_once = _at_once(rows)
    spent = 0.0
    scored: list[Scored] = []
    unreached: list[str] = []
    for first in range(0, len(candidates), at_once):
        part = candidates[first : first + at_once]
        if budget is not None and spent >= budget and first >= _ALWAYS:
            unreached += [candidate.name for candidate in part]
            continue
        share = first / len(candidates) if budget is None else max(first / len(candidates), spent / budget)
        named = ", ".join(candidate.name for candidate in part)
        progress(min(share, 1.0), f"cross-fitting {named} ({spent:.1f} CPU-s spent)")
        fits = cross_fit(part, problem, rows) if width() > 1 else [CrossFit(one, problem, rows) for one in part]
        for place, one in enumerate(fits, first):
            left = None if budget is None or place < _ALWAYS else budget - spent
            given_up = _given_up(one, left)
            spent += one.cpu_seconds if given_up is None else given_up
            if given_up is None:
                scored.append(score(one, metric=metric, classes=classes))
            else:
                unreached.append(one.candidate.name)
    return Search(scored, unreached)


def _at_once(rows: Rows) -> int:
    """How many candidates are cross-fitted together: here one, elsewhere as many as keep all hands busy."""
    return 1 if width() == 1 else math.ceil(2 * width() / len(np.unique(rows.folds)))


def _given_up(one: CrossFit, left: float | None) -> float | None:
    """Run all folds, unless the next one would overrun the seconds that are left: then what was spent until there.

    None when all were run. Folds that were run elsewhere already are judged alike, by what they took.
    """
    folds = len(one.seconds) + len(one.pending)
    for done in range(folds):
        spent = sum(one.seconds[:done])
        overrun = left is not None and (left <= 0 if not done else spent + spent / done * (folds - done) > left)
        if overrun:
            return spent
        if done == len(one.seconds):
            one.step()
    return None


def score(cross_fit: CrossFit, *, metric: str, classes: Sequence[str]) -> Scored:
    """The metric on each fold by itself: mean and standard deviation, of the folds that can answer it."""
    rows, task = cross_fit.rows, cross_fit.problem.task
    values: list[float] = []
    for fold in np.unique(rows.folds):
        inside = rows.folds == fold
        weights = None if rows.weights is None else rows.weights[inside]
        predictions = to_predictions(cross_fit.scores[inside], classes)
        truth = truth_of(rows.target[inside], classes)
        value = compute_metrics(task, truth, predictions, weights).get(metric)
        if value is not None:
            values.append(value)
    if not values:
        return Scored(cross_fit, float("nan"), float("nan"))
    return Scored(cross_fit, float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)


def to_predictions(scores: Floats, classes: Sequence[str], threshold: float = 0.5) -> Predictions:
    """Raw scores (n, k), or (n, 1) of a regression, as predictions."""
    if not classes:
        return Predictions(labels=scores[:, 0])
    return Predictions(labels=decide(scores, classes, threshold), scores=scores, classes=list(classes))


def truth_of(target: NDArray[np.int64] | Floats, classes: Sequence[str]) -> NDArray[np.object_] | Floats:
    """Class codes as labels; numbers as they are."""
    if not classes:
        return target.astype(np.float64)
    return np.asarray(classes, dtype=object)[target.astype(np.int64)]
