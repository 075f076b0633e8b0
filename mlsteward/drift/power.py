"""The smallest effect that a test would have seen in four of five tries."""

import numpy as np
from scipy.special import chdtri, chndtrinc, ndtri

from mlsteward.drift.counts import Integers

POWER = 0.8
# Share of the combined level that Mann and Whitney's test gets when Kolmogorov and Smirnov's sees less of a shift.
_MANN_WHITNEY_SHARE = 0.6
# Efficiency of Mann and Whitney's test against the mean's for a shifted normal (Lehmann 1975).
_EFFICIENCY = 3 / np.pi


def smallest_shift(reference: Integers, current: Integers, level: float) -> float:
    """The smallest shift of a numeric column, in standard deviations, that a test at `level` sees with power 0.8."""
    n, m = float(reference.sum()), float(current.sum())
    shares = (reference + current) / (n + m)
    distinguishable = max(1 - float((shares**3).sum()), 1e-9)
    needed = -ndtri(level * _MANN_WHITNEY_SHARE / 2) + ndtri(POWER)
    return float(needed * np.sqrt((1 / n + 1 / m) / (_EFFICIENCY * distinguishable)))


def smallest_distance(cells: int, rows: int, current_rows: int, level: float) -> float:
    """The smallest Jensen–Shannon distance over `cells` that a χ² test at `level` sees with power 0.8."""
    if cells < 2:
        return 1.0
    critical = chdtri(cells - 1, level)
    noncentrality = chndtrinc(critical, cells - 1, 1 - POWER)
    return float(min(1.0, np.sqrt(noncentrality / 8 * (1 / rows + 1 / current_rows))))


def smallest_rate(before: float, rows: int, current_rows: int, level: float) -> float:
    """The smallest higher share than `before` that a test of two shares at `level` sees with power 0.8.

    From the normal approximation on the arcsine scale (Cohen 1988), which holds for small shares too.
    """
    needed = -ndtri(level / 2) + ndtri(POWER)
    angle = np.arcsin(np.sqrt(before)) + needed / 2 * np.sqrt(1 / rows + 1 / current_rows)
    return float(np.sin(min(angle, np.pi / 2)) ** 2)


def smallest_area(rows: int, current_rows: int, level: float) -> float:
    """The smallest area under the ROC curve on so many rows that Mann and Whitney's test at `level` sees."""
    n, m = max(1, rows), max(1, current_rows)
    return float(min(1.0, 0.5 + (-ndtri(level / 2) + ndtri(POWER)) * np.sqrt((n + m + 1) / (12 * n * m))))
