"""The checks of one column when its rows come in blocks: the same effects, with p values and gates from the blocks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb

import numpy as np

from mlsteward.drift import blocks, categorical, checks, rates
from mlsteward.drift.blocks import Booleans, Shuffles, Statistic
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Floats, Integers
from mlsteward.drift.evidence import Evidence, Smallest, raise_gate
from mlsteward.drift.multiplicity import cauchy_combination
from mlsteward.drift.numeric import reference_ranks
from mlsteward.drift.report import STANDS_OUT
from mlsteward.drift.sql import BlockedCells

_COARSE = 40
_POWER_Z = 0.8416
_POWER_SHUFFLES = 999
# What a lone block is held against, and what it must have.
_FEWEST_WINDOWS = 10
_FEWEST_ROWS = 100


@dataclass(frozen=True)
class BlockPlan:
    """How the blocks lie: pairs (side, block), all of the reference's first, in their order.

    `rows` are the rows of each; `shuffles` are shared by all columns. `unit` is what a block is: a day, a group.
    """

    keys: tuple[tuple[int, int], ...]
    rows: Integers
    shuffles: Shuffles
    unit: str

    @cached_property
    def is_current(self) -> Booleans:
        return np.asarray([side == 1 for side, _ in self.keys])

    @cached_property
    def numbers(self) -> tuple[int, int]:
        current = int(self.is_current.sum())
        return len(self.keys) - current, current

    @cached_property
    def windows(self) -> list[tuple[int, int]]:
        return blocks.window_edges(*self.numbers)

    @cached_property
    def finest_p(self) -> float:
        """The smallest p that so few blocks can give."""
        return max(1 / comb(len(self.keys), self.numbers[1]), 1 / (1 + len(self.shuffles.chosen)))

    def places(self, side: Integers, block: Integers) -> Integers:
        """(n,) the place of each block among `keys`."""
        codes = np.asarray([2 * block + side for side, block in self.keys], dtype=np.int64)
        order = np.argsort(codes)
        return order[np.searchsorted(codes[order], 2 * block + side)]

    def matrix(self, blocks_: Integers, cells: Integers, rows: Integers, width: int) -> Floats:
        """(b, width) sums of `rows`; those of a negative cell are left out."""
        kept = cells >= 0
        flat = np.bincount(blocks_[kept] * width + cells[kept], rows[kept], minlength=len(self.keys) * width)
        return flat.astype(np.float64).reshape(len(self.keys), width)


def plan_blocks(found: list[tuple[int, int, int]], *, unit: str, seed: int) -> BlockPlan:
    """The plan for (side, block, rows) triples."""
    triples = sorted(found)
    is_current = np.asarray([side == 1 for side, *_ in triples])
    return BlockPlan(
        keys=tuple((side, block) for side, block, _ in triples),
        rows=np.asarray([rows for *_, rows in triples], dtype=np.int64),
        shuffles=blocks.shuffle_blocks(is_current, seed),
        unit=unit,
    )


def check_blocked_column(counts: ColumnCounts, cells: BlockedCells, plan: BlockPlan) -> list[Evidence]:
    """Every check of a column whose rows come in blocks."""
    if min(plan.numbers) >= 2:
        return _all_checks(counts, cells, plan)
    side = "current" if plan.numbers[1] < 2 else "reference"
    rows = int(plan.rows[plan.is_current == (side == "current")].sum())
    why = f"not enough data: all {side} rows ({rows:,}) are of one {plan.unit}"
    if len(plan.windows) >= _FEWEST_WINDOWS and rows >= _FEWEST_ROWS:
        # One block gives no p worth having, but it can be held against each of the reference's.
        furthest = max(_all_checks(counts, cells, plan), key=lambda one: 0.0 if one.unusable else one.severity)
        if not furthest.unusable and furthest.severity >= STANDS_OUT:
            return [replace(furthest, unusable=f"{why}, further off than any of {len(plan.windows)} of the reference")]
    return [checks.unusable(counts.name, why)]


def _all_checks(counts: ColumnCounts, cells: BlockedCells, plan: BlockPlan) -> list[Evidence]:
    found: list[Evidence] = []
    for evidence in checks.check_column(counts):
        if evidence.unusable:
            found.append(evidence)
        elif evidence.kind == "nulls":
            found.append(_nulls(evidence, cells, plan))
        elif counts.values is not None:
            number = _range if evidence.kind == "out of range" else _number
            found.append(number(evidence, counts.values, cells, plan))
        elif counts.categories is not None:
            category = _unseen if evidence.kind == "unseen categories" else _category
            found.append(category(evidence, counts.categories, cells, plan, rates_too=counts.outcome))
    return found


def _nulls(evidence: Evidence, cells: BlockedCells, plan: BlockPlan) -> Evidence:
    side, block, rows = cells.nulls
    missing = plan.matrix(plan.places(side, block), np.zeros_like(block), rows, 1)[:, 0]
    counts = np.stack([missing, plan.rows - missing], axis=1)
    p = blocks.permutation_p(counts, plan.is_current, plan.shuffles, blocks.share_gap)

    def severity(others: Floats, window: Floats) -> float:
        sizes = int(others.sum()), int(window.sum())
        return rates.rate_severity(others[0] / sizes[0], window[0] / sizes[1], checks.NULL_FLOOR, *sizes)

    return raise_gate(replace(evidence, p=p), _largest(counts, plan, severity))


def _number(evidence: Evidence, values: CountedValues, cells: BlockedCells, plan: BlockPlan) -> Evidence:
    groups, positions = coarse_groups(values)
    counts = plan.matrix(plan.places(cells.side, cells.block), groups[cells.place], cells.rows, len(positions))

    def severity(others: Floats, window: Floats) -> float:
        return checks.numeric_severity(_as_values(positions, others, window))[0]

    standard = _standard(positions, counts)
    statistics = [blocks.rank_gap, position_gap(np.arcsinh(standard))]
    p = cauchy_combination(
        [blocks.permutation_p(counts, plan.is_current, plan.shuffles, statistic) for statistic in statistics]
    )
    largest = _largest(counts, plan, severity)
    seen = _Seen(checks.SD_GATE * max(1, largest), checks.RELEVANT_SD, "σ")
    power = _power_of(counts, plan, position_gap(np.clip(standard, -3, 3)), seen)
    return raise_gate(replace(evidence, p=p, power=power), largest)


def _range(evidence: Evidence, values: CountedValues, cells: BlockedCells, plan: BlockPlan) -> Evidence:
    block = plan.places(cells.side, cells.block)
    lowest = np.full(len(plan.keys), len(values.values))
    highest = np.full(len(plan.keys), -1)
    np.minimum.at(lowest, block, cells.place)
    np.maximum.at(highest, block, cells.place)
    reference = ~plan.is_current
    below = int((lowest[plan.is_current] < lowest[reference].min()).sum())
    above = int((highest[plan.is_current] > highest[reference].max()).sum())
    largest = 0.0
    for low, high in plan.windows:
        others = reference.copy()
        others[low:high] = False
        window = (block >= low) & (block < high)
        outside = window & ((cells.place < lowest[others].min()) | (cells.place > highest[others].max()))
        if window.any():
            largest = max(largest, float(cells.rows[outside].sum() / cells.rows[window].sum()) / checks.RANGE_GATE)
    return raise_gate(replace(evidence, p=rates.beyond_extremes_p(*plan.numbers, below, above)), largest)


def _unseen(
    evidence: Evidence, counted: CountedCategories, cells: BlockedCells, plan: BlockPlan, *, rates_too: bool
) -> Evidence:
    listed = _listed(counted, cells, plan)

    def severity(others: Floats, window: Floats) -> float:
        return float(window[others == 0].sum() / window.sum()) / checks.UNSEEN_GATE

    p = rates.unseen_p(*plan.numbers, cells.spread, cells.unseen_units)
    return raise_gate(replace(evidence, p=p), _largest(listed, plan, severity))


def _category(
    evidence: Evidence, counted: CountedCategories, cells: BlockedCells, plan: BlockPlan, *, rates_too: bool
) -> Evidence:
    counts = _with_rest(counted, cells, plan)

    def severity(others: Floats, window: Floats) -> float:
        return checks.categories_severity(others.astype(np.int64), window.astype(np.int64), rates_too=rates_too)

    p = blocks.permutation_p(counts, plan.is_current, plan.shuffles, blocks.chi_squared_gap)
    largest = _largest(counts, plan, severity)
    seen = _Seen(checks.DISTANCE_GATE * max(1, largest), checks.RELEVANT_DISTANCE, "JS distance")
    return raise_gate(replace(evidence, p=p, power=_power_of(counts, plan, distances, seen)), largest)


def _listed(counted: CountedCategories, cells: BlockedCells, plan: BlockPlan) -> Floats:
    return plan.matrix(plan.places(cells.side, cells.block), cells.place, cells.rows, len(counted.categories))


def _with_rest(counted: CountedCategories, cells: BlockedCells, plan: BlockPlan) -> Floats:
    """(b, k) counts of the categories common enough to be tested, the others in a last column."""
    n, m = counted.sizes()
    common = counted.reference * (min(n, m) / n) >= categorical.EXPECTED
    listed = _listed(counted, cells, plan)
    kept = listed[:, common] if len(counted.categories) > 2 else listed
    everything = plan.matrix(plan.places(cells.side, cells.block), np.zeros_like(cells.block), cells.rows, 1)[:, 0]
    rest = everything - kept.sum(axis=1)
    return np.column_stack([kept, rest]) if rest.sum() else kept


def coarse_groups(values: CountedValues) -> tuple[Integers, Floats]:
    """At most 40 groups of about equal share in both samples together: (k,) group of each value, (g,) their means."""
    both = values.reference + values.current
    wanted = np.minimum((reference_ranks(both) * _COARSE).astype(np.int64), _COARSE - 1)
    groups = np.unique(wanted, return_inverse=True)[1].astype(np.int64)
    return groups, np.bincount(groups, both * values.values) / np.bincount(groups, both)


def position_gap(positions: Floats) -> Statistic:
    """Wasserstein's distance between counts at these ascending positions, as a statistic for shufflings."""
    steps = np.diff(positions)

    def statistic(reference: Floats, current: Floats) -> Floats:
        gap = np.cumsum(current / np.maximum(current.sum(axis=1, keepdims=True), 1), axis=1)
        gap -= np.cumsum(reference / np.maximum(reference.sum(axis=1, keepdims=True), 1), axis=1)
        return np.abs(gap[:, :-1]) @ steps

    return statistic


def distances(reference: Floats, current: Floats) -> Floats:
    """(r,) Jensen–Shannon distances of (r, k) counts."""
    p = reference / np.maximum(reference.sum(axis=1, keepdims=True), 1)
    q = current / np.maximum(current.sum(axis=1, keepdims=True), 1)
    middle = np.maximum((p + q) / 2, 1e-300)
    terms = p * np.log(np.maximum(p, 1e-300) / middle) + q * np.log(np.maximum(q, 1e-300) / middle)
    return np.sqrt(np.maximum(terms.sum(axis=1) / 2, 0))


def _standard(positions: Floats, counts: Floats) -> Floats:
    mass = counts.sum(axis=0)
    centre = float((positions * mass).sum() / mass.sum())
    sd = float(np.sqrt(((positions - centre) ** 2 * mass).sum() / mass.sum()))
    return (positions - centre) / (sd or 1.0)


def _as_values(positions: Floats, others: Floats, window: Floats) -> CountedValues:
    return CountedValues(positions, others.astype(np.int64), window.astype(np.int64))


def _largest(counts: Floats, plan: BlockPlan, severity: Callable[[Floats, Floats], float]) -> float:
    """The largest severity of a window of the reference against its other windows."""
    pairs = blocks.between_windows(counts[~plan.is_current], plan.windows)
    return max((severity(others, window) for others, window in pairs), default=0.0)


@dataclass(frozen=True)
class _Seen:
    """From which effect on a change is flagged, and from which on it should be seen, in `measure`."""

    gate: float
    relevant: float
    measure: str


def _power_of(counts: Floats, plan: BlockPlan, statistic: Statistic, seen: _Seen) -> Callable[[float], Smallest]:
    shuffled = blocks.shuffled_statistics(counts, plan.shuffles.first(_POWER_SHUFFLES), statistic)
    spread = float(shuffled.std())

    def smallest(level: float) -> Smallest:
        if plan.finest_p > level:
            return Smallest(np.inf, seen.measure, False)
        effect = float(np.quantile(shuffled, 1 - level)) + _POWER_Z * spread
        # Where the reference itself varies more than is relevant, its own variation is all that can be asked for.
        return Smallest(max(seen.gate, effect), seen.measure, effect <= max(seen.relevant, seen.gate))

    return smallest
