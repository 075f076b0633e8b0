"""Exact Shapley values of tree ensembles against a background of rows."""

import numpy as np

from mlsteward.evaluation.predictions import Floats, Integers
from mlsteward.evaluation.trees import TreeNodes

_STARTS_AT_ONCE = 4096


def tree_shapley(trees: TreeNodes, row: Floats, background: Floats, owners: Integers, players: int) -> Floats:
    """(players,) Shapley values of one row's prediction, averaged over the rows of `background`.

    `row` (p,) and `background` (b, p) as `trees.tree_matrix` gives them; `owners` (p,) is the player that each of the
    p columns belongs to, so that columns encoded from one source move together. A player outside the coalition takes
    the background row's value (interventional Shapley values). Exact: every leaf that some mixture of row and
    background row reaches is visited once and shared out in closed form (Lundberg et al. 2020, *From Local
    Explanations to Global Understanding with Explainable AI for Trees*, §Interventional; Chen et al. 2022). The sum
    is the prediction less the background's mean prediction.
    """
    matrix = np.vstack([background, row[None, :]])
    b = len(background)
    shares = np.zeros(players)
    starts = np.repeat(trees.roots, b)
    others = np.tile(np.arange(b), len(trees.roots))
    for begin in range(0, len(starts), _STARTS_AT_ONCE):
        chosen = slice(begin, begin + _STARTS_AT_ONCE)
        shares += _walk(trees, matrix, starts[chosen], others[chosen], owners, players)
    return shares / b


def _walk(
    trees: TreeNodes, matrix: Floats, nodes: Integers, others: Integers, owners: Integers, players: int
) -> Floats:
    """The summed shares of all leaves reached from `nodes` by mixtures of the last row and rows `others`."""
    taken = np.zeros((len(nodes), players), dtype=np.int8)  # 1: on the row's side, -1: on the background's
    shares = np.zeros(players)
    last = len(matrix) - 1
    while len(nodes):
        leaf = trees.feature[nodes] < 0
        if leaf.any():
            shares += _leaf_shares(taken[leaf], trees.value[nodes[leaf]])
            nodes, others, taken = nodes[~leaf], others[~leaf], taken[~leaf]
            if not len(nodes):
                break
        here = trees.goes_left(nodes, matrix, np.full(len(nodes), last))
        there = trees.goes_left(nodes, matrix, others)
        player = owners[trees.feature[nodes]]
        side = taken[np.arange(len(nodes)), player]
        by_row, by_other = _child(trees, nodes, here), _child(trees, nodes, there)
        apart = np.flatnonzero((here != there) & (side == 0))
        # Where both go the same way, or the player has taken a side before, there is one way on.
        forward = np.where(side == -1, by_other, by_row)
        added = taken[apart]
        added[np.arange(len(apart)), player[apart]] = -1
        taken[apart, player[apart]] = 1
        nodes = np.concatenate([forward, by_other[apart]])
        others = np.concatenate([others, others[apart]])
        taken = np.concatenate([taken, added])
    return shares


def _child(trees: TreeNodes, nodes: Integers, left: np.ndarray) -> Integers:
    return np.where(left, trees.left[nodes], trees.right[nodes])


def _leaf_shares(taken: np.ndarray, values: Floats) -> Floats:
    """What leaves of `values` (m,) give to each player: one is reached if all on the row's side play and no other.

    With x players needed in and z needed out, each of the former gets value · (x-1)! z! / (x+z)!, each of the latter
    loses value · x! (z-1)! / (x+z)!.
    """
    inside, outside = taken == 1, taken == -1
    x, z = inside.sum(axis=1), outside.sum(axis=1)
    gain, loss = _weights(int((x + z).max()))
    return inside.T.astype(np.float64) @ (values * gain[x, z]) - outside.T.astype(np.float64) @ (values * loss[x, z])


def _weights(most: int) -> tuple[Floats, Floats]:
    """(most+1, most+1) shares by x and z: of a player needed in, and of one needed out."""
    factorial = np.cumsum(np.log(np.maximum(np.arange(2 * most + 2), 1)))
    x, z = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
    total = factorial[x + z]
    gain = np.where(x > 0, np.exp(factorial[np.maximum(x - 1, 0)] + factorial[z] - total), 0.0)
    loss = np.where(z > 0, np.exp(factorial[x] + factorial[np.maximum(z - 1, 0)] - total), 0.0)
    return gain, loss
