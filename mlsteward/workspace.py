"""The folder that holds everything: store, objects, runs, models, logs."""

import getpass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.config import Settings
from mlsteward.runs.runs import Runs
from mlsteward.store.store import Store

if TYPE_CHECKING:
    from mlsteward.data.query_process import QueryProcess


class Workspace:
    """One workspace as one process sees it. Nothing is opened or created before it is needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.workspace

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    @property
    def uploads(self) -> Path:
        """Files sent by `mlsteward upload`; they can be registered as `uploads/NAME`."""
        return self.folder / "uploads"

    @property
    def log_file(self) -> Path:
        return self.folder / "logs" / "server.log"

    @cached_property
    def user(self) -> str:
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a container's user without a name
            return "local"

    @cached_property
    def store(self) -> Store:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Store(self.folder / "store.duckdb")

    @cached_property
    def runs(self) -> Runs:
        return Runs(
            self.folder,
            self.store,
            max_workers=self.settings.max_workers,
            memory_mb=self.settings.worker_memory_mb,
        )

    @cached_property
    def queries(self) -> "QueryProcess":
        from mlsteward.data.query_process import QueryProcess

        return QueryProcess(
            self.folder / "queries", memory_mb=self.settings.query_memory_mb, seconds=self.settings.query_seconds
        )

    def close(self) -> None:
        """End what this process started for itself; runs go on."""
        for name in ("queries", "runs", "store"):
            part = self.__dict__.get(name)
            if part is not None:
                part.close()
