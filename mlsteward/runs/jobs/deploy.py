"""The work behind `deploy_model`: models are opened and measured on real rows before anything is served by them."""

from pathlib import Path
from typing import ClassVar

from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.store.deployments import By, Deployment, place
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class Part(Record):
    """A model that would answer requests: `role` is champion, canary or shadow, paths are relative to the workspace."""

    role: str
    label: str
    path: str
    sha256: str
    snapshot: str


class Request(Record):
    """What is to be served in place of revision `expected` (0: nothing), once `parts` have been tried."""

    # What is measured of rows are times and differences.
    values: ClassVar[bool] = False

    wanted: Deployment
    expected: int
    parts: list[Part]
    why: str = ""


class PartFacts(Record):
    """How a model did on `rows` real rows, one at a time: milliseconds, and the largest difference between the path
    that requests take and the model's own."""

    role: str
    label: str
    rows: int
    p50_ms: float
    p99_ms: float
    difference: float | None = None
    direct: bool = False
    bytes: int = 0


class Result(Record):
    verdict: str
    next: str
    parts: list[PartFacts]

    def findings(self, run: Run) -> list[str]:
        return [
            f"{one.role} {one.label}: {one.p50_ms:.3g} ms a row (p99 {one.p99_ms:.3g}) on {one.rows} real rows"
            for one in self.parts
        ]


def work(request: Request, job: Job) -> Result:
    raise NotImplementedError


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    granted(transaction, run, result)


def granted(transaction: Transaction, run: Run, result: Result) -> None:
    raise NotImplementedError
