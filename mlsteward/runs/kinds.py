"""A kind of job is a module of `mlsteward.runs.jobs`, found by its name."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from pydantic import BaseModel

from mlsteward.runs.job import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlsteward.store.runs import Run
    from mlsteward.store.store import Transaction


@runtime_checkable
class Telling(Protocol):
    """A Result that has more to say than its verdict, in the tool's own answer and in `get_run`."""

    def findings(self, run: "Run") -> list[str]:
        """Short lines, the decisive ones first; metrics that are recorded as such are not among them."""
        ...


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


def takes_worker(kind: str) -> bool:
    """Whether a run of this kind is work itself. Others only start runs and wait for them: they take no worker's place,
    or they would wait for ever where there is one."""
    return kind != "pipeline"


def startable(queued: "Sequence[Run]", free: int) -> "list[Run]":
    """Those of the queued runs, oldest first, that can start when so many workers are free."""
    working = [run.number for run in queued if takes_worker(run.kind)][: max(free, 0)]
    return [run for run in queued if run.number in working or not takes_worker(run.kind)]


def findings_of(run: "Run") -> list[str]:
    """What a completed run has found beside its verdict and metrics."""
    if run.state != "completed" or not run.result:
        return []
    result = job_kind(run.kind).Result.model_validate(run.result)
    return [line for line in result.findings(run) if line] if isinstance(result, Telling) else []
