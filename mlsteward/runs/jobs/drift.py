"""The work behind `check_drift`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.drift.choice import Choice
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.report import DriftReport, Finding
from mlsteward.drift.words import drift_findings
from mlsteward.errors import UnusableData
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.store.lineage import add_edges

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

PLOT = "drift.png"
PAGE = "drift.md"
_MEMORY_MB = 768


class Request(Record):
    """What to compare; paths in `choice` are relative to the workspace, or absolute. `masked` columns are left out."""

    choice: Choice
    columns: list[ComparedColumn]
    types: dict[str, str]
    left_out: dict[str, str] = {}
    changed: list[Finding] = []
    importance: dict[str, float] = {}
    reference: str
    current: str
    model: str = ""
    multivariate: bool = False
    masked: list[str] = []
    seed: int = 0


class Result(Record):
    """The whole report; `verdict` and `next` are what `get_run` says of the run."""

    verdict: str
    next: str
    report: DriftReport

    def findings(self, run: "Run") -> list[str]:
        files = f"mlsteward://runs/{run.number}/artifacts/"
        return drift_findings(self.report, files + PAGE, files + PLOT if self.report.plot else "")


def work(request: Request, job: Job) -> Result:
    """Compare two samples of rows, column by column, and draw the worst."""
    from mlsteward.data.engine import connect
    from mlsteward.drift.compare import Task, compare
    from mlsteward.drift.page import page
    from mlsteward.drift.plots import draw_columns
    from mlsteward.drift.words import next_call

    places = {name: _place(job.workspace, getattr(request.choice, name)) for name in ("reference", "current")}
    task = Task(
        choice=request.choice.model_copy(update=places),
        columns=request.columns,
        types=request.types,
        left_out=request.left_out,
        schema=request.changed,
        importance=request.importance,
        reference=request.reference,
        current=request.current,
        multivariate=request.multivariate,
        seed=request.seed,
    )
    memory = min(_MEMORY_MB, job.memory_mb // 2)
    with connect(memory_mb=memory, temp=job.folder / "temp") as connection, job.threads(1):
        comparison = compare(connection, task, job.progress)
    report = comparison.report
    job.progress(0.95, "drawing the columns that changed most")
    if draw_columns(report.columns, comparison.counts, job.artifacts / PLOT):
        report = report.model_copy(update={"plot": PLOT})
    (job.artifacts / PAGE).write_text(page(report), encoding="utf-8")
    following = next_call(report, request.current.partition("@")[0], request.model)
    return Result(verdict=report.sentence, next=following, report=report)


def _place(workspace: Path, snapshot: str) -> str:
    path = workspace / snapshot
    if not path.is_file():
        raise UnusableData(f"The snapshot {snapshot} is gone.", next="register_dataset(name=…, source=…)")
    return str(path)


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The report is the run's result; what it compared is its origin."""
    request = RunFolder(folder).read_request(Request)
    compared = [request.reference, request.current]
    add_edges(transaction, used_edges(run.number, "drift", models=[request.model], datasets=compared))
