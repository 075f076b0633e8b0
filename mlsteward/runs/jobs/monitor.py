"""The work behind `check_deployment`: new rows become windows, and windows are judged."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.snapshot import Column
from mlsteward.errors import UnusableData
from mlsteward.lineage.made import used_edges
from mlsteward.monitoring.conclusion import GRAVE
from mlsteward.monitoring.deployment_report import REALISED_LOSS, DeploymentReport, Span
from mlsteward.monitoring.deployment_words import alert_words, findings, next_call, verdict
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.serving.endpoint.desired import DEPLOYMENTS
from mlsteward.store.alerts import Finding, change_state, open_alerts, raise_alerts
from mlsteward.store.lineage import add_edges

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.monitoring.look import ModelWindows
    from mlsteward.monitoring.plan import ProfilePlan
    from mlsteward.monitoring.window_profile import Floats
    from mlsteward.runs.monitored_rows import MonitoredLog
    from mlsteward.runs.reference_rows import ReferenceRows
    from mlsteward.runs.window_files import WindowFolder
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

PAGE = "monitoring.md"
PLOT = "monitoring.png"
DRIFT_PLOT = "drift.png"
_MEMORY_MB = 1024
_SHORTLY = timedelta(days=7)
_GROUPS = 200


class ServedVersion(Record):
    """A model that the deployment has served, with the snapshot of what it was trained on."""

    model: JudgedModel
    snapshot: str
    columns: list[Column]
    importance: dict[str, float] = {}


class Request(Record):
    """What is looked at, by whom it was served, and how losses are watched. `files` are pieces of outcomes.

    `changed` is when `primary` began to be served. Columns among `masked` are not looked at.
    """

    deployment: str
    primary: str
    versions: list[ServedVersion]
    files: list[str] = []
    since: datetime
    until: datetime
    now: datetime
    every_seconds: float
    budget_days: float
    tolerance: float
    season: bool = False
    watched_since: datetime | None = None
    watched: bool = False
    changed: datetime | None = None
    masked: list[str] = []
    seed: int = 0

    @property
    def is_current(self) -> bool:
        """Whether the span reaches until now."""
        return self.until >= self.now


class Result(Record):
    """`verdict` and `next` are what `get_run` says of the run; `report.health` is the verdict in a word.

    `report.failing` names the checks that raise an alert on the deployment, `report.notices` those worth a look.
    """

    verdict: str
    next: str
    report: DeploymentReport
    plots: list[str] = []

    def findings(self, run: "Run") -> list[str]:
        return findings(self.report, f"mlsteward://deployments/{self.report.deployment}/monitoring")


def work(request: Request, job: Job) -> Result:
    """Bring the windows up to date, judge them, draw."""
    from mlsteward.data.engine import connect
    from mlsteward.monitoring.deployment_page import page
    from mlsteward.monitoring.deployment_plots import draw
    from mlsteward.monitoring.look import Watching, look

    job.progress(0.05, "reading the prediction log")
    with connect(memory_mb=min(_MEMORY_MB, job.memory_mb // 4), temp=job.folder / "temp", threads=1) as connection:
        models, notes = _models(request, job, connection)
    job.progress(0.7, "judging the windows")
    watching = Watching(
        every=timedelta(seconds=request.every_seconds),
        budget_days=request.budget_days,
        tolerance=request.tolerance,
        season=request.season,
        since=request.watched_since,
    )
    span = Span(since=request.since, until=request.until)
    looked = look(
        request.deployment, models, span, watching, primary=request.primary, now=request.now, seed=request.seed
    )
    dataset = next((one.model.dataset for one in request.versions if one.model.label == request.primary), "")
    if not request.is_current:
        notes.append("this span lies in the past, so what was found raises no alert")
    report = looked.report.model_copy(update={"notes": notes, "dataset": dataset})
    job.progress(0.9, "drawing")
    plots = draw(report, looked.counts, job.artifacts, names=(PLOT, DRIFT_PLOT))
    (job.artifacts / PAGE).write_text(page(report), encoding="utf-8")
    following = next_call(report, watched=request.watched, swapped=_swapped(request, report))
    return Result(verdict=verdict(report), next=following, report=report, plots=plots)


def _swapped(request: Request, report: DeploymentReport) -> bool:
    since = report.losses.since if report.losses else None
    if since is None or request.changed is None:
        return False
    return abs((since.replace(tzinfo=None) - request.changed).total_seconds()) <= _SHORTLY.total_seconds()


def _models(request: Request, job: Job, connection: "DuckDBPyConnection") -> tuple[list["ModelWindows"], list[str]]:
    """The windows of every model that answered, and what is to be said of those that cannot be counted."""
    from mlsteward.monitoring.look import ModelWindows
    from mlsteward.runs.fresh_windows import fresh_windows
    from mlsteward.runs.monitored_rows import MonitoredLog
    from mlsteward.runs.window_files import WindowFolder

    classes = next((one.model.classes for one in request.versions if one.model.label == request.primary), [])
    log = MonitoredLog(connection, job.workspace, request.deployment, request.files, classes)
    hours = log.hours()
    found: list[ModelWindows] = []
    notes: list[str] = []
    for version in request.versions:
        label = version.model.label
        folder = WindowFolder(job.workspace / DEPLOYMENTS / request.deployment, label)
        own = [hour for hour in hours if hour.model == label]
        if not own and folder.read_plan() is None:
            continue
        try:
            plan = folder.read_plan() or _new_plan(job, version, folder, log)
        except UnusableData as error:
            notes.append(f"nothing is counted of {label}: {error.said()}")
            continue
        job.progress(0.3, f"counting the rows of {label}")
        fresh = fresh_windows(folder, log, own, plan, request.now)
        if fresh.strange:
            notes.append(f"{fresh.strange:,} outcomes are nothing that {label} can predict: left out")
        if plan.design_effect > 1 and label == request.primary:
            notes.append(f"rows of a group go together: {plan.design_effect:.2g} count as one (design effect)")
        training, held_out = folder.read_reference()
        found.append(ModelWindows(plan, training, held_out, fresh.windows, version.importance))
    unknown = {hour.model for hour in hours} - {version.model.label for version in request.versions}
    notes += [f"rows answered by {', '.join(sorted(unknown))} are not counted: it is no model here"] if unknown else []
    return found, notes


def _new_plan(job: Job, version: ServedVersion, folder: "WindowFolder", log: "MonitoredLog") -> "ProfilePlan":
    """Fit what is counted of a model that was not watched before, and count what it was trained and judged on."""
    import numpy as np

    from mlsteward.monitoring.fit_plan import WatchedModel, fit_plan
    from mlsteward.monitoring.profiling import layout_of, window_totals
    from mlsteward.monitoring.rise import design_effect
    from mlsteward.monitoring.window_profile import parts_of
    from mlsteward.runs.reference_rows import read_reference

    model = version.model
    job.progress(0.1, f"reading what {model.label} was trained on")
    fitted, held_out = read_reference(job, model, job.workspace / version.snapshot, version.columns)
    logged = log.features()
    plan = fit_plan(
        WatchedModel(
            label=model.label,
            task=model.task,
            target=model.target,
            classes=model.classes,
            threshold=model.threshold,
            metric=model.metric,
            unit=str(model.split.get("unit") or "row"),
            signature=model.signature,
        ),
        fitted.rows,
        held_out.rows,
        importance=version.importance,
        unlogged=[signed.name for signed in model.signature if signed.name not in logged],
    )

    def totals(side: "ReferenceRows") -> "Floats":
        units = np.unique(side.units, return_inverse=True)[1].astype(np.int64)
        # Groups by the hundred, at random: what their means vary by stays the same (Wolter 2007).
        codes = units * 0 if plan.unit == "row" else units % _GROUPS if plan.unit == "group" else units
        return window_totals(plan, side.rows, codes, int(codes.max(initial=0)) + 1)

    training, judged = totals(fitted), totals(held_out)
    if plan.unit == "group":
        kept = parts_of(layout_of(plan), judged, "measured")
        plan = plan.model_copy(update={"design_effect": design_effect(kept[:, 0], kept[:, 1], float(kept[:, 2].sum()))})
        training, judged = training.sum(axis=0, keepdims=True), judged.sum(axis=0, keepdims=True)
    folder.write_plan(plan, training, judged)
    return plan


def record(t: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """What failed becomes alerts on the deployment, what no longer fails is settled.

    A look at a span that ended long ago says nothing of what is wrong now.
    """
    request = RunFolder(folder).read_request(Request)
    asset = f"deployment:{request.deployment}"
    if request.is_current:
        raise_alerts(t, _findings(asset, request, result.report), run=run.number)
        _settle(t, asset, result.report, run.number)
    add_edges(t, used_edges(run.number, "monitor", models=[request.primary]))


def _findings(asset: str, request: Request, report: DeploymentReport) -> Sequence[Finding]:
    evidence: dict[str, str | float] = {"model": request.primary}
    if report.losses:
        evidence |= {"evidence": report.losses.evidence, "threshold": report.losses.threshold}
    return [
        Finding(
            asset=asset,
            check=check,
            severity="error" if check in GRAVE else "warning",
            words=alert_words(report, check),
            evidence=evidence if check == REALISED_LOSS else {"model": request.primary},
        )
        for check in report.failing
    ]


def _settle(t: "Transaction", asset: str, report: DeploymentReport, run: int) -> None:
    """Resolve what stands open of checks that could be made and passed."""
    for alert in open_alerts(t, asset):
        if alert.check in report.made and alert.check not in report.failing:
            note = f"{alert.check} passed again in run:{run}"
            change_state(t, alert, "resolved", event="settled", note=note, run=run)
