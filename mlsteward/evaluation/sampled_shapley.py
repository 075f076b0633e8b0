"""Shapley values of any model, estimated from sampled orders of its columns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.evaluation.predictions import Floats, Integers


@dataclass(frozen=True)
class SampledShares:
    """(d,) shares of the columns with their standard errors; they sum to the prediction less `base`."""

    shares: Floats
    errors: Floats
    base: float


def sampled_shapley(
    predict: Callable[[pd.DataFrame], Floats], row: pd.DataFrame, background: pd.DataFrame, *, orders: int, seed: int
) -> SampledShares:
    """Shapley values of the d columns of `row` (one row) for `predict`, which gives one number per row of a frame.

    Columns are moved from a background row to the explained row in a random order and what each move changes is its
    share (Štrumbelj & Kononenko 2014, *Explaining prediction models and individual predictions with feature
    contributions*). Each order is also walked backwards, which cancels much of the noise (Mitchell et al. 2022).
    Background rows are used in turn. `orders` is made even; d + 1 predictions are made for each.
    """
    generator = np.random.default_rng(seed)
    columns = [str(name) for name in background.columns]
    d, pairs = len(columns), max(2, orders // 2)
    forward = np.array([generator.permutation(d) for _ in range(pairs)])
    walks = np.concatenate([forward, forward[:, ::-1]])
    turns = generator.permutation(len(background))[np.arange(pairs) % len(background)]
    values = predict(_mixtures(row, background, walks, np.tile(turns, 2))).reshape(2 * pairs, d + 1)
    shares = np.empty((2 * pairs, d))
    np.put_along_axis(shares, walks, np.diff(values, axis=1), axis=1)
    by_pair = (shares[:pairs] + shares[pairs:]) / 2
    return SampledShares(
        shares=by_pair.mean(axis=0),
        errors=by_pair.std(axis=0, ddof=1) / np.sqrt(pairs),
        base=float(values[:, 0].mean()),
    )


def _mixtures(row: pd.DataFrame, background: pd.DataFrame, walks: Integers, turns: Integers) -> pd.DataFrame:
    """The rows met on each walk: first all background, then one more column of `row` at each step."""
    walked, d = walks.shape
    step = np.empty_like(walks)
    np.put_along_axis(step, walks, np.broadcast_to(np.arange(d), walks.shape), axis=1)
    moved = np.arange(d + 1)[None, :, None] > step[:, None, :]
    source = np.where(moved, 0, turns[:, None, None] + 1).reshape(walked * (d + 1), d)
    both = {str(name): [column_of(row, str(name)), column_of(background, str(name))] for name in background.columns}
    mixed = {name: _joined(*parts).array[source[:, place]] for place, (name, parts) in enumerate(both.items())}
    return pd.DataFrame(mixed)


def _joined(one: pd.Series, many: pd.Series) -> pd.Series:
    """The explained value, then the background's, in the background's type (a missing whole number makes floats)."""
    values = many.astype("float64") if many.dtype.kind in "iu" else many
    return pd.Series([one.iloc[0], *values], dtype=values.dtype)
