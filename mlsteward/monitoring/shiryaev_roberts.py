"""A Shiryaev–Roberts e-detector: evidence that the losses of a stream of windows have risen above a limit.

Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2024). Each window
is one bet. A bet e is a number that is 1 on average, or less, as long as nothing has changed; money put down anew
before every window and left in the game grows to R_t = e_t (R_{t-1} + 1). Then R_t - t falls on average, so that the
mean time until R reaches a threshold A is at least A windows (their Proposition 2.4): the budget of false alarms is
the threshold, counted in windows.

The bet on a window that is z spreads above the limit is the first terms of exp(λz), over what they are on average for
windows of mean 0, variance 1 and the skewness and kurtosis of the reference. In contrast to exp(λz) with Gauss's
average, that holds whatever else their distribution is; heavier tails than the reference had cost little, as the bet
grows with the fourth power only. Below its minimum it stays at it, so that it grows with z and losses lower than the
limit give no more than 1. Several λ share the money evenly.
"""

import numpy as np

from mlsteward.monitoring.baseline import Floats

BETS = (0.5, 1.0, 2.0)
# Where 1 + x + x²/2 + x³/6 + x⁴/24 is least.
_LOWEST = -1.5960716379833215
_ENOUGH = 1e100


def bet(z: Floats, stake: float, skewness: Floats | float = 0.0, kurtosis: Floats | float = 3.0) -> Floats:
    """What a unit put on windows `z` spreads above the limit becomes, for one λ = `stake`."""
    x = np.maximum(stake * z, _LOWEST)
    terms = 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4)))
    average = 1 + stake**2 / 2 + stake**3 * np.asarray(skewness) / 6 + stake**4 * np.asarray(kurtosis) / 24
    return terms / average


class ShiryaevRoberts:
    """The detector of one stream, or of many at once: shape (…) each. Fed window by window."""

    def __init__(self, skewness: Floats | float = 0.0, kurtosis: Floats | float = 3.0) -> None:
        self._skewness = skewness
        self._kurtosis = kurtosis
        self._wealth: list[Floats] = [np.zeros(()) for _ in BETS]

    def update(self, z: Floats) -> Floats:
        """(…) the evidence after a window that is `z` spreads above the limit."""
        self._wealth = [
            np.minimum(bet(z, stake, self._skewness, self._kurtosis) * (wealth + 1), _ENOUGH)
            for stake, wealth in zip(BETS, self._wealth, strict=True)
        ]
        return np.mean(self._wealth, axis=0)


def evidence(z: Floats, skewness: Floats | float = 0.0, kurtosis: Floats | float = 3.0) -> Floats:
    """(…, n) the evidence after each of the windows; moments have the shape (…, 1) or are numbers."""
    tails = [np.squeeze(each, -1) if np.ndim(each) else each for each in (skewness, kurtosis)]
    detector = ShiryaevRoberts(*tails)
    found = np.empty(z.shape)
    for place in range(z.shape[-1]):
        found[..., place] = detector.update(z[..., place])
    return found


def first_above(found: Floats, threshold: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    """(…) the place of the first window whose evidence reaches the threshold, -1 where none does."""
    above = found >= threshold
    return np.where(above.any(axis=-1), above.argmax(axis=-1), -1)


def change_point(u: Floats) -> int:
    """The place in (n,) standardised windows from which on they are higher, most likely.

    The start that maximises the likelihood of a shift of unknown size from a known level (Siegmund 1985).
    """
    sums = np.cumsum(u[::-1])[::-1]
    return int(np.argmax(np.maximum(sums, 0) ** 2 / np.arange(len(u), 0, -1)))
