"""Small tables for tests of the dictionary: their profile, and themselves in an engine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mlsteward.data.engine import quote
from mlsteward.data.profile import QUANTILES, ColumnProfile, Family, TableProfile, TopValue
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.dictionary.relationships import DatasetTable, Relationship
from mlsteward.store.dictionary import write_entries
from mlsteward.store.relationships import write_relationships
from mlsteward.workspace import Workspace

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KINDS: dict[type, tuple[str, Family]] = {
    int: ("BIGINT", "number"),
    float: ("DOUBLE", "number"),
    str: ("VARCHAR", "text"),
    bool: ("BOOLEAN", "boolean"),
    datetime: ("TIMESTAMP", "time"),
    date: ("DATE", "time"),
}


def profile_of(table: Mapping[str, Sequence[Any]]) -> TableProfile:
    """The profile of a table given as lists of values, None being null."""
    columns = [column_profile(name, values) for name, values in table.items()]
    return TableProfile(rows=columns[0].rows, columns=columns)


def column_profile(name: str, values: Sequence[Any]) -> ColumnProfile:
    filled = sorted(value for value in values if value is not None)
    kind, family = KINDS[type(filled[0])] if filled else ("VARCHAR", "text")
    ends = [filled[0], filled[-1]] if filled else [None, None]
    if family not in ("number", "boolean"):
        ends = [None if end is None else str(end) for end in ends]
    return ColumnProfile(
        name=name,
        type=kind,
        family=family,
        rows=len(values),
        nulls=len(values) - len(filled),
        distinct=len(set(filled)),
        minimum=ends[0],
        maximum=ends[1],
        quantiles={str(q): float(filled[int(q * (len(filled) - 1))]) for q in QUANTILES} if family == "number" else {},
        top=[TopValue(value=str(value), count=count) for value, count in Counter(filled).most_common(10)],
    )


def load(connection: "DuckDBPyConnection", name: str, table: Mapping[str, Sequence[Any]]) -> DatasetTable:
    """The table in the engine, as the search for relationships takes it."""
    profile = profile_of(table)
    columns = ", ".join(f"{quote(column.name)} {column.type}" for column in profile.columns)
    connection.execute(f"CREATE TABLE {quote(name)} ({columns})")
    marks = ", ".join("unnest(?)" for _ in table)
    connection.execute(f"INSERT INTO {quote(name)} SELECT {marks}", [list(values) for values in table.values()])
    return DatasetTable(name, quote(name), profile)


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
