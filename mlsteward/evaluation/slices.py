"""Where a model is worse than elsewhere: slices of one and two columns, searched in DuckDB."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from mlsteward.evaluation.columns import Parts
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.evaluation.predictions import Floats, Integers, Predictions
from mlsteward.evaluation.summaries import encode

if TYPE_CHECKING:
    import duckdb

MINIMUM_ROWS = 30
_MINIMUM_SHARE = 0.01
_PAIRED_COLUMNS = 10
_SAME_ROWS = 0.6
_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Slice:
    """Rows that meet all `conditions`; losses are means, `parent_loss` that of the worst slice they lie in.

    `low` and `high` bound `loss` at 95 %; `p` is adjusted for the number of slices searched.
    """

    conditions: list[str]
    rows: int
    units: int
    loss: float
    low: float
    high: float
    parent_loss: float
    p: float

    @property
    def gain(self) -> float:
        """By how much the loss exceeds that of the parent."""
        return self.loss - self.parent_loss


@dataclass(frozen=True)
class SliceSearch:
    """The slices that are worse beyond chance, the largest gain first, and how many were looked at."""

    found: list[Slice]
    searched: int
    loss: float
    loss_name: str


@dataclass(frozen=True)
class _Candidate:
    """Sums over the units of a slice; `cells` are (position of the column, part) pairs."""

    cells: tuple[tuple[int, int], ...]
    rows: int
    units: int
    loss: float
    error: float


def row_losses(task: Task, truth: np.ndarray, predictions: Predictions) -> tuple[Floats, str]:
    """(n,) losses that can be averaged over any rows, and their name.

    Log loss with probabilities, 1 for a wrong label without, absolute error in the target's unit for regression.
    """
    if task == "regression":
        return np.abs(truth.astype(np.float64) - predictions.labels.astype(np.float64)), "mean absolute error"
    if predictions.scores is None:
        return (truth.astype(str) != predictions.labels.astype(str)).astype(np.float64), "error rate"
    codes = encode(truth, predictions.classes)
    given = np.maximum(predictions.scores[np.arange(len(codes)), codes], _SMALLEST_PROBABILITY)
    return -np.log(given), "log loss"


def find_slices(
    connection: "duckdb.DuckDBPyConnection",
    columns: Sequence[Parts],
    losses: Floats,
    *,
    loss_name: str = "loss",
    units: Integers | None = None,
    weights: Floats | None = None,
    limit: int = 5,
    level: float = 0.05,
) -> SliceSearch:
    """Search all slices of one column, and of two among the ten columns that tell most, for a higher mean loss.

    A slice has at least 30 rows and 1 % of the n rows, and 8 independent units. Its loss is held against that of the
    worst slice it lies in (*gain over the parent*), with an error that resampled units would show (a linearised
    cluster variance, Binder 1983), one-sided, and adjusted for all slices searched (Benjamini & Hochberg 1995). After
    Chung et al. 2020, *Automated Data Slicing for Model Validation*. Of slices of mostly the same rows the first stays.
    """
    weight = np.ones(len(losses)) if weights is None else weights
    table = pd.DataFrame({f"c{index}": parts.of_row for index, parts in enumerate(columns)})
    table["unit"] = np.arange(len(losses)) if units is None else units
    table["n"], table["s"] = weight, weight * losses
    connection.register("scored_rows", table)
    minimum = max(MINIMUM_ROWS, int(np.ceil(_MINIMUM_SHARE * len(losses))))
    by_unit = units is not None
    overall = float(np.average(losses, weights=weight)) if len(losses) else 0.0
    singles = [
        candidate
        for index in range(len(columns))
        for candidate in _candidates(connection, (index,), minimum, by_unit=by_unit)
    ]
    pairs = [
        candidate
        for chosen in combinations(_telling_columns(singles, overall), 2)
        for candidate in _candidates(connection, chosen, minimum, by_unit=by_unit)
    ]
    connection.unregister("scored_rows")
    known = {candidate.cells[0]: candidate.loss for candidate in singles}
    judged = [
        (one, max([overall, *(known.get(cell, overall) for cell in one.cells if len(one.cells) > 1)]))
        for one in [*singles, *pairs]
    ]
    significant = _significant(judged, level)
    kept = list(_apart(sorted(significant, key=lambda item: item[1] - item[0].loss), columns, limit))
    found = [_slice(candidate, parent, p, columns) for candidate, parent, p in kept]
    return SliceSearch(found, len(judged), overall, loss_name)


def _candidates(
    connection: "duckdb.DuckDBPyConnection", chosen: tuple[int, ...], minimum: int, *, by_unit: bool
) -> Iterator[_Candidate]:
    names = [f"c{index}" for index in chosen]
    listed, inside = ", ".join(names), " AND ".join(f"{name} >= 0" for name in names)
    source = (
        f"SELECT {listed}, sum(s) AS s, sum(n) AS n, count(*) AS rows FROM scored_rows WHERE {inside}"
        f" GROUP BY {listed}, unit"
        if by_unit
        else f"SELECT {listed}, s, n, 1 AS rows FROM scored_rows WHERE {inside}"
    )
    found = connection.execute(
        f"SELECT {listed}, sum(rows), count(*), sum(s), sum(n), sum(s * s), sum(s * n), sum(n * n) FROM ({source})"
        f" GROUP BY {listed} HAVING sum(rows) >= ? AND count(*) >= ? AND sum(n) > 0 ORDER BY {listed}",
        [minimum, MINIMUM_UNITS],
    ).fetchall()
    for row in found:
        parts, (rows, units, s, n, ss, sn, nn) = row[: len(chosen)], row[len(chosen) :]
        loss = s / n
        variance = max(ss - 2 * loss * sn + loss**2 * nn, 0.0) / n**2 * units / (units - 1)
        yield _Candidate(tuple(zip(chosen, parts, strict=True)), int(rows), int(units), loss, float(np.sqrt(variance)))


def _telling_columns(singles: Sequence[_Candidate], overall: float) -> list[int]:
    """The columns whose slices differ most clearly from all rows, at most ten, in their order."""
    best: dict[int, float] = {}
    for candidate in singles:
        column = candidate.cells[0][0]
        clearness = abs(candidate.loss - overall) / max(candidate.error, 1e-12)
        best[column] = max(best.get(column, 0.0), clearness)
    return sorted(sorted(best, key=lambda column: -best[column])[:_PAIRED_COLUMNS])


def _significant(judged: Sequence[tuple[_Candidate, float]], level: float) -> list[tuple[_Candidate, float, float]]:
    if not judged:
        return []
    gains = np.array([one.loss - parent for one, parent in judged])
    errors = np.array([max(one.error, 1e-12) for one, _ in judged])
    freedom = np.array([one.units - 1 for one, _ in judged], dtype=np.float64)
    adjusted = _benjamini_hochberg(1 - special.stdtr(freedom, gains / errors))
    return [(*item, float(p)) for item, p, gain in zip(judged, adjusted, gains, strict=True) if p <= level and gain > 0]


def _benjamini_hochberg(p: Floats) -> Floats:
    """(m,) p-values adjusted for a false discovery rate."""
    order = np.argsort(p)[::-1]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1.0)


def _apart(
    ranked: Sequence[tuple[_Candidate, float, float]], columns: Sequence[Parts], limit: int
) -> Iterator[tuple[_Candidate, float, float]]:
    kept: list[np.ndarray] = []
    for item in ranked:
        rows = np.logical_and.reduce([columns[index].of_row == part for index, part in item[0].cells])
        if any((rows & other).sum() > _SAME_ROWS * (rows | other).sum() for other in kept):
            continue
        kept.append(rows)
        yield item
        if len(kept) == limit:
            return


def _slice(candidate: _Candidate, parent: float, p: float, columns: Sequence[Parts]) -> Slice:
    margin = float(special.stdtrit(candidate.units - 1, 0.975)) * candidate.error
    return Slice(
        conditions=[columns[index].names[part] for index, part in candidate.cells],
        rows=candidate.rows,
        units=candidate.units,
        loss=candidate.loss,
        low=max(candidate.loss - margin, 0.0),
        high=candidate.loss + margin,
        parent_loss=parent,
        p=p,
    )
