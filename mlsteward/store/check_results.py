"""What checks of datasets found: the health of a dataset time after time, and the results of single checks."""

import json
from collections.abc import Sequence
from datetime import datetime

from mlsteward.contracts.check import CheckResult
from mlsteward.health.pillars import Pillar, PillarReport, Severity
from mlsteward.health.verdict import verdict
from mlsteward.record import Record
from mlsteward.store.alerts import Finding, raise_alerts, settle_alerts
from mlsteward.store.changes import count_change
from mlsteward.store.masking import Masks, masked_words
from mlsteward.store.transaction import Transaction

_HEALTH = ("run", "dataset", "version", "healthy", "verdict", "pillars", "created")
_NOT_HELD = "version NOT IN (SELECT v.version FROM dataset_versions AS v WHERE v.name = dataset AND v.held <> '')"
_RESULTS = "run dataset version pillar check_name column_name severity passed value words created".split()


class Health(Record):
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
        return _as_of(self.healthy, self.created)

    def pillar(self, name: Pillar) -> PillarReport | None:
        """What one pillar said; None when it was not looked at."""
        return next((report for report in self.pillars if report.pillar == name), None)


class StoredResult(Record):
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
    count_change(t)


def last_health(t: Transaction, dataset: str) -> Health | None:
    """The newest look at a dataset (a name without a version), or None; one at a version kept aside does not count."""
    return next(iter(health_history(t, dataset, limit=1, held=False)), None)


def health_words(t: Transaction) -> dict[str, str]:
    """Of every dataset that was checked, `healthy as of …` by its newest check."""
    rows = t.rows(f"SELECT dataset, arg_max(healthy, run), max(created) FROM health WHERE {_NOT_HELD} GROUP BY dataset")
    return {dataset: _as_of(healthy, created) for dataset, healthy, created in rows}


def health_history(t: Transaction, dataset: str, *, limit: int = 50, held: bool = True) -> list[Health]:
    """The looks at a dataset, newest first; without those at versions that are `held` where it is False."""
    rows = t.rows(
        f"SELECT {', '.join(_HEALTH)} FROM health WHERE dataset = ? AND (? OR {_NOT_HELD})"
        " ORDER BY created DESC, run DESC LIMIT ?",
        [dataset, held, limit],
    )
    found = [dict(zip(_HEALTH, row, strict=True)) for row in rows]
    return [_seen(t.masks, Health.model_validate({**row, "pillars": json.loads(row["pillars"])})) for row in found]


def _as_of(healthy: bool, created: datetime) -> str:
    return f"{'healthy' if healthy else 'unhealthy'} as of {created:%Y-%m-%d %H:%M} UTC"


def seen_reports(masks: Masks, dataset: str, reports: Sequence[PillarReport]) -> list[PillarReport]:
    """What pillars say, without the words that tell of masked columns."""
    return [_seen_report(masks, dataset, report) for report in reports]


def _seen(masks: Masks, health: Health) -> Health:
    reports = seen_reports(masks, health.dataset, health.pillars)
    if reports == health.pillars:
        return health
    return health.model_copy(update={"pillars": reports, "verdict": verdict(health.label, reports)})


def _seen_report(masks: Masks, dataset: str, report: PillarReport) -> PillarReport:
    level = next((level for column in report.columns if (level := masks.level(dataset, column))), "")
    if not level:
        return report
    return report.model_copy(update={"words": masked_words(level), "breaches": []})


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
    found = [StoredResult.model_validate(dict(zip(StoredResult.model_fields, row, strict=True))) for row in rows]
    return [_seen_result(t.masks, result) for result in found]


def results_of_run(t: Transaction, run: int) -> list[StoredResult]:
    """The results of the checks that a run made."""
    rows = t.rows(f"SELECT {', '.join(_RESULTS)} FROM check_results WHERE run = ? ORDER BY check_name", [run])
    found = [StoredResult.model_validate(dict(zip(StoredResult.model_fields, row, strict=True))) for row in rows]
    return [_seen_result(t.masks, result) for result in found]


def _seen_result(masks: Masks, result: StoredResult) -> StoredResult:
    level = masks.level(result.dataset, result.column)
    return result.model_copy(update={"words": masked_words(level), "value": None}) if level else result


def record_checks(
    t: Transaction,
    label: str,
    results: Sequence[CheckResult],
    *,
    run: int | None,
    created: datetime,
    alerts: bool = True,
) -> None:
    """Keep the results of a contract's checks on the version `label`; raise alerts, and settle those that pass now.

    Without `alerts` the results are kept and nothing else.
    """
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
    if not alerts:
        return
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
