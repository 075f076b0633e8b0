"""Contributions are Shapley values of the source columns and add up to the prediction."""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from mlsteward.evaluation.contributions import Contributions, explain_row

COLUMNS = ["a", "b", "c", "town"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: on small data more threads are slower when the cores are busy."""
    with threadpool_limits(limits=1):
        yield


class Indicators:
    """Numbers as they are, `town` as three indicators: several encoded columns of one source."""

    def __init__(self) -> None:
        self.origins = ["a", "b", "c", "town", "town", "town"]

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        towns = np.column_stack([frame["town"] == name for name in ("Ely", "Bath", "York")])
        return np.hstack([frame[["a", "b", "c"]].to_numpy(dtype=float), towns])


class Part:
    def __init__(self, estimator: Any, weight: float = 1.0) -> None:
        self.encoder = Indicators()
        self.estimator = estimator
        self.weight = weight

    def scores(self, frame: pd.DataFrame, classes: int) -> np.ndarray:
        matrix = self.encoder.transform(frame)
        if classes:
            return self.estimator.predict_proba(matrix)
        return self.estimator.predict(matrix).reshape(-1, 1)


def table(n: int = 300, *, missing: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({name: generator.normal(size=n) for name in "abc"})
    frame["town"] = np.array(["Ely", "Bath", "York"], dtype=object)[generator.integers(0, 3, n)]
    signal = frame["a"] * frame["b"] + frame["c"] + (frame["town"] == "York") * 1.5
    if missing:
        frame.loc[generator.random(n) < 0.2, "b"] = np.nan
    return frame, signal.to_numpy() + 0.3 * generator.normal(size=n)


def fitted(estimator: Any, frame: pd.DataFrame, target: np.ndarray, weight: float = 1.0) -> Part:
    return Part(estimator.fit(Indicators().transform(frame), target), weight)


def brute_force(
    predict: Callable[[pd.DataFrame], np.ndarray], row: pd.DataFrame, background: pd.DataFrame
) -> np.ndarray:
    """Shapley values straight from their definition: all coalitions, all background rows."""

    def worth(coalition: tuple[str, ...]) -> float:
        mixed = background.copy()
        for name in coalition:
            mixed[name] = row[name].iloc[0]
        return float(np.mean(predict(mixed)))

    d = len(COLUMNS)
    shares = np.zeros(d)
    for place, name in enumerate(COLUMNS):
        others = [other for other in COLUMNS if other != name]
        for size in range(d):
            for coalition in combinations(others, size):
                shares[place] += (worth((*coalition, name)) - worth(coalition)) / (d * comb(d - 1, size))
    return shares


def explain(
    members: list[Part], row: pd.DataFrame, background: pd.DataFrame, classes: int, output: int = 0
) -> Contributions:
    return explain_row(members, row, background, classes=classes, output=output, orders=200, seed=0)


def check_sum(found: Contributions) -> None:
    assert found.base + found.values.sum() == pytest.approx(found.prediction, abs=1e-9)


@pytest.mark.parametrize(
    "estimator",
    [
        Ridge(),
        DecisionTreeRegressor(random_state=0),
        ExtraTreesRegressor(20, random_state=0),
        HistGradientBoostingRegressor(max_iter=20, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_linear_models_and_trees_are_exact_for_regression(estimator: Any) -> None:
    frame, target = table(missing=not isinstance(estimator, Ridge))
    member = fitted(estimator, frame, target)
    row, background = frame.iloc[[7]], frame.iloc[20:40]
    found = explain([member], row, background, classes=0)
    expected = brute_force(lambda rows: member.scores(rows, 0)[:, 0], row, background)
    assert found.values == pytest.approx(expected, abs=1e-8)
    assert (found.scale, found.sampled, found.errors.max()) == ("target", 0.0, 0.0)
    assert found.prediction == pytest.approx(member.scores(row, 0)[0, 0])
    check_sum(found)


def test_a_forest_is_exact_in_probability() -> None:
    frame, target = table()
    member = fitted(RandomForestClassifier(20, random_state=0), frame, (target > 0.5).astype(int))
    row, background = frame.iloc[[3]], frame.iloc[20:40]
    found = explain([member], row, background, classes=2, output=1)
    assert found.scale == "probability"
    assert found.values == pytest.approx(
        brute_force(lambda rows: member.scores(rows, 2)[:, 1], row, background),
        abs=1e-8,
    )
    check_sum(found)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("estimator", [LogisticRegression(), HistGradientBoostingClassifier(max_iter=10)])
def test_logistic_regression_and_boosting_are_exact_in_log_odds(estimator: Any, classes: int) -> None:
    frame, target = table()
    member = fitted(estimator, frame, np.digitize(target, [0.5, 1.5][: classes - 1]))
    row, background = frame.iloc[[3]], frame.iloc[20:40]

    def log_odds(rows: pd.DataFrame) -> np.ndarray:
        logs = np.log(member.scores(rows, classes))
        return logs[:, 1] - logs[:, 0] if classes == 2 else logs[:, 1] - logs.mean(axis=1)

    found = explain([member], row, background, classes=classes, output=1)
    assert found.scale == "log-odds"
    assert found.values == pytest.approx(brute_force(log_odds, row, background), abs=1e-8)
    assert found.prediction == pytest.approx(log_odds(row)[0])
    check_sum(found)


def test_boosting_with_native_categories_is_exact() -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"a": generator.normal(size=400), "b": generator.normal(size=400)})
    frame["c"] = generator.integers(0, 40, 400).astype(float)
    frame["town"] = generator.integers(0, 5, 400).astype(float)
    target = np.sin(frame["c"] * 7) + frame["a"] * (frame["town"] == 2)

    class Plain:
        def __init__(self) -> None:
            self.origins = COLUMNS

        def transform(self, rows: pd.DataFrame) -> np.ndarray:
            return rows[COLUMNS].to_numpy(dtype=float)

    estimator = HistGradientBoostingRegressor(max_iter=30, random_state=0).set_params(categorical_features=[2, 3])
    member = Part(estimator.fit(Plain().transform(frame), target))
    member.encoder = Plain()  # pyright: ignore[reportAttributeAccessIssue] - the same protocol
    row, background = frame.iloc[[5]].copy(), frame.iloc[20:40].copy()
    background.iloc[0, 2] = 99.0
    background.iloc[1, 3] = np.nan
    found = explain([member], row, background, classes=0)
    assert found.sampled == 0.0
    assert found.values == pytest.approx(
        brute_force(lambda rows: member.scores(rows, 0)[:, 0], row, background),
        abs=1e-8,
    )


def test_other_models_are_sampled_with_an_error_that_holds() -> None:
    frame, target = table()
    member = fitted(KNeighborsClassifier(15), frame, (target > 0.5).astype(int))
    row, background = frame.iloc[[3]], frame.iloc[20:40]
    found = explain([member], row, background, classes=2, output=1)
    expected = brute_force(lambda rows: member.scores(rows, 2)[:, 1], row, background)
    assert found.sampled == 1.0
    assert np.all(np.abs(found.values - expected) <= 4 * found.errors + 1e-9)
    assert found.errors.max() < 0.03
    check_sum(found)


def test_an_ensemble_is_the_weighted_sum_of_its_members() -> None:
    frame, target = table()
    flag = (target > 0.5).astype(int)
    forest = fitted(RandomForestClassifier(20, random_state=0), frame, flag, weight=3.0)
    linear = fitted(LogisticRegression(), frame, flag, weight=1.0)
    row, background = frame.iloc[[3]], frame.iloc[20:40]
    found = explain([forest, linear], row, background, classes=2, output=1)

    def mixed(rows: pd.DataFrame) -> np.ndarray:
        return 0.75 * forest.scores(rows, 2)[:, 1] + 0.25 * linear.scores(rows, 2)[:, 1]

    assert (found.scale, found.sampled) == ("probability", 0.25)
    assert np.all(np.abs(found.values - brute_force(mixed, row, background)) <= 4 * found.errors + 1e-9)
    assert found.prediction == pytest.approx(mixed(row)[0])
    check_sum(found)


def test_sampling_moves_whole_columns_and_takes_missing_values() -> None:
    frame, target = table()
    frame["a"] = np.arange(len(frame))
    member = fitted(KNeighborsClassifier(15), frame, (target > 0.5).astype(int))

    def is_missing(matrix: np.ndarray) -> np.ndarray:
        return np.column_stack([1 - np.isnan(matrix[:, 0]), np.isnan(matrix[:, 0])])

    member.estimator.predict_proba = is_missing
    row = frame.iloc[[3]].astype({"a": "float64"})
    row["a"] = np.nan
    found = explain([member], row, frame.iloc[20:40], classes=2, output=1)
    assert found.values == pytest.approx([1, 0, 0, 0])
