"""The whole of a fitted model, preprocessing included: what a model file holds. Only worker code imports this."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.errors import UnusableData
from mlsteward.evaluation.predictions import Predictions
from mlsteward.training.signature import SignatureColumn, Task

Floats = NDArray[np.float64]


class Member:
    """One pipeline of an ensemble: an encoder from frames to matrices, then an estimator."""

    def __init__(self, name: str, encoder: Any, estimator: Any, weight: float = 1.0) -> None:
        self.name = name
        self.encoder = encoder
        self.estimator = estimator
        self.weight = weight

    def scores(self, frame: pd.DataFrame, classes: int) -> Floats:
        """(n, k) probabilities in class order; for regression (`classes` 0) (n, 1) predictions."""
        matrix = self.encoder.transform(frame)
        if classes == 0:
            return np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(-1, 1)
        found = np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        known = np.asarray(self.estimator.classes_, dtype=np.int64)
        if len(known) == classes:
            return found
        placed = np.zeros((len(found), classes))
        placed[:, known] = found
        return placed


class ModelBundle:
    """A model of one target.

    `classes` are the labels as text, the positive one second of two, and empty for regression. `threshold` is the
    probability from which the positive class is predicted (two classes only). `conformal` is the half-width of the
    prediction interval at `conformal_level`, None for classification. `members` are averaged by weight.
    """

    def __init__(
        self,
        *,
        task: Task,
        target: str,
        classes: Sequence[str],
        signature: Sequence[SignatureColumn],
        members: Sequence[Member],
        threshold: float = 0.5,
        conformal: float | None = None,
        conformal_level: float = 0.9,
    ) -> None:
        self.task: Task = task
        self.target = target
        self.classes = list(classes)
        self.columns = [column.model_dump() for column in signature]
        self.members = list(members)
        self.threshold = threshold
        self.conformal = conformal
        self.conformal_level = conformal_level

    @property
    def signature(self) -> list[SignatureColumn]:
        return [SignatureColumn.model_validate(column) for column in self.columns]

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predictions for the rows of `frame` (columns as `data.frames.read_frame` gives them; others are ignored).

        Raises UnusableData when a column of the signature is missing.
        """
        scores = self.raw_scores(frame)
        if self.task == "regression":
            return Predictions(labels=scores[:, 0])
        return Predictions(labels=self.labels_of(scores), scores=scores, classes=list(self.classes))

    def raw_scores(self, frame: pd.DataFrame) -> Floats:
        """(n, k) class probabilities, or (n, 1) predictions of a regression: the members' weighted mean."""
        missing = [column["name"] for column in self.columns if column["name"] not in frame.columns]
        if missing:
            raise UnusableData(f"The rows lack the model's columns {', '.join(missing)}.")
        total = sum(member.weight for member in self.members)
        with warnings.catch_warnings():
            # Unseen categories are allowed; the tools say where there are any.
            warnings.filterwarnings("ignore", "Found unknown categories", UserWarning, "sklearn")
            parts = [member.scores(frame, len(self.classes)) * (member.weight / total) for member in self.members]
        return np.sum(parts, axis=0)

    def labels_of(self, scores: Floats) -> NDArray[np.object_]:
        """The predicted label of each row of class probabilities."""
        return decide(scores, self.classes, self.threshold)


def decide(scores: Floats, classes: Sequence[str], threshold: float = 0.5) -> NDArray[np.object_]:
    """(n,) labels: of two classes the second from `threshold` on, of more the likeliest."""
    names = np.asarray(classes, dtype=object)
    if len(classes) == 2:
        return names[(scores[:, 1] >= threshold).astype(np.int64)]
    return names[np.argmax(scores, axis=1)]
