"""Rates, ranges and categories never seen."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.drift_samples import count_categories
from mlsteward.drift import rates


def test_few_hits_are_tested_exactly() -> None:
    expected = 2 * float(np.asarray(stats.fisher_exact([[1, 999], [8, 492]], alternative="less"))[1])
    assert rates.rate_p(1, 1000, 8, 500) == pytest.approx(expected, rel=1e-6)


def test_many_hits_are_tested_as_by_chi_squared() -> None:
    expected = stats.chi2_contingency([[300, 700], [390, 610]], correction=False)[1]
    assert rates.rate_p(300, 1000, 390, 1000) == pytest.approx(expected)


def test_the_interval_of_a_ratio_covers_it() -> None:
    random = np.random.default_rng(1)
    drawn = zip(random.binomial(2000, 0.05, 2000), random.binomial(1000, 0.1, 2000), strict=True)
    found = [rates.rate_ratio(int(first), 2000, int(second), 1000) for first, second in drawn]
    assert np.mean([ratio.low <= 2 <= ratio.high for ratio in found]) == pytest.approx(0.95, abs=0.015)


def test_no_hits_at_all_still_give_a_ratio() -> None:
    assert rates.rate_ratio(0, 1000, 20, 1000).ratio == pytest.approx(41)


def test_a_rate_matters_by_its_ratio_or_by_ten_points_and_never_below_the_floor() -> None:
    assert rates.rate_severity(0.01, 0.02, 0.002, 10_000, 10_000) > 1
    assert rates.rate_severity(0.5, 0.61, 0.002, 10_000, 10_000) > 1
    assert rates.rate_severity(0.5, 0.55, 0.002, 10_000, 10_000) < 1
    assert rates.rate_severity(0.0005, 0.002, 0.002, 10_000, 10_000) == 0


def test_values_beyond_all_of_the_reference_are_exact_for_small_samples() -> None:
    # Of five exchangeable values the highest two are the two current ones with probability 1 / 10; both ends count.
    assert rates.beyond_extremes_p(3, 2, 0, 2) == pytest.approx(2 / 10)
    assert rates.beyond_extremes_p(3, 2, 0, 0) == 1


@pytest.mark.parametrize(("rows", "current_rows"), [(300, 300), (500, 60), (60, 500)])
def test_the_bound_for_unseen_categories_is_a_p_value(rows: int, current_rows: int) -> None:
    random = np.random.default_rng(rows)
    found: list[float] = []
    for _ in range(300):
        drawn = [random.zipf(1.5, size).astype(str).astype(object) for size in (rows, current_rows)]
        counted = count_categories(*drawn)
        found.append(rates.unseen_p(rows, current_rows, counted.spread, counted.unseen_current))
    assert np.mean(np.asarray(found) <= 0.1) <= 0.1
    assert np.mean(np.asarray(found) <= 0.01) <= 0.01


def test_one_new_category_of_many_rows_is_beyond_chance() -> None:
    assert rates.unseen_p(1000, 1000, [(1000, 1), (980, 1), (20, 1)], 20) == pytest.approx(0.5**20, rel=0.3)
