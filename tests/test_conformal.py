"""Conformal intervals cover as promised."""

import numpy as np

from mlsteward.evaluation.conformal import conformal_half_width, coverage


def test_a_conformal_interval_covers_new_rows_whatever_the_errors_look_like() -> None:
    generator = np.random.default_rng(0)
    shares: list[float] = []
    for _ in range(400):
        errors = generator.standard_t(3, size=60)
        half_width = conformal_half_width(np.abs(errors), 0.9)
        assert half_width is not None
        fresh = generator.standard_t(3, size=500)
        shares.append(coverage(fresh, np.zeros(500), half_width) or 0)
    assert 0.895 <= np.mean(shares) <= 0.93


def test_too_few_rows_give_no_interval() -> None:
    assert conformal_half_width(np.arange(8.0), 0.9) is None
    assert conformal_half_width(np.arange(9.0), 0.9) == 8.0


def test_coverage_counts_weights_and_needs_rows() -> None:
    truth, predicted = np.array([0.0, 0.0]), np.array([1.0, 3.0])
    assert coverage(truth, predicted, 1.0) == 0.5
    assert coverage(truth, predicted, 1.0, np.array([3.0, 1.0])) == 0.75
    assert coverage(np.empty(0), np.empty(0), 1.0) is None
