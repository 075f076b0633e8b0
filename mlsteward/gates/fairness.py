"""Does a model treat the groups of its rows alike?"""

from collections.abc import Collection

import pandas as pd

from mlsteward.answer import counted, number
from mlsteward.evaluation.fairness import measure_fairness
from mlsteward.evaluation.fairness_report import ColumnFairness, GroupValue, MeasureGap, gap_words
from mlsteward.evaluation.judge import Scored
from mlsteward.gates.result import GateResult, Outcome
from mlsteward.gates.rules import FairnessRules

_GATE = "fairness"


def fairness(
    frame: pd.DataFrame, scored: Scored, rules: FairnessRules, *, hidden: Collection[str] = (), seed: int
) -> GateResult:
    """Whether any measure differs by more than `rules.most_difference` between groups of `rules.columns`.

    Measures, intervals and small groups as in `evaluation.fairness.measure_fairness`, on n held-out rows. Fails where
    the lower bound of a largest difference is above the limit; passes where every upper bound is not; *cannot tell* in
    between, or where no two groups are large enough; *not applicable* when the policy names no column. `value` is the
    largest difference of all. Groups of `hidden` columns are numbered, not named.
    """
    limit = rules.most_difference
    if not rules.columns:
        words = "Not applicable: the policy names no column whose groups are to be compared."
        return GateResult(gate=_GATE, outcome="not applicable", words=words, limit=limit)
    there = [name for name in rules.columns if name in frame.columns]
    missing = [name for name in rules.columns if name not in frame.columns]
    found = [
        measure_fairness(frame, scored, name, measures=rules.measures, fewest_rows=rules.fewest_rows, seed=seed)
        for name in there
    ]
    found = [_numbered(one) if one.column in hidden else one for one in found]
    gaps = [(one.column, gap) for one in found for gap in one.gaps if gap.difference is not None]
    parts = [f"{', '.join(missing)} not in the data"] if missing else []
    parts += [f"{_groups(one.small)} of {one.column} too small to judge" for one in found if one.small]
    if not gaps:
        why = "; ".join(parts) or "no two groups are large enough to compare"
        return GateResult(gate=_GATE, outcome="cannot tell", words=f"Cannot tell: {why}.", limit=limit)
    outcome, opening = _judged([gap for _, gap in gaps], limit, complete=not missing)
    column, worst = max(gaps, key=lambda one: (one[1].low or 0.0, one[1].difference or 0.0))
    tail = "".join(f"; {part}" for part in parts)
    rows = counted(len(frame), "held-out row")
    return GateResult(
        gate=_GATE,
        outcome=outcome,
        words=f"{opening}: {gap_words(column, worst)} (limit {number(limit)}), on {rows}{tail}.",
        value=worst.difference,
        low=worst.low,
        high=worst.high,
        limit=limit,
        evidence={
            "rows": len(frame),
            "unit": scored.unit,
            "units": scored.unit_count,
            "differences": [_line(name, gap) for name, gap in gaps],
            "missing": missing,
            "small_groups": {one.column: one.small for one in found if one.small},
        },
    )


def _judged(gaps: list[MeasureGap], limit: float, *, complete: bool) -> tuple[Outcome, str]:
    if any(gap.low is not None and gap.low > limit for gap in gaps):
        return "failed", "Groups are treated differently"
    if complete and all(gap.high is not None and gap.high <= limit for gap in gaps):
        return "passed", "Groups are treated alike"
    return "cannot tell", "Cannot tell"


def _line(column: str, gap: MeasureGap) -> dict[str, object]:
    return {
        "column": column,
        "measure": gap.measure,
        "difference": gap.difference,
        "low": gap.low,
        "high": gap.high,
        "highest": gap.highest,
        "lowest": gap.lowest,
    }


def _groups(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {counted(len(names) - 3, 'more group')}" if len(names) > 3 else "")


def _numbered(found: ColumnFairness) -> ColumnFairness:
    """The same without the values of the column."""
    names = {one.group: f"group {place + 1}" for place, one in enumerate(found.gaps[0].groups)} if found.gaps else {}

    def renamed(one: GroupValue) -> GroupValue:
        return one.model_copy(update={"group": names[one.group]})

    gaps = [
        gap.model_copy(
            update={
                "groups": [renamed(one) for one in gap.groups],
                "highest": names.get(gap.highest, ""),
                "lowest": names.get(gap.lowest, ""),
            }
        )
        for gap in found.gaps
    ]
    return found.model_copy(update={"gaps": gaps})
