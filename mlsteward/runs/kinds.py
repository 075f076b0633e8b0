"""A kind of job is a module of `mlsteward.runs.jobs`, found by its name."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import BaseModel

from mlsteward.runs.job import Job

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.store import Transaction


class JobKind(Protocol):
    """What such a module holds: two models, the work, and how its result is recorded."""

    Request: type[BaseModel]
    Result: type[BaseModel]

    def work(self, request: Any, job: Job) -> BaseModel:
        """Do the work, in a worker process. Heavy libraries are imported inside."""
        ...

    def record(self, transaction: "Transaction", run: "Run", result: Any, folder: Path) -> None:
        """Write what the result adds to the store, in the transaction that completes the run."""
        ...


def job_kind(kind: str) -> JobKind:
    return cast(JobKind, import_module(f"mlsteward.runs.jobs.{kind}"))
