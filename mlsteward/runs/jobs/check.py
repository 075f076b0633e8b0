"""The work behind `check_data`, and behind `set_contract` when it tries the checks it is given."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from mlsteward.contracts.check import CheckResult
from mlsteward.contracts.order import CheckOrder
from mlsteward.health.pillars import PILLARS, Pillar, PillarReport
from mlsteward.runs.job import Job
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class Request(BaseModel):
    """What to look at; made by `runs.check_request.check_request`.

    `snapshot` is the file of `dataset` (a label), `order` its contract with what its checks are judged by. With
    `trial` the results are the run's alone: no history, no alert.
    """

    dataset: str
    snapshot: str
    order: CheckOrder | None = None
    pillars: list[Pillar] = list(PILLARS)
    now: datetime
    trial: bool = False


class Result(BaseModel):
    """The five pillars, and each check of the contract."""

    verdict: str
    next: str
    dataset: str
    healthy: bool
    pillars: list[PillarReport]
    checks: list[CheckResult] = []
    trial: bool = False

    def findings(self, run: Run) -> list[str]:
        return [f"{report.pillar}: {report.state} – {report.words}" for report in self.pillars]


def work(request: Request, job: Job) -> Result:
    """Look at each pillar that was asked for."""
    raise NotImplementedError


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """Keep the results with those before; raise alerts for what fails and settle those for what passes."""
