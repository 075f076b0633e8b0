"""The tool `check_drift`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings, clipped
from mlsteward.drift.report import ColumnReport, Verdict
from mlsteward.drift.words import (
    WINDOWS,
    column_words,
    left_out_words,
    shown_columns,
    smallest_words,
    unsure_words,
    window_words,
)
from mlsteward.record import Record
from mlsteward.runs.drift_request import Asked, drift_request
from mlsteward.runs.jobs.drift import PAGE, PLOT, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

_VERDICT = 700


class DriftColumn(Record):
    column: str
    verdict: Verdict
    change: str = Field(description="From the reference to the current rows.")
    effect: str = Field(description="The effect, and the gate it must reach to matter.")
    p: float | None = Field(default=None, description="Adjusted over all checks of this call.")
    psi: float | None = None
    smallest: str = Field(default="", description="The smallest effect that would have been seen (power 0.8).")
    importance: float | None = None


class DriftWindow(Record):
    window: str
    rows: int
    verdict: Verdict
    drifted: str = ""


class DriftAnswer(RunFindings):
    drift: Verdict | None = None
    reference_rows: int | None = None
    current_rows: int | None = None
    columns: list[DriftColumn] = Field(default_factory=list[DriftColumn], description="The worst first.")
    total: int = Field(default=0, description="Columns compared.")
    windows: list[DriftWindow] = Field(default_factory=list[DriftWindow])
    not_enough_data: str = ""
    left_out: str = ""
    assumption: str = ""
    page: str = Field(default="", description="All columns: read_page(uri=page).")
    plot: str = Field(default="", description="A picture of the worst columns.")


def check_drift(
    call: Call,
    current: str = "",
    reference: str = "",
    model: str = "",
    columns: list[str] = [],
    time_column: str = "",
    since: str = "",
    until: str = "",
    by: str = "",
    group: str = "",
    multivariate: bool = False,
    wait_seconds: float = 20,
) -> DriftAnswer:
    """Has the data changed? Says drift, stable or not enough data, for every column, with from → to.

    The reference is a dataset, else the model's training data, else the previous version of `current`. With `since`
    (2024-05-01 or `7 days`; `until` not included) only those rows of `current` are checked, without another reference
    against its rows before. `by` (day, week, month … or a column) checks window by window. `group` names the column of
    rows that belong together (customers). `multivariate` also finds changed relations between columns.
    """
    asked = Asked(
        current=current,
        reference=reference,
        model=model,
        columns=columns,
        time_column=time_column,
        since=since,
        until=until,
        by=by,
        group=group,
        multivariate=multivariate,
    )
    request, dataset = call.workspace.store.read(lambda transaction: drift_request(transaction, asked))
    run = call.workspace.runs.start(
        "drift",
        request,
        actor=call.actor,
        dataset=dataset.label,
        fingerprint=dataset.fingerprint,
        params={name: value for name, value in vars(asked).items() if value},
    )
    return _answer(call.wait(run, wait_seconds))


def _answer(run: Run) -> DriftAnswer:
    if run.state != "completed":
        return DriftAnswer(
            verdict=f"{run.label} is still comparing.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    report = result.report
    files = f"mlsteward://runs/{run.number}/artifacts/"
    fields: dict[str, Any] = {
        "verdict": clipped(result.verdict, _VERDICT),
        "run": run.number,
        "state": run.state,
        "drift": report.verdict,
        "reference_rows": report.reference_rows,
        "current_rows": report.current_rows,
        "total": len(report.columns),
        "windows": [
            DriftWindow(window=w.window, rows=w.rows, verdict=w.verdict, drifted=window_words(w))
            for w in report.windows[:WINDOWS]
        ],
        "not_enough_data": unsure_words(report),
        "left_out": left_out_words(report),
        "assumption": report.assumption,
        "page": files + PAGE,
        "plot": files + PLOT if report.plot else "",
        "findings": result.findings(run),
        "next": result.next,
    }
    return DriftAnswer(columns=[_column(column) for column in shown_columns(report)], **fields)


def _column(column: ColumnReport) -> DriftColumn:
    found = column.main
    change, effect = column_words(column)
    return DriftColumn(
        column=column.column,
        verdict=column.verdict,
        change=change,
        effect=effect,
        p=found.q,
        psi=round(found.stability_index, 4) if found.stability_index is not None else None,
        smallest=smallest_words(found),
        importance=column.importance,
    )


TOOL = Tool(check_drift, title="Check for drift", toolset="watch", read_only=True)
