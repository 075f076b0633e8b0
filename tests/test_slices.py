"""The search for bad slices finds the planted one and keeps quiet about noise."""

import numpy as np
import pandas as pd
import pytest

from mlsteward.data.engine import connect
from mlsteward.evaluation.columns import cut
from mlsteward.evaluation.predictions import Predictions
from mlsteward.evaluation.slices import SliceSearch, find_slices, row_losses


def table(seed: int, n: int = 4000) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{k}": generator.normal(size=n) for k in range(6)})
    frame["carrier"] = np.array(["AA", "UA", "DL", "B6"], dtype=object)[generator.integers(0, 4, n)]
    frame["origin"] = np.array(["EWR", "JFK"], dtype=object)[generator.integers(0, 2, n)]
    return frame


def search(frame: pd.DataFrame, losses: np.ndarray, units: np.ndarray | None = None) -> SliceSearch:
    with connect(threads=1) as connection:
        return find_slices(connection, [cut(frame, str(name)) for name in frame.columns], losses, units=units)


def test_a_planted_slice_of_two_columns_is_found_with_its_gain() -> None:
    frame = table(0)
    bad = ((frame["carrier"] == "UA") & (frame["origin"] == "JFK")).to_numpy()
    losses = np.random.default_rng(1).exponential(0.3, len(frame)) + 0.4 * bad
    found = search(frame, losses)
    assert sorted(found.found[0].conditions) == ["carrier = UA", "origin = JFK"]
    assert found.found[0].rows == bad.sum()
    assert found.found[0].gain == pytest.approx(0.2, abs=0.05)
    assert found.found[0].low < 0.7 < found.found[0].high
    assert found.searched > 500


def test_a_planted_range_of_one_column_is_found_before_its_pairs() -> None:
    frame = table(2)
    losses = np.random.default_rng(3).exponential(0.3, len(frame)) + 0.3 * (frame["x2"] > 1).to_numpy()
    found = search(frame, losses)
    assert len(found.found[0].conditions) == 1
    assert found.found[0].conditions[0].startswith("x2 ≥ ")


def test_noise_is_seldom_reported() -> None:
    alarms = sum(
        bool(search(table(seed, 1000), np.random.default_rng(seed + 100).exponential(0.3, 1000)).found)
        for seed in range(8)
    )
    assert alarms <= 2


def test_a_bad_day_is_no_bad_slice() -> None:
    frame = table(4, 3000)
    generator = np.random.default_rng(5)
    day = np.repeat(np.arange(30), 100)
    frame["airport"] = np.where(day % 3 == 0, "A", "B").astype(object)
    losses = generator.exponential(0.3, 3000) + 0.5 * generator.exponential(1.0, 30)[day]
    assert not [one for one in search(frame, losses, units=day).found if "airport" in " ".join(one.conditions)]


def test_small_slices_are_left_alone() -> None:
    frame = table(6, 2000)
    frame["rare"] = np.where(np.arange(2000) < 25, "odd", "usual").astype(object)
    losses = np.where(np.arange(2000) < 25, 5.0, 0.1) + np.random.default_rng(0).random(2000) * 0.01
    assert not [one for one in search(frame, losses).found if any("odd" in text for text in one.conditions)]


def test_a_column_is_cut_into_named_parts() -> None:
    frame = pd.DataFrame(
        {
            "delay": [*np.arange(99.0), np.nan],
            "when": pd.date_range("2026-01-01", periods=100, freq="D"),
            "late": pd.Series([True, False, None, True] * 25, dtype=object),
            "stops": [0.0, 1.0] * 50,
            "same": [7.0] * 100,
        }
    )
    assert cut(frame, "delay").names == [
        "delay < 19",
        "19 ≤ delay < 39",
        "39 ≤ delay < 58",
        "58 ≤ delay < 78",
        "delay ≥ 78",
        "delay missing",
    ]
    assert np.bincount(cut(frame, "delay").of_row).tolist() == [19, 20, 19, 20, 21, 1]
    assert cut(frame, "when").names[0] == "when < 2026-01-20"
    assert cut(frame, "late").names == ["late = True", "late = False", "late missing"]
    assert cut(frame, "stops").names == ["stops = 0", "stops = 1"]
    assert cut(frame, "same").names == ["same = 7"]


def test_losses_fit_the_task() -> None:
    truth = np.array(["no", "yes"], dtype=object)
    scored = Predictions(truth, np.array([[0.5, 0.5], [1.0, 0.0]]), ["no", "yes"])
    losses, name = row_losses("binary", truth, scored)
    assert name == "log loss"
    assert losses.tolist() == pytest.approx([np.log(2), -np.log(1e-6)])
    assert row_losses("binary", truth, Predictions(truth[::-1], None, ["no", "yes"]))[0].tolist() == [1, 1]
    assert row_losses("regression", np.array([1.0]), Predictions(np.array([3.0])))[0].tolist() == [2.0]
