"""Model files: what is written is what is read, and nothing else is."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from skops.io import dumps
from threadpoolctl import threadpool_limits

from mlsteward.errors import NotFound, NotSupported, Refused
from mlsteward.serving.model_file import load_bundle, save_bundle
from mlsteward.training.bundle import Member, ModelBundle
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.train import train
from tests.training_samples import orders, table_of


def fitted(target: str, estimator: str, params: dict[str, Any]) -> ModelBundle:
    options = TrainOptions(target=target, estimator=estimator, params=params, exclude=["amount", "large"])
    options = options.model_copy(update={"exclude": [name for name in options.exclude if name != target]})
    return train(table_of(orders(200)), options, SplitChoice(kind="row", why=""), lambda done, message: None).bundle


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: more are many times slower on a busy machine."""
    with threadpool_limits(1):
        yield


CLASSIFIERS = {
    "auto": {"candidates": ["dummy", "linear", "svm", "boosting_small"]},
    "logistic_regression": {},
    "random_forest": {"n_estimators": 5},
    "extra_trees": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 5},
    "decision_tree": {},
    "svm": {},
    "knn": {},
    "mlp": {"max_iter": 5},
    "naive_bayes": {},
    "dummy": {},
}
REGRESSORS = {
    "ridge": {},
    "lasso": {},
    "random_forest": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 5},
    "svm": {},
    "knn": {},
    "mlp": {"max_iter": 5},
}


@pytest.mark.parametrize(
    ("target", "estimator", "params"),
    [
        *(("large", estimator, params) for estimator, params in CLASSIFIERS.items()),
        *(("amount", estimator, params) for estimator, params in REGRESSORS.items()),
    ],
)
def test_a_model_predicts_the_same_after_it_was_saved(tmp_path: Path, target: str, estimator: str, params: Any):
    bundle = fitted(target, estimator, params)
    path = tmp_path / "model.skops"
    again = load_bundle(path, save_bundle(bundle, path))
    frame = orders(30, seed=9)
    first, second = bundle.predict(frame), again.predict(frame)
    assert (first.labels == second.labels).all()
    if first.scores is not None and second.scores is not None:
        np.testing.assert_array_equal(first.scores, second.scores)
    assert again.signature == bundle.signature
    assert (again.threshold, again.classes, again.conformal) == (bundle.threshold, bundle.classes, bundle.conformal)


@pytest.mark.parametrize(("extra", "rounds"), [("lightgbm", "n_estimators"), ("catboost", "iterations")])
@pytest.mark.parametrize("target", ["large", "amount"])
def test_a_model_of_an_optional_library_predicts_the_same_or_says_what_to_install(
    tmp_path: Path, extra: str, rounds: str, target: str
):
    if importlib.util.find_spec(extra) is None:
        with pytest.raises(NotSupported, match=rf"mlsteward\[{extra}\]"):
            fitted(target, extra, {rounds: 5})
        return
    bundle = fitted(target, extra, {rounds: 5})
    path = tmp_path / "model.skops"
    again = load_bundle(path, save_bundle(bundle, path))
    frame = orders(30, seed=9)
    assert (bundle.predict(frame).labels == again.predict(frame).labels).all()


def test_other_bytes_than_the_registered_ones_are_refused(tmp_path: Path):
    path = tmp_path / "model.skops"
    sha256 = save_bundle(fitted("amount", "ridge", {}), path)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refused, match="not the registered one"):
        load_bundle(path, sha256)
    path.unlink()
    with pytest.raises(NotFound, match="gone"):
        load_bundle(path, sha256)


class Stranger:
    """A type that no model file may hold."""

    def __init__(self) -> None:
        self.word = "boo"


@pytest.mark.parametrize("content", [Stranger(), Member("m", Stranger(), None)])
def test_types_outside_the_list_are_refused_by_name(tmp_path: Path, content: Any):
    path = tmp_path / "model.skops"
    data = dumps(content)
    path.write_bytes(data)
    with pytest.raises(Refused, match=r"test_model_file\.Stranger"):
        load_bundle(path, _sha256(data))


def test_a_model_of_another_kind_and_a_file_of_another_kind_are_refused(tmp_path: Path):
    path = tmp_path / "model.skops"
    data = dumps(LinearRegression())
    path.write_bytes(data)
    with pytest.raises(Refused, match="LinearRegression"):
        load_bundle(path, _sha256(data))
    path.write_bytes(b"not a zip")
    with pytest.raises(Refused, match="no skops file"):
        load_bundle(path, _sha256(b"not a zip"))


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
