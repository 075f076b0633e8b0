"""The tool `check_drift`."""

from typing import Any

from pydantic import BaseModel, Field

from mlsteward.answer import Answer, number, table
from mlsteward.drift.report import ColumnReport, DriftReport, Verdict
from mlsteward.drift.words import effect_words, how, smallest_words
from mlsteward.runs.drift_request import Asked, drift_request
from mlsteward.runs.jobs.drift import PAGE, PLOT, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

_COLUMNS = 10
_WORDS = 110
_WINDOWS = 12
_LEFT_OUT = 12


class DriftColumn(BaseModel):
    column: str
    verdict: Verdict
    change: str = Field(description="From the reference to the current rows.")
    effect: str = Field(description="The effect, and the gate it must reach to matter.")
    p: float | None = Field(default=None, description="Adjusted over all checks of this call.")
    psi: float | None = None
    smallest: str = Field(default="", description="The smallest effect that would have been seen (power 0.8).")
    importance: float | None = None


class DriftWindow(BaseModel):
    window: str
    rows: int
    verdict: Verdict
    drifted: str = ""


class DriftAnswer(Answer):
    run: int
    state: str
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

    def body(self) -> list[str]:
        rows = [(c.column, c.verdict, c.change, c.effect, number(c.p, 2), c.smallest) for c in self.columns]
        more = self.total - len(self.columns)
        return [
            *table(("column", "verdict", "change", "effect", "adjusted p", "would have seen"), rows),
            f"and {more} more columns at {self.page}" if more > 0 else "",
            *table(
                ("window", "rows", "verdict", "drifted"),
                [(w.window, w.rows, w.verdict, w.drifted) for w in self.windows],
            ),
            f"not enough data: {self.not_enough_data}" if self.not_enough_data else "",
            f"left out: {self.left_out}" if self.left_out else "",
            f"p values: {self.assumption}" if self.assumption else "",
            f"picture: {self.plot}" if self.plot else "",
        ]


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
            next=f"get_run(run={run.number}, wait_seconds=20)",
        )
    result = Result.model_validate(run.result)
    report = result.report
    files = f"mlsteward://runs/{run.number}/artifacts/"
    unsure = [f"{c.column} ({_clipped(c.main.why, 60)})" if c.main.why else c.column for c in _unsure(report)]
    fields: dict[str, Any] = {
        "verdict": _clipped(result.verdict, 700),
        "run": run.number,
        "state": run.state,
        "drift": report.verdict,
        "reference_rows": report.reference_rows,
        "current_rows": report.current_rows,
        "total": len(report.columns),
        "windows": [
            DriftWindow(window=w.window, rows=w.rows, verdict=w.verdict, drifted=_few(w.drifted, 3))
            for w in report.windows[:_WINDOWS]
        ],
        "not_enough_data": _few(unsure, 5),
        "left_out": _few([f"{name} ({why})" for name, why in report.left_out.items()], _LEFT_OUT),
        "assumption": report.assumption,
        "page": files + PAGE,
        "plot": files + PLOT if report.plot else "",
        "next": result.next,
    }
    shown = 6 if report.windows else _COLUMNS
    return DriftAnswer(columns=[_column(column) for column in report.columns[:shown]], **fields)


def _unsure(report: DriftReport) -> list[ColumnReport]:
    return [column for column in report.columns if column.verdict == "not enough data"]


def _column(column: ColumnReport) -> DriftColumn:
    found = column.main
    return DriftColumn(
        column=column.column,
        verdict=column.verdict,
        change=_clipped(how(column), _WORDS),
        effect=_clipped(effect_words(found), 60),
        p=found.q,
        psi=round(found.stability_index, 4) if found.stability_index is not None else None,
        smallest=smallest_words(found),
        importance=column.importance,
    )


def _few(words: list[str], most: int) -> str:
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return _clipped(", ".join(words[:most]), 500) + rest


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


TOOL = Tool(check_drift, title="Check for drift", toolset="watch", read_only=True)
