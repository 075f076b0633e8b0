"""Whether a mean rose between two samples, from sums over their independent units."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.monitoring.window_profile import Floats


@dataclass(frozen=True)
class Means:
    """(g,) means of g groups, their standard errors (NaN with too few units), and the units behind each."""

    mean: Floats
    error: Floats
    units: Floats


def unit_means(rows: Floats, sums: Floats) -> Means:
    """From (u, g) rows and sums by unit: the ratio and its linearised cluster error (Binder 1983)."""
    n, units = rows.sum(axis=0), (rows > 0).sum(axis=0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums.sum(axis=0) / n
        spread = ((sums - np.nan_to_num(mean) * rows) ** 2).sum(axis=0)
        error = np.sqrt(spread * units / (units - 1)) / n
    return Means(mean, np.where(units >= MINIMUM_UNITS, error, np.nan), units)


def row_means(rows: Floats, sums: Floats, squares: Floats, design: float = 1.0) -> Means:
    """From (g,) rows, sums and sums of squares, where rows are independent, or `design` of them are worth one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / rows
        error = np.sqrt(design * np.maximum(squares - sums * mean, 0.0) / np.maximum(rows - 1, 1) / rows)
    return Means(mean, np.where(rows >= MINIMUM_UNITS * design, error, np.nan), rows / design)


def design_effect(rows: Floats, sums: Floats, squares: float) -> float:
    """How many rows are worth one, from (u,) rows and sums by unit and the sum of all squares; at least 1 (Kish 1965).

    The variance of the mean over units, over what it would be were rows independent.
    """
    units = unit_means(rows[:, None], sums[:, None])
    plain = row_means(rows.sum(keepdims=True), sums.sum(keepdims=True), np.array([squares]))
    effect = float((units.error[0] / plain.error[0]) ** 2) if plain.error[0] > 0 else 1.0
    return max(1.0, effect) if np.isfinite(effect) else 1.0


def rise_p(before: Means, after: Means) -> Floats:
    """(g,) one-sided p that `after` is no higher than `before` (Welch 1947); 1 where it cannot be told."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = before.error**2, after.error**2
        freedom = (first + second) ** 2 / (first**2 / (before.units - 1) + second**2 / (after.units - 1))
        distance = (after.mean - before.mean) / np.sqrt(np.maximum(first + second, 1e-300))
        p = 1 - stdtr(np.maximum(np.nan_to_num(freedom, nan=1.0), 1.0), distance)
    return np.where(np.isfinite(distance) & np.isfinite(freedom), p, 1.0)


def bounds(means: Means) -> tuple[Floats, Floats]:
    """(g,) 95 % bounds, NaN where there are too few units."""
    margin = stdtrit(np.maximum(means.units - 1, 1), 0.975) * means.error
    return np.maximum(means.mean - margin, 0.0), means.mean + margin
