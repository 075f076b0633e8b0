"""Models of lightgbm as plain arrays, from what they say of themselves (`Booster.dump_model`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsteward.serving.plain_estimators import PlainBoosting, PlainEstimator, Trees

# What is predicted is the sum of the trees; other objectives put a link between.
_PLAIN_SUMS = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
_SOFT = ("binary sigmoid:1", "multiclass num_class:")


def plain_lightgbm(estimator: Any) -> PlainEstimator | None:
    """The estimator as arrays; None where its objective or its splits have no such form."""
    model = estimator.booster_.dump_model()
    classifier = hasattr(estimator, "classes_")
    objective: str = model["objective"]
    known = objective.startswith(_SOFT) if classifier else objective in _PLAIN_SUMS
    if not known or model.get("average_output") or not model["tree_info"]:
        return None
    outputs = int(model["num_tree_per_iteration"])
    try:
        trees = [_nodes(one["tree_structure"]) for one in model["tree_info"]]
    except _Unlike:
        return None
    values = np.concatenate([tree[1] for tree in trees]).reshape(-1, 1)
    return PlainBoosting(
        Trees([tree[0] for tree in trees], values), np.zeros((1, outputs)), outputs=outputs, classifier=classifier
    )


class _Unlike(Exception):
    """A split that does not compare a number with a threshold."""


def _nodes(root: dict[str, Any]) -> tuple[tuple[NDArray[Any], ...], NDArray[np.float64]]:
    """The nodes of one tree as `Trees` takes them, and their values."""
    nodes, place = [root], 0
    rows: list[tuple[int, float, int, int, bool, bool]] = []
    values: list[float] = []
    while place < len(nodes):
        node = nodes[place]
        place += 1
        if "left_child" not in node:
            rows.append((0, np.inf, 0, 0, False, True))
            values.append(float(node["leaf_value"]))
            continue
        if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
            raise _Unlike
        threshold = float(node["threshold"])
        # Without missing values in training lightgbm reads them as 0.
        goes_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
        rows.append((int(node["split_feature"]), threshold, len(nodes), len(nodes) + 1, goes_left, False))
        values.append(0.0)
        nodes += [node["left_child"], node["right_child"]]
    return tuple(np.array(column) for column in zip(*rows, strict=True)), np.array(values)
