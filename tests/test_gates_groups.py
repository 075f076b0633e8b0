"""Groups of rows and slices: what a gate says of them, how sure it is, and what it says of the small ones."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate

from mlsteward.data.engine import connect
from mlsteward.evaluation.fairness import measure_fairness
from mlsteward.evaluation.fairness_report import fairness_findings
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.gates.fairness import fairness
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import FairnessRules, WorstSliceRules
from mlsteward.gates.worst_slice import worst_slice

RULES = FairnessRules(columns=["sex"], most_difference=0.1)


def loans(seed: int, n: int, gap: float, groups: tuple[str, ...] = ("F", "M")) -> tuple[pd.DataFrame, Scored]:
    """Yes and no at random; the first group is told yes `gap` less often, whatever the truth."""
    generator = np.random.default_rng(seed)
    group = np.array(groups, dtype=object)[generator.integers(0, len(groups), n)]
    truth = np.where(generator.random(n) < 0.5, "yes", "no").astype(object)
    told = generator.random(n) < 0.5 - gap * (group == groups[0])
    scores: Floats = np.where(told, 0.9, 0.1)
    labels = np.where(told, "yes", "no").astype(object)
    predictions = Predictions(labels, np.stack([1 - scores, scores], axis=1), ["no", "yes"])
    return pd.DataFrame({"sex": group, "age": generator.integers(18, 90, n)}), Scored(
        "binary", truth, predictions, "row"
    )


def test_measures_by_group_are_those_of_fairlearn() -> None:
    frame, scored = loans(0, 500, 0.2)
    weights = np.random.default_rng(1).uniform(0.5, 2, 500)
    scored = Scored(scored.task, scored.truth, scored.predictions, "row", None, weights)
    found = measure_fairness(frame, scored, "sex", seed=0)
    metrics = {
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
    }
    theirs = MetricFrame(
        metrics=metrics,
        y_true=(scored.truth == "yes").astype(int),
        y_pred=(scored.predictions.labels == "yes").astype(int),
        sensitive_features=frame["sex"],
        sample_params={name: {"sample_weight": weights} for name in metrics},
    )
    for gap in found.gaps:
        for one in gap.groups:
            assert one.value == pytest.approx(theirs.by_group.loc[one.group, gap.measure])
            assert one.low is not None
            assert one.high is not None
            assert one.low <= (one.value or 0.0) <= one.high
        assert gap.difference == pytest.approx(theirs.difference()[gap.measure])


def test_the_bounds_of_the_largest_difference_hold_for_all_pairs_together() -> None:
    groups = tuple("abcdef")
    wrong = 0
    for seed in range(12):
        frame, scored = loans(seed, 400, 0.0, groups)
        gap = measure_fairness(frame, scored, "sex", measures=["selection_rate"], seed=seed).gaps[0]
        assert gap.low is not None
        assert gap.high is not None
        assert gap.difference is not None
        assert gap.low <= gap.difference <= gap.high
        wrong += gap.low > 0
    assert wrong <= 2


def test_the_gate_fails_passes_and_cannot_tell() -> None:
    assert fairness(*loans(1, 3000, 0.3), RULES, seed=0).outcome == "failed"
    alike = fairness(*loans(2, 8000, 0.0), RULES, seed=0)
    assert alike.outcome == "passed"
    assert alike.high is not None
    assert alike.high <= 0.1
    unsure = fairness(*loans(3, 300, 0.1), RULES, seed=0)
    assert unsure.outcome == "cannot tell"
    assert unsure.value is not None


def test_small_groups_are_said_and_not_judged() -> None:
    frame, scored = loans(4, 2000, 0.0)
    frame.loc[:14, "sex"] = "X"
    found = fairness(frame, scored, RULES, seed=0)
    assert "X of sex too small to judge" in found.words
    assert found.evidence["small_groups"] == {"sex": ["X"]}
    measured = measure_fairness(frame, scored, "sex", seed=0)
    tiny = next(one for one in measured.gaps[0].groups if one.group == "X")
    assert (tiny.rows, tiny.small) == (15, True)
    assert "X" not in (measured.gaps[0].highest, measured.gaps[0].lowest)
    assert any("(small)" in line for line in fairness_findings([measured]))


def test_without_a_column_there_is_nothing_to_compare() -> None:
    frame, scored = loans(5, 200, 0.0)
    assert fairness(frame, scored, FairnessRules(), seed=0).outcome == "not applicable"
    gone = fairness(frame, scored, FairnessRules(columns=["race"]), seed=0)
    assert gone.outcome == "cannot tell"
    assert "race not in the data" in gone.words


def test_values_of_a_hidden_column_are_not_named() -> None:
    frame, scored = loans(6, 3000, 0.3, ("Roma", "Sinti"))
    found = fairness(frame, scored, RULES, hidden={"sex"}, seed=0)
    assert found.outcome == "failed"
    assert "Roma" not in found.model_dump_json()
    assert "group 1" in found.words


def test_a_share_of_all_or_nothing_is_not_taken_for_certain() -> None:
    frame, scored = loans(7, 130, 0.0)
    sure = np.tile([1.0, 0.0], (130, 1))
    never = Scored("binary", scored.truth, Predictions(np.full(130, "no", dtype=object), sure, ["no", "yes"]), "row")
    gap = measure_fairness(frame, never, "sex", measures=["selection_rate"], seed=0).gaps[0]
    assert (gap.difference, gap.low) == (0.0, 0.0)
    assert gap.high is not None
    assert gap.high > 0.02
    assert all(one.high is not None and one.high > 0.03 for one in gap.groups)


def test_rows_of_one_unit_count_once() -> None:
    frame, scored = loans(8, 200, 0.3)
    copies = np.repeat(np.arange(200), 10)
    many = frame.iloc[copies].reset_index(drop=True)
    by_unit = Scored("binary", scored.truth[copies], scored.predictions.take(copies), "loan", copies)
    by_row = Scored("binary", scored.truth[copies], scored.predictions.take(copies), "row")
    wide = measure_fairness(many, by_unit, "sex", seed=0).gaps[0]
    narrow = measure_fairness(many, by_row, "sex", seed=0).gaps[0]
    assert _width(wide.low, wide.high) > 2 * _width(narrow.low, narrow.high)


def _width(low: float | None, high: float | None) -> float:
    assert low is not None
    assert high is not None
    return high - low


def test_numbers_are_compared_in_standard_deviations_by_ranges_of_a_number() -> None:
    generator = np.random.default_rng(9)
    frame = pd.DataFrame({"age": generator.integers(18, 90, 2000)})
    truth = generator.normal(100, 20, 2000)
    predicted = truth + generator.normal(size=2000) + 10 * (frame["age"] > 70).to_numpy()
    scored = Scored("regression", truth, Predictions(predicted), "row")
    found = fairness(frame, scored, FairnessRules(columns=["age"]), seed=0)
    assert found.outcome == "failed"
    assert found.value == pytest.approx(0.5, abs=0.1)
    assert "mean error by age" in found.words and "(in standard deviations of the target)" in found.words
    measured = measure_fairness(frame, scored, "age", seed=0)
    assert [gap.measure for gap in measured.gaps] == ["mean_error", "mean_absolute_error"]


SLICES = WorstSliceRules(most_loss=2.0, fewest_rows=50)


def slices(seed: int, n: int, bad: float, rules: WorstSliceRules = SLICES, **more: object) -> GateResult:
    """Absolute errors of a regression; those of JFK in the east are `bad` times as large."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "origin": np.array(["EWR", "JFK", "LGA"], dtype=object)[generator.integers(0, 3, n)],
            "east": generator.integers(0, 2, n),
            "noise": generator.normal(size=n),
        }
    )
    truth = generator.normal(size=n)
    inside = ((frame["origin"] == "JFK") & (frame["east"] == 1)).to_numpy()
    predicted = truth + generator.normal(size=n) * np.where(inside, bad, 1.0)
    scored = Scored("regression", truth, Predictions(predicted), "row")
    with connect(memory_mb=128, threads=1) as connection:
        return worst_slice(connection, frame, scored, rules, metric="rmse", columns=list(frame.columns), seed=0, **more)  # pyright: ignore[reportArgumentType] - `hidden` alone


def test_a_slice_that_fails_is_named_with_its_interval() -> None:
    found = slices(0, 3000, 6.0)
    assert found.outcome == "failed"
    assert "origin = JFK and east = 1" in found.words
    assert found.low is not None
    assert found.low > 2
    assert found.evidence["slices"][0]["metric"] > 2


def test_the_worst_of_many_slices_is_no_fault_when_rows_are_alike() -> None:
    assert all(slices(seed, 1500, 1.0, WorstSliceRules(most_loss=1.01)).outcome == "passed" for seed in range(6))


def test_a_slice_within_the_limit_passes_and_is_told() -> None:
    found = slices(1, 3000, 1.6)
    assert found.outcome == "passed"
    assert found.value is not None
    assert 1 < found.value < 2


def test_too_few_rows_cannot_tell() -> None:
    assert slices(2, 25, 1.0).outcome == "cannot tell"


def test_parts_of_a_hidden_column_are_not_named() -> None:
    found = slices(3, 3000, 6.0, hidden={"origin"})
    assert found.outcome == "failed"
    assert "JFK" not in found.model_dump_json()
    assert "a part of origin" in found.words


def test_only_the_columns_of_the_policy_are_searched() -> None:
    found = slices(4, 3000, 6.0, WorstSliceRules(columns=["noise"]))
    assert found.outcome == "passed"
