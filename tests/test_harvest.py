"""Units and roles suggested from names and values."""

from datetime import datetime
from typing import Any

import pytest

from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.dictionary.roles import suggest_roles
from mlsteward.dictionary.units import suggest_unit
from tests.dictionary_samples import FLIGHTS, WORDS, column_profile, profile_of


def spread(low: float, high: float, count: int = 101) -> list[float]:
    return [low + (high - low) * step / (count - 1) for step in range(count)]


@pytest.mark.parametrize(
    ("name", "values", "description", "unit"),
    [
        ("dep_delay", list(range(-40, 900)), "", "minutes"),
        ("air_time", list(range(20, 696)), "", "minutes"),
        ("trip_miles", spread(0, 30), "", "miles"),
        ("distKm", spread(0, 30), "", "km"),
        ("sepal length (cm)", spread(4, 8), "", "cm"),
        ("temp", spread(11, 100), "", "degrees F"),
        ("temperature", spread(-12, 35), "", "degrees C"),
        ("price_usd", spread(1, 500), "", "USD"),
        ("price", spread(1, 500), "", "currency"),
        ("humid", spread(12, 100), "", "percent"),
        ("default_rate", spread(0, 1), "", "fraction"),
        ("lat", spread(-20, 70), "", "degrees"),
        ("wind_dir", list(range(0, 361, 10)), "", "degrees"),
        (
            "sched_dep_time",
            [hour * 100 + minute for hour in range(5, 24) for minute in (0, 15, 59)],
            "",
            "clock time (HHMM)",
        ),
        ("distance", spread(17, 4983), "Distance between airports, in miles.", "miles"),
        ("precip", spread(0, 1.2), "Precipitation, in inches.", "inches"),
        ("pressure", spread(980, 1040), "Sea level pressure in millibars", "hPa"),
        ("age", list(range(18, 91)), "", "years"),
    ],
)
def test_a_unit_is_suggested_from_name_values_and_description(
    name: str, values: list[float], description: str, unit: str
) -> None:
    assert suggest_unit(column_profile(name, values), description) == unit


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("distance", spread(17, 4983)),
        ("temp", spread(200, 900)),
        ("min", spread(0, 9)),
        ("time_in", spread(0, 9)),
        ("carrier", ["UA", "AA"]),
        ("day", list(range(1, 32))),
        ("score_f", spread(0, 1)),
    ],
)
def test_no_unit_is_suggested_where_nothing_tells_it(name: str, values: list[Any]) -> None:
    assert suggest_unit(column_profile(name, values)) == ""


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("customer_id", list(range(1000, 1200)), "key"),
        ("tailnum", [f"N{number}" for number in range(200)], "key"),
        ("region_id", [1, 2, 3, 4] * 50, "category"),
        ("churned", [0, 1] * 100, "target"),
        ("is_member", [0, 1] * 100, "category"),
        ("month", list(range(1, 13)) * 20, "category"),
        ("amount", spread(1, 900, 200), "measure"),
        ("carrier", ["UA", "AA"] * 100, "category"),
        ("comment", [f"the bag came {number} hours late" for number in range(200)], "text"),
        ("version", [3] * 200, "ignore"),
        ("nothing", [None] * 200, "ignore"),
        ("Unnamed: 0", list(range(200)), "ignore"),
        ("active", [True, False] * 100, "category"),
        ("ordered_at", [datetime(2024, 1, 1 + day % 28) for day in range(200)], "event_time"),
    ],
)
def test_a_role_is_suggested_from_name_and_values(name: str, values: list[Any], role: str) -> None:
    assert suggest_roles(profile_of({name: values}))[name] == role


def test_only_one_column_is_the_event_time_and_never_a_birthday() -> None:
    days = [datetime(2024, 1, 1 + day) for day in range(28)]
    roles = suggest_roles(profile_of({"birth_date": days, "loaded": days, "order_date": days}))
    assert roles == {"birth_date": "", "loaded": "", "order_date": "event_time"}


def test_every_table_and_column_gets_an_entry_with_what_its_source_says() -> None:
    entries = harvest_columns("flights", profile_of(FLIGHTS), WORDS, "Flights from New York")
    table, *columns = entries
    assert (table.asset, table.description, table.facts.rows) == ("dataset:flights", "Flights from New York", 40)
    assert [entry.column for entry in columns] == list(FLIGHTS)
    delay = columns[1]
    assert (delay.asset, delay.type, delay.unit, delay.role) == (
        "column:flights.dep_delay",
        "BIGINT",
        "minutes",
        "measure",
    )
    assert delay.facts.nulls == 1
    assert delay.harvested == ["description", "unit", "role"], "nothing of it is a person's"
