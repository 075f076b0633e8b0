"""Columns of a frame as numbers, and cut into parts that can be named."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from mlsteward.answer import number
from mlsteward.data.frames import column_of
from mlsteward.evaluation.predictions import Floats, Integers

_DISTINCT_NUMBERS = 10


@dataclass(frozen=True)
class Parts:
    """A column cut into parts: `of_row` (n,) positions in `names`, -1 for rows in none of them."""

    column: str
    of_row: Integers
    names: list[str]


def as_numbers(column: pd.Series) -> pd.Series | None:
    """The column as float64 if it holds numbers, times (µs since 1970) or Booleans, else None."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("int64").where(column.notna()).astype("float64")
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    present = column.dropna()
    if len(present) and all(isinstance(value, bool | np.bool_) for value in present):
        return column.astype("float64")
    return None


def cut(frame: pd.DataFrame, name: str, *, bins: int = 5, categories: int = 10) -> Parts:
    """Cut a column of n rows into at most `bins` ranges of about equal size, or its commonest `categories`.

    Missing values are a part of their own; rarer categories are in none. Numbers with at most 10 distinct values are
    taken as categories.
    """
    column = column_of(frame, name)
    numbers = as_numbers(column)
    is_time = pd.api.types.is_datetime64_any_dtype(column)
    if numbers is not None and (is_time or numbers.nunique() > _DISTINCT_NUMBERS):
        of_row, names = _ranges(name, numbers.to_numpy(), bins, is_time=is_time)
    else:
        values = column.astype(object)
        common = values.value_counts().index[:categories]
        of_row = pd.Index(common).get_indexer(values.to_numpy())
        names = [f"{name} = {_text(value)}" for value in common]
    missing = column.isna().to_numpy()
    of_row = np.where(missing, -1, of_row)
    if missing.any():
        of_row = np.where(missing, len(names), of_row)
        names = [*names, f"{name} missing"]
    return Parts(name, of_row.astype(np.int64), names)


def _ranges(name: str, values: Floats, bins: int, *, is_time: bool) -> tuple[Integers, list[str]]:
    present = values[~np.isnan(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    edges = edges[edges > present.min()]
    shown = [str(np.datetime64(int(edge), "us"))[:10] if is_time else number(float(edge)) for edge in edges]
    if not shown:
        return np.zeros(len(values), dtype=np.int64), [f"any {name}"]
    middle = [f"{low} ≤ {name} < {high}" for low, high in pairwise(shown)]
    names = [f"{name} < {shown[0]}", *middle, f"{name} ≥ {shown[-1]}"]
    return np.searchsorted(edges, values, side="right").astype(np.int64), names


def _text(value: object) -> str:
    text = number(float(value)) if isinstance(value, float | np.floating) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
