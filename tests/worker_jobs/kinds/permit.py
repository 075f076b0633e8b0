"""A job whose result a person must allow: it leaves a metric when it is granted."""

from pathlib import Path

from pydantic import BaseModel

from mlsteward.errors import UnusableData
from mlsteward.runs.job import Job
from mlsteward.store.approvals import Way, ask_approval
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class Request(BaseModel):
    """What the approval is asked with; `stale` has the grant find that things have changed."""

    refused: list[str] = []
    ways: list[Way] = ["host", "terminal"]
    hours: float = 1.0
    stale: bool = False


class Result(BaseModel):
    verdict: str = "It may be done."
    asked: Request


def work(request: Request, job: Job) -> Result:
    return Result(asked=request)


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    asked = result.asked
    ask_approval(
        transaction,
        run,
        action="promote",
        asset=run.name,
        summary="It becomes champion.",
        refused=asked.refused,
        ways=asked.ways,
        hours=asked.hours,
    )


def granted(transaction: Transaction, run: Run, result: Result) -> None:
    if result.asked.stale:
        raise UnusableData("Another champion was chosen since.")
    add_metrics(transaction, [MetricRow(run=run.number, name="granted", value=1.0)])
