"""What DuckDB counts, against numpy on the same values."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.drift_samples import count_categories, count_values
from mlsteward.data.engine import connect
from mlsteward.drift import numeric, sql
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.grid import Grid
from mlsteward.drift.sql import GRID_CELLS, Pair, Sample
from tests.drift_tables import write_table

random = np.random.default_rng(12)
NUMBER = ComparedColumn(name="x", kind="number")
CATEGORY = ComparedColumn(name="x", kind="category")


def pair_of(folder: Path, first: np.ndarray, second: np.ndarray, block: str = "0") -> Pair:
    samples = [
        Sample(
            path=str(write_table(folder / f"{name}.parquet", {"x": values, "b": np.arange(len(values)) % 5})),
            block=block,
        )
        for name, values in (("first", first), ("second", second))
    ]
    return Pair(samples[0], samples[1], len(first), len(second))


def test_small_tables_are_counted_value_by_value(tmp_path: Path) -> None:
    first, second = random.poisson(3, 500), random.poisson(4, 400)
    with connect(threads=1) as connection:
        counts, _ = sql.count_column(connection, pair_of(tmp_path, first, second), NUMBER, Grid())
    expected = count_values(first.astype(float), second.astype(float))
    assert counts.values is not None
    for found, known in zip(vars(counts.values).values(), vars(expected).values(), strict=True):
        np.testing.assert_array_equal(found, known)


@pytest.mark.parametrize("draw", ["normal", "lognormal", "mixed"])
def test_bins_of_large_tables_give_nearly_the_same_statistics(tmp_path: Path, draw: str) -> None:
    first, second = random.normal(size=150_000), random.normal(0.05, size=120_000)
    if draw == "lognormal":
        first, second = np.exp(3 * first), np.exp(3 * second)
    if draw == "mixed":
        first[:50_000] = 0
        second[:50_000] = 0
    exact = count_values(first, second)
    with connect(threads=1) as connection:
        pair = pair_of(tmp_path, first, second)
        grid = sql.choose_grids(connection, pair, [NUMBER], {"x": "DOUBLE"})["x"]
        counts, _ = sql.count_column(connection, pair, NUMBER, grid)
    cells = counts.values
    assert cells is not None and len(cells.values) < 1.2 * GRID_CELLS
    assert cells.sizes() == (150_000, 120_000)
    assert numeric.wasserstein_in_sd(cells) == pytest.approx(numeric.wasserstein_in_sd(exact), rel=0.03)
    assert numeric.wasserstein_in_ranks(cells) == pytest.approx(numeric.wasserstein_in_ranks(exact), rel=0.03)
    both = [numeric.mann_whitney(known.reference, known.current) for known in (cells, exact)]
    assert np.log(both[0]) == pytest.approx(np.log(both[1]), rel=0.05)


def test_nulls_and_values_that_are_not_finite_are_counted_apart(tmp_path: Path) -> None:
    first, second = np.array([1.0, np.nan, 2.0]), np.array([np.inf, 3.0, np.nan, -np.inf])
    with connect(threads=1) as connection:
        counts, _ = sql.count_column(connection, pair_of(tmp_path, first, second), NUMBER, Grid())
    assert (counts.nulls, counts.current_nulls) == (1, 3)
    assert counts.values is not None and counts.values.sizes() == (2, 1)


def test_categories_are_counted_with_their_spread(tmp_path: Path) -> None:
    first = np.asarray([*"aaab", None], dtype=object)
    second = np.asarray([*"abbcc"], dtype=object)
    with connect(threads=1) as connection:
        counts, _ = sql.count_column(connection, pair_of(tmp_path, first, second), CATEGORY, Grid())
    expected = count_categories(first[:4], second)
    assert counts.categories is not None
    assert counts.nulls == 1
    assert counts.categories.categories.tolist() == expected.categories.tolist()
    assert counts.categories.current.tolist() == expected.current.tolist()
    assert counts.categories.spread == expected.spread == ((2, 1), (3, 1), (4, 1))
    assert counts.categories.unseen_current == expected.unseen_current == 2


def test_many_categories_are_listed_up_to_a_limit_and_the_rest_is_counted(tmp_path: Path) -> None:
    first = np.asarray([f"k{place}" for place in random.integers(0, 3000, 6000)], dtype=object)
    second = np.append(first[:3000], np.full(500, "new"))
    with connect(threads=1) as connection:
        counts, _ = sql.count_column(connection, pair_of(tmp_path, first, second), CATEGORY, Grid())
    found = counts.categories
    assert found is not None and len(found.categories) <= 1020
    assert found.sizes() == (6000, 3500)
    assert "new" in found.categories.tolist()
    assert found.unseen_current == 500


def test_blocks_add_up_to_the_whole(tmp_path: Path) -> None:
    first, second = random.normal(size=600), random.normal(size=500)
    with connect(threads=1) as connection:
        pair = pair_of(tmp_path, first, second, block="b")
        counts, cells = sql.count_column(connection, pair, NUMBER, Grid())
        named = pair_of(
            tmp_path, first.round().astype(str).astype(object), second.round().astype(str).astype(object), "b"
        )
        categories, by_block = sql.count_column(connection, named, CATEGORY, Grid())
    assert counts.values is not None and categories.categories is not None
    for side, block in ((0, 0), (1, 3)):
        chosen = (cells.side == side) & (cells.block == block)
        values = np.repeat(counts.values.values[cells.place[chosen]], cells.rows[chosen])
        np.testing.assert_array_equal(np.sort(values), np.sort((first, second)[side][block::5]))
    assert int(by_block.rows.sum()) == 1100
    assert dict(by_block.spread)[10] >= 3
