"""Small tables for tests of the dictionary: their profile, and themselves in an engine."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mlsteward.data.engine import connect, quote
from mlsteward.data.profile import ColumnProfile, TableProfile, profile_table
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.dictionary.relationships import DatasetTable, Relationship
from mlsteward.store.dictionary import write_entries
from mlsteward.store.relationships import write_relationships
from mlsteward.workspace import Workspace

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KINDS = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR", bool: "BOOLEAN", datetime: "TIMESTAMP", date: "DATE"}


def load(connection: "DuckDBPyConnection", name: str, table: Mapping[str, Sequence[Any]]) -> DatasetTable:
    """A table given as lists of values, None being null, in the engine, as the search for relationships takes it."""
    columns = ", ".join(f"{quote(column)} {_type(values)}" for column, values in table.items())
    connection.execute(f"CREATE TABLE {quote(name)} ({columns})")
    marks = ", ".join("unnest(?)" for _ in table)
    connection.execute(f"INSERT INTO {quote(name)} SELECT {marks}", [list(values) for values in table.values()])
    return DatasetTable(name, quote(name), profile_table(connection, quote(name)))


def profile_of(table: Mapping[str, Sequence[Any]]) -> TableProfile:
    with connect(memory_mb=256, threads=1) as connection:
        return load(connection, "sample", table).profile


def column_profile(name: str, values: Sequence[Any]) -> ColumnProfile:
    return profile_of({name: values}).columns[0]


def _type(values: Sequence[Any]) -> str:
    return next((KINDS[type(value)] for value in values if value is not None), "VARCHAR")


FLIGHTS: dict[str, list[Any]] = {
    "year": [2013] * 40,
    "dep_delay": [None, *range(-18, 21)],
    "arr_delay": [None, *range(-20, 19)],
    "carrier": ["UA", "AA", "B6", "DL"] * 10,
    "tailnum": [f"N{number:04d}" for number in range(40)],
    "distance": [100.5 + 60 * number for number in range(40)],
    "time_hour": [datetime(2013, 1, 1 + number // 2, 5 + number % 2) for number in range(40)],
}
WORDS = {
    "dep_delay": "Departure delay, in minutes; negative for early departures.",
    "arr_delay": "Arrival delay, in minutes; negative for early arrivals.",
    "distance": "Distance between airports, in miles.",
    "carrier": "Two-letter abbreviation of the airline.",
}
AIRLINES: dict[str, list[Any]] = {
    "carrier": ["UA", "AA", "B6", "DL"],
    "name": ["United", "American", "JetBlue", "Delta"],
}


def register(
    workspace: Workspace,
    name: str,
    table: Mapping[str, Sequence[Any]],
    words: Mapping[str, str] | None = None,
    description: str = "",
    found: Sequence[Relationship] = (),
) -> list[Entry]:
    """What registering a dataset does to the dictionary."""
    entries = harvest_columns(name, profile_of(table), words or {}, description)

    def write(transaction: Any) -> list[Entry]:
        changed = write_entries(transaction, entries, "register_dataset")
        write_relationships(transaction, name, found)
        return changed

    return workspace.store.write(write)
