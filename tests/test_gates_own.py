"""Gates of contract, thresholds, leakage, artefact and lineage, and what the policy makes of a result."""

import numpy as np
import pytest

from mlsteward.contracts.check import CheckResult
from mlsteward.evaluation.intervals import Interval
from mlsteward.gates.artifact import artifact
from mlsteward.gates.contract import contract
from mlsteward.gates.leakage import leakage
from mlsteward.gates.lineage import Origin, lineage
from mlsteward.gates.result import GateResult, Outcome
from mlsteward.gates.rules import GateRules, LeakageRules, ThresholdRules
from mlsteward.gates.thresholds import thresholds
from mlsteward.gates.verdict import blocking, gate_words, settled

METRICS = {"roc_auc": Interval(0.76, 0.72, 0.8), "log_loss": Interval(0.5, 0.45, 0.55)}


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        (ThresholdRules(min={"roc_auc": 0.75}, max={"log_loss": 0.5}), "passed"),
        (ThresholdRules(min={"roc_auc": 0.75}, max={"log_loss": 0.49}), "failed"),
        (ThresholdRules(min={"roc_auc": 0.75}, by="bound"), "failed"),
        (ThresholdRules(max={"log_loss": 0.55}, by="bound"), "passed"),
        (ThresholdRules(min={"mcc": 0.2}), "cannot tell"),
        (ThresholdRules(max={"rmse": 3}), "not applicable"),
        (ThresholdRules(), "not applicable"),
    ],
)
def test_metrics_are_held_against_the_limits_that_suit_their_task(rules: ThresholdRules, outcome: Outcome) -> None:
    assert thresholds(METRICS, "binary", rules).outcome == outcome


def test_of_several_limits_the_ones_that_were_missed_are_said_and_all_are_evidence() -> None:
    found = thresholds(METRICS, "binary", ThresholdRules(min={"roc_auc": 0.9, "mcc": 0.1}, max={"log_loss": 0.6}))
    assert found.words == "roc_auc 0.76 [0.72, 0.8] is to be at least 0.9."
    assert (found.value, found.low, found.limit) == (0.76, 0.72, 0.9)
    assert set(found.evidence["limits"]) == {"roc_auc", "mcc", "log_loss"}


def result(check: str, severity: str, *, passed: bool) -> CheckResult:
    fields = {"check": check, "type": "range", "severity": severity, "passed": passed}
    return CheckResult.model_validate({**fields, "expected": f"{check} is right", "words": "3 of 10 rows fail"})


def test_training_data_that_breaks_an_error_check_of_its_contract_fails() -> None:
    results = [
        result("a", "error", passed=False),
        result("b", "warning", passed=False),
        result("c", "error", passed=True),
    ]
    found = contract("flights@1", results, "")
    assert found.outcome == "failed"
    assert found.words == (
        "flights@1 breaks 1 of 3 checks of its contract: a is right: 3 of 10 rows fail."
        " 1 lesser check failed: b is right: 3 of 10 rows fail."
    )
    assert contract("flights@1", results[1:], "").outcome == "passed"
    assert contract("flights@1", None, "").outcome == "not applicable"
    assert contract("flights@1", None, "flights@1 has no column `x`.").outcome == "failed"


def hashes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def test_held_out_rows_that_stand_in_the_training_rows_are_a_leak() -> None:
    train, rules = hashes(*range(100)), LeakageRules()
    clean = leakage(train, hashes(*range(100, 200)), rules, later=[], questions=[])
    assert (clean.outcome, clean.value) == ("passed", 0)
    leaking = leakage(train, hashes(*range(95, 195)), rules, later=[], questions=[])
    assert (leaking.outcome, leaking.value, leaking.limit) == ("failed", 0.05, 0.01)
    repeating = leakage(
        hashes(*(value // 10 for value in range(100))), hashes(*range(20)), rules, later=[], questions=[]
    )
    assert repeating.outcome == "cannot tell"


def test_a_feature_that_is_known_too_late_is_a_leak_and_an_open_question_a_warning() -> None:
    train, test = hashes(1, 2, 3), hashes(4, 5)
    late = leakage(train, test, LeakageRules(), later=["arr_delay"], questions=[])
    assert late.outcome == "failed"
    assert "`arr_delay`" in late.words
    asked = leakage(train, test, LeakageRules(), later=[], questions=["`x` alone says nearly all: is it known?"])
    assert asked.outcome == "warned"


def test_a_file_that_predicts_otherwise_than_measured_fails() -> None:
    measured = np.array([[0.2, 0.8], [0.6, 0.4]])
    assert artifact(measured, measured + 1e-9, sha256="ab").outcome == "passed"
    changed = artifact(measured, measured + 0.01, sha256="ab", single_row="on 2 rows alike")
    assert changed.outcome == "failed"
    assert changed.words.endswith("Single rows: on 2 rows alike.")
    assert artifact(np.empty((0, 1)), np.empty((0, 1)), sha256="ab").outcome == "cannot tell"


KNOWN = Origin(
    run="run:3",
    dataset="flights@1",
    fingerprint="f",
    recorded_fingerprint="f",
    versions=["flights@1"],
    sources=["flights.csv"],
    features=2,
    features_linked=2,
    split="by row",
    seed="0",
    code="0.1.0",
    actor="ann",
    snapshot=True,
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sources": []}, "what that dataset was read from"),
        ({"dataset": "", "fingerprint": ""}, "which dataset it was trained on"),
        ({"features_linked": 1}, "which columns it uses"),
        ({"features": 0, "features_linked": 0}, "which columns it uses"),
        ({"seed": ""}, "its seed"),
        ({"snapshot": False}, "the rows of flights@1, which were given up"),
        ({"recorded_fingerprint": "g"}, "rows of flights@1 with the fingerprint that was trained on"),
    ],
)
def test_a_gap_in_the_lineage_is_named(change: dict[str, object], words: str) -> None:
    found = lineage(KNOWN.model_copy(update=change))
    assert found.outcome == "failed"
    assert words in found.words


def test_whole_lineage_is_told_from_source_to_model() -> None:
    found = lineage(KNOWN)
    assert found.outcome == "passed"
    assert "flights.csv → flights@1 → run:3" in found.words


@pytest.mark.parametrize(
    ("outcome", "rules", "after", "blocks"),
    [
        ("failed", GateRules(), "failed", True),
        ("failed", GateRules(on="warn"), "warned", False),
        ("cannot tell", GateRules(), "cannot tell", False),
        ("cannot tell", GateRules(undecided="refuse"), "cannot tell", True),
        ("not comparable", GateRules(on="warn", undecided="refuse"), "not comparable", False),
        ("not applicable", GateRules(undecided="refuse"), "not applicable", False),
        ("passed", GateRules(), "passed", False),
        ("warned", GateRules(), "warned", False),
    ],
)
def test_the_policy_says_what_follows_from_a_result(
    outcome: Outcome, rules: GateRules, after: Outcome, blocks: bool
) -> None:
    found = settled(GateResult(gate="cost", outcome=outcome, words=""), rules)
    assert (found.outcome, found.blocks) == (after, blocks)


def test_all_gates_together_are_counted_without_those_that_did_not_apply() -> None:
    outcomes: list[Outcome] = ["passed", "failed", "warned", "warned", "not applicable"]
    results = [settled(GateResult(gate=str(n), outcome=one, words=""), GateRules()) for n, one in enumerate(outcomes)]
    assert gate_words(results) == "1 of 4 gates passed, 1 failed (1), 2 warned (2, 3)"
    assert blocking(results) == ["1"]
    assert gate_words(results[-1:]) == "no gate applies"
