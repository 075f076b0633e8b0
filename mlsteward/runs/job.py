"""What a job kind's `work` is given: where it may write, how much it may use, and how it tells of its progress."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

EVENTS = "events.jsonl"
ARTIFACTS = "artifacts"


@dataclass(frozen=True)
class Job:
    """One run, seen from its worker.

    `folder` is the run's own folder, `workspace` the folder that holds everything (paths that the store knows are
    relative to it) and `memory_mb` what the worker may use before a MemoryError.
    """

    folder: Path
    workspace: Path
    memory_mb: int = 8192

    @property
    def number(self) -> int:
        """The run's number, which its folder is called; 0 for work that is no run."""
        return int(self.folder.name) if self.folder.name.isdigit() else 0

    @property
    def artifacts(self) -> Path:
        """The folder for files that the run leaves."""
        folder = self.folder / ARTIFACTS
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def progress(self, done: float, message: str) -> None:
        """Say how far the work is, `done` from 0 to 1, and what it does now."""
        event = {"at": datetime.now(UTC).isoformat(), "done": min(max(float(done), 0.0), 1.0), "message": message}
        # One write of one line to a file opened for appending: a reader never sees two lines mixed.
        with (self.folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    @contextmanager
    def threads(self, count: int = 0) -> Generator[int, None, None]:
        """Let OpenMP and BLAS use `count` threads inside the block, 0 meaning all cores; gives the number.

        A worker has one thread otherwise: on small data more are many times slower when the cores are busy.
        """
        from threadpoolctl import threadpool_limits

        count = count or os.cpu_count() or 1
        with threadpool_limits(limits=count):
            yield count
