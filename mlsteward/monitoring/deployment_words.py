"""How a look at a deployment reads: the verdict, the evidence, the one next step. Light, like the report itself."""

from collections.abc import Sequence

from mlsteward.answer import clipped, counted, interval, number, table
from mlsteward.drift.report import ColumnReport, DriftReport
from mlsteward.drift.words import column_words
from mlsteward.evaluation.judgement import Score
from mlsteward.monitoring.deployment_report import (
    ERRORS,
    ESTIMATED_LOSS,
    INPUT_DRIFT,
    LATENCY,
    PREDICTION_DRIFT,
    REALISED_LOSS,
    SEGMENT,
    DeploymentReport,
    Estimate,
    Realised,
    SegmentChange,
)

METRICS = 3
DRIFTED = 5
_NAMED = 3
_SENTENCE = 400


def verdict(report: DeploymentReport) -> str:
    """The verdict in a sentence: what is wrong and why it is thought so, or what was looked at in vain."""
    name = report.deployment
    span = report.span.words if report.span else ""
    if report.health == "no traffic":
        return f"{name}: no traffic from {span}."
    serves = f"{name} ({report.primary})" if report.primary else name
    if report.failing or report.notices:
        said = [clipped(failing_words(report, check), _SENTENCE) for check in report.failing[:_NAMED]]
        said = said or [clipped(report.notices[0], _SENTENCE)]
        return f"{serves}: {report.health}, {'; '.join(said)}."
    rows = counted(report.change.rows, "row") if report.change else "rows"
    if report.health == "not enough data":
        return f"{serves}: not enough data, {rows} from {span}; nothing speaks against it so far."
    return f"{serves} is healthy: {rows} from {span}, {_quiet(report)}."


def _quiet(report: DeploymentReport) -> str:
    parts = ["inputs stable" if report.drift and report.drift.verdict == "stable" else "no drift seen"]
    if report.losses and report.losses.state == "steady":
        parts.append("realised loss steady")
    elif report.estimate and report.estimate.loss is not None:
        parts.append("estimated loss no worse than on held-out rows")
    return ", ".join(parts)


def failing_words(report: DeploymentReport, check: str) -> str:
    """What a check found, in words that may name columns and values."""
    drifted = drifted_columns(report)
    if check == REALISED_LOSS and report.losses:
        return report.losses.words.rstrip(".")
    if check == ERRORS and report.change:
        return f"errors rose: {report.change.words}"
    if check == LATENCY and report.change:
        return f"answers are slower: {report.change.words}"
    if check == ESTIMATED_LOSS and report.estimate:
        watched = report.estimated_losses
        alarmed = watched is not None and watched.state == "alarm"
        return f"estimated: {watched.words.rstrip('.')}" if watched and alarmed else estimate_rose(report.estimate)
    if check == SEGMENT and report.segments:
        return report.segments.words
    chosen = [one for one in drifted if is_prediction(one) == (check == PREDICTION_DRIFT)]
    named = ", ".join(f"{one.column} ({clipped(one.main.change, 60)})" for one in chosen[:_NAMED])
    more = f" and {len(chosen) - _NAMED} more" if len(chosen) > _NAMED else ""
    return f"{check} in {named}{more}"


def estimate_rose(found: Estimate) -> str:
    """From what to what the estimated loss went."""
    return f"the estimated loss rose, {number(found.loss_then, 3)} → {number(found.loss, 3)} ({found.method})"


def alert_words(report: DeploymentReport, check: str) -> str:
    """The same for an alert, without any value of a column: whoever may not see those reads alerts too."""
    if check in (INPUT_DRIFT, PREDICTION_DRIFT):
        chosen = [one for one in drifted_columns(report) if is_prediction(one) == (check == PREDICTION_DRIFT)]
        names = ", ".join(one.column.partition(" of ")[0] for one in chosen[:DRIFTED])
        return f"{check} of {report.primary} against its training data: {names}"
    if check == SEGMENT and report.segments and report.segments.worst:
        worst = report.segments.worst[0]
        loss = f"{number(worst.loss_then, 3)} → {number(worst.loss_now, 3)}"
        return f"a segment of {' and '.join(worst.columns)} became worse: {report.segments.loss_name} {loss}"
    return failing_words(report, check)


def drifted_columns(report: DeploymentReport) -> list[ColumnReport]:
    return [one for one in report.drift.columns if one.verdict == "drift"] if report.drift else []


def is_prediction(column: ColumnReport) -> bool:
    """Whether a column of the report on drift is what the model says, not what it is told."""
    return column.column == "prediction" or column.column.startswith("probability of ")


def findings(report: DeploymentReport, page: str = "") -> list[str]:
    """The evidence in short lines, the decisive ones first."""
    return [
        *traffic_lines(report),
        *(f"estimated: {estimate_words(report.estimate)}" for _ in [0] if report.estimate),
        *(f"realised: {realised_words(one)}" for one in report.realised),
        f"losses: {report.losses.words}" if report.losses else "",
        f"segments: {segments_words(report)}" if segments_words(report) else "",
        *segment_table(report),
        f"drift: {drift_words(report.drift)}" if report.drift else "",
        *drift_table(report.drift),
        *(f"note: {note}" for note in report.notes),
        f"page with plots: {page}" if page else "",
    ]


def traffic_lines(report: DeploymentReport) -> list[str]:
    rows = [
        (one.model, one.role, one.rows, one.errors, *(number(value, 3) for value in (one.p50, one.p95, one.p99)))
        for one in report.traffic
    ]
    before = f"traffic: {report.change.words}" if report.change else ""
    return [before, *table(("model", "role", "rows", "errors", "p50 ms", "p95 ms", "p99 ms"), rows)]


def score_words(scores: Sequence[Score], most: int = METRICS) -> str:
    """`roc_auc 0.81 [0.79, 0.83], accuracy 0.9 [0.88, 0.91]`."""
    known = [score for score in scores if score.value is not None]
    return ", ".join(f"{one.name} {interval(*_short(one))}" for one in known[:most])


def _short(score: Score) -> tuple[float | None, float | None, float | None]:
    return tuple(None if v is None else float(f"{v:.3g}") for v in (score.value, score.low, score.high))  # pyright: ignore[reportReturnType] - three of them


def estimate_words(found: Estimate) -> str:
    if not found.scores:
        return f"nothing ({found.why})"
    checked = f"; {found.checked}" if found.checked else ""
    said = f"{score_words(found.scores)} by {found.method} on {counted(found.rows, 'row')}{checked}"
    return f"{said}. Assumes: {found.assumption}"


def realised_words(found: Realised) -> str:
    share = f"outcomes of {found.labelled:,} of {found.rows:,} rows ({found.coverage:.0%})"
    if not found.labelled:
        return f"{found.model} as {found.role}: {share}"
    units = f", intervals over {counted(found.units, found.unit)}"
    return f"{found.model} as {found.role}: {score_words(found.scores)}; {share}{units}"


def segments_words(report: DeploymentReport) -> str:
    found = report.segments
    if found is None:
        return ""
    if found.words:
        return found.words
    worst = (
        f"; the worst then, {found.worst_then.segment}, is at {number(found.worst_then.loss_now, 3)} now"
        if found.worst_then
        else ""
    )
    return f"none of {found.searched} moved or became worse ({found.basis} {found.loss_name}){worst}"


def segment_table(report: DeploymentReport) -> list[str]:
    found = report.segments
    if found is None:
        return []
    chosen = {
        one.segment: one for one in [*found.worst, *found.moved, *([found.worst_then] if found.worst_then else [])]
    }
    rows = [segment_row(one) for one in chosen.values()]
    return table(("segment", "share then → now", f"{found.loss_name} then → now", "brings", "found"), rows)


def segment_row(one: SegmentChange) -> tuple[str, str, str, str, str]:
    """A segment in a line: its words, its share, its loss, what it did to the mean of all, and what that means."""
    found = ", ".join(word for word, true in (("worse", one.worse), ("moved", one.moved)) if true) or "worst then"
    loss = f"{number(one.loss_then, 3)} → {number(one.loss_now, 3)}"
    return (one.segment, f"{one.share_then:.1%} → {one.share_now:.1%}", loss, f"{one.contribution:+.3g}", found)


def drift_words(report: DriftReport) -> str:
    return f"{clipped(report.sentence, 500)} {report.assumption}" if report.verdict != "drift" else report.assumption


def drift_table(report: DriftReport | None) -> list[str]:
    """The worst columns, those that drifted or for which there is too little data."""
    told = [one for one in report.columns if one.verdict != "stable"][:DRIFTED] if report else []
    rows = [(one.column, one.verdict, *column_words(one), number(one.main.q, 2)) for one in told]
    return table(("column", "verdict", "change", "effect", "adjusted p"), rows)


def next_call(report: DeploymentReport, *, watched: bool, swapped: bool) -> str:
    """The one call that follows. `swapped` says that the model changed shortly before its losses rose."""
    name, primary = report.deployment, report.primary
    if report.health == "no traffic":
        return f'read_page(uri="mlsteward://deployments/{name}")'
    if ERRORS in report.failing:
        return f'read_page(uri="mlsteward://deployments/{name}")'
    if REALISED_LOSS in report.failing:
        why = f"{REALISED_LOSS} of {primary} rose"
        return (
            f'rollback_deployment(deployment="{name}", reason="{why}")'
            if swapped
            else f'retrain_model(model="{primary}")'
        )
    unlabelled = all(one.labelled == 0 for one in report.realised)
    if report.failing and unlabelled:
        return f'record_outcomes(deployment="{name}", source=…)'
    if {ESTIMATED_LOSS, SEGMENT} & set(report.failing):
        return f'retrain_model(model="{primary}")'
    if report.failing or report.notices:
        drifted = [one.column for one in drifted_columns(report) if not is_prediction(one)]
        if drifted and (dataset := _dataset(report)):
            return f'lookup_data_dictionary(query="{drifted[0]}", dataset="{dataset}")'
        return f'read_page(uri="mlsteward://deployments/{name}/monitoring")'
    if not watched:
        return f'set_monitor(deployment="{name}", every="1 day")'
    return f'record_outcomes(deployment="{name}", source=…)' if unlabelled else "check_deployment()"


def _dataset(report: DeploymentReport) -> str:
    return report.dataset.partition("@")[0]
