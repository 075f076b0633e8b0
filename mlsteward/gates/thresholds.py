"""Does a model reach the limits that the policy sets for its metrics?"""

from collections.abc import Mapping

from mlsteward.answer import interval, number
from mlsteward.evaluation.directions import METRICS, Task
from mlsteward.evaluation.intervals import Interval
from mlsteward.gates.result import GateResult, Outcome
from mlsteward.gates.rules import ThresholdRules

_GATE = "thresholds"


def thresholds(metrics: Mapping[str, Interval], task: Task, rules: ThresholdRules) -> GateResult:
    """Every metric of `rules` that suits the task against its limit, on the rows that the metrics were measured on.

    With `by` "bound" the worse end of the interval counts. Limits of metrics of other tasks are passed over. The
    evidence has every limit; the numbers of the result are those of the one that was missed most, else met most
    narrowly.
    """
    limits = [(name, limit, 1.0) for name, limit in rules.min.items() if name in METRICS[task]]
    limits += [(name, limit, -1.0) for name, limit in rules.max.items() if name in METRICS[task]]
    if not limits:
        words = f"The policy sets no limit for a metric of a {task} model."
        return GateResult(gate=_GATE, outcome="not applicable", words=words)
    judged = [_against(name, limit, sign, metrics.get(name), rules) for name, limit, sign in limits]
    worst = min(judged, key=lambda one: ("failed", "cannot tell", "passed").index(one.outcome))
    return worst.model_copy(
        update={
            "words": " ".join(one.words for one in judged if one.outcome == worst.outcome),
            "evidence": {"by": rules.by, "limits": {name: one.model_dump() for name, one in _numbers(limits, judged)}},
        }
    )


def _numbers(limits: list[tuple[str, float, float]], judged: list[GateResult]) -> list[tuple[str, GateResult]]:
    plain = [one.model_copy(update={"evidence": {}}) for one in judged]
    return [(name, one) for (name, *_), one in zip(limits, plain, strict=True)]


def _against(name: str, limit: float, sign: float, found: Interval | None, rules: ThresholdRules) -> GateResult:
    side = "at least" if sign > 0 else "at most"
    if found is None or found.value is None:
        words = f"{name} was not measured; it is to be {side} {number(limit)}."
        return GateResult(gate=_GATE, outcome="cannot tell", words=words, limit=limit)
    bound = found.low if sign > 0 else found.high
    counts = bound if rules.by == "bound" else found.value
    shown = interval(found.value, found.low, found.high)
    outcome: Outcome
    if counts is None:
        outcome, verb = "cannot tell", "has no interval, whose worse end is to be"
    elif sign * (counts - limit) >= 0:
        outcome, verb = "passed", "is, as asked,"
    else:
        outcome, verb = "failed", "is to be"
    whose = "" if rules.by == "value" or counts is None else " by the worse end of its interval"
    return GateResult(
        gate=_GATE,
        outcome=outcome,
        words=f"{name} {shown} {verb} {side} {number(limit)}{whose}.",
        value=found.value,
        low=found.low,
        high=found.high,
        limit=limit,
    )
