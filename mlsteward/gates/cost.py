"""What a model costs to serve: how long a row takes, and how large its file is."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from mlsteward.answer import counted, interval, number
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import CostRules

QUANTILE = 0.95
# Fewer timings have no upper bound for their 95th percentile.
FEWEST_TIMINGS = 59
_LEVEL = 0.95


def cost(milliseconds: Sequence[float], megabytes: float, rules: CostRules) -> GateResult:
    """The 95th percentile of the time that one row takes, and the size of the file, against their limits.

    `milliseconds` (n,) are timings of rows served singly, one after the other; the file has `megabytes`. The interval
    of the percentile needs no assumption on how times are spread: its bounds are order statistics (Wilks 1941;
    Hahn & Meeker 1991, §5.2). Too slow is what is so beyond doubt, since a busy machine adds to any timing;
    *cannot tell* with fewer than 59 timings.
    """
    times = np.sort(np.asarray(milliseconds, dtype=np.float64))
    size = f"file {number(megabytes, 3)} MB (limit {number(rules.most_megabytes)})"
    evidence = {"timings": len(times), "megabytes": megabytes, "most_megabytes": rules.most_megabytes}
    large = megabytes > rules.most_megabytes
    if len(times) < FEWEST_TIMINGS:
        too_few = f"{counted(len(times), 'timing')} say nothing of a 95th percentile; {size}."
        outcome, opening = ("failed", "Too large") if large else ("cannot tell", "Cannot tell")
        words = f"{opening}: {too_few}"
        return GateResult(gate="cost", outcome=outcome, words=words, limit=rules.most_milliseconds, evidence=evidence)
    value = float(np.quantile(times, QUANTILE, method="inverted_cdf"))
    low, high = _bounds(times)
    slow = low > rules.most_milliseconds
    found = f"one row takes {interval(value, low, high)} ms at the 95th percentile"
    reasons = [*(["too slow"] if slow else []), *(["too large"] if large else [])]
    opening = " and ".join(reasons).capitalize() or "Affordable"
    return GateResult(
        gate="cost",
        outcome="failed" if reasons else "passed",
        words=f"{opening}: {found} (limit {number(rules.most_milliseconds)}), {size}.",
        value=value,
        low=low,
        high=high,
        limit=rules.most_milliseconds,
        evidence={**evidence, "median_milliseconds": float(np.median(times))},
    )


def _bounds(times: np.ndarray) -> tuple[float, float]:
    """Order statistics that hold the percentile between them with the confidence of `_LEVEL`, of (n,) sorted times."""
    tail = (1 - _LEVEL) / 2
    below = int(stats.binom.ppf(tail, len(times), QUANTILE))
    above = int(stats.binom.ppf(1 - tail, len(times), QUANTILE))
    return float(times[max(below - 1, 0)]), float(times[min(above, len(times) - 1)])
