"""Drift runs on small tables, from files to the report."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlsteward.drift.words import unsure_words
from mlsteward.errors import InvalidArgument, UnusableData
from tests.drift_tables import days_that_differ, hours, run_drift

DAYS, PER_DAY = 67, 40


def table(seed: int, rows: int = 2000, shift: float = 0.0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "delay": random.normal(10 + shift * 5, 5, rows),
        "stops": random.poisson(2, rows),
        "carrier": random.choice(["UA", "AA", "DL"], rows, p=[0.5, 0.3, 0.2]).astype(object),
    }


def test_two_samples_of_one_distribution_are_stable(tmp_path: Path) -> None:
    report = run_drift(tmp_path, table(1), table(2))
    assert report.verdict == "stable"
    assert {column.verdict for column in report.columns} == {"stable"}
    assert report.sentence.startswith("Stable: no drift in 3 columns")
    assert "independent rows" in report.assumption


def test_a_shifted_column_is_named_with_what_it_was_and_is(tmp_path: Path) -> None:
    report = run_drift(tmp_path, table(1), table(2, shift=0.5))
    assert report.verdict == "drift"
    assert [column.column for column in report.columns if column.verdict == "drift"] == ["delay"]
    assert "`delay` (median 9." in report.sentence and "→ 12." in report.sentence


def test_small_samples_say_that_there_is_not_enough_data(tmp_path: Path) -> None:
    report = run_drift(tmp_path, table(1, 200), table(2, 200))
    assert report.verdict == "not enough data"
    smallest = report.columns[0].main.smallest
    assert smallest is not None and smallest > 0.2


def test_new_nulls_are_drift(tmp_path: Path) -> None:
    after = table(2)
    after["delay"][:200] = np.nan
    (first, *_) = run_drift(tmp_path, table(1), after).columns
    assert (first.column, first.verdict, first.main.kind) == ("delay", "drift", "nulls")
    assert first.main.change == "missing 0 % → 10 %"


def test_values_that_are_not_finite_count_as_missing(tmp_path: Path) -> None:
    after = table(2)
    after["delay"][:100] = np.inf
    (first, *_) = run_drift(tmp_path, table(1), after).columns
    assert (first.column, first.main.kind) == ("delay", "nulls")


def test_values_out_of_range_and_unseen_categories_are_drift(tmp_path: Path) -> None:
    after = table(2)
    after["delay"][:60] = 900.0
    after["carrier"][:60] = "ZZ"
    changes = {
        column.column: [column.main.change, *column.also] for column in run_drift(tmp_path, table(1), after).columns
    }
    assert any("outside" in change for change in changes["delay"])
    assert any("ZZ" in change for change in changes["carrier"])


def test_two_windows_of_one_table_are_compared_in_one_call(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    values = days_that_differ(random, DAYS, PER_DAY, 0.1)
    values[-7 * PER_DAY :] += 0.8
    frame = {"at": hours(DAYS, PER_DAY), "score": values, "noise": random.normal(size=DAYS * PER_DAY)}
    report = run_drift(tmp_path, frame, time_column="at", since="2024-03-01")
    assert report.verdict == "drift"
    assert [column.column for column in report.columns if column.verdict == "drift"] == ["score"]
    assert (report.reference_rows, report.current_rows) == (60 * PER_DAY, 7 * PER_DAY)
    assert "rows of one day stay together (60 blocks against 7)" in report.assumption


def test_days_that_differ_among_themselves_raise_no_alarm(tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    frame = {"at": hours(DAYS, PER_DAY), "score": days_that_differ(random, DAYS, PER_DAY, 0.5)}
    (column,) = run_drift(tmp_path, frame, time_column="at", since="2024-03-01").columns
    assert column.verdict != "drift"
    assert column.main.gate is not None and column.main.gate > 0.1


def test_groups_stay_together(tmp_path: Path) -> None:
    random = np.random.default_rng(4)

    def visits(start: int) -> dict[str, np.ndarray]:
        customers = np.repeat(np.arange(start, start + 40), 50)
        return {"customer": customers, "spent": np.repeat(random.normal(size=40), 50) + 0.1 * random.normal(size=2000)}

    before, after = visits(0), visits(100)
    by_group = run_drift(tmp_path, before, after, group="customer")
    assert by_group.verdict != "drift"
    assert "rows of one group stay together" in by_group.assumption


def test_a_stretch_of_time_is_checked_window_by_window(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    values = random.normal(size=DAYS * PER_DAY)
    times = hours(DAYS, PER_DAY)
    values[(times >= pd.Timestamp("2024-02-19")) & (times < pd.Timestamp("2024-02-26"))] += 1
    report = run_drift(tmp_path, {"at": times, "score": values}, time_column="at", since="2024-02-12", by="week")
    assert [window.window for window in report.windows] == ["2024-02-12", "2024-02-19", "2024-02-26", "2024-03-04"]
    assert [window.window for window in report.windows if window.verdict == "drift"] == ["2024-02-19"]
    assert "in 2024-02-19" in report.sentence


def test_the_values_of_a_column_can_be_the_windows(tmp_path: Path) -> None:
    after = table(2)
    after["delay"][after["carrier"] == "DL"] += 20
    report = run_drift(tmp_path, table(1), after, by="carrier")
    assert {window.window: window.verdict for window in report.windows}["DL"] == "drift"


def regions(seed: int, days: int, per_day: int) -> dict[str, np.ndarray | pd.DatetimeIndex]:
    random = np.random.default_rng(seed)
    rows = days * per_day
    return {
        "at": hours(days, per_day),
        "region": np.asarray(["north", "south"] * (rows // 2), dtype=object),
        "score": random.normal(size=rows),
    }


def test_a_slice_is_compared_with_the_same_slice_of_the_reference(tmp_path: Path) -> None:
    before, after = regions(1, 40, 60), regions(2, 40, 60)
    for frame in (before, after):
        frame["score"] = np.where(frame["region"] == "south", frame["score"] + 5, frame["score"])
    report = run_drift(tmp_path, before, after, time_column="at", by="region")
    assert {window.window: window.verdict for window in report.windows} == {"north": "stable", "south": "stable"}
    after["score"] = np.where(after["region"] == "south", after["score"] + 2, after["score"])
    report = run_drift(tmp_path, before, after, time_column="at", by="region")
    assert {window.window: window.drifted for window in report.windows} == {"north": [], "south": ["score"]}


def test_the_volume_of_a_slice_is_not_that_of_a_whole_table(tmp_path: Path) -> None:
    before, after = regions(1, 40, 60), regions(2, 40, 60)
    del before["region"]
    report = run_drift(tmp_path, before, after, time_column="at", by="region")
    assert report.table == []
    assert {window.verdict for window in report.windows} == {"stable"}


def test_a_window_says_which_slice_has_fewer_rows(tmp_path: Path) -> None:
    before, after = regions(1, 40, 60), regions(2, 40, 60)
    kept = (after["region"] == "north") | (np.arange(2400) % 6 == 1)
    report = run_drift(
        tmp_path, before, {name: values[kept] for name, values in after.items()}, time_column="at", by="region"
    )
    assert {window.window: window.drifted for window in report.windows} == {
        "north": [],
        "south": ["rows per block 30 → 10"],
    }
    assert "rows per block 30 → 10 in south" in report.sentence


def test_a_value_that_the_reference_lacks_says_so(tmp_path: Path) -> None:
    before, after = table(1), table(2)
    after["carrier"][:500] = "ZZ"
    report = run_drift(tmp_path, before, after, by="carrier")
    (window,) = (window for window in report.windows if window.window == "ZZ")
    assert (window.verdict, window.why) == ("not enough data", "the reference has no such rows")
    before["carrier"][:] = "YY"
    with pytest.raises(UnusableData, match="before@1 has no rows with any value that `carrier` has in after@1"):
        run_drift(tmp_path, before, after, by="carrier")


def test_a_window_of_few_rows_says_how_many(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    times = hours(57, 40)[: 56 * 40 + 12]
    frame = {"at": times, "score": random.normal(size=len(times))}
    report = run_drift(tmp_path, frame, time_column="at", since="2024-02-12", by="week")
    last = report.windows[-1]
    assert (last.rows, last.verdict, last.why) == (12, "not enough data", "12 rows in 1 day")
    assert unsure_words(report).endswith("2024-02-26 (12 rows in 1 day)")


def test_rows_of_one_block_are_too_few_in_words(tmp_path: Path) -> None:
    customers = np.repeat(np.arange(40), 50)
    before = {"customer": customers, "spent": np.random.default_rng(4).normal(size=2000)}
    after = {"customer": np.zeros(12, dtype=int), "spent": before["spent"][:12]}
    (column,) = run_drift(tmp_path, before, after, group="customer").columns
    assert column.main.why == "not enough data: all current rows (12) are of one group"


def test_a_correlation_that_flips_is_seen_by_all_columns_together_only(tmp_path: Path) -> None:
    random = np.random.default_rng(8)

    def pair(sign: float) -> dict[str, np.ndarray]:
        first = random.normal(size=2000)
        return {"x": first, "y": sign * 0.9 * first + 0.44 * random.normal(size=2000)}

    before, after = pair(1), pair(-1)
    assert run_drift(tmp_path, before, after).verdict == "stable"
    report = run_drift(tmp_path, before, after, multivariate=True)
    assert report.verdict == "drift"
    (joint,) = report.table
    assert joint.effect is not None and joint.effect > 0.8
    assert "a classifier tells the rows apart, mostly by" in report.sentence


def test_the_classifier_stays_quiet_when_nothing_changed(tmp_path: Path) -> None:
    report = run_drift(tmp_path, table(1), table(2), multivariate=True)
    assert report.verdict == "stable"
    assert [found.kind for found in report.table] == ["joint distribution"]


def test_columns_that_a_model_uses_most_come_first(tmp_path: Path) -> None:
    after = table(2, shift=1.0)
    after["stops"] = after["stops"] + 1
    report = run_drift(tmp_path, table(1), after, importance={"stops": 0.3, "delay": 0.001})
    assert [column.column for column in report.columns[:2]] == ["stops", "delay"]


def test_a_drop_in_rows_per_day_is_drift(tmp_path: Path) -> None:
    times = hours(DAYS, PER_DAY)
    kept = (times < pd.Timestamp("2024-03-01")) | (np.arange(len(times)) % 3 == 0)
    frame = {"at": times[kept], "score": np.random.default_rng(9).normal(size=int(kept.sum()))}
    report = run_drift(tmp_path, frame, time_column="at", since="2024-03-01")
    assert [found.kind for found in report.table if found.drift] == ["row volume"]
    assert "rows per block 40 → 13" in report.sentence


def test_the_run_leaves_a_picture_and_a_page(tmp_path: Path) -> None:
    report = run_drift(tmp_path, table(1), table(2, shift=0.5))
    assert (tmp_path / "artifacts" / report.plot).read_bytes().startswith(b"\x89PNG")
    assert "| delay | drift |" in (tmp_path / "artifacts" / "drift.md").read_text()


def test_a_time_that_leaves_no_rows_is_refused(tmp_path: Path) -> None:
    frame = {"at": hours(10, 20), "score": np.arange(200.0)}
    with pytest.raises(UnusableData, match=r"Nothing is left of before@1 \(rows from 2030-01-01\)"):
        run_drift(tmp_path, frame, time_column="at", since="2030-01-01")
    with pytest.raises(InvalidArgument, match="is no time"):
        run_drift(tmp_path, frame, time_column="at", since="yesterday-ish")


def test_times_written_as_text_are_read(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    frame = {"at": hours(DAYS, PER_DAY).strftime("%Y-%m-%d %H:%M:%S").to_numpy(dtype=object)}
    frame["score"] = random.normal(size=DAYS * PER_DAY)
    report = run_drift(tmp_path, frame, time_column="at", time_is_text=True, since="7 days")
    assert report.current_rows == 7 * PER_DAY + 1


def test_an_empty_column_and_one_of_nulls_do_no_harm(tmp_path: Path) -> None:
    before, after = table(1), table(2)
    before["void"] = after["void"] = np.full(2000, np.nan)
    after["carrier"] = np.full(2000, None, dtype=object)
    before["fixed"] = after["fixed"] = np.ones(2000)
    report = run_drift(tmp_path, before, after)
    verdicts = {column.column: column.verdict for column in report.columns}
    assert verdicts["void"] == "not enough data"
    assert verdicts["carrier"] == "drift"
    assert verdicts["fixed"] == "stable"
