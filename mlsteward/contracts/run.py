"""Running a contract's checks on the rows of one version."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.check import CheckResult
from mlsteward.contracts.order import CheckOrder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def run_checks(connection: "DuckDBPyConnection", file: Path, order: CheckOrder, now: datetime) -> list[CheckResult]:
    """The result of every check of `order.contract` on the Parquet file of a version, the schema check first.

    `now` is the moment that freshness is judged at, in UTC.
    """
    raise NotImplementedError
