"""Intervals cover what they claim, also when rows depend on each other."""

import numpy as np
import pytest
from scipy.stats import rankdata

from mlsteward.evaluation.intervals import bootstrap_intervals, expanded_tail
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Predictions


def clustered(seed: int, clusters: int, size: int, spread: float) -> tuple[np.ndarray, Predictions, np.ndarray]:
    """A regression whose errors share a part within each cluster; the true MSE is 1 + spread²."""
    generator = np.random.default_rng(seed)
    units = np.repeat(np.arange(clusters), size)
    error = generator.normal(size=clusters * size) + spread * generator.normal(size=clusters)[units]
    truth = generator.normal(size=clusters * size)
    return truth, Predictions(truth + error), units


def coverage(clusters: int, size: int, spread: float, *, by_cluster: bool) -> float:
    true_rmse = np.sqrt(1 + spread**2)
    covered = 0
    for seed in range(100):
        truth, predictions, units = clustered(seed, clusters, size, spread)
        found = bootstrap_intervals(
            "regression",
            truth,
            predictions,
            units=units if by_cluster else None,
            weights=None,
            threshold=0.5,
            seed=seed,
            resamples=200,
        )["rmse"]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true_rmse <= found.high
    return covered / 100


def test_intervals_by_cluster_cover_where_rows_depend_on_each_other() -> None:
    assert coverage(30, 8, 1.0, by_cluster=True) >= 0.87


def test_intervals_by_row_do_not_cover_where_rows_depend_on_each_other() -> None:
    assert coverage(30, 8, 1.0, by_cluster=False) < 0.8


def test_intervals_of_independent_rows_cover() -> None:
    assert coverage(100, 1, 0.0, by_cluster=False) >= 0.88


def test_fewer_than_eight_units_give_no_interval() -> None:
    truth, predictions, units = clustered(0, 7, 50, 1.0)
    found = bootstrap_intervals("regression", truth, predictions, units=units, weights=None, threshold=0.5, seed=0)
    assert found["rmse"].value is not None
    assert (found["rmse"].low, found["rmse"].high) == (None, None)


def large_binary(n: int) -> tuple[np.ndarray, Predictions]:
    generator = np.random.default_rng(3)
    positive = generator.random(n) < 0.02
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + positive - 4)))
    labels = np.where(score >= 0.5, "1", "0").astype(object)
    return np.where(positive, "1", "0").astype(object), Predictions(
        labels, np.column_stack([1 - score, score]), ["0", "1"]
    )


def test_many_rows_are_put_into_blocks_and_keep_their_interval() -> None:
    truth, predictions = large_binary(30_000)
    found = bootstrap_intervals("binary", truth, predictions, units=None, weights=None, threshold=0.1, seed=0)
    auc = found["roc_auc"]
    assert auc.value == compute_metrics("binary", truth, predictions, threshold=0.1)["roc_auc"]
    assert auc.low is not None
    assert auc.high is not None
    # DeLong et al. 1988: the variance of an AUC from the placements of each class among the other.
    score, positive = predictions.positive(), truth == "1"
    place = rankdata(score)
    above = (place[positive] - rankdata(score[positive])) / (~positive).sum()
    below = 1 - (place[~positive] - rankdata(score[~positive])) / positive.sum()
    error = np.sqrt(above.var() / len(above) + below.var() / len(below))
    assert (auc.high - auc.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.1)


def test_the_same_seed_gives_the_same_interval() -> None:
    truth, predictions = large_binary(2000)
    runs = [
        bootstrap_intervals("binary", truth, predictions, units=None, weights=None, threshold=0.5, seed=seed)["roc_auc"]
        for seed in (5, 5, 6)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_metric_that_is_often_undefined_gets_no_interval() -> None:
    truth, predictions = large_binary(40)
    truth[:] = "0"
    truth[0] = "1"
    found = bootstrap_intervals("binary", truth, predictions, units=None, weights=None, threshold=0.5, seed=0)
    assert found["roc_auc"].value is not None
    assert found["roc_auc"].low is None


def test_few_units_widen_the_tails() -> None:
    assert expanded_tail(0.025, 10) < expanded_tail(0.025, 100) < 0.025
