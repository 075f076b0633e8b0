"""What a check of a dataset's health leaves in the store."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mlsteward.contracts.check import CheckResult
from mlsteward.health.pillars import SCHEMA, PillarReport, is_healthy
from mlsteward.lineage.edge import Edge, dataset_asset
from mlsteward.store.alerts import Finding, raise_alerts, settle_alerts
from mlsteward.store.check_results import Health, StoredResult, add_health, add_results, record_checks
from mlsteward.store.datasets import newest_version
from mlsteward.store.lineage import add_edges
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


def record_health(
    t: Transaction,
    run: Run,
    label: str,
    verdict: str,
    pillars: Sequence[PillarReport],
    checks: Sequence[CheckResult],
) -> None:
    """Keep what a run found of the version `label`, with its place in the lineage.

    Alerts are about the newest version: what is wrong with an older one, or with one kept aside, raises none.
    """
    name, _, version = label.partition("@")
    created = run.finished or datetime.now(UTC)
    health = Health(
        run=run.number,
        dataset=name,
        version=int(version),
        healthy=is_healthy(pillars),
        verdict=verdict,
        pillars=list(pillars),
        created=created,
    )
    add_health(t, health)
    add_results(t, [one for report in pillars for one in _results(health, report)])
    newest = newest_version(t, name)
    current = newest is not None and newest.label == label
    # The pillar says the same of the schema as the contract's check, and whom it hurts.
    told = any(breach.check == SCHEMA for report in pillars for breach in report.breaches)
    record_checks(
        t,
        label,
        [check for check in checks if not (told and check.check == SCHEMA)],
        run=run.number,
        created=created,
        alerts=current,
    )
    if current:
        findings = [_finding(label, report, place) for report in pillars for place in range(len(report.breaches))]
        raise_alerts(t, findings, run=run.number)
        failed = {check.check for check in checks if not check.passed}
        settle_alerts(t, name, {check for report in pillars for check in report.passed} - failed, run.number)
    add_edges(t, [Edge(source=dataset_asset(label), target=run.label, kind="check", run=run.number)])


def _results(health: Health, report: PillarReport) -> list[StoredResult]:
    shared = {
        "run": health.run,
        "dataset": health.dataset,
        "version": health.version,
        "pillar": report.pillar,
        "created": health.created,
        "words": report.words,
        "column": next(iter(report.columns), ""),
    }
    failed = [{"check": breach.check, "severity": breach.severity, "words": breach.words} for breach in report.breaches]
    passed = [{"check": check, "severity": "info", "passed": True} for check in report.passed]
    return [StoredResult.model_validate({**shared, "passed": False, **each}) for each in [*failed, *passed]]


def _finding(label: str, report: PillarReport, place: int) -> Finding:
    breach = report.breaches[place]
    # The whole dataset is concerned; the column is named for those who may not see its values.
    column: dict[str, str | float] = {"column": report.columns[0]} if report.columns else {}
    return Finding(
        asset=dataset_asset(label),
        check=breach.check,
        severity=breach.severity,
        words=breach.words,
        evidence=breach.evidence | column,
    )
