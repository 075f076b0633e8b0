"""Fitting one candidate: encoder and estimator together, on all training rows or fold by fold."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from mlsteward.training.bundle import Member
from mlsteward.training.encoder import TableEncoder
from mlsteward.training.estimators import find_estimator, make_estimator
from mlsteward.training.signature import SignatureColumn, Task
from mlsteward.training.spread import spread

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_STOPS_EARLY = 10_000
_TARGET_TYPES = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}


@dataclass(frozen=True)
class Rows:
    """Training rows: features, class codes or floats `target` (m,), `weights` (m,) or None, `folds` (m,)."""

    frame: pd.DataFrame
    target: NDArray[Any]
    weights: Floats | None
    folds: Codes

    def take(self, rows: NDArray[Any]) -> "Rows":
        weights = None if self.weights is None else self.weights[rows]
        return Rows(self.frame.iloc[rows], self.target[rows], weights, self.folds[rows])


@dataclass(frozen=True)
class Problem:
    """What stays the same between candidates; the served model is fitted on `rows` rows."""

    task: Task
    classes: int
    columns: Sequence[SignatureColumn]
    seed: int
    time_column: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Candidate:
    """An estimator with its parameters, named as the leaderboard names it."""

    name: str
    estimator: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])


def fit_member(candidate: Candidate, problem: Problem, rows: Rows) -> Member:
    """Fit on all of `rows`. An estimator that takes no weights is fitted without."""
    style = find_estimator(candidate.estimator, problem.task).style
    encoder = TableEncoder(
        problem.columns,
        style=style,
        target_type=_TARGET_TYPES[problem.task],
        seed=problem.seed,
        time_column=problem.time_column,
    )
    matrix = encoder.fit_transform(rows.frame, rows.target)
    params = dict(candidate.params)
    if candidate.estimator == "hist_gradient_boosting":
        # Left to itself it stops early beyond 10,000 rows: smaller folds would show another model than is served.
        params.setdefault("early_stopping", problem.rows > _STOPS_EARLY)
    estimator = make_estimator(candidate.estimator, problem.task, params, problem.seed)
    if rows.weights is not None and has_fit_parameter(estimator, "sample_weight"):
        estimator.fit(matrix, rows.target, sample_weight=rows.weights)
    else:
        estimator.fit(matrix, rows.target)
    return Member(candidate.name, encoder, estimator)


@dataclass(frozen=True)
class FoldFit:
    """What a candidate says of the rows of one fold, (r, k), when fitted on the others, and what that took.

    `member` is what was fitted, None unless it was to be kept.
    """

    fold: int
    scores: Floats
    cpu_seconds: float
    member: Member | None


def fit_fold(problem: Problem, rows: Rows, candidate: Candidate, fold: int, keep: bool) -> FoldFit:
    """Fit on all folds but one and score that one."""
    started = time.thread_time()
    inside, outside = np.flatnonzero(rows.folds != fold), np.flatnonzero(rows.folds == fold)
    member = fit_member(candidate, problem, rows.take(inside))
    scores = member.scores(rows.frame.iloc[outside], problem.classes)
    return FoldFit(fold, scores, time.thread_time() - started, member if keep else None)


def fit_members(candidates: Sequence[Candidate], problem: Problem, rows: Rows) -> list[Member]:
    """Fit each on all of `rows`."""
    return spread(fit_one, [(candidate,) for candidate in candidates], (problem, rows))


def fit_one(problem: Problem, rows: Rows, candidate: Candidate) -> Member:
    """`fit_member` with what is shared first."""
    return fit_member(candidate, problem, rows)


class CrossFit:
    """Out-of-fold scores of one candidate, a fold at a time, so that a budget can end it between folds."""

    def __init__(self, candidate: Candidate, problem: Problem, rows: Rows) -> None:
        self.candidate = candidate
        self.problem = problem
        self.rows = rows
        self.pending = [int(fold) for fold in np.unique(rows.folds)]
        self.scores = np.full((len(rows.target), max(problem.classes, 1)), np.nan)
        self.seconds: list[float] = []
        self.last: Member | None = None

    @property
    def cpu_seconds(self) -> float:
        return sum(self.seconds)

    def step(self) -> None:
        """Fit on all folds but the next and score that one."""
        self.take(fit_fold(self.problem, self.rows, self.candidate, self.pending[0], True))

    def take(self, found: FoldFit) -> None:
        """Take in what was found of the next fold."""
        self.pending.remove(found.fold)
        self.scores[self.rows.folds == found.fold] = found.scores
        self.last = found.member
        self.seconds.append(found.cpu_seconds)

    def members(self, weight: float = 1.0) -> list[Member]:
        """The model of the last fold, which can score rows that were not cross-fitted: it saw none of them."""
        if self.last is None:
            return []
        return [Member(self.last.name, self.last.encoder, self.last.estimator, weight)]


def cross_fit(candidates: Sequence[Candidate], problem: Problem, rows: Rows) -> list[CrossFit]:
    """Every candidate with all rows scored out of fold."""
    fits = [CrossFit(candidate, problem, rows) for candidate in candidates]
    pieces = [(one.candidate, fold, fold == one.pending[-1]) for one in fits for fold in one.pending]
    owners = [one for one in fits for _ in one.pending]
    for one, found in zip(owners, spread(fit_fold, pieces, (problem, rows)), strict=True):
        one.take(found)
    return fits
