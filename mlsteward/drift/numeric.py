"""Two-sample tests and effects of a numeric column, from counts of its values.

Every function takes counts over the same ascending values, so ties are exact and a million rows are as quick as a
thousand.
"""

import numpy as np
from scipy.special import ndtr
from scipy.stats import kstwo

from mlsteward.drift.counts import CountedValues, Floats, Integers
from mlsteward.drift.multiplicity import cauchy_combination

CLIP = (0.005, 0.995)
_PSI_BINS = 10
_PSI_FLOOR = 1e-4


def cumulative_gap(reference: Integers, current: Integers) -> Floats:
    """(k,) difference of the two distribution functions at each value."""
    return np.cumsum(reference) / reference.sum() - np.cumsum(current) / current.sum()


def kolmogorov_smirnov(reference: Integers, current: Integers) -> float:
    """The two-sided p of Kolmogorov and Smirnov's test, conservative with ties.

    The two-sample distribution is taken as the one-sample distribution at n = nm / (n + m) (Hodges 1958).
    """
    n, m = int(reference.sum()), int(current.sum())
    largest = float(np.abs(cumulative_gap(reference, current)).max())
    return float(min(1.0, kstwo.sf(largest, max(1, round(n * m / (n + m))))))


def mann_whitney(reference: Integers, current: Integers) -> float:
    """The two-sided p of Mann and Whitney's test: normal, corrected for ties and continuity (Lehmann 1975)."""
    n, m = float(reference.sum()), float(current.sum())
    total = n + m
    ties = (reference + current).astype(np.float64)
    below = np.cumsum(reference) - reference / 2
    statistic = float((current * below).sum())
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, abs(statistic - n * m / 2) - 0.5)
    return float(2 * ndtr(-distance / np.sqrt(variance)))


def distribution_p(reference: Integers, current: Integers) -> float:
    """One p of both tests: Kolmogorov and Smirnov's alone is weak on discrete columns."""
    return cauchy_combination([kolmogorov_smirnov(reference, current), mann_whitney(reference, current)])


def clip_bounds(values: Floats, reference: Integers) -> tuple[float, float]:
    """The reference's 0.5 % and 99.5 % quantiles."""
    low, high = quantiles(values, reference, CLIP)
    return low, high


def quantiles(values: Floats, counts: Integers, shares: tuple[float, ...]) -> list[float]:
    """The smallest values below or at which at least these shares lie."""
    cumulative = np.cumsum(counts) / counts.sum()
    places = np.minimum(np.searchsorted(cumulative, np.asarray(shares) - 1e-12), len(values) - 1)
    return [float(values[place]) for place in places]


def mean(values: Floats, counts: Integers) -> float:
    """The mean of counted values."""
    return float((values * counts).sum() / counts.sum())


def wasserstein_in_sd(cells: CountedValues) -> float | None:
    """Wasserstein's distance over the reference's standard deviation, both on values clipped to `clip_bounds`.

    None when the clipped reference is constant. Clipping keeps one outlier from hiding a shift or from faking one.
    """
    low, high = clip_bounds(cells.values, cells.reference)
    clipped = np.clip(cells.values, low, high)
    centre = mean(clipped, cells.reference)
    sd = float(np.sqrt(((clipped - centre) ** 2 * cells.reference).sum() / cells.reference.sum()))
    if sd <= 1e-12 * max(abs(low), abs(high)):
        return None
    return wasserstein(clipped, cells.reference, cells.current) / sd


def wasserstein_in_ranks(cells: CountedValues) -> float:
    """Wasserstein's distance between the samples' mid-ranks in the reference, as shares of it (0 to 1).

    Half the share of pairs that a shift reorders: it sees a change in the bulk of a heavy-tailed column, and in a
    column that was constant.
    """
    return wasserstein(reference_ranks(cells.reference), cells.reference, cells.current)


def reference_ranks(reference: Integers) -> Floats:
    """(k,) mid-ranks of the values in the reference, from 0 to 1."""
    return (np.cumsum(reference) - reference / 2) / reference.sum()


def wasserstein(positions: Floats, reference: Integers, current: Integers) -> float:
    """Wasserstein's distance (order 1) between two samples counted at ascending positions."""
    gap = np.abs(cumulative_gap(reference, current))[:-1]
    return float((gap * np.diff(positions)).sum())


def stability_index(cells: CountedValues) -> float:
    """The population stability index over ten bins of equal share in the reference (Siddiqi 2006)."""
    ranks = reference_ranks(cells.reference)
    bins = np.minimum((ranks * _PSI_BINS).astype(np.int64), _PSI_BINS - 1)
    return index_of_shares(np.bincount(bins, cells.reference), np.bincount(bins, cells.current))


def index_of_shares(reference: Floats | Integers, current: Floats | Integers) -> float:
    """The population stability index of two (k,) counts; empty cells count as a share of 0.0001."""
    before = np.maximum(reference / reference.sum(), _PSI_FLOOR)
    after = np.maximum(current / current.sum(), _PSI_FLOOR)
    return float(((after - before) * np.log(after / before)).sum())
