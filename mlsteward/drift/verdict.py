"""All checks judged together: what drifted, what is stable, what cannot be told."""

from collections.abc import Mapping, Sequence

import numpy as np

from mlsteward.drift.evidence import Evidence
from mlsteward.drift.multiplicity import adjusted, family_weights
from mlsteward.drift.report import ColumnReport, Finding, Verdict

LEVEL = 0.05


def judge(evidence: Sequence[Evidence], level: float = LEVEL) -> list[Finding]:
    """One finding for each piece of evidence, in its order.

    A check drifts when its p, adjusted over the whole family at `level`, is small and its effect reaches the gate.
    So with no drift anywhere, the chance that anything at all is flagged is at most `level` (Simes 1986).
    """
    tested = [found for found in evidence if not found.unusable]
    if not tested:
        return [_finding(found, 1.0, level) for found in evidence]
    weights = family_weights([found.main for found in tested])
    q_values = adjusted([found.p for found in tested], weights.tolist())
    rejected = int((q_values <= level).sum())
    findings: list[Finding] = []
    place = 0
    for found in evidence:
        if found.unusable:
            findings.append(_finding(found, 1.0, level))
            continue
        # The level at which this p would have been among the rejected ones.
        own = level * float(weights[place]) * min(rejected + 1, len(tested)) / len(tested)
        findings.append(_finding(found, float(q_values[place]), own, level))
        place += 1
    return findings


def _finding(found: Evidence, q: float, own_level: float, level: float = LEVEL) -> Finding:
    smallest = found.power(own_level) if found.power and not found.unusable else None
    drift = not found.unusable and q <= level and found.severity >= 1
    return Finding(
        column=found.column,
        kind=found.kind,
        window=found.window,
        measure=found.measure,
        effect=finite(found.effect),
        low=found.low,
        high=found.high,
        gate=found.gate,
        severity=found.severity if np.isfinite(found.severity) else 1e9,
        p=None if found.unusable else found.p,
        q=None if found.unusable else q,
        drift=drift,
        enough=not found.unusable and (smallest is None or smallest.enough),
        why=found.unusable,
        smallest=finite(smallest.effect) if smallest else None,
        smallest_measure=smallest.measure if smallest else "",
        change=found.change,
        stability_index=found.stability_index,
    )


def finite(value: float) -> float | None:
    """`value`, or None when it is no finite number."""
    return value if np.isfinite(value) else None


def column_reports(findings: Sequence[Finding], importance: Mapping[str, float]) -> list[ColumnReport]:
    """A report for each column, worst first: drifted ones by effect (times importance where known)."""
    columns: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.column:
            columns.setdefault(finding.column, []).append(finding)
    reports = [_column(name, found, importance) for name, found in columns.items()]
    return sorted(reports, key=lambda report: _rank(report, known=bool(importance)))


def _column(name: str, findings: Sequence[Finding], importance: Mapping[str, float]) -> ColumnReport:
    drifted = sorted((found for found in findings if found.drift), key=lambda found: -found.severity)
    # The distribution speaks for the column unless only something else drifted.
    main = next((found for found in drifted if found.kind == "distribution"), drifted[0] if drifted else None)
    main = main or _quiet(findings)
    verdict: Verdict = "drift" if drifted else "stable" if main.enough else "not enough data"
    also = [found.change for found in drifted if found is not main and found.window == main.window]
    return ColumnReport(column=name, verdict=verdict, main=main, also=also, importance=importance.get(name))


def _quiet(findings: Sequence[Finding]) -> Finding:
    """What to say of a column without drift: of several windows the worst that has enough data, if half of them do."""
    found = [finding for finding in findings if finding.kind == "distribution"] or findings
    enough = 2 * sum(finding.enough for finding in found) >= len(found)
    return max((finding for finding in found if finding.enough == enough), key=lambda finding: finding.severity)


def _rank(report: ColumnReport, *, known: bool) -> tuple[int, float, float]:
    group = ("drift", "not enough data", "stable").index(report.verdict)
    weight = max(report.importance or 0.0, 0.0) if known else 1.0
    return group, -min(report.main.severity, 1e9) * weight, -report.main.severity


def overall(columns: Sequence[ColumnReport], table: Sequence[Finding]) -> Verdict:
    """Drift if anything drifted; stable if most columns are known to be; else not enough data."""
    if any(report.verdict == "drift" for report in columns) or any(found.drift for found in table):
        return "drift"
    unsure = sum(report.verdict == "not enough data" for report in columns)
    return "stable" if columns and unsure * 2 < len(columns) else "not enough data"
