"""The checks of one column when its rows come in blocks: the same effects, with p values and gates from the blocks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray

from mlsteward.drift import blocks, categorical, checks, rates
from mlsteward.drift.blocks import Booleans, Statistic
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Floats, Integers
from mlsteward.drift.evidence import Evidence, Smallest, raise_gate
from mlsteward.drift.multiplicity import cauchy_combination
from mlsteward.drift.numeric import reference_ranks
from mlsteward.drift.sql import BlockedCells

_COARSE = 40
_POWER_Z = 0.8416
_POWER_SHUFFLES = 999
_LOG_RATIO_GATE = 1.5


@dataclass(frozen=True)
class BlockPlan:
    """How the blocks lie: (b,) whether each is current, all of the reference's first, in their order.

    `rows` are the rows of each. `sides` are the shufflings that all columns share.
    """

    keys: tuple[tuple[int, int], ...]
    rows: Integers
    sides: NDArray[np.float32]
    ordered: bool
    """Whether the order is that of time, so that a block's rows are a volume."""

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

    @property
    def finest_p(self) -> float:
        """The smallest p that so few blocks can give."""
        return max(1 / comb(len(self.keys), self.numbers[1]), 1 / (1 + len(self.sides)))

    def matrix(self, side: Integers, block: Integers, place: Integers, rows: Integers, width: int) -> Floats:
        """(b, width) sums of `rows`; rows of blocks or places that are not there are left out."""
        index = {key: number for number, key in enumerate(self.keys)}
        pairs, inverse = np.unique(np.stack([side, block]), axis=1, return_inverse=True)
        numbers = np.asarray([index.get((int(s), int(b)), -1) for s, b in pairs.T], dtype=np.int64)
        found = numbers[inverse.reshape(-1)] if len(side) else np.zeros(0, dtype=np.int64)
        kept = (found >= 0) & (place >= 0)
        flat = np.bincount(found[kept] * width + place[kept], rows[kept], minlength=len(self.keys) * width)
        return flat.astype(np.float64).reshape(len(self.keys), width)


def plan_blocks(found: list[tuple[int, int, int]], *, ordered: bool, seed: int) -> BlockPlan:
    """The plan for (side, block, rows) triples."""
    ordered_keys = sorted(found)
    keys = tuple((side, block) for side, block, _ in ordered_keys)
    rows = np.asarray([rows for *_, rows in ordered_keys], dtype=np.int64)
    is_current = np.asarray([side == 1 for side, _ in keys])
    return BlockPlan(keys, rows, blocks.shuffled_sides(is_current, seed), ordered)


def check_blocked_column(counts: ColumnCounts, cells: BlockedCells, plan: BlockPlan) -> list[Evidence]:
    """Every check of a column whose rows come in blocks."""
    found: list[Evidence] = []
    for evidence in checks.check_column(counts):
        if evidence.unusable:
            found.append(evidence)
        elif evidence.kind == "nulls":
            found.append(_nulls(evidence, cells, plan))
        elif counts.values is not None:
            found.append(_number(evidence, counts.values, cells, plan))
        elif counts.categories is not None:
            found.append(_category(evidence, counts.categories, cells, plan, rates_too=counts.outcome))
    return found


def _nulls(evidence: Evidence, cells: BlockedCells, plan: BlockPlan) -> Evidence:
    side, block, rows = cells.nulls
    missing = plan.matrix(side, block, np.zeros_like(block), rows, 1)[:, 0]
    counts = np.stack([missing, plan.rows - missing], axis=1)
    p = blocks.permutation_p(counts, plan.is_current, plan.sides, blocks.share_gap)

    def severity(others: Floats, window: Floats) -> float:
        sizes = int(others.sum()), int(window.sum())
        return rates.rate_severity(others[0] / sizes[0], window[0] / sizes[1], checks.NULL_FLOOR, *sizes)

    return raise_gate(replace(evidence, p=p), _largest(counts, plan, severity))


def _number(evidence: Evidence, values: CountedValues, cells: BlockedCells, plan: BlockPlan) -> Evidence:
    fine = plan.matrix(cells.side, cells.block, cells.place, cells.rows, len(values.values))
    if evidence.kind == "out of range":
        return _range(evidence, values, fine, plan)
    counts, positions = coarsen(fine, values.values)

    def severity(others: Floats, window: Floats) -> float:
        return checks.numeric_severity(_as_values(positions, others, window))[0]

    both = [blocks.rank_gap, position_gap(np.arcsinh(_standard(positions, counts)))]
    p = cauchy_combination([blocks.permutation_p(counts, plan.is_current, plan.sides, statistic) for statistic in both])
    clipped = np.clip(_standard(positions, counts), -3, 3)
    power = _power_of(counts, plan, position_gap(clipped), checks.SD_GATE, checks.RELEVANT_SD, "σ")
    return raise_gate(replace(evidence, p=p, power=power), _largest(counts, plan, severity))


def _range(evidence: Evidence, values: CountedValues, fine: Floats, plan: BlockPlan) -> Evidence:
    seen = np.flatnonzero(values.reference)
    current = fine[plan.is_current]
    below = int((current[:, : seen[0]].sum(axis=1) > 0).sum())
    above = int((current[:, seen[-1] + 1 :].sum(axis=1) > 0).sum())

    def severity(others: Floats, window: Floats) -> float:
        inside = np.flatnonzero(others)
        outside = window[: inside[0]].sum() + window[inside[-1] + 1 :].sum()
        return float(outside / window.sum()) / checks.RANGE_GATE

    p = rates.beyond_extremes_p(*plan.numbers, below, above)
    return raise_gate(replace(evidence, p=p), _largest(fine, plan, severity))


def _category(
    evidence: Evidence, counted: CountedCategories, cells: BlockedCells, plan: BlockPlan, *, rates_too: bool
) -> Evidence:
    listed = plan.matrix(cells.side, cells.block, cells.place, cells.rows, len(counted.categories))
    if evidence.kind == "unseen categories":

        def share(others: Floats, window: Floats) -> float:
            return float(window[others == 0].sum() / window.sum()) / checks.UNSEEN_GATE

        p = rates.unseen_p(*plan.numbers, cells.spread, cells.unseen_units)
        return raise_gate(replace(evidence, p=p), _largest(listed, plan, share))

    counts = _with_rest(listed, counted, cells, plan)

    def severity(others: Floats, window: Floats) -> float:
        return checks.categories_severity(others.astype(np.int64), window.astype(np.int64), rates_too=rates_too)

    p = blocks.permutation_p(counts, plan.is_current, plan.sides, blocks.chi_squared_gap)
    power = _power_of(counts, plan, distances, checks.DISTANCE_GATE, checks.RELEVANT_DISTANCE, "JS distance")
    return raise_gate(replace(evidence, p=p, power=power), _largest(counts, plan, severity))


def _with_rest(listed: Floats, counted: CountedCategories, cells: BlockedCells, plan: BlockPlan) -> Floats:
    """(b, k) counts of the categories common enough to be tested, the others in a last column."""
    n, m = counted.sizes()
    common = counted.reference * (min(n, m) / n) >= categorical.EXPECTED
    everything = plan.matrix(cells.side, cells.block, np.zeros_like(cells.block), cells.rows, 1)[:, 0]
    kept = listed[:, common] if len(counted.categories) > 2 else listed
    rest = everything - kept.sum(axis=1)
    return np.column_stack([kept, rest]) if rest.sum() else kept


def check_volume(plan: BlockPlan) -> Evidence | None:
    """Are there more or fewer rows per block of time? First and last blocks may be cut short and do not count."""
    keep = np.ones(len(plan.keys), dtype=bool)
    first, second = plan.numbers
    if first > 4:
        keep[[0, first - 1]] = False
    if second > 4:
        keep[[first, first + second - 1]] = False
    is_current = plan.is_current[keep]
    if not plan.ordered or min(is_current.sum(), (~is_current).sum()) < 2:
        return None
    counts = np.stack([plan.rows[keep].astype(np.float64), np.ones(int(keep.sum()))], axis=1)
    sides = blocks.shuffled_sides(is_current, 0)
    before, after = float(counts[~is_current, 0].mean()), float(counts[is_current, 0].mean())
    windows = blocks.window_edges(int((~is_current).sum()), int(is_current.sum()))
    own = [_log_ratio(others, window) for others, window in blocks.between_windows(counts[~is_current], windows)]
    evidence = Evidence(
        column="",
        kind="row volume",
        p=blocks.permutation_p(counts, is_current, sides, _mean_gap),
        severity=abs(float(np.log(after / before))) / float(np.log(_LOG_RATIO_GATE)),
        measure="rate ratio",
        effect=after / before,
        gate=_LOG_RATIO_GATE,
        change=f"rows per block {before:.4g} → {after:.4g}",
    )
    return raise_gate(evidence, max(own, default=0.0))


def _mean_gap(reference: Floats, current: Floats) -> Floats:
    first = reference[:, 0] / np.maximum(reference[:, 1], 1)
    return np.abs(np.log(np.maximum(current[:, 0] / np.maximum(current[:, 1], 1), 1e-9) / np.maximum(first, 1e-9)))


def _log_ratio(others: Floats, window: Floats) -> float:
    return float(_mean_gap(others[None, :], window[None, :])[0] / np.log(_LOG_RATIO_GATE))


def coarsen(fine: Floats, values: Floats) -> tuple[Floats, Floats]:
    """At most 40 cells of about equal share in both samples together: (b, k) counts, and the (k,) mean values."""
    total = fine.sum(axis=0)
    groups = np.minimum((reference_ranks(total.astype(np.int64)) * _COARSE).astype(np.int64), _COARSE - 1)
    _, places = np.unique(groups, return_inverse=True)
    width = int(places.max()) + 1
    membership = np.zeros((len(values), width))
    membership[np.arange(len(values)), places] = 1
    mass = total @ membership
    positions = (total * values) @ membership / np.maximum(mass, 1)
    filled = mass > 0
    return (fine @ membership)[:, filled], positions[filled]


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


def _power_of(
    counts: Floats, plan: BlockPlan, statistic: Statistic, gate: float, relevant: float, measure: str
) -> Callable[[float], Smallest]:
    shuffled = blocks.shuffled_statistics(counts, plan.sides[:_POWER_SHUFFLES], statistic)
    spread = float(shuffled.std())

    def smallest(level: float) -> Smallest:
        if plan.finest_p > level:
            return Smallest(np.inf, measure, False)
        effect = max(gate, float(np.quantile(shuffled, 1 - level)) + _POWER_Z * spread)
        return Smallest(effect, measure, effect <= relevant)

    return smallest
