"""Metrics from the totals of windows, realised or estimated, with intervals that resample what is independent.

Ranking metrics come from the cells of the score: rows of one cell count as tied, which with a hundred cells shifts an
area by less than a thousandth.
"""

from typing import Literal

import numpy as np

from mlsteward.evaluation.intervals import expanded_tail
from mlsteward.evaluation.judgement import MINIMUM_UNITS, Score
from mlsteward.evaluation.resampling import RESAMPLES, draw_counts
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.window_profile import Floats, parts_of

Basis = Literal["realised", "estimated"]
_SHARE = {"realised": "measured", "estimated": "estimated"}


def scores_of(plan: ProfilePlan, units: Floats, basis: Basis, *, by_row: bool, seed: int = 0) -> list[Score]:
    """Every metric with its 95 % interval; the first is the one that the model was chosen by, where it is known here.

    `units` (u, size) are totals by independent unit. With `by_row` rows are independent and all of them are one unit.
    No interval with fewer than eight units, or eight rows. Of an estimate the interval says how far the rows that came
    may be off those that could have come; not how far its assumption is.
    """
    whole = units.sum(axis=0, keepdims=True)
    values = metric_values(plan, whole, basis)
    rows = float(_counted(plan, whole, basis)[0])
    count = int(rows / plan.design_effect) if by_row else int((_counted(plan, units, basis) > 0).sum())
    drawn: dict[str, Floats] = {}
    if count >= MINIMUM_UNITS:
        resampled = _row_draws(plan, whole[0], basis, seed) if by_row else _unit_draws(units, seed)
        drawn = metric_values(plan, resampled, basis)
    found = [_score(name, float(value[0]), drawn.get(name), count) for name, value in values.items()]
    return sorted(found, key=lambda score: score.name != plan.metric)


def metric_values(plan: ProfilePlan, totals: Floats, basis: Basis) -> dict[str, Floats]:
    """(r,) values of every metric of (r, size) totals; NaN where one is not defined."""
    layout = layout_of(plan)
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = parts_of(layout, totals, _SHARE[basis])
        rows = sums[:, 0]
        loss, deeper = sums[:, 1] / rows, sums[:, 3] / rows
        if plan.task == "regression":
            found = {"rmse": np.sqrt(deeper), "mae": loss}
            if basis == "realised":
                spread = sums[:, 7] / rows - (sums[:, 6] / rows) ** 2
                found |= {"r2": 1 - deeper / spread, "mean_error": sums[:, 5] / rows}
            return found
        if plan.task == "binary":
            negative, positive = outcomes_by_score(plan, totals, basis)
            found = binary_metrics(negative, positive, _flagged(plan))
        else:
            found = class_metrics(parts_of(layout, totals, "known" if basis == "realised" else "expected"))
        return found | {"log_loss": deeper, "brier": loss}


def outcomes_by_score(plan: ProfilePlan, totals: Floats, basis: Basis) -> tuple[Floats, Floats]:
    """(r, c) rows of the negative and of the positive class by cell of the score, as known or as expected."""
    layout = layout_of(plan)
    if basis == "realised":
        known = parts_of(layout, totals, "known")
        return known[:, :, 0], known[:, :, 1]
    positive = parts_of(layout, totals, "expected")
    return parts_of(layout, totals, "scores") - positive, positive


def binary_metrics(negative: Floats, positive: Floats, flagged: np.ndarray) -> dict[str, Floats]:
    """(r,) metrics of two classes from (r, c) rows by ascending score; `flagged` (c,) cells are called positive."""
    n, p = negative.sum(axis=1), positive.sum(axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    tp, fp = positive[:, flagged].sum(axis=1), negative[:, flagged].sum(axis=1)
    tn, fn = n - fp, p - tp
    # Average precision: at each cell from the top the precision so far, weighed by its positives.
    down_p, down_n = np.cumsum(positive[:, ::-1], axis=1), np.cumsum(negative[:, ::-1], axis=1)
    precision = np.divide(down_p, down_p + down_n, out=np.zeros_like(down_p), where=down_p + down_n > 0)
    return {
        "roc_auc": (positive * below).sum(axis=1) / (n * p),
        "pr_auc": (positive[:, ::-1] * precision).sum(axis=1) / p,
        "accuracy": (tp + tn) / (n + p),
        "balanced_accuracy": (tp / p + tn / n) / 2,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "precision": tp / (tp + fp),
        "recall": tp / p,
        "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
    }


def class_metrics(confusion: Floats) -> dict[str, Floats]:
    """(r,) metrics of several classes from (r, k, k) rows, predicted class down and true class across."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    true, said = confusion.sum(axis=1), confusion.sum(axis=2)
    recall = np.where(true > 0, hits / true, np.nan)
    f1 = np.where(true + said > 0, 2 * hits / (true + said), np.nan)
    return {
        "accuracy": hits.sum(axis=1) / true.sum(axis=1),
        "balanced_accuracy": _mean(recall),
        "f1_macro": _mean(f1),
    }


def _mean(values: Floats) -> Floats:
    present = np.isfinite(values)
    return np.where(present, values, 0.0).sum(axis=1) / present.sum(axis=1)


def _flagged(plan: ProfilePlan) -> np.ndarray:
    """The cells from the threshold on, which is one of the edges."""
    cell = int(np.searchsorted(np.asarray(plan.score_edges), plan.threshold, side="right"))
    return np.arange(len(plan.score_edges) + 1) >= cell


def _counted(plan: ProfilePlan, units: Floats, basis: Basis) -> Floats:
    return parts_of(layout_of(plan), units, _SHARE[basis])[:, 0]


def _unit_draws(units: Floats, seed: int) -> Floats:
    """(r, size) totals of as many units, drawn with replacement (Efron 1979; clusters: Field and Welsh 2007)."""
    there = units[units.any(axis=1)]
    return draw_counts(len(there), RESAMPLES, seed) @ there


def _row_draws(plan: ProfilePlan, totals: Floats, basis: Basis, seed: int) -> Floats:
    """(r, size) totals as other independent rows would give: Poisson counts in cells, normal means of losses."""
    layout, generator, design = layout_of(plan), np.random.default_rng(seed), plan.design_effect
    drawn = np.repeat(totals[None, :], RESAMPLES, axis=0)

    def counts(place: slice) -> Floats:
        drawn = generator.poisson(totals[place] / design, (RESAMPLES, place.stop - place.start))
        return design * drawn.astype(np.float64)

    if plan.task != "regression" and basis == "realised":
        place = layout.places["known"]
        drawn[:, place] = counts(place)
    elif plan.task == "binary":
        scores, expected = layout.places["scores"], layout.places["expected"]
        drawn[:, scores] = counts(scores)
        drawn[:, expected] *= drawn[:, scores] / np.maximum(totals[scores], 1e-12)
    elif plan.task == "multiclass":
        place = layout.places["expected"]
        drawn[:, place] = counts(place)
    start = layout.places[_SHARE[basis]].start
    rows = max(totals[start], 1.0)
    pairs = [(1, 2), (3, 4)] + ([(5, 3)] if plan.task == "regression" and basis == "realised" else [])
    # Squared errors are drawn after the errors whose squares they are.
    for value, square in sorted(pairs, reverse=True):
        spread = max(totals[start + square] - totals[start + value] ** 2 / rows, 0.0)
        drawn[:, start + value] += generator.normal(size=RESAMPLES) * np.sqrt(design * spread)
    return drawn


def _score(name: str, value: float, drawn: Floats | None, units: int) -> Score:
    if not np.isfinite(value):
        return Score(name=name, value=None)
    defined = drawn[np.isfinite(drawn)] if drawn is not None else np.zeros(0)
    if len(defined) < 0.9 * RESAMPLES:
        return Score(name=name, value=value)
    tail = expanded_tail(0.025, units)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Score(name=name, value=value, low=min(float(low), value), high=max(float(high), value))
