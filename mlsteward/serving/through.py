"""Rows taken through the statements of a model's transforms, each still knowing which row it was. Only worker code
imports this module."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.engine import connect, literal, quote
from mlsteward.data.frames import read_columns
from mlsteward.data.snapshot import Column
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.data.sql.second_wall import RESULT, result_of
from mlsteward.errors import InvalidArgument, NotSupported, UnusableData
from mlsteward.lineage.rowwise import ROW, carry_rows
from mlsteward.serving.row_source import AppliedStep, RowSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

_SHOWN = 5


@dataclass
class Taken:
    """`table` has the model's columns in the order of the rows, and `rows` are the places, from 0, of those of `total`
    that are there. `base` has the same rows as they were."""

    table: Path
    base: Path
    rows: list[int]
    total: int
    notes: list[str] = field(default_factory=list[str])

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows)


class Through:
    """The way of some rows: `workspace` holds the snapshots, `scratch` what is written on the way."""

    def __init__(self, source: RowSource, workspace: Path, scratch: Path, memory_mb: int) -> None:
        self._source = source
        self._workspace = workspace
        self._scratch = scratch
        self._memory_mb = memory_mb

    def take(self, rows: "Path | Sequence[Mapping[str, str | None]]") -> Taken:
        """Rows of a call, as text, or the Parquet file of a dataset.

        Raises InvalidArgument where a row of a call is lost or a row becomes several, and NotSupported where a
        statement cannot be applied row by row.
        """
        with closing(connect(memory_mb=self._memory_mb, temp=self._scratch / "rows", threads=1)) as engine:
            base = rows if isinstance(rows, Path) else self._write(engine, rows)
            numbered = self._number(engine, base)
            notes = [self._source.words()]
            unfiltered: dict[str, None] = {}
            for place, step in enumerate(self._source.steps):
                numbered, columns = self._apply(engine, step, numbered, self._scratch / f"step{place}.parquet")
                unfiltered.update(dict.fromkeys(columns))
            if unfiltered:
                notes.append(f"its conditions on {', '.join(unfiltered)} were left out: the rows have no such column")
            return self._taken(engine, base, numbered, notes, call=not isinstance(rows, Path))

    def _write(self, engine: "DuckDBPyConnection", rows: "Sequence[Mapping[str, str | None]]") -> Path:
        """The rows of a call with the types of the source."""
        columns = self._source.signature()
        texts = [[row[column.name] for row in rows] for column in columns]
        casts = ", ".join(f"CAST(unnest(?::VARCHAR[]) AS {column.type}) AS {quote(column.name)}" for column in columns)
        file = self._scratch / "given.parquet"
        engine.execute(f"CREATE TEMP TABLE given AS SELECT {casts}", texts)
        engine.execute(f"COPY given TO {literal(str(file))} (FORMAT parquet)")
        return file

    def _number(self, engine: "DuckDBPyConnection", base: Path) -> Path:
        """The rows as the source has them, with their places; columns that they lack are null."""
        import duckdb

        there = {column.name.casefold(): column.name for column in read_columns(base)}
        columns = [
            f"CAST({quote(there[column.name.casefold()]) if column.name.casefold() in there else 'NULL'}"
            f" AS {column.type}) AS {quote(column.name)}"
            for column in self._source.columns
        ]
        file = self._scratch / "numbered.parquet"
        reading = f"read_parquet({literal(str(base))}, file_row_number = true)"
        try:
            engine.execute(
                f"COPY (SELECT {', '.join(columns)}, file_row_number AS {ROW} FROM {reading})"
                f" TO {literal(str(file))} (FORMAT parquet)"
            )
        except duckdb.Error as error:
            kinds = ", ".join(f"{column.name} {column.type}" for column in self._source.columns[:20])
            raise UnusableData(f"The rows do not have the types of {self._source.label}: {kinds}.") from error
        return file

    def _apply(
        self, engine: "DuckDBPyConnection", applied: AppliedStep, rows: Path, file: Path
    ) -> tuple[Path, list[str]]:
        """The rows after one statement, behind both walls, and the columns on which it did not filter."""
        step = applied.step
        with closing(connect(memory_mb=128, threads=1)) as reader:
            wall = FirstWall(reader)
            labels = {table: step.label_of(table) for table in wall.read(step.sql).tables}
            own = [table for table, label in labels.items() if label == applied.rows_as]
            if len(own) > 1:
                raise NotSupported(
                    f"The statement that made {step.dataset} reads {applied.rows_as} twice, as {' and '.join(own)}, so"
                    " it cannot be applied row by row.",
                    next=f'transform_dataset(name="{step.dataset.partition("@")[0]}")',
                )
            carried = carry_rows(reader, step.sql, own[0], made=step.dataset, missing=applied.missing)
            statement = wall.read(carried.sql)
        tables = {table: self._workspace / applied.files[label] for table, label in labels.items()} | {own[0]: rows}
        spill = self._scratch / "sql"
        raw = file.with_suffix(".raw.parquet")
        with result_of(statement, tables, memory_mb=self._memory_mb, temp=spill, threads=1, output=raw) as behind:
            behind.execute(f"COPY (FROM {RESULT} ORDER BY {ROW}) TO {literal(str(raw))} (FORMAT parquet)")
        _typed(engine, raw, file, applied.columns)
        self._check_once(engine, file, step.dataset)
        return file, carried.unfiltered

    def _check_once(self, engine: "DuckDBPyConnection", file: Path, made: str) -> None:
        twice = engine.execute(
            f"SELECT {ROW} FROM read_parquet({literal(str(file))}) GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
        ).fetchall()
        if twice:
            raise InvalidArgument(
                f"The statement of {made} makes several rows of row {twice[0][0] + 1}: a join finds more than one match"
                " for it. Run it on all rows, and predict its result.",
                next=f'transform_dataset(name="{made.partition("@")[0]}")',
            )

    def _taken(self, engine: "DuckDBPyConnection", base: Path, table: Path, notes: list[str], *, call: bool) -> Taken:
        kept = [
            place for (place,) in engine.execute(f"SELECT {ROW} FROM read_parquet({literal(str(table))})").fetchall()
        ]
        (total,) = engine.execute(f"SELECT count(*) FROM read_parquet({literal(str(base))})").fetchall()[0]
        taken = Taken(table, base, kept, total, notes)
        if taken.left_out:
            self._lost(taken, call=call)
            taken.base = self._scratch / "kept.parquet"
            numbered = f"read_parquet({literal(str(base))}, file_row_number = true)"
            engine.execute(
                f"COPY (SELECT * EXCLUDE (file_row_number) FROM {numbered}"
                f" WHERE file_row_number IN (SELECT {ROW} FROM read_parquet({literal(str(table))}))"
                f" ORDER BY file_row_number) TO {literal(str(taken.base))} (FORMAT parquet)"
            )
        return taken

    def _lost(self, taken: Taken, *, call: bool) -> None:
        made = self._source.steps[-1].step.dataset
        if not call and taken.rows:
            rows = counted(taken.left_out, "row is", "rows are")
            taken.notes.append(f"{rows} left out by the statement of {made}, and not predicted")
            return
        there = set(taken.rows)
        lost = [str(place + 1) for place in range(taken.total) if place not in there][:_SHOWN]
        raise InvalidArgument(
            f"Nothing was predicted: the statement of {made} leaves out row {', '.join(lost)}"
            f"{' and others' if taken.left_out > _SHOWN else ''}, by its WHERE or because a join finds no match."
        )


def _typed(engine: "DuckDBPyConnection", raw: Path, file: Path, columns: "Sequence[Column]") -> None:
    """The result with the types that its dataset had."""
    there = {column.name for column in read_columns(raw)}
    casts = [f"CAST({quote(one.name)} AS {one.type}) AS {quote(one.name)}" for one in columns if one.name in there]
    engine.execute(
        f"COPY (SELECT {', '.join([*casts, ROW])} FROM read_parquet({literal(str(raw))}, file_row_number = true)"
        f" ORDER BY file_row_number) TO {literal(str(file))} (FORMAT parquet)"
    )
