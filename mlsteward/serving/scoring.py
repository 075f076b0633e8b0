"""A whole table scored, part by part. Only worker code imports this module."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.frames import read_columns, read_frame
from mlsteward.data.profile import type_family
from mlsteward.data.rows import hash_expression
from mlsteward.data.snapshot import Column
from mlsteward.serving.batch import FittedRows, free_names, ranks, result_columns, unseen_levels
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.signature import SignatureColumn

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PART_ROWS = 200_000
# The engine's table of what was predicted, in the order of the rows; RANK orders what is shown first.
PREDICTED = "predicted"
RANK = "rank of the prediction"
_FEATURES = "hash of the features"
_CASTS = {"number": "DOUBLE", "boolean": "BOOLEAN", "time": "TIMESTAMP"}


@dataclass
class Scored:
    """What was found while scoring: the rows, the names of the new columns, the rows that got out-of-fold scores, the
    rows with unseen categories by column."""

    rows: int = 0
    columns: list[str] = field(default_factory=list[str])
    out_of_fold: int = 0
    unseen: Counter[str] = field(default_factory=Counter[str])


def write_rows(
    connection: "DuckDBPyConnection",
    rows: Sequence[Mapping[str, str | None]],
    signature: Sequence[SignatureColumn],
    path: Path,
) -> None:
    """Rows of text, as `serving.rows` checks them, as a Parquet file with the types that the model knows."""
    casts: list[str] = []
    values: list[list[str | None]] = []
    for column in signature:
        texts = [row[column.name] for row in rows]
        kind = _CASTS.get(type_family(column.type), "VARCHAR")
        if kind == "DOUBLE" and all(text is None or _is_whole(text) for text in texts):
            kind = "BIGINT"
        casts.append(f"CAST(unnest(?::VARCHAR[]) AS {kind}) AS {quote(column.name)}")
        values.append(texts)
    connection.execute(f"CREATE TEMP TABLE given AS SELECT {', '.join(casts)}", values)
    connection.execute(f"COPY given TO {literal(str(path))} (FORMAT parquet)")


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdigit() and -(2**63) <= int(text) < 2**63


def score_table(
    connection: "DuckDBPyConnection",
    bundle: ModelBundle,
    path: Path,
    fitted: FittedRows | None,
    progress: Callable[[float, str], None],
    *,
    scratch: Path,
    part_rows: int = PART_ROWS,
    beside: Path | None = None,
) -> Scored:
    """Score the rows of a Parquet file into the table PREDICTED of `connection`, in their order, under names that
    neither it nor the file `beside` has.

    Rows that the model was fitted on, known by the hash of their features, get their out-of-fold scores. A table of
    more than `part_rows` is read in parts, which are written to the folder `scratch`.
    """
    table = read_columns(path)
    types = {column.name: column for column in table}
    taken = [*types, *(column.name for column in (read_columns(beside) if beside else ()))]
    wanted = [_read_as(column, types[column.name]) for column in bundle.signature]
    (rows,) = row_of(connection, f"SELECT count(*) FROM read_parquet({literal(str(path))})")
    scored = Scored(rows=int(rows))
    for start in range(0, scored.rows, part_rows):
        part = path
        if scored.rows > part_rows:
            part = _cut(connection, path, wanted, range(start, start + part_rows), scratch / "part.parquet")
        frame = read_frame(part, wanted, expressions={_FEATURES: hash_expression(wanted)})
        features = frame.pop(_FEATURES).to_numpy()
        scores = bundle.raw_scores(frame)
        if fitted:
            scored.out_of_fold += int(fitted.replace(features, scores).sum())
        scored.unseen.update(unseen_levels(bundle, frame))
        result = result_columns(bundle, scores)
        names = free_names(result.columns, taken)
        scored.columns = list(names.values())
        result = result.rename(columns=names)
        result[RANK] = ranks(bundle, scores)
        _append(connection, result)
        progress(0.1 + 0.8 * (start + len(result)) / scored.rows, f"{start + len(result):,} of {scored.rows:,} rows")
    return scored


def _read_as(asked: SignatureColumn, there: Column) -> Column:
    """The column as it stands, but of the model's type where the two are of different families."""
    same = type_family(asked.type) == type_family(there.type)
    return there if same else Column(name=there.name, type=asked.type)


def _cut(connection: "DuckDBPyConnection", path: Path, columns: Sequence[Column], rows: range, part: Path) -> Path:
    names = ", ".join(quote(column.name) for column in columns)
    connection.execute(
        f"COPY (SELECT {names} FROM read_parquet({literal(str(path))}, file_row_number = true)"
        f" WHERE file_row_number >= {rows.start} AND file_row_number < {rows.stop} ORDER BY file_row_number)"
        f" TO {literal(str(part))} (FORMAT parquet)"
    )
    return part


def _append(connection: "DuckDBPyConnection", result: Any) -> None:
    connection.register("part of the result", result)
    exists = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [PREDICTED]).fetchall()
    into = f"INSERT INTO {PREDICTED}" if exists else f"CREATE TABLE {PREDICTED} AS"
    connection.execute(f'{into} SELECT * FROM "part of the result"')
    connection.unregister("part of the result")
