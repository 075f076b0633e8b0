"""Probabilities corrected to what came true: beta calibration (Kull, Silva Filho and Flach 2017, AISTATS).

The corrected log-odds are a·ln p − b·ln(1 − p) + c, with a and b not below 0: three numbers, the identity among them,
so that few rows suffice. For more than two classes each is corrected against the rest, and the row sums to one again.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mlsteward.monitoring.plan import Calibrator
from mlsteward.monitoring.window_profile import Floats

_FEWEST = 100
_FEWEST_OF_CLASS = 10
_EDGE = 1e-6
# A weak pull to the identity: with few rows of a class it keeps the fit from running off.
_RIDGE = 0.5


def fit_calibrator(scores: Floats, codes: np.ndarray) -> Calibrator:
    """The correction of (n, k) probabilities whose classes turned out to be `codes` (n,); none with too few rows."""
    if len(codes) < _FEWEST:
        return Calibrator(rows=len(codes))
    k = scores.shape[1]
    places = [1] if k == 2 else range(k)
    triples = [_fit(scores[:, place], (codes == place).astype(np.float64)) for place in places]
    return Calibrator(triples=triples, rows=len(codes))


def calibrated(calibrator: Calibrator, scores: Floats) -> Floats:
    """(n, k) corrected probabilities."""
    if not calibrator.triples:
        return scores
    if scores.shape[1] == 2:
        positive = _apply(calibrator.triples[0], scores[:, 1])
        return np.column_stack([1 - positive, positive])
    each = np.column_stack([_apply(one, scores[:, place]) for place, one in enumerate(calibrator.triples)])
    return each / np.maximum(each.sum(axis=1, keepdims=True), 1e-12)


def _terms(probability: Floats) -> tuple[Floats, Floats]:
    inside = np.clip(probability, _EDGE, 1 - _EDGE)
    return np.log(inside), -np.log1p(-inside)


def _apply(triple: tuple[float, float, float], probability: Floats) -> Floats:
    low, high = _terms(probability)
    return expit(triple[0] * low + triple[1] * high + triple[2])


def _fit(probability: Floats, came_true: Floats) -> tuple[float, float, float]:
    if min(came_true.sum(), (1 - came_true).sum()) < _FEWEST_OF_CLASS:
        return 1.0, 1.0, 0.0
    low, high = _terms(probability)
    design = np.column_stack([low, high, np.ones(len(low))])
    start = np.array([1.0, 1.0, 0.0])

    def loss(triple: Floats) -> tuple[float, Floats]:
        odds = design @ triple
        value = float(np.logaddexp(0, odds).sum() - (came_true * odds).sum())
        pull = np.array([triple[0] - 1, triple[1] - 1, 0.0])
        return value + _RIDGE * float(pull @ pull), design.T @ (expit(odds) - came_true) + 2 * _RIDGE * pull

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)])
    a, b, c = (float(value) for value in found.x)
    return a, b, c
