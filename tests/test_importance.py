"""Importance is what permuting costs; near-copies are permuted together."""

import numpy as np
import pandas as pd
import pytest

from mlsteward.evaluation.importance import near_copies, permutation_importance
from mlsteward.evaluation.predictions import Predictions


def table(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": generator.normal(size=n),
            "age": generator.normal(size=n),
            "noise": generator.normal(size=n),
            "town": pd.Series(
                np.array(["Ely", "Bath", "York"], dtype=object)[generator.integers(0, 3, n)], dtype=object
            ),
        }
    )
    frame["size_cm"] = -2.54 * frame["size"] + 0.01 * generator.normal(size=n)
    return frame, predict(frame).labels.astype(float) + 0.1 * generator.normal(size=n)


def predict(frame: pd.DataFrame) -> Predictions:
    lift = (frame["town"] == "York").to_numpy() * 0.5
    return Predictions((frame["size"] - frame["size_cm"] / 2.54 - 0.5 * frame["age"]).to_numpy() + lift)


def test_columns_that_follow_each_other_are_one_group() -> None:
    frame, _ = table()
    frame["code"] = frame["town"].str[0].astype(object)
    frame["flag"] = (frame["age"] > 0).astype(object)
    assert near_copies(frame) == [["size", "size_cm"], ["age"], ["noise"], ["town", "code"], ["flag"]]


def test_importance_ranks_columns_and_gives_their_direction() -> None:
    frame, truth = table()
    found = permutation_importance(
        predict, frame, truth, task="regression", metric="rmse", groups=near_copies(frame), seed=0
    )
    assert [one.columns for one in found] == [["size", "size_cm"], ["age"], ["town"], ["noise"]]
    size, age, town, noise = found
    assert size.direction == "rises with it"
    assert age.direction == "falls with it"
    assert age.effect == pytest.approx(-0.5 * 2 * 1.2816, rel=0.15)
    assert (town.direction, town.effect) == ("highest for York", pytest.approx(0.5))
    assert (noise.value, noise.direction) == (0.0, "")
    assert 0 < size.error < size.value / 4


def test_a_better_metric_is_lost_not_gained_whichever_way_it_runs() -> None:
    frame, truth = table()
    for metric in ("r2", "mae"):
        found = permutation_importance(
            predict, frame, truth, task="regression", metric=metric, groups=[["age"]], seed=0, repeats=2
        )
        assert found[0].value > 0


def test_the_same_seed_gives_the_same_importance() -> None:
    frame, truth = table(100)
    first, again, other = (
        permutation_importance(predict, frame, truth, task="regression", metric="rmse", groups=[["age"]], seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_metric_the_rows_cannot_answer_gives_nothing() -> None:
    frame, truth = table(50)
    constant = np.zeros_like(truth)
    assert (
        permutation_importance(predict, frame, constant, task="regression", metric="r2", groups=[["age"]], seed=0) == []
    )
