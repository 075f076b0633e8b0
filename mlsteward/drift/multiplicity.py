"""Many tests, one answer."""

from collections.abc import Sequence

import numpy as np

from mlsteward.drift.counts import Floats


def cauchy_combination(p_values: Sequence[float]) -> float:
    """One p of several that may depend on each other in any way (Liu and Xie 2020, equal weights)."""
    p = np.clip(np.asarray(p_values, dtype=np.float64), 1e-300, 1 - 1e-15)
    # Below 1e-8 the tangent is 1 / (pi p) to double precision, and its own argument would cancel.
    terms = np.where(p < 1e-8, 1 / (np.pi * p), np.tan(np.pi * (0.5 - p)))
    statistic = float(terms.mean())
    if statistic > 1e8:
        return 1 / (np.pi * statistic)
    return float(0.5 - np.arctan(statistic) / np.pi)


def adjusted(p_values: Sequence[float], weights: Sequence[float]) -> Floats:
    """(m,) p values adjusted for the false discovery rate: at most 0.05 means rejected at 5 %.

    Benjamini and Hochberg's procedure (1995) on p / weight (Genovese, Roeder and Wasserman 2006). `weights` are
    positive with mean one and chosen before looking at the data.
    """
    weighted = np.asarray(p_values, dtype=np.float64) / np.asarray(weights, dtype=np.float64)
    m = len(weighted)
    order = np.argsort(weighted, kind="stable")
    steps = weighted[order] * m / np.arange(1, m + 1)
    monotone = np.minimum.accumulate(steps[::-1])[::-1]
    result = np.empty(m)
    result[order] = np.minimum(monotone, 1.0)
    return result


def family_weights(main: Sequence[bool], share: float = 0.8) -> Floats:
    """(m,) weights with mean one that give the main tests `share` of the error, and the others the rest."""
    mask = np.asarray(main, dtype=bool)
    m, count = len(mask), int(mask.sum())
    if count in (0, m):
        return np.ones(m)
    return np.where(mask, share * m / count, (1 - share) * m / (m - count))
