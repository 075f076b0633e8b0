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


class CrossFit:
    """Out-of-fold scores of one candidate, a fold at a time, so that a budget can end it between folds."""

    def __init__(self, candidate: Candidate, problem: Problem, rows: Rows) -> None:
        self.candidate = candidate
        self.problem = problem
        self.rows = rows
        self.pending = [int(fold) for fold in np.unique(rows.folds)]
        self.scores = np.full((len(rows.target), max(problem.classes, 1)), np.nan)
        self.cpu_seconds = 0.0
        self.last: Member | None = None

    @property
    def done(self) -> bool:
        return not self.pending

    def step(self) -> None:
        """Fit on all folds but the next and score that one."""
        fold, started = self.pending.pop(0), time.thread_time()
        inside, outside = np.flatnonzero(self.rows.folds != fold), np.flatnonzero(self.rows.folds == fold)
        member = fit_member(self.candidate, self.problem, self.rows.take(inside))
        self.scores[outside] = member.scores(self.rows.frame.iloc[outside], self.problem.classes)
        self.last = member
        self.cpu_seconds += time.thread_time() - started

    def run(self) -> None:
        """Score all rows out of fold."""
        while not self.done:
            self.step()

    def members(self, weight: float = 1.0) -> list[Member]:
        """The model of the last fold, which can score rows that were not cross-fitted: it saw none of them."""
        if self.last is None:
            return []
        return [Member(self.last.name, self.last.encoder, self.last.estimator, weight)]
