"""Partial dependence: what a model does along a column, and how many rows stand behind each point."""

import numpy as np
import pandas as pd
import pytest

from mlsteward.evaluation.curve import Curve, CurvePoint, curve_findings, curve_words
from mlsteward.evaluation.partial_dependence import partial_dependence
from mlsteward.evaluation.predictions import Floats


def table(n: int = 500) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    x = np.round(generator.exponential(10, n), 1)
    return pd.DataFrame(
        {
            "x": x,
            "copy": 2 * x + 1,
            "z": generator.normal(size=n),
            "kind": np.array(["a", "b", "c"], dtype=object)[generator.choice(3, n, p=[0.6, 0.3, 0.1])],
            "flag": np.array([True, False, None], dtype=object)[generator.integers(0, 3, n)],
        }
    )


def additive(frame: pd.DataFrame) -> Floats:
    """2 x + z + 5 for kind b, (n, 1)."""
    found = 2 * frame["x"] + frame["z"] + 5 * (frame["kind"] == "b")
    return found.to_numpy(dtype=np.float64).reshape(-1, 1)


def test_the_curve_of_an_additive_model_is_its_term() -> None:
    frame = table().drop(columns="copy")
    curve = partial_dependence(additive, frame, "x", classes=[])
    at = np.array([float(point.at) for point in curve.points])
    means = np.array([point.value for point in curve.points])
    assert np.diff(means) == pytest.approx(2 * np.diff(at))
    assert curve.ordered
    assert (curve.outcome, curve.averaged) == ("", 300)
    assert all(point.low < point.value < point.high for point in curve.points)
    kinds = partial_dependence(additive, frame, "kind", classes=[])
    effect = {point.at: point.value for point in kinds.points}
    assert effect["b"] - effect["a"] == pytest.approx(5)
    assert effect["c"] == pytest.approx(effect["a"])
    assert not kinds.ordered


def test_every_row_stands_behind_the_point_nearest_to_it() -> None:
    frame = table()
    curve = partial_dependence(additive, frame, "x", classes=[])
    assert sum(point.rows for point in curve.points) == len(frame)
    grid = np.array([float(point.at) for point in curve.points])
    nearest = np.abs(frame["x"].to_numpy()[:, None] - grid).argmin(axis=1)
    assert np.bincount(nearest, minlength=len(grid)).tolist() == pytest.approx(
        [point.rows for point in curve.points], abs=3
    )
    kinds = partial_dependence(additive, frame, "kind", classes=[])
    assert {point.at: point.rows for point in kinds.points} == frame["kind"].value_counts().to_dict()


def test_near_copies_move_along() -> None:
    def by_copy(frame: pd.DataFrame) -> Floats:
        assert frame["copy"].to_numpy() == pytest.approx(2 * frame["x"].to_numpy() + 1)
        return frame[["copy"]].to_numpy(dtype=np.float64)

    curve = partial_dependence(by_copy, table(), "x", classes=[])
    assert curve.together == ["copy"]
    assert "(with copy)" in curve_words(curve, "regression", "y")


def test_missing_is_a_point_of_its_own() -> None:
    def by_flag(frame: pd.DataFrame) -> Floats:
        chance = np.array([{True: 0.9, False: 0.2}.get(value, 0.5) for value in frame["flag"]])
        return np.stack([1 - chance, chance], axis=1)

    frame = table()
    curve = partial_dependence(by_flag, frame, "flag", classes=["no", "yes"])
    assert [point.at for point in curve.points] == ["False", "True", "missing"]
    assert [point.value for point in curve.points] == pytest.approx([0.2, 0.9, 0.5])
    assert curve.points[-1].rows == sum(value is None for value in frame["flag"])
    assert curve.outcome == "yes"


def test_of_many_classes_the_one_that_moves_most_is_told() -> None:
    def three(frame: pd.DataFrame) -> Floats:
        chance = np.clip(frame["x"].to_numpy(dtype=np.float64) / 100, 0, 0.8)
        return np.stack([np.full(len(frame), 0.1), chance, 0.9 - chance], axis=1)

    assert partial_dependence(three, table(), "x", classes=["a", "b", "c"]).outcome in ("b", "c")
    assert partial_dependence(three, table(), "z", classes=["a", "b", "c"]).points[0].rows > 0


def test_points_with_few_rows_are_said_and_decide_nothing() -> None:
    points = [
        CurvePoint(at=str(place), rows=rows, value=value, low=0, high=1)
        for place, (rows, value) in enumerate([(100, 0.2), (80, 0.5), (3, 0.99)])
    ]
    curve = Curve(column="x", outcome="yes", averaged=300, ordered=True, points=points)
    assert curve_words(curve, "binary", "late") == "the probability of yes goes from 0.2 at x 0 to 0.5 at 1"
    assert "2: 0.99 (3 rows, few)" in curve_findings(curve, "binary", "late")[1]
