"""How often each value of a column comes, where there are few."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.basis import Basis
from mlsteward.contracts.propose import MOST_VALUES
from mlsteward.data.engine import literal, quote, row_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 200


def count_values(connection: "DuckDBPyConnection", basis: Basis) -> dict[str, list[dict[str, int]]]:
    """By column, for each version from the oldest on: its values as text and how many rows have them.

    A version whose rows are gone, or that lacks the column, counts as empty.
    """
    names = [
        column.name
        for column in basis.newest.profile.columns
        if column.family in ("text", "boolean") and column.name not in basis.masked
        if all(0 < one.distinct <= MOST_VALUES for one in basis.history(column.name))
    ]
    counts: dict[str, list[dict[str, int]]] = {name: [] for name in names}
    for seen in basis.versions:
        there = [name for name in names if seen.column(name)] if Path(seen.file).is_file() else []
        found: dict[str, dict[str, int]] = {}
        for start in range(0, len(there), _BATCH):
            found |= _histograms(connection, seen.file, there[start : start + _BATCH])
        for name in names:
            counts[name].append(found.get(name, {}))
    return counts


def _histograms(connection: "DuckDBPyConnection", file: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
    chosen = ", ".join(f"histogram({quote(name)}::VARCHAR)" for name in names)
    row = row_of(connection, f"SELECT {chosen} FROM read_parquet({literal(file)})")
    return {name: dict(found or {}) for name, found in zip(names, row, strict=True)}
