"""Simulated tables of 20 columns for the drift benchmarks: what a column of each kind looks like, shifted or not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlsteward.drift.checks import check_column
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Floats, Strings
from mlsteward.drift.report import ColumnReport, Verdict
from mlsteward.drift.verdict import column_reports, judge, overall

Array = NDArray[np.float64]
Draw = Callable[[Generator, int, bool], Array]
"""From a random generator, a number of rows and whether the column is shifted to the values."""


def normal(random: Generator, rows: int, shifted: bool) -> Array:
    return random.normal(0.2 if shifted else 0.0, 1, rows)


def uniform(random: Generator, rows: int, shifted: bool) -> Array:
    return random.uniform(0, 1, rows) + (0.2 / np.sqrt(12) if shifted else 0)


def lognormal(random: Generator, rows: int, shifted: bool) -> Array:
    return np.exp(normal(random, rows, shifted))


def exponential(random: Generator, rows: int, shifted: bool) -> Array:
    return random.exponential(1.0, rows) + (0.2 if shifted else 0)


def heavy_tailed(random: Generator, rows: int, shifted: bool) -> Array:
    return random.standard_t(3, rows) + (0.2 * np.sqrt(3) if shifted else 0)


def poisson(rate: float) -> Draw:
    return lambda random, rows, shifted: random.poisson(rate + (0.2 * np.sqrt(rate) if shifted else 0), rows).astype(
        np.float64
    )


def five_point_scale(random: Generator, rows: int, shifted: bool) -> Array:
    return np.digitize(normal(random, rows, shifted), [-1.2, -0.4, 0.4, 1.2]).astype(np.float64)


def rounded(random: Generator, rows: int, shifted: bool) -> Array:
    return np.round(normal(random, rows, shifted) * 2)


def tenths(random: Generator, rows: int, shifted: bool) -> Array:
    return np.round(uniform(random, rows, shifted), 1)


def zipf(levels: int) -> Draw:
    """Shares that fall like 1 / rank; shifted, the most frequent levels lose 0.15 to the others."""
    shares = 1 / np.arange(1, levels + 1)
    return _categories(shares / shares.sum())


def even(levels: int) -> Draw:
    return _categories(np.full(levels, 1 / levels))


def two_classes(rate: float) -> Draw:
    return _categories(np.array([1 - rate, rate]))


def _categories(shares: Array) -> Draw:
    order = np.argsort(-shares, kind="stable")
    first = order[: max(1, len(shares) // 2)]
    second = order[len(first) :]
    moved = min(0.15, 0.9 * float(shares[first].sum()))
    after = shares.copy()
    after[first] -= moved * shares[first] / shares[first].sum()
    after[second] += moved / len(second)
    return lambda random, rows, shifted: random.choice(len(shares), rows, p=after if shifted else shares).astype(
        np.float64
    )


@dataclass(frozen=True)
class Column:
    name: str
    draw: Draw
    categorical: bool = False
    nulls: float = 0.0


COLUMNS = [
    Column("normal", normal),
    Column("normal_nulls", normal, nulls=0.1),
    Column("uniform", uniform),
    Column("lognormal", lognormal),
    Column("exponential", exponential),
    Column("heavy_tailed", heavy_tailed),
    Column("normal_2", normal),
    Column("normal_few_nulls", normal, nulls=0.003),
    Column("poisson_half", poisson(0.5)),
    Column("poisson_three", poisson(3)),
    Column("five_point_scale", five_point_scale),
    Column("rounded", rounded),
    Column("tenths", tenths),
    Column("three_levels", even(3), categorical=True),
    Column("ten_levels", zipf(10), categorical=True),
    Column("forty_levels", even(40), categorical=True),
    Column("zipf_nulls", zipf(20), categorical=True, nulls=0.05),
    Column("long_tail", zipf(200), categorical=True),
    Column("fair", two_classes(0.5), categorical=True),
    Column("rare", two_classes(0.02), categorical=True),
]
DISCRETE = ["poisson_half", "poisson_three", "five_point_scale", "rounded", "tenths"]


def count_values(reference: Floats, current: Floats) -> CountedValues:
    """The counted form of two arrays of finite numbers."""
    values, places = np.unique(np.concatenate([reference, current]), return_inverse=True)
    first = np.bincount(places[: len(reference)], minlength=len(values))
    second = np.bincount(places[len(reference) :], minlength=len(values))
    return CountedValues(values, first.astype(np.int64), second.astype(np.int64))


def count_categories(reference: Strings, current: Strings) -> CountedCategories:
    """The counted form of two arrays of category names."""
    names, places = np.unique(np.concatenate([reference, current]).astype(str), return_inverse=True)
    first = np.bincount(places[: len(reference)], minlength=len(names)).astype(np.int64)
    second = np.bincount(places[len(reference) :], minlength=len(names)).astype(np.int64)
    order = np.lexsort((names, -first))
    sizes, categories = np.unique(first + second, return_counts=True)
    return CountedCategories(
        categories=names[order].astype(object),
        reference=first[order],
        current=second[order],
        spread=tuple(zip(sizes.tolist(), categories.tolist(), strict=True)),
        unseen_current=int(second[first == 0].sum()),
    )


def counted(column: Column, random: Generator, rows: int, current_rows: int, *, shifted: bool) -> ColumnCounts:
    """The counts of a column drawn anew for both samples."""
    first, second = column.draw(random, rows, False), column.draw(random, current_rows, shifted)
    kept = [values[random.random(len(values)) >= column.nulls] for values in (first, second)]
    return ColumnCounts(
        name=column.name,
        rows=rows,
        current_rows=current_rows,
        nulls=rows - len(kept[0]),
        current_nulls=current_rows - len(kept[1]),
        values=None if column.categorical else count_values(kept[0], kept[1]),
        categories=count_categories(kept[0].astype(object), kept[1].astype(object)) if column.categorical else None,
    )


def trial(random: Generator, rows: int, current_rows: int, shifted: str = "") -> tuple[Verdict, list[ColumnReport]]:
    """The verdict on a table and its columns, through the code that decides in `check_drift`."""
    evidence = [
        found
        for column in COLUMNS
        for found in check_column(counted(column, random, rows, current_rows, shifted=column.name == shifted))
    ]
    reports = column_reports(judge(evidence), {})
    return overall(reports, []), reports
