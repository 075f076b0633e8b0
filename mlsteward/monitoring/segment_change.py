"""Which segment moved, and does it hurt: every segment now against the rows that the model was judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlsteward.drift.checks import share
from mlsteward.drift.multiplicity import adjusted
from mlsteward.drift.rates import rate_severity
from mlsteward.monitoring.deployment_report import SegmentChange, Segments
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.rise import Means, bounds, rise_p, row_means, unit_means
from mlsteward.monitoring.scores import Basis
from mlsteward.monitoring.segments import segment_names
from mlsteward.monitoring.window_profile import Floats, parts_of

LEVEL = 0.01
TOLERANCE = 0.1
"""By which share of its former loss a segment must have become worse to be called so ..."""
_BEYOND_ALL = 1.25
"""... and how many times as much as all rows together did: else it is not the segment that became worse."""
_FEWEST_ROWS = 30
_LEAST_SHARE = 0.01
_FLOOR = 0.02
_SHOWN = 3
_FEWEST_LABELLED = 100


@dataclass(frozen=True)
class _Side:
    """One sample: rows of each segment, of all, and the mean losses of each segment and of all."""

    shares: Means
    rows: Floats
    losses: Means
    loss: float
    total: float


def compare_segments(plan: ProfilePlan, then: Floats, now: Floats, *, by_row: bool) -> Segments | None:
    """The segments of (u, size) units `now` against those of `then`; None where the plan has none.

    By the losses that were measured where a hundred outcomes are known now, else by those estimated on both sides.
    Losses of a segment are compared with its own, one-sided, adjusted for all segments that have 30 rows and one in a
    hundred (Benjamini and Hochberg 1995). The change of the mean loss is parted into what the shares of segments did
    (*mix*) and what their losses did (*rate*), as in a decomposition after Kitagawa (1955).
    """
    if not plan.segments:
        return None
    labelled = parts_of(layout_of(plan), now, "measured")[:, 0].sum()
    basis: Basis = "realised" if labelled >= _FEWEST_LABELLED else "estimated"
    sides = [_side(plan, units, basis, by_row=by_row) for units in (then, now)]
    if not np.isfinite([sides[0].loss, sides[1].loss]).all():
        return None
    changes = _changes(plan, sides[0], sides[1])
    told = [change for change in changes if change.rows >= max(_FEWEST_ROWS, _LEAST_SHARE * sides[1].total)]
    worst = sorted((one for one in told if one.worse), key=lambda one: -one.rate)
    moved = sorted((one for one in told if one.moved and len(one.columns) == 1), key=lambda one: -abs(one.mix))
    found = Segments(
        basis=basis,
        loss_name=plan.loss_name,
        searched=len(told),
        loss_then=_finite(sides[0].loss),
        loss_now=_finite(sides[1].loss),
        worst_then=_worst_then(told, sides[0].loss),
        worst=_apart(worst),
        moved=_apart(moved),
    )
    return found.model_copy(update={"words": _words(found)})


def _side(plan: ProfilePlan, units: Floats, basis: Basis, *, by_row: bool) -> _Side:
    layout = layout_of(plan)
    kept = parts_of(layout, units, "segments")
    rows, place = kept[:, :, 0], 3 if basis == "realised" else 0
    counted, sums, squares = (kept[:, :, place + which] for which in range(3))
    every = parts_of(layout, units, "requests")
    answered = np.repeat((every[:, 0] - every[:, 1])[:, None], rows.shape[1], axis=1)
    if by_row:
        design = plan.design_effect
        losses = row_means(counted.sum(axis=0), sums.sum(axis=0), squares.sum(axis=0), design)
        shares = row_means(answered.sum(axis=0), rows.sum(axis=0), rows.sum(axis=0), design)
    else:
        losses, shares = unit_means(counted, sums), unit_means(answered, rows)
    whole = parts_of(layout, units, "measured" if basis == "realised" else "estimated").sum(axis=0)
    loss = whole[1] / whole[0] if whole[0] else np.nan
    return _Side(shares, rows.sum(axis=0), losses, float(loss), float(answered[:, 0].sum()))


def _changes(plan: ProfilePlan, then: _Side, now: _Side) -> list[SegmentChange]:
    searched = (now.rows >= max(_FEWEST_ROWS, _LEAST_SHARE * now.total)) & np.isfinite(now.losses.mean)
    worse_p, share_p = np.ones(len(now.rows)), np.ones(len(now.rows))
    if searched.any():
        worse_p[searched] = _adjusted(rise_p(then.losses, now.losses)[searched])
        either = 2 * np.minimum(rise_p(then.shares, now.shares), rise_p(now.shares, then.shares))
        share_p[searched] = _adjusted(np.minimum(either, 1.0)[searched])
    # A segment without a former loss is held against the mean of all.
    before = np.where(np.isfinite(then.losses.mean) & (then.rows >= _FEWEST_ROWS), then.losses.mean, then.loss)
    after = np.where(np.isfinite(now.losses.mean), now.losses.mean, before)
    mix = (now.shares.mean - then.shares.mean) * (before - then.loss)
    rate = now.shares.mean * (after - before)
    lows, highs = bounds(now.losses)
    found: list[SegmentChange] = []
    for place, (columns, words) in enumerate(segment_names(plan.segments, plan.pairs)):
        shares = float(then.shares.mean[place]), float(now.shares.mean[place])
        severity = rate_severity(*shares, _FLOOR, max(int(then.total), 1), max(int(now.total), 1))
        rise = float(after[place] - before[place])
        rose = rise > TOLERANCE * before[place] and rise > _BEYOND_ALL * (now.loss - then.loss)
        found.append(
            SegmentChange(
                segment=words,
                columns=columns,
                rows=int(now.rows[place]),
                share_then=shares[0],
                share_now=shares[1],
                loss_then=_finite(then.losses.mean[place]),
                loss_now=_finite(now.losses.mean[place]),
                low=_finite(lows[place]),
                high=_finite(highs[place]),
                mix=float(mix[place]),
                rate=float(rate[place]),
                p=float(worse_p[place]),
                share_p=float(share_p[place]),
                worse=bool(worse_p[place] <= LEVEL and rose and then.rows[place] >= _FEWEST_ROWS),
                moved=bool(share_p[place] <= LEVEL and severity >= 1),
            )
        )
    return found


def _adjusted(p_values: Floats) -> Floats:
    return adjusted(p_values.tolist(), [1.0] * len(p_values))


def _apart(ranked: Sequence[SegmentChange]) -> list[SegmentChange]:
    """The first ones, none about a column of one before it."""
    kept: list[SegmentChange] = []
    for change in ranked:
        if not any(set(change.columns) & set(other.columns) for other in kept):
            kept.append(change)
    return kept[:_SHOWN]


def _worst_then(changes: Sequence[SegmentChange], loss: float) -> SegmentChange | None:
    known = [one for one in changes if one.loss_then is not None and len(one.columns) == 1]
    worst = max(known, key=lambda one: one.loss_then or 0.0, default=None)
    return worst if worst and (worst.loss_then or 0.0) > loss else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _words(found: Segments) -> str:
    """The segment that did most harm, or the one that moved most, in a sentence."""
    if found.worst:
        one = found.worst[0]
        moved = f", {share(one.share_then)} → {share(one.share_now)} of the rows" if one.moved else ""
        return (
            f"{one.segment} became worse: {found.basis} {found.loss_name} {_short(one.loss_then)} → "
            f"{_short(one.loss_now)}{moved}; that is {_of_all(one.rate, found)}"
        )
    if found.moved:
        one = found.moved[0]
        hurt = _of_all(one.mix, found) if one.mix > 0 else "it does not hurt: its rows are no harder than others"
        return f"{one.segment} moved, {share(one.share_then)} → {share(one.share_now)} of the rows; {hurt}"
    return ""


def _short(value: float | None) -> str:
    return f"{value:.3g}" if value is not None else "unknown"


def _of_all(part: float, found: Segments) -> str:
    change = (found.loss_now or 0.0) - (found.loss_then or 0.0)
    return f"{part:+.3g} of the {change:+.3g} that the mean of all rows changed by"
