"""Which rows test the model, and which belong together.

A row is test when the hash of what identifies it (its key, else its group, else the row itself) falls into the first
`test_size` of the range. The hash is salted by the dataset's family and the target and knows nothing of the run's
seed, so that a row once held out stays held out. Under a time split the newest rows test instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.answer import counted
from mlsteward.errors import UnusableData

_FEWEST_TEST = 10
_FEWEST_TRAIN = 20
_FEWEST_UNITS = 8
_BLOCKS = 30
_DAY = 86_400

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class SplitPlan:
    """Test rows and independent units of n rows.

    `unit` names what is independent ("day", "block", "group" or "row"); `units` (n,) numbers it; `order` (n,) are
    seconds under a time split, else None. `words` say in one sentence how the rows were split and why.
    """

    kind: str
    column: str
    test: NDArray[np.bool_]
    units: Codes
    unit: str
    words: str
    order: NDArray[np.float64] | None = None
    notes: list[str] = field(default_factory=list[str])


def split_by_hash(
    share: NDArray[np.float64], identity: NDArray[np.uint64], *, test_size: float, kind: str, column: str, words: str
) -> SplitPlan:
    """Rows whose `share` (n,) in [0, 1) is below `test_size` test; rows of one `identity` (n,) belong together."""
    units = np.unique(identity, return_inverse=True)[1].astype(np.int64)
    return _checked(SplitPlan(kind, column, share < test_size, units, "group" if kind == "group" else "row", words))


def split_by_time(times: pd.Series, *, test_size: float, column: str, why: str = "") -> SplitPlan:
    """The newest `test_size` of the rows test, cut between days (or blocks of rows, when there are few days).

    Rows without a time are training rows.
    """
    stamps = times.to_numpy(dtype="datetime64[us]")
    missing = np.isnat(stamps)
    order = np.where(missing, np.nan, stamps.astype(np.int64) / 1e6)
    if missing.all() or np.nanmin(order) == np.nanmax(order):
        raise UnusableData(f"`{column}` has one time at most: the rows cannot be split by it.")
    units, unit = _time_units(order, test_size)
    cut = _cut(units[~missing], test_size)
    test = (units >= cut) & ~missing
    start = np.datetime64(int(np.nanmin(order[test])), "s") if test.any() else "?"
    days = len(np.unique(units[test]))
    words = f"split by time: rows from {str(start).replace('T', ' ')} on (`{column}`) test, {counted(days, unit)}{why}"
    notes = [f"{int(missing.sum()):,} rows have no `{column}` and train only."] if missing.any() else []
    return _checked(SplitPlan("time", column, test, units, unit, words, order, notes))


def _time_units(order: NDArray[np.float64], test_size: float) -> tuple[Codes, str]:
    """Days where the test rows span enough of them, else hours, else blocks of rows in order of time."""
    filled = np.where(np.isnan(order), np.nanmin(order), order)
    for seconds, unit in ((_DAY, "day"), (3600, "hour")):
        units = np.floor(filled / seconds).astype(np.int64)
        cut = _cut(units, test_size)
        if len(np.unique(units[units >= cut])) >= _FEWEST_UNITS:
            return units, unit
    # A block holds all rows of an instant, so that no instant is cut in two.
    place = np.searchsorted(np.sort(filled), filled, side="left")
    blocks = max(2, min(round(_BLOCKS / test_size), len(filled) // 5))
    return (place * blocks // len(filled)).astype(np.int64), "block"


def _cut(units: Codes, test_size: float) -> int:
    """The first unit of the test rows: the cut whose share of rows comes closest to `test_size`."""
    values, counts = np.unique(units, return_counts=True)
    shares = np.cumsum(counts[::-1])[::-1] / counts.sum()
    return int(values[1:][np.argmin(np.abs(shares[1:] - test_size))]) if len(values) > 1 else int(values[0])


def _checked(plan: SplitPlan) -> SplitPlan:
    test, train = int(plan.test.sum()), int((~plan.test).sum())
    if test < _FEWEST_TEST or train < _FEWEST_TRAIN:
        raise UnusableData(
            f"The split leaves {train} rows to train on and {test} to test on; {_FEWEST_TRAIN} and {_FEWEST_TEST} are "
            "needed. Change test_size, split or the dataset."
        )
    if plan.unit != "row" and len(np.unique(plan.units[~plan.test])) == 1:
        note = f"All training rows are of one {plan.unit}, so they were cross-validated row by row."
        return replace(plan, notes=[*plan.notes, note])
    return plan


def assign_folds(plan: SplitPlan, codes: Codes | None, *, folds: int, seed: int) -> Codes:
    """(m,) the fold of each training row, 0 to `folds` - 1.

    By time: contiguous blocks of units (blocked cross-validation, Bergmeir & Benítez 2012). Else whole units are
    dealt at random, stratified by class `codes` (m,). Rows of one unit alone are dealt one by one.
    """
    units = plan.units[~plan.test]
    if (units == units[0]).all():
        return deal_folds(np.arange(len(units)), codes, folds=folds, seed=seed)
    if plan.order is not None:
        ranks = np.unique(units, return_inverse=True)[1]
        position = np.cumsum(np.bincount(ranks)) - np.bincount(ranks) / 2
        return np.minimum(position[ranks] * folds // len(units), folds - 1).astype(np.int64)
    return deal_folds(units, codes, folds=folds, seed=seed)


def deal_folds(units: Codes, codes: Codes | None, *, folds: int, seed: int) -> Codes:
    """(m,) folds: units in random order, dealt in turn within each class (of the unit's first row)."""
    _, first, inverse = np.unique(units, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    if codes is not None:
        order = order[np.argsort(codes[first][order], kind="stable")]
    fold_of_unit = np.empty(len(first), dtype=np.int64)
    fold_of_unit[order] = np.arange(len(first)) % folds
    return fold_of_unit[inverse]


def check_classes(plan: SplitPlan, codes: Codes, classes: Sequence[str]) -> list[str]:
    """Notes on classes missing from the test rows; UnusableData when the training rows lack one or hold one alone."""
    lacking = [name for k, name in enumerate(classes) if not np.any(codes[~plan.test] == k)]
    if lacking:
        raise UnusableData(
            f"The training rows hold no {', '.join(lacking)}: {plan.words}. Use split='row', or other rows.",
            next='train_model(dataset=…, target=…, split="row")',
        )
    unseen = [name for k, name in enumerate(classes) if not np.any(codes[plan.test] == k)]
    return [f"The test rows hold no {', '.join(unseen)}, so nothing is known of how well it is told."] if unseen else []
