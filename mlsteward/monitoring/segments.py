"""The parts of the rows whose losses are kept apart: of one column, and of two that tell most, crossed."""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.answer import clipped, number
from mlsteward.data.frames import column_of
from mlsteward.monitoring.grids import level_codes
from mlsteward.monitoring.plan import ColumnGrid, SegmentColumn
from mlsteward.monitoring.window_profile import Floats

_RANGES = 5
_LEVELS = 10
_MOST_COLUMNS = 30
_CROSSED = 5
_DISTINCT_NUMBERS = 10


def segment_column(grid: ColumnGrid, values: pd.Series) -> SegmentColumn | None:
    """A column in at most five ranges of about equal size or its ten commonest values, then others and missing ones."""
    if grid.kind == "category" or len(grid.values) <= _DISTINCT_NUMBERS:
        levels = grid.levels[:_LEVELS] if grid.kind == "category" else []
        if not levels:
            return _ranges(grid.name, np.asarray(grid.values), (np.asarray(grid.values[1:])))
        names = [f"{grid.name} = {clipped(level, 40)}" for level in levels]
        parts = [*names, f"{grid.name} of another value", f"{grid.name} missing"]
        return SegmentColumn(name=grid.name, levels=levels, parts=parts)
    present = np.asarray(values, dtype=np.float64)
    present = present[np.isfinite(present)]
    cuts = np.unique(np.quantile(present, np.linspace(0, 1, _RANGES + 1)[1:-1], method="lower"))
    return _ranges(grid.name, present, cuts[cuts > present.min()])


def _ranges(name: str, values: Floats, edges: Floats) -> SegmentColumn | None:
    if not len(values) or not len(edges):
        return None
    shown = [number(float(edge)) for edge in edges]
    middle = [f"{low} ≤ {name} < {high}" for low, high in pairwise(shown)]
    parts = [f"{name} < {shown[0]}", *middle, f"{name} ≥ {shown[-1]}", f"{name} missing"]
    return SegmentColumn(name=name, edges=edges.tolist(), parts=parts)


def part_codes(column: SegmentColumn, values: pd.Series) -> NDArray[np.int64]:
    """(n,) the part that each value lies in."""
    if column.levels:
        return level_codes(column.levels, values)
    numbers = np.asarray(values, dtype=np.float64)
    places = np.searchsorted(np.asarray(column.edges), numbers, side="right")
    return np.where(np.isfinite(numbers), places, len(column.parts) - 1).astype(np.int64)


def telling_pairs(
    columns: Sequence[SegmentColumn], codes: Sequence[np.ndarray], losses: Floats
) -> list[tuple[int, int]]:
    """The five columns whose parts differ most in their mean loss, each crossed with each."""
    explained: list[tuple[float, int]] = []
    for place, (column, code) in enumerate(zip(columns, codes, strict=True)):
        counts = np.bincount(code, minlength=len(column.parts))
        means = np.bincount(code, losses, minlength=len(column.parts)) / np.maximum(counts, 1)
        explained.append((float((counts * (means - losses.mean()) ** 2).sum()), place))
    best = sorted(place for _, place in sorted(explained, key=lambda item: (-item[0], item[1]))[:_CROSSED])
    return list(combinations(best, 2))


def segment_names(columns: Sequence[SegmentColumn], pairs: Sequence[tuple[int, int]]) -> list[tuple[list[str], str]]:
    """The columns and the words of every segment, in the order of `segment_codes`."""
    single = [([column.name], part) for column in columns for part in column.parts]
    crossed = [
        ([columns[first].name, columns[second].name], f"{one} and {other}")
        for first, second in pairs
        for one in columns[first].parts
        for other in columns[second].parts
    ]
    return [*single, *crossed]


def segment_codes(
    columns: Sequence[SegmentColumn], pairs: Sequence[tuple[int, int]], frame: pd.DataFrame
) -> list[NDArray[np.int64]]:
    """For each column, then each pair, the (n,) segment of each row, -1 where the frame lacks a column."""
    single: list[NDArray[np.int64] | None] = [
        part_codes(column, column_of(frame, column.name)) if column.name in frame.columns else None
        for column in columns
    ]
    found: list[NDArray[np.int64]] = []
    start = 0
    nowhere = np.full(len(frame), -1, dtype=np.int64)
    for column, code in zip(columns, single, strict=True):
        found.append(nowhere if code is None else code + start)
        start += len(column.parts)
    for first, second in pairs:
        one, other = single[first], single[second]
        width = len(columns[second].parts)
        found.append(nowhere if one is None or other is None else start + one * width + other)
        start += len(columns[first].parts) * width
    return found


def chosen_columns(grids: Sequence[ColumnGrid], importance: dict[str, float]) -> list[ColumnGrid]:
    """At most thirty columns, those that the model makes most of first chosen, in their order."""
    best = sorted(grids, key=lambda grid: -importance.get(grid.name, 0.0))[:_MOST_COLUMNS]
    return [grid for grid in grids if grid in best]
