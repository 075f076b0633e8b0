"""Train a model on a dataset's snapshot and leave it, what it predicted and what it leans on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.answer import number, table
from mlsteward.data.rows import hash_expression, share_expression
from mlsteward.data.snapshot import Column, verify_snapshot
from mlsteward.errors import naming
from mlsteward.lineage.edge import model_asset
from mlsteward.lineage.made import training_edges
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.store.activity import add_activity
from mlsteward.store.lineage import add_edges, transforms_of
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.models import Model, Score, add_model
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.signature import ColumnHint, ImportanceRow, Place, SetAside, SignatureColumn, Task

if TYPE_CHECKING:
    from mlsteward.training.prepare import Table
    from mlsteward.training.train import Trained

MODEL = "model.skops"
# What is shown of a long list.
LEADERS = 6
DRIVERS = 5
ASIDE = 8
NOTES = 6
_LEADERS = 20


class Request(Record):
    """Which rows to learn from and how; `masked` are columns that whoever asked may not see."""

    options: TrainOptions
    name: str = ""
    dataset: str
    snapshot: str
    source_hash: str = ""
    reference: bool = False
    columns: list[Column]
    hints: dict[str, ColumnHint] = {}
    choice: SplitChoice
    salt: str
    masked: list[str] = []


class Result(Record):
    verdict: str
    next: str
    name: str
    task: Task
    classes: list[str]
    metric: str
    metrics: dict[str, Score]
    baselines: dict[str, dict[str, float | None]]
    difference: Score | None = None
    train_rows: int
    test_rows: int
    unit: str
    units: int
    split: SplitChoice
    split_words: str
    decision: str = ""
    threshold: float = 0.5
    half_width: float | None = None
    coverage: float | None = None
    cost: float | None = None
    estimator: str
    leaderboard: list[Place]
    unreached: list[str] = []
    replay: dict[str, Any] = {}
    signature: list[SignatureColumn]
    set_aside: list[SetAside]
    questions: list[str]
    notes: list[str]
    importance: list[ImportanceRow]
    plots: list[str]
    sha256: str

    def drivers(self) -> list[ImportanceRow]:
        """What the model leans on most, a group of near-copies by its first three columns."""
        found = [row for row in self.importance[:DRIVERS] if row.value > 0]
        return [row.model_copy(update={"columns": row.columns[:3]}) for row in found]

    def findings(self, run: Run) -> list[str]:
        drivers = [
            f"{' + '.join(one.columns)} ({number(one.value, 2)}{one.direction and f' {one.direction}'})"
            for one in self.drivers()
        ]
        aside = [f"{one.name} {one.reason}" for one in self.set_aside[:ASIDE]]
        if (more := len(self.set_aside) - ASIDE) > 0:
            aside.append(f"and {more} more")
        board = [
            (one.name, f"{number(one.score)} ± {number(one.sd, 2)}", one.cpu_seconds, f"{one.weight:.0%}")
            for one in self.leaderboard[:LEADERS]
        ]
        return [
            self.split_words,
            self.decision,
            *(f"question: {question}" for question in self.questions),
            f"set aside: {'; '.join(aside)}" if aside else "",
            *(f"note: {note}" for note in self.notes[:NOTES]),
            f"leans on: {', '.join(drivers)}" if drivers else "",
            f"not reached: {', '.join(self.unreached)}" if self.unreached else "",
            *(table(("candidate", "selection score ± sd", "CPU-s", "share"), board) if len(board) > 1 else []),
        ]


def work(request: Request, job: Job) -> Result:
    """Read, train, measure; then the files: model, predictions, plots."""
    from mlsteward.runs.train_files import draw, importance_rows, measure_importance, write_predictions
    from mlsteward.serving.model_file import save_bundle
    from mlsteward.training.train import train

    path = verify_snapshot(job.workspace, request.snapshot, request.source_hash, reference=request.reference)
    with naming(dataset=request.dataset, target=request.options.target):
        trained = train(_read(request, path, job), request.options, request.choice, job.progress)
    sha256 = save_bundle(trained.bundle, job.artifacts / MODEL)
    write_predictions(trained, path, request.columns, job.artifacts)
    permuted, held_out = importance_rows(trained), len(trained.prepared.test)
    if permuted < held_out:
        trained.prepared.notes.append(f"Importance was measured on {permuted:,} of {held_out:,} held-out rows.")
    job.progress(0.97, f"permuting columns on {permuted:,} held-out rows, drawing")
    importance = measure_importance(trained, request.options.seed)
    return _result(request, trained, sha256, importance, draw(trained, importance, job.artifacts), job.number)


def _read(request: Request, path: Path, job: Job) -> "Table":
    from mlsteward.data.frames import read_frame
    from mlsteward.training.prepare import Table

    by_name = {column.name: column for column in request.columns}
    identity = [by_name[name] for name in request.choice.identity]
    sticky = [by_name[request.choice.column]] if request.choice.kind == "group" else identity
    # Names that no column of a dataset has: they are read beside the columns.
    places = {"\x1fidentity": hash_expression(identity), "\x1fshare": share_expression(sticky, request.salt)}
    memory = min(4096, job.memory_mb // 4)
    frame = read_frame(path, request.columns, expressions=places, memory_mb=memory, temp=job.folder / "temp")
    hashes, share = frame.pop("\x1fidentity").to_numpy(), frame.pop("\x1fshare").to_numpy()
    return Table(frame, request.columns, request.hints, hashes, share)


def _result(
    request: Request, trained: "Trained", sha256: str, importance: list[ImportanceRow], plots: list[str], run: int
) -> Result:
    from mlsteward.training.report import decision, served, verdict

    prepared, bundle, difference = trained.prepared, trained.bundle, trained.difference
    board = sorted(trained.selected.leaderboard, key=lambda place: -place.weight)[:_LEADERS]
    return Result(
        verdict=verdict(trained),
        next=f'evaluate_model(model="{request.name or f"run:{run}"}", dataset="{request.dataset}")',
        name=request.name,
        task=bundle.task,
        classes=bundle.classes,
        metric=trained.metric,
        metrics={name: Score(value=one.value, low=one.low, high=one.high) for name, one in trained.metrics.items()},
        baselines={one.name: one.metrics for one in trained.baselines},
        difference=None
        if difference is None
        else Score(value=difference.value, low=difference.low, high=difference.high),
        train_rows=len(prepared.train),
        test_rows=len(prepared.test),
        unit=prepared.split.unit,
        units=len(set(prepared.split.units[prepared.test].tolist())),
        split=request.choice,
        split_words=prepared.split.words,
        decision=decision(trained),
        threshold=bundle.threshold,
        half_width=bundle.conformal,
        coverage=trained.coverage,
        cost=trained.cost,
        estimator=served(trained),
        leaderboard=board,
        unreached=trained.selected.unreached,
        replay=_replay(request.options, trained),
        signature=bundle.signature,
        set_aside=prepared.set_aside,
        questions=prepared.questions,
        notes=prepared.notes,
        importance=importance,
        plots=plots,
        sha256=sha256,
    )


def _replay(options: TrainOptions, trained: "Trained") -> dict[str, Any]:
    """Params that repeat a budgeted search exactly, whatever the machine's speed."""
    if options.estimator != "auto":
        return {}
    return {"candidates": [place.name for place in trained.selected.leaderboard]}


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """Metrics by split, the model, which with a name becomes the next version of that name, and what it came from."""
    rows = [
        MetricRow(run=run.number, split="test", name=name, value=score.value, low=score.low, high=score.high)
        for name, score in result.metrics.items()
    ]
    best = max(result.leaderboard, key=lambda place: place.weight, default=None)
    if best and best.score is not None:
        rows.append(MetricRow(run=run.number, split="validation", name=result.metric, value=best.score))
    if result.coverage is not None:
        rows.append(MetricRow(run=run.number, split="test", name="interval_coverage", value=result.coverage))
    if result.cost is not None:
        rows.append(MetricRow(run=run.number, split="test", name="mean_cost", value=result.cost))
    add_metrics(transaction, rows)
    model = _model(run, result).model_copy(update={"transforms": transforms_of(transaction, run.dataset)})
    placed = add_model(transaction, model)
    add_activity(
        transaction,
        actor=run.actor,
        client=run.client,
        action=run.kind,
        asset=model_asset(placed.label),
        why=run.reason or f"{model.task} of {run.target} on {run.dataset}",
        run=run.number,
    )
    edges = training_edges(
        placed.label,
        run.dataset,
        target=run.target,
        features=[column.name for column in result.signature],
        importance=result.importance,
        metric=result.metric,
        run=run.number,
    )
    add_edges(transaction, edges)


def _model(run: Run, result: Result) -> Model:
    return Model(
        run=run.number,
        name=result.name,
        task=result.task,
        target=run.target,
        dataset=run.dataset,
        fingerprint=run.fingerprint,
        classes=result.classes,
        path=f"runs/{run.number}/artifacts/{MODEL}",
        sha256=result.sha256,
        signature=result.signature,
        threshold=result.threshold,
        metric=result.metric,
        metrics=result.metrics,
        estimator=result.estimator,
        split={**result.split.model_dump(), "unit": result.unit, "words": result.split_words},
        actor=run.actor,
        created=run.finished or run.created,
    )
