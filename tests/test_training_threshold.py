"""From which probability on a model predicts the positive class."""

import numpy as np
import pandas as pd
import pytest

from mlsteward.errors import InvalidArgument
from mlsteward.training.report import decision
from mlsteward.training.threshold import check_costs, choose_threshold
from tests.test_training import fit, one_thread, two_classes

__all__ = ["one_thread"]


def test_costs_move_the_threshold_and_are_checked():
    generator = np.random.default_rng(0)
    scores = generator.random(4000)
    truth = generator.random(4000) < scores
    costs = check_costs({"false_negative": 4, "false_positive": 1}, "binary")
    assert abs(choose_threshold(truth, scores, None, costs).value - 0.2) < 0.06
    assert choose_threshold(np.array([False, True] * 5), np.array([0.2, 0.6] * 5), None, {}).value == pytest.approx(0.5)
    with pytest.raises(InvalidArgument, match="false_negative"):
        check_costs({"false_negatives": 4}, "binary")
    with pytest.raises(InvalidArgument, match="regression"):
        check_costs({"false_negative": 4}, "regression")


def test_a_threshold_lies_between_saturated_scores_and_never_at_0_or_1():
    truth = np.arange(2000) % 100 == 0
    for low, high in ((1e-12, 1e-4), (0.0, 1.0), (0.9999, 1 - 1e-9)):
        found = choose_threshold(truth, np.where(truth, high, low), None, {}).value
        assert low < found < high
        dear = check_costs({"false_negative": 1e12, "false_positive": 1}, "binary")
        assert 0 < choose_threshold(truth, np.where(truth, high, low), None, dear).value < 1


def test_a_model_that_tells_nothing_keeps_the_threshold_of_one_half_and_says_so():
    generator = np.random.default_rng(0)
    found = choose_threshold(generator.random(500) < 0.3, generator.random(500), None, {})
    assert found.value == 0.5
    assert "flagging every row" in found.note


def test_a_rare_class_at_unequal_costs_is_decided_no_worse_than_without_a_model():
    generator = np.random.default_rng(0)
    rows = 14_000
    truth = generator.random(rows) < 0.01
    frame = pd.DataFrame(generator.normal(size=(rows, 2)), columns=["a", "risk"])
    frame["weight"], frame["y"] = generator.uniform(0.5, 3, rows), truth.astype(int)
    for shift, accuracy in ((1.5, 0.7), (10, 0.99)):
        shifted = frame.assign(risk=frame["risk"] + shift * truth)
        costs = {"false_negative": 50, "false_positive": 1}
        trained = fit(shifted, target="y", params={}, costs=costs, weight_column="weight")
        none = 50 * np.average(trained.test_truth == "1", weights=trained.test_weights)
        assert trained.cost is not None
        assert trained.cost <= none
        assert trained.metrics["accuracy"].value is not None
        assert trained.metrics["accuracy"].value > accuracy
        assert f"flagging none {none:.4g}" in decision(trained)


def test_folds_stop_early_when_the_served_model_does():
    trained = fit(two_classes(13_000), target="y", params={"max_iter": 3})
    assert [one.estimator.do_early_stopping_ for one in trained.selected.members] == [True]
    assert [one.estimator.do_early_stopping_ for one in trained.selected.fold_members] == [True]
