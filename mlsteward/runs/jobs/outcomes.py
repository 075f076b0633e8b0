"""Accept outcomes of predictions: late, in pieces, corrected."""

import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mlsteward.answer import counted
from mlsteward.data.engine import connect, literal
from mlsteward.data.sources import SourceOrder
from mlsteward.errors import UnusableData
from mlsteward.lineage.edge import Edge, dataset_asset
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.store.activity import add_activity
from mlsteward.store.lineage import add_edges
from mlsteward.store.outcomes import OutcomeSegment, add_segment
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.runs.outcome_piece import Counts

GIVEN = ("prediction_id", "key", "outcome", "correct", "why")
FOLDER = "outcomes"
_MEMORY_MB = 768


class Request(Record):
    """Outcomes of a deployment: `rows` of a call, the snapshot of a dataset, or a file of the source.

    `files` are the pieces accepted before, `key` and `outcome` the columns that the caller named. What comes of the run
    are counts; no value of a row is among them. `open` says that everybody may see the classes of the target.
    """

    values: ClassVar[bool] = False

    deployment: str
    model: str
    classes: list[str]
    target: str
    files: list[str]
    rows: list[dict[str, str | bool | None]] = []
    dataset: str = ""
    snapshot: str = ""
    source: SourceOrder
    key: str = ""
    outcome: str = ""
    actor: str = ""
    open: bool = True

    @property
    def shown(self) -> str:
        return "rows of a call" if self.rows else self.dataset or self.source.shown


class Result(Record):
    """How many outcomes came, of how many predictions they are the first or correct another, and how many match none.

    `known` of `predictions` have an outcome now. `file` is the piece, relative to the workspace, "" where nothing was
    new.
    """

    verdict: str
    next: str
    file: str = ""
    sha256: str = ""
    recorded: datetime
    rows: int
    matched: int = 0
    corrected: int = 0
    unmatched: int = 0
    known: int = 0
    predictions: int = 0
    notes: list[str] = []

    def findings(self, run: Run) -> list[str]:
        return [f"note: {note}" for note in self.notes]


def work(request: Request, job: Job) -> Result:
    """Read the outcomes, hold them against the predictions, and write them down for good."""
    from mlsteward.runs.outcome_piece import PIECE, held_against

    scratch = job.folder / "temp"
    scratch.mkdir(exist_ok=True)
    folder = EndpointFolder.of(job.workspace, request.deployment).path / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    part, final = (folder / f"{job.number:09d}{suffix}" for suffix in (".part", ".parquet"))
    now = datetime.now(UTC)
    try:
        with connect(memory_mb=min(_MEMORY_MB, job.memory_mb // 2), temp=scratch, threads=1) as engine:
            job.progress(0.0, f"reading {request.shown}")
            rows, notes = _read(engine, request, job, scratch, now)
            engine.execute(f"COPY {PIECE} TO {literal(str(part))} (FORMAT parquet, COMPRESSION zstd)")
            job.progress(0.5, "looking for the predictions")
            counts = held_against(engine, request, job.workspace, part)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    digest = _keep(part, final) if counts.anything_new else ""
    part.unlink(missing_ok=True)
    return Result(
        verdict=_verdict(request, rows, counts),
        next=f'check_deployment(deployment="{request.deployment}")',
        file=str(final.relative_to(job.workspace)) if digest else "",
        sha256=digest,
        recorded=now,
        rows=rows,
        matched=counts.first,
        corrected=counts.corrected,
        unmatched=counts.unmatched,
        known=counts.known,
        predictions=counts.predictions,
        notes=notes,
    )


def _read(
    engine: "DuckDBPyConnection", request: Request, job: Job, scratch: Path, now: datetime
) -> tuple[int, list[str]]:
    """As `read_piece`; a file that the engine cannot read is told of as the file's fault."""
    import duckdb

    from mlsteward.runs.outcome_piece import read_piece

    try:
        return read_piece(engine, request, job.workspace, scratch, now, job.number)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        words = str(error).splitlines()[0].replace(str(scratch), "")
        raise UnusableData(f"{request.shown} cannot be read: {words[:300]}") from error


def _keep(part: Path, final: Path) -> str:
    """Have the piece on disk before anybody is told that it was accepted; its SHA-256."""
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    part.chmod(0o440)
    part.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return digest


def _verdict(request: Request, rows: int, counts: "Counts") -> str:
    given = counted(rows, "outcome")
    if not counts.anything_new:
        return f"Nothing new: {given} recorded already."
    parts = [
        f"{counts.first:,} of predictions without one before" if counts.first else "",
        f"{counts.corrected:,} corrected" if counts.corrected else "",
        f"{counts.reasons:,} with words" if counts.reasons else "",
        f"{counts.unmatched:,} without a prediction, kept in case it comes" if counts.unmatched else "",
    ]
    said = ", ".join(part for part in parts if part)
    share = f"{counts.known:,} of {counted(counts.predictions, 'prediction')} of {request.deployment}"
    return f"{given} recorded: {said}. {share} have an outcome now."


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """The piece counts from now on."""
    request = RunFolder(folder).read_request(Request)
    if not result.file:
        return
    add_segment(
        transaction,
        OutcomeSegment(
            run=run.number,
            deployment=request.deployment,
            file=result.file,
            sha256=result.sha256,
            source=request.shown,
            rows=result.rows,
            actor=run.actor,
            recorded=result.recorded,
        ),
    )
    asset = f"deployment:{request.deployment}"
    add_activity(
        transaction,
        actor=run.actor,
        client=run.client,
        action="record_outcomes",
        asset=asset,
        why=f"{counted(result.rows, 'outcome')} from {request.shown}",
        run=run.number,
    )
    if request.dataset:
        edge = Edge(source=dataset_asset(request.dataset), target=asset, kind="outcomes", run=run.number)
        add_edges(transaction, [edge])
