"""Which rows are held out, and which belong together."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsteward.data.engine import connect
from mlsteward.data.frames import column_of, read_columns, read_frame
from mlsteward.data.rows import hash_expression, share_expression
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.training.options import SplitChoice, TrainOptions, choose_split
from mlsteward.training.signature import ColumnHint
from mlsteward.training.split import assign_folds, check_classes, split_by_hash, split_by_time
from tests.training_samples import orders, write_table


def hashes(sql: str, columns: list[Column], salt: str = "") -> list[int]:
    with connect(threads=1) as connection:
        return [
            row[0] for row in connection.execute(f"SELECT {hash_expression(columns, salt)} FROM ({sql})").fetchall()
        ]


def test_the_hash_of_a_row_never_changes():
    columns = [Column(name="a", type="INTEGER"), Column(name="b", type="VARCHAR")]
    # md5("s" US "3" US "x"), first 16 hexadecimal digits: other software can compute it too.
    assert hashes("SELECT 3 AS a, 'x' AS b", columns, "s") == [0x9F17F615746E1DCC]


def test_the_hash_does_not_depend_on_how_a_value_is_typed():
    found = {
        hashes(f"SELECT {value} AS a", [Column(name="a", type=type)])[0]
        for value, type in (("3", "INTEGER"), ("3.0::DOUBLE", "DOUBLE"), ("3.00::DECIMAL(5,2)", "DECIMAL(5,2)"))
    }
    assert len(found) == 1
    days = [("DATE '2024-01-02'", "DATE"), ("TIMESTAMP '2024-01-02 00:00:00'", "TIMESTAMP")]
    assert len({hashes(f"SELECT {value} AS a", [Column(name="a", type=type)])[0] for value, type in days}) == 1


def test_a_missing_value_hashes_unlike_an_empty_one_and_the_salt_counts():
    column = [Column(name="a", type="VARCHAR")]
    assert len({*hashes("SELECT NULL AS a", column), *hashes("SELECT '' AS a", column)}) == 2
    assert hashes("SELECT 'x' AS a", column, "one") != hashes("SELECT 'x' AS a", column, "two")


def test_a_row_held_out_stays_held_out_when_rows_are_added(tmp_path: Path):
    frame = orders(500)
    held_out: list[set[int]] = []
    for rows in (400, 500):
        path = write_table(frame.iloc[:rows], tmp_path)
        key = [column for column in read_columns(path) if column.name == "order_id"]
        read = read_frame(path, key, expressions={"share": share_expression(key, "orders/large")})
        held_out.append(set(read.loc[read["share"] < 0.2, "order_id"]))
    assert held_out[0] == {number for number in held_out[1] if number < 400}
    assert 60 <= len(held_out[0]) <= 100


def test_rows_come_back_as_they_stand_in_the_file(tmp_path: Path):
    frame = orders(50)
    path = write_table(frame, tmp_path)
    read = read_frame(path, read_columns(path))
    assert int(column_of(read, "size").isna().sum()) == int(column_of(frame, "size").isna().sum())
    assert column_of(read, "plan").dtype == object
    assert next(iter(column_of(read, "plan"))) is None
    assert read["express"].tolist() == frame["express"].tolist()
    assert (read["ordered"].to_numpy() == frame["ordered"].to_numpy().astype("datetime64[us]")).all()


HINTS = {
    "order_id": ColumnHint(role="key", distinct=1000),
    "customer": ColumnHint(role="key", distinct=200),
    "ordered": ColumnHint(role="event_time", distinct=900),
    "size": ColumnHint(distinct=800),
}


def choice(*names: str, **options: Any) -> SplitChoice:
    return choose_split(TrainOptions(target="large", **options), {name: HINTS[name] for name in names}, 1000)


def test_auto_goes_by_time_then_by_group_then_by_row():
    assert (choice("order_id", "customer", "ordered").kind, choice("ordered", "size").column) == ("time", "ordered")
    assert (choice("order_id", "customer").kind, choice("order_id", "customer").column) == ("group", "customer")
    row = choice("order_id", "size")
    assert (row.kind, row.identity) == ("row", ["order_id"])
    assert choice("size").identity == ["size"]


def test_a_column_given_decides():
    assert choice("ordered", "customer", group_column="customer").column == "customer"
    assert choice("ordered", "customer", split="row").kind == "row"
    with pytest.raises(InvalidArgument, match="time_column"):
        choice("size", split="time")


def test_the_newest_rows_test_and_no_day_is_cut():
    frame = orders(2000)
    plan = split_by_time(column_of(frame, "ordered"), test_size=0.2, column="ordered")
    ordered = frame["ordered"].to_numpy()
    assert ordered[plan.test].min() > ordered[~plan.test].max()
    days = frame["ordered"].dt.date
    assert not set(days[plan.test]) & set(days[~plan.test])
    assert plan.unit == "day"
    assert 0.17 < plan.test.mean() < 0.23
    assert "`ordered`" in plan.words


def test_few_days_are_cut_into_blocks_and_rows_without_a_time_train():
    times = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(600) * 2, unit="s"))
    times[5] = pd.NaT
    plan = split_by_time(times, test_size=0.2, column="at")
    assert plan.unit == "block"
    assert len(np.unique(plan.units[plan.test])) >= 8
    assert not plan.test[5]
    assert "train only" in plan.notes[0]


def test_a_group_is_on_one_side_and_in_one_fold():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 60, 900).astype(np.uint64)
    share = generator.random(60)[groups.astype(int)]
    plan = split_by_hash(share, groups, test_size=0.2, kind="group", column="customer", words="by group")
    assert not set(groups[plan.test]) & set(groups[~plan.test])
    folds = assign_folds(plan, None, folds=5, seed=0)
    assert all(len(set(folds[groups[~plan.test] == group])) == 1 for group in set(groups[~plan.test]))
    assert set(folds) == {0, 1, 2, 3, 4}


def test_training_rows_of_one_instant_or_group_are_cross_validated_row_by_row_and_it_says_so():
    months = pd.Series(np.repeat(pd.to_datetime(["2024-01-01", "2024-02-01"]), 100))
    one_group = (np.repeat([0.9, 0.1], 100), np.repeat([0, 1], 100).astype(np.uint64))
    for plan in (
        split_by_time(months, test_size=0.2, column="month"),
        split_by_hash(*one_group, test_size=0.2, kind="group", column="shop", words="by group"),
    ):
        assert np.bincount(assign_folds(plan, None, folds=5, seed=0)).tolist() == [20] * 5
        assert "cross-validated row by row" in plan.notes[0]
    assert "test, 1 block" in split_by_time(months, test_size=0.2, column="month").words


def test_folds_hold_the_classes_alike_and_follow_the_seed():
    share, identity = np.linspace(0, 1, 1000, endpoint=False), np.arange(1000).astype(np.uint64)
    plan = split_by_hash(share, identity, test_size=0.2, kind="row", column="", words="by row")
    codes = (np.arange(800) % 20 == 0).astype(np.int64)
    folds = assign_folds(plan, codes, folds=5, seed=1)
    assert [int(codes[folds == fold].sum()) for fold in range(5)] == [8] * 5
    assert (folds == assign_folds(plan, codes, folds=5, seed=1)).all()
    assert (folds != assign_folds(plan, codes, folds=5, seed=2)).any()


def test_too_few_rows_on_a_side_are_refused():
    with pytest.raises(UnusableData, match="test_size"):
        split_by_hash(np.ones(40), np.arange(40).astype(np.uint64), test_size=0.2, kind="row", column="", words="")


def test_a_class_that_does_not_train_is_refused_and_one_that_does_not_test_is_noted():
    plan = split_by_hash(
        np.repeat([0.1, 0.9], [30, 70]),
        np.arange(100).astype(np.uint64),
        test_size=0.2,
        kind="row",
        column="",
        words="w",
    )
    with pytest.raises(UnusableData, match="hold no b"):
        check_classes(plan, np.repeat([1, 0], [30, 70]), ["a", "b"])
    assert "no b" in check_classes(plan, np.repeat([0, 1], [50, 50]), ["a", "b"])[0]
