"""The tool `evaluate_model`."""

from typing import Any

from pydantic import BaseModel, Field

from mlsteward.answer import Answer, cell, number, table
from mlsteward.evaluation.judgement import NamedSlice, Score, WorstSlice
from mlsteward.evaluation.words import (
    calibration_words,
    coverage_words,
    named_row,
    score_words,
    searched_words,
    worst_words,
)
from mlsteward.runs.evaluate_request import Asked, evaluate_request
from mlsteward.runs.jobs.evaluate import PAGE, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

_WORST = 3
_NAMED = 10
_BINS = 10


class SliceLine(BaseModel):
    slice: str
    rows: int
    metric: str = Field(default="", description="The model's metric with its 95 % interval.")
    found: str = Field(default="", description="Mean loss with its interval, against the rows around it.")


class EvaluateAnswer(Answer):
    run: int
    state: str
    rows: int | None = Field(default=None, description="Rows judged on; none was a training row unless notes say so.")
    left_out: int | None = Field(default=None, description="Training rows that were left out.")
    independent: str = Field(default="", description="What the intervals resample.")
    metrics: list[Score] = Field(default_factory=list[Score])
    confusion: str = ""
    calibration: str = ""
    reliability: list[list[float]] = Field(
        default_factory=list[list[float]], description="Bins: mean probability, share that came true, rows."
    )
    intervals: str = ""
    comparison: str = ""
    baselines: str = Field(default="", description="Simpler models on the held-out rows of the training.")
    searched: str = ""
    worst_slices: list[SliceLine] = Field(default_factory=list[SliceLine])
    slices: list[SliceLine] = Field(default_factory=list[SliceLine])
    slices_total: int = 0
    notes: list[str] = Field(default_factory=list[str])
    page: str = ""
    plots: list[str] = Field(default_factory=list[str])

    def body(self) -> list[str]:
        bins = [(number(said, 3), number(came, 3), int(rows)) for said, came, rows in self.reliability]
        more = self.slices_total - len(self.slices)
        return [
            *table(("metric", "value [95 %]"), [(score.name, score_words(score)) for score in self.metrics]),
            self.confusion,
            self.calibration,
            *table(("said", "came true", "rows"), bins),
            self.intervals,
            self.comparison,
            self.baselines,
            self.searched,
            *[f"- {one.slice}: {one.found}" for one in self.worst_slices],
            *[
                f"- {one.slice}: {one.rows:,} rows, {one.metric}{', ' + one.found if one.found else ''}"
                for one in self.slices
            ],
            f"and {more} more slices at {self.page}" if more > 0 else "",
            *self.notes,
            f"page: {self.page}" if self.page else "",
        ]


def evaluate_model(
    call: Call,
    model: str,
    dataset: str,
    slices: list[str] = [],
    threshold: float = 0,
    baseline: str = "",
    wait_seconds: float = 20,
) -> EvaluateAnswer:
    """How good is a model on rows that it did not see? Metrics with 95 % intervals, calibration, confusion, slices.

    Training rows in `dataset` are found, left out and counted; of the model's own training data only the held-out rows
    count. The worst slices of one and two columns are searched; `slices` names columns to show in full. `threshold`
    (0: the model's own) is the probability from which the positive class is predicted. `baseline` names another model
    of the same target: both are compared, paired, on rows that neither saw.
    """
    asked = Asked(model=model, dataset=dataset, slices=slices, threshold=threshold, baseline=baseline)
    request, baselines = call.workspace.store.read(lambda transaction: evaluate_request(transaction, asked))
    run = call.workspace.runs.start(
        "evaluate",
        request,
        actor=call.actor,
        name=request.model.label,
        dataset=request.dataset,
        fingerprint=request.fingerprint,
        target=request.model.target,
        params={name: value for name, value in vars(asked).items() if value},
    )
    return _answer(call.wait(run, wait_seconds), baselines)


def _answer(run: Run, baselines: str) -> EvaluateAnswer:
    if run.state != "completed":
        return EvaluateAnswer(
            verdict=f"{run.label} is still evaluating.",
            run=run.number,
            state=run.state,
            next=f"get_run(run={run.number}, wait_seconds=20)",
        )
    result = Result.model_validate(run.result)
    found = result.judgement
    files = f"mlsteward://runs/{run.number}/artifacts/"
    calibration = found.calibration
    fields: dict[str, Any] = {
        "verdict": result.verdict,
        "run": run.number,
        "state": run.state,
        "rows": found.rows,
        "left_out": result.left_out,
        "independent": f"{found.units} {found.unit}s",
        "metrics": found.scores,
        "confusion": _confusion(result),
        "calibration": calibration_words(calibration) if calibration else _uncalibrated(result),
        "reliability": [[_short(b.predicted), _short(b.observed), b.rows] for b in calibration.bins[:_BINS]]
        if calibration
        else [],
        "intervals": coverage_words(found),
        "baselines": baselines,
        "searched": searched_words(found),
        "worst_slices": [_worst(one, found.loss_name) for one in found.worst[:_WORST]],
        "slices": [_named(one) for one in found.named[:_NAMED]],
        "slices_total": len(found.named),
        "notes": found.notes[:6],
        "page": files + PAGE,
        "plots": [files + name for name in result.plots],
        "next": result.next,
    }
    return EvaluateAnswer(**fields)


def _uncalibrated(result: Result) -> str:
    few = result.judgement.confusion is not None and result.judgement.rows < 100
    return "calibration: not enough data (100 rows are needed)" if few else ""


def _confusion(result: Result) -> str:
    """The confusion matrix in a line, for few classes."""
    found = result.judgement.confusion
    if found is None or len(found.classes) > 5:
        return ""
    at = f" at threshold {number(found.threshold)}" if found.threshold is not None else ""
    rows = [
        f"true {name}: " + ", ".join(f"{cell(count)} {said}" for said, count in zip(found.classes, counts, strict=True))
        for name, counts in zip(found.classes, found.counts, strict=True)
    ]
    return f"predicted{at}: {'; '.join(rows)}"


def _worst(found: WorstSlice, loss_name: str) -> SliceLine:
    return SliceLine(
        slice=_clipped(" and ".join(found.conditions)),
        rows=found.rows,
        metric=score_words(found.score),
        found=worst_words(found, loss_name),
    )


def _named(found: NamedSlice) -> SliceLine:
    part, _, score, truth, prediction = named_row(found)
    means = f"true {cell(truth)}, predicted {cell(prediction)}" if truth is not None else ""
    return SliceLine(slice=_clipped(str(part)), rows=found.rows, metric=f"{found.score.name} {score}", found=means)


def _clipped(text: str) -> str:
    return text if len(text) <= 110 else text[:109] + "…"


def _short(value: float) -> float:
    return float(f"{value:.3g}")


TOOL = Tool(evaluate_model, title="Evaluate a model", toolset="judgement", read_only=True)
