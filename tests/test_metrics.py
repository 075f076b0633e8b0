"""Metrics agree with scikit-learn's and are None where they are undefined."""

import numpy as np
import pytest
from sklearn import metrics as reference

from mlsteward.errors import UnusableData
from mlsteward.evaluation.directions import METRICS, default_metric
from mlsteward.evaluation.metrics import compute_metrics, confusion_matrix, greater_is_better
from mlsteward.evaluation.predictions import Predictions


def binary(seed: int = 0, n: int = 400) -> tuple[np.ndarray, Predictions, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = generator.random(n) < 0.3
    score = np.round(1 / (1 + np.exp(-(generator.normal(size=n) + 1.5 * positive - 1))), 2)
    truth = np.where(positive, "yes", "no").astype(object)
    labels = np.where(score >= 0.5, "yes", "no").astype(object)
    return truth, Predictions(labels, np.column_stack([1 - score, score]), ["no", "yes"]), generator.random(n) + 0.1


@pytest.mark.parametrize("weighted", [False, True])
def test_binary_metrics_agree_with_scikit_learn(weighted: bool) -> None:
    truth, predictions, weights = binary()
    weight = weights if weighted else None
    score, flagged, y = predictions.positive(), predictions.positive() >= 0.4, truth == "yes"
    found = compute_metrics("binary", truth, predictions, weight, threshold=0.4)
    expected = {
        "roc_auc": reference.roc_auc_score(y, score, sample_weight=weight),
        "pr_auc": reference.average_precision_score(y, score, sample_weight=weight),
        "log_loss": reference.log_loss(y, np.clip(score, 1e-15, 1 - 1e-15), sample_weight=weight),
        "brier": reference.brier_score_loss(y, score, sample_weight=weight),
        "accuracy": reference.accuracy_score(y, flagged, sample_weight=weight),
        "balanced_accuracy": reference.balanced_accuracy_score(y, flagged, sample_weight=weight),
        "f1": reference.f1_score(y, flagged, sample_weight=weight),
        "precision": reference.precision_score(y, flagged, sample_weight=weight),
        "recall": reference.recall_score(y, flagged, sample_weight=weight),
        "mcc": reference.matthews_corrcoef(y, flagged, sample_weight=weight),
    }
    assert found == pytest.approx(expected, rel=1e-9)
    assert tuple(found) == METRICS["binary"]


@pytest.mark.parametrize("weighted", [False, True])
def test_multiclass_metrics_agree_with_scikit_learn(weighted: bool) -> None:
    generator = np.random.default_rng(1)
    classes = ["a", "b", "c"]
    codes = generator.integers(0, 3, 300)
    scores = generator.dirichlet([1, 1, 1], 300) + np.eye(3)[codes] * 0.4
    scores /= scores.sum(axis=1, keepdims=True)
    truth = np.array(classes, dtype=object)[codes]
    labels = np.array(classes, dtype=object)[scores.argmax(axis=1)]
    weight = generator.random(300) + 0.1 if weighted else None
    found = compute_metrics("multiclass", truth, Predictions(labels, scores, classes), weight)
    areas = [reference.roc_auc_score(codes == k, scores[:, k], sample_weight=weight) for k in range(3)]
    assert found == pytest.approx(
        {
            "accuracy": reference.accuracy_score(truth, labels, sample_weight=weight),
            "balanced_accuracy": reference.balanced_accuracy_score(truth, labels, sample_weight=weight),
            "f1_macro": reference.f1_score(truth, labels, average="macro", sample_weight=weight),
            "log_loss": reference.log_loss(truth, scores, labels=classes, sample_weight=weight),
            "roc_auc_ovr": np.mean(areas),
        }
    )


def test_regression_metrics_agree_with_scikit_learn() -> None:
    generator = np.random.default_rng(2)
    truth = 1e6 + generator.normal(size=201)
    predicted = truth + generator.normal(size=201)
    weight = generator.random(201) + 0.1
    found = compute_metrics("regression", truth, Predictions(predicted), weight)
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, predicted, sample_weight=weight))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, predicted, sample_weight=weight))
    assert found["r2"] == pytest.approx(reference.r2_score(truth, predicted, sample_weight=weight))
    for rows in (200, 201):
        median = compute_metrics("regression", truth[:rows], Predictions(predicted[:rows]))["median_absolute_error"]
        assert median == pytest.approx(reference.median_absolute_error(truth[:rows], predicted[:rows]))


def test_metrics_are_none_where_one_class_is_absent() -> None:
    truth, predictions, _ = binary()
    alone = truth == "no"
    found = compute_metrics("binary", truth[alone], predictions.take(alone))
    assert found["roc_auc"] is None
    assert found["pr_auc"] is None
    assert found["recall"] is None
    assert found["mcc"] is None
    assert found["accuracy"] is not None


def test_precision_is_none_when_nothing_is_flagged() -> None:
    truth, predictions, _ = binary()
    assert compute_metrics("binary", truth, predictions, threshold=1.1)["precision"] is None


def test_r2_is_none_when_the_target_does_not_vary() -> None:
    assert compute_metrics("regression", np.full(5, 3.0), Predictions(np.arange(5.0)))["r2"] is None


def test_no_rows_have_no_metrics() -> None:
    assert compute_metrics("regression", np.empty(0), Predictions(np.empty(0))) == {}


def test_without_probabilities_only_label_metrics_are_given() -> None:
    truth, predictions, _ = binary()
    found = compute_metrics("binary", truth, Predictions(predictions.labels, None, predictions.classes))
    assert "roc_auc" not in found
    assert found["accuracy"] is not None


def test_a_class_the_model_does_not_know_is_refused_by_name() -> None:
    truth, predictions, _ = binary()
    truth[3] = "perhaps"
    with pytest.raises(UnusableData, match="perhaps"):
        compute_metrics("binary", truth, predictions)


def test_the_confusion_matrix_has_truth_down_and_prediction_across() -> None:
    truth = np.array(["no", "no", "yes"], dtype=object)
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    predictions = Predictions(np.array(["no", "yes", "yes"], dtype=object), scores, ["no", "yes"])
    assert confusion_matrix(truth, predictions).tolist() == [[1, 1], [0, 1]]
    assert confusion_matrix(truth, predictions, weights=np.array([1.0, 2.0, 3.0])).tolist() == [[1, 2], [0, 3]]


def test_every_metric_says_which_way_is_better() -> None:
    assert greater_is_better("roc_auc")
    assert greater_is_better("r2")
    assert greater_is_better("balanced_accuracy")
    assert greater_is_better("neg_log_loss")
    for name in ("log_loss", "brier", "rmse", "mae", "median_absolute_error", "val_loss", "test_mse"):
        assert not greater_is_better(name)
    assert default_metric("binary") == "roc_auc"
