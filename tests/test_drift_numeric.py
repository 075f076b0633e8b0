"""Tests and effects of numeric columns, against scipy on the raw values."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.drift_samples import count_values
from mlsteward.drift import numeric
from mlsteward.drift.counts import CountedValues
from mlsteward.drift.multiplicity import cauchy_combination

random = np.random.default_rng(7)
SMOOTH = random.normal(size=300), random.normal(0.3, 1.2, size=220)
TIED = random.poisson(2, 400).astype(float), random.poisson(2.3, 150).astype(float)


@pytest.mark.parametrize(("first", "second"), [SMOOTH, TIED])
def test_kolmogorov_smirnov_is_that_of_scipy(first: np.ndarray, second: np.ndarray) -> None:
    cells = count_values(first, second)
    expected = stats.ks_2samp(first, second, method="asymp")[1]
    assert numeric.kolmogorov_smirnov(cells.reference, cells.current) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("first", "second"), [SMOOTH, TIED])
def test_mann_whitney_corrects_for_ties_as_scipy_does(first: np.ndarray, second: np.ndarray) -> None:
    cells = count_values(first, second)
    expected = stats.mannwhitneyu(first, second, method="asymptotic")[1]
    assert numeric.mann_whitney(cells.reference, cells.current) == pytest.approx(expected, rel=1e-9)


def test_mann_whitney_of_two_constants_that_are_equal_is_one() -> None:
    cells = count_values(np.ones(5), np.ones(8))
    assert numeric.mann_whitney(cells.reference, cells.current) == 1


@pytest.mark.parametrize(("first", "second"), [SMOOTH, TIED])
def test_wasserstein_is_that_of_scipy_over_the_clipped_deviation(first: np.ndarray, second: np.ndarray) -> None:
    cells = count_values(first, second)
    low, high = numeric.clip_bounds(cells.values, cells.reference)
    clipped = np.clip(first, low, high), np.clip(second, low, high)
    expected = stats.wasserstein_distance(*clipped) / clipped[0].std()
    assert numeric.wasserstein_in_sd(cells) == pytest.approx(expected)


def test_one_wild_outlier_neither_fakes_nor_hides_a_shift() -> None:
    first, second = random.normal(size=2000), random.normal(size=2000)
    quiet = numeric.wasserstein_in_sd(count_values(first, np.append(second, 1e9)))
    shifted = numeric.wasserstein_in_sd(count_values(np.append(first, 1e9), second + 0.5))
    assert quiet is not None and quiet < 0.1
    assert shifted is not None and shifted > 0.4


def test_ranks_show_a_shift_in_the_bulk_of_a_heavy_tail() -> None:
    first = np.exp(4 * random.normal(size=5000))
    second = np.exp(4 * random.normal(0.2, size=5000))
    assert numeric.wasserstein_in_ranks(count_values(first, second)) > 0.028


def test_ranks_show_that_a_constant_is_constant_no_longer() -> None:
    cells = count_values(np.zeros(500), np.append(np.zeros(400), np.ones(100)))
    assert numeric.wasserstein_in_sd(cells) is None
    assert numeric.wasserstein_in_ranks(cells) == pytest.approx(0.5 * 0.2)


def test_a_shift_of_a_fifth_of_a_deviation_reorders_eleven_percent_of_pairs() -> None:
    first, second = random.normal(size=50_000), random.normal(0.2, size=50_000)
    assert numeric.wasserstein_in_ranks(count_values(first, second)) == pytest.approx(0.056, abs=0.008)


def test_the_stability_index_is_zero_for_equal_samples_and_grows_with_a_shift() -> None:
    values = np.arange(1000.0)
    assert numeric.stability_index(count_values(values, values)) == pytest.approx(0, abs=1e-12)
    assert numeric.stability_index(count_values(values, values + 300)) > 0.25


def test_both_tests_give_one_p_below_that_of_the_weaker() -> None:
    cells = count_values(*TIED)
    each = [test(cells.reference, cells.current) for test in (numeric.kolmogorov_smirnov, numeric.mann_whitney)]
    assert min(each) <= numeric.distribution_p(cells.reference, cells.current) <= max(each)
    assert numeric.distribution_p(cells.reference, cells.current) == cauchy_combination(each)


def test_quantiles_of_counts_are_those_of_the_values() -> None:
    values = random.integers(0, 50, 999).astype(float)
    cells = count_values(values, values)
    found = numeric.quantiles(cells.values, cells.reference, (0.05, 0.5, 0.95))
    assert found == list(np.quantile(values, [0.05, 0.5, 0.95], method="inverted_cdf"))


def test_counts_of_a_million_rows_are_no_slower_than_their_distinct_values() -> None:
    counts = np.full(100, 10_000)
    cells = CountedValues(np.arange(100.0), counts, counts)
    assert numeric.distribution_p(cells.reference, cells.current) == pytest.approx(1)
