"""Scores of single rows, straight from cells to arrays, beside those of frames."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mlsteward.serving.single_row import SingleRow, cells_of, compare_scores, parity
from mlsteward.training.signature import Task
from tests.single_row_models import KINDS, LATER, TABLE, fitted

CLASSIFIERS = [
    "dummy",
    "logistic_regression",
    "random_forest",
    "extra_trees",
    "hist_gradient_boosting",
    "decision_tree",
    "mlp",
]
REGRESSORS = [
    "dummy",
    "ridge",
    "linear_regression",
    "lasso",
    "elastic_net",
    "random_forest",
    "hist_gradient_boosting",
    "mlp",
]
PLAIN = [
    *(("binary", name) for name in CLASSIFIERS),
    *(("multiclass", name) for name in CLASSIFIERS),
    *(("regression", name) for name in REGRESSORS),
]


pytestmark = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    with threadpool_limits(1):
        yield


def test_every_estimator_says_the_same_of_single_rows_as_of_frames() -> None:
    for task, name in PLAIN:
        bundle = fitted(task, name)  # pyright: ignore[reportArgumentType] - a literal
        found = parity(bundle, LATER, rows=60)
        assert found.passed, f"{task} {name}: {found.words}"
        assert not SingleRow(bundle).needs_library, name


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_estimators_without_a_plain_form_are_asked_themselves(task: Task) -> None:
    for name in ("svm", "knn"):
        bundle = fitted(task, name)
        assert SingleRow(bundle).needs_library
        assert parity(bundle, LATER, rows=40).passed, name


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_lightgbm_has_a_plain_form(task: Task) -> None:
    pytest.importorskip("lightgbm")
    for table in (TABLE, TABLE.dropna()):
        bundle = fitted(task, "lightgbm", frame=table, n_estimators=10, min_child_samples=8)
        assert not SingleRow(bundle).needs_library
        found = parity(bundle, LATER, rows=60)
        assert found.passed, found.words


def test_an_ensemble_is_the_weighted_mean_of_its_members() -> None:
    bundle = fitted("multiclass", "hist_gradient_boosting", "logistic_regression", "random_forest")
    assert parity(bundle, LATER, rows=60).passed


def test_missing_values_in_any_column_are_read_as_frames_read_them() -> None:
    empty = LATER.head(12).copy()
    for place, name in enumerate(KINDS):
        empty[name] = empty[name].astype(object) if KINDS[name] != "time" else empty[name]
        empty.loc[empty.index[place * 2], name] = None
    empty["size"] = empty["size"].astype("float64")
    for task, name in (("binary", "hist_gradient_boosting"), ("binary", "logistic_regression"), ("regression", "mlp")):
        assert parity(fitted(task, name), empty).passed, name  # pyright: ignore[reportArgumentType] - a literal


def test_levels_that_training_did_not_see_are_read_as_frames_read_them() -> None:
    strange = LATER.head(5).copy()
    strange["city"], strange["plan"], strange["note"] = "nowhere", "gold", "words never met"
    strange["ordered"] = pd.Timestamp("1931-02-28 23:59:59.999999")
    for name in ("extra_trees", "logistic_regression"):
        assert parity(fitted("binary", name), strange).passed, name


def test_a_category_written_in_numbers_is_found_whether_or_not_its_column_has_gaps() -> None:
    whole = TABLE.assign(city=TABLE["city"].str[1:].astype(int) % 5, plan=TABLE["city"].str[1:].astype(int))
    gaps = whole.assign(city=whole["city"].astype(float).mask(TABLE.index % 9 == 0), plan=whole["plan"].astype(float))
    for seen, other in ((whole, gaps), (gaps, whole)):
        bundle = fitted("binary", "logistic_regression", frame=seen)
        both = whole["city"] == gaps["city"]
        expected = bundle.raw_scores(seen)[both]
        assert bundle.raw_scores(other)[both] == pytest.approx(expected, abs=1e-12)
        assert parity(bundle, other).passed
        assert all("." not in level for level in bundle.signature[1].levels)


def test_a_plain_model_is_made_of_numbers_and_texts_alone() -> None:
    model = SingleRow(fitted("binary", "hist_gradient_boosting", "logistic_regression"))
    text = pickle.dumps(model).decode("latin-1")
    assert "sklearn" not in text
    assert "pandas" not in text
    assert "mlsteward.training" not in text


def test_many_rows_score_as_each_does_alone() -> None:
    row = SingleRow(fitted("regression", "extra_trees"))
    cells = cells_of(pd.concat([LATER] * 3), row.columns)
    assert row.scores(cells)[-1] == pytest.approx(row.scores(cells[-1:])[0], abs=1e-12)
    assert row.scores(cells).shape == (360, 1)


def test_scores_that_differ_fail_and_say_by_how_much() -> None:
    bundle = fitted("binary", "dummy")
    expected = np.array([[0.4, 0.6], [0.6, 0.4]])
    found = compare_scores(bundle, expected, expected[::-1])
    assert not found.passed
    assert "differ by at most 0.2" in found.words
    assert "2 of 2 rows get another label" in found.words
    assert not compare_scores(bundle, expected, np.full((2, 2), np.nan)).passed
    assert not compare_scores(bundle, expected[:0], expected[:0]).passed
