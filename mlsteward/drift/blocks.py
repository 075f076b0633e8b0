"""Tests for rows that come in blocks (days, customers): whole blocks change sides, rows never do."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mlsteward.drift.counts import Floats

PERMUTATIONS = 9999
_LARGEST_CHUNK = 4_000_000
Booleans = NDArray[np.bool_]
Statistic = Callable[[Floats, Floats], Floats]
"""From (r, k) counts of the reference and of the current sample to (r,) values."""


@dataclass(frozen=True)
class Shuffles:
    """Ways to deal whole blocks out to both samples: (r, s) the blocks that go to the side that has fewer of them."""

    chosen: NDArray[np.int64]
    blocks: int
    current_is_chosen: bool

    def first(self, number: int) -> "Shuffles":
        return Shuffles(self.chosen[:number], self.blocks, self.current_is_chosen)


def shuffle_blocks(is_current: Booleans, seed: int, permutations: int = PERMUTATIONS) -> Shuffles:
    """Random shufflings in which as many blocks are current as in `is_current`."""
    random = np.random.default_rng(seed)
    blocks, current = len(is_current), int(is_current.sum())
    few = min(current, blocks - current)
    step = max(1, _LARGEST_CHUNK // blocks)
    # The places of the smallest of so many random numbers are a sample without replacement.
    chosen = [
        np.argpartition(random.random((min(step, permutations - start), blocks)), few - 1, axis=1)[:, :few]
        for start in range(0, permutations, step)
    ]
    return Shuffles(np.concatenate(chosen), blocks, current == few)


def permutation_p(counts: Floats, is_current: Booleans, shuffles: Shuffles, statistic: Statistic) -> float:
    """The p of `statistic` among shufflings of whole blocks (Pitman 1937); large values count as evidence.

    `counts` is (blocks, k). The observed arrangement counts as one shuffling, so p is never 0.
    """
    observed = float(statistic(counts[~is_current].sum(axis=0)[None, :], counts[is_current].sum(axis=0)[None, :])[0])
    values = shuffled_statistics(counts, shuffles, statistic)
    at_least = int((values >= observed * (1 - 1e-9)).sum())
    return (1 + at_least) / (1 + len(values))


def shuffled_statistics(counts: Floats, shuffles: Shuffles, statistic: Statistic) -> Floats:
    """(r,) values of `statistic` when the blocks are dealt out as `shuffles` says."""
    total = counts.sum(axis=0)
    number, few = shuffles.chosen.shape
    pointers = np.arange(number + 1) * few
    dealt = csr_array((np.ones(number * few), shuffles.chosen.reshape(-1), pointers), shape=(number, shuffles.blocks))
    step = max(1, _LARGEST_CHUNK // counts.shape[1])
    parts: list[Floats] = []
    for start in range(0, number, step):
        chosen = np.asarray(dealt[start : start + step] @ counts)
        rest = total - chosen
        parts.append(statistic(rest, chosen) if shuffles.current_is_chosen else statistic(chosen, rest))
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
    both = (reference + current).mean(axis=0)
    filled = both > 0
    gap = current / _rows(current) - reference / _rows(reference)
    return (gap[:, filled] ** 2 / both[filled]).sum(axis=1)


def share_gap(reference: Floats, current: Floats) -> Floats:
    """(r,) absolute differences of the share of the first of two columns of (r, 2) counts."""
    gap = current[:, 0] / _rows(current)[:, 0] - reference[:, 0] / _rows(reference)[:, 0]
    return np.abs(gap)


def _rows(counts: Floats) -> Floats:
    return np.maximum(counts.sum(axis=1, keepdims=True), 1)
