"""Training rows against rows that are served: how much of what the model leans on has drifted."""

import numpy as np
import pandas as pd

from mlsteward.gates.live_drift import live_drift
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import LiveDriftRules
from mlsteward.training.signature import ImportanceRow, SignatureColumn

COLUMNS = [
    SignatureColumn(name="delay", type="DOUBLE", kind="number"),
    SignatureColumn(name="distance", type="BIGINT", kind="number"),
    SignatureColumn(name="origin", type="VARCHAR", kind="category"),
    SignatureColumn(name="remark", type="VARCHAR", kind="text"),
]
IMPORTANCE = [
    ImportanceRow(columns=["delay"], value=0.3, error=0.01),
    ImportanceRow(columns=["distance"], value=0.05, error=0.01),
    ImportanceRow(columns=["origin"], value=0.05, error=0.01),
]


def rows(seed: int, n: int, later: float = 0.0, origins: str = "EJL") -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    delay = generator.exponential(20, n) + later
    return pd.DataFrame(
        {
            "delay": np.where(generator.random(n) < 0.02, np.nan, delay),
            "distance": generator.integers(100, 3000, n),
            "origin": np.array(list(origins), dtype=object)[generator.integers(0, len(origins), n)],
        }
    )


def judged(training: pd.DataFrame, live: pd.DataFrame, **more: object) -> GateResult:
    asked = {"columns": COLUMNS, "importance": IMPORTANCE, "live_label": "deployment:delay", **more}
    return live_drift(training, live, LiveDriftRules(), **asked)  # pyright: ignore[reportArgumentType] - by name


def test_rows_like_those_of_the_training_pass() -> None:
    found = judged(rows(0, 3000), rows(1, 3000))
    assert found.outcome == "passed"
    assert found.value == 0.0
    assert found.evidence["compared"] == 3


def test_drift_counts_by_what_the_model_leans_on() -> None:
    important = judged(rows(0, 3000), rows(1, 3000, later=25.0))
    assert important.outcome == "failed"
    assert important.value is not None
    assert abs(important.value - 0.75) < 1e-9
    assert "delay: median" in important.words
    beside = judged(rows(0, 3000), rows(1, 3000, origins="EJ"))
    assert beside.outcome == "passed"
    assert beside.evidence["drifted"] == ["origin"]
    without = judged(rows(0, 3000), rows(1, 3000, origins="EJ"), importance=[])
    assert without.outcome == "failed"
    assert "of the columns" in without.words


def test_too_little_is_said_to_be_too_little() -> None:
    assert judged(rows(0, 500), rows(1, 0)).outcome == "not comparable"
    assert judged(rows(0, 500), rows(1, 60)).outcome == "cannot tell"
    unsure = judged(rows(0, 300), rows(1, 120))
    assert unsure.outcome == "cannot tell"
    assert unsure.high is not None
    assert unsure.high > 0.3
    other = rows(1, 300).rename(columns=str.upper)
    assert "no column in common" in judged(rows(0, 300), other).words


def test_a_shift_that_days_have_anyway_is_no_drift() -> None:
    """Every day has a level of its own: with rows taken as independent, another day looks like another world."""
    flagged = {"day": 0, "row": 0}
    for seed in range(6):
        generator = np.random.default_rng(seed)
        days = [np.repeat(np.arange(count), 100) for count in (60, 10)]
        frames = [rows(seed * 2 + side, len(day)) for side, day in enumerate(days)]
        for frame, day in zip(frames, days, strict=True):
            frame["delay"] += generator.normal(0, 12, day.max() + 1)[day]
        by_day = judged(frames[0], frames[1], training_days=days[0], live_days=days[1])
        by_row = judged(frames[0], frames[1])
        flagged["day"] += "delay" in by_day.evidence["drifted"]
        flagged["row"] += "delay" in by_row.evidence["drifted"]
    assert flagged["day"] == 0
    assert flagged["row"] >= 3


def test_what_changed_in_a_hidden_column_is_not_said() -> None:
    found = judged(rows(0, 3000), rows(1, 3000, origins="EZ"), hidden={"origin"}, importance=[])
    assert "origin" in found.evidence["drifted"]
    assert "Z " not in found.words
    assert "origin:" not in found.words


def test_numbers_that_are_served_as_text_are_numbers() -> None:
    live = rows(1, 2000)
    live["distance"] = live["distance"].astype(str).astype(object)
    assert judged(rows(0, 2000), live).outcome == "passed"
