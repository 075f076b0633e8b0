"""From which probability on the positive class is predicted: chosen on out-of-fold scores, kept in the model."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.training.signature import Task

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


def choose_threshold(
    truth: NDArray[np.bool_], scores: Floats, weights: Floats | None, costs: Mapping[str, float]
) -> float:
    """The threshold with the least cost, or without `costs` the highest F1, on n out-of-fold scores.

    `truth`, `scores`, `weights` are (n,); the threshold lies half-way between the scores on its two sides. Of equal
    thresholds the one nearest to 0.5 is taken.
    """
    weight = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    hits = np.append(0.0, np.cumsum((weight * truth)[order])[last])
    alarms = np.append(0.0, np.cumsum((weight * ~truth)[order])[last])
    edges = np.concatenate([[1.0], ranked[last], [0.0]])
    thresholds = (edges[:-1] + edges[1:]) / 2
    gain = _gain(hits, alarms, costs)
    best = np.flatnonzero(gain >= gain.max() - 1e-12 * max(1.0, abs(gain.max())))
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]])


def _gain(hits: Floats, alarms: Floats, costs: Mapping[str, float]) -> Floats:
    """What is to be maximised at each cut: F1, or the cost with its sign turned."""
    missed, rejected = hits[-1] - hits, alarms[-1] - alarms
    if not costs:
        return 2 * hits / np.maximum(2 * hits + alarms + missed, 1e-300)
    return -(
        costs["false_negative"] * missed
        + costs["false_positive"] * alarms
        + costs["true_positive"] * hits
        + costs["true_negative"] * rejected
    )


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
