"""The tool `evaluate_model`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings, counted, table
from mlsteward.evaluation.judgement import NamedSlice, Score, WorstSlice
from mlsteward.evaluation.words import (
    BINS,
    NAMED,
    NOTES,
    WORST,
    calibration_line,
    comparison_words,
    conditions_words,
    confusion_words,
    coverage_words,
    named_words,
    score_words,
    searched_words,
    worst_words,
)
from mlsteward.record import Record
from mlsteward.runs.evaluate_request import Asked, evaluate_request
from mlsteward.runs.jobs.evaluate import PAGE, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run


class SliceLine(Record):
    slice: str
    rows: int
    metric: str = Field(default="", description="The model's metric with its 95 % interval.")
    found: str = Field(default="", description="Mean loss with its interval, against the rows around it.")


class EvaluateAnswer(RunFindings):
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
        scores = [(score.name, score_words(score)) for score in self.metrics]
        return [*table(("metric", "value [95 %]"), scores), *self.findings]


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
    request = call.workspace.store.read(lambda transaction: evaluate_request(transaction, asked))
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
    return _answer(call.wait(run, wait_seconds), request.model.label)


def _answer(run: Run, model: str) -> EvaluateAnswer:
    if run.state != "completed":
        return EvaluateAnswer(
            verdict=f"{run.label} is still evaluating.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
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
        "independent": counted(found.units, found.unit),
        "metrics": found.scores,
        "confusion": confusion_words(found),
        "calibration": calibration_line(found),
        "reliability": [[_short(b.predicted), _short(b.observed), b.rows] for b in calibration.bins[:BINS]]
        if calibration
        else [],
        "intervals": coverage_words(found),
        "comparison": comparison_words(found.comparison, model) if found.comparison else "",
        "baselines": result.baselines,
        "searched": searched_words(found),
        "worst_slices": [_slice(one, found.loss_name) for one in found.worst[:WORST]],
        "slices": [_named(one) for one in found.named[:NAMED]],
        "slices_total": len(found.named),
        "notes": found.notes[:NOTES],
        "page": files + PAGE,
        "plots": [files + name for name in result.plots],
        "findings": result.findings(run),
        "next": result.next,
    }
    return EvaluateAnswer(**fields)


def _slice(found: WorstSlice, loss_name: str) -> SliceLine:
    return SliceLine(
        slice=conditions_words(found),
        rows=found.rows,
        metric=score_words(found.score),
        found=worst_words(found, loss_name),
    )


def _named(found: NamedSlice) -> SliceLine:
    part, score, means = named_words(found)
    return SliceLine(slice=part, rows=found.rows, metric=score, found=means)


def _short(value: float) -> float:
    return float(f"{value:.3g}")


TOOL = Tool(evaluate_model, title="Evaluate a model", toolset="judgement", read_only=True)
