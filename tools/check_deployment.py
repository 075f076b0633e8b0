"""The tool `check_deployment`."""

from pydantic import Field

from mlsteward.answer import RunFindings, clipped, counted, interval, number, table
from mlsteward.drift.report import Verdict
from mlsteward.drift.words import column_words
from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.judgement import Score
from mlsteward.monitoring.deployment_report import DeploymentReport, Realised, SegmentChange
from mlsteward.monitoring.deployment_words import DRIFTED, estimate_words, segments_words
from mlsteward.record import Record
from mlsteward.runs.endpoint_status import endpoint_status
from mlsteward.runs.jobs.monitor import DRIFT_PLOT, PLOT, Result
from mlsteward.runs.monitor_request import start_monitor
from mlsteward.runs.monitored import Watched, watched_deployments
from mlsteward.server.declare import Call, Tool
from mlsteward.store.deployments import find_deployment
from mlsteward.store.runs import Run

_VERDICT = 700
_SCORES = 4
_LISTED = 20
_TOLD = 8


class DeploymentLine(Record):
    name: str
    state: str
    model: str
    rows: int | None = Field(default=None, description="Answered in the span last looked at.")
    health: str = Field(default="", description="The last verdict.")
    checked: str = ""


class ModelPerformance(Record):
    model: str
    role: str
    rows: int
    labelled: int
    metrics: str = ""


class DriftedColumn(Record):
    column: str
    verdict: Verdict
    change: str
    effect: str


class MovedSegment(Record):
    segment: str
    share: str
    loss: str
    brings: float = Field(description="What it adds to the change of the mean loss.")
    worse: bool
    moved: bool


class DeploymentCheck(RunFindings):
    deployments: list[DeploymentLine] = Field(default_factory=list[DeploymentLine])
    total: int | None = None
    health: str = ""
    failing: list[str] = Field(default_factory=list[str], description="Checks that stand as alerts.")
    notices: list[str] = Field(default_factory=list[str])
    traffic: str = ""
    estimated: str = Field(default="", description="Performance before outcomes came, and what that assumes.")
    realised: list[ModelPerformance] = Field(default_factory=list[ModelPerformance])
    losses: str = ""
    segments: str = ""
    moved: list[MovedSegment] = Field(default_factory=list[MovedSegment])
    drift: Verdict | None = None
    columns: list[DriftedColumn] = Field(default_factory=list[DriftedColumn])
    page: str = ""
    plots: list[str] = Field(default_factory=list[str])


def check_deployment(
    call: Call, deployment: str = "", since: str = "", until: str = "", wait_seconds: float = 20
) -> DeploymentCheck:
    """How does a deployment do: one verdict with its evidence and the next step. Without a name: all deployments.

    Traffic, errors, latency; drift of inputs and predictions against the training data; performance estimated before
    outcomes come and realised after; which segment moved, and does it hurt. `since` (2024-05-01, `7 days`; the default)
    and `until` part the rows; alarms watch all of them.
    """
    if not deployment:
        if since or until:
            raise InvalidArgument("Name the deployment to look at since then.", next="check_deployment()")
        return _list(call)
    run = start_monitor(call.workspace, call.actor, deployment, since=since, until=until)
    return _of_endpoint(call, deployment, _answer(call.wait(run, wait_seconds), deployment))


def _list(call: Call) -> DeploymentCheck:
    call.workspace.runs.take_in()
    found = watched_deployments(call.workspace)
    lines = [_line(one) for one in found[:_LISTED]]
    worst = [one.name for one in found if one.health in ("alarm", "notice")]
    verdict = f"{counted(len(found), 'deployment')}" if found else "Nothing is deployed yet"
    verdict += f"; look at {', '.join(worst[:3])}" if worst else ""
    headers = ("deployment", "state", "model", "rows", "last verdict", "checked")
    first = worst[0] if worst else found[0].name if found else ""
    return DeploymentCheck(
        verdict=f"{verdict}.",
        deployments=lines,
        total=len(found),
        findings=table(headers, [list(line.model_dump().values()) for line in lines]),
        next=f'check_deployment(deployment="{first}")' if first else "list_models()",
    )


def _line(one: Watched) -> DeploymentLine:
    checked = f"{one.checked:%Y-%m-%d %H:%M}" if one.checked else ""
    return DeploymentLine(
        name=one.name, state=one.state, model=one.serves, rows=one.rows, health=one.health, checked=checked
    )


def _answer(run: Run, deployment: str) -> DeploymentCheck:
    if run.state != "completed":
        verdict = f"{run.label} is still looking at {deployment}."
        return DeploymentCheck(verdict=verdict, run=run.number, state=run.state, next=run.wait_on)
    result = Result.model_validate(run.result)
    report = result.report
    answer = DeploymentCheck(
        verdict=clipped(result.verdict, _VERDICT),
        run=run.number,
        health=report.health,
        failing=report.failing,
        notices=[clipped(notice, 200) for notice in report.notices],
        traffic=report.change.words if report.change else "",
        estimated=clipped(estimate_words(report.estimate), 600) if report.estimate else "",
        realised=[_performance(one) for one in report.realised[:_SCORES]],
        losses=report.losses.words if report.losses else "",
        segments=clipped(segments_words(report), 400),
        moved=[_moved(one) for one in _segments(report)],
        drift=report.drift.verdict if report.drift else None,
        columns=_columns(report),
        page=f"mlsteward://deployments/{report.deployment}/monitoring",
        plots=[
            f"mlsteward://runs/{run.number}/artifacts/{name}" for name in (PLOT, DRIFT_PLOT) if name in result.plots
        ],
        findings=[clipped(line, 700) for line in result.findings(run)],
        next=result.next,
    )
    while not answer.fits() and len(answer.findings) > _TOLD:
        answer.findings = [*answer.findings[:-2], answer.findings[-1]]
    return answer


def _of_endpoint(call: Call, deployment: str, answer: DeploymentCheck) -> DeploymentCheck:
    """What a look at rows cannot see: an endpoint that answers nobody now."""
    found = call.workspace.store.read(lambda t: find_deployment(t, deployment))
    state = endpoint_status(call.workspace.folder, found).state
    if state not in ("stopped", "failed"):
        return answer
    again = f'deploy_model(model="{found.asked}", name="{found.name}")'
    page = f'read_page(uri="mlsteward://deployments/{found.name}")'
    return answer.model_copy(
        update={
            "verdict": f"{found.name} {'is stopped' if state == 'stopped' else 'has failed'}, and answers nobody now. "
            f"What it answered before: {answer.verdict}",
            "next": answer.next if answer.health == "alarm" else again if state == "stopped" else page,
        }
    )


def _performance(one: Realised) -> ModelPerformance:
    return ModelPerformance(
        model=one.model, role=one.role, rows=one.rows, labelled=one.labelled, metrics=_metrics(one.scores)
    )


def _metrics(scores: list[Score]) -> str:
    known = [one for one in scores if one.value is not None][:_SCORES]
    return ", ".join(f"{one.name} {interval(_short(one.value), _short(one.low), _short(one.high))}" for one in known)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _segments(report: DeploymentReport) -> list[SegmentChange]:
    if report.segments is None:
        return []
    found = {one.segment: one for one in [*report.segments.worst, *report.segments.moved]}
    return list(found.values())[:_SCORES]


def _moved(one: SegmentChange) -> MovedSegment:
    return MovedSegment(
        segment=one.segment,
        share=f"{one.share_then:.1%} → {one.share_now:.1%}",
        loss=f"{number(one.loss_then, 3)} → {number(one.loss_now, 3)}",
        brings=float(f"{one.contribution:.3g}"),
        worse=one.worse,
        moved=one.moved,
    )


def _columns(report: DeploymentReport) -> list[DriftedColumn]:
    told = [one for one in report.drift.columns if one.verdict == "drift"][:DRIFTED] if report.drift else []
    words = [(one, *column_words(one)) for one in told]
    return [
        DriftedColumn(column=one.column, verdict=one.verdict, change=change, effect=effect)
        for one, change, effect in words
    ]


TOOL = Tool(check_deployment, title="Check a deployment", toolset="delivery", read_only=True)
