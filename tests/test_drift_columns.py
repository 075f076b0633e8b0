"""Which columns are compared, and as what."""

from collections.abc import Sequence

import pytest

from mlsteward.data.profile import ColumnProfile, TableProfile, type_family
from mlsteward.data.snapshot import Column
from mlsteward.drift.columns import Plan, Table, is_calendar, is_identifier, plan_columns
from mlsteward.errors import NotFound


def profile(name: str, type_: str = "BIGINT", *, distinct: int = 40, low: float = 0, high: float = 90) -> ColumnProfile:
    family = type_family(type_)
    ends = (low, high) if family == "number" else (None, None)
    return ColumnProfile(
        name=name, type=type_, family=family, rows=1000, distinct=distinct, minimum=ends[0], maximum=ends[1]
    )


def table(label: str, profiles: Sequence[ColumnProfile]) -> Table:
    columns = [Column(name=column.name, type=column.type) for column in profiles]
    return Table(label, columns, TableProfile(rows=1000, columns=list(profiles)))


FLIGHTS = [
    profile("flight_id", distinct=1000, low=1, high=1000),
    profile("year", distinct=1, low=2013, high=2013),
    profile("month", distinct=12, low=1, high=12),
    profile("time_hour", "TIMESTAMP"),
    profile("dep_delay", "DOUBLE"),
    profile("carrier", "VARCHAR", distinct=16),
    profile("tailnum", "VARCHAR", distinct=990),
    profile("late", "BOOLEAN", distinct=2),
]


def plan(current: Sequence[ColumnProfile] = FLIGHTS, **arguments: object) -> Plan:
    roles = arguments.pop("roles", {})
    return plan_columns(table("flights@1", FLIGHTS), table("flights@2", current), roles, **arguments)  # pyright: ignore[reportArgumentType] - passed on as they come


def test_identifiers_calendar_columns_and_times_are_left_out_with_the_reason() -> None:
    found = plan()
    assert [column.name for column in found.columns] == ["dep_delay", "carrier", "late"]
    assert found.left_out == {
        "flight_id": "an identifier",
        "year": "a part of the calendar",
        "month": "a part of the calendar",
        "time_hour": "a time",
        "tailnum": "an identifier",
    }


def test_the_dictionary_says_what_a_column_is() -> None:
    found = plan(roles={"dep_delay": "ignore", "carrier": "key", "late": "target"})
    assert found.left_out["dep_delay"] == "ignored by the dictionary"
    assert found.left_out["carrier"] == "an identifier"
    assert [(column.name, column.outcome) for column in found.columns] == [("late", True)]


def test_a_column_that_was_asked_for_is_compared_whatever_it_is() -> None:
    found = plan(asked=["Month", "carrier"])
    assert [column.name for column in found.columns] == ["month", "carrier"]
    assert not found.left_out


def test_a_column_that_is_not_there_is_refused_with_what_was_close() -> None:
    with pytest.raises(NotFound, match="Did you mean `dep_delay`"):
        plan(asked=["dep_dela"])


def test_with_a_model_only_its_columns_count() -> None:
    found = plan(features=["carrier"], target="late")
    assert [column.name for column in found.columns] == ["carrier", "late"]
    assert found.left_out["dep_delay"] == "not used by the model"


def test_a_missing_column_and_a_changed_type_are_changes_of_the_schema() -> None:
    found = plan([profile("dep_delay", "VARCHAR"), profile("late", "BOOLEAN"), profile("gate", "VARCHAR")])
    changes = {finding.column: finding.change for finding in found.schema}
    assert changes["dep_delay"] == "type DOUBLE → VARCHAR"
    assert changes["carrier"] == "no longer there (it is in flights@1)"
    assert all(finding.drift for finding in found.schema)
    assert found.left_out["gate"] == "not in flights@1"


def test_a_target_that_is_not_known_yet_is_no_change_of_the_schema() -> None:
    found = plan([column for column in FLIGHTS if column.name != "late"], target="late")
    assert not found.schema
    assert found.left_out["late"] == "not in flights@2"


def test_calendar_columns_are_told_by_name_and_values() -> None:
    assert is_calendar(profile("dep_hour", low=0, high=23))
    assert not is_calendar(profile("hour", low=0, high=5000))
    assert not is_calendar(profile("delay", low=0, high=12))


def test_identifiers_are_told_by_name_or_by_values_that_count_up() -> None:
    assert is_identifier(profile("customer_id", distinct=600))
    assert is_identifier(profile("no", distinct=1000, low=1, high=1000))
    assert not is_identifier(profile("price", distinct=990, low=1, high=90_000))
    assert not is_identifier(profile("height", "DOUBLE", distinct=1000))


def test_numbers_with_two_values_and_codes_are_categories() -> None:
    current = [profile("flag", distinct=2, high=1), profile("zone", distinct=30), profile("stops", distinct=5)]
    tables = table("a@1", current), table("a@2", current)
    found = plan_columns(*tables, {"zone": "category"})
    assert {column.name: column.kind for column in found.columns} == {
        "flag": "category",
        "zone": "category",
        "stops": "number",
    }
