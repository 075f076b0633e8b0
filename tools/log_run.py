"""The tool `log_run`."""

from datetime import UTC, datetime
from typing import Any

from mlsteward.answer import Answer, counted, one_line
from mlsteward.errors import InvalidArgument
from mlsteward.lineage.made import used_edges
from mlsteward.runs.logged import Incoming, check_sources, masked_sources, read_metrics
from mlsteward.server.declare import Call, Tool
from mlsteward.store.activity import add_activity
from mlsteward.store.datasets import find_dataset
from mlsteward.store.lineage import add_edges
from mlsteward.store.metrics import add_metrics
from mlsteward.store.runs import Run, add_run
from mlsteward.store.transaction import Transaction

_MOST_NAME = 200


class LoggedAnswer(Answer):
    run: int
    metrics: int
    artifacts: list[str]
    page: str

    def body(self) -> list[str]:
        return [f"artifacts: {', '.join(self.artifacts)}" if self.artifacts else "", f"page: {self.page}"]


def log_run(
    call: Call,
    name: str,
    params: dict[str, Any] = {},
    metrics: dict[str, float | list[float]] = {},
    tags: dict[str, str] = {},
    dataset: str = "",
    artifacts: list[str] = [],
) -> LoggedAnswer:
    """Record a model trained elsewhere, so that list_runs and compare_runs show it beside those trained here.

    A metric is a number, or a list of numbers with one for each step; a bare name is that of the test rows,
    `validation.log_loss` that of another split. dataset is a registered dataset; artifacts are files in the data
    folders, which are copied.
    """
    name = one_line(name, _MOST_NAME)
    if not name:
        raise InvalidArgument("A logged run needs a name.")
    values = read_metrics(metrics)
    folders = call.workspace.readable
    incoming = Incoming(call.workspace.folder / "runs", artifacts, folders)

    check_sources(call.workspace.store.read(masked_sources), incoming.files, folders)

    def write(t: Transaction) -> int:
        version = find_dataset(t, dataset, rows=False) if dataset else None
        run = Run(
            number=0,
            kind="train",
            name=name,
            state="completed",
            dataset=version.label if version else "",
            fingerprint=version.fingerprint if version else "",
            params=params,
            tags=tags,
            actor=call.actor.name,
            client=call.actor.client,
            reason="trained elsewhere",
            created=datetime.now(UTC),
        )
        number = add_run(t, run)
        add_edges(t, used_edges(number, "train", datasets=[run.dataset]))
        add_metrics(t, [value.model_copy(update={"run": number}) for value in values])
        add_activity(
            t, actor=call.actor.name, client=call.actor.client, action=call.tool, asset=f"run:{number}", run=number
        )
        incoming.place(number)
        return number

    with incoming:
        number = call.workspace.store.write(write)
    what = f"{counted(len(metrics), 'metric')} and {counted(len(artifacts), 'artifact')}"
    return LoggedAnswer(
        verdict=f"run:{number} ({name}) is recorded with {what}.",
        run=number,
        metrics=len(metrics),
        artifacts=incoming.names,
        page=f"mlsteward://runs/{number}",
        next="list_runs()",
    )


TOOL = Tool(log_run, title="Record a run made elsewhere", toolset="tracking", read_only=False)
