"""Delimited text files as SQL, every cell a text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.column_names import clean_names
from mlsteward.data.csv_dialect import SAMPLE_CHARACTERS, Dialect, sniff_dialect
from mlsteward.data.csv_types import type_columns
from mlsteward.data.engine import literal
from mlsteward.errors import UnusableData

if TYPE_CHECKING:
    import duckdb

# Cells may be long texts; the engine's own limit of 2 MB a line is raised only where a line needs it.
_LONG_LINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Reading:
    """A SELECT that gives the rows of a source, and what was noticed on the way.

    `finite` says that its numbers are known to be finite.
    """

    sql: str
    warnings: list[str]
    finite: bool = False


def read_delimited(
    connection: "duckdb.DuckDBPyConnection",
    files: Mapping[Path, str],
    *,
    delimiter: str = "",
    texts: Sequence[str] = (),
) -> Reading:
    """UTF-8 files with the names that people know them by. Files that lack a column have nulls there.

    Raises UnusableData for a file that is empty, has no rows, is ragged (saying which line) or has duplicate names.
    """
    parts: dict[tuple[Dialect, tuple[str, ...]], list[Path]] = {}
    warnings: list[str] = []
    for file, shown in files.items():
        try:
            dialect, names, remarks = _examine(file, delimiter)
        except UnusableData as error:
            raise UnusableData(f"{shown}: {error.message}") from error
        parts.setdefault((dialect, tuple(names)), []).append(file)
        warnings += [remark for remark in remarks if remark not in warnings]
    everything = list(dict.fromkeys(name for _, names in parts for name in names))
    if any(set(names) != set(everything) for _, names in parts):
        warnings.append("The files do not all have the same columns; where one lacks a column its rows have nulls.")
    long = False
    while True:
        source = _union([_source(dialect, names, paths, long=long) for (dialect, names), paths in parts.items()])
        try:
            selected, notes = type_columns(connection, source, everything, next(iter(parts))[0].delimiter, texts)
            return Reading(selected, [*warnings, *notes], finite=True)
        except _engine_errors() as error:
            if long or "Maximum line size" not in str(error):
                raise explained(error, files) from error
            long = True


def _engine_errors() -> type[Exception]:
    import duckdb

    return duckdb.Error


def _examine(file: Path, delimiter: str) -> tuple[Dialect, list[str], list[str]]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        sample = text.read(SAMPLE_CHARACTERS)
        whole = not text.read(1)
    dialect = sniff_dialect(sample, whole=whole, delimiter=delimiter)
    if not dialect.names:
        names = [f"column_{place}" for place in range(1, dialect.width + 1)]
        return dialect, names, ["There is no header: the columns are numbered."]
    return dialect, *clean_names(dialect.names)


def _source(dialect: Dialect, names: Sequence[str], paths: Sequence[Path], *, long: bool) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    options = [
        "auto_detect = false",
        f"delim = {literal(dialect.delimiter)}",
        "quote = '\"'",
        f"escape = {literal(dialect.escape)}",
        f"header = {str(bool(dialect.names)).lower()}",
        f"skip = {dialect.skip}",
        f"columns = {{{columns}}}",
        "nullstr = ''",
        *([f"max_line_size = {_LONG_LINE}"] if long else []),
    ]
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_csv([{listed}], {', '.join(options)})"


def _union(sources: Sequence[str]) -> str:
    if len(sources) == 1:
        return sources[0]
    return "(" + " UNION ALL BY NAME ".join(f"SELECT * FROM {source}" for source in sources) + ")"


def explained(error: Exception, files: Mapping[Path, str]) -> UnusableData:
    """What the engine says of a file, in the words of its reader."""
    said = str(error)
    shown = next((name for file, name in files.items() if str(file) in said), next(iter(files.values())))
    line = re.search(r"CSV Error on Line: (\d+)", said)
    where = f"{shown}, line {line[1]}" if line else shown
    if cells := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said):
        more = "more" if int(cells[2]) > int(cells[1]) else "fewer"
        return UnusableData(
            f"{where}: {cells[2]} cells where the header has {cells[1]}. A cell that holds the delimiter must be"
            f" quoted; lines with {more} cells cannot be read without guessing."
        )
    if "unterminated quote" in said or "unquoted" in said.lower():
        return UnusableData(f"{where}: a quote is opened and not closed, or text follows a closing quote.")
    if "Maximum line size" in said:
        return UnusableData(f"{where}: a line is longer than {_LONG_LINE // 2**20} MB.")
    first = said.splitlines()[0].removeprefix("Invalid Input Error: ")
    return UnusableData(f"{where}: {first[:300]}")
