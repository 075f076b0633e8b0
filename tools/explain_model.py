"""The tool `explain_model`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.evaluation.explanation import (
    IMPORTANCE,
    ROWS,
    TERMS,
    RowExplanation,
    importance_findings,
    importance_words,
    method_words,
)
from mlsteward.record import Record
from mlsteward.runs.explain_request import Asked, explain_request
from mlsteward.runs.jobs.explain import NOTES, PAGE, Request, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run


class RowLines(Record):
    row: str
    prediction: float
    base: float
    contributions: dict[str, float] = Field(description="By column, the largest first, on the scale of the method.")
    rest: float = Field(description="The sum of the contributions not shown.")


class ExplainAnswer(RunFindings):
    importance: list[str] = Field(default_factory=list[str])
    importance_total: int = 0
    rows: list[RowLines] = Field(default_factory=list[RowLines])
    rows_total: int = 0
    method: str = ""
    notes: list[str] = Field(default_factory=list[str])
    page: str = ""
    plot: str = ""


def explain_model(
    call: Call,
    model: str,
    dataset: str = "",
    rows: list[dict[str, Any] | int] = [],
    wait_seconds: float = 20,
) -> ExplainAnswer:
    """What does a model lean on, and why does it predict what it does for a row?

    Without `rows`: importance of the columns by permutation on rows the model did not see, from the training, or
    measured on `dataset`. With `rows` (objects of column values, or row numbers of `dataset`, else of the training
    data, from 1): what each column adds to that prediction, exact for linear models and trees, else sampled.
    """
    asked = Asked(model=model, dataset=dataset, rows=rows)
    request = call.workspace.store.read(lambda transaction: explain_request(transaction, asked))
    if not rows and not request.measure and request.importance:
        return _stored(request)
    run = call.workspace.runs.start(
        "explain",
        request,
        actor=call.actor,
        name=request.model.label,
        dataset=(request.table or request.background).label,
        fingerprint=(request.table or request.background).fingerprint,
        target=request.model.target,
        params={name: value for name, value in vars(asked).items() if value},
    )
    return _answer(call.wait(run, wait_seconds))


def _stored(request: Request) -> ExplainAnswer:
    """The importance that the training measured."""
    model, words = request.model, request.words
    lines = [importance_words(one, model.metric, words) for one in request.importance]
    return ExplainAnswer(
        verdict=f"{model.label} leans most on {lines[0]}, on the held-out rows of {model.dataset}.",
        importance=lines[:IMPORTANCE],
        importance_total=len(lines),
        findings=importance_findings(request.importance, model.metric, words),
        next=f'explain_model(model="{model.label}", rows=[1])',
    )


def _answer(run: Run) -> ExplainAnswer:
    if run.state != "completed":
        return ExplainAnswer(
            verdict=f"{run.label} is still explaining.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    files = f"mlsteward://runs/{run.number}/artifacts/"
    shown = [] if result.rows else result.importance
    return ExplainAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        importance=[importance_words(one, result.metric, result.words) for one in shown[:IMPORTANCE]],
        importance_total=len(shown),
        rows=[_row(row) for row in result.rows[:ROWS]],
        rows_total=len(result.rows),
        method=method_words(result.rows, result.classes),
        notes=result.notes[:NOTES],
        page=files + PAGE,
        plot=files + result.plot if result.plot else "",
        findings=result.findings(run),
        next=result.next,
    )


def _row(found: RowExplanation) -> RowLines:
    return RowLines(
        row=found.row,
        prediction=_short(found.prediction),
        base=_short(found.base),
        contributions={term.column: _short(term.contribution) for term in found.terms[:TERMS]},
        rest=_short(sum(term.contribution for term in found.terms[TERMS:])),
    )


def _short(value: float) -> float:
    return float(f"{value:.4g}")


TOOL = Tool(explain_model, title="Explain a model", toolset="judgement", read_only=True)
