"""Resampling of independent units: which rows move together, and how often each block is drawn."""

import numpy as np

from mlsteward.evaluation.predictions import Floats, Integers
from mlsteward.evaluation.summaries import Blocks

BLOCK_LIMIT = 1000
RESAMPLES = 1000


def group_units(units: Integers | None, rows: int, seed: int) -> tuple[Blocks, int]:
    """The blocks that are resampled and the number of independent units behind them.

    `units` (n,) numbers rows that depend on each other alike (a group, a day); None means that rows are independent.
    Above 1,000 units, units are put together at random into 1,000 blocks, which leaves the variance of a smooth
    statistic unchanged in expectation (random groups: Wolter 2007, *Introduction to Variance Estimation*, ch. 2).
    """
    of_row = np.arange(rows) if units is None else np.unique(units, return_inverse=True)[1]
    count = int(of_row.max()) + 1 if rows else 0
    if count <= BLOCK_LIMIT:
        return Blocks(of_row.astype(np.int64), count), count
    block_of_unit = np.random.default_rng(seed).permutation(count) % BLOCK_LIMIT
    return Blocks(block_of_unit[of_row].astype(np.int64), BLOCK_LIMIT), count


def draw_counts(blocks: int, resamples: int, seed: int) -> Floats:
    """(resamples, blocks): how often each block is drawn, with replacement, in each resample (Efron 1979)."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).astype(np.float64)
