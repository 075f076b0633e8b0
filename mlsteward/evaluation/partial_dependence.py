"""How the mean prediction moves with one column. Only worker code imports this."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mlsteward.answer import number
from mlsteward.data.frames import column_of, spread
from mlsteward.evaluation.columns import as_numbers
from mlsteward.evaluation.curve import Curve, CurvePoint
from mlsteward.evaluation.importance import near_copies
from mlsteward.evaluation.predictions import Floats, Integers

POINTS = 10
_ROWS = 300
_COPY_ROWS = 1000
# Beyond these shares of the rows a number is too rare to stand for anything.
_TAIL = 0.02


def partial_dependence(
    scores: Callable[[pd.DataFrame], Floats],
    frame: pd.DataFrame,
    column: str,
    *,
    classes: Sequence[str],
    points: int = POINTS,
) -> Curve:
    """The mean prediction of at most 300 rows of `frame`, evenly spread, with `column` set to each of `points` values.

    Partial dependence (Friedman 2001, *Greedy Function Approximation*, §8.2), with the range of the single rows'
    curves (Goldstein et al. 2015, *Peeking Inside the Black Box*), and for each point how many of the n rows are
    nearest to it: where there are few, the curve is the model's guess. Numbers and times are set to quantiles of
    theirs, other columns to their commonest values, and to missing where values are. Near-copies of the column take
    the values they have in a row with that value, so that no row is asked about that cannot be. `scores` gives (n, k)
    probabilities, or (n, 1) predictions of a regression (`classes` empty); of two classes the second is told, of more
    the one that moves most.
    """
    donors, labels, counts, ordered = _grid(column_of(frame, column), points)
    group = next(one for one in near_copies(spread(frame, _COPY_ROWS)) if column in one)
    sample = spread(frame, _ROWS).reset_index(drop=True)
    rows = len(sample)
    asked = pd.concat([sample] * len(donors), ignore_index=True)
    from_row = np.repeat(donors, rows)
    for name in group:
        asked[name] = column_of(frame, name).array[from_row]
    found = scores(asked).reshape(len(donors), rows, -1)
    means = found.mean(axis=1)
    output = 0 if not classes else 1 if len(classes) == 2 else int(np.ptp(means, axis=0).argmax())
    low, high = np.quantile(found[:, :, output], [0.1, 0.9], axis=1)
    return Curve(
        column=column,
        together=[name for name in group if name != column],
        outcome=classes[output] if classes else "",
        averaged=rows,
        ordered=ordered,
        points=[
            CurvePoint(
                at=label,
                rows=int(counts[place]),
                value=float(means[place, output]),
                low=float(low[place]),
                high=float(high[place]),
            )
            for place, label in enumerate(labels)
        ],
    )


def _grid(column: pd.Series, points: int) -> tuple[Integers, list[str], Integers, bool]:
    """A row that has each value of the grid, the values as text, how many rows are nearest, whether they lie in order.

    Missing values are the last point, where there are any.
    """
    numbers = as_numbers(column)
    present = np.flatnonzero(column.notna().to_numpy())
    ordered = numbers is not None and len(present) > 0
    if ordered and numbers is not None:
        values = numbers.to_numpy()[present]
        grid = _quantiles(values, points)
        cuts = (grid[1:] + grid[:-1]) / 2
        place = np.searchsorted(cuts, values, side="left")
        labels = [_label(column.iloc[present[np.flatnonzero(values == value)[0]]]) for value in grid]
        first = [int(np.flatnonzero(values == value)[0]) for value in grid]
    else:
        texts = column.iloc[present].astype(str)
        common = [str(value) for value in texts.value_counts().index[:points]]
        place = pd.Index(common).get_indexer(texts.to_numpy())
        labels = common
        first = [int(np.flatnonzero(place == position)[0]) for position in range(len(common))]
    counts = np.bincount(place[place >= 0], minlength=len(labels)).astype(np.int64)
    donors = present[np.array(first, dtype=np.int64)]
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        donors, counts = np.append(donors, missing[0]), np.append(counts, len(missing))
        labels = [*labels, "missing"]
    return donors.astype(np.int64), labels, counts, ordered


def _quantiles(values: Floats, points: int) -> Floats:
    """(g,) ascending values that occur: all of them, or quantiles."""
    distinct = np.unique(values)
    if len(distinct) <= points:
        return distinct
    return np.unique(np.quantile(values, np.linspace(_TAIL, 1 - _TAIL, points), method="nearest"))


def _label(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    if isinstance(value, bool | np.bool_):
        return str(value)
    return number(float(value)) if isinstance(value, int | float | np.number) else str(value)
