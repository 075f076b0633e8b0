"""`mlsteward export openlineage`: the events of runs, to standard output, a file or an address that takes them."""

import json
import sys
from contextlib import closing
from pathlib import Path

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.runs.lineage_delivery import read_parent
from mlsteward.runs.lineage_export import export_lineage, read_since
from mlsteward.runs.lineage_sinks import Event, FileSink, HttpSink, Sink
from mlsteward.server.command import remember
from mlsteward.workspace import Workspace


class _Printed:
    """Standard output as a sink."""

    key = shown = "standard output"

    def send(self, event: Event) -> None:
        sys.stdout.write(json.dumps(event, allow_nan=False) + "\n")


def export_events(settings: Settings, *, since: str, to: str) -> int:
    moment = read_since(since)
    with closing(Workspace(settings)) as workspace:
        sink = _sink(settings, to)
        sent = export_lineage(
            workspace.store,
            sink,
            namespace=settings.openlineage_namespace,
            clearance=settings.clearance,
            parent=read_parent(settings.openlineage_parent_id),
            since=moment,
        )
        remember(workspace, "export", "", f"openlineage to {sink.shown}: {counted(sent, 'event')}")
    print(f"{sent} events", file=sys.stderr)  # noqa: T201 - a command's own output
    return 0


def _sink(settings: Settings, to: str) -> Sink:
    if to == "-":
        return _Printed()
    if to.startswith(("http://", "https://")):
        return HttpSink(to, settings.openlineage_api_key.get_secret_value())
    return FileSink(Path(to))
