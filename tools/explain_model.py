"""The tool `explain_model`."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings, clipped
from mlsteward.evaluation.curve import Curve
from mlsteward.evaluation.explanation import (
    IMPORTANCE,
    ROWS,
    TERMS,
    RowExplanation,
    importance_findings,
    importance_words,
    method_words,
)
from mlsteward.evaluation.fairness_report import MeasureGap
from mlsteward.record import Record
from mlsteward.runs.explain_request import Asked, explain_request
from mlsteward.runs.jobs.explain import NOTES, PAGE, Request, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

# What is shown of the measures by group; the page has them all.
_GROUPS = 6
_VALUES = 6


class RowLines(Record):
    row: str
    prediction: float
    base: float
    contributions: dict[str, float] = Field(description="By column, the largest first, on the scale of the method.")
    rest: float = Field(description="The sum of the contributions not shown.")


class CurveLines(Record):
    column: str
    outcome: str = ""
    prediction: dict[str, float] = Field(description="The mean prediction by the column's value.")
    rows_behind: list[int] = Field(description="Of each value, how many rows are nearest to it.")


class GroupLines(Record):
    column: str
    measure: str
    difference: float | None = Field(description="The largest between two groups that are not small.")
    low: float | None
    high: float | None
    values: dict[str, float | None]
    small: list[str]


class ExplainAnswer(RunFindings):
    importance: list[str] = Field(default_factory=list[str])
    importance_total: int = 0
    rows: list[RowLines] = Field(default_factory=list[RowLines])
    rows_total: int = 0
    method: str = ""
    curves: list[CurveLines] = Field(default_factory=list[CurveLines])
    groups: list[GroupLines] = Field(default_factory=list[GroupLines])
    curves_total: int = 0
    groups_total: int = 0
    notes: list[str] = Field(default_factory=list[str])
    page: str = ""
    plots: list[str] = Field(default_factory=list[str])


def explain_model(
    call: Call,
    model: str,
    dataset: str = "",
    rows: list[dict[str, Any] | int] = [],
    columns: list[str] = [],
    groups: list[str] = [],
    wait_seconds: float = 20,
) -> ExplainAnswer:
    """What does a model lean on, why does it predict what it does for a row, is it fair to groups?

    With none of these: importance of the columns by permutation on rows the model did not see, from the training or
    measured on `dataset`. `rows` (objects of column values, or row numbers of `dataset`, else of the training data,
    from 1): what each column adds to that prediction. `columns`: partial dependence on each, with the rows behind.
    `groups`: measures by the groups of each, with intervals.
    """
    asked = Asked(model=model, dataset=dataset, rows=rows, columns=columns, groups=groups)
    request = call.workspace.store.read(lambda transaction: explain_request(transaction, asked))
    if asked.nothing_more and not request.measure and request.importance:
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
    return explanation_of(call.wait(run, wait_seconds))


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


def explanation_of(run: Run) -> ExplainAnswer:
    """What there is to say of an explanation as it stands."""
    if run.state != "completed":
        return ExplainAnswer(
            verdict=f"{run.label} is still explaining.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    files = f"mlsteward://runs/{run.number}/artifacts/"
    shown = [] if result.rows or result.curves or result.fairness else result.importance
    groups = [_group(one.column, gap) for one in result.fairness for gap in one.gaps]
    answer = ExplainAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        importance=[importance_words(one, result.metric, result.words) for one in shown[:IMPORTANCE]],
        importance_total=len(shown),
        rows=[_row(row) for row in result.rows[:ROWS]],
        rows_total=len(result.rows),
        method=method_words(result.rows, result.classes),
        curves=[_curve(one) for one in result.curves],
        groups=groups[:_GROUPS],
        curves_total=len(result.curves),
        groups_total=len(groups),
        notes=result.notes[:NOTES],
        page=files + PAGE,
        plots=[files + name for name in result.plots],
        findings=result.findings(run),
        next=result.next,
    )
    return _fitted(answer)


def _fitted(answer: ExplainAnswer) -> ExplainAnswer:
    """Without what there is no room for, which stands on the page: of text and data the longer one gives way."""
    while not answer.fits():
        data = max([answer.groups, answer.rows, answer.curves], key=lambda one: _length(one))
        if len(answer.text()) > len(answer.model_dump_json()) and len(answer.findings) > 1:
            answer.findings.pop(-2)
        elif data:
            data.pop()
        else:
            break
    return answer


def _length(lines: Sequence[Record]) -> int:
    return sum(len(line.model_dump_json()) for line in lines)


def _row(found: RowExplanation) -> RowLines:
    return RowLines(
        row=found.row,
        prediction=_short(found.prediction),
        base=_short(found.base),
        contributions={term.column: _short(term.contribution) for term in found.terms[:TERMS]},
        rest=_short(sum(term.contribution for term in found.terms[TERMS:])),
    )


def _curve(found: Curve) -> CurveLines:
    return CurveLines(
        column=found.column,
        outcome=found.outcome,
        prediction={clipped(point.at, 30): _short(point.value) for point in found.points},
        rows_behind=[point.rows for point in found.points],
    )


def _group(column: str, gap: MeasureGap) -> GroupLines:
    return GroupLines(
        column=column,
        measure=gap.measure,
        difference=_rounded(gap.difference),
        low=_rounded(gap.low),
        high=_rounded(gap.high),
        values={clipped(one.group, 30): _rounded(one.value) for one in gap.groups[:_VALUES]},
        small=[clipped(one.group, 30) for one in gap.groups if one.small][:_VALUES],
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else _short(value)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


TOOL = Tool(explain_model, title="Explain a model", toolset="judgement", read_only=True)
