"""The work behind `explain_model`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.snapshot import Column, verify_snapshot
from mlsteward.evaluation.curve import Curve, curve_findings, curve_words
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.explanation import (
    ColumnWords,
    RowExplanation,
    importance_findings,
    importance_words,
    method_words,
    row_findings,
    row_words,
    term_words,
)
from mlsteward.evaluation.fairness_report import ColumnFairness, fairness_findings, gap_words
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.store.lineage import add_edges
from mlsteward.training.signature import ImportanceRow

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

PAGE = "explanation.md"
PLOT = "importance.png"
NOTES = 6
CURVES_PLOT = "partial_dependence.png"
FAIRNESS_PLOT = "fairness.png"


class TableFile(Record):
    """The snapshot of a dataset version, relative to the workspace."""

    label: str
    snapshot: str
    source_hash: str = ""
    reference: bool = False
    fingerprint: str
    columns: list[Column]

    def path(self, job: Job) -> Path:
        return verify_snapshot(job.workspace, self.snapshot, self.source_hash, reference=self.reference)


class Request(Record):
    """What to explain. `background` holds the training data; `table` the dataset asked for, None when there was none.

    `rows` are rows as text that DuckDB casts to the signature's types, `numbers` rows of `table` (else of the training
    data), from 1; `curves` and `groups` name columns whose partial dependence, and whose groups, are asked for;
    `importance` is the training's, measured anew when `measure`. No column among `masked` is looked at.
    """

    model: JudgedModel
    background: TableFile
    table: TableFile | None = None
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    curves: list[str] = []
    groups: list[str] = []
    importance: list[ImportanceRow] = []
    measure: bool = False
    words: dict[str, ColumnWords] = {}
    notes: list[str] = []
    masked: list[str] = []
    seed: int = 0


class Result(Record):
    """The explanation; `verdict` and `next` are what `get_run` says.

    `source` says which rows were permuted, `curves_over` and `groups_over` which the curves and the groups are of.
    """

    verdict: str
    next: str
    metric: str
    source: str
    importance: list[ImportanceRow]
    rows: list[RowExplanation]
    curves: list[Curve] = []
    curves_over: str = ""
    fairness: list[ColumnFairness] = []
    groups_over: str = ""
    notes: list[str] = []
    plots: list[str] = []
    target: str = ""
    task: Task = "binary"
    classes: int = 0
    words: dict[str, ColumnWords] = {}

    def findings(self, run: "Run") -> list[str]:
        told = row_findings(self.rows, self.target, self.words)
        told += [line for one in self.curves for line in curve_findings(one, self.task, self.target)]
        told += fairness_findings(self.fairness)
        return [
            *(told or importance_findings(self.importance, self.metric, self.words)),
            method_words(self.rows, self.classes),
            *self.notes[:NOTES],
            f"page: mlsteward://runs/{run.number}/artifacts/{PAGE}",
        ]


def work(request: Request, job: Job) -> Result:
    """Measure what was asked for: importance, curves, groups, rows; then the page and the pictures."""
    from mlsteward.evaluation.explanation_page import explanation_page
    from mlsteward.runs.explained_columns import compare_groups, measure_dependence, measure_importance
    from mlsteward.runs.explained_rows import explain_rows
    from mlsteward.serving.model_file import load_bundle

    model = request.model
    job.progress(0.05, "opening the model")
    bundle = load_bundle(job.workspace / model.path, model.sha256)
    importance, source, notes = request.importance, f"on the held-out rows of {model.dataset}", list[str]()
    if request.measure and request.table:
        importance, source, notes = measure_importance(request, request.table, bundle, job)
    curves = measure_dependence(request, bundle, job) if request.curves else []
    rows = explain_rows(request, bundle, job) if request.rows or request.numbers else []
    fairness, groups, more = compare_groups(request, bundle, job) if request.groups else ([], "", [])
    result = Result(
        verdict="",
        next=f'explain_model(model="{model.label}"{"" if rows else ", rows=[1]"})',
        metric=model.metric,
        source=source,
        importance=importance,
        rows=rows,
        curves=curves,
        curves_over=(request.table or request.background).label if curves else "",
        fairness=fairness,
        groups_over=groups,
        notes=[*request.notes, *notes, *more],
        target=model.target,
        task=model.task,
        classes=len(model.classes),
        words=request.words,
    )
    result = result.model_copy(
        update={"verdict": _verdict(result, model.label), "plots": _draw(result, model.metric, job)}
    )
    page = explanation_page(
        verdict=result.verdict,
        metric=result.metric,
        source=result.source,
        importance=result.importance,
        rows=result.rows,
        curves=result.curves,
        curves_over=result.curves_over,
        fairness=result.fairness,
        groups_over=result.groups_over,
        target=result.target,
        task=result.task,
        words=result.words,
        notes=result.notes,
        plots=result.plots,
    )
    (job.artifacts / PAGE).write_text(page, encoding="utf-8")
    return result


def _verdict(result: Result, label: str) -> str:
    """The first of each thing that was asked for."""
    words, parts = result.words, list[str]()
    if result.rows:
        first = result.rows[0]
        best = term_words(first.terms[0], first.scale, first.outcome or result.target, words)
        parts.append(f"{row_words(first, result.target)}; {best}")
    if result.curves:
        told = curve_words(result.curves[0], result.task, result.target)
        parts.append(f"{label}: {told} (mean of {counted(result.curves[0].averaged, 'row')} of {result.curves_over})")
    if result.fairness:
        gaps = [(one.column, gap) for one in result.fairness for gap in one.gaps]
        column, worst = max(gaps, key=lambda one: (one[1].low or 0.0, one[1].difference or 0.0))
        parts.append(f"{label}: {gap_words(column, worst)}, {result.groups_over}")
    if not parts and result.importance:
        leans = importance_words(result.importance[0], result.metric, words)
        parts.append(f"{label} leans most on {leans}, {result.source}")
    return ". ".join(parts or [f"Nothing can be said of {label}: {'; '.join(result.notes)}"]) + "."


def _draw(result: Result, metric: str, job: Job) -> list[str]:
    """The pictures of what was found, by the names of their files."""
    from mlsteward.evaluation.explanation_plots import draw_dependence, draw_fairness
    from mlsteward.evaluation.importance import Importance
    from mlsteward.evaluation.plots import draw_importance

    job.progress(0.95, "drawing")
    drawn: list[str] = []
    if result.importance:
        draw_importance([Importance(**line.model_dump()) for line in result.importance], job.artifacts / PLOT, metric)
        drawn.append(PLOT)
    if result.curves:
        draw_dependence(result.curves, job.artifacts / CURVES_PLOT, result.target)
        drawn.append(CURVES_PLOT)
    if any(gap.groups for one in result.fairness for gap in one.gaps):
        draw_fairness(result.fairness, job.artifacts / FAIRNESS_PLOT)
        drawn.append(FAIRNESS_PLOT)
    return drawn


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The explanation is the run's result; what it explained is its origin."""
    add_edges(transaction, used_edges(run.number, "explain", models=[run.name], datasets=[run.dataset]))
