"""The segments of a prediction log: lines that are there before the answer is, and Parquet that they become.

A line is handed to the system in one write before its prediction is sent, so a process that is killed loses no answer
it gave; once a second it is asked for on disk, so a power cut costs a second at most. A segment is closed when it is
large or a day old, and when its process ends. Closed segments are sealed by a process of their own
(`python -m mlsteward.serving.segments FOLDER`): an endpoint has no use for DuckDB, and no time for it.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from mlsteward.data.engine import connect, literal, row_of
from mlsteward.errors import StewardError
from mlsteward.runs.alive import lock_is_free, take_lock
from mlsteward.serving.prediction_log import LINES, SEALED, header_line, read_header, select_lines

logger = logging.getLogger("mlsteward.serving")

MOST_BYTES = 64 << 20
MOST_SECONDS = 86_400.0
_ROWS_TO_A_GROUP = 20_000
_MEMORY_MB = 512
# How long a statement may read the lines of a segment that was sealed meanwhile.
_READERS_SECONDS = 120.0


class LogFull(StewardError):
    """The prediction log cannot be written, so nothing may be answered."""


class SegmentWriter:
    """Writes the predictions of one process into segments of `folder`. Its methods but `flush` belong to one thread.

    `features` are the types of the features in the log, by name.
    """

    def __init__(self, folder: Path, features: Mapping[str, str], *, most_bytes: int = MOST_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.features = dict(features)
        self._most_bytes = most_bytes
        self._open()

    def append(self, lines: bytes) -> None:
        """Write whole lines, all or none of them. Raises LogFull."""
        if self._size + len(lines) > self._most_bytes and self._size > self._head:
            self.rotate()
        self._write(lines)

    def rotate(self, features: Mapping[str, str] | None = None) -> None:
        """Begin another segment, where features are others too, and have the old one sealed."""
        self.close()
        self.features = dict(features or self.features)
        self._open()
        seal_soon(self.folder)

    def flush(self) -> None:
        """Have what was written reach the disk. Any thread may ask for it."""
        if self._unsynced:
            self._unsynced = False
            # A copy of the descriptor: the segment may end meanwhile.
            descriptor = os.dup(self._descriptor)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def renew(self) -> None:
        """Let a segment that is a day old make room for another."""
        if time.monotonic() - self._began > MOST_SECONDS and self._size > self._head:
            self.rotate()

    def close(self) -> None:
        """End the segment. One that holds nothing goes."""
        os.fsync(self._descriptor)
        if self._size == self._head:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _open(self) -> None:
        self.path = self.folder / f"{time.time_ns() // 1000:016d}-{os.getpid()}{LINES}"
        # The lock tells whoever seals that somebody writes; the system drops it with the process.
        self._descriptor = take_lock(self.path)
        self._began = time.monotonic()
        self._size = 0
        self._unsynced = False
        self._write(header_line(self.features))
        self._head = self._size

    def _write(self, lines: bytes) -> None:
        try:
            written = os.write(self._descriptor, lines)
        except OSError as error:
            raise _full(error.strerror or "no reason given") from error
        if written < len(lines):
            # Half a line would spoil the next one.
            os.ftruncate(self._descriptor, self._size)
            os.lseek(self._descriptor, self._size, os.SEEK_SET)
            raise _full("no space left on the device")
        self._size += written
        self._unsynced = True


def _full(why: str) -> LogFull:
    return LogFull(f"Nothing is answered, because the prediction log cannot be written: {why}.")


def seal_soon(folder: Path) -> None:
    """Have what is closed in `folder` sealed, beside whatever goes on here."""
    command = [sys.executable, "-m", "mlsteward.serving.segments", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    # Somebody must ask how it ended, or it stays as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def seal_segments(folder: Path) -> int:
    """Turn segments that nobody writes any more into Parquet; returns how many. One process at a time does."""
    try:
        turn = take_lock(folder / "sealing")
    except OSError:
        return 0
    try:
        return sum(_seal(file) for file in sorted(folder.glob(f"*{LINES}")) if lock_is_free(file))
    finally:
        os.close(turn)


def _seal(file: Path) -> bool:
    """Whether the segment was sealed. Its lines stay for a while, and where rows would be lost for ever."""
    final = file.with_suffix(SEALED)
    if final.exists():
        if time.time() - final.stat().st_mtime > _READERS_SECONDS:
            file.unlink(missing_ok=True)
        return False
    select = select_lines(file)
    if read_header(file) is None or not select:
        file.unlink(missing_ok=True)  # ended before its first line was whole
        return False
    part = file.with_suffix(".part")
    with connect(memory_mb=_MEMORY_MB, threads=1) as connection:
        connection.execute(
            f"COPY ({select}) TO {literal(str(part))}"
            f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS_TO_A_GROUP})"
        )
        (rows,) = row_of(connection, f"SELECT count(*) FROM read_parquet({literal(str(part))})")
    # As private as the lines were: rows may tell of people.
    part.chmod(0o600)
    if rows != (whole := _whole_lines(file) - 1):
        part.unlink()
        logger.error("%s has %d whole lines of which %d can be read: it is left as it is", file.name, whole, rows)
        return False
    if not rows:
        part.unlink()
    else:
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(final)
        # Whoever looked before reads the lines still; a later pass takes them away.
        return True
    file.unlink()
    return False


def _whole_lines(file: Path) -> int:
    with file.open("rb") as opened:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b""))


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    seal_segments(Path(sys.argv[1]))
