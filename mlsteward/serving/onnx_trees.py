"""Trees as one node of an ONNX graph, their thresholds in double precision: rounded ones send rows down other branches.

Only worker code imports this module; it needs the extra `onnx`.
"""

from typing import Any

import numpy as np

from mlsteward.serving.onnx_graph import Graph, onnx
from mlsteward.serving.plain_estimators import PlainBoosting, PlainForest, Trees


def tree_scores(graph: Graph, plain: PlainForest | PlainBoosting, matrix: str) -> str:
    """(n, k) probabilities, or (n, 1) predictions, of the encoded `matrix` (n, p)."""
    trees = plain.trees
    count = len(trees.roots)
    if isinstance(plain, PlainForest):
        # These trees compare what is rounded to single precision.
        rounded = graph.double(graph.op("Cast", matrix, to=onnx.TensorProto.FLOAT))
        targets = np.arange(trees.values.shape[1])
        return _ensemble(graph, trees, rounded, [targets] * count, trees.values / count)
    targets_of = [np.array([place % plain.outputs]) for place in range(count)]
    found = _ensemble(graph, trees, matrix, targets_of, trees.values)
    raw = graph.op("Add", found, graph.constant(plain.baseline))
    if not plain.classifier:
        return raw
    if plain.outputs > 1:
        return graph.op("Softmax", raw, axis=1)
    positive = graph.op("Sigmoid", raw)
    return graph.op("Concat", graph.op("Sub", graph.constant([[1.0]]), positive), positive, axis=1)


def _ensemble(graph: Graph, trees: Trees, matrix: str, targets: list[Any], weights: Any) -> str:
    """The sum over trees of what their leaves hold; `targets` has for each tree the outputs that it adds to."""
    own = np.arange(len(trees.feature))
    left, right = trees.child[::2], trees.child[1::2]
    leaf = left == own
    tree = np.searchsorted(trees.roots, own, side="right") - 1
    start = trees.roots[tree]
    leaves = np.flatnonzero(leaf)
    outputs = [(int(node), int(target), place) for node in leaves for place, target in enumerate(targets[tree[node]])]
    values = [float(weights[node, place]) for node, _, place in outputs]
    node = onnx.helper.make_node(
        "TreeEnsembleRegressor",
        [matrix],
        [name := graph.name("trees")],
        name=f"n_{name}",
        domain="ai.onnx.ml",
        aggregate_function="SUM",
        n_targets=len(set(np.concatenate(targets).tolist())),
        nodes_treeids=tree.tolist(),
        nodes_nodeids=(own - start).tolist(),
        nodes_featureids=trees.feature.tolist(),
        nodes_modes=["LEAF" if end else "BRANCH_LEQ" for end in leaf],
        nodes_truenodeids=np.where(leaf, 0, left - start).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, right - start).tolist(),
        nodes_missing_value_tracks_true=np.where(leaf | trees.missing_right, 0, 1).tolist(),
        nodes_values_as_tensor=onnx.numpy_helper.from_array(np.where(leaf, 0.0, trees.threshold), "thresholds"),
        target_treeids=[int(tree[node]) for node, *_ in outputs],
        target_nodeids=[int(node - start[node]) for node, *_ in outputs],
        target_ids=[target for _, target, _ in outputs],
        target_weights_as_tensor=onnx.numpy_helper.from_array(np.asarray(values, dtype=np.float64), "weights"),
    )
    graph.nodes.append(node)
    return graph.double(name)
