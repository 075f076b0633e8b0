"""Column types in the words of other tools."""

import re

_LOGICAL = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp", "DOUBLE": "number"}
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_OTHER_NAMES = {
    **dict.fromkeys(("TEXT", "STRING", "CHAR", "BPCHAR", "NVARCHAR", "CHARACTER VARYING", "UUID", "JSON"), "VARCHAR"),
    **dict.fromkeys(("INT", "INT4", "SERIAL"), "INTEGER"),
    **dict.fromkeys(("INT8", "LONG", "BIGSERIAL", "INT64"), "BIGINT"),
    **dict.fromkeys(("INT2", "SHORT"), "SMALLINT"),
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "FLOAT64", "REAL", "DOUBLE PRECISION"), "DOUBLE"),
    **dict.fromkeys(("NUMERIC", "DECIMAL", "NUMBER"), "DOUBLE"),
    "BOOL": "BOOLEAN",
    **dict.fromkeys(("DATETIME", "TIMESTAMPTZ", "TIMESTAMP_NTZ", "TIMESTAMP WITH TIME ZONE"), "TIMESTAMP"),
}
_FROM_LOGICAL = {logical: kind for kind, logical in _LOGICAL.items()} | {"integer": "BIGINT"}


def logical_type(kind: str) -> str:
    """The ODCS logical type of one of our types."""
    return "integer" if kind.upper() in _WHOLE else _LOGICAL.get(kind.upper(), "string")


def our_type(physical: str, logical: str = "") -> str:
    """Our type for a database's name of one, else for an ODCS logical type; "" when neither says."""
    base = re.sub(r"\s*\(.*\)", "", physical).strip().upper()
    if base in _LOGICAL or base in _WHOLE:
        return base
    return _OTHER_NAMES.get(base) or _FROM_LOGICAL.get(logical.strip().lower(), "")


def croissant_type(kind: str) -> str:
    """The schema.org type that Croissant uses for one of our types."""
    names = {"integer": "Integer", "number": "Float", "boolean": "Boolean", "date": "Date", "timestamp": "DateTime"}
    return "sc:" + names.get(logical_type(kind), "Text")
