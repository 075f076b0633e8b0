"""Do a model's probabilities come true as often as they say, and how sure is that?"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mlsteward.answer import counted, interval, number
from mlsteward.evaluation.calibration import MINIMUM_ROWS, equal_parts, judged_probability
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.evaluation.predictions import Floats
from mlsteward.evaluation.resampling import group_units
from mlsteward.gates.result import GateResult, Outcome
from mlsteward.gates.rules import CalibrationRules

_GATE = "calibration"
_BINS = 15
# Fewer rows in a bin say little of its share.
_ROWS_A_BIN = 25
_LEVEL = 0.95


@dataclass(frozen=True)
class CalibrationError:
    """The root mean square gap between probability and share, debiased, with its 95 % interval.

    `p` is of the test that there is no gap at all. `predicted` and `observed` are the means over all rows.
    """

    value: float
    low: float
    high: float
    p: float
    predicted: float
    observed: float
    bins: int


def calibration(scored: Scored, rules: CalibrationRules) -> GateResult:
    """Whether the calibration error of n held-out rows is above `rules.most_error` (see `calibration_error`).

    Fails when the lower bound of its interval is above the limit, passes when the upper bound is not; *cannot tell* in
    between, below 100 rows or 8 independent units; *not applicable* to numbers and to models without probabilities.
    """
    limit, rows = rules.most_error, len(scored.truth)
    if scored.task == "regression" or scored.predictions.scores is None:
        words = "Not applicable: the model gives no probabilities."
        return GateResult(gate=_GATE, outcome="not applicable", words=words, limit=limit)
    where = f"on {counted(rows, 'held-out row')} of {counted(scored.unit_count, scored.unit)}"
    evidence: dict[str, object] = {"rows": rows, "unit": scored.unit, "units": scored.unit_count}
    if rows < MINIMUM_ROWS or scored.unit_count < MINIMUM_UNITS:
        words = f"Cannot tell {where}: {MINIMUM_ROWS} rows of {MINIMUM_UNITS} independent units are the least."
        return GateResult(gate=_GATE, outcome="cannot tell", words=words, limit=limit, evidence=evidence)
    found = calibration_error(scored)
    about = judged_probability(scored.truth, scored.predictions).about
    outcome, opening = _judged(found, limit)
    words = (
        f"{opening}: {about} is off by {interval(found.value, found.low, found.high)} (root mean square, debiased; "
        f"limit {number(limit)}), {number(found.predicted, 3)} said and {number(found.observed, 3)} come true on "
        f"average, {where}."
    )
    return GateResult(
        gate=_GATE,
        outcome=outcome,
        words=words,
        value=found.value,
        low=found.low,
        high=found.high,
        limit=limit,
        evidence={
            **evidence,
            "bins": found.bins,
            "p_of_perfect_calibration": found.p,
            "mean_prediction": found.predicted,
            "mean_truth": found.observed,
        },
    )


def _judged(found: CalibrationError, limit: float) -> tuple[Outcome, str]:
    if found.low > limit:
        return "failed", "Not calibrated"
    return ("passed", "Calibrated") if found.high <= limit else ("cannot tell", "Cannot tell")


def calibration_error(scored: Scored) -> CalibrationError:
    """How far probabilities are from shares, in bins of equal numbers of rows.

    The squared gap of each bin less what noise adds to it (Kumar, Liang & Ma 2019, *Verified Uncertainty Calibration*),
    so a model that is calibrated has 0 on average, where the plain expected calibration error grows as rows get fewer.
    The interval is that of a quadratic form of the gaps, whose covariance is taken over independent units (Sun et al.
    2024, *A Confidence Interval for the ℓ2 Expected Calibration Error*; clusters: Binder 1983). The test of no gap is
    that of the debiased plug-in (Lee et al. 2023, *T-Cal*), its null a scaled χ² of matching moments (Satterthwaite
    1946). Gaps that cancel within a bin are not seen.
    """
    found = judged_probability(scored.truth, scored.predictions)
    rows = len(found.probability)
    weights = np.ones(rows) if scored.weights is None else scored.weights
    parts = equal_parts(found.probability, max(min(_BINS, rows // _ROWS_A_BIN), 1))
    parts = [part for part in parts if weights[part].sum() > 0]
    of_row = np.full(rows, -1)
    for place, part in enumerate(parts):
        of_row[part] = place
    gaps, covariance = _gaps(scored, found.probability, found.came_true, weights, of_row, len(parts))
    share = np.bincount(of_row[of_row >= 0], weights[of_row >= 0], len(parts)) / weights.sum()
    spread = share[:, None] * covariance
    noise, twice = float(np.trace(spread)), float(np.trace(spread @ spread))
    whole = float((share * gaps**2).sum())
    estimate = whole - noise
    pulled = share * gaps
    # The gaps that are plugged in hold noise themselves, which adds 4 tr(SΣSΣ) on average.
    variance = max(4 * float(pulled @ covariance @ pulled) - 2 * twice, 2 * twice)
    margin = float(stats.t.ppf((1 + _LEVEL) / 2, max(scored.unit_count - 1, 1))) * math.sqrt(variance)
    scale = twice / noise if noise > 0 else 1.0
    freedom = noise**2 / twice if twice > 0 else 1.0
    return CalibrationError(
        value=_root(estimate),
        low=_root(estimate - margin),
        high=_root(estimate + margin),
        p=float(stats.chi2.sf(whole / scale, freedom)) if noise > 0 else 1.0,
        predicted=float(np.average(found.probability, weights=weights)),
        observed=float(np.average(found.came_true, weights=weights)),
        bins=len(parts),
    )


def _gaps(
    scored: Scored, probability: Floats, came_true: Floats, weights: Floats, of_row: np.ndarray, bins: int
) -> tuple[Floats, Floats]:
    """(b,) mean probability less share of each bin, and the (b, b) covariance that resampled units would show."""
    kept = of_row >= 0
    total = np.bincount(of_row[kept], weights[kept], bins)
    difference = probability - came_true
    gaps = np.bincount(of_row[kept], (weights * difference)[kept], bins) / total
    units, _ = group_units(scored.units, len(probability), seed=0)
    pull = np.where(kept, weights * (difference - gaps[of_row]) / total[of_row], 0.0)
    flat = np.bincount(units.of_row * bins + np.maximum(of_row, 0), pull, units.count * bins)
    by_unit = flat.reshape(units.count, bins)
    covariance = by_unit.T @ by_unit * (units.count / (units.count - 1))
    # The variance under the probabilities themselves does not vanish when all outcomes of a bin agree.
    expected = np.bincount(of_row[kept], (weights**2 * probability * (1 - probability))[kept], bins) / total**2
    np.fill_diagonal(covariance, np.maximum(np.diagonal(covariance), expected))
    return gaps, covariance.astype(np.float64)


def _root(square: float) -> float:
    return math.sqrt(max(square, 0.0))
