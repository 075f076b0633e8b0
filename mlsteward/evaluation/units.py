"""What is independent in a table: the units that intervals resample."""

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.evaluation.predictions import Integers

_BLOCKS = 30
_SECONDS = (("day", 86_400), ("hour", 3_600))


def independent_units(frame: pd.DataFrame, kind: str, column: str) -> tuple[Integers | None, str]:
    """(n,) numbers of the independent units of n rows, None for the rows themselves, and what a unit is.

    By `kind` of the model's split: "time" gives days, hours where there are fewer than 8 days, else 30 blocks of rows
    in order of time; "group" the values of `column`; anything else, or a `column` that the frame lacks, the rows.
    Rows without a value are units of their own.
    """
    if kind not in ("time", "group") or column not in frame.columns or not len(frame):
        return None, "row"
    values = column_of(frame, column)
    missing = values.isna().to_numpy()
    if kind == "group" or not pd.api.types.is_datetime64_any_dtype(values):
        return _apart(pd.factorize(values)[0].astype(np.int64), missing), "group"
    seconds = values.to_numpy(dtype="datetime64[s]").astype(np.int64)
    for unit, length in _SECONDS:
        numbers = seconds // length
        if len(np.unique(numbers[~missing])) >= MINIMUM_UNITS:
            return _apart(np.unique(numbers, return_inverse=True)[1].astype(np.int64), missing), unit
    place = np.searchsorted(np.sort(seconds), seconds, side="left")
    return _apart(place * _BLOCKS // len(seconds), missing), "block"


def _apart(numbers: Integers, missing: np.ndarray) -> Integers:
    """`numbers` with one of its own for each row that is missing."""
    own = numbers.max() + 1 + np.arange(int(missing.sum()))
    result = numbers.copy()
    result[missing] = own
    return result
