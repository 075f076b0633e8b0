"""Is what a model was trained on like what is served now?"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from mlsteward.answer import counted, number
from mlsteward.drift.blocked_checks import check_blocked_column
from mlsteward.drift.checks import check_column
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.counts import Integers
from mlsteward.drift.frames import FramePair, count_frames
from mlsteward.drift.report import ColumnReport
from mlsteward.drift.verdict import column_reports, judge
from mlsteward.gates.result import GateResult, Outcome
from mlsteward.gates.rules import LiveDriftRules
from mlsteward.training.signature import ImportanceRow, SignatureColumn

_GATE = "live_drift"
FEWEST_ROWS = 100
_MOST_ROWS = 50_000
_SHOWN = 5


def live_drift(
    training: pd.DataFrame,
    live: pd.DataFrame,
    rules: LiveDriftRules,
    *,
    columns: Sequence[SignatureColumn],
    live_label: str,
    importance: Sequence[ImportanceRow] = (),
    hidden: Collection[str] = (),
    training_days: Integers | None = None,
    live_days: Integers | None = None,
    seed: int = 0,
) -> GateResult:
    """How much of what the model leans on has drifted between its training rows and the rows served lately.

    Each of the model's `columns` (numbers, Booleans and categories) is checked as `check_drift` does: a change counts
    that is both beyond chance, at 5 % over all checks together (Simes 1986), and large enough to matter. With the day
    of each row in both frames, `training_days` (n,) and `live_days` (m,), whole days are what is independent. `value`
    is the share of the permutation importance that the drifted columns carry (of the number of columns where no
    importance is known); between `low` and `high` lie the columns of which nothing can be told. Fails when `low` is
    above `rules.most_drifted`, passes when `high` is not, else *cannot tell*, as below 100 live rows. *not comparable*
    when nothing is served. At most 50,000 rows of either side
    are looked at, evenly spread. What changed in `hidden` columns is not said.
    """
    limit = rules.most_drifted
    if not len(live):
        words = "Not comparable: nothing was served lately, so there is no live data."
        return GateResult(gate=_GATE, outcome="not comparable", words=words, limit=limit)
    rows = f"{counted(len(live), 'row')} of {live_label} against {counted(len(training), 'training row')}"
    compared = [
        ComparedColumn(name=one.name, kind="number" if one.kind == "number" else "category")
        for one in columns
        if one.kind in ("number", "boolean", "category") and one.name in live.columns and one.name in training.columns
    ]
    if len(live) < FEWEST_ROWS or not compared:
        words = f"Cannot tell: {rows}; {FEWEST_ROWS} live rows are the least."
        if not compared:
            words = f"Cannot tell: {rows} have no column in common that can be compared."
        return GateResult(gate=_GATE, outcome="cannot tell", words=words, limit=limit, evidence={"rows": len(live)})
    days = (training_days, live_days) if training_days is not None and live_days is not None else None
    reports = _reports(_some(FramePair(training, live, days)), compared, seed)
    weights = _weights([one.name for one in compared], importance)
    drifted = [report for report in reports if report.verdict == "drift"]
    low = sum(weights[report.column] for report in drifted)
    high = low + sum(weights[report.column] for report in reports if report.verdict == "not enough data")
    outcome, opening = _judged(low, high, limit)
    of_what = "importance" if any(one.value > 0 for one in importance) else "columns"
    told = "; ".join(_change(one, hidden) for one in drifted[:_SHOWN])
    found = f"{number(100 * low, 3)} % of the {of_what} drifted" + (f" ({told})" if told else "")
    unsure = f", up to {number(100 * high, 3)} % may have" if high > low else ""
    return GateResult(
        gate=_GATE,
        outcome=outcome,
        words=f"{opening}: {found}{unsure} (limit {number(100 * limit, 3)} %), {rows}.",
        value=low,
        low=low,
        high=high,
        limit=limit,
        evidence={
            "rows": len(live),
            "training_rows": len(training),
            "unit": "day" if days else "row",
            "compared": len(compared),
            "drifted": [one.column for one in drifted],
            "not_enough_data": [one.column for one in reports if one.verdict == "not enough data"],
        },
    )


def _some(pair: FramePair) -> FramePair:
    """At most 50,000 rows of either frame, evenly spread: more would change no verdict."""
    chosen = [
        np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _MOST_ROWS)).astype(np.int64))
        for frame in (pair.reference, pair.current)
    ]
    blocks = (pair.blocks[0][chosen[0]], pair.blocks[1][chosen[1]]) if pair.blocks else None
    return FramePair(pair.reference.iloc[chosen[0]], pair.current.iloc[chosen[1]], blocks)


def _reports(pair: FramePair, compared: Sequence[ComparedColumn], seed: int) -> list[ColumnReport]:
    plan = pair.plan(unit="day", seed=seed)
    evidence = [
        one
        for column in compared
        for counts, cells in [count_frames(pair, column)]
        for one in (check_blocked_column(counts, cells, plan) if plan else check_column(counts))
    ]
    return column_reports(judge(evidence), {})


def _weights(names: Sequence[str], importance: Sequence[ImportanceRow]) -> Mapping[str, float]:
    """What each column counts, together 1: its share of the importance, near-copies in equal parts."""
    known = dict.fromkeys(names, 0.0)
    for row in importance:
        inside = [name for name in row.columns if name in known]
        for name in inside:
            known[name] += max(row.value, 0.0) / len(inside)
    total = sum(known.values())
    return {name: value / total if total > 0 else 1 / len(known) for name, value in known.items()}


def _judged(low: float, high: float, limit: float) -> tuple[Outcome, str]:
    slack = 1e-9
    if low > limit + slack:
        return "failed", "Trained on other rows than are served"
    return ("passed", "Trained on what is served") if high <= limit + slack else ("cannot tell", "Cannot tell")


def _change(report: ColumnReport, hidden: Collection[str]) -> str:
    return report.column if report.column in hidden else f"{report.column}: {report.main.change}"
