"""Which columns point into other tables, and which only look as if they did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from mlsteward.data.engine import connect
from mlsteward.dictionary.relationships import Relationship, find_relationships
from tests.dictionary_samples import load


def found(tables: Mapping[str, Mapping[str, Sequence[Any]]]) -> dict[str, Relationship]:
    """Relationships that are found when the tables are registered in turn."""
    with connect(memory_mb=256, threads=1) as connection:
        loaded = [load(connection, name, table) for name, table in tables.items()]
        every = [
            one
            for position, table in enumerate(loaded)
            for one in find_relationships(connection, table, loaded[:position])
        ]
    return {one.words: one for one in every}


CODES = [f"{a}{b}{c}" for a in "ABCDE" for b in "FGHI" for c in "JK"]


def test_a_column_is_linked_to_the_unique_column_of_its_name_with_its_coverage() -> None:
    planes = {"tailnum": [f"N{number}" for number in range(80)]}
    flights = {"tailnum": [f"N{number % 100}" for number in range(1000)] + [None]}
    links = found({"planes": planes, "flights": flights})
    link = links["flights.tailnum → planes.tailnum"]
    assert list(links) == ["flights.tailnum → planes.tailnum"]
    assert link.rows == 1000
    assert link.coverage == pytest.approx(0.8)
    assert link.unmatched == ["N80", "N81", "N82"]


def test_the_order_of_registering_does_not_matter() -> None:
    planes = {"tailnum": [f"N{number}" for number in range(80)]}
    flights = {"tailnum": [f"N{number % 80}" for number in range(1000)]}
    assert list(found({"planes": planes, "flights": flights})) == list(found({"flights": flights, "planes": planes}))


def test_text_codes_are_linked_by_their_values_where_names_differ() -> None:
    airports = {"faa": CODES, "zone": ["A", "B"] * 20}
    flights = {"origin": CODES[:3] * 30, "dest": (CODES * 3)[:90]}
    assert set(found({"airports": airports, "flights": flights})) == {
        "flights.origin → airports.faa",
        "flights.dest → airports.faa",
    }


def test_small_whole_numbers_are_not_linked_to_every_range_that_holds_them() -> None:
    orders = {"id": list(range(1, 501)), "month": list(range(1, 11)) * 50, "quantity": [1, 2, 3, 4, 5] * 100}
    customers = {"id": list(range(1, 901)), "day": list(range(1, 31)) * 30}
    assert found({"customers": customers, "orders": orders}) == {}


def test_a_whole_number_is_linked_when_its_name_says_so() -> None:
    customers = {"id": list(range(1, 901)), "age": list(range(20, 50)) * 30}
    orders = {"order_id": list(range(1, 501)), "customer_id": [1 + number % 300 for number in range(500)]}
    assert list(found({"customers": customers, "orders": orders})) == ["orders.customer_id → customers.id"]


def test_scattered_numbers_are_linked_by_their_values_alone() -> None:
    accounts = {"number": [100_000 + 7919 * step for step in range(200)]}
    payments = {"payer": [100_000 + 7919 * (step % 50) for step in range(500)]}
    assert list(found({"accounts": accounts, "payments": payments})) == ["payments.payer → accounts.number"]


def test_a_column_that_is_mostly_not_found_is_not_linked() -> None:
    planes = {"tailnum": [f"N{number}" for number in range(40)]}
    flights = {"tailnum": [f"N{number}" for number in range(60)] + [f"X{number}" for number in range(0)]}
    flights["tailnum"] += [f"N{number}" for number in range(40, 60)] * 20
    assert found({"planes": planes, "flights": flights}) == {}


def test_a_column_that_repeats_its_values_is_no_target() -> None:
    weather = {"origin": ["EWR", "JFK", "LGA"] * 10}
    flights = {"origin": ["EWR", "JFK", "LGA"] * 40}
    assert found({"weather": weather, "flights": flights}) == {}


def test_two_columns_together_are_linked_where_only_both_are_unique() -> None:
    hours = [datetime(2013, 1, day, hour) for day in range(1, 6) for hour in range(24)]
    weather = {
        "origin": [origin for origin in ("EWR", "JFK", "LGA") for _ in hours],
        "time_hour": hours * 3,
        "hour": [hour.hour for hour in hours] * 3,
    }
    flights = {
        "origin": [("EWR", "JFK", "LGA")[number % 3] for number in range(600)],
        "time_hour": [hours[number % len(hours)] for number in range(600)],
        "hour": [hours[number % len(hours)].hour for number in range(600)],
        "flight": list(range(600)),
    }
    links = found({"weather": weather, "flights": flights})
    assert list(links) == ["flights.(origin, time_hour) → weather.(origin, time_hour)"]
    assert links["flights.(origin, time_hour) → weather.(origin, time_hour)"].coverage == 1


def test_windows_of_one_table_are_not_joined_by_pairs_of_columns() -> None:
    june = {"origin": ["EWR", "JFK"] * 30, "step": [number // 2 for number in range(60)]}
    assert found({"june": june, "july": june}) == {}


def test_the_number_in_a_name_does_not_make_names_agree() -> None:
    digits = {"pixel_0_2": [number % 17 for number in range(200)]}
    ticks = {"id": list(range(100)), "price": [0.5 + number for number in range(100)]}
    assert found({"digits": digits, "tick2": ticks}) == {}


def test_a_row_or_a_letter_links_nothing() -> None:
    one = {"a": [1], "b": ["x"], "carrier": ["UA"]}
    pasted = {"a": [1, 2, 3], "b": ["x", "y", "z"], "carrier": ["UA", "AA", "DL"]}
    assert found({"one": one, "pasted": pasted}) == {}
    longer = {"a": list(range(1, 31))}
    assert found({"pasted": pasted, "longer": longer}) == {}


def test_a_small_table_of_names_is_linked_by_its_column() -> None:
    airlines = {"carrier": ["UA", "AA", "DL"]}
    flights = {"carrier": ["UA", "AA"] * 10}
    assert list(found({"airlines": airlines, "flights": flights})) == ["flights.carrier → airlines.carrier"]
