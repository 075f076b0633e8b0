"""Hashes of rows that stay the same in later versions of a table, of the engine and of this package.

A row's hash is the first 64 bits (big-endian) of the md5 of its values' texts, in the order of the column names. A
value's text does not depend on how its file typed it: `3`, `3.0` and the DECIMAL `3.00` are one value, so are a date
and its midnight. DuckDB's own `hash()` may change with the engine, hence md5.
"""

from collections.abc import Sequence

from mlsteward.data.engine import literal, quote
from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column

_SEPARATOR = "chr(31)"
_NULL = "chr(26)"
# Below 2**53 a whole DOUBLE is exactly the integer that it prints.
_EXACT = 9007199254740992


def hash_expression(columns: Sequence[Column], salt: str = "") -> str:
    """A SQL expression of type UBIGINT over `columns`: the hash of a row, drawn anew for every `salt`."""
    ordered = sorted(columns, key=lambda column: column.name)
    parts = ", ".join([literal(salt), *(f"coalesce({text_expression(column)}, {_NULL})" for column in ordered)])
    return f"CAST('0x' || substr(md5(concat_ws({_SEPARATOR}, {parts})), 1, 16) AS UBIGINT)"


def share_expression(columns: Sequence[Column], salt: str = "") -> str:
    """A SQL expression of type DOUBLE, uniform on [0, 1): rows below 0.2 are a sticky fifth of the table."""
    return f"(CAST({hash_expression(columns, salt)} AS DOUBLE) / 18446744073709551616.0)"


def text_expression(column: Column) -> str:
    """A SQL expression of type VARCHAR: a value's text, whatever its file typed it as; null for null."""
    name = quote(column.name)
    family = type_family(column.type)
    if family == "time":
        return f"CAST(epoch_us({name}) AS VARCHAR)"
    if family != "number":
        return f"CAST({name} AS VARCHAR)"
    if column.type.upper().startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        value = f"CAST({name} AS DOUBLE)"
        whole = f"{value} = floor({value}) AND abs({value}) < {_EXACT}"
        return f"CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE CAST({value} AS VARCHAR) END"
    return f"CAST({name} AS VARCHAR)"
