"""How a setting goes with a metric over a handful of runs: small enough to need no array library.

`None` in a sequence means that a run does not have the setting.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from math import factorial, sqrt
from typing import Literal

Setting = str | int | float | bool | None
# Below this many runs nothing is said; from this share on two settings vary together.
MINIMUM_RUNS = 4
TOGETHER = 0.7
_RESAMPLES = 1000


@dataclass(frozen=True)
class Association:
    """`strength` is Spearman's ρ (−1 to 1) for numbers, the correlation ratio η (0 to 1) for groups.

    `p` is of a two-sided permutation test; `means` the mean metric and the number of runs of each group.
    """

    kind: Literal["number", "group"]
    strength: float
    p: float
    runs: int
    means: dict[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])


def associate(settings: Sequence[Setting], metric: Sequence[float], seed: int) -> Association | None:
    """How n settings go with n values of a metric; None with fewer than 4 runs or when every run is its own group.

    Numbers with at least three values: Spearman's rank correlation (Spearman 1904). Otherwise the correlation ratio
    (Fisher 1925, §45). The p-value is exact up to 6 runs, else from 1,000 permutations by Phipson & Smyth (2010).
    """
    numeric = _is_numeric(settings)
    pairs = [(one, y) for one, y in zip(settings, metric, strict=True) if not numeric or one is not None]
    labels, y = [one for one, _ in pairs], [value for _, value in pairs]
    if len(pairs) < MINIMUM_RUNS or len(set(y)) < 2:
        return None
    if numeric:
        x = ranks([float(one) for one in labels if one is not None])
        ranked = ranks(y)
        p = _permutation_p(lambda order: abs(_correlation(x, order)), ranked, seed)
        return Association("number", _correlation(x, ranked), p, len(pairs))
    groups = [str(one) for one in labels]
    if not 1 < len(set(groups)) < len(groups):
        return None
    p = _permutation_p(lambda order: _correlation_ratio(groups, order), y, seed)
    return Association("group", _correlation_ratio(groups, y), p, len(pairs), _means(groups, y))


def vary_together(first: Sequence[Setting], second: Sequence[Setting]) -> float:
    """From 0 (unrelated) to 1 (one tells the other) for two settings of the same n runs.

    |Spearman's ρ| of two numbers, the correlation ratio corrected for its bias (Kelley 1935) of a number and a group,
    Cramér's V corrected for its bias (Bergsma 2013) of two groups.
    """
    if len(first) < MINIMUM_RUNS:
        return 0.0
    numeric = (_is_numeric(first), _is_numeric(second))
    if numeric == (True, True):
        both = [(float(a), float(b)) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
        if len(both) < MINIMUM_RUNS:
            return 0.0
        return abs(_correlation(ranks([a for a, _ in both]), ranks([b for _, b in both])))
    if numeric == (False, False):
        return _cramers_v([str(one) for one in first], [str(one) for one in second])
    number, group = (first, second) if numeric[0] else (second, first)
    pairs = [(float(x), str(g)) for x, g in zip(number, group, strict=True) if x is not None]
    return _corrected_ratio([g for _, g in pairs], ranks([x for x, _ in pairs]))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in their order (Holm 1979)."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = running
    return adjusted


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, ties sharing their mean."""
    ordered = sorted(values)
    first = {value: position for position, value in reversed(list(enumerate(ordered, 1)))}
    counts = Counter(values)
    return [first[value] + (counts[value] - 1) / 2 for value in values]


def _is_numeric(settings: Sequence[Setting]) -> bool:
    present = [one for one in settings if one is not None]
    return len(set(present)) >= 3 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in present)


def _correlation(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    products = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    squares = sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)
    return products / sqrt(squares) if squares > 0 else 0.0


def _means(groups: Sequence[str], y: Sequence[float]) -> dict[str, tuple[float, int]]:
    sums: dict[str, tuple[float, int]] = {}
    for group, value in zip(groups, y, strict=True):
        total, count = sums.get(group, (0.0, 0))
        sums[group] = (total + value, count + 1)
    return {group: (total / count, count) for group, (total, count) in sums.items()}


def _correlation_ratio(groups: Sequence[str], y: Sequence[float]) -> float:
    mean = sum(y) / len(y)
    between = sum(count * (value - mean) ** 2 for value, count in _means(groups, y).values())
    total = sum((value - mean) ** 2 for value in y)
    return sqrt(min(1.0, between / total)) if total > 0 else 0.0


def _corrected_ratio(groups: Sequence[str], y: Sequence[float]) -> float:
    n, k = len(y), len(set(groups))
    if n < MINIMUM_RUNS or k < 2 or k >= n:
        return 0.0
    return sqrt(max(0.0, 1 - (1 - _correlation_ratio(groups, y) ** 2) * (n - 1) / (n - k)))


def _permutation_p(statistic: Callable[[Sequence[float]], float], y: Sequence[float], seed: int) -> float:
    observed = statistic(y) - 1e-12
    if factorial(len(y)) <= _RESAMPLES:
        drawn = [statistic(order) >= observed for order in permutations(y)]
        return sum(drawn) / len(drawn)
    generator = random.Random(seed)
    beyond = sum(statistic(generator.sample(y, len(y))) >= observed for _ in range(_RESAMPLES))
    return (beyond + 1) / (_RESAMPLES + 1)


def _cramers_v(first: Sequence[str], second: Sequence[str]) -> float:
    n = len(first)
    rows, columns = Counter(first), Counter(second)
    cells = Counter(zip(first, second, strict=True))
    phi2 = sum(count**2 / (rows[a] * columns[b]) for (a, b), count in cells.items()) - 1
    r, k = len(rows), len(columns)
    corrected = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return min(1.0, sqrt(corrected / smaller)) if smaller > 0 else 0.0
