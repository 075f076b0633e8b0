"""Does a model beat a guess, and is it at least as good as a straight line?"""

from collections.abc import Sequence

import numpy as np

from mlsteward.answer import counted, interval
from mlsteward.evaluation.comparison import paired_bootstrap
from mlsteward.evaluation.directions import Task, greater_is_better
from mlsteward.evaluation.intervals import Interval
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.evaluation.summaries import encode
from mlsteward.gates.result import GateResult, Outcome


def dummy_predictions(
    task: Task, train_truth: np.ndarray, classes: Sequence[str], rows: int, weights: Floats | None = None
) -> Predictions:
    """What a model that learns nothing says of `rows` rows: the shares of the classes, or the mean, of (m,) training
    rows with `weights` (m,) or None."""
    if task == "regression":
        return Predictions(np.full(rows, np.average(train_truth.astype(np.float64), weights=weights)))
    names = list(classes)
    counts = np.bincount(encode(train_truth, names), weights=weights, minlength=len(names)).astype(np.float64)
    shares = counts / counts.sum()
    labels = np.full(rows, names[int(shares.argmax())], dtype=object)
    return Predictions(labels, np.tile(shares, (rows, 1)), names)


def baselines(scored: Scored, dummy: Predictions, linear: Interval | None, *, metric: str, seed: int) -> GateResult:
    """Better than the dummy beyond doubt, and not worse than the linear model beyond doubt, on held-out rows.

    `dummy` predicts the n rows of `scored` (see `dummy_predictions`): both are scored on the same resampled units
    (Efron & Tibshirani 1993, ch. 16). `linear` is the model's metric less that of the linear model with its paired
    interval, None where the model is the linear one or nothing is known of it. `value` is the lead over the dummy,
    above 0 where the model is better. A lead over the dummy that may be chance *fails*: a model that does not beat a
    guess on its own held-out rows has shown nothing.
    """
    sign = 1.0 if greater_is_better(metric) else -1.0
    found = paired_bootstrap(
        scored.task,
        scored.truth,
        scored.predictions,
        dummy,
        metric=metric,
        units=scored.units,
        weights=scored.weights,
        seed=seed,
        thresholds=(scored.threshold, 0.5),
    )
    lead = _turned(Interval(found.value, found.low, found.high), sign)
    behind = _turned(linear, sign) if linear else None
    outcome, words = _judged(lead, behind)
    where = f"on {counted(found.n, 'held-out row')} of {counted(found.units, scored.unit)}"
    shown = f"{metric} {_difference(lead, 'the dummy')}"
    if behind:
        shown += f", {_difference(behind, 'the linear model')}"
    return GateResult(
        gate="baselines",
        outcome=outcome,
        words=f"{words}: {shown}, {where}.",
        value=lead.value,
        low=lead.low,
        high=lead.high,
        limit=0.0,
        evidence={
            "metric": metric,
            "rows": found.n,
            "unit": scored.unit,
            "units": found.units,
            **({"over_linear": [behind.value, behind.low, behind.high]} if behind else {}),
        },
    )


def _judged(lead: Interval, behind: Interval | None) -> tuple[Outcome, str]:
    if lead.value is None:
        return "not comparable", "Not comparable, the metric is undefined for the dummy"
    if lead.value <= 0:
        return "failed", "No better than a guess"
    if lead.low is None:
        return "cannot tell", "Cannot tell, there are too few independent units"
    if lead.low <= 0:
        return "failed", "Not better than a guess beyond doubt"
    if behind and behind.high is not None and behind.high < 0:
        return "failed", "Worse than the linear model beyond doubt"
    return "passed", "Better than a guess beyond doubt" + (", and not worse than the linear model" if behind else "")


def _difference(found: Interval, other: str) -> str:
    """`0.02 [0.01, 0.03] better than the dummy`; one that may be chance is said to be so."""
    worse = found.value is not None and found.value < 0
    shown = _turned(found, -1.0) if worse else found
    doubt = shown.low is not None and shown.low <= 0
    words = f"{interval(shown.value, shown.low, shown.high)} {'worse' if worse else 'better'} than {other}"
    return f"{words}, not beyond doubt" if doubt else words


def _turned(found: Interval, sign: float) -> Interval:
    """The difference with better above 0."""
    if sign > 0:
        return found
    turned = [None if one is None else -one for one in (found.value, found.high, found.low)]
    return Interval(*turned)
