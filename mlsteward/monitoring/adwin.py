"""Adaptive windowing: whether the later part of a stream differs from the part before, wherever it is cut.

Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing" (2007). It needs no limit and no size of
the change, so that it sees a slow rise that stays below the limit, or one of a few rows that a limit takes long to
see. Its false alarms are bounded less tightly, so what it finds is a notice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsteward.monitoring.baseline import Floats

# Later parts that are looked at: every length up to 8, then each a quarter longer, as ADWIN's buckets double.
_EVERY = 8
_LONGER = 1.25
# No part is shorter: the mean of fewer says little.
_SHORTEST = 3


@dataclass(frozen=True)
class Cuts:
    """(…) where the stream rose for the last time without having fallen since: -1 where it did not.

    `seen` is the window at which that was noticed, `at` the first of the later part. `first` is the window at which any
    rise was noticed first, whether or not it lasted.
    """

    seen: NDArray[np.int64]
    at: NDArray[np.int64]
    first: NDArray[np.int64]


def cuts(u: Floats, history: int, every: float) -> Cuts:
    """Cut (…, n) standardised windows, the first `history` of which are the reference, wherever parts differ.

    `every` is the mean number of windows between two false cuts. At a cut the part before it is forgotten. The bound is
    that of normal means, for the splits of each look together (the paper's δ' = δ / ln n).
    """
    shape, n = u.shape[:-1], u.shape[-1]
    sums = np.concatenate([np.zeros((*shape, 1)), np.cumsum(u, axis=-1)], axis=-1)
    begin = np.zeros(shape, dtype=np.int64)
    seen, at, first = np.full(shape, -1), np.full(shape, -1), np.full(shape, -1)
    for now in range(history + 1, n + 1):
        best, place = _best_split(sums, begin, now, history)
        width = np.maximum(now - begin, 2)
        bound = np.sqrt(2 * np.log(2 * np.log(width) * every))
        rose, fell = best > bound, best < -bound
        seen = np.where(rose & (seen < 0), now - 1, np.where(fell, -1, seen))
        at = np.where(rose & (at < 0), place, np.where(fell, -1, at))
        first = np.where(rose & (first < 0), now - 1, first)
        begin = np.where(rose | fell, place, begin)
    return Cuts(seen, at, first)


def _best_split(sums: Floats, begin: NDArray[np.int64], now: int, history: int) -> tuple[Floats, NDArray[np.int64]]:
    """The split before `now` whose parts differ most, in standard errors, with its sign; and where it is."""
    best, place = np.zeros(begin.shape), np.full(begin.shape, -1)
    before = np.take_along_axis(sums, begin[..., None], -1)[..., 0]
    for later in _lengths(now - history):
        split = now - later
        earlier = split - begin
        enough = earlier >= _SHORTEST
        count = np.maximum(earlier, 1)
        gap = (sums[..., now] - sums[..., split]) / later - (sums[..., split] - before) / count
        z = np.where(enough, gap / np.sqrt(1 / later + 1 / count), 0.0)
        better = np.abs(z) > np.abs(best)
        best, place = np.where(better, z, best), np.where(better, split, place)
    return best, place


def _lengths(most: int) -> list[int]:
    lengths, length = [], float(_SHORTEST)
    while length <= most:
        lengths.append(int(length))
        length = length + 1 if length < _EVERY else length * _LONGER
    return lengths
