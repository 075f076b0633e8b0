"""Tasks, thresholds, ensembles, parameters, and training as a whole."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from mlsteward.errors import InvalidArgument, NotSupported, UnusableData
from mlsteward.evaluation.comparison import Difference
from mlsteward.training.ensemble import greedy_weights, loss
from mlsteward.training.estimators import find_estimator
from mlsteward.training.labels import as_labels
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.parameters import check_parameters
from mlsteward.training.report import decision, verdict
from mlsteward.training.task import check_task, read_target
from mlsteward.training.train import Trained, train
from tests.training_samples import orders, table_of


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: more are many times slower on a busy machine."""
    with threadpool_limits(1):
        yield


BY_ROW = SplitChoice(kind="row", why="its values")


def fit(
    frame: pd.DataFrame, *, roles: dict[str, str] | None = None, choice: SplitChoice = BY_ROW, **options: Any
) -> Trained:
    asked = {"estimator": "hist_gradient_boosting", "params": {"max_iter": 20}, **options}
    return train(table_of(frame, roles=roles), TrainOptions.model_validate(asked), choice, lambda done, message: None)


def two_classes(rows: int = 400, share: float = 0.3) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    frame = pd.DataFrame(generator.normal(size=(rows, 4)), columns=["a", "b", "c", "d"])
    score = frame["a"] + frame["b"] * 0.5 + generator.normal(size=rows)
    frame["y"] = (score > np.quantile(score, 1 - share)).astype(int)
    return frame


@pytest.mark.parametrize(
    ("values", "family", "task", "classes"),
    [
        ([0, 1] * 20, "number", "binary", ["0", "1"]),
        ([0.0, 1.0] * 20, "number", "binary", ["0", "1"]),
        ([True, False] * 20, "boolean", "binary", ["false", "true"]),
        (["no"] * 30 + ["yes"] * 20, "text", "binary", ["no", "yes"]),
        (["fraud"] * 10 + ["legit"] * 30, "text", "binary", ["legit", "fraud"]),
        ([0, 1, 2, 10] * 20, "number", "multiclass", ["0", "1", "2", "10"]),
        (["a", "b", "c"] * 20, "text", "multiclass", ["a", "b", "c"]),
        (list(range(200)), "number", "regression", []),
        ([0.5, 1.5, 2.5] * 20, "number", "regression", []),
    ],
)
def test_the_task_is_told_from_the_target(values: list[Any], family: Any, task: str, classes: list[str]):
    found = read_target(pd.Series(values), family, name="y")
    assert (found.task, found.classes) == (task, classes)


def test_classification_is_never_turned_into_a_regression():
    with pytest.raises(NotSupported, match="200 classes"):
        read_target(pd.Series(list(range(200)) * 5), "number", name="y", task="classification")
    assert read_target(pd.Series([0.5, 1.5, 2.5] * 20), "number", name="y", task="classification").task == "multiclass"


def test_values_that_hardly_repeat_are_no_classes():
    prices = pd.Series([float(price) for price in (*range(100), *[7] * 5)])
    with pytest.raises(UnusableData, match="100 values, of which fewer than two"):
        read_target(prices, "number", name="y", task="classification")


def test_a_positive_label_can_be_named_in_any_case():
    assert read_target(pd.Series(["A", "B"] * 20), "text", name="y", positive="a").classes == ["B", "A"]
    with pytest.raises(InvalidArgument, match="no class"):
        read_target(pd.Series(["A", "B"] * 20), "text", name="y", positive="c")


def test_rows_without_a_target_are_left_out_and_counted():
    values = pd.Series([*np.arange(50.0), np.nan, np.nan, np.inf])
    found = read_target(values, "number", name="y")
    assert found.usable.sum() == 50
    assert found.notes == [
        "2 of 53 rows have no `y` and are left out.",
        "1 of 53 rows have an infinite `y` and are left out.",
    ]


def test_a_class_of_a_few_rows_is_left_out_and_named():
    found = read_target(pd.Series(["a", "b"] * 20 + ["typo"]), "text", name="y")
    assert found.classes == ["b", "a"] or found.classes == ["a", "b"]
    assert "'typo' left out" in found.notes[0]


@pytest.mark.parametrize(
    ("values", "family", "error", "words"),
    [
        (["x"] * 40, "text", UnusableData, "one class only"),
        ([None] * 40, "text", UnusableData, "no value"),
        ([1.0] * 2 + [2.0] * 2, "number", UnusableData, "Only 4 rows"),
        ([f"t{number}" for number in range(300)], "text", NotSupported, "right target"),
        (list(pd.date_range("2024-01-01", periods=40)), "time", NotSupported, "Forecasting"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused_in_words(values: Any, family: Any, error: Any, words: str):
    with pytest.raises(error, match=words):
        read_target(pd.Series(values), family, name="y")


def test_tasks_outside_the_scope_are_refused_with_what_to_use_instead():
    for task, words in (("forecasting", "statsforecast"), ("survival", "lifelines"), ("clustering", "KMeans")):
        with pytest.raises(NotSupported, match=words):
            check_task(task)
    with pytest.raises(InvalidArgument, match="binary, multiclass"):
        check_task("guess")


def test_labels_are_spelled_alike_whatever_their_type():
    assert list(as_labels(pd.Series([1.0, 2.0, np.nan]))) == ["1", "2", None]
    assert list(as_labels(pd.Series([True, False], dtype=object))) == ["true", "false"]
    assert list(as_labels(pd.Series(["a", None]))) == ["a", None]


def test_the_greedy_ensemble_prefers_models_that_err_differently():
    generator = np.random.default_rng(0)
    truth = generator.normal(size=500)
    library = [(truth + generator.normal(0, 1, 500)).reshape(-1, 1) for _ in range(3)]
    library.append(np.zeros((500, 1)) + 5)
    weights = greedy_weights("regression", truth, library, most=3)
    assert weights[3] == 0
    assert weights[:3] == pytest.approx([1 / 3] * 3, abs=0.1)
    blended = np.sum([weight * scores for weight, scores in zip(weights, library, strict=True)], axis=0)
    assert loss("regression", truth, blended) < min(loss("regression", truth, one) for one in library) / 2


def test_parameters_are_checked_by_scikit_learns_own_rules():
    assert check_parameters("hist_gradient_boosting", "binary", {"max_iter": 10.0}) == {"max_iter": 10}
    with pytest.raises(InvalidArgument, match="max_iter") as caught:
        check_parameters("hist_gradient_boosting", "binary", {"max_iters": 10})
    assert caught.value.close[0] == "max_iter"
    with pytest.raises(InvalidArgument, match="int in the range"):
        check_parameters("hist_gradient_boosting", "binary", {"max_iter": -1})


def test_an_unknown_estimator_is_refused_with_what_was_close():
    with pytest.raises(InvalidArgument) as caught:
        find_estimator("random_forrest", "binary")
    assert caught.value.close[0] == "random_forest"
    with pytest.raises(InvalidArgument, match="does not predict classes"):
        find_estimator("ridge", "binary")


def test_a_named_estimator_predicts_what_the_plain_one_does():
    frame = two_classes()
    trained = fit(frame, target="y", params={}, seed=7)
    held_out = np.arange(len(frame)) % 5 == 0
    plain = HistGradientBoostingClassifier(random_state=7)
    plain.fit(frame.loc[~held_out, list("abcd")].to_numpy(), frame.loc[~held_out, "y"].to_numpy())
    expected = plain.predict_proba(frame.loc[held_out, list("abcd")].to_numpy())
    assert trained.test.scores is not None
    np.testing.assert_array_equal(trained.test.scores, expected)


def test_every_kind_of_column_just_works_and_new_values_are_taken():
    frame = orders(300)
    for estimator, params in (("hist_gradient_boosting", {"max_iter": 10}), ("logistic_regression", {})):
        trained = fit(frame, target="large", estimator=estimator, params=params, exclude=["amount"])
        strange = frame.iloc[:3].assign(city="elsewhere", plan=None, note="", ordered=pd.NaT, size=np.inf, express=None)
        predictions = trained.bundle.predict(strange)
        assert predictions.scores is not None
        assert np.isfinite(predictions.scores).all()
        assert set(predictions.labels) <= {"yes", "no"}


def test_a_regression_says_how_wide_its_predictions_are_and_how_often_that_held():
    trained = fit(orders(400), target="amount", estimator="ridge", params={})
    assert trained.bundle.conformal is not None
    assert trained.coverage is not None
    assert 0.75 < trained.coverage <= 1
    assert f"held for {trained.coverage:.1%} of the held-out ones (split conformal)" in decision(trained)


def test_the_verdict_holds_interval_baselines_and_whether_linear_is_beaten():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(600, 2)), columns=["a", "b"])
    frame["y"] = ((frame["a"] * frame["b"]) > 0).astype(int)
    words = verdict(fit(frame, target="y"))
    assert "ROC AUC" in words
    assert "dummy 0.5" in words
    assert "It beats the linear baseline by" in words
    assert "does not beat" in verdict(fit(two_classes(300), target="y", params={"max_iter": 5, "max_leaf_nodes": 3}))


def test_a_linear_model_is_not_told_that_a_linear_one_is_simpler():
    frame = two_classes()
    named = fit(frame, target="y", estimator="logistic_regression", params={})
    assert named.difference is None
    assert "It is the linear baseline itself" in verdict(named)
    shrunk = verdict(fit(frame, target="y", estimator="logistic_regression", params={"C": 0.9}))
    assert "does not beat" in shrunk
    assert "simpler" not in shrunk


def test_a_difference_of_nothing_is_no_minus_zero():
    trained = fit(two_classes(), target="y", params={"max_iter": 3}, metric="log_loss")
    same = replace(trained, difference=Difference(-3e-5, -9e-5, 9e-5, 1.0, 80, 80))
    assert "0 [0, 0] in log loss" in verdict(same)
    assert "-0" not in verdict(same)


def test_weights_carry_through_metrics():
    frame = two_classes()
    frame["weight"] = np.where(frame["a"] > 0, 5.0, 0.1)
    weighted, plain = fit(frame, target="y", weight_column="weight"), fit(frame, target="y", exclude=["weight"])
    assert {one.name for one in weighted.prepared.set_aside} == {"weight"}
    assert weighted.metrics["accuracy"].value != plain.metrics["accuracy"].value
    frame.loc[3, "weight"] = -1
    with pytest.raises(UnusableData, match="negative"):
        fit(frame, target="y", weight_column="weight")


def test_metrics_of_an_imbalanced_target_include_precision_recall_and_log_loss():
    trained = fit(two_classes(800, share=0.06), target="y")
    assert {"pr_auc", "log_loss", "roc_auc"} <= set(trained.metrics)
    assert trained.bundle.threshold < 0.5


def test_auto_keeps_to_its_budget_and_can_be_replayed():
    frame = two_classes(300)
    first = fit(frame, target="y", estimator="auto", params={}, cpu_budget=0.6)
    reached = [place.name for place in first.selected.leaderboard]
    assert reached[:2] == ["dummy", "linear"]
    assert first.selected.unreached
    again = fit(frame, target="y", estimator="auto", params={"candidates": reached}, cpu_budget=0.1)
    assert [place.name for place in again.selected.leaderboard] == reached
    np.testing.assert_array_equal(first.test.scores, again.test.scores)


def test_auto_serves_the_best_single_one_when_asked_and_takes_no_other_params():
    candidates = {"candidates": ["dummy", "linear", "svm", "boosting_small"]}
    trained = fit(two_classes(300), target="y", estimator="auto", params=candidates, serve="single")
    assert len(trained.bundle.members) == 1
    assert "itself is the best" in verdict(trained) or "linear" in verdict(trained)
    with pytest.raises(InvalidArgument, match="candidates"):
        fit(two_classes(300), target="y", estimator="auto", params={"max_iter": 5})
    with pytest.raises(InvalidArgument, match="boosting_small"):
        fit(two_classes(300), target="y", estimator="auto", params={"candidates": ["xgb"]})


def test_tuning_tries_draws_of_the_space_and_never_loses_the_defaults():
    trained = fit(two_classes(500), target="y", estimator="logistic_regression", params={}, tune=6)
    names = [place.name for place in trained.selected.leaderboard]
    assert "logistic_regression" in names
    assert 1 < len(names) < 7
    with pytest.raises(InvalidArgument, match="left to tune"):
        fit(two_classes(300), target="y", estimator="logistic_regression", params={"C": 1.0}, tune=3)


def test_rows_beyond_the_cross_fitted_ones_are_scored_by_models_that_did_not_see_them():
    sampled = fit(two_classes(7000), target="y", estimator="naive_bayes", params={})
    assert (sampled.folds >= 0).sum() == 5000
    assert len(sampled.folds) == 5600
    assert sampled.fitted.scores is not None
    assert np.isfinite(sampled.fitted.scores).all()


def test_more_than_two_classes_are_learnt_by_every_family():
    frame = orders(400)
    frame["class"] = np.select([frame["amount"] < 0, frame["amount"] < 3], ["low", "middle"], "high")
    for estimator in ("svm", "knn", "mlp", "naive_bayes", "extra_trees", "decision_tree"):
        params = {"n_estimators": 20} if estimator == "extra_trees" else {}
        trained = fit(frame, target="class", estimator=estimator, params=params, features=["size", "city", "plan"])
        assert trained.metrics["accuracy"].value is not None
        assert trained.metrics["accuracy"].value > 0.35


@pytest.mark.parametrize(
    "estimator", ["svm", "knn", "mlp", "lasso", "elastic_net", "linear_regression", "random_forest"]
)
def test_numbers_are_learnt_by_every_family(estimator: str):
    params = {"n_estimators": 20} if estimator == "random_forest" else {}
    frame = orders(300)
    frame["amount"] *= 1000
    trained = fit(frame, target="amount", estimator=estimator, params=params, features=["size", "city"])
    assert trained.metrics["r2"].value is not None
    assert trained.metrics["r2"].value > 0.1
