"""Test and effect of categorical columns, against scipy on the raw values."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from benchmarks.drift_samples import count_categories
from mlsteward.drift import categorical
from mlsteward.drift.checks import check_categories, check_unseen
from mlsteward.drift.counts import CountedCategories
from mlsteward.drift.verdict import judge

BEFORE, AFTER = np.array([500, 300, 150, 50]), np.array([420, 340, 160, 80])


def counted(before: dict[str, int], after: dict[str, int]) -> CountedCategories:
    return count_categories(
        *(np.repeat(np.asarray([*side], dtype=object), [*side.values()]) for side in (before, after))
    )


def test_chi_squared_is_that_of_scipy() -> None:
    expected = stats.chi2_contingency(np.stack([BEFORE, AFTER]), correction=False)[1]
    assert categorical.chi_squared(BEFORE, AFTER) == pytest.approx(expected)


def test_jensen_shannon_is_that_of_scipy() -> None:
    expected = jensenshannon(BEFORE / 1000, AFTER / 1000) ** 2
    assert categorical.jensen_shannon(BEFORE, AFTER) == pytest.approx(expected)


def test_the_noise_floor_is_the_mean_divergence_of_samples_of_one_distribution() -> None:
    random = np.random.default_rng(3)
    drawn = [random.multinomial(size, [0.2] * 5, 2000) for size in (400, 900)]
    found = np.mean([categorical.jensen_shannon(first, second) for first, second in zip(*drawn, strict=True)])
    assert found == pytest.approx(categorical.noise_floor(5, 400, 900), rel=0.05)


def test_rare_categories_are_pooled_by_the_reference_alone() -> None:
    pooled = categorical.pool_rare(counted({"a": 600, "b": 380, "c": 3, "d": 17}, {"a": 500, "b": 400, "c": 100}))
    assert pooled.reference.tolist() == [600, 380, 20]
    assert pooled.current.tolist() == [500, 400, 100]


def test_a_bucket_that_is_too_rare_joins_the_rarest_common_category() -> None:
    pooled = categorical.pool_rare(counted({"a": 600, "b": 399, "c": 1}, {"a": 600, "b": 399, "d": 1}))
    assert pooled.reference.tolist() == [600, 400]
    assert pooled.current.tolist() == [600, 400]


def test_a_column_of_rare_categories_only_is_not_judged() -> None:
    names = np.asarray([f"c{place}" for place in range(300)], dtype=object)
    evidence = check_categories("city", count_categories(names, names))
    assert "too rare" in evidence.unusable
    (finding,) = judge([evidence])
    assert not finding.drift and not finding.enough


def test_fraud_that_doubles_from_one_percent_is_drift_by_its_rate() -> None:
    evidence = check_categories("fraud", counted({"no": 19_800, "yes": 200}, {"no": 19_600, "yes": 400}))
    assert evidence.measure == "rate ratio"
    assert evidence.effect == pytest.approx(2, rel=0.01)
    assert evidence.low is not None and evidence.low > 1.6
    assert judge([evidence])[0].drift
    assert evidence.change == "yes 1 % → 2 %"


def test_a_rare_class_of_a_target_counts_by_its_rate_too() -> None:
    classes = counted({"a": 15_000, "b": 4700, "c": 300}, {"a": 15_000, "b": 4400, "c": 600})
    assert check_categories("outcome", classes).severity < 1
    assert check_categories("outcome", classes, rates_too=True).severity >= 1


def test_a_large_sample_with_a_tiny_change_is_stable() -> None:
    evidence = check_categories("city", counted({"a": 500_000, "b": 500_000}, {"a": 495_000, "b": 505_000}))
    assert evidence.p < 1e-6
    assert not judge([evidence])[0].drift


def test_a_category_never_seen_before_is_named() -> None:
    evidence = check_unseen("carrier", counted({"AA": 500, "UA": 500}, {"AA": 480, "UA": 480, "ZZ": 40}))
    assert evidence is not None
    assert "ZZ" in evidence.change
    assert judge([evidence])[0].drift
