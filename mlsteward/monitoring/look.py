"""One look at a deployment: from windows to the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from mlsteward.drift.counts import ColumnCounts
from mlsteward.monitoring.conclusion import concluded
from mlsteward.monitoring.deployment_report import DeploymentReport, Point, Span
from mlsteward.monitoring.grids import latency_quantile
from mlsteward.monitoring.input_drift import Blocks, compare_windows
from mlsteward.monitoring.performance import (
    estimate,
    is_by_row,
    loss_windows,
    realised,
    reference_windows,
)
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.report import LossReport
from mlsteward.monitoring.segment_change import compare_segments
from mlsteward.monitoring.stored_window import ESTIMATED, MEASURED, StoredWindow, by_time, unit_totals
from mlsteward.monitoring.traffic import compare_traffic, requests_of, traffic_of
from mlsteward.monitoring.watch import watch_losses
from mlsteward.monitoring.window_profile import Floats
from mlsteward.monitoring.window_time import DAY, HOUR, floor_time

_MOST_POINTS = 400
_FEWEST_ROWS = 30


@dataclass(frozen=True, eq=False)
class ModelWindows:
    """A model's plan, the (u, size) units of the rows it was trained and judged on, and what it answered since."""

    plan: ProfilePlan
    training: Floats
    held_out: Floats
    windows: Sequence[StoredWindow]
    importance: Mapping[str, float] = field(default_factory=dict[str, float])

    def answered(self, role: str, span: Span | None = None) -> list[StoredWindow]:
        """The windows of a role, those that overlap a span."""
        return [
            window
            for window in self.windows
            if window.role == role and (span is None or (window.start < span.until and window.end > span.since))
        ]


@dataclass(frozen=True)
class Watching:
    """How losses are watched; see `watch.watch_losses`."""

    every: timedelta
    budget_days: float
    tolerance: float
    season: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Looked:
    """The report, what of it is drawn beside it, and the windows of losses."""

    report: DeploymentReport
    counts: Mapping[str, ColumnCounts] = field(default_factory=dict[str, ColumnCounts])


def look(
    deployment: str,
    models: Sequence[ModelWindows],
    span: Span,
    watching: Watching,
    *,
    primary: str,
    now: datetime,
    seed: int = 0,
) -> Looked:
    """All that windows say of a deployment; `primary` is the model that answers as champion now."""
    inside = [window for model in models for role in _roles(model) for window in model.answered(role, span)]
    report = DeploymentReport(deployment=deployment, health="no traffic", span=span, primary=primary)
    if not inside:
        return Looked(report)
    champions = [window for model in models for window in model.answered("champion")]
    change = compare_traffic(
        [window for window in champions if window.end <= span.since],
        [window for window in champions if window.start < span.until and window.end > span.since],
    )
    report = report.model_copy(
        update={
            "traffic": [
                traffic_of(model.plan.model, role, found)
                for model in models
                for role in _roles(model)
                if (found := model.answered(role, span))
            ],
            "change": change,
            "realised": [
                realised(model.plan, role, found, model.held_out, seed)
                for model in models
                for role in _roles(model)
                if (found := model.answered(role, span))
            ],
            "series": _series(champions),
        }
    )
    chosen = next((model for model in models if model.plan.model == primary), None)
    counts: Mapping[str, ColumnCounts] = {}
    if chosen is not None:
        report, counts = _judge_inputs(report, chosen, span, seed)
        losses, estimated = (_watched(chosen, watching, now, estimated=which) for which in (False, True))
        report = report.model_copy(update={"losses": losses, "estimated_losses": estimated})
    return Looked(concluded(report), counts)


def _roles(model: ModelWindows) -> list[str]:
    return sorted({window.role for window in model.windows})


def _judge_inputs(
    report: DeploymentReport, model: ModelWindows, span: Span, seed: int
) -> tuple[DeploymentReport, Mapping[str, ColumnCounts]]:
    """Drift, the estimate and the segments of the champion in the span."""
    plan = model.plan
    update: dict[str, object] = {"task": plan.task}
    windows = model.answered("champion", span)
    units = unit_totals(windows, layout_of(plan).size, plan.unit)
    rows = int(requests_of(windows)[0] - requests_of(windows)[1])
    counts: Mapping[str, ColumnCounts] = {}
    if rows:
        seen = np.concatenate([model.training, model.held_out])
        found = compare_windows(
            plan,
            Blocks(seen, plan.unit),
            Blocks(units, plan.unit),
            importance=model.importance,
            labels=(f"the training data of {plan.model}", f"{report.deployment} from {span.words}"),
            seed=seed,
        )
        counts = found.counts
        update |= {"drift": found.report, "estimate": estimate(plan, model.held_out, units, seed)}
    if rows >= _FEWEST_ROWS:
        update["segments"] = compare_segments(plan, model.held_out, units, by_row=is_by_row(plan))
    return report.model_copy(update=update), counts


def _watched(model: ModelWindows, watching: Watching, now: datetime, *, estimated: bool) -> LossReport:
    windows = loss_windows(model.answered("champion"), watching.every, now, estimated=estimated)
    before = windows[0].start if windows else now
    return watch_losses(
        windows,
        every=watching.every,
        budget_days=watching.budget_days,
        reference=reference_windows(model.plan, model.held_out, watching.every, before, estimated=estimated),
        tolerance=watching.tolerance,
        season=watching.season,
        since=watching.since,
    )


def _series(champions: Sequence[StoredWindow]) -> list[Point]:
    """The champions' windows by day, or by hour where there are no more than two days of them."""
    if not champions:
        return []
    length = max(window.end for window in champions) - min(window.start for window in champions)
    every = HOUR if length <= 2 * DAY else DAY
    latencies: dict[datetime, Floats] = {}
    for window in champions:
        start = floor_time(window.start, every)
        latencies[start] = latencies.get(start, 0.0) + requests_of([window])[3:]
    points: list[Point] = []
    for start, row in by_time(champions, every).items():
        latency = latencies.get(start, np.zeros(1))
        measured, expected = row[MEASURED : MEASURED + 2], row[ESTIMATED : ESTIMATED + 2]
        points.append(
            Point(
                start=start,
                rows=int(row[1]),
                errors=int(row[2]),
                p50=latency_quantile(latency, 0.5),
                p95=latency_quantile(latency, 0.95),
                labelled=int(measured[0]),
                loss=float(measured[1] / measured[0]) if measured[0] else None,
                estimated=float(expected[1] / expected[0]) if expected[0] else None,
            )
        )
    return points[-_MOST_POINTS:]
