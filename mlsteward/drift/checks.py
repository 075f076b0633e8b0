"""The checks of one column when its rows are independent."""

from dataclasses import replace

import numpy as np

from mlsteward.answer import number
from mlsteward.drift import categorical, numeric, power, rates
from mlsteward.drift.categorical import PooledCategories
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Floats, Integers
from mlsteward.drift.evidence import Evidence, Smallest
from mlsteward.drift.multiplicity import cauchy_combination

SD_GATE = 0.1
RANK_GATE = 0.028
DISTANCE_GATE = 0.06
RATE_FLOOR = 0.002
NULL_FLOOR = 0.01
UNSEEN_GATE = 0.01
RANGE_GATE = 0.01
"""The effects from which a change matters, in the units that each check names."""

RELEVANT_SD = 0.25
RELEVANT_DISTANCE = 0.12
RELEVANT_RATIO = 2.0
"""A column is called stable only where effects of this size would have been seen."""


def check_column(counts: ColumnCounts) -> list[Evidence]:
    """Every check of a column whose rows are independent."""
    found: list[Evidence | None] = [
        check_nulls(counts.name, counts.nulls, counts.rows, counts.current_nulls, counts.current_rows)
    ]
    if counts.values is not None:
        found += [check_values(counts.name, counts.values), check_range(counts.name, counts.values)]
    if counts.categories is not None:
        found.append(check_categories(counts.name, counts.categories, rates_too=counts.outcome))
        found.append(check_unseen(counts.name, counts.categories))
    return [evidence for evidence in found if evidence is not None]


def numeric_severity(cells: CountedValues) -> tuple[float, str, float, float]:
    """Severity, measure, effect and gate of a numeric column: the worse of both Wasserstein distances."""
    in_ranks = numeric.wasserstein_in_ranks(cells)
    in_sd = numeric.wasserstein_in_sd(cells)
    if in_sd is None or in_ranks / RANK_GATE > in_sd / SD_GATE:
        return in_ranks / RANK_GATE, "W of ranks", in_ranks, RANK_GATE
    return in_sd / SD_GATE, "W/σ", in_sd, SD_GATE


def check_values(column: str, cells: CountedValues) -> Evidence:
    """Has the distribution of a numeric column changed?"""
    n, m = cells.sizes()
    if min(n, m) < 2:
        return unusable(column, "no values" if min(n, m) == 0 else "one value only")
    severity, measure, effect, gate = numeric_severity(cells)

    def smallest(level: float) -> Smallest:
        shift = max(SD_GATE, power.smallest_shift(cells.reference, cells.current, level))
        return Smallest(shift, "σ", shift <= RELEVANT_SD)

    return Evidence(
        column=column,
        kind="distribution",
        p=numeric.distribution_p(cells.reference, cells.current),
        severity=severity,
        measure=measure,
        effect=effect,
        gate=gate,
        change=describe_values(cells),
        stability_index=numeric.stability_index(cells),
        power=smallest if len(cells.values) > 1 else None,
    )


def categories_severity(reference: Integers, current: Integers, *, rates_too: bool) -> float:
    """The severity that `check_categories` would find for (k,) counts."""
    filled = reference + current > 0
    reference, current = reference[filled], current[filled]
    n, m = int(reference.sum()), int(current.sum())
    floor = categorical.noise_floor(len(reference), n, m)
    severity = categorical.distance(categorical.jensen_shannon(reference, current), floor) / DISTANCE_GATE
    if len(reference) == 2 or rates_too:
        pairs = zip(reference.tolist(), current.tolist(), strict=True)
        found = [rates.rate_severity(before / n, after / m, RATE_FLOOR, n, m) for before, after in pairs]
        severity = max(severity, *found)
    return severity


def check_categories(column: str, counted: CountedCategories, *, rates_too: bool = False) -> Evidence:
    """Have the shares of a column's categories changed?

    With two categories, or `rates_too` (targets and predictions), the rate ratio of each category counts as well.
    """
    n, m = counted.sizes()
    pooled = categorical.pool_rare(counted)
    if min(n, m) < 2:
        return unusable(column, "no values")
    if pooled.pooled > categorical.POOLED_LIMIT:
        return unusable(column, f"{share(pooled.pooled)} of the rows have categories too rare to compare")
    floor = categorical.noise_floor(len(pooled.reference), n, m)
    gap = categorical.distance(categorical.jensen_shannon(pooled.reference, pooled.current), floor)
    evidence = Evidence(
        column=column,
        kind="distribution",
        p=categorical.chi_squared(pooled.reference, pooled.current),
        severity=gap / DISTANCE_GATE,
        measure="JS distance",
        effect=gap,
        gate=DISTANCE_GATE,
        change=describe_categories(counted),
        stability_index=numeric.index_of_shares(pooled.reference, pooled.current),
        power=(lambda level: _categories_power(pooled, level)) if len(pooled.reference) > 1 else None,
    )
    binary = len(pooled.reference) == 2
    return _with_rates(evidence, pooled, binary=binary) if binary or rates_too else evidence


def _categories_power(pooled: PooledCategories, level: float) -> Smallest:
    n, m = int(pooled.reference.sum()), int(pooled.current.sum())
    gap = max(DISTANCE_GATE, power.smallest_distance(len(pooled.reference), n, m, level))
    if len(pooled.reference) == 2:
        rarer = float(pooled.reference.min()) / n
        ratio = power.smallest_rate(rarer, n, m, level) / max(rarer, 0.5 / n)
        return Smallest(ratio, "× the rarer share", gap <= RELEVANT_DISTANCE and (ratio <= RELEVANT_RATIO))
    return Smallest(gap, "JS distance", gap <= RELEVANT_DISTANCE)


def _with_rates(evidence: Evidence, pooled: PooledCategories, *, binary: bool) -> Evidence:
    n, m = int(pooled.reference.sum()), int(pooled.current.sum())
    places = [int(pooled.reference.argmin())] if binary else range(len(pooled.reference))
    hits = [(int(pooled.reference[place]), int(pooled.current[place])) for place in places]
    p_values = [rates.rate_p(before, n, after, m) for before, after in hits]
    best = int(np.argmin(p_values))
    before, after = hits[best]
    severity = rates.rate_severity(before / n, after / m, RATE_FLOOR, n, m)
    combined = evidence.p if binary else cauchy_combination([evidence.p, min(1.0, p_values[best] * len(hits))])
    if severity <= evidence.severity:
        return replace(evidence, p=combined)
    ratio = rates.rate_ratio(before, n, after, m)
    return replace(
        evidence,
        p=combined,
        severity=severity,
        measure="rate ratio",
        effect=ratio.ratio,
        gate=rates.RATIO_GATE,
        low=ratio.low,
        high=ratio.high,
    )


def check_nulls(column: str, nulls: int, rows: int, current_nulls: int, current_rows: int) -> Evidence | None:
    """Has the share of missing values changed? None where neither sample misses any."""
    if nulls + current_nulls == 0:
        return None
    before, after = nulls / rows, current_nulls / current_rows
    ratio = rates.rate_ratio(nulls, rows, current_nulls, current_rows)
    return Evidence(
        column=column,
        kind="nulls",
        p=rates.rate_p(nulls, rows, current_nulls, current_rows),
        severity=rates.rate_severity(before, after, NULL_FLOOR, rows, current_rows),
        measure="rate ratio",
        effect=ratio.ratio,
        gate=rates.RATIO_GATE,
        low=ratio.low,
        high=ratio.high,
        change=f"missing {share(before)} → {share(after)}",
    )


def check_range(column: str, cells: CountedValues) -> Evidence | None:
    """Do current values lie outside the reference's range?"""
    n, m = cells.sizes()
    if min(n, m) < 2:
        return None
    seen = np.flatnonzero(cells.reference)
    low, high = float(cells.values[seen[0]]), float(cells.values[seen[-1]])
    below, above = int(cells.current[: seen[0]].sum()), int(cells.current[seen[-1] + 1 :].sum())
    outside = (below + above) / m
    return Evidence(
        column=column,
        kind="out of range",
        p=rates.beyond_extremes_p(n, m, below, above),
        severity=outside / RANGE_GATE,
        measure="share",
        effect=outside,
        gate=RANGE_GATE,
        change=f"{share(outside)} outside {number(low)} to {number(high)}",
    )


def check_unseen(column: str, counted: CountedCategories) -> Evidence | None:
    """Do current rows have categories that the reference lacks?"""
    n, m = counted.sizes()
    if min(n, m) < 2:
        return None
    unseen = counted.unseen_current / m
    fresh = counted.reference == 0
    names = [str(name) for name in counted.categories[fresh][np.argsort(-counted.current[fresh])][:3]]
    return Evidence(
        column=column,
        kind="unseen categories",
        p=rates.unseen_p(n, m, counted.spread, counted.unseen_current),
        severity=unseen / UNSEEN_GATE,
        measure="share",
        effect=unseen,
        gate=UNSEEN_GATE,
        change=f"{share(unseen)} in categories never seen" + (f" ({', '.join(names)})" if names else ""),
    )


def unusable(column: str, why: str) -> Evidence:
    """A check that cannot be made."""
    return Evidence(column, "distribution", p=1.0, severity=0.0, measure="", effect=0.0, gate=1.0, unusable=why)


def describe_values(cells: CountedValues) -> str:
    """From what to what a numeric column went, by the figure that shows it best."""
    before = numeric.quantiles(cells.values, cells.reference, (0.05, 0.25, 0.5, 0.75, 0.95))
    after = numeric.quantiles(cells.values, cells.current, (0.05, 0.25, 0.5, 0.75, 0.95))
    spread = max(before[3] - before[1], (before[4] - before[0]) / 2.5, 1e-300)
    if abs(after[2] - before[2]) >= 0.06 * spread:
        return f"median {number(before[2])} → {number(after[2])}"
    means = numeric.mean(cells.values, cells.reference), numeric.mean(cells.values, cells.current)
    if abs(means[1] - means[0]) >= 0.06 * spread:
        return f"mean {number(means[0])} → {number(means[1])}"
    return f"p5–p95 {number(before[0])} to {number(before[4])} → {number(after[0])} to {number(after[4])}"


def describe_categories(counted: CountedCategories) -> str:
    """From what to what the category went whose share changed most; of two the rarer one."""
    n, m = counted.sizes()
    if not n or not m or not len(counted.categories):
        return ""
    gap: Floats = counted.current / m - counted.reference / n
    rarer = len(counted.categories) == 2
    place = int(counted.reference.argmin()) if rarer else int(np.abs(gap).argmax())
    name = str(counted.categories[place])
    return f"{name} {share(counted.reference[place] / n)} → {share(counted.current[place] / m)}"


def share(value: float) -> str:
    """A share as percent with what digits it needs."""
    percent = 100 * float(value)
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"
