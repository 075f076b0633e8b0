"""A support vector classifier with probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

_FOLDS = 3
_MOST_PAIRED = 15


class ProbabilitySVC(SVC):
    """SVC whose decision values become probabilities by logistic regression on cross-fitted ones.

    Platt (1999), for more than two classes multinomial; scikit-learn's own `probability=True` is on its way out.
    """

    def fit(self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None) -> "ProbabilitySVC":  # noqa: N803 - scikit-learn's name
        # Values of pairs of classes calibrate far better than votes; of many classes there are too many pairs.
        self.decision_function_shape = "ovo" if len(np.unique(y)) <= _MOST_PAIRED else "ovr"
        folds = _stratified(np.asarray(y))
        values: NDArray[np.float64] | None = None
        for fold in range(_FOLDS):
            inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            part = SVC(**self.get_params()).fit(X[inside], y[inside], _rows(sample_weight, inside))
            found = _columns(part.decision_function(X[outside]))
            values = np.zeros((len(y), found.shape[1])) if values is None else values
            values[outside] = found
        super().fit(X, y, sample_weight)
        self.calibrator_ = LogisticRegression(max_iter=1000).fit(values, y, sample_weight)
        return self

    def predict_proba(  # pyright: ignore[reportIncompatibleVariableOverride] - the base declares it conditionally
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
    ) -> NDArray[np.float64]:
        """(n, k) probabilities in the order of `classes_`."""
        return self.calibrator_.predict_proba(_columns(self.decision_function(X)))


def _stratified(y: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) folds dealt in turn within each class."""
    folds = np.empty(len(y), dtype=np.int64)
    folds[np.argsort(y, kind="stable")] = np.arange(len(y)) % _FOLDS
    return folds


def _columns(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(-1, 1) if values.ndim == 1 else values


def _rows(weights: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    return None if weights is None else weights[rows]
