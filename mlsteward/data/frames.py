"""Rows of a snapshot as a pandas frame. Only worker code imports this module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from mlsteward.data.engine import connect, literal, quote
from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.errors import UnusableData

if TYPE_CHECKING:
    import duckdb


def read_columns(path: Path) -> list[Column]:
    """The columns of a Parquet file, with their DuckDB types."""
    with connect(threads=1) as connection:
        rows = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
    return [Column(name=row[0], type=row[1]) for row in rows]


def read_frame(
    path: Path,
    columns: Sequence[Column],
    *,
    expressions: Mapping[str, str] | None = None,
    memory_mb: int = 1024,
    temp: Path | None = None,
) -> pd.DataFrame:
    """The `columns` of a Parquet file, then `expressions` (name → SQL), in the file's order.

    Numbers come as float64 (infinities kept), whole numbers without nulls as int64, Booleans as object (True, False,
    None), times as datetime64[us] in UTC without a zone, everything else as object (str or None).
    Raises UnusableData when the file cannot be read.
    """
    import duckdb

    wanted = [f"{_value(column)} AS {quote(column.name)}" for column in columns]
    wanted += [f"{expression} AS {quote(name)}" for name, expression in (expressions or {}).items()]
    with connect(memory_mb=memory_mb, temp=temp, threads=1) as connection:
        try:
            arrays = _fetch(connection, f"SELECT {', '.join(wanted)} FROM read_parquet({literal(str(path))})")
        except duckdb.Error as error:
            raise UnusableData(f"The rows cannot be read: {error}") from error
    families = {column.name: type_family(column.type) for column in columns}
    return pd.DataFrame({name: _column(array, families.get(name, "number")) for name, array in arrays.items()})


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """One column of a frame."""
    return cast(pd.Series, frame[name])


def spread(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    """At most `rows` rows of a frame, evenly spread over it."""
    if len(frame) <= rows:
        return frame
    return frame.iloc[np.linspace(0, len(frame) - 1, rows).astype(np.int64)]


def _fetch(connection: "duckdb.DuckDBPyConnection", sql: str) -> dict[str, np.ndarray]:
    return {name: np.ma.asanyarray(values) for name, values in connection.execute(sql).fetchnumpy().items()}


def _value(column: Column) -> str:
    name, family = quote(column.name), type_family(column.type)
    if family == "number":
        whole = column.type.upper() in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
        return f"CAST({name} AS {'BIGINT' if whole else 'DOUBLE'})"
    if family == "time":
        return f"make_timestamp(epoch_us({name}))"
    return name if family == "boolean" else f"CAST({name} AS VARCHAR)"


def _column(values: np.ndarray, family: str) -> pd.Series:
    """One column without a mask: NaN, NaT or None stand for what is missing."""
    missing = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else np.zeros(len(values), bool)
    data = np.ma.getdata(values)
    if family == "number":
        return pd.Series(np.where(missing, np.nan, data.astype(np.float64)) if missing.any() else data)
    if family == "time":
        return pd.Series(np.where(missing, np.datetime64("NaT"), data.astype("datetime64[us]")))
    objects = data.astype(object)
    objects[missing] = None
    # Without the dtype pandas would make it a `str` column and turn None into NaN.
    return pd.Series(objects, dtype=object)
