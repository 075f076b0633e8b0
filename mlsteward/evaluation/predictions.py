"""What a model says about rows: the one form that metrics, intervals, slices and plots read."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """Predictions for n rows.

    Classification: `labels` (n,) class labels as text, `scores` (n, k) class probabilities in the order of `classes`,
    or None when the model gives none. Of two classes the second is the positive one. Regression: `labels` (n,) floats
    in the target's unit, `scores` None, `classes` empty.
    """

    labels: NDArray[np.object_] | Floats
    scores: Floats | None = None
    classes: list[str] = field(default_factory=list[str])

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.bool_] | Integers) -> "Predictions":
        """The predictions of some rows, by mask or by position."""
        return Predictions(self.labels[rows], None if self.scores is None else self.scores[rows], self.classes)

    def positive(self) -> Floats:
        """(n,) probabilities of the positive class; raises ValueError unless there are two classes with scores."""
        if self.scores is None or len(self.classes) != 2:
            raise ValueError("a positive class needs the probabilities of two classes")
        return self.scores[:, 1]
