"""From which probability on the positive class is predicted: chosen on out-of-fold scores, kept in the model."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.training.signature import Task

# In log-odds: probabilities from 1e-6 to 1 - 1e-6.
_SATURATED = 13.8
COSTS = ("false_negative", "false_positive", "true_negative", "true_positive")

Floats = NDArray[np.float64]


def check_costs(costs: Mapping[str, float], task: Task) -> dict[str, float]:
    """The four costs of a decision, 0 where not given; InvalidArgument for other names or another task."""
    if not costs:
        return {}
    if task != "binary":
        raise InvalidArgument(f"costs choose a threshold between two classes; the task is {task}.")
    for name, value in costs.items():
        if name not in COSTS:
            close = close_names(name, COSTS)
            raise InvalidArgument(f"costs has no {name!r}; it has {', '.join(COSTS)}.", close=close)
        if not np.isfinite(value):
            raise InvalidArgument(f"costs[{name!r}] must be a finite number.")
    full = {name: float(costs.get(name, 0.0)) for name in COSTS}
    if full["false_negative"] <= full["true_positive"] or full["false_positive"] <= full["true_negative"]:
        raise InvalidArgument("costs must make a wrong decision dearer than the right one, for both classes.")
    return full


@dataclass(frozen=True)
class Threshold:
    """`value` lies in (0, 1); `note` says, where it is so, why the rule gave none better than 0.5."""

    value: float
    note: str = ""


def choose_threshold(
    truth: NDArray[np.bool_], scores: Floats, weights: Floats | None, costs: Mapping[str, float]
) -> Threshold:
    """The threshold with the least cost, or without `costs` the highest F1, on n out-of-fold scores.

    `truth`, `scores`, `weights` are (n,). Calibrated scores have their best threshold where both errors cost the same
    (Elkan 2001), for F1 at half the highest F1 (Lipton, Elkan & Naryanaswamy 2014). The model that is served was
    fitted on more rows than those that gave the scores, so a threshold further off is taken only as far as the scores
    demand it: of the cuts whose loss is within a standard error of the least, the one nearest to that point in
    log-odds. When F1 finds no cut that beats flagging every row by more than a standard error, it is 0.5.
    """
    weight = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ranked = _log_odds(scores[order])
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    hits, alarms, hit_variance, alarm_variance = (
        np.append(0.0, np.cumsum(part[order])[last])
        for part in (weight * truth, weight * ~truth, weight**2 * truth, weight**2 * ~truth)
    )
    missing, alarming = _stakes(hits, alarms, costs)
    loss = missing * (hits[-1] - hits) + alarming * alarms
    best = int(np.argmin(loss))
    # Two cuts differ by the rows between them alone.
    error = np.sqrt(
        missing**2 * np.abs(hit_variance - hit_variance[best])
        + alarming**2 * np.abs(alarm_variance - alarm_variance[best])
    )
    near = loss - loss[best] <= error
    if not costs and near[-1]:
        return Threshold(0.5, "no threshold beats flagging every row in F1 beyond doubt, so 0.5 is kept")
    aim = float(np.clip(np.log(alarming / missing), -_SATURATED, _SATURATED))
    return Threshold(float(expit(_nearest(ranked[last], near, aim))))


def _log_odds(scores: Floats) -> Floats:
    """Scores beyond the bound are saturated: a refit does not keep their order."""
    bound = float(expit(-_SATURATED))
    return logit(np.clip(scores, bound, 1 - bound))


def _stakes(hits: Floats, alarms: Floats, costs: Mapping[str, float]) -> tuple[float, float]:
    """What a missed positive and a false alarm cost beyond the right decision; F1 is a cost once its maximum is known.

    F1 reaches f where (2 - f) hits - f alarms - f missed does not fall below 0.
    """
    if costs:
        missing = costs["false_negative"] - costs["true_positive"]
        return missing, costs["false_positive"] - costs["true_negative"]
    highest = float(np.max(2 * hits / np.maximum(hits + alarms + hits[-1], 1e-300)))
    return 2 - highest, highest


def _nearest(edges: Floats, near: NDArray[np.bool_], aim: float) -> float:
    """Of the cuts marked in `near` the one nearest to `aim`: `aim` itself inside it, half-way between scores outside.

    Cut i flags the first i of the k falling `edges`; it reaches from edge i up to the edge before.
    """
    high = np.append(2 * _SATURATED, edges)
    low = np.append(edges, -2 * _SATURATED)
    if near[int(np.flatnonzero((low < aim) & (aim <= high))[0])]:
        return aim
    middle = np.clip((low + high) / 2, -_SATURATED, _SATURATED)[near]
    return float(middle[np.argmin(np.abs(middle - aim))])


def mean_cost(
    truth: NDArray[np.bool_], flagged: NDArray[np.bool_], weights: Floats | None, costs: Mapping[str, float]
) -> float:
    """The cost per row of n decisions."""
    each = np.where(
        truth,
        np.where(flagged, costs["true_positive"], costs["false_negative"]),
        np.where(flagged, costs["false_positive"], costs["true_negative"]),
    )
    return float(np.average(each, weights=weights))
