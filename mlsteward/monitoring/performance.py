"""How good a model is on live rows: estimated before outcomes come, realised once they have come."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from mlsteward.answer import number
from mlsteward.evaluation.judgement import Score
from mlsteward.monitoring.deployment_report import Estimate, Realised
from mlsteward.monitoring.loss_window import LossWindow
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.report import FEWEST
from mlsteward.monitoring.rise import Means, rise_p, row_means, unit_means
from mlsteward.monitoring.scores import scores_of
from mlsteward.monitoring.stored_window import ESTIMATED, MEASURED, StoredWindow, by_time, unit_totals
from mlsteward.monitoring.window_profile import Floats, parts_of

TOLERANCE = 0.1
"""By which share of its former value a mean loss must have risen to count as worse."""
LEVEL = 0.01
_CBPE = "confidence-based (CBPE)"
_DLE = "direct loss estimation (DLE)"
_ASSUMED = {
    _CBPE: "probabilities are as right as they were on out-of-fold training rows, where they were calibrated: a change "
    "of the inputs shows, a change of what they mean for the outcome (concept drift) does not",
    _DLE: "errors depend on the features and the prediction as they did on out-of-fold training rows: a change of the "
    "inputs shows, a change of what they mean for the outcome (concept drift) does not",
}


def is_by_row(plan: ProfilePlan) -> bool:
    """Whether rows are what is independent; else days or hours are."""
    return plan.unit in ("row", "group")


def estimate(plan: ProfilePlan, held_out: Floats, now: Floats, seed: int = 0) -> Estimate:
    """What the metrics would be, from the rows alone; (u, size) units now, and those the model was judged on.

    Classification: confidence-based performance estimation (Białek et al. 2023, *Estimating Model Performance Under
    Covariate Shift Without Labels*): every row counts as positive by its calibrated probability. Regression: direct
    loss estimation, see `error_trees`. `worse` says that the mean loss rose by a tenth and beyond chance.
    """
    method = _DLE if plan.task == "regression" else _CBPE
    found = Estimate(method=method, assumption=_ASSUMED[method], rows=_rows(plan, now, "estimated"), unit=_unit(plan))
    if not found.rows:
        return found.model_copy(update={"why": _why_not(plan, now)})
    by_row = is_by_row(plan)
    sides = [_means(plan, side, "estimated") for side in (held_out, now)]
    then, after = float(sides[0].mean[0]), float(sides[1].mean[0])
    p = float(rise_p(*sides)[0]) if np.isfinite(then) else 1.0
    checked = scores_of(plan, held_out, "estimated", by_row=by_row, seed=seed)
    measured = scores_of(plan, held_out, "realised", by_row=by_row, seed=seed)
    return found.model_copy(
        update={
            "scores": scores_of(plan, now, "estimated", by_row=by_row, seed=seed),
            "loss": after,
            "loss_then": then if np.isfinite(then) else None,
            "p": p,
            "worse": bool(p <= LEVEL and after > then * (1 + TOLERANCE)),
            "checked": _checked(checked, measured),
        }
    )


def _why_not(plan: ProfilePlan, now: Floats) -> str:
    if not _rows(plan, now, "requests"):
        return "no rows"
    if plan.task == "regression":
        return "too few training rows to learn the size of errors from"
    return "the model gives no probabilities"


def _checked(estimated: Sequence[Score], measured: Sequence[Score]) -> str:
    """`on held-out rows it says roc_auc 0.81 where 0.80 [0.77, 0.83] was measured`."""
    known = {score.name: score for score in measured}
    for score in estimated:
        other = known.get(score.name)
        if other is not None and other.value is not None and score.value is not None:
            bounds = f" [{number(other.low, 3)}, {number(other.high, 3)}]" if other.low is not None else ""
            said = f"{score.name} {number(score.value, 3)}"
            return f"on held-out rows it says {said} where {number(other.value, 3)}{bounds} was measured"
    return ""


def realised(
    plan: ProfilePlan, role: str, windows: Sequence[StoredWindow], held_out: Floats, seed: int = 0
) -> Realised:
    """The metrics of the rows whose outcome is known, and whether they lose more than the (u, size) held-out ones."""
    units = unit_totals(windows, layout_of(plan).size, plan.unit)
    labelled = _rows(plan, units, "measured")
    kept = parts_of(layout_of(plan), units, "measured")
    requests = parts_of(layout_of(plan), units, "requests").sum(axis=0)
    sides = [_means(plan, side, "measured") for side in (held_out, units)]
    then, after = (float(side.mean[0]) for side in sides)
    p = float(rise_p(*sides)[0]) if np.isfinite([then, after]).all() else 1.0
    return Realised(
        model=plan.model,
        role=role,
        rows=int(requests[0] - requests[1]) if len(units) else 0,
        labelled=labelled,
        unit=_unit(plan),
        units=labelled if is_by_row(plan) else int((kept[:, 0] > 0).sum()),
        scores=scores_of(plan, units, "realised", by_row=is_by_row(plan), seed=seed) if labelled else [],
        loss=after if labelled else None,
        loss_then=then if np.isfinite(then) else None,
        p=p,
        worse=bool(p <= LEVEL and after > then * (1 + TOLERANCE)),
    )


def loss_windows(
    windows: Sequence[StoredWindow], every: timedelta, now: datetime, *, estimated: bool = False
) -> list[LossWindow]:
    """The losses by windows of `every` that have ended, those without any left out."""
    place = ESTIMATED if estimated else MEASURED
    return [
        LossWindow(start=start, end=start + every, rows=int(row[place]), total=row[place + 1], squares=row[place + 2])
        for start, row in by_time(windows, every).items()
        if start + every <= now and row[place] >= 1
    ]


def reference_windows(
    plan: ProfilePlan, held_out: Floats, every: timedelta, before: datetime, *, estimated: bool = False
) -> list[LossWindow]:
    """The held-out losses as windows before `before`, where they came by days and a window is a day; else []."""
    if plan.unit != "day" or every != timedelta(days=1):
        return []
    kept = parts_of(layout_of(plan), held_out, "estimated" if estimated else "measured")
    found = [row for row in kept if row[0] >= 1]
    if len(found) < FEWEST:
        return []
    start = before - every * len(found)
    return [
        LossWindow(
            start=start + every * place,
            end=start + every * (place + 1),
            rows=int(row[0]),
            total=float(row[1]),
            squares=float(row[2]),
        )
        for place, row in enumerate(found)
    ]


def _means(plan: ProfilePlan, units: Floats, part: str) -> Means:
    """The mean loss of all rows, as one group."""
    kept = parts_of(layout_of(plan), units, part)
    if is_by_row(plan):
        whole = kept.sum(axis=0)
        return row_means(whole[:1], whole[1:2], whole[2:3], plan.design_effect)
    return unit_means(kept[:, :1], kept[:, 1:2])


def _rows(plan: ProfilePlan, units: Floats, part: str) -> int:
    return int(parts_of(layout_of(plan), units, part)[:, 0].sum())


def _unit(plan: ProfilePlan) -> str:
    return "row" if is_by_row(plan) else "hour" if plan.unit == "hour" else "day"
