"""Drift of features and predictions, from windows: the tests, effects and multiplicity of `drift`, on counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlsteward.answer import number
from mlsteward.drift.blocked_checks import BlockPlan, check_blocked_column, plan_blocks
from mlsteward.drift.checks import check_column, share
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Integers
from mlsteward.drift.evidence import Evidence
from mlsteward.drift.report import DriftReport
from mlsteward.drift.sql import BlockedCells
from mlsteward.drift.verdict import column_reports, judge, overall
from mlsteward.drift.words import assumption_words, sentence
from mlsteward.monitoring.plan import ColumnGrid, ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.window_profile import Floats, parts_of

MOST_BLOCKS = 400
_INDEPENDENT = "assumes independent rows (a model that is split by time is judged by days)"


@dataclass(frozen=True)
class Blocks:
    """(b, size) totals of the blocks of a sample; whether they are what is independent, else rows are."""

    totals: Floats
    unit: str

    def merged(self, most: int) -> "Blocks":
        """The same rows in at most so many blocks, neighbours together."""
        if len(self.totals) <= most:
            return self
        place = np.arange(len(self.totals)) * most // len(self.totals)
        totals = np.zeros((most, self.totals.shape[1]))
        np.add.at(totals, place, self.totals)
        return Blocks(totals, self.unit)


@dataclass(frozen=True)
class Drifted:
    """The report, and the counts of all columns for plots."""

    report: DriftReport
    counts: Mapping[str, ColumnCounts]


def outcome_columns(plan: ProfilePlan) -> list[str]:
    """What of the report is about predictions."""
    positive = [f"probability of {plan.classes[1]}"] if plan.task == "binary" and plan.score_edges else []
    return ["prediction", *positive]


def compare_windows(
    plan: ProfilePlan,
    reference: Blocks,
    current: Blocks,
    *,
    importance: Mapping[str, float],
    labels: tuple[str, str],
    seed: int = 0,
) -> Drifted:
    """Every column of the plan and its predictions, `current` windows against those of the training data.

    Where the rows of a block (a day) belong together, whole blocks are shuffled.
    """
    by_block = reference.unit not in ("row", "group")
    sides = (reference.merged(MOST_BLOCKS), current.merged(MOST_BLOCKS)) if by_block else (reference, current)
    blocks = _plan_of(plan, sides, seed) if by_block else None
    evidence: list[Evidence] = []
    counts: dict[str, ColumnCounts] = {}
    for grid, part, outcome in _parts(plan):
        both = [parts_of(layout_of(plan), side.totals, part) for side in sides]
        known, cells = _counted(grid, both[0], both[1], outcome=outcome)
        counts[grid.name] = known
        found = check_blocked_column(known, cells, blocks) if blocks else check_column(known)
        evidence += [_in_words(one, grid) for one in found]
    findings = judge(evidence)
    columns = column_reports(findings, importance)
    report = DriftReport(
        verdict=overall(columns, []),
        sentence="",
        reference=labels[0],
        current=labels[1],
        reference_rows=_rows(plan, reference),
        current_rows=_rows(plan, current),
        columns=columns,
        left_out=plan.left_out,
        assumption=assumption_words(
            reference.unit if by_block else "",
            blocks.numbers if blocks else (0, 0),
            len(blocks.windows) if blocks else 0,
        )
        if by_block
        else "assumes independent rows",
        checks=sum(found.p is not None for found in findings),
    )
    return Drifted(report.model_copy(update={"sentence": sentence(report)}), counts)


def _rows(plan: ProfilePlan, blocks: Blocks) -> int:
    requests = parts_of(layout_of(plan), blocks.totals, "requests").sum(axis=0)
    return int(requests[0] - requests[1])


def _parts(plan: ProfilePlan) -> Iterator[tuple[ColumnGrid, str, bool]]:
    for grid in plan.columns:
        yield grid, f"column:{grid.name}", False
    yield plan.predicted, "predicted", True
    if len(outcome_columns(plan)) > 1:
        edges = plan.score_edges
        middles = np.convolve([0.0, *edges, 1.0], [0.5, 0.5], mode="valid").tolist()
        yield ColumnGrid(name=outcome_columns(plan)[1], kind="number", edges=edges, values=middles), "scores", True


def _plan_of(plan: ProfilePlan, sides: Sequence[Blocks], seed: int) -> BlockPlan:
    found: list[tuple[int, int, int]] = []
    for side, blocks in enumerate(sides):
        requests = parts_of(layout_of(plan), blocks.totals, "requests")
        rows = (requests[:, 0] - requests[:, 1]).astype(np.int64)
        found += [(side, place, int(count)) for place, count in enumerate(rows) if count]
    return plan_blocks(found, unit=sides[0].unit, seed=seed)


def _counted(grid: ColumnGrid, before: Floats, after: Floats, *, outcome: bool) -> tuple[ColumnCounts, BlockedCells]:
    """Counts of (b, cells) windows, in both samples together and by block."""
    scores = len(grid.values) == before.shape[1]
    if scores:  # cells of a score: none below, none above, none missing
        before, after = np.pad(before, ((0, 0), (0, 1))), np.pad(after, ((0, 0), (0, 1)))
    nulls = [side[:, -1].astype(np.int64) for side in (before, after)]
    filled = [side[:, :-1].astype(np.int64) for side in (before, after)]
    totals = [side.sum(axis=0) for side in filled]
    values = categories = None
    spread: tuple[tuple[int, int], ...] = ()
    unseen_units = 0
    if grid.kind == "number":
        there = (totals[0] + totals[1]) > 0
        place_of = np.where(there, np.cumsum(there) - 1, -1)
        positions = np.asarray(grid.values) if scores else _positions(grid)
        values = CountedValues(positions[there], totals[0][there], totals[1][there])
    else:
        place_of = np.append(np.arange(len(grid.levels)), -1)
        unseen = int(totals[1][-1]) if grid.complete else 0
        unseen_units = int((filled[1][:, -1] > 0).sum()) if grid.complete else 0
        units = sum((side[:, :-1] > 0).sum(axis=0) for side in filled)
        # How many categories an unseen row is of is not kept: as many as there are rows is the careful answer.
        spread = _sizes(np.asarray(units), unseen_units)
        categories = CountedCategories(
            categories=np.asarray(grid.levels, dtype=object),
            reference=totals[0][:-1],
            current=totals[1][:-1],
            other_reference=int(totals[0][-1]),
            other_current=int(totals[1][-1]),
            spread=_sizes(totals[0][:-1] + totals[1][:-1], unseen),
            unseen_current=unseen,
        )
    cells = _blocked(filled, nulls, place_of)
    known = ColumnCounts(
        name=grid.name,
        rows=int(totals[0].sum() + nulls[0].sum()),
        current_rows=int(totals[1].sum() + nulls[1].sum()),
        nulls=int(nulls[0].sum()),
        current_nulls=int(nulls[1].sum()),
        values=values,
        categories=categories,
        outcome=outcome,
    )
    return known, replace(cells, spread=spread, unseen_units=unseen_units)


def _sizes(counts: Integers, unseen: int) -> tuple[tuple[int, int], ...]:
    """Pairs (size, categories of that size), the unseen rows as categories of one row."""
    sizes, numbers = np.unique(counts[counts > 0], return_counts=True)
    found = dict(zip(sizes.tolist(), numbers.tolist(), strict=True))
    if unseen:
        found[1] = found.get(1, 0) + unseen
    return tuple(sorted(found.items()))


def _positions(grid: ColumnGrid) -> np.ndarray:
    """The values that cells stand for; those outside the training range lie one mean step beyond it."""
    low, high = grid.edges[0], grid.edges[-1]
    step = (high - low) / max(len(grid.values), 1) or 1.0
    return np.asarray([low - step, *grid.values, high + step])


def _blocked(filled: Sequence[Integers], nulls: Sequence[Integers], place_of: Integers) -> BlockedCells:
    sides: list[list[Integers]] = []
    missing: list[list[Integers]] = []
    for side, (counts, empty) in enumerate(zip(filled, nulls, strict=True)):
        block, cell = np.nonzero(counts)
        sides.append([np.full(len(block), side), block, place_of[cell], counts[block, cell]])
        where = np.flatnonzero(empty)
        missing.append([np.full(len(where), side), where, empty[where]])
    one = [np.concatenate(column).astype(np.int64) for column in zip(*sides, strict=True)]
    other = [np.concatenate(column).astype(np.int64) for column in zip(*missing, strict=True)]
    return BlockedCells(one[0], one[1], one[2], one[3], (other[0], other[1], other[2]))


def _in_words(evidence: Evidence, grid: ColumnGrid) -> Evidence:
    """The range in words has the ends of the training values, which the cells do not have."""
    if evidence.kind != "out of range":
        return evidence
    ends = f"{number(grid.edges[0])} to {number(float(np.nextafter(grid.edges[-1], -np.inf)))}"
    return replace(evidence, change=f"{share(evidence.effect)} outside {ends}")
