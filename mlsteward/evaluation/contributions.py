"""Why one row is predicted as it is: what each source column adds to the average prediction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge

from mlsteward.evaluation.predictions import Floats, Integers
from mlsteward.evaluation.sampled_shapley import sampled_shapley
from mlsteward.evaluation.tree_shapley import tree_shapley
from mlsteward.evaluation.trees import BOOSTING, read_trees, tree_columns, tree_matrix

Scale = Literal["log-odds", "probability", "target"]
_LINEAR_REGRESSIONS = (Ridge, LinearRegression, Lasso, ElasticNet)
_DUMMIES = (DummyClassifier, DummyRegressor)
_TOLERANCE = 1e-6


class Encoder(Protocol):
    """What turns a frame into a matrix; `origins` names the source column of each of its p columns."""

    origins: list[str]

    def transform(self, frame: pd.DataFrame) -> Any: ...


class Member(Protocol):
    """One weighted part of a model."""

    @property
    def encoder(self) -> Encoder: ...
    @property
    def estimator(self) -> Any: ...
    @property
    def weight(self) -> float: ...
    def scores(self, frame: pd.DataFrame, classes: int) -> Floats: ...


@dataclass(frozen=True)
class Contributions:
    """What each of d source columns adds: `base` plus the sum of `values` is `prediction`, on `scale`.

    `errors` are standard errors, 0 where the value is exact. `sampled` is the share of the model's weight that had to
    be sampled.
    """

    columns: list[str]
    values: Floats
    errors: Floats
    base: float
    prediction: float
    scale: Scale
    sampled: float


@dataclass(frozen=True)
class _Part:
    values: Floats
    base: float
    errors: Floats = field(default_factory=lambda: np.zeros(0))


def explain_row(
    members: Sequence[Member],
    row: pd.DataFrame,
    background: pd.DataFrame,
    *,
    classes: int,
    output: int,
    orders: int,
    seed: int,
) -> Contributions:
    """Shapley values of the source columns of `row` (one row) against the rows of `background`.

    A column outside the coalition takes the values of a background row, together with all that is encoded from it
    (interventional; Lundberg et al. 2020). Exact for linear models and trees. A model of one linear or boosting member
    is explained as log-odds (for more than two classes the log-probability less the classes' mean log-probability),
    where it is additive; any other classifier as the probability of class `output`; regression (`classes` 0) in the
    target's unit. Shapley values are additive over members, so an ensemble is the weighted sum of its members; those
    that are neither linear nor trees on that scale are sampled in `orders` orders (see `sampled_shapley`).
    """
    columns = [str(name) for name in background.columns]
    scale = _scale(members, classes)
    total = sum(member.weight for member in members)
    values, variance, base = np.zeros(len(columns)), np.zeros(len(columns)), 0.0
    left: list[Member] = []
    prediction = 0.0
    for member in members:
        weight = member.weight / total
        reached = _member_prediction(member, row, scale, classes, output)
        prediction += weight * reached
        part = _exact(member, row, background, columns, scale=scale, classes=classes, output=output)
        # The layout of boosting trees is not public: what does not add up is sampled instead.
        if part is None or abs(part.base + part.values.sum() - reached) > _TOLERANCE * (1 + abs(reached)):
            left.append(member)
            continue
        values, base = values + weight * part.values, base + weight * part.base
    if left:
        part = _sampled(
            left, row, background, total, scale=scale, classes=classes, output=output, orders=orders, seed=seed
        )
        values, base, variance = values + part.values, base + part.base, part.errors**2
    sampled = sum(member.weight for member in left) / total
    return Contributions(columns, values, np.sqrt(variance), base, prediction, scale, sampled)


def _scale(members: Sequence[Member], classes: int) -> Scale:
    if classes == 0:
        return "target"
    additive = isinstance(members[0].estimator, (LogisticRegression, *BOOSTING))
    complete = len(getattr(members[0].estimator, "classes_", ())) == classes
    return "log-odds" if len(members) == 1 and additive and complete else "probability"


def _member_prediction(member: Member, frame: pd.DataFrame, scale: Scale, classes: int, output: int) -> float:
    return float(_member_predictions(member, frame, scale, classes, output)[0])


def _member_predictions(member: Member, frame: pd.DataFrame, scale: Scale, classes: int, output: int) -> Floats:
    """(n,) what a member says on the explained scale."""
    if scale != "log-odds":
        return member.scores(frame, classes)[:, output if classes else 0]
    raw = np.asarray(member.estimator.decision_function(member.encoder.transform(frame)), dtype=np.float64)
    return raw if raw.ndim == 1 else raw[:, output] - raw.mean(axis=1)


def _exact(
    member: Member,
    row: pd.DataFrame,
    background: pd.DataFrame,
    columns: list[str],
    *,
    scale: Scale,
    classes: int,
    output: int,
) -> _Part | None:
    """Exact shares of a member on the scale, or None where there is no closed form."""
    estimator = member.estimator
    owners = np.array([columns.index(name) for name in member.encoder.origins], dtype=np.int64)
    if isinstance(estimator, _DUMMIES):
        return _Part(np.zeros(len(columns)), _member_prediction(member, background.iloc[:1], scale, classes, output))
    weights = _linear_weights(estimator, scale, output)
    if weights is None and (scale == "probability" and isinstance(estimator, (LogisticRegression, *BOOSTING))):
        return None
    here, there = member.encoder.transform(row), member.encoder.transform(background)
    if weights is not None:
        moved = np.asarray(here - there.mean(axis=0)).ravel() * weights
        base = float(_member_predictions(member, background, scale, classes, output).mean())
        return _Part(np.bincount(owners, weights=moved, minlength=len(columns)).astype(np.float64), base)
    return _tree_part(estimator, here, there, owners, len(columns), scale=scale, classes=classes, output=output)


def _linear_weights(estimator: Any, scale: Scale, output: int) -> Floats | None:
    """(p,) weights of the encoded columns, or None when the estimator is not linear on the scale."""
    if scale == "target" and isinstance(estimator, _LINEAR_REGRESSIONS):
        return np.ravel(np.asarray(estimator.coef_, dtype=np.float64))
    if scale == "log-odds" and isinstance(estimator, LogisticRegression):
        weights = np.asarray(estimator.coef_, dtype=np.float64)
        return weights[0] if len(weights) == 1 else weights[output] - weights.mean(axis=0)
    return None


def _tree_part(
    estimator: Any, here: Any, there: Any, owners: Integers, players: int, *, scale: Scale, classes: int, output: int
) -> _Part | None:
    known = [int(label) for label in getattr(estimator, "classes_", ())] if classes else [0]
    if classes and output not in known:
        return _Part(np.zeros(players), 0.0)
    place = known.index(output) if classes else 0
    centred = scale == "log-odds" and classes > 2
    row, rows = tree_matrix(estimator, here)[0], tree_matrix(estimator, there)
    owners = tree_columns(estimator, owners)
    signs = (
        {k: float(k == place) - (1 / classes if centred else 0.0) for k in range(classes)} if centred else {place: 1.0}
    )
    values, base = np.zeros(players), 0.0
    for which, sign in signs.items():
        trees = read_trees(estimator, which)
        if trees is None:
            return None
        values += sign * tree_shapley(trees, row, rows, owners, players)
        base += sign * trees.mean_prediction(rows)
    return _Part(values, base)


def _sampled(
    members: Sequence[Member],
    row: pd.DataFrame,
    background: pd.DataFrame,
    total: float,
    *,
    scale: Scale,
    classes: int,
    output: int,
    orders: int,
    seed: int,
) -> _Part:
    def predict(frame: pd.DataFrame) -> Floats:
        parts = [
            member.weight / total * _member_predictions(member, frame, scale, classes, output) for member in members
        ]
        return np.sum(parts, axis=0)

    found = sampled_shapley(predict, row, background, orders=orders, seed=seed)
    return _Part(found.shares, found.base, found.errors)
