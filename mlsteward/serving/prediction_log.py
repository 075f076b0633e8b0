"""Predictions of a deployment as a table: what its endpoint wrote to segments, read by DuckDB.

Each row is one row that was asked about, and what one model said of it. A segment that is being written is a file of
lines; sealed, it is Parquet of the same name. See `serving.segments` for who writes them.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from mlsteward.data.engine import literal, quote
from mlsteward.data.profile import type_family
from mlsteward.serving.endpoint.desired import EndpointFolder

# Columns of every row, in this order; `features` follows, a struct of the values that the model read.
COLUMNS = {
    "prediction_id": "VARCHAR",
    "request_id": "VARCHAR",
    "time": "TIMESTAMP",
    "deployment": "VARCHAR",
    "model": "VARCHAR",
    "role": "VARCHAR",
    "key": "VARCHAR",
    "latency_ms": "DOUBLE",
    "error": "VARCHAR",
    "prediction": "VARCHAR",
    "score": "DOUBLE",
    "scores": "DOUBLE[]",
}
FEATURES = "features"
LINES, SEALED = ".jsonl", ".parquet"
_TYPES = {"number": "DOUBLE", "boolean": "BOOLEAN", "time": "TIMESTAMP"}
# A line holds one row, and a request's body at most 4 MB.
_LONGEST_LINE = 16 << 20


def prediction_tables(workspace: Path, deployment: str) -> str:
    """SQL of a relation of all predictions of a deployment: `SELECT … FROM {prediction_tables(…)}`.

    Sealed segments and the one that is being written; a row that was not written to its end is left out.
    """
    sealed, lines = find_segments(EndpointFolder.of(workspace, deployment).predictions)
    return relation(sealed, lines)


def relation(sealed: Iterable[Path], lines: Iterable[Path]) -> str:
    """SQL of the rows of these segments together."""
    parts: list[str] = []
    if files := ", ".join(literal(str(file)) for file in sealed):
        parts.append(f"SELECT * FROM read_parquet([{files}], union_by_name = true)")
    parts += [select for file in lines if (select := select_lines(file))]
    return f"({' UNION ALL BY NAME '.join(parts) or _NOTHING})"


def find_segments(folder: Path) -> tuple[list[Path], list[Path]]:
    """The segments in a folder, oldest first: those that are sealed, and those that are lines still."""
    # A segment that was sealed keeps its lines for a while, and counts as sealed; lines are looked for first.
    lines = {file.stem: file for file in folder.glob(f"*{LINES}")}
    sealed = {file.stem: file for file in folder.glob(f"*{SEALED}")}
    return [sealed[stem] for stem in sorted(sealed)], [lines[stem] for stem in sorted(lines) if stem not in sealed]


def select_lines(file: Path) -> str:
    """SQL of the rows in a segment of lines; "" for one without a whole first line, or that was sealed since."""
    features = read_header(file)
    if features is None:
        return ""
    kinds = COLUMNS | {"time": "BIGINT", FEATURES: _struct(features)}
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in kinds.items())
    shown = ", ".join('make_timestamp("time") AS "time"' if name == "time" else quote(name) for name in kinds)
    # The line that a killed process did not finish is no JSON; the first line says nothing of a prediction.
    return (
        f"SELECT {shown} FROM read_json({literal(str(file))}, format = 'newline_delimited', ignore_errors = true,"
        f" maximum_object_size = {_LONGEST_LINE}, columns = {{{columns}}}) WHERE prediction_id IS NOT NULL"
    )


def feature_types(columns: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The types that features of a signature have in the log."""
    return {str(one["name"]): _TYPES.get(type_family(str(one["type"])), "VARCHAR") for one in columns}


def header_line(features: Mapping[str, str]) -> bytes:
    """The first line of a segment of lines."""
    return json.dumps({FEATURES: features}).encode() + b"\n"


def read_header(file: Path) -> dict[str, str] | None:
    """The types of the features in a segment of lines, by name."""
    try:
        with file.open("rb") as opened:
            first = opened.readline()
    except FileNotFoundError:
        return None
    return cast(dict[str, str], json.loads(first)[FEATURES]) if first.endswith(b"\n") else None


def _struct(features: Mapping[str, str]) -> str:
    return f"STRUCT({', '.join(f'{quote(name)} {kind}' for name, kind in features.items())})"


_NOTHING = (
    "SELECT "
    + ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in COLUMNS.items())
    + f", CAST(NULL AS STRUCT(nothing VARCHAR)) AS {FEATURES} WHERE false"
)
