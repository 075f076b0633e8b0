"""Files made ready to be read: hashed, unpacked, put into UTF-8; and watched for changes meanwhile."""

import codecs
import gzip
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlsteward.data.engine import literal, row_of
from mlsteward.errors import UnusableData

if TYPE_CHECKING:
    import duckdb

_CHUNK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Watched:
    """A file as it was when it was first looked at."""

    path: Path
    size: int
    modified: int
    inode: int

    def check_unchanged(self) -> None:
        """Raises UnusableData when the file was written or replaced since."""
        if watch(self.path) != self:
            raise UnusableData(f"{self.path.name} changed while it was read. Register it again once it is complete.")


def watch(path: Path) -> Watched:
    status = path.stat()
    return Watched(path, status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(frozen=True)
class Unpacked:
    """A file without its compression; `name` is what it is called inside."""

    path: Path
    name: str


def unpack(connection: "duckdb.DuckDBPyConnection", path: Path, folder: Path, limit_mb: int) -> Unpacked:
    """`path` itself, or what is compressed in it (.gz, .zst, a .zip of one file) as a file in `folder`.

    Raises UnusableData when it cannot be unpacked or exceeds `limit_mb`.
    """
    suffix = path.suffix.lower()
    inside = path.name[: -len(suffix)] if suffix in (".gz", ".zst", ".zip") else path.name
    target = folder / f"unpacked-{len(list(folder.glob('unpacked-*')))}-{inside}"
    try:
        if suffix == ".gz":
            with gzip.open(path) as packed:
                _copy(packed, target, limit_mb, path.name)
        elif suffix == ".zip":
            inside = _unzip(path, target, limit_mb)
        elif suffix == ".zst":
            _unpack_zstd(connection, path, target, limit_mb)
        else:
            return Unpacked(path, path.name)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise UnusableData(f"{path.name} cannot be unpacked: {error}") from error
    return Unpacked(target, inside)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _unzip(path: Path, target: Path, limit_mb: int) -> str:
    with zipfile.ZipFile(path) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            names = ", ".join(member.filename for member in members[:5]) or "nothing"
            raise UnusableData(f"{path.name} holds {len(members)} files ({names}); a .zip must hold exactly one.")
        if members[0].flag_bits & 1:
            raise UnusableData(f"{path.name} is encrypted.")
        with archive.open(members[0]) as packed:
            _copy(packed, target, limit_mb, path.name)
        return Path(members[0].filename).name


def _copy(source: _Readable, target: Path, limit_mb: int, name: str) -> None:
    left = limit_mb * _CHUNK
    with target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise _too_large(name, limit_mb)
            file.write(chunk)


def _too_large(name: str, limit_mb: int) -> UnusableData:
    return UnusableData(f"{name} holds more than {limit_mb} MB once it is unpacked.")


def _unpack_zstd(connection: "duckdb.DuckDBPyConnection", path: Path, target: Path, limit_mb: int) -> None:
    # Python 3.11 has no zstd and the engine has: every line is read as one cell and written back.
    import duckdb

    cell = "delim = chr(1), quote = '', escape = '', header = false"
    source = f"read_csv({literal(str(path))}, auto_detect = false, {cell}, columns = {{'line': 'VARCHAR'}})"
    try:
        if int(row_of(connection, f"SELECT sum(strlen(line) + 1) FROM {source}")[0] or 0) > limit_mb * _CHUNK:
            raise _too_large(path.name, limit_mb)
        connection.execute(
            f"COPY (SELECT line FROM {source}) TO {literal(str(target))}"
            f" (FORMAT csv, HEADER false, DELIM '{chr(1)}', QUOTE '', ESCAPE '')"
        )
    except duckdb.Error as error:
        raise UnusableData(f"{path.name} cannot be unpacked: {str(error).splitlines()[0]}") from error


def to_utf8(path: Path, folder: Path, shown: str) -> tuple[Path, str]:
    """The file, or a copy of it in UTF-8 with uniform line ends; and a warning or "".

    Raises UnusableData for what is no text.
    """
    with path.open("rb") as file:
        head = file.read(65536)
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    if encoding != "utf-16" and _is_binary(head):
        raise UnusableData(f"{shown} is not a text file, whatever its name says.")
    valid, mixed = (False, True) if encoding == "utf-16" else _scan(path)
    if valid and not mixed:
        return path, ""
    warning = ""
    if encoding == "utf-8" and not valid:
        encoding, warning = "cp1252", f"{shown} is not UTF-8; it was read as Windows-1252 (Western European)."
    target = folder / f"utf8-{len(list(folder.glob('utf8-*')))}.csv"
    # A few bytes mean nothing in Windows-1252; a mark stands in their place. newline=None makes line ends uniform.
    with path.open(encoding=encoding, errors="replace") as source, target.open("w", encoding="utf-8") as file:
        shutil.copyfileobj(source, file, _CHUNK)
    return target, warning


def _is_binary(head: bytes) -> bool:
    if b"\x00" in head:
        return True
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return control > len(head) / 50


def _scan(path: Path) -> tuple[bool, bool]:
    """Whether the file is UTF-8, and whether its lines end in more than one way."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    both = bare = 0
    valid = True
    for chunk in _chunks(path):
        both += chunk.count(b"\r\n")
        bare += chunk.count(b"\n")
        if valid:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                valid = False
    return valid, 0 < both < bare


def _chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces that never part a line end."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if chunk.endswith(b"\r"):
                chunk += file.read(1)
            yield chunk


def hash_files(paths: list[Path]) -> str:
    """The sha256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        for chunk in _chunks(path):
            digest.update(chunk)
    return digest.hexdigest()
