"""Is there a part of the rows where a model fails?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from mlsteward.answer import counted, interval, number
from mlsteward.evaluation.columns import Parts, cut
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Floats
from mlsteward.evaluation.resampling import group_units
from mlsteward.evaluation.slices import Slice, find_slices, row_losses
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import WorstSliceRules

if TYPE_CHECKING:
    import duckdb

_GATE = "worst_slice"
_LOOKED_AT = 20
_SHOWN = 5
_LEVEL = 0.95


@dataclass(frozen=True)
class SliceRatio:
    """A slice, its loss as a multiple of that of all rows, and bounds that hold for all slices searched together."""

    found: Slice
    where: str
    ratio: float
    low: float
    high: float
    metric: float | None


def worst_slice(
    connection: "duckdb.DuckDBPyConnection",
    frame: pd.DataFrame,
    scored: Scored,
    rules: WorstSliceRules,
    *,
    metric: str,
    columns: Sequence[str],
    hidden: Collection[str] = (),
    seed: int,
) -> GateResult:
    """Whether a slice of at least `rules.fewest_rows` of n held-out rows loses more than `rules.most_loss` times the
    mean loss of all, beyond doubt.

    Slices of one and two of `columns` (else of `rules.columns`, where those are given) are searched as in
    `evaluation.slices.find_slices`, after Chung et al. 2020. The bounds of a slice's ratio come from a linearised
    variance over independent units (Binder 1983) and hold for all slices that were searched (Bonferroni), for the worst
    of many is bad by chance. `value` is the worst ratio. *cannot tell* when no slice has enough rows and units. Parts
    of `hidden` columns are not named.
    """
    chosen = [name for name in rules.columns or columns if name in frame.columns]
    parts = [cut(frame, name) for name in chosen]
    losses, loss_name = row_losses(scored.task, scored.truth, scored.predictions)
    search = find_slices(
        connection, parts, losses, loss_name=loss_name, units=scored.units, weights=scored.weights, limit=_LOOKED_AT
    )
    evidence = {
        "rows": len(frame),
        "unit": scored.unit,
        "units": scored.unit_count,
        "loss": search.loss,
        "loss_name": loss_name,
        "searched": search.searched,
    }
    base = GateResult(gate=_GATE, outcome="passed", words="", limit=rules.most_loss, evidence=evidence)
    rows = f"{counted(len(frame), 'held-out row')} of {counted(scored.unit_count, scored.unit)}"
    if not search.searched:
        words = f"Cannot tell: of {rows}, no slice is large enough to be judged."
        return base.model_copy(update={"outcome": "cannot tell", "words": words})
    large = [one for one in search.found if one.rows >= rules.fewest_rows]
    if search.loss <= 0 or not large:
        words = (
            f"No slice of {rules.fewest_rows} rows or more is worse than the rows around it beyond chance "
            f"({counted(search.searched, 'slice')} of {rows} searched)."
        )
        return base.model_copy(update={"words": words})
    ratios = [
        _ratio(one, parts, scored, losses, searched=search.searched, metric=metric, hidden=hidden, seed=seed)
        for one in large
    ]
    ratios.sort(key=lambda one: (-one.low, -one.ratio))
    worst = ratios[0] if ratios[0].low > rules.most_loss else max(ratios, key=lambda one: one.ratio)
    failing = sum(one.low > rules.most_loss for one in ratios)
    opening = f"{counted(failing, 'slice')} beyond the limit" if failing else "No slice is beyond the limit for certain"
    words = (
        f"{opening}: where {worst.where}, the {loss_name} is {interval(worst.ratio, worst.low, worst.high)} times that "
        f"of all rows (limit {number(rules.most_loss)}; {counted(worst.found.rows, 'row')}; "
        f"{counted(search.searched, 'slice')} of {rows} searched)."
    )
    return base.model_copy(
        update={
            "outcome": "failed" if failing else "passed",
            "words": words,
            "value": worst.ratio,
            "low": worst.low,
            "high": worst.high,
            "evidence": {**evidence, "metric": metric, "slices": [_line(one) for one in ratios[:_SHOWN]]},
        }
    )


def _ratio(
    found: Slice,
    parts: Sequence[Parts],
    scored: Scored,
    losses: Floats,
    *,
    searched: int,
    metric: str,
    hidden: Collection[str],
    seed: int,
) -> SliceRatio:
    holders = {condition: part for part in parts for condition in part.names}
    chosen = [holders[condition] for condition in found.conditions]
    inside = np.logical_and.reduce(
        [part.of_row == part.names.index(name) for part, name in zip(chosen, found.conditions, strict=True)]
    )
    weights = np.ones(len(losses)) if scored.weights is None else scored.weights
    whole = float(np.average(losses, weights=weights))
    ratio = found.loss / whole
    # What each row pulls the ratio of two weighted means by.
    pull = inside * weights * (losses - found.loss) / weights[inside].sum()
    pull = (pull - ratio * weights * (losses - whole) / weights.sum()) / whole
    blocks, _ = group_units(scored.units, len(losses), seed)
    by_unit = blocks.sums(pull)
    error = float(np.sqrt((by_unit**2).sum() * blocks.count / (blocks.count - 1)))
    reach = float(stats.t.ppf(1 - (1 - _LEVEL) / searched, found.units - 1)) * error
    where = " and ".join(
        f"a part of {part.column}" if part.column in hidden else name
        for part, name in zip(chosen, found.conditions, strict=True)
    )
    part = scored.take(inside)
    there = compute_metrics(part.task, part.truth, part.predictions, part.weights, part.threshold).get(metric)
    return SliceRatio(found, where, ratio, max(ratio - reach, 0.0), ratio + reach, there)


def _line(one: SliceRatio) -> dict[str, object]:
    return {
        "where": one.where,
        "rows": one.found.rows,
        "units": one.found.units,
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "metric": one.metric,
    }
