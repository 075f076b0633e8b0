"""Is a challenger no worse than the champion, by more than a margin that was stated before anybody looked?"""

import math

from mlsteward.answer import counted, interval, number
from mlsteward.evaluation.comparison import Difference, paired_bootstrap
from mlsteward.evaluation.directions import greater_is_better
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Predictions
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import NonInferiorityRules

_GATE = "non_inferiority"


def non_inferiority(
    challenger: Scored,
    champion: Predictions,
    rules: NonInferiorityRules,
    *,
    champion_label: str,
    metric: str,
    champion_threshold: float = 0.5,
    seed: int,
) -> GateResult:
    """Whether the paired interval of the difference excludes a loss of more than the margin (Piaggio et al. 2012).

    `challenger` holds n rows that neither model was fitted or tuned on, `champion` the champion's predictions of the
    same rows, its scores in the challenger's order of classes. The difference is in the metric's unit, above 0 where
    the challenger is better; its interval at `rules.level` resamples the independent units, both models on the same
    ones (paired bootstrap, Efron & Tibshirani 1993, ch. 16). The margin is `rules.margin` for metrics that are better
    when high, and `rules.relative_margin` of the champion's value for those that are better when low.

    *not comparable* without such rows or where the metric is undefined on them; *cannot tell* with fewer units than
    `rules.fewest_units`, and where the interval lies across the margin.
    """
    if not len(champion):
        words = f"Not comparable with {champion_label}: there are no rows that neither model was fitted or tuned on."
        return GateResult(gate=_GATE, outcome="not comparable", words=words, evidence={"champion": champion_label})
    sign = 1.0 if greater_is_better(metric) else -1.0
    found = paired_bootstrap(
        challenger.task,
        challenger.truth,
        challenger.predictions,
        champion,
        metric=metric,
        units=challenger.units,
        weights=challenger.weights,
        seed=seed,
        thresholds=(challenger.threshold, champion_threshold),
        level=rules.level,
    )
    base = compute_metrics(challenger.task, challenger.truth, champion, challenger.weights, champion_threshold)
    standing = base.get(metric)
    if found.value is None or standing is None:
        words = f"Not comparable with {champion_label}: {metric} is undefined on the {counted(found.n, 'shared row')}."
        return GateResult(gate=_GATE, outcome="not comparable", words=words, evidence={"champion": champion_label})
    margin = rules.margin if sign > 0 else rules.relative_margin * abs(standing)
    low, high = _turned(found, sign)
    shared = GateResult(
        gate=_GATE,
        outcome="passed",
        words="",
        value=sign * found.value,
        low=low,
        high=high,
        limit=-margin,
        evidence={
            "champion": champion_label,
            "metric": metric,
            "champion_value": standing,
            "challenger_value": standing + found.value,
            "rows": found.n,
            "unit": challenger.unit,
            "units": found.units,
            "level": rules.level,
        },
    )
    return _judged(shared, challenger.unit, rules.fewest_units)


def _turned(found: Difference, sign: float) -> tuple[float | None, float | None]:
    """The bounds with better above."""
    if found.low is None or found.high is None:
        return None, None
    return (found.low, found.high) if sign > 0 else (-found.high, -found.low)


def _judged(found: GateResult, unit: str, fewest: int) -> GateResult:
    """The result with its outcome and words."""
    said = found.evidence
    value, margin, units = found.value or 0.0, -(found.limit or 0.0), int(said["units"])
    difference = (
        f"{said['metric']} {number(abs(value), 3)} {'better' if value >= 0 else 'worse'} than {said['champion']}"
    )
    if found.low is not None and found.high is not None:
        difference += f" (better above 0, {said['level']:.0%} interval {interval(value, found.low, found.high)})"
    where = f"on {counted(said['rows'], 'row')} of {counted(units, unit)} that neither was fitted or tuned on"
    whole = f"{difference}, {where}; the margin is {number(margin, 3)}"
    if found.low is None or found.high is None or units < fewest:
        words = f"Cannot tell: {whole}, and {counted(units, unit)} are too few (the policy asks for {fewest})."
        return found.model_copy(update={"outcome": "cannot tell", "words": words})
    if found.low >= -margin:
        return found.model_copy(update={"outcome": "passed", "words": f"Not worse by more than the margin: {whole}."})
    if found.high < -margin:
        return found.model_copy(update={"outcome": "failed", "words": f"Worse by more than the margin: {whole}."})
    update: dict[str, object] = {"outcome": "cannot tell"}
    more = ""
    if margin > 0:
        needed = math.ceil(units * ((found.high - found.low) / 2 / margin) ** 2)
        more = f" If the two are equally good, about {counted(needed, unit)} would show it."
        update["evidence"] = {**said, "units_needed": needed}
    update["words"] = f"Cannot tell: a loss of more than the margin is not ruled out: {whole}.{more}"
    return found.model_copy(update=update)
