"""Checks proposed from profiles: what they let through, what is left out, and what they were derived from."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlsteward.contracts.basis import Basis, Seen
from mlsteward.contracts.held_out import propose_steady
from mlsteward.contracts.text import check_text
from mlsteward.contracts.values import count_values
from mlsteward.data.engine import connect
from mlsteward.dictionary.relationships import Relationship
from tests.contract_samples import Table, write_table
from tests.dictionary_samples import profile_of

START = datetime(2013, 1, 1, tzinfo=UTC)


def proposed(folder: Path, *tables: Table, **known: Any) -> tuple[dict[str, str], list[str]]:
    """The proposals from versions that came ten days apart, each with its reason, and what was left out."""
    versions: list[Seen] = []
    for number, table in enumerate(tables, start=1):
        file = folder / f"{number}.parquet"
        write_table(file, table)
        registered = START + timedelta(days=10 * number)
        versions.append(Seen(version=number, file=str(file), registered=registered, profile=profile_of(table)))
    basis = Basis(versions=versions, **known)
    with connect(memory_mb=256, threads=1) as connection:
        found, left_out = propose_steady(basis, count_values(connection, basis))
    return {check_text(one.check): one.why for one in found}, left_out


def repeated(values: Sequence[Any], rows: int) -> list[Any]:
    return [values[place % len(values)] for place in range(rows)]


def test_rows_may_double_after_one_version_and_less_after_many(tmp_path: Path) -> None:
    table = {"a": [1.5] * 100}
    assert "rows between 50 and 200 !warning" in proposed(tmp_path, table)[0]
    assert "rows between 66 and 150 !warning" in proposed(tmp_path, *[table] * 5)[0]


def test_a_share_of_nulls_gets_slack_that_follows_its_spread(tmp_path: Path) -> None:
    few, more = ({"a": [None] * nulls + [*range(100 - nulls)]} for nulls in (2, 8))
    assert "nulls(a) <= 4% !warning" in proposed(tmp_path, few)[0]
    found, _ = proposed(tmp_path, few, more)
    assert "nulls(a) <= 16% !warning" in found
    assert found["nulls(a) <= 16% !warning"] == "in 2 versions: 2 to 8%, with 8 points of slack"
    assert not any(text.startswith("nulls") for text in proposed(tmp_path, {"a": [None] * 95 + [1] * 5})[0])


def test_keys_hold_no_null_and_no_value_twice(tmp_path: Path) -> None:
    found, _ = proposed(tmp_path, {"id": [*range(100)]}, roles={"id": "key"})
    assert {"unique(id)", "nulls(id) = 0"} <= found.keys()


def test_what_other_datasets_point_to_is_a_key(tmp_path: Path) -> None:
    table = {"origin": repeated(["EWR", "JFK"], 40), "hour": [place // 2 for place in range(40)]}
    assert "unique(origin, hour)" in proposed(tmp_path, table, keys=[["origin", "hour"]])[0]


def test_values_are_listed_where_each_comes_often(tmp_path: Path) -> None:
    table = {"carrier": repeated(["UA", "AA"], 40), "tailnum": [f"N{place}" for place in range(40)]}
    found, _ = proposed(tmp_path, table)
    assert "carrier in (AA, UA) >= 99% !warning" in found
    assert not any(text.startswith("tailnum in") for text in found)
    assert "carrier in (AA, UA) !warning" in proposed(tmp_path, table, table, table)[0], "three versions alike"


def test_a_column_that_moves_on_gets_no_range(tmp_path: Path) -> None:
    tables = [{"month": [month] * 20 + [month + 1, month + 2], "delay": [*range(22)]} for month in (1, 5, 9)]
    found, _ = proposed(tmp_path, *tables)
    assert any(text.startswith("delay between 0 and") for text in found)
    assert not any(text.startswith("month") for text in found)


def test_what_would_have_failed_on_a_version_kept_out_is_left_out(tmp_path: Path) -> None:
    steady = {"a": [*range(100)], "b": [None, *range(99)]}
    jump = {"a": [*range(100)], "b": [None] * 60 + [*range(40)]}
    found, left_out = proposed(tmp_path, steady, steady, jump)
    assert not any(text.startswith("nulls(b)") for text in found)
    assert left_out == ["null_values(b): would have failed on version 3"]
    assert any(text.startswith("nulls(a)") for text in found)


def test_freshness_is_proposed_for_events_of_days_ago_and_not_of_years(tmp_path: Path) -> None:
    def events(newest: datetime) -> Table:
        return {"at": [newest.replace(tzinfo=None) - timedelta(hours=hour) for hour in range(30)]}

    recent = [events(START + timedelta(days=10 * number - 1)) for number in (1, 2)]
    assert "freshness(at) <= 30 days !warning" in proposed(tmp_path, *recent, roles={"at": "event_time"})[0]
    old = events(START - timedelta(days=900))
    assert not any("freshness" in text for text in proposed(tmp_path, old, roles={"at": "event_time"})[0])


def test_relationships_are_proposed_where_most_rows_are_found(tmp_path: Path) -> None:
    def pointing(coverage: float) -> Relationship:
        return Relationship(
            dataset="flights",
            columns=["dest"],
            to_dataset="airports",
            to_columns=["faa"],
            coverage=coverage,
            value_coverage=1,
            rows=10,
        )

    table = {"dest": ["IAH"] * 10}
    assert "dest -> airports.faa >= 92% !warning" in proposed(tmp_path, table, relationships=[pointing(0.96)])[0]
    assert not any("->" in text for text in proposed(tmp_path, table, relationships=[pointing(0.6)])[0])


def test_nothing_that_shows_values_is_proposed_for_masked_columns(tmp_path: Path) -> None:
    table = {"grade": repeated(["A", "B"], 40), "age": [*range(40)]}
    found, _ = proposed(tmp_path, table, masked=["grade", "age"])
    assert all(text.startswith(("rows", "nulls")) for text in found)
