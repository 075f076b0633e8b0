"""Calibration errors do not mistake noise for a fault, nor hide a real one."""

import numpy as np
import pytest

from mlsteward.evaluation.calibration import Calibration, measure_calibration
from mlsteward.evaluation.predictions import Predictions


def calibrate(seed: int, n: int, tilt: float = 0.0) -> Calibration:
    """Outcomes come true with probability p, while the model says p + tilt."""
    generator = np.random.default_rng(seed)
    probability = generator.uniform(0.2, 0.6, n)
    truth = np.where(generator.random(n) < probability, "yes", "no").astype(object)
    said = probability + tilt
    found = measure_calibration(truth, Predictions(truth, np.column_stack([1 - said, said]), ["no", "yes"]))
    assert found is not None
    return found


def test_a_calibrated_model_has_little_error_left_once_noise_is_taken_off() -> None:
    found = [calibrate(seed, 500) for seed in range(50)]
    plain = np.mean([one.plain_error for one in found])
    assert plain == pytest.approx(np.mean([one.noise for one in found]), rel=0.1)
    assert np.mean([one.error for one in found]) < 0.65 * plain


def test_a_real_error_is_measured_without_bias() -> None:
    found = [calibrate(seed, 1000, tilt=0.1).error for seed in range(50)]
    assert np.mean(found) == pytest.approx(0.1, abs=0.01)


def test_the_bins_hold_equal_numbers_and_say_what_came_true() -> None:
    found = calibrate(0, 2000, tilt=0.1)
    assert [one.rows for one in found.bins] == [200] * 10
    assert all(one.low <= one.predicted <= one.high for one in found.bins)
    assert np.mean([one.predicted - one.observed for one in found.bins]) == pytest.approx(0.1, abs=0.03)
    assert found.about == "the probability of 'yes'"


def test_equal_probabilities_share_a_bin() -> None:
    truth = np.array(["no", "yes"] * 100, dtype=object)
    scores = np.full((200, 2), 0.5)
    found = measure_calibration(truth, Predictions(truth, scores, ["no", "yes"]))
    assert found is not None
    assert [one.rows for one in found.bins] == [200]
    assert found.error == 0
    assert found.brier == 0.25


def test_many_classes_are_judged_by_the_predicted_one() -> None:
    generator = np.random.default_rng(0)
    classes = ["a", "b", "c"]
    truth = np.array(classes, dtype=object)[generator.integers(0, 3, 600)]
    scores = np.tile([0.8, 0.1, 0.1], (600, 1))
    found = measure_calibration(truth, Predictions(truth, scores, classes))
    assert found is not None
    assert found.error == pytest.approx(0.8 - np.mean(truth == "a"), abs=1e-6)
    assert found.brier > 0.5


def test_few_rows_and_missing_probabilities_are_not_judged() -> None:
    truth = np.array(["no", "yes"] * 40, dtype=object)
    assert measure_calibration(truth, Predictions(truth, np.full((80, 2), 0.5), ["no", "yes"])) is None
    assert measure_calibration(truth, Predictions(truth, None, ["no", "yes"])) is None
