"""Which rows of a table a model has not seen, found by hashes of their feature values."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def unseen_rows(features: Hashes, train: Hashes) -> NDArray[np.bool_]:
    """(n,) whether none of the training rows has the feature values of the row."""
    return ~np.isin(features, train)


def held_out_rows(
    features: Hashes, truth: NDArray[np.object_], test: Hashes, test_truth: NDArray[np.object_]
) -> NDArray[np.bool_]:
    """(n,) the held-out rows of the very table that a model was trained on.

    Rows of equal features and truth cannot be told apart and need not be: as many of them are taken, first come first,
    as were held out, which gives the same metrics. `truth` (n,) and `test_truth` (m,) are labels or numbers as text.
    """
    wanted = pd.DataFrame({"features": test, "truth": test_truth}).value_counts()
    rows = pd.DataFrame({"features": features, "truth": truth})
    rank = rows.groupby(["features", "truth"], sort=False, dropna=False).cumcount()
    allowed = pd.MultiIndex.from_frame(rows).map(wanted.to_dict()).to_numpy(dtype=np.float64, na_value=0.0)
    return (rank.to_numpy() < np.nan_to_num(allowed)).astype(np.bool_)


def tells_rows_apart(train: Hashes) -> bool:
    """Whether feature values identify a training row: at most half of them stand in another training row as well."""
    if not len(train):
        return True
    _, counts = np.unique(train, return_counts=True)
    return bool(counts[counts == 1].sum() >= len(train) / 2)
