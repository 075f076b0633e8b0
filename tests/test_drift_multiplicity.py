"""Many tests judged together."""

import numpy as np
import pytest
from scipy import stats

from mlsteward.drift.evidence import Evidence
from mlsteward.drift.multiplicity import adjusted, cauchy_combination, family_weights
from mlsteward.drift.report import CheckKind
from mlsteward.drift.verdict import column_reports, judge, overall

P_VALUES = [0.001, 0.8, 0.02, 0.04, 0.3]


def found(column: str, p: float, severity: float = 2.0, kind: CheckKind = "distribution", why: str = "") -> Evidence:
    return Evidence(column, kind, p, severity, "W/σ", severity / 10, 0.1, unusable=why)


def test_adjusted_p_values_are_those_of_scipy() -> None:
    assert adjusted(P_VALUES, [1.0] * 5) == pytest.approx(stats.false_discovery_control(P_VALUES))


def test_weights_have_mean_one_and_favour_the_main_tests() -> None:
    weights = family_weights([True, True, False, False, False])
    assert weights.mean() == pytest.approx(1)
    assert weights[:2].sum() == pytest.approx(0.8 * 5)


def test_the_combination_of_equal_p_values_is_that_p() -> None:
    for p in (0.5, 0.01, 1e-12, 1e-200):
        assert cauchy_combination([p, p, p]) == pytest.approx(p, rel=1e-6)


def test_the_combination_survives_a_p_of_one_and_a_p_of_zero() -> None:
    assert 0 < cauchy_combination([0.0, 1.0]) < 1e-6


def test_the_combination_keeps_its_level_when_the_tests_depend_on_each_other() -> None:
    random = np.random.default_rng(2)
    shared = random.normal(size=20_000)
    both = [2 * stats.norm.sf(np.abs(0.9 * shared + np.sqrt(0.19) * random.normal(size=20_000))) for _ in range(2)]
    combined = np.asarray([cauchy_combination(pair) for pair in zip(*both, strict=True)])
    assert np.mean(combined <= 0.01) == pytest.approx(0.01, abs=0.0025)


def test_a_small_p_with_a_small_effect_is_no_drift_and_neither_is_the_reverse() -> None:
    findings = judge([found("a", 1e-9, severity=0.5), found("b", 0.6, severity=5), found("c", 1e-9, severity=1.5)])
    assert [finding.drift for finding in findings] == [False, False, True]


def test_all_checks_share_one_family() -> None:
    alone = judge([found("a", 0.03)])
    among = judge([found("a", 0.03), *(found(f"b{place}", 0.9) for place in range(9))])
    assert alone[0].drift and not among[0].drift


def test_a_check_that_cannot_be_made_costs_the_others_nothing() -> None:
    findings = judge([found("a", 0.03), found("b", 1.0, why="no values")])
    assert findings[0].drift and findings[1].p is None and findings[1].why == "no values"


def test_a_column_drifts_by_any_of_its_checks_and_says_by_which() -> None:
    findings = judge([found("a", 0.9), found("a", 1e-9, kind="nulls"), found("b", 0.9)])
    first, second = column_reports(findings, {})
    assert (first.column, first.verdict, first.main.kind) == ("a", "drift", "nulls")
    assert second.verdict == "stable"
    assert overall([first, second], []) == "drift"


def test_important_columns_come_first() -> None:
    findings = judge([found("big", 1e-9, severity=9), found("used", 1e-9, severity=3)])
    assert [report.column for report in column_reports(findings, {})] == ["big", "used"]
    assert [report.column for report in column_reports(findings, {"used": 0.2, "big": 0.01})] == ["used", "big"]


def test_one_column_that_cannot_be_judged_does_not_hide_that_the_others_are_stable() -> None:
    findings = judge([found("a", 0.9), found("b", 0.8), found("c", 1.0, why="too rare")])
    assert overall(column_reports(findings, {}), []) == "stable"
    assert overall(column_reports(findings[2:], {}), []) == "not enough data"
