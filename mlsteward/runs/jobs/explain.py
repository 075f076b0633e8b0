"""The work behind `explain_model`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.snapshot import Column, verify_snapshot
from mlsteward.evaluation.explanation import (
    ColumnWords,
    RowExplanation,
    importance_findings,
    method_words,
    row_findings,
)
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.store.lineage import add_edges
from mlsteward.training.signature import ImportanceRow

if TYPE_CHECKING:
    import pandas as pd

    from mlsteward.evaluation.contributions import Contributions
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction
    from mlsteward.training.bundle import ModelBundle

PAGE = "explanation.md"
PLOT = "importance.png"
NOTES = 6
_BACKGROUND = 100
_PREDICTIONS = 40_000
_IMPORTANCE_ROWS = 1000


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
    data), from 1; `importance` is the training's, measured anew when `measure`. No column among `masked` is looked at.
    """

    model: JudgedModel
    background: TableFile
    table: TableFile | None = None
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    importance: list[ImportanceRow] = []
    measure: bool = False
    words: dict[str, ColumnWords] = {}
    notes: list[str] = []
    masked: list[str] = []
    seed: int = 0


class Result(Record):
    """The explanation; `verdict` and `next` are what `get_run` says. `source` says which rows were permuted."""

    verdict: str
    next: str
    metric: str
    source: str
    importance: list[ImportanceRow]
    rows: list[RowExplanation]
    notes: list[str] = []
    plot: str = ""
    target: str = ""
    classes: int = 0
    words: dict[str, ColumnWords] = {}

    def findings(self, run: "Run") -> list[str]:
        told = row_findings(self.rows, self.target, self.words)
        return [
            *(told or importance_findings(self.importance, self.metric, self.words)),
            method_words(self.rows, self.classes),
            *self.notes[:NOTES],
            f"page: mlsteward://runs/{run.number}/artifacts/{PAGE}",
        ]


def work(request: Request, job: Job) -> Result:
    """Measure importance where it was asked for, then explain each row."""
    from mlsteward.evaluation.explanation import explanation_page, importance_words, row_words, term_words
    from mlsteward.serving.model_file import load_bundle

    model = request.model
    job.progress(0.05, "opening the model")
    bundle = load_bundle(job.workspace / model.path, model.sha256)
    importance, source, notes = request.importance, f"on the held-out rows of {model.dataset}", list[str]()
    if request.measure and request.table:
        importance, source, notes = _importance(request, request.table, bundle, job)
    rows = _explain(request, bundle, job) if request.rows or request.numbers else []
    plot = _draw(importance, model.metric, job)
    parts: list[str] = []
    if rows:
        first = rows[0]
        best = term_words(first.terms[0], first.scale, first.outcome or model.target, request.words)
        parts = [f"{row_words(first, model.target)}; {best}"]
    elif importance:
        parts = [
            f"{model.label} leans most on {importance_words(importance[0], model.metric, request.words)}, {source}"
        ]
    verdict = ". ".join(parts or [f"Nothing can be said of {model.label}: {'; '.join(notes)}"]) + "."
    page = explanation_page(
        verdict=verdict,
        metric=model.metric,
        source=source,
        importance=importance,
        rows=rows,
        target=model.target,
        task=model.task,
        words=request.words,
    )
    (job.artifacts / PAGE).write_text(page, encoding="utf-8")
    return Result(
        verdict=verdict,
        next=f'explain_model(model="{model.label}"{"" if rows else ", rows=[1]"})',
        metric=model.metric,
        source=source,
        importance=importance,
        rows=rows,
        notes=[*request.notes, *notes],
        plot=plot,
        target=model.target,
        classes=len(model.classes),
        words=request.words,
    )


def _draw(importance: list[ImportanceRow], metric: str, job: Job) -> str:
    from mlsteward.evaluation.importance import Importance
    from mlsteward.evaluation.plots import draw_importance

    if not importance:
        return ""
    draw_importance([Importance(**line.model_dump()) for line in importance], job.artifacts / PLOT, metric)
    return PLOT


def _importance(
    request: Request, table: TableFile, bundle: "ModelBundle", job: Job
) -> tuple[list[ImportanceRow], str, list[str]]:
    """Permutation importance on at most 1,000 rows of the dataset that the model did not see."""
    import numpy as np

    from mlsteward.evaluation.importance import near_copies, permutation_importance
    from mlsteward.runs.judged_rows import FEWEST_ROWS, read_truth, seen_rows

    job.progress(0.1, "permuting columns")
    rows = read_truth(job, table.path(job), table.columns, [request.model], [])
    seen = seen_rows(job, request.model, rows, table.fingerprint)
    fresh = np.flatnonzero(seen.fresh)
    if len(fresh) < FEWEST_ROWS:
        unseen = counted(len(fresh), "row")
        note = f"{table.label} has only {unseen} that the model did not see: importance is that of the training"
        return request.importance, f"on the held-out rows of {request.model.dataset}", [*rows.notes, note]
    chosen = fresh[np.unique(np.linspace(0, len(fresh) - 1, min(len(fresh), _IMPORTANCE_ROWS)).astype(int))]
    frame = rows.frame.iloc[chosen][[column.name for column in bundle.signature]].reset_index(drop=True)
    found = permutation_importance(
        bundle.predict,
        frame,
        rows.truth[chosen],
        task=bundle.task,
        metric=request.model.metric,
        groups=near_copies(frame),
        seed=request.seed,
        weights=None if rows.weights is None else rows.weights[chosen],
        threshold=bundle.threshold,
    )
    source = f"on {len(chosen):,} rows of {table.label} that the model did not see"
    return [ImportanceRow(**vars(one)) for one in found], source, rows.notes


def _explain(request: Request, bundle: "ModelBundle", job: Job) -> list[RowExplanation]:
    from mlsteward.evaluation.contributions import explain_row

    background = _background(request, job)
    rows, names = _rows(request, job)
    rows = rows.reindex(columns=background.columns)
    classes = len(bundle.classes)
    budget = _PREDICTIONS // (len(background.columns) + 1) // len(rows)
    scores = bundle.raw_scores(rows)
    explained: list[RowExplanation] = []
    for place, name in enumerate(names):
        job.progress(0.4 + 0.5 * place / len(names), f"explaining {name}")
        output = 0 if not classes else 1 if classes == 2 else int(scores[place].argmax())
        found = explain_row(
            bundle.members,
            rows.iloc[[place]],
            background,
            classes=classes,
            output=output,
            orders=min(max(budget, 40), 1000),
            seed=request.seed,
        )
        explained.append(_explanation(name, rows.iloc[place], found, bundle, float(scores[place, output]), output))
    return explained


def _explanation(
    name: str, row: "pd.Series", found: "Contributions", bundle: "ModelBundle", score: float, output: int
) -> RowExplanation:
    from mlsteward.answer import number
    from mlsteward.evaluation.explanation import Term, value_words

    terms = [
        Term(column=column, value=value_words(row[column]), contribution=float(value), error=float(error))
        for column, value, error in zip(found.columns, found.values, found.errors, strict=True)
    ]
    if not bundle.classes:
        said = f"{bundle.target} {number(score)}"
    elif len(bundle.classes) == 2:
        label = bundle.classes[int(score >= bundle.threshold)]
        said = f"{bundle.target} = {label}, probability of {bundle.classes[1]} {number(score, 3)}"
    else:
        said = f"{bundle.target} = {bundle.classes[output]}, probability {number(score, 3)}"
    return RowExplanation(
        row=name,
        said=said,
        outcome=bundle.classes[output] if bundle.classes else "",
        scale=found.scale,
        base=found.base,
        prediction=found.prediction,
        sampled=found.sampled,
        terms=sorted(terms, key=lambda term: -abs(term.contribution)),
    )


def _background(request: Request, job: Job) -> "pd.DataFrame":
    """At most 100 rows of the training data, evenly spread: what a row is held against."""
    from mlsteward.data.frames import read_frame, spread

    types = {column.name: column for column in request.background.columns}
    columns = [types[signed.name] for signed in request.model.signature]
    frame = read_frame(request.background.path(job), columns, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    return spread(frame, _BACKGROUND).reset_index(drop=True)


def _rows(request: Request, job: Job) -> tuple["pd.DataFrame", list[str]]:
    """The rows to explain and their names: those written in the call, then those of the table by number."""
    import pandas as pd

    parts: list[pd.DataFrame] = []
    names: list[str] = []
    if request.rows:
        parts.append(_written(request, job))
        names += [f"row {place + 1}" for place in range(len(request.rows))]
    if request.numbers:
        table = request.table or request.background
        parts.append(_numbered(request, table, job))
        names += [f"row {place} of {table.label}" for place in request.numbers]
    return (parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)), names


def _written(request: Request, job: Job) -> "pd.DataFrame":
    """The rows of the call, cast by DuckDB to the types of the training data."""
    from mlsteward.data.engine import connect
    from mlsteward.data.frames import read_frame
    from mlsteward.serving.scoring import write_rows

    path = job.folder / "rows.parquet"
    with connect(threads=1) as connection:
        write_rows(connection, request.rows, request.model.signature, path)
    return read_frame(path, [Column(name=one.name, type=one.type) for one in request.model.signature])


def _numbered(request: Request, table: TableFile, job: Job) -> "pd.DataFrame":
    from mlsteward.data.frames import read_frame
    from mlsteward.errors import InvalidArgument

    types = {column.name: column for column in table.columns}
    columns = [types[signed.name] for signed in request.model.signature]
    frame = read_frame(table.path(job), columns, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    beyond = [place for place in request.numbers if not 1 <= place <= len(frame)]
    if beyond:
        raise InvalidArgument(f"{table.label} has rows 1 to {len(frame):,}; there is no row {beyond[0]}.")
    return frame.iloc[[place - 1 for place in request.numbers]].reset_index(drop=True)


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The explanation is the run's result; what it explained is its origin."""
    add_edges(transaction, used_edges(run.number, "explain", models=[run.name], datasets=[run.dataset]))
