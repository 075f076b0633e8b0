"""What two frames hold of a column, counted as the checks want it. Only worker code imports this."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.drift.blocked_checks import BlockPlan, plan_blocks
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Floats, Integers
from mlsteward.drift.sql import BlockedCells
from mlsteward.evaluation.columns import as_numbers


@dataclass(frozen=True)
class FramePair:
    """The rows of the reference and the current ones, with the number of the block (the day) of each, or none."""

    reference: pd.DataFrame
    current: pd.DataFrame
    blocks: tuple[Integers, Integers] | None = None

    def side(self) -> Integers:
        """(n + m,) 0 for a row of the reference, 1 for a current one."""
        return np.repeat(np.array([0, 1], dtype=np.int64), [len(self.reference), len(self.current)])

    def block(self) -> Integers:
        """(n + m,) the block of each row, 0 where there are none."""
        return np.concatenate(self.blocks) if self.blocks else np.zeros(len(self.side()), dtype=np.int64)

    def plan(self, *, unit: str, seed: int) -> BlockPlan | None:
        """How the blocks lie; None where rows are independent."""
        if self.blocks is None:
            return None
        keys, rows = _distinct(self.side(), self.block())
        found = [(int(side), int(block), int(count)) for side, block, count in zip(*keys, rows, strict=True)]
        return plan_blocks(found, unit=unit, seed=seed)


def count_frames(pair: FramePair, column: ComparedColumn) -> tuple[ColumnCounts, BlockedCells]:
    """The counts of one column in both frames, together and by block.

    Infinities count as missing. Numbers that stand there as text are read as numbers.
    """
    joined = pd.concat([column_of(frame, column.name) for frame in (pair.reference, pair.current)], ignore_index=True)
    side, block = pair.side(), pair.block()
    if column.kind == "number":
        values = _numbers(joined)
        present = np.isfinite(values)
        distinct, places = np.unique(values[present], return_inverse=True)
        sizes = _sizes(places, side[present], len(distinct))
        blocked = _blocked(side, block, present, places.astype(np.int64))
        return _counts(pair, column, side, present, values=CountedValues(distinct, sizes[0], sizes[1])), blocked
    present = joined.notna().to_numpy()
    distinct, places = np.unique(_texts(joined)[present], return_inverse=True)
    sizes = _sizes(places, side[present], len(distinct))
    order = np.lexsort((distinct.astype(str), -sizes[1], -sizes[0]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    counted = CountedCategories(
        categories=distinct[order],
        reference=sizes[0][order],
        current=sizes[1][order],
        spread=_spread(sizes[0] + sizes[1]),
        unseen_current=int(sizes[1][sizes[0] == 0].sum()),
    )
    blocked = _blocked(side, block, present, rank[places], unseen=sizes[0][order] == 0, categories=True)
    return _counts(pair, column, side, present, categories=counted), blocked


def _numbers(column: pd.Series) -> Floats:
    numbers = as_numbers(column)
    read = cast(pd.Series, pd.to_numeric(column, errors="coerce")) if numbers is None else numbers
    return read.to_numpy(dtype=np.float64)


def _texts(column: pd.Series) -> np.ndarray:
    return column.astype(str).to_numpy(dtype=object)


def _sizes(places: Integers, side: Integers, count: int) -> tuple[Integers, Integers]:
    first, second = (np.bincount(places[side == which], minlength=count).astype(np.int64) for which in (0, 1))
    return first, second


def _spread(sizes: Integers) -> tuple[tuple[int, int], ...]:
    found, many = np.unique(sizes, return_counts=True)
    return tuple((int(size), int(count)) for size, count in zip(found, many, strict=True))


def _counts(
    pair: FramePair,
    column: ComparedColumn,
    side: Integers,
    present: np.ndarray,
    *,
    values: CountedValues | None = None,
    categories: CountedCategories | None = None,
) -> ColumnCounts:
    return ColumnCounts(
        name=column.name,
        rows=len(pair.reference),
        current_rows=len(pair.current),
        nulls=int((~present & (side == 0)).sum()),
        current_nulls=int((~present & (side == 1)).sum()),
        values=values,
        categories=categories,
        outcome=column.outcome,
    )


def _distinct(*columns: Integers) -> tuple[list[Integers], Integers]:
    """The distinct rows of (n,) columns of whole numbers, column by column, and how often each occurs."""
    if not len(columns[0]):
        return list(columns), np.zeros(0, dtype=np.int64)
    # One number a row: numpy sorts these far faster than rows.
    low = [int(column.min()) for column in columns]
    sizes = [int(column.max()) - least + 1 for column, least in zip(columns, low, strict=True)]
    codes = np.ravel_multi_index([column - least for column, least in zip(columns, low, strict=True)], sizes)
    found, counts = np.unique(codes, return_counts=True)
    parts = np.unravel_index(found, sizes)
    return [part + least for part, least in zip(parts, low, strict=True)], counts.astype(np.int64)


def _blocked(
    side: Integers,
    block: Integers,
    present: np.ndarray,
    place: Integers,
    *,
    unseen: np.ndarray | None = None,
    categories: bool = False,
) -> BlockedCells:
    keys, rows = _distinct(side[present], block[present], place)
    empty, nulls = _distinct(side[~present], block[~present])
    spread, unseen_units = (), 0
    if categories:
        spread = _spread(np.bincount(keys[2]).astype(np.int64))
        unseen_units = int(unseen[keys[2]].sum()) if unseen is not None else 0
    return BlockedCells(
        keys[0],
        keys[1],
        keys[2],
        rows,
        (empty[0], empty[1], nulls),
        spread,
        unseen_units,
    )
