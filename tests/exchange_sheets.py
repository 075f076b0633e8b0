"""A documented dataset with a contract, as documents of other tools are written from."""

from collections.abc import Sequence
from typing import Any

from mlsteward.contracts.check import Contract, ContractColumn, Mode
from mlsteward.contracts.parse import read_checks
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.relationships import Relationship
from mlsteward.exchange.sheet import Sheet
from mlsteward.store.contracts import save_contract
from mlsteward.store.datasets import find_dataset
from mlsteward.store.dictionary import find_entry, write_words
from mlsteward.store.relationships import write_relationships
from mlsteward.store.sheets import sheet_of
from mlsteward.store.tags import put_tag
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.dataset_versions import add_rows

FLIGHTS = (
    "SELECT i AS flight_id, ['UA', 'AA', 'DL'][i % 3 + 1] AS carrier, CASE WHEN i % 9 > 0 THEN i % 90 - 10.5 END"
    " AS dep_delay, TIMESTAMP '2013-01-01' + to_hours(i::INT) AS time_hour, DATE '2013-01-01' + (i // 24)::INT AS day,"
    " i % 2 = 0 AS late, 'N' || (i % 50) AS \"tail num\" FROM range(200) t(i)"
)
EVERY_KIND = [
    "rows >= 100",
    "rows between 10 and 9000 !warning",
    "nulls(flight_id) = 0",
    "nulls(dep_delay) <= 12.5% !info",
    'missing("tail num", "", N/A, -999) <= 1%',
    "unique(flight_id)",
    "unique(carrier, time_hour)",
    "[carriers we know] carrier in (UA, AA, DL)",
    "carrier in (UA, AA, DL) >= 99% !warning",
    '"tail num" matches /^N[0-9]+$/ >= 99%',
    "dep_delay between -60 and 1500",
    "dep_delay > -60 >= 90%",
    "day between 2013-01-01 and 2013-12-31",
    "late in (true, false)",
    "freshness(time_hour) <= 2 days",
    "freshness <= 36 hours !warning",
    "carrier -> airlines.carrier >= 99%",
    "rows within 20% of median",
    "mean(dep_delay) within 3 of previous !info",
    "sql: SELECT * FROM flights WHERE dep_delay < -100",
    "sql between 5 and 50: SELECT avg(dep_delay) FROM flights",
]
WORDS: dict[str, dict[str, Any]] = {
    "": {
        "description": "All departures: late, on time & cancelled.",
        "owner": "operations",
        "usage": "Not for billing",
        "tags": ["core", "ops"],
    },
    "flight_id": {"description": "Number of the flight", "role": "key"},
    "dep_delay": {
        "description": "Departure delay.\nNegative when early.",
        "unit": "minutes",
        "available_at": "after",
        "business_name": "Delay at the gate",
    },
    "carrier": {"sensitivity": "internal", "allowed_values": ["UA", "AA", "DL"], "owner": "anna"},
    "tail num": {"sensitivity": "restricted", "tags": ["pii"], "usage": "Masked: yes"},
}


def columns_of(workspace: Workspace, name: str) -> list[ContractColumn]:
    version = workspace.store.read(lambda t: find_dataset(t, name))
    return [ContractColumn(name=column.name, type=column.type) for column in version.columns]


def add_documented(
    workspace: Workspace, name: str = "flights", *, words: bool = True, checks: Sequence[str] = (), mode: Mode = "warn"
) -> None:
    """A version with its harvest, people's words and a contract, without a server or a worker."""
    label = add_rows(workspace, name, FLIGHTS, profiled=True)

    def record(t: Transaction) -> None:
        version = find_dataset(t, label)
        if words:
            write_words(t, [_written(t, name, column, fields) for column, fields in WORDS.items()], "anna")
            found = Relationship(
                dataset=name,
                columns=["carrier"],
                to_dataset="airlines",
                to_columns=["carrier"],
                coverage=0.96,
                value_coverage=1,
                rows=200,
            )
            write_relationships(t, name, [found])
            put_tag(t, name, version.version, "golden", "anna")

    workspace.store.write(record)
    if checks:
        add_checks(workspace, *checks, name=name, mode=mode)


def add_checks(workspace: Workspace, *checks: str, name: str = "flights", mode: Mode = "warn") -> None:
    """Make these checks the contract."""
    columns = columns_of(workspace, name)
    contract = Contract(dataset=name, columns=columns, checks=read_checks(checks, name, columns), mode=mode)
    workspace.store.write(lambda t: save_contract(t, contract, "anna"))


def _written(t: Transaction, name: str, column: str, fields: dict[str, Any]) -> Entry:
    entry = find_entry(t, f"column:{name}.{column}" if column else name)
    return entry.model_copy(update={**fields, "writers": dict.fromkeys(fields, "anna")})


def sheet(workspace: Workspace, name: str = "flights") -> Sheet:
    return workspace.store.read(lambda t: sheet_of(t, name))
