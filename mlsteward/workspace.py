"""The folder that holds everything: store, objects, runs, models, logs."""

import getpass
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.config import Settings
from mlsteward.data.paths import UPLOADS, Folders
from mlsteward.dictionary.sensitivity import FULL, Level, lower
from mlsteward.runs.alert_delivery import AlertDelivery
from mlsteward.runs.runs import Runs
from mlsteward.serving.endpoint.desired import DEPLOYMENTS
from mlsteward.store.store import Store

if TYPE_CHECKING:
    from mlsteward.data.query_process import QueryProcess
    from mlsteward.runs.endpoints import Endpoints
    from mlsteward.runs.lineage_delivery import LineageDelivery


class Workspace:
    """One workspace as one process sees it. Nothing is opened or created before it is needed.

    Its store hands out all there is; `seen_by` gives the workspace to hand to a caller.
    """

    clearance: Level = FULL

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.workspace

    def seen_by(self, clearance: Level) -> "Workspace":
        """The same workspace for a reader of this clearance: its store leaves out what lies above."""
        return self if clearance == self.clearance else _Seen(self, clearance)

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    @property
    def uploads(self) -> Path:
        """Files sent by `mlsteward upload`; they can be registered as `uploads/NAME`."""
        return self.folder / UPLOADS

    @property
    def readable(self) -> Folders:
        """The folders whose files whoever sees this workspace may name."""
        return Folders(data=self.settings.data, workspace=self.folder, uploads_only=self.clearance != FULL)

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
            compute=self.settings.compute,
            recorded=self._tell_others(),
        )

    @cached_property
    def alerts(self) -> AlertDelivery:
        """What sends alerts to where the operator said."""
        settings = self.settings
        return AlertDelivery(
            self.store, webhook=settings.alert_webhook.get_secret_value(), command=settings.alert_command
        )

    @cached_property
    def lineage(self) -> "LineageDelivery":
        """What tells other systems, as OpenLineage events, where the operator said."""
        # Most servers send none, and need not load how.
        from mlsteward.runs.lineage_delivery import LineageDelivery, lineage_sinks, read_parent

        settings = self.settings
        return LineageDelivery(
            self.store,
            lineage_sinks(settings),
            self.folder / "openlineage.lock",
            namespace=settings.openlineage_namespace,
            clearance=settings.clearance,
            parent=read_parent(settings.openlineage_parent_id),
        )

    @cached_property
    def endpoints(self) -> "Endpoints":
        """What keeps endpoints serving what is deployed."""
        from mlsteward.runs.endpoints import Endpoints

        return Endpoints(self.folder, self.store, noticed=self._tell_others())

    def look_after_endpoints(self) -> None:
        """Serve what is deployed, where anything ever was."""
        if (self.folder / DEPLOYMENTS).is_dir():
            self.endpoints.wake()

    def _tell_others(self) -> Callable[[], None]:
        """What is called when something was recorded: there already, so that it knows from when on."""
        others = [self.alerts.wake, *([self.lineage.wake] if self.settings.sends_lineage else [])]

        def tell() -> None:
            for wake in others:
                wake()
            self.look_after_endpoints()

        return tell

    @cached_property
    def queries(self) -> "QueryProcess":
        from mlsteward.data.query_process import QueryProcess

        return QueryProcess(
            self.folder / "queries", memory_mb=self.settings.query_memory_mb, seconds=self.settings.query_seconds
        )

    def close(self) -> None:
        """End what this process started for itself; runs go on."""
        for name in ("queries", "runs", "endpoints", "alerts", "lineage", "store"):
            part = self.__dict__.get(name)
            if part is not None:
                part.close()


class _Seen(Workspace):
    """A workspace as a reader sees it; everything but the store is that of the whole one."""

    def __init__(self, whole: Workspace, clearance: Level) -> None:
        super().__init__(whole.settings)
        self._whole = whole
        self.clearance = lower(clearance, whole.clearance)

    def seen_by(self, clearance: Level) -> Workspace:
        return self if clearance == self.clearance else _Seen(self._whole, lower(clearance, self.clearance))

    @property
    def store(self) -> Store:  # pyright: ignore[reportIncompatibleVariableOverride] - read only there too
        return self._whole.store.seen_by(self.clearance)

    @property
    def runs(self) -> Runs:  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        return self._whole.runs

    @property
    def alerts(self) -> AlertDelivery:  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        return self._whole.alerts

    @property
    def lineage(self) -> "LineageDelivery":  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        return self._whole.lineage

    @property
    def endpoints(self) -> "Endpoints":  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        return self._whole.endpoints

    @property
    def queries(self) -> "QueryProcess":  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        return self._whole.queries

    def close(self) -> None:
        """Nothing here is its own."""
