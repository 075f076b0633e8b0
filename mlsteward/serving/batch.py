"""Scores for many rows: a model's own, and out-of-fold ones for rows that it was fitted on. Only worker code imports
this module."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.data.engine import connect, literal
from mlsteward.data.frames import column_of
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.labels import as_labels

Floats = NDArray[np.float64]
MOST_CLASSES = 20


@dataclass(frozen=True)
class FittedRows:
    """Out-of-fold scores of the rows that a model was fitted on, for each hash of feature values: `features` (m,)
    ascending, `scores` (m, k) class probabilities or (m, 1) predictions. Rows of equal features have their mean."""

    features: NDArray[np.uint64]
    scores: Floats

    def replace(self, features: NDArray[np.uint64], scores: Floats) -> NDArray[np.bool_]:
        """Write the out-of-fold scores over `scores` (n, k) of the rows that were fitted on; returns which (n,)."""
        if not len(self.features):
            return np.zeros(len(features), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.features, features), len(self.features) - 1)
        known = self.features[places] == features
        scores[known] = self.scores[places[known]]
        return known


def read_fitted(path: Path, bundle: ModelBundle) -> FittedRows:
    """The rows that a train run left in `train_predictions.parquet`."""
    names = [f"score_{place}" for place in range(len(bundle.classes))] or ["prediction"]
    means = ", ".join(f"avg({name}) AS {name}" for name in names)
    with connect(threads=1) as connection:
        found = connection.execute(
            f"SELECT features, {means} FROM read_parquet({literal(str(path))}) GROUP BY features ORDER BY features"
        ).fetchnumpy()
    scores = np.column_stack([np.asarray(found[name], dtype=np.float64) for name in names])
    return FittedRows(np.asarray(found["features"], dtype=np.uint64), scores)


def result_columns(bundle: ModelBundle, scores: Floats) -> pd.DataFrame:
    """What is said of n rows with `scores` (n, k): `prediction`; the probability of the positive class of two, of each
    of more, or with over 20 classes that of the predicted one; for regression the ends of the prediction interval."""
    if bundle.task == "regression":
        columns: dict[str, NDArray[Any]] = {"prediction": scores[:, 0]}
        if bundle.conformal is not None:
            columns["prediction_low"] = scores[:, 0] - bundle.conformal
            columns["prediction_high"] = scores[:, 0] + bundle.conformal
        return pd.DataFrame(columns)
    columns = {"prediction": bundle.labels_of(scores)}
    if len(bundle.classes) > MOST_CLASSES:
        columns["score"] = scores.max(axis=1)
    else:
        shown = [1] if len(bundle.classes) == 2 else range(len(bundle.classes))
        columns |= {f"score_{bundle.classes[place]}": scores[:, place] for place in shown}
    return pd.DataFrame(columns)


def column_words(bundle: ModelBundle, model: str) -> list[str]:
    """What each of `result_columns` means, for the data dictionary."""
    words = [f"{bundle.target}, as predicted by {model}."]
    if bundle.task == "regression":
        level = f"{bundle.conformal_level:.0%} prediction interval of {bundle.target}, by {model}."
        return words if bundle.conformal is None else [*words, f"Lower end of the {level}", f"Upper end of the {level}"]
    if len(bundle.classes) > MOST_CLASSES:
        return [*words, f"Probability of the predicted {bundle.target}, by {model}."]
    shown = bundle.classes[1:] if len(bundle.classes) == 2 else bundle.classes
    return [*words, *(f"Probability that {bundle.target} is {name}, by {model}." for name in shown)]


def ranks(bundle: ModelBundle, scores: Floats) -> Floats:
    """(n,) what rows are shown in the order of, highest first: the positive class's probability, with more classes
    that of the predicted one, the prediction of a regression."""
    return scores[:, 1] if len(bundle.classes) == 2 else scores.max(axis=1)


def free_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A name for each of `names` that no column of the table has, in any case: `prediction`, else `prediction_2`."""
    used = {name.casefold() for name in taken}
    free: dict[str, str] = {}
    for name in names:
        candidate, number = name, 2
        while candidate.casefold() in used:
            candidate, number = f"{name}_{number}", number + 1
        free[name] = candidate
        used.add(candidate.casefold())
    return free


def unseen_levels(bundle: ModelBundle, frame: pd.DataFrame) -> dict[str, int]:
    """How many of the rows have a category that training did not see, by column (those that have any)."""
    counts: dict[str, int] = {}
    for column in bundle.signature:
        if column.kind == "category" and 0 < column.distinct <= len(column.levels):
            labels = as_labels(column_of(frame, column.name))
            strange = int((pd.notna(labels) & ~np.isin(labels.astype(str), column.levels)).sum())
            if strange:
                counts[column.name] = strange
    return counts
