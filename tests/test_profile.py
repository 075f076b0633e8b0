"""Profiles of tables, against numbers worked out another way."""

import math
import statistics

import pytest

from mlsteward.data.engine import connect
from mlsteward.data.profile import TableProfile, moment, profile_table, type_family
from mlsteward.errors import NotFound


def profile(sql: str) -> TableProfile:
    with connect(threads=2) as connection:
        return profile_table(connection, f"({sql})")


def test_numbers_are_described() -> None:
    column = profile("SELECT CASE WHEN i < 10 THEN NULL ELSE i END AS x FROM range(1010) r(i)").column("x")
    values = list(range(10, 1010))
    assert (column.rows, column.nulls, column.distinct, column.distinct_exact) == (1010, 10, 1000, True)
    assert (column.minimum, column.maximum) == (10.0, 1009.0)
    assert column.mean == pytest.approx(statistics.mean(values))
    assert column.sd == pytest.approx(statistics.stdev(values))
    assert column.quantiles["0.5"] == pytest.approx(statistics.median(values))
    assert sum(bar.count for bar in column.histogram) == 1000
    assert (column.histogram[0].low, column.histogram[-1].high) == (10.0, 1009.0)


def test_texts_times_and_booleans_are_described() -> None:
    found = profile(
        "SELECT ['a', 'b', 'b', NULL][i % 4 + 1] AS t, TIMESTAMP '2024-01-01' + to_hours(i::INT) AS at, i % 2 = 0 AS b"
        " FROM range(400) r(i)"
    )
    text, time, boolean = found.columns
    assert [(top.value, top.count) for top in text.top] == [("b", 200), ("a", 100)]
    assert (time.minimum, time.maximum) == ("2024-01-01 00:00:00", "2024-01-17 15:00:00")
    assert time.quantiles["0.5"] == pytest.approx(1704067200 + 199.5 * 3600)
    assert boolean.mean == 0.5


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("7", "constant"),
        ("NULL::INTEGER", "empty"),
        ("CASE WHEN i < 10 THEN i END", "mostly null: 90% missing"),
        ("i", "id-like"),
        ("'k' || i", "id-like"),
        ("CASE WHEN i = 3 THEN 1 ELSE 0 END", ""),
        ("CASE WHEN i % 10 = 0 THEN 'x' ELSE (i % 9)::VARCHAR END", "mixed types: 90.0% are numbers"),
        ("(i % 9)::VARCHAR", "numbers as text"),
        ("' a' || (i % 3)", "spaces around 100 values"),
        ("repeat('x', 20000) || (i % 3)", "very long texts"),
    ],
)
def test_what_a_careful_reader_would_say_is_warned_about(expression: str, words: str) -> None:
    warnings = profile(f"SELECT {expression} AS x FROM range(100) r(i)").column("x").warnings
    assert (words in " ".join(warnings)) if words else warnings == []


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_a_few_rows_are_not_called_constant(rows: int) -> None:
    assert profile(f"SELECT 'west' AS x FROM range({rows})").column("x").warnings == []


def test_numbers_that_are_not_finite_count_as_nulls() -> None:
    column = profile("SELECT unnest(['nan'::DOUBLE, 'inf'::DOUBLE, 1.0, 3.0]) AS x").column("x")
    assert (column.nulls, column.mean, column.maximum) == (2, 2.0, 3.0)


def test_huge_numbers_do_not_overflow() -> None:
    column = profile("SELECT unnest([1e300, 1.0, 2.0]) AS x").column("x")
    assert column.mean is not None
    assert math.isfinite(column.mean)


def test_names_may_hold_quotes_and_spaces() -> None:
    assert profile("""SELECT 1 AS "a ""b'" """).columns[0].name == "a \"b'"


def test_a_moment_is_written_as_a_time_however_far_away() -> None:
    assert moment(86_400 * 365 + 3600.4) == "1971-01-01 01:00:00"
    assert moment(-1) == "1969-12-31 23:59:59"
    assert moment(9e12) == "9e+12 s after 1970"


def test_a_column_is_found_in_any_case_or_refused_with_what_was_close() -> None:
    found = profile("SELECT 1 AS dep_delay")
    assert found.column("DEP_DELAY").name == "dep_delay"
    with pytest.raises(NotFound) as caught:
        found.column("dep_dely")
    assert caught.value.close == ("dep_delay",)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("DECIMAL(9,2)", "number"),
        ("UBIGINT", "number"),
        ("VARCHAR", "text"),
        ("TIMESTAMP WITH TIME ZONE", "time"),
        ("TIME", "other"),
        ("INTEGER[]", "other"),
        ("BOOLEAN", "boolean"),
    ],
)
def test_types_have_families(kind: str, family: str) -> None:
    assert type_family(kind) == family
