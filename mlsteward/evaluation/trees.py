"""Fitted tree ensembles of scikit-learn laid out as arrays, one set for all trees."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlsteward.evaluation.predictions import Floats, Integers

Booleans = NDArray[np.bool_]
FORESTS = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
TREES = (DecisionTreeClassifier, DecisionTreeRegressor)
BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


@dataclass(frozen=True)
class TreeNodes:
    """The nodes of all trees of an ensemble, (N,) each; the prediction is the sum of one leaf per tree plus `base`.

    `feature` is -1 at a leaf, where `value` counts. A row goes left where its value is at most `threshold`, missing
    values where `missing_left` says; a node with `category` ≥ 0 sends the categories in `lefts[category]` left, and
    those it has never seen with the missing.
    """

    roots: Integers
    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    missing_left: Booleans
    value: Floats
    category: Integers
    lefts: Booleans
    known: Booleans
    base: float

    def goes_left(self, nodes: Integers, matrix: Floats, rows: Integers) -> Booleans:
        """(m,) whether row `rows[i]` of `matrix` goes left at inner node `nodes[i]`."""
        values = matrix[rows, self.feature[nodes]]
        missing = np.isnan(values)
        left = values <= self.threshold[nodes]
        split = self.category[nodes]
        if np.any(split >= 0):
            code = np.clip(np.nan_to_num(values, nan=0.0), 0, self.lefts.shape[1] - 1).astype(np.int64)
            seen = self.lefts[split, code] | self.known[np.maximum(self.feature[nodes], 0), code]
            left = np.where(split >= 0, self.lefts[split, code], left)
            missing = missing | ((split >= 0) & (~seen | (values < 0)))
        return np.where(missing, self.missing_left[nodes], left)

    def mean_prediction(self, matrix: Floats) -> float:
        """The mean prediction of the rows of `matrix`."""
        nodes = np.repeat(self.roots, len(matrix))
        rows = np.tile(np.arange(len(matrix)), len(self.roots))
        inner = np.flatnonzero(self.feature[nodes] >= 0)
        while len(inner):
            left = self.goes_left(nodes[inner], matrix, rows[inner])
            nodes[inner] = np.where(left, self.left[nodes[inner]], self.right[nodes[inner]])
            inner = inner[self.feature[nodes[inner]] >= 0]
        return self.base + float(self.value[nodes].sum()) / len(matrix)


def read_trees(estimator: Any, output: int) -> TreeNodes | None:
    """The trees of a fitted estimator for one output, or None when it has no trees that can be read.

    `output` is the class whose probability (forests, trees) or raw score (boosting of more than two classes) is meant;
    boosting of two classes has one raw score, that of the second; regression has output 0.
    """
    if isinstance(estimator, FORESTS):
        return _read_forest([tree.tree_ for tree in estimator.estimators_], output)
    if isinstance(estimator, TREES):
        return _read_forest([estimator.tree_], output)
    if isinstance(estimator, BOOSTING):
        return _read_boosting(estimator, output)
    return None


def tree_matrix(estimator: Any, matrix: Any) -> Floats:
    """(n, p) values as the estimator's trees compare them: forests round to 32 bits, boosting encodes categories."""
    if isinstance(estimator, BOOSTING):
        return np.asarray(estimator._preprocess_X(matrix, reset=False), dtype=np.float64)  # pyright: ignore[reportPrivateUsage] - no public form
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(dense, dtype=np.float32).astype(np.float64)


def tree_columns(estimator: Any, owners: Integers) -> Integers:
    """The owner of each column of `tree_matrix`: boosting puts categories first."""
    flags = getattr(estimator, "is_categorical_", None) if isinstance(estimator, BOOSTING) else None
    return owners if flags is None else np.concatenate([owners[flags], owners[~flags]])


def _read_forest(trees: list[Any], output: int) -> TreeNodes:
    starts = _starts([tree.node_count for tree in trees])
    values = [tree.value[:, 0, output if tree.value.shape[2] > 1 else 0] for tree in trees]
    inner = [np.where(tree.children_left >= 0, tree.feature, -1) for tree in trees]
    return TreeNodes(
        roots=starts,
        feature=np.concatenate(inner).astype(np.int64),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=np.concatenate([tree.children_left + start for tree, start in zip(trees, starts, strict=True)]),
        right=np.concatenate([tree.children_right + start for tree, start in zip(trees, starts, strict=True)]),
        missing_left=np.concatenate([tree.missing_go_to_left for tree in trees]).astype(bool),
        value=np.concatenate(values) / len(trees),
        category=np.full(sum(tree.node_count for tree in trees), -1),
        lefts=np.zeros((1, 1), dtype=bool),
        known=np.zeros((1, 1), dtype=bool),
        base=0.0,
    )


def _read_boosting(estimator: Any, output: int) -> TreeNodes:
    # The trees of histogram boosting have no public form; scikit-learn is pinned to the minor version, and every
    # explanation is checked against the prediction.
    per_round = [row[output if len(row) > 1 else 0] for row in estimator._predictors]  # pyright: ignore[reportPrivateUsage] - no public form
    base = np.ravel(estimator._baseline_prediction)  # pyright: ignore[reportPrivateUsage] - no public form
    nodes = [predictor.nodes for predictor in per_round]
    starts = _starts([len(table) for table in nodes])
    joined = np.concatenate(nodes)
    shift = np.repeat(starts, [len(table) for table in nodes])
    leaf = joined["is_leaf"].astype(bool)
    category, lefts, known = _categories(estimator, per_round, joined)
    return TreeNodes(
        roots=starts,
        feature=np.where(leaf, -1, joined["feature_idx"].astype(np.int64)),
        threshold=joined["num_threshold"].astype(np.float64),
        left=joined["left"].astype(np.int64) + shift,
        right=joined["right"].astype(np.int64) + shift,
        missing_left=joined["missing_go_to_left"].astype(bool),
        value=np.where(leaf, joined["value"], 0.0),
        category=category,
        lefts=lefts,
        known=known,
        base=float(base[output if len(base) > 1 else 0]),
    )


def _categories(estimator: Any, predictors: list[Any], joined: Any) -> tuple[Integers, Booleans, Booleans]:
    """The row of `lefts` for each node (-1: a numeric split), the categories sent left, and those known by column."""
    counts = [len(predictor.raw_left_cat_bitsets) for predictor in predictors]
    if not sum(counts):
        none = np.zeros((1, 1), dtype=bool)
        return np.full(len(joined), -1), none, none
    shift = np.repeat(_starts(counts), [len(predictor.nodes) for predictor in predictors])
    inner = joined["is_categorical"].astype(bool) & ~joined["is_leaf"].astype(bool)
    lefts = _bits(np.concatenate([predictor.raw_left_cat_bitsets for predictor in predictors]))
    bitsets, places = estimator._bin_mapper.make_known_categories_bitsets()  # pyright: ignore[reportPrivateUsage] - no public form
    return np.where(inner, joined["bitset_idx"].astype(np.int64) + shift, -1), lefts, _bits(bitsets)[places]


def _bits(words: Any) -> Booleans:
    """(n, 256) flags from (n, 8) words of 32 bits, lowest bit first."""
    return ((words[:, :, None] >> np.arange(32, dtype=np.uint32)) & 1).reshape(len(words), -1).astype(bool)


def _starts(sizes: list[int]) -> Integers:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
