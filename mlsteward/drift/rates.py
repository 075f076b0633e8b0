"""Shares that may rise or fall: nulls, rare classes, values outside the reference's range, categories never seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri
from scipy.stats import hypergeom

RATIO_GATE = 1.5
"""A share has changed enough to matter when it grew, or shrank, by half ..."""
SHARE_GATE = 0.1
"""... or by ten points."""
_ENOUGH_EXPECTED = 10


@dataclass(frozen=True)
class RateRatio:
    """The current share over the reference's, with a 95 % interval."""

    ratio: float
    low: float
    high: float


def rate_ratio(hits: int, rows: int, current_hits: int, current_rows: int, level: float = 0.95) -> RateRatio:
    """The ratio of two shares with its log-normal interval (Katz et al. 1978), half a hit added to either sample."""
    first, second = (hits + 0.5) / (rows + 0.5), (current_hits + 0.5) / (current_rows + 0.5)
    log = float(np.log(second / first))
    spread = 1 / (hits + 0.5) - 1 / (rows + 0.5) + 1 / (current_hits + 0.5) - 1 / (current_rows + 0.5)
    margin = float(ndtri(0.5 + level / 2) * np.sqrt(max(spread, 0.0)))
    return RateRatio(float(np.exp(log)), float(np.exp(log - margin)), float(np.exp(log + margin)))


def rate_p(hits: int, rows: int, current_hits: int, current_rows: int) -> float:
    """The two-sided p that two shares are equal: the pooled score test, or Fisher's exact one where hits are few."""
    total, all_hits = rows + current_rows, hits + current_hits
    rarest = min(all_hits, total - all_hits) * min(rows, current_rows) / total
    if rarest >= _ENOUGH_EXPECTED:
        pooled = all_hits / total
        variance = pooled * (1 - pooled) * (1 / rows + 1 / current_rows)
        return float(2 * ndtr(-abs(hits / rows - current_hits / current_rows) / np.sqrt(variance)))
    known = hypergeom(total, all_hits, current_rows)
    return float(min(1.0, 2 * min(known.cdf(current_hits), known.sf(current_hits - 1))))


def rate_severity(before: float, after: float, floor: float, rows: int, current_rows: int) -> float:
    """How far the change of a share goes: from 1 on it matters.

    Changes below `floor` (a share) never do. The ratio is that of the side that was rarer, half a row added.
    """
    gap = abs(after - before)
    if gap < floor:
        return 0.0
    rarer = before <= 0.5
    first = ((before if rarer else 1 - before) * rows + 0.5) / (rows + 0.5)
    second = ((after if rarer else 1 - after) * current_rows + 0.5) / (current_rows + 0.5)
    return float(max(abs(np.log(second / first)) / np.log(RATIO_GATE), gap / SHARE_GATE))


def beyond_extremes_p(units: int, current_units: int, below: int, above: int) -> float:
    """The p that at least so many current units (rows, or blocks) lie below, or above, all of the reference's.

    Were the samples exchangeable, the k highest of all units would all be current with probability
    m (m-1) … / N (N-1) …; the smaller of both sides is doubled. Ties only make it conservative.
    """
    total = units + current_units

    def run(k: int) -> float:
        steps = np.arange(min(k, 2000), dtype=np.float64)
        return float(np.exp(np.log((current_units - steps) / (total - steps)).sum()))

    return min(1.0, 2 * min(run(below), run(above)))


def unseen_p(units: int, current_units: int, spread: Sequence[tuple[int, int]], unseen_units: int) -> float:
    """A bound on the p that so many current units have a category that no reference unit has.

    `spread` holds pairs (units of a category in both samples, categories of that size). A category of size c is
    missing from the reference by chance with probability C(m, c) / C(N, c). Those indicators are negatively
    associated (Joag-Dev and Proschan 1983), so Chernoff's bound on the sum of sizes holds.
    """
    if unseen_units == 0:
        return 1.0
    total = units + current_units
    sizes = np.asarray([size for size, _ in spread if size <= current_units], dtype=np.float64)
    categories = np.asarray([count for size, count in spread if size <= current_units], dtype=np.float64)
    # The logarithms of the c factors are concave, so the factor in their middle bounds them all.
    chance = sizes * np.log((current_units - (sizes - 1) / 2) / (total - (sizes - 1) / 2))

    def log_bound(log_tilt: float) -> float:
        tilt = float(np.exp(log_tilt))
        terms = np.logaddexp(np.log1p(-np.exp(chance)), tilt * sizes + chance)
        return float((categories * terms).sum() - tilt * unseen_units)

    # Any tilt gives a valid bound; the best lies between one per million rows and a hundred per row.
    best = minimize_scalar(log_bound, bounds=(float(np.log(1e-6)), float(np.log(100))), method="bounded")
    return float(np.exp(min(0.0, float(best.fun))))
