"""The tool `get_run`."""

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from mlsteward.answer import Answer, clipped, counted, interval, number, table
from mlsteward.names import parse_run
from mlsteward.record import Record
from mlsteward.runs.folder import Event, RunFolder
from mlsteward.runs.kinds import findings_of
from mlsteward.server.declare import Call, Tool
from mlsteward.store.approvals import Approval, approval_of_run
from mlsteward.store.metrics import MetricRow, metrics_of
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

# What keeps the answer small; the run's page has all of it.
_METRICS = 14
_PARAMS_BYTES = 700
_WORDS = 900
_FINDING = 500


class RunMetric(Record):
    split: str
    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


class RunAnswer(Answer):
    run: int
    kind: str
    state: str = Field(description="queued, running, waiting, completed, failed, cancelled or lost")
    name: str = ""
    dataset: str = ""
    target: str = ""
    done: float | None = Field(default=None, description="Share of the work that is done, 0 to 1.")
    message: str = Field(default="", description="What it does now.")
    seconds: float | None = Field(default=None, description="Seconds it took, or has taken so far.")
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
    findings: list[str] = Field(default_factory=list[str], description="What it found, as its own tool says it.")
    findings_total: int = 0
    details: str = Field(default="", description="The end of the log, when it was lost.")
    params: dict[str, Any] = Field(default_factory=dict[str, Any])
    metrics: list[RunMetric] = Field(default_factory=list[RunMetric])
    metrics_total: int = 0
    page: str = Field(description="All about the run: read_page(uri=page).")

    def body(self) -> list[str]:
        about = [self.dataset and f"dataset {self.dataset}", self.target and f"target {self.target}"]
        params = ", ".join(f"{name}={json.dumps(value)}" for name, value in self.params.items())
        rows = [(each.split, each.name, interval(each.value, each.low, each.high)) for each in self.metrics]
        more = self.metrics_total - len(self.metrics)
        unsaid = self.findings_total - len(self.findings)
        return [
            ", ".join(part for part in about if part),
            self.details,
            f"params: {params}" if params else "",
            *table(("split", "metric", "value [95 %]"), rows),
            f"and {counted(more, 'more metric')}" if more > 0 else "",
            *self.findings,
            f"and {counted(unsaid, 'more line')} on the page" if unsaid > 0 else "",
            f"page: {self.page}",
        ]


def get_run(call: Call, run: str, wait_seconds: float = 20) -> RunAnswer:
    """Wait for a run of any kind (train, register, evaluate, …) and show it: state, progress, metrics, errors.

    Returns as soon as the run has ended, else after `wait_seconds` with its progress; call it again to wait on. Runs
    go on whether or not anybody waits.
    """
    found = call.look(parse_run(run), wait_seconds)

    def read(t: Transaction) -> tuple[list[MetricRow], Approval | None]:
        return metrics_of(t, found.number), approval_of_run(t, found.number)

    recorded, approval = call.workspace.store.read(read)
    folder = RunFolder(call.workspace.runs.folder(found.number))
    event = folder.last_event() if found.state == "running" and not found.withheld else None
    metrics = sorted(recorded, key=lambda metric: metric.split != "test")
    answer = RunAnswer(
        verdict=_verdict(found, event, approval, call.workspace.runs.outlive_host),
        run=found.number,
        kind=found.kind,
        state=found.state,
        name=found.name,
        dataset=found.dataset,
        target=found.target,
        done=event.done if event else None,
        message=clipped(event.message, _WORDS) if event else "",
        seconds=_seconds(found),
        cpu_seconds=found.cpu_seconds,
        peak_memory_mb=found.peak_memory_mb,
        details=clipped(found.error.partition("\n")[2], _WORDS),
        params=_few(found.params),
        metrics=[RunMetric(**metric.model_dump(include=set(RunMetric.model_fields))) for metric in metrics[:_METRICS]],
        metrics_total=len(metrics),
        page=f"mlsteward://runs/{found.number}",
        next=_next(found),
    )
    asked = [f"approval: {approval.line()}"] if approval and found.state == "completed" else []
    lines = [*([found.withheld] if found.withheld else []), *asked, *findings_of(found)]
    return _with_findings(answer, [clipped(line, _FINDING) for line in lines])


def _with_findings(answer: RunAnswer, lines: list[str]) -> RunAnswer:
    """As many of the lines as fit beside all else, the first ones."""
    shown = len(lines)
    while True:
        whole = answer.model_copy(update={"findings": lines[:shown], "findings_total": len(lines)})
        if not shown or whole.fits():
            return whole
        shown -= 1


def _verdict(run: Run, event: Event | None, approval: Approval | None, outlives: bool) -> str:
    label = f"{run.label} ({run.kind}{' ' + run.name if run.name else ''})"
    words = clipped(run.error.partition("\n")[0], _WORDS)
    after = f" after {number(_seconds(run), 3)} s" if run.started else ""
    if run.state == "running":
        how_far = f", {event.done:.0%} done: {clipped(event.message, _WORDS)}" if event else ""
        return f"{label} is running{after}{how_far}." + ("" if outlives else " It ends when this server ends.")
    if run.state == "queued":
        return f"{label} is queued: it starts when a worker is free."
    if run.state == "waiting" and approval:
        return f"{label}: {approval.asset} {approval.line()}."
    if run.state == "completed":
        said = run.result.get("verdict")
        return f"{label} completed{after}" + (f": {clipped(said, _WORDS)}" if isinstance(said, str) and said else ".")
    ended = {"failed": "failed", "cancelled": "was cancelled", "lost": "was lost"}[run.state]
    return f"{label} {ended}{after}" + (f": {words}" if words else ".")


def _next(run: Run) -> str:
    if run.state in ("queued", "running", "waiting"):
        return run.wait_on
    following = run.result.get("next")
    return following if isinstance(following, str) and following else f'read_page(uri="mlsteward://runs/{run.number}")'


def _seconds(run: Run) -> float | None:
    if run.wall_seconds is not None or run.started is None:
        return run.wall_seconds
    return round(((run.finished or datetime.now(UTC)) - run.started).total_seconds(), 1)


def _few(params: dict[str, Any]) -> dict[str, Any]:
    """As many of the parameters as fit."""
    kept: dict[str, Any] = {}
    for name, value in params.items():
        if len(json.dumps({**kept, name: value})) <= _PARAMS_BYTES:
            kept[name] = value
    return kept


TOOL = Tool(get_run, title="Wait for a run and show it", toolset="training", read_only=True, idempotent=True)
