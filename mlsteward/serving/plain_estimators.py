"""Fitted estimators as plain arrays: what they predict for a few rows, at the price of the arithmetic.

scikit-learn's own `predict_proba` checks its input, asks for threads and hands trees to them, which costs more than
the model itself where there is one row; and it takes 130 MB of libraries to have. The arrays are taken over from the
fitted estimator, and `serving.parity` tests that they say the same of rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_FORESTS = ("RandomForest", "ExtraTrees")
_IDENTITY_LOSSES = ("squared_error", "absolute_error", "quantile")
_LINEAR_REGRESSORS = ("Ridge", "LinearRegression", "Lasso", "ElasticNet")


class PlainEstimator:
    """Scores of rows of the encoded matrix (n, p): (n, k) class probabilities, or (n, 1) predictions."""

    def scores(self, matrix: Floats) -> Floats:
        raise NotImplementedError


def plain_estimator(estimator: Any) -> PlainEstimator | None:
    """The estimator as arrays; None for one of a kind that has no such form."""
    kind = type(estimator).__name__
    if kind.startswith("HistGradientBoosting"):
        return _boosting(estimator)
    if kind.startswith(_FORESTS):
        trees = [tree.tree_ for tree in estimator.estimators_]
        return PlainForest(Trees([_fitted_nodes(tree) for tree in trees], _leaves(trees, estimator)))
    if kind.startswith("DecisionTree"):
        return PlainForest(Trees([_fitted_nodes(estimator.tree_)], _leaves([estimator.tree_], estimator)))
    if kind == "LogisticRegression" or kind in _LINEAR_REGRESSORS:
        return PlainLinear(estimator)
    if kind in ("MLPClassifier", "ScaledMLPRegressor", "MLPRegressor"):
        return PlainNetwork(estimator)
    if kind.startswith("Dummy"):
        return _dummy(estimator)
    return None


class Trees:
    """Many binary trees side by side: each row walks down all of them at once, a level at a time.

    `nodes` has for each tree (feature, threshold, left, right, missing values go left, is a leaf); `values` (m, k) are
    those of all nodes, tree by tree. The rows of `child` are the left and the right child; a leaf is its own.
    """

    def __init__(self, nodes: Sequence[tuple[NDArray[Any], ...]], values: Floats) -> None:
        sizes = [len(tree[0]) for tree in nodes]
        starts = np.cumsum([0, *sizes[:-1]])
        feature, threshold, left, right, missing, leaf = (np.concatenate(parts) for parts in zip(*nodes, strict=True))
        own = np.arange(len(feature))
        shift = np.repeat(starts, sizes)
        ends = leaf.astype(bool)
        self.roots: Places = starts.astype(np.intp)
        self.feature: Places = np.where(ends, 0, feature).astype(np.intp)
        self.threshold: Floats = np.where(ends, np.inf, threshold)
        sides = [np.where(ends, own, side.astype(np.int64) + shift) for side in (left, right)]
        self.child: Places = np.column_stack(sides).astype(np.intp).ravel()
        self.missing_right: NDArray[np.bool_] = ~missing.astype(bool) & ~ends
        self.values = values
        self.depth = _depth(self.roots, self.child)

    def leaves(self, matrix: NDArray[Any]) -> Places:
        """(n, t) the leaf of each row in each tree, as a row of `values`."""
        rows, columns = matrix.shape
        flat = np.ascontiguousarray(matrix).ravel()
        first = (np.arange(rows) * columns).reshape(-1, 1)
        gaps = bool(np.isnan(flat).any())
        node = np.broadcast_to(self.roots, (rows, len(self.roots)))
        for _ in range(self.depth):
            found = flat.take(self.feature.take(node) + first)
            right = found > self.threshold.take(node)
            if gaps:
                right |= np.isnan(found) & self.missing_right.take(node)
            node = self.child.take(2 * node + right)
        return node


def _depth(roots: Places, child: Places) -> int:
    """How many steps lead from the roots to the last leaf."""
    depth, nodes = 0, roots
    while True:
        below = child.reshape(-1, 2)[nodes].ravel()
        below = below[below != np.repeat(nodes, 2)]
        if not len(below):
            return depth
        depth, nodes = depth + 1, below


class PlainForest(PlainEstimator):
    """The mean over trees of what their leaves hold."""

    def __init__(self, trees: Trees) -> None:
        self.trees = trees

    def scores(self, matrix: Floats) -> Floats:
        # Trees were grown on single precision, and compare what is rounded to it.
        return self.trees.values[self.trees.leaves(matrix.astype(np.float32))].mean(axis=1)


def _fitted_nodes(tree: Any) -> tuple[NDArray[Any], ...]:
    leaf = tree.children_left == -1
    missing = np.asarray(tree.missing_go_to_left)
    return tree.feature, tree.threshold, tree.children_left, tree.children_right, missing, leaf


def _leaves(trees: Sequence[Any], estimator: Any) -> Floats:
    """(m, k) class shares, or (m, 1) means."""
    width = len(estimator.classes_) if hasattr(estimator, "classes_") else 1
    return np.concatenate([np.asarray(tree.value, dtype=np.float64)[:, 0, :width] for tree in trees])


class PlainBoosting(PlainEstimator):
    """The sum of trees, `outputs` of them to an iteration, and the link that makes it a prediction."""

    def __init__(self, trees: Trees, baseline: Floats, *, outputs: int, classifier: bool) -> None:
        self.trees = trees
        self.baseline = baseline
        self.outputs = outputs
        self.classifier = classifier

    def scores(self, matrix: Floats) -> Floats:
        leaves = self.trees.values[:, 0].take(self.trees.leaves(matrix))
        raw = leaves.reshape(len(matrix), -1, self.outputs).sum(axis=1) + self.baseline
        return probabilities(raw) if self.classifier else raw


def _boosting(estimator: Any) -> PlainEstimator | None:
    classifier = hasattr(estimator, "classes_")
    trees = [tree for iteration in estimator._predictors for tree in iteration]
    if any(tree.nodes["is_categorical"].any() for tree in trees) or not trees:
        return None
    if not classifier and estimator.loss not in _IDENTITY_LOSSES:
        return None
    parts = ("feature_idx", "num_threshold", "left", "right", "missing_go_to_left", "is_leaf")
    nodes = [tuple(tree.nodes[part] for part in parts) for tree in trees]
    values = np.concatenate([tree.nodes["value"] for tree in trees]).reshape(-1, 1)
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return PlainBoosting(Trees(nodes, values), baseline, outputs=baseline.shape[1], classifier=classifier)


class PlainLinear(PlainEstimator):
    """A weighted sum, and for classes the link to probabilities."""

    def __init__(self, estimator: Any) -> None:
        self.classifier = hasattr(estimator, "classes_")
        self.weights: Floats = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
        self.intercept: Floats = np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64))

    def scores(self, matrix: Floats) -> Floats:
        raw = matrix @ self.weights + self.intercept
        return probabilities(raw) if self.classifier else raw


class PlainNetwork(PlainEstimator):
    """A multilayer perceptron."""

    def __init__(self, estimator: Any) -> None:
        self.layers = [
            (np.asarray(weights), np.asarray(shift))
            for weights, shift in zip(estimator.coefs_, estimator.intercepts_, strict=True)
        ]
        self.activation: str = estimator.activation
        self.classifier = hasattr(estimator, "classes_")
        # The target of a ScaledMLPRegressor was standardised.
        self.spread, self.centre = getattr(estimator, "spread_", 1.0), getattr(estimator, "centre_", 0.0)

    def scores(self, matrix: Floats) -> Floats:
        values = matrix
        for weights, shift in self.layers[:-1]:
            values = _activated(values @ weights + shift, self.activation)
        weights, shift = self.layers[-1]
        raw = values @ weights + shift
        return probabilities(raw) if self.classifier else raw * self.spread + self.centre


class PlainConstant(PlainEstimator):
    """The same for every row."""

    def __init__(self, values: Floats) -> None:
        self.values = values

    def scores(self, matrix: Floats) -> Floats:
        return np.repeat(self.values, len(matrix), axis=0)


def _dummy(estimator: Any) -> PlainEstimator | None:
    if hasattr(estimator, "constant_"):
        if hasattr(estimator, "classes_"):
            return None
        return PlainConstant(np.asarray(estimator.constant_, dtype=np.float64).reshape(1, -1))
    if estimator.strategy == "prior":
        return PlainConstant(np.asarray(estimator.class_prior_, dtype=np.float64).reshape(1, -1))
    return None


def _activated(values: Floats, activation: str) -> Floats:
    if activation == "relu":
        return np.maximum(values, 0.0)
    if activation == "tanh":
        return np.tanh(values)
    return _logistic(values) if activation == "logistic" else values


def probabilities(raw: Floats) -> Floats:
    """(n, k) from (n, 1) log odds of the second of two classes, or (n, k) logarithms of k shares."""
    if raw.shape[1] == 1:
        second = _logistic(raw)
        return np.hstack([1.0 - second, second])
    shares = np.exp(raw - raw.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _logistic(values: Floats) -> Floats:
    # exp of what is not above zero cannot overflow.
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0, small) / (1.0 + small)
