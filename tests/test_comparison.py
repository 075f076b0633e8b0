"""Two models are compared on the same rows, by the same resamples."""

import numpy as np

from mlsteward.evaluation.comparison import paired_bootstrap
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Predictions


def pair(seed: int, gap: float, n: int = 300) -> tuple[np.ndarray, Predictions, Predictions]:
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=n)
    shared = generator.normal(size=n)
    first = Predictions(truth + shared + 0.3 * generator.normal(size=n))
    second = Predictions(truth + shared + (0.3 + gap) * generator.normal(size=n))
    return truth, first, second


def test_the_difference_is_the_first_minus_the_second() -> None:
    truth, first, second = pair(0, 0.6)
    found = paired_bootstrap("regression", truth, first, second, metric="rmse", units=None, weights=None, seed=0)
    rmse = [compute_metrics("regression", truth, predictions)["rmse"] or 0 for predictions in (first, second)]
    assert found.value is not None
    assert found.value == rmse[0] - rmse[1]
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high < 0
    assert found.p is not None
    assert found.p < 0.01
    assert (found.n, found.units) == (300, 300)


def test_pairing_sees_what_two_intervals_would_not() -> None:
    truth, first, second = pair(1, 0.25)
    shuffled = np.random.default_rng(0).permutation(len(truth))
    paired = paired_bootstrap("regression", truth, first, second, metric="mae", units=None, weights=None, seed=0)
    assert paired.low is not None
    assert paired.high is not None
    width = paired.high - paired.low
    apart = Predictions(np.asarray(truth + (second.labels - truth)[shuffled]))
    unpaired = paired_bootstrap("regression", truth, first, apart, metric="mae", units=None, weights=None, seed=0)
    assert unpaired.low is not None
    assert unpaired.high is not None
    assert width < unpaired.high - unpaired.low


def test_equal_models_are_seldom_called_different() -> None:
    false_alarms = 0
    for seed in range(60):
        truth, first, second = pair(seed, 0.0, n=60)
        found = paired_bootstrap("regression", truth, first, second, metric="rmse", units=None, weights=None, seed=seed)
        false_alarms += found.p is not None and found.p < 0.05
    assert false_alarms <= 8


def test_a_model_against_itself_differs_by_nothing() -> None:
    truth, first, _ = pair(2, 0.0)
    found = paired_bootstrap("regression", truth, first, first, metric="r2", units=None, weights=None, seed=0)
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_few_units_give_no_verdict() -> None:
    truth, first, second = pair(3, 0.5)
    units = np.arange(300) // 60
    found = paired_bootstrap("regression", truth, first, second, metric="rmse", units=units, weights=None, seed=0)
    assert found.value is not None
    assert (found.low, found.high, found.p, found.units) == (None, None, None, 5)
