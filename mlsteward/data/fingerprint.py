"""What tables are the same: fingerprints of rows, columns and schema, and hashes of files."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.engine import quote, row_of

if TYPE_CHECKING:
    import duckdb

# The sum of DuckDB's 64-bit hash over all rows, in 128 bits: the order of rows does not matter, repeats do.
ALGORITHM = "sum(hash(row))/1"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Fingerprint:
    """The rows of a table in 128 bits, all together and column by column."""

    rows: int
    table: str
    columns: dict[str, str]


def fingerprint_table(connection: "duckdb.DuckDBPyConnection", source: str, columns: Sequence[str]) -> Fingerprint:
    """The fingerprint of a table expression. Equal fingerprints of one engine version mean equal rows."""
    # The columns by name: `hash(alias)` would hash a column of that name instead of the row.
    row = ", ".join(quote(name) for name in columns)
    sums = ", ".join(f"sum(hash({quote(name)})::HUGEINT)" for name in columns)
    rows, table, *parts = row_of(connection, f"SELECT count(*), sum(hash({row})::HUGEINT), {sums} FROM {source}")
    texts = {name: _hex(part) for name, part in zip(columns, parts, strict=True)}
    return Fingerprint(rows=int(rows), table=_hex(table), columns=texts)


def _hex(total: object) -> str:
    return f"{int(str(total or 0)):032x}"


def hash_schema(columns: Sequence[tuple[str, str]]) -> str:
    """The sha256 of names and types, in order."""
    return hashlib.sha256(json.dumps(list(columns)).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
