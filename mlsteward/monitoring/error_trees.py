"""How large a model's error is expected to be for a row: direct loss estimation.

A second, small model learns the absolute and the squared error of the first from rows that the first did not see, by
the features and the prediction (as NannyML's DLE does; the errors themselves are the target, Lahlou et al. 2023,
*DEUP*). It is a small forest kept as numbers, so that the plan of what is counted is a plain file.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.monitoring.grids import cells_of
from mlsteward.monitoring.plan import ColumnGrid, ErrorTree
from mlsteward.monitoring.window_profile import Floats

PREDICTION = " prediction"
_TREES = 24
_LEAVES = 24
_LEAF_ROWS = 25
_FEWEST = 200
_MOST_ROWS = 20_000


def fit_error_trees(values: Mapping[str, Floats], errors: Floats, seed: int) -> list[ErrorTree]:
    """A forest of the expected errors of n rows by (n,) `values`; [] with fewer than 200 rows."""
    if len(errors) < _FEWEST:
        return []
    from sklearn.ensemble import RandomForestRegressor

    matrix = _matrix(values, list(values))
    chosen = np.unique(np.linspace(0, len(errors) - 1, min(len(errors), _MOST_ROWS)).astype(np.int64))
    forest = RandomForestRegressor(
        n_estimators=_TREES,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_LEAF_ROWS,
        max_features=0.5,
        random_state=seed,
    )
    absolute = np.abs(errors)
    # On one scale, or the squares of a few rows would choose every cut.
    scale = float(absolute.mean()) or 1.0, float(np.square(errors).mean()) or 1.0
    targets = np.column_stack([absolute / scale[0], np.square(errors) / scale[1]])
    forest.fit(matrix[chosen], targets[chosen])
    return [_tree(one.tree_, scale) for one in forest.estimators_]


def _tree(tree: object, scale: tuple[float, float]) -> ErrorTree:
    found = {name: np.asarray(getattr(tree, name)) for name in _ARRAYS}
    return ErrorTree(
        feature=np.where(found["children_left"] < 0, -1, found["feature"]).tolist(),
        threshold=found["threshold"].tolist(),
        left=found["children_left"].tolist(),
        right=found["children_right"].tolist(),
        absolute=(found["value"][:, 0, 0] * scale[0]).tolist(),
        squared=(found["value"][:, 1, 0] * scale[1]).tolist(),
    )


_ARRAYS = ("feature", "threshold", "children_left", "children_right", "value")


def expected_errors(trees: Sequence[ErrorTree], columns: Sequence[str], values: Mapping[str, Floats]) -> Floats:
    """(n, 2) expected absolute and squared errors of n rows."""
    matrix = _matrix(values, columns)
    found = np.zeros((len(matrix), 2))
    for tree in trees:
        leaf = _leaves(tree, matrix)
        found += np.column_stack([np.asarray(tree.absolute)[leaf], np.asarray(tree.squared)[leaf]])
    return found / max(len(trees), 1)


def _leaves(tree: ErrorTree, matrix: Floats) -> np.ndarray:
    feature, threshold = np.asarray(tree.feature), np.asarray(tree.threshold)
    left, right = np.asarray(tree.left), np.asarray(tree.right)
    node = np.zeros(len(matrix), dtype=np.int64)
    going = np.flatnonzero(feature[node] >= 0)
    while len(going):
        here = node[going]
        # As scikit-learn compares: in single precision.
        is_left = matrix[going, feature[here]].astype(np.float32) <= threshold[here]
        node[going] = np.where(is_left, left[here], right[here])
        going = going[feature[node[going]] >= 0]
    return node


def _matrix(values: Mapping[str, Floats], columns: Sequence[str]) -> Floats:
    """Missing values lie below all others; a feature that was not kept is missing."""
    rows = len(next(iter(values.values())))
    matrix = np.column_stack([values.get(name, np.full(rows, np.nan)) for name in columns])
    return np.nan_to_num(matrix, nan=-1e30, posinf=1e30, neginf=-1e30)


def as_values(columns: Sequence[ColumnGrid], frame: pd.DataFrame, prediction: Floats) -> dict[str, Floats]:
    """The columns of n rows as numbers, a category by the place of its level, and what is predicted."""
    found: dict[str, Floats] = {PREDICTION: prediction}
    for grid in columns:
        if grid.name in frame.columns:
            values = column_of(frame, grid.name)
            number = grid.kind == "number"
            found[grid.name] = values.to_numpy(np.float64) if number else cells_of(grid, values).astype(np.float64)
    return found
