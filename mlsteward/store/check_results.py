"""What checks of datasets found: the health of a dataset time after time, and the results of single checks."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from mlsteward.contracts.check import CheckResult
from mlsteward.health.pillars import Pillar, PillarReport, Severity
from mlsteward.store.alerts import Finding, raise_alerts, settle_alerts
from mlsteward.store.transaction import Transaction

_HEALTH = ("run", "dataset", "version", "healthy", "verdict", "pillars", "created")
_RESULTS = "run dataset version pillar check_name column_name severity passed value words created".split()


class Health(BaseModel):
    """One look at the health of a dataset's version."""

    run: int
    dataset: str
    version: int
    healthy: bool
    verdict: str
    pillars: list[PillarReport] = []
    created: datetime

    @property
    def label(self) -> str:
        return f"{self.dataset}@{self.version}"

    @property
    def words(self) -> str:
        """`healthy as of 2013-07-01 08:00`."""
        return f"{'healthy' if self.healthy else 'unhealthy'} as of {self.created:%Y-%m-%d %H:%M}"

    def pillar(self, name: Pillar) -> PillarReport | None:
        """What one pillar said; None when it was not looked at."""
        return next((report for report in self.pillars if report.pillar == name), None)


class StoredResult(BaseModel):
    """What came of one check in one run. `column` is "" for a check of the whole table."""

    run: int | None
    dataset: str
    version: int
    pillar: Pillar
    check: str
    column: str = ""
    severity: Severity
    passed: bool
    value: float | None = None
    words: str
    created: datetime


def add_health(t: Transaction, health: Health) -> None:
    """Keep what a run said of a dataset."""
    t.insert("health", [health.model_dump(mode="python")])


def last_health(t: Transaction, dataset: str) -> Health | None:
    """The newest look at a dataset (a name without a version), or None."""
    return next(iter(health_history(t, dataset, limit=1)), None)


def health_history(t: Transaction, dataset: str, *, limit: int = 50) -> list[Health]:
    """The looks at a dataset, newest first."""
    rows = t.rows(
        f"SELECT {', '.join(_HEALTH)} FROM health WHERE dataset = ? ORDER BY created DESC, run DESC LIMIT ?",
        [dataset, limit],
    )
    found = [dict(zip(_HEALTH, row, strict=True)) for row in rows]
    return [Health.model_validate({**row, "pillars": json.loads(row["pillars"])}) for row in found]


def add_results(t: Transaction, results: Sequence[StoredResult]) -> None:
    """Keep the results of single checks."""
    t.insert("check_results", [_row(result) for result in results])


def check_history(t: Transaction, dataset: str, *, check: str = "", limit: int = 200) -> list[StoredResult]:
    """The results of a dataset's checks, newest first; of one check where `check` names it."""
    rows = t.rows(
        f"SELECT {', '.join(_RESULTS)} FROM check_results WHERE dataset = ? AND check_name = coalesce(?, check_name)"
        " ORDER BY created DESC, run DESC, check_name LIMIT ?",
        [dataset, check or None, limit],
    )
    return [StoredResult.model_validate(dict(zip(StoredResult.model_fields, row, strict=True))) for row in rows]


def record_checks(
    t: Transaction, label: str, results: Sequence[CheckResult], *, run: int | None, created: datetime
) -> None:
    """Keep the results of a contract's checks on the version `label`; raise alerts, and settle those that pass now."""
    dataset, _, version = label.partition("@")
    add_results(
        t,
        [
            StoredResult(
                run=run,
                dataset=dataset,
                version=int(version),
                pillar="quality",
                **result.model_dump(include={"check", "column", "severity", "passed", "value", "words"}),
                created=created,
            )
            for result in results
        ],
    )
    failed = [_finding(label, result) for result in results if not result.passed]
    raise_alerts(t, failed, run=run)
    settle_alerts(t, dataset, [result.check for result in results if result.passed and not result.skipped], run)


def _finding(label: str, result: CheckResult) -> Finding:
    evidence: dict[str, str | float] = {
        "expected": result.expected,
        "failing": result.failing,
        "total": result.total,
    }
    if result.value is not None:
        evidence["value"] = result.value
    return Finding(
        asset=f"column:{label}.{result.column}" if result.column else f"dataset:{label}",
        check=result.check,
        severity=result.severity,
        words=result.words,
        evidence=evidence,
    )


def _row(result: StoredResult) -> dict[str, object]:
    fields = result.model_dump()
    return dict(zip(_RESULTS, fields.values(), strict=True))
