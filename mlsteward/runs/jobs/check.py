"""The work behind `check_data`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from mlsteward.contracts.check import CheckResult
from mlsteward.contracts.order import CheckOrder
from mlsteward.errors import UnusableData
from mlsteward.health.pillars import PILLARS, Pillar, PillarReport, is_healthy
from mlsteward.health.verdict import verdict
from mlsteward.health.version import JudgedDay, Version
from mlsteward.record import Record
from mlsteward.runs.health_record import record_health
from mlsteward.runs.job import Job
from mlsteward.store.check_results import seen_reports
from mlsteward.store.masking import Masks, masked_words
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY_MB = 1024
# Days that a result keeps, for the page.
_DAYS = 60


class Request(Record):
    """What to look at; made by `runs.check_request.check_request`.

    `versions` are those of the dataset up to the one that is looked at, which is the last. `order` is its contract with
    what its checks are judged by, `calendar` names the holidays that count, `known` are pillars that need no rows and
    `following` the call to name where a pillar is not as it should be.
    """

    # Anybody may ask whether a dataset is healthy: what the result tells of rows is masked for each reader (`seen`).
    values: ClassVar[bool] = False

    dataset: str
    versions: list[Version]
    order: CheckOrder | None = None
    calendar: str = ""
    known: list[PillarReport] = []
    following: dict[Pillar, str] = {}
    now: datetime


class Result(Record):
    """The five pillars, each check of the contract, and the newest days with what was expected of them."""

    verdict: str
    next: str
    dataset: str
    healthy: bool
    pillars: list[PillarReport]
    checks: list[CheckResult] = []
    days: list[JudgedDay] = []

    def findings(self, run: Run) -> list[str]:
        return [f"{report.pillar}: {report.state} – {report.words}" for report in self.pillars]

    def seen(self, masks: Masks) -> Self:
        """Without what pillars, checks and days tell of masked columns."""
        name = self.dataset.partition("@")[0]
        pillars = seen_reports(masks, name, self.pillars)
        days = [] if any(masks.among(name, one.columns) for one in pillars if one.pillar == "volume") else self.days
        return self.model_copy(
            update={
                "verdict": verdict(self.dataset, pillars),
                "pillars": pillars,
                "checks": [_seen_check(masks, name, check) for check in self.checks],
                "days": days,
            }
        )


def work(request: Request, job: Job) -> Result:
    """Look at each pillar."""
    from mlsteward.data.engine import connect
    from mlsteward.health.examine import examine
    from mlsteward.health.verdict import next_call

    file = job.workspace / request.versions[-1].snapshot
    if not file.is_file():
        raise UnusableData(f"The snapshot of {request.dataset} is gone.", next="register_dataset(name=…, source=…)")
    with connect(memory_mb=min(_MEMORY_MB, job.memory_mb // 2), temp=job.folder / "temp") as connection:
        checks = _run_checks(connection, file, request, job)
        job.progress(0.6, "counting rows by day")
        examined = examine(connection, job.workspace, request.versions, request.now, request.calendar)
    reports = [*request.known, examined.freshness, examined.volume.report]
    found = {report.pillar: report for report in [*reports, *_of_contract(request, checks, examined.freshness)]}
    reports = [_with_next(found[pillar], request) for pillar in PILLARS if pillar in found]
    return Result(
        verdict=verdict(request.dataset, reports),
        next=next_call(reports),
        dataset=request.dataset,
        healthy=is_healthy(reports),
        pillars=reports,
        checks=checks,
        days=examined.volume.days[-_DAYS:],
    )


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """Keep the results with those before; raise alerts for what fails and settle those for what passes."""
    record_health(transaction, run, result.dataset, result.verdict, result.pillars, result.checks)


def _seen_check(masks: Masks, name: str, check: CheckResult) -> CheckResult:
    """A check's result without values of masked columns; a statement may show any of them under another name."""
    if not masks.of(name):
        return check
    level = masks.level(name, check.column)
    if level or check.type == "sql":
        words = masked_words(level) if level else "masked"
        return check.model_copy(update={"words": words, "value": None, "examples": []})
    hidden = {column for example in check.examples for column in masks.among(name, example)}
    shown = [{column: cell for column, cell in one.items() if column not in hidden} for one in check.examples]
    return check.model_copy(update={"examples": shown})


def _run_checks(connection: "DuckDBPyConnection", file: Path, request: Request, job: Job) -> list[CheckResult]:
    from mlsteward.contracts.run import run_checks

    if request.order is None:
        return []
    job.progress(0.0, "running the contract's checks")
    return run_checks(connection, file, request.order, request.now, job.folder / "temp")


def _of_contract(request: Request, checks: list[CheckResult], learned: PillarReport) -> list[PillarReport]:
    """The quality pillar, and freshness where the contract states what it should be."""
    from mlsteward.health.quality import quality_pillar, stated_freshness

    if request.order is None:
        return []
    stated = stated_freshness(learned, checks)
    return [quality_pillar(checks), *([stated] if stated else [])]


def _with_next(report: PillarReport, request: Request) -> PillarReport:
    if report.next or report.state in ("ok", "not enough history"):
        return report
    return report.model_copy(update={"next": request.following.get(report.pillar, "")})
