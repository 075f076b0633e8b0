"""The cells that a column's values are counted in, fitted to the training data."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.monitoring.plan import LATENCY_CELLS, LATENCY_LOWEST, LATENCY_STEPS, ColumnGrid
from mlsteward.monitoring.window_profile import Floats
from mlsteward.training.labels import as_labels

Codes = NDArray[np.int64]
_FEW_DISTINCT = 60
_CELLS = 40
_MOST_LEVELS = 200


def number_grid(name: str, values: Floats) -> ColumnGrid | None:
    """A cell for each distinct value where there are few, else forty of about equal share; None without any value."""
    finite = np.sort(values[np.isfinite(values)])
    if not len(finite):
        return None
    distinct = np.unique(finite)
    if len(distinct) <= _FEW_DISTINCT:
        cuts = (distinct[:-1] + distinct[1:]) / 2
    else:
        cuts = np.unique(np.quantile(finite, np.linspace(0, 1, _CELLS + 1)[1:-1], method="higher"))
        cuts = cuts[cuts > distinct[0]]
    # The largest training value lies below the last edge.
    edges = np.concatenate([distinct[:1], cuts, [np.nextafter(distinct[-1], np.inf)]])
    cells = np.searchsorted(edges, finite, side="right") - 1
    counts = np.bincount(cells, minlength=len(edges) - 1)
    sums = np.bincount(cells, finite, minlength=len(edges) - 1)
    middles = np.where(counts > 0, sums / np.maximum(counts, 1), (edges[:-1] + edges[1:]) / 2)
    return ColumnGrid(name=name, kind="number", edges=edges.tolist(), values=middles.tolist())


def category_grid(name: str, values: pd.Series) -> ColumnGrid | None:
    """A cell for each of the commonest 200 categories; None without any value."""
    counts = pd.Series(as_labels(values), dtype=object).dropna().value_counts(sort=True)
    if not len(counts):
        return None
    levels = [str(level) for level in counts.index[:_MOST_LEVELS]]
    return ColumnGrid(name=name, kind="category", levels=levels, complete=len(levels) == len(counts))


def cells_of(grid: ColumnGrid, values: pd.Series | np.ndarray) -> Codes:
    """(n,) the cell of each value."""
    if grid.kind == "number":
        numbers = np.asarray(values, dtype=np.float64)
        cells = np.searchsorted(np.asarray(grid.edges), numbers, side="right")
        return np.where(np.isfinite(numbers), cells, grid.cells - 1).astype(np.int64)
    return level_codes(grid.levels, values)


def level_codes(levels: Sequence[str], values: pd.Series | np.ndarray) -> Codes:
    """(n,) the place of each value among `levels`, then that of others, then of missing ones."""
    labels = as_labels(pd.Series(values))
    missing = np.asarray([label is None for label in labels], dtype=bool)
    known = pd.Index(list(levels), dtype=object).get_indexer(pd.Index(labels, dtype=object))
    return np.where(missing, len(levels) + 1, np.where(known < 0, len(levels), known)).astype(np.int64)


def latency_cells(milliseconds: Floats) -> Codes:
    """(n,) the cell of each latency: twenty for a factor of ten."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.floor(np.log10(milliseconds / LATENCY_LOWEST) * LATENCY_STEPS) + 1
    return np.clip(np.nan_to_num(steps, nan=0.0, neginf=0.0, posinf=LATENCY_CELLS - 1), 0, LATENCY_CELLS - 1).astype(
        np.int64
    )


def latency_quantile(counts: Floats, share: float) -> float | None:
    """The latency in milliseconds below which this share lies, to about six percent; None without rows."""
    total = counts.sum()
    if total <= 0:
        return None
    cumulative = np.cumsum(counts)
    cell = min(int(np.searchsorted(cumulative, share * total)), LATENCY_CELLS - 1)
    before = cumulative[cell - 1] if cell else 0.0
    inside = (share * total - before) / max(counts[cell], 1e-9)
    return float(LATENCY_LOWEST * 10 ** ((cell - 1 + min(max(inside, 0.0), 1.0)) / LATENCY_STEPS))
