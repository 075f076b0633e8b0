"""Which files may be read: those in the data folders and the workspace, links followed, and nothing else."""

import glob
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from mlsteward.errors import InvalidArgument, NotFound, Refused, UnusableData

MOST_FILES = 5_000
# Where hosts keep what a person attached to a chat: folders of another machine than this one.
_ATTACHMENTS = ("/mnt/data/", "/mnt/user-data/", "/home/claude/", "/home/oai/", "sandbox:", "attachment:", "file-")
_OWN_FILES = re.compile(r"store\.duckdb.*|.*\.lock|.*\.sock")


class Folders(BaseModel):
    """Where files may be read: the folders that the operator named, and the workspace."""

    data: list[Path]
    workspace: Path

    def find(self, text: str) -> list[Path]:
        """The files that a path or a glob names, each resolved and inside a folder.

        Raises Refused outside the folders, NotFound with close names, UnusableData for what is no file.
        """
        text = text.removeprefix("file://") if text.startswith("file:///") else text
        if text.startswith(_ATTACHMENTS) and not self._holds(Path(text)):
            raise Refused(_attachment_words(text), next='register_dataset(name=…, content="…")')
        if glob.has_magic(text) and not any(path.exists() for path in self._candidates(text)):
            return self._matches(text)
        return [self._one(text)]

    def check(self, path: Path) -> Path:
        """`path` with all links followed, if it may be read and is an ordinary file."""
        resolved = path.resolve()
        if not self._holds(resolved):
            linked = " (a link leads out of them)" if self._holds(path.absolute()) else ""
            raise Refused(f"{path} is not in a folder that may be read{linked}. {self._words()}")
        if resolved.parent == self.workspace.resolve() and _OWN_FILES.fullmatch(resolved.name):
            raise Refused(f"{resolved.name} is the workspace's own record; query_data reads it as `meta.…` tables.")
        mode = resolved.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InvalidArgument(f"{path} is a folder. Name a file in it, or a glob such as `{path.name}/*.csv`.")
        if not stat.S_ISREG(mode):
            raise UnusableData(f"{path} is not an ordinary file.")
        return resolved

    def _one(self, text: str) -> Path:
        candidates = self._candidates(text)
        inside = [path for path in candidates if self._holds(path.resolve()) or self._holds(path.absolute())]
        if not inside:
            raise Refused(f"{text} is not in a folder that may be read. {self._words()}")
        for path in inside:
            if path.exists():
                return self.check(path)
        raise NotFound(
            f"There is no file {text}. {self._words()}", close=self._close(Path(text).name), next="list_datasets()"
        )

    def _matches(self, text: str) -> list[Path]:
        found: list[Path] = []
        for pattern in self._candidates(text):
            anchor = Path(pattern.anchor)
            found += sorted(anchor.glob(str(pattern.relative_to(anchor))))
            if len(found) > MOST_FILES:
                raise UnusableData(f"{text} matches more than {MOST_FILES:,} files.")
        files = [self.check(path) for path in found if not path.is_dir()]
        if not files:
            raise NotFound(f"No file matches {text}. {self._words()}", next="list_datasets()")
        return list(dict.fromkeys(files))

    def _candidates(self, text: str) -> list[Path]:
        path = Path(text).expanduser()
        return [path] if path.is_absolute() else [folder / path for folder in (*self.data, self.workspace)]

    def _holds(self, path: Path) -> bool:
        return any(path.is_relative_to(folder.resolve()) for folder in (*self.data, self.workspace))

    def _words(self) -> str:
        if not self.data:
            return "No data folder is set: start the server with `--data /path/to/folder`."
        return "Data folders: " + ", ".join(str(folder) for folder in self.data[:5]) + "."

    def _close(self, name: str) -> list[str]:
        from rapidfuzz.process import extract

        files = {path.name: path for path in list_files(self.data)}
        found = extract(name, list(files), limit=3, score_cutoff=60)
        return [self.shown(files[match]) for match, *_ in found]

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
