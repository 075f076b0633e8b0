"""A source as a caller writes it, found and opened: files, addresses, tables of databases, samples, pasted text."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data import formats
from mlsteward.data.csv_reader import Reading, read_delimited
from mlsteward.data.paths import Folders
from mlsteward.data.postgres import CopiedTable, copy_table, read_copied
from mlsteward.data.postgres_address import POSTGRES, OpenDatabase, shown_address
from mlsteward.data.remote import OBJECT_STORES, WEB, fetch_object, fetch_web, file_name, redacted
from mlsteward.data.samples import check_sample, sample_file
from mlsteward.data.staging import Unpacked, Watched, to_utf8, unpack, watch
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.record import Record

if TYPE_CHECKING:
    import duckdb

SAMPLE = "sample:"
CONTENT_BYTES = 256 * 1024
_MEGABYTE = 1024 * 1024
_DELIMITERS = {".tsv": "\t", ".tab": "\t"}


class SourceOrder(Record):
    """What to read, and within which limits. `text` holds no secret: it is stored with the run.

    `fetched` is a file that holds already what `text` leads to; `database` is set where `text` names a table of one.
    """

    text: str = ""
    content: str = ""
    fetched: str = ""
    database: OpenDatabase | None = None
    folders: Folders
    allow_private_addresses: bool = False
    limit_mb: int = 10240

    @property
    def shown(self) -> str:
        if self.content:
            return "pasted content"
        if self.text.startswith(POSTGRES):
            return shown_address(self.text)
        return redacted(self.text) if "://" in self.text else self.text


@dataclass(frozen=True)
class Located:
    """The files of a source under the names people know, the table or sheet wanted, and how they were at first."""

    files: dict[Path, str]
    part: str
    watched: list[Watched]
    stays: bool
    table: CopiedTable | None = None

    def check_unchanged(self) -> None:
        for file in self.watched:
            file.check_unchanged()


def check_source(text: str, folders: Folders) -> None:
    """Raises what is wrong with a source as far as can be told without reading it."""
    if not text.startswith((*WEB, *OBJECT_STORES, *POSTGRES, SAMPLE)):
        _split_part(text, folders)
    elif text.startswith(SAMPLE):
        check_sample(text.removeprefix(SAMPLE))


def locate(order: SourceOrder, folder: Path, progress: Callable[[float], None] = lambda done: None) -> Located:
    """Find the files of a source; what is not a file of this machine is written into `folder`."""
    if order.content:
        return _located(_write_content(order.content, folder), "pasted content")
    if order.fetched:
        return _located(Path(order.fetched), order.shown)
    if order.database:
        table = copy_table(order.database, folder, limit_mb=order.limit_mb, progress=progress)
        return replace(_located(table.file, order.shown), table=table)
    if order.text.startswith(SAMPLE):
        return _located(sample_file(order.text.removeprefix(SAMPLE), folder), order.text)
    if order.text.startswith((*WEB, *OBJECT_STORES)):
        target = folder / file_name(order.text)
        if order.text.startswith(WEB):
            limit = order.limit_mb * _MEGABYTE
            fetch_web(
                order.text,
                target,
                allow_private=order.allow_private_addresses,
                limit_mb=order.limit_mb,
                progress=lambda done: progress(min(done / limit, 1.0)),
            )
        else:
            fetch_object(order.text, target, limit_mb=order.limit_mb)
        return _located(target, order.shown)
    files, part = _split_part(order.text, order.folders)
    names = {file: order.folders.shown(file) for file in files}
    return Located(names, part, [watch(file) for file in files], stays=True)


def _located(file: Path, shown: str) -> Located:
    return Located({file: shown}, "", [watch(file)], stays=False)


def _split_part(text: str, folders: Folders) -> tuple[list[Path], str]:
    """The files, and the table or sheet that follows `#`."""
    path, hash_sign, part = text.rpartition("#")
    if hash_sign and path:
        return folders.find(path), part
    return folders.find(text), ""


def _write_content(content: str, folder: Path) -> Path:
    text = content.strip()
    if text.startswith(("[", "{")):
        try:
            json.loads(text)
        except ValueError:
            if "\n" not in text:
                raise UnusableData("The content looks like JSON and cannot be parsed as such.") from None
        target = folder / "content.json"
    else:
        target = folder / "content.csv"
    target.write_text(text + "\n", encoding="utf-8")
    return target


def read_located(
    connection: "duckdb.DuckDBPyConnection", located: Located, folder: Path, limit_mb: int
) -> tuple[Reading, formats.Format]:
    """The rows of located files as SQL, and their format, which must be one."""
    if located.table:
        return read_copied(connection, located.table), "postgresql"
    return _read_files(connection, located, folder, limit_mb)


def _read_files(
    connection: "duckdb.DuckDBPyConnection", located: Located, folder: Path, limit_mb: int
) -> tuple[Reading, formats.Format]:
    unpacked = {unpack(connection, file, folder, limit_mb): shown for file, shown in located.files.items()}
    kinds: list[formats.Format] = list(dict.fromkeys(formats.format_of(file.path, file.name) for file in unpacked))
    if len(kinds) > 1:
        raise InvalidArgument(f"The files are of several formats ({', '.join(kinds)}); register them apart.")
    (kind,) = kinds
    files = {file.path: shown for file, shown in unpacked.items()}
    if located.part and kind in ("delimited", "json", "parquet"):
        raise InvalidArgument(f"A {kind} file holds one table; leave out `#{located.part}`.")
    if kind == "delimited":
        return _read_texts(connection, unpacked, folder), kind
    if kind == "parquet":
        return formats.read_parquet(connection, files), kind
    if kind == "json":
        return formats.read_json(connection, files), kind
    if len(files) > 1:
        raise InvalidArgument(f"One {kind} file at a time, please: there are {len(files)}.")
    ((file, shown),) = files.items()
    if kind == "duckdb":
        return formats.read_duckdb(connection, file, shown, located.part), kind
    if kind == "sqlite":
        return formats.read_sqlite(connection, file, shown, located.part, folder, limit_mb), kind
    return formats.read_excel(connection, file, shown, located.part, folder, limit_mb), kind


def _read_texts(connection: "duckdb.DuckDBPyConnection", unpacked: dict[Unpacked, str], folder: Path) -> Reading:
    files: dict[Path, str] = {}
    warnings: list[str] = []
    for file, shown in unpacked.items():
        path, warning = to_utf8(file.path, folder, shown)
        files[path] = shown
        warnings += [warning] if warning else []
    names = [file.name for file in unpacked]
    delimiter = _DELIMITERS.get(Path(names[0]).suffix.lower(), "")
    reading = read_delimited(connection, files, delimiter=delimiter)
    return Reading(reading.sql, [*warnings, *reading.warnings], reading.finite)
