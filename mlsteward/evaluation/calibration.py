"""Whether a probability of 0.3 comes true three times in ten."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.evaluation.summaries import encode

MINIMUM_ROWS = 100
BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows with a probability in [low, high]: the mean probability, the share it came true, how many rows."""

    low: float
    high: float
    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True)
class JudgedProbability:
    """(n,) probabilities, (n,) 1 where what they are of came true, and in words what that is."""

    probability: Floats
    came_true: Floats
    about: str


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from shares.

    `error` is the debiased expected calibration error, `plain_error` the same before the correction, `noise` what a
    perfectly calibrated model would show before the correction on as many rows. `about` says which probability.
    """

    brier: float
    error: float
    plain_error: float
    noise: float
    bins: list[ReliabilityBin]
    about: str


def measure_calibration(
    truth: np.ndarray, predictions: Predictions, weights: Floats | None = None, bins: int = BINS
) -> Calibration | None:
    """Brier score, calibration error and reliability bins of n rows; None without probabilities or below 100 rows.

    Two classes: the probability of the positive one; more: that of the predicted class (Guo et al. 2017). Bins hold
    equal numbers of rows, which biases the error least (Roelofs et al. 2022, *Mitigating Bias in Calibration Error
    Estimation*). The bias that is left is taken off bin by bin: what normal noise of the bin's variance adds to an
    absolute difference (Kumar, Liang & Ma 2019, *Verified Uncertainty Calibration*). The Brier score sums over classes
    for more than two (Brier 1950).
    """
    if predictions.scores is None or len(predictions) < MINIMUM_ROWS:
        return None
    found = judged_probability(truth, predictions)
    probability, came_true = found.probability, found.came_true
    weight = np.ones(len(probability)) if weights is None else weights
    brier = (probability - came_true) ** 2
    if len(predictions.classes) > 2:
        codes = encode(truth, predictions.classes)
        brier = ((predictions.scores - np.eye(len(predictions.classes))[codes]) ** 2).sum(axis=1)
    parts = [part for part in equal_parts(probability, bins) if weight[part].sum() > 0]
    gaps = np.array([_gap(probability[part], came_true[part], weight[part]) for part in parts])
    share, difference, deviation = gaps.T
    return Calibration(
        brier=float(np.average(brier, weights=weight)),
        error=max(0.0, float((share * _without_noise(difference, deviation)).sum() / share.sum())),
        plain_error=float((share * np.abs(difference)).sum() / share.sum()),
        noise=float((share * deviation).sum() / share.sum()) * math.sqrt(2 / math.pi),
        bins=[_bin(probability[part], came_true[part], weight[part]) for part in parts],
        about=found.about,
    )


def judged_probability(truth: np.ndarray, predictions: Predictions) -> JudgedProbability:
    """Two classes: the probability of the positive one; more: that of the predicted class (Guo et al. 2017).

    Raises ValueError for predictions without probabilities.
    """
    if predictions.scores is None:
        raise ValueError("calibration is of probabilities")
    codes = encode(truth, predictions.classes)
    if len(predictions.classes) == 2:
        about = f"the probability of {predictions.classes[1]!r}"
        return JudgedProbability(predictions.positive(), (codes == 1).astype(np.float64), about)
    came_true = (predictions.scores.argmax(axis=1) == codes).astype(np.float64)
    return JudgedProbability(predictions.scores.max(axis=1), came_true, "the probability of the predicted class")


def equal_parts(probability: Floats, bins: int) -> list[np.ndarray]:
    """Row positions of each bin; equal probabilities share a bin."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    of_row = np.searchsorted(edges, probability, side="right")
    return [np.flatnonzero(of_row == position) for position in range(len(edges) + 1) if np.any(of_row == position)]


def _gap(probability: Floats, came_true: Floats, weight: Floats) -> tuple[float, float, float]:
    """The weight of a bin, mean probability minus share, and the standard deviation of that share."""
    total = weight.sum()
    observed = float(np.average(came_true, weights=weight))
    effective = total**2 / (weight**2).sum()
    # The variance under the probabilities themselves does not vanish when all outcomes of a bin agree.
    expected = float(np.average(probability * (1 - probability), weights=weight))
    variance = max(observed * (1 - observed), expected) / max(effective - 1, 1)
    return float(total), float(np.average(probability, weights=weight)) - observed, math.sqrt(variance)


def _without_noise(difference: Floats, deviation: Floats) -> Floats:
    """|difference| less what noise adds to it: E|N(difference, deviation²)| − |difference| (a folded normal)."""
    size = np.abs(difference)
    ratio = size / np.maximum(deviation, 1e-300)
    folded = deviation * math.sqrt(2 / math.pi) * np.exp(-(np.minimum(ratio, 38) ** 2) / 2) + size * special.erf(
        ratio / math.sqrt(2)
    )
    return size - (folded - size)


def _bin(probability: Floats, came_true: Floats, weight: Floats) -> ReliabilityBin:
    return ReliabilityBin(
        low=float(probability.min()),
        high=float(probability.max()),
        predicted=float(np.average(probability, weights=weight)),
        observed=float(np.average(came_true, weights=weight)),
        rows=len(probability),
    )
