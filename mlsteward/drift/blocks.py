"""Tests for rows that come in blocks (days, customers): whole blocks change sides, rows never do."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mlsteward.drift.counts import Floats

PERMUTATIONS = 9999
_LARGEST_CHUNK = 4_000_000
Booleans = NDArray[np.bool_]
Statistic = Callable[[Floats, Floats], Floats]
"""From (r, k) counts of the reference and of the current sample to (r,) values."""


def shuffled_sides(is_current: Booleans, seed: int, permutations: int = PERMUTATIONS) -> NDArray[np.float32]:
    """(permutations, blocks) with 1 where a block counts as current; each row has as many as `is_current`."""
    random = np.random.default_rng(seed)
    return random.permuted(np.tile(is_current.astype(np.float32), (permutations, 1)), axis=1)


def permutation_p(counts: Floats, is_current: Booleans, sides: NDArray[np.float32], statistic: Statistic) -> float:
    """The p of `statistic` among shufflings of whole blocks (Pitman 1937); large values count as evidence.

    `counts` is (blocks, k). The observed arrangement counts as one shuffling, so p is never 0.
    """
    observed = float(statistic(counts[~is_current].sum(axis=0)[None, :], counts[is_current].sum(axis=0)[None, :])[0])
    values = shuffled_statistics(counts, sides, statistic)
    at_least = int((values >= observed * (1 - 1e-9)).sum())
    return (1 + at_least) / (1 + len(values))


def shuffled_statistics(counts: Floats, sides: NDArray[np.float32], statistic: Statistic) -> Floats:
    """(permutations,) values of `statistic` when the blocks are dealt out as `sides` says."""
    total = counts.sum(axis=0)
    step = max(1, _LARGEST_CHUNK // counts.shape[1])
    parts: list[Floats] = []
    for start in range(0, len(sides), step):
        current = sides[start : start + step].astype(np.float64) @ counts
        parts.append(statistic(total - current, current))
    return np.concatenate(parts)


def window_edges(reference_blocks: int, current_blocks: int, most: int = 20) -> list[tuple[int, int]]:
    """Windows of the reference's blocks as long as the current sample, at most `most`, spread over the reference.

    Two halves where it holds no two such windows; [] when it has fewer than two blocks.
    """
    if reference_blocks < 2:
        return []
    length = max(1, min(current_blocks, reference_blocks // 2))
    number = min(most, reference_blocks // length)
    starts = np.linspace(0, reference_blocks - length, number).round().astype(int)
    return [(int(start), int(start) + length) for start in starts]


def between_windows(counts: Floats, windows: list[tuple[int, int]]) -> list[tuple[Floats, Floats]]:
    """For every window of (blocks, k) counts in order: the counts of all other blocks, and of the window."""
    total = counts.sum(axis=0)
    inside = [counts[low:high].sum(axis=0) for low, high in windows]
    return [(total - part, part) for part in inside if part.sum() and (total - part).sum()]


def rank_gap(reference: Floats, current: Floats) -> Floats:
    """(r,) Wasserstein distances between the samples' mid-ranks in both together, from (r, k) counts."""
    both = (reference + current).sum(axis=0)
    ranks = (np.cumsum(both) - both / 2) / both.sum()
    gap = np.cumsum(current / _rows(current), axis=1)
    gap -= np.cumsum(reference / _rows(reference), axis=1)
    return np.abs(gap[:, :-1]) @ np.diff(ranks)


def chi_squared_gap(reference: Floats, current: Floats) -> Floats:
    """(r,) distances of the samples' shares, squared over the share of both together, from (r, k) counts."""
    both = (reference + current).sum(axis=0)
    filled = both > 0
    gap = current / _rows(current) - reference / _rows(reference)
    return (gap[:, filled] ** 2 / both[filled]).sum(axis=1)


def share_gap(reference: Floats, current: Floats) -> Floats:
    """(r,) absolute differences of the share of the first of two columns of (r, 2) counts."""
    gap = current[:, 0] / _rows(current)[:, 0] - reference[:, 0] / _rows(reference)[:, 0]
    return np.abs(gap)


def _rows(counts: Floats) -> Floats:
    return np.maximum(counts.sum(axis=1, keepdims=True), 1)
