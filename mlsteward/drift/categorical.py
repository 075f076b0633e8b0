"""Two-sample test and effect of a categorical column, from counts of its categories."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from mlsteward.drift.counts import CountedCategories, Floats, Integers
from mlsteward.drift.rates import rate_p

EXPECTED = 5
"""Fewest rows that a category must have on average in the smaller sample to be tested by itself."""
POOLED_LIMIT = 0.2
"""Share of pooled rows above which a column cannot be judged."""


@dataclass(frozen=True)
class PooledCategories:
    """(k,) counts in either sample; rare categories are together in the last cell when `pooled` (a share) is not 0."""

    reference: Integers
    current: Integers
    pooled: float


def pool_rare(counted: CountedCategories) -> PooledCategories:
    """Bucket the categories too rare to be tested by themselves; the reference's frequency alone decides.

    A bucket that is itself too rare joins the rarest common category, unless only two cells would be left.
    """
    n, m = counted.sizes()
    scale = min(n, m) / n
    common = counted.reference * scale >= EXPECTED
    reference, current = counted.reference[common], counted.current[common]
    rest = n - int(reference.sum()), m - int(current.sum())
    if rest == (0, 0):
        return PooledCategories(reference, current, 0.0)
    if rest[0] * scale < EXPECTED and len(reference) > 1:
        last = np.arange(len(reference)) == int(reference.argmin())
        return PooledCategories(reference + last * rest[0], current + last * rest[1], 0.0)
    return PooledCategories(
        np.append(reference, rest[0]),
        np.append(current, rest[1]),
        rest[0] / n if len(counted.categories) > 2 else 0.0,
    )


def chi_squared(reference: Integers, current: Integers) -> float:
    """The p of Pearson's two-sample χ² test on (k,) counts, none empty in both; of two cells see `rates.rate_p`."""
    n, m = int(reference.sum()), int(current.sum())
    if len(reference) < 2:
        return 1.0
    if len(reference) == 2:
        return rate_p(int(reference[0]), n, int(current[0]), m)
    both = (reference + current).astype(np.float64)
    expected = both * (n / (n + m))
    # Both rows of the table are off by the same amount, so one sum serves.
    statistic = float(((reference - expected) ** 2 * (1 / expected + 1 / (both - expected))).sum())
    return float(chdtrc(len(both) - 1, statistic))


def jensen_shannon(reference: Floats | Integers, current: Floats | Integers) -> float:
    """The Jensen–Shannon divergence in nats of two (k,) counts (Lin 1991)."""
    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / middle), 0) + np.where(q > 0, q * np.log(q / middle), 0)
    return float(terms.sum() / 2)


def noise_floor(cells: int, rows: int, current_rows: int) -> float:
    """The Jensen–Shannon divergence in nats to be expected between two samples of one distribution.

    Twice the divergence times 4nm / (n + m) is close to χ² with `cells` - 1 degrees of freedom (Menéndez et al. 1997).
    """
    return (cells - 1) / 8 * (1 / rows + 1 / current_rows)


def distance(divergence: float, floor: float) -> float:
    """The Jensen–Shannon distance (the root of the divergence, nats) once the noise is taken off."""
    return float(np.sqrt(max(0.0, divergence - floor)))
