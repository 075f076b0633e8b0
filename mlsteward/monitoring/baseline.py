"""What losses are held against: the level of a reference, and how much windows differ without any change.

Arrays have windows along their last axis; axes before it, where there are any, are independent deployments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mlsteward.monitoring.loss_window import LossWindow

Floats = NDArray[np.float64]

_BOUND = 0.99
_MOST_CORRELATED = 0.8
# Skewness and kurtosis are taken to be at least this, whatever a short reference says.
_SKEWNESS = 0.5
_KURTOSIS = 4.0
_NO_SPREAD = 1e-20


@dataclass(frozen=True)
class Losses:
    """(…, k) windows: how many rows each has, their mean loss, and the mean square of their losses."""

    rows: Floats
    mean: Floats
    square: Floats

    @classmethod
    def of(cls, windows: Sequence[LossWindow]) -> Self:
        rows = np.array([window.rows for window in windows], dtype=np.float64)
        return cls(
            rows,
            np.array([window.total for window in windows]) / rows,
            np.array([window.squares for window in windows]) / rows,
        )


@dataclass(frozen=True)
class Baseline:
    """The level of a reference, (…, 1) each.

    `upper` is the upper 99 % bound of its mean and `limit` that with the tolerance. A window of n rows spreads around
    its level with the variance `between` + `within` / n; `correlation` is that of a window with the one before.
    """

    mean: Floats
    upper: Floats
    limit: Floats
    between: Floats
    within: Floats
    correlation: Floats
    skewness: Floats
    kurtosis: Floats

    def spread(self, rows: Floats) -> Floats:
        """The standard deviation of the mean loss of windows with so many rows."""
        return np.sqrt(self.between + self.within / rows)


def baseline_of(reference: Losses, tolerance: float) -> Baseline:
    """The baseline of at least 30 windows; `tolerance` is a share of their mean.

    The variance of windows is split into that of days and that of rows by the method of moments (DerSimonian and
    Laird 1986), the windows are weighted by its inverse, and the bound is Student's. Where windows go with the one
    before (r > 2/√k, in the first-order autoregressive sense) the bound is wider: there are fewer independent ones.
    """
    reference = _with_a_loss(reference)
    k = reference.mean.shape[-1]
    row_variance = np.maximum(reference.square - reference.mean**2, 0)
    within = _mean(row_variance, reference.rows) * np.mean(reference.rows) / np.maximum(np.mean(reference.rows - 1), 1)
    between = np.maximum(np.var(reference.mean, axis=-1, ddof=1, keepdims=True) - _mean(within / reference.rows), 0)
    variance = between + within / reference.rows
    mean = _mean(reference.mean, 1 / variance)
    residual = (reference.mean - mean) / np.sqrt(variance)
    correlation = _correlation(residual)
    error = np.sqrt(1 / np.sum(1 / variance, axis=-1, keepdims=True) * (1 + correlation) / (1 - correlation))
    upper = mean + stdtrit(k - 1, _BOUND) * error
    rows = 1 / _mean(1 / reference.rows)
    skewness, kurtosis = _moments(_mean(reference.mean, reference.rows), _mean(reference.square, reference.rows))
    share = within / rows / (between + within / rows)
    scaled = residual / np.maximum(np.sqrt(_mean(residual**2)), _NO_SPREAD)
    return Baseline(
        mean=mean,
        upper=upper,
        limit=upper + tolerance * mean,
        between=between,
        within=within,
        correlation=correlation,
        skewness=np.maximum(np.maximum(_mean(scaled**3), skewness / np.sqrt(rows) * share**1.5), _SKEWNESS),
        kurtosis=np.maximum(np.maximum(_mean(scaled**4), 3 + (kurtosis - 3) / rows * share**2), _KURTOSIS),
    )


def _moments(mean: Floats, square: Floats) -> tuple[Floats, Floats]:
    """The least skewness and kurtosis of rows with these moments: those of rows that are right or wrong alone.

    By Cauchy and Schwarz no losses that are never negative have less. Where losses are rare, that is a lot.
    """
    third = square**2 / mean
    fourth = third**2 / square
    variance = np.maximum(square - mean**2, _NO_SPREAD)
    skewed = (third - 3 * mean * square + 2 * mean**3) / variance**1.5
    return skewed, (fourth - 4 * mean * third + 6 * mean**2 * square - 3 * mean**4) / variance**2


def _with_a_loss(reference: Losses) -> Losses:
    """Where nothing went wrong at all, one row in the reference is taken to have been wrong: nobody never errs."""
    faultless = np.sum(reference.mean, axis=-1, keepdims=True) == 0
    one = np.where(faultless, 1 / (np.sum(reference.rows, axis=-1, keepdims=True) + 1), 0.0)
    return Losses(reference.rows, reference.mean + one, reference.square + one)


def _mean(values: Floats, weights: Floats | None = None) -> Floats:
    if weights is None:
        return np.mean(values, axis=-1, keepdims=True)
    weights = np.broadcast_to(weights, values.shape)
    return np.sum(values * weights, axis=-1, keepdims=True) / np.sum(weights, axis=-1, keepdims=True)


def _correlation(residual: Floats) -> Floats:
    """(…, 1) of a window with the one before, where it is told from none, and never negative."""
    k = residual.shape[-1]
    together = np.sum(residual[..., 1:] * residual[..., :-1], axis=-1, keepdims=True)
    found = together / np.maximum(np.sum(residual**2, axis=-1, keepdims=True), _NO_SPREAD)
    return np.clip(np.where(found > 2 / np.sqrt(k), found, 0.0), 0.0, _MOST_CORRELATED)


def standardised(losses: Losses, level: Floats, spread: Floats, correlation: Floats) -> Floats:
    """(…, n) how far windows are above a level, in spreads, less what the window before foretells of each.

    Where windows go with the one before, what one says again says nothing new (Yule and Walker, first order).
    """
    above = (losses.mean - level) / spread
    before = np.concatenate([np.zeros_like(above[..., :1]), above[..., :-1]], axis=-1)
    first = np.arange(above.shape[-1]) == 0
    return np.where(first, above, (above - correlation * before) / np.sqrt(1 - correlation**2))
