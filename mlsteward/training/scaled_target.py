"""Regressors that learn the target in units of its spread, without which their defaults mean nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPRegressor
from sklearn.svm import SVR

Floats = NDArray[np.float64]


class ScaledMLPRegressor(MLPRegressor):
    """MLPRegressor on the standardised target."""

    def fit(self, X: Any, y: Floats, sample_weight: Floats | None = None) -> "ScaledMLPRegressor":  # noqa: N803 - scikit-learn's name
        self.centre_, self.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
        super().fit(X, (y - self.centre_) / self.spread_, sample_weight)
        return self

    def predict(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        return np.asarray(super().predict(X), dtype=np.float64) * self.spread_ + self.centre_


class ScaledSVR(SVR):
    """SVR on the standardised target: C and epsilon are in units of its standard deviation."""

    def fit(self, X: Any, y: Floats, sample_weight: Floats | None = None) -> "ScaledSVR":  # noqa: N803 - scikit-learn's name
        self.centre_, self.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
        super().fit(X, (y - self.centre_) / self.spread_, sample_weight)
        return self

    def predict(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        return np.asarray(super().predict(X), dtype=np.float64) * self.spread_ + self.centre_
