"""Which files may be read: those in the data folders and the workspace, links followed, and nothing else."""

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from mlsteward.errors import InvalidArgument, NotFound, Refused, UnusableData
from mlsteward.names import close_names
from mlsteward.record import Record

MOST_FILES = 5_000
UPLOADS = "uploads"
# Where hosts keep what a person attached to a chat: folders of another machine than this one.
_ATTACHMENTS = ("/mnt/data/", "/mnt/user-data/", "/home/claude/", "/home/oai/", "sandbox:", "attachment:", "file-")
# The store, its log, and the backups beside it.
_OWN_FILES = re.compile(r"store\..*|.*\.lock|.*\.sock", re.IGNORECASE)


class Folders(Record):
    """Where files may be read: the folders that the operator named, and the workspace.

    With `uploads_only`, of the workspace only what was sent to it: snapshots and files of runs hold what is masked.
    """

    data: list[Path]
    workspace: Path
    uploads_only: bool = False

    def find(self, text: str) -> list[Path]:
        """The files that a path or a glob names, each resolved and inside a folder.

        Raises Refused outside the folders, NotFound with close names, UnusableData for what is no file.
        """
        text = text.removeprefix("file://") if text.startswith("file:///") else text
        try:
            return self._find(text)
        except (OSError, RuntimeError, ValueError) as error:  # a zero byte, a loop of links, no such user's home
            raise UnusableData(f"{text[:200]!r} cannot be looked up: {error}") from error

    def _find(self, text: str) -> list[Path]:
        if text.startswith(_ATTACHMENTS) and not self._holds(Path(text)):
            raise Refused(_attachment_words(text), next='register_dataset(name=…, content="…")')
        candidates = self._candidates(text)
        for path in candidates:
            if path.exists():
                return [self.check(path)]
        if glob.has_magic(text):
            return self._matches(text, candidates)
        raise NotFound(
            f"There is no file {text}. {self._words()}", close=self._close(Path(text).name), next="list_datasets()"
        )

    def check(self, path: Path) -> Path:
        """`path` with all links followed, if it may be read and is an ordinary file."""
        resolved = path.resolve()
        if not self._holds(resolved):
            linked = " (a link leads out of them)" if self._holds(Path(os.path.normpath(path.absolute()))) else ""
            raise Refused(f"{path} is not in a folder that may be read{linked}. {self._words()}")
        if resolved.parent == self.workspace.resolve() and _OWN_FILES.fullmatch(resolved.name):
            raise Refused(f"{resolved.name} is the workspace's own record; query_data reads it as `meta.…` tables.")
        workspace = self.workspace.resolve()
        if (
            self.uploads_only
            and resolved.is_relative_to(workspace)
            and not resolved.is_relative_to(workspace / UPLOADS)
        ):
            raise Refused(f"{path} is the workspace's own; query_data and read_page show what is in it for you.")
        mode = resolved.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InvalidArgument(f"{path} is a folder. Name a file in it, or a glob such as `{path.name}/*.csv`.")
        if not stat.S_ISREG(mode):
            raise UnusableData(f"{path} is not an ordinary file.")
        return resolved

    def _matches(self, text: str, patterns: Sequence[Path]) -> list[Path]:
        found: list[Path] = []
        for pattern in patterns:
            anchor = Path(pattern.anchor)
            matching = anchor.glob(str(pattern.relative_to(anchor)))
            found += sorted(islice(matching, MOST_FILES + 1))
            if len(found) > MOST_FILES:
                raise UnusableData(f"{text} matches more than {MOST_FILES:,} files.")
        files = [self.check(path) for path in found if not path.is_dir()]
        if not files:
            raise NotFound(f"No file matches {text}. {self._words()}", next="list_datasets()")
        return list(dict.fromkeys(files))

    def _candidates(self, text: str) -> list[Path]:
        """The paths that `text` may mean. What lies outside the folders is not looked for, so nothing tells of it."""
        given = Path(text).expanduser()
        paths = [given] if given.is_absolute() else [folder / given for folder in (*self.data, self.workspace)]
        plain = [Path(os.path.normpath(path)) for path in paths]
        inside = [path if self._holds(path) else path.resolve() for path in plain]
        if not (inside := [path for path in inside if self._holds(path)]):
            raise Refused(f"{text} is not in a folder that may be read. {self._words()}")
        return inside

    def _holds(self, path: Path) -> bool:
        return any(path.is_relative_to(folder.resolve()) for folder in (*self.data, self.workspace))

    def _words(self) -> str:
        if not self.data:
            return "No data folder is set: start the server with `--data /path/to/folder`."
        return "Data folders: " + ", ".join(str(folder) for folder in self.data[:5]) + "."

    def _close(self, name: str) -> list[str]:
        files = {path.name: path for path in list_files(self.data)}
        return [self.shown(files[match]) for match in close_names(name, files)]

    def shown(self, path: Path) -> str:
        """A file's path as a caller would write it: relative to a data folder where that is clear."""
        for folder in (*self.data, self.workspace):
            if path.is_relative_to(folder):
                return str(path.relative_to(folder))
        return str(path)


def _attachment_words(text: str) -> str:
    return (
        f"{text} lies with the chat's host, not on the machine of this server. Paste a small table (≤ 256 KB) as "
        "`content`, or have the person run `mlsteward upload FILE --server URL` or copy it to a data folder."
    )


_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "venv"})
_SUFFIXES = re.compile(
    r".*\.((csv|tsv|txt|json|jsonl|ndjson)(\.gz|\.zst|\.zip)?|parquet|pq|xlsx|duckdb|sqlite|sqlite3)", re.IGNORECASE
)


def list_files(folders: Sequence[Path], *, most: int = 500, looked_at: int = 20_000) -> list[Path]:
    """Files in the folders that look like data, newest first. Hidden folders are passed over; the search is bounded."""
    found: list[tuple[float, Path]] = []
    for count, path in enumerate(_walk(folders)):
        if count >= looked_at:
            break
        if _SUFFIXES.fullmatch(path.name) and not path.name.startswith("."):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, key=lambda item: -item[0])[:most]]


def _walk(folders: Sequence[Path]) -> Iterator[Path]:
    pending = [(folder, 0) for folder in folders]
    while pending:
        folder, depth = pending.pop(0)
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # a folder that may not be listed
            continue
        for entry in entries:
            if entry.is_symlink() or entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if entry.is_dir():
                if depth < 4:
                    pending.append((entry, depth + 1))
            elif entry.is_file():
                yield entry
