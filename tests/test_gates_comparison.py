"""A challenger against the champion by a stated margin, against a guess and a line, and against limits of cost."""

import numpy as np
import pytest

from mlsteward.evaluation.intervals import Interval
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.predictions import Floats, Integers, Predictions
from mlsteward.gates.baselines import baselines, dummy_predictions
from mlsteward.gates.cost import cost
from mlsteward.gates.non_inferiority import non_inferiority
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import CostRules, NonInferiorityRules

RULES = NonInferiorityRules(margin=0.02, relative_margin=0.05)


def numbers(seed: int, n: int, worse: float, spread: float = 1.0) -> tuple[Scored, Predictions]:
    """A challenger whose root mean square error is `1 + worse` times that of the champion, of independent rows."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=n)
    champion = truth + spread * generator.normal(size=n)
    challenger = truth + spread * (1 + worse) * generator.normal(size=n)
    return Scored("regression", truth, Predictions(challenger), "row"), Predictions(champion)


def against(
    scored: Scored, champion: Predictions, rules: NonInferiorityRules = RULES, metric: str = "rmse"
) -> GateResult:
    return non_inferiority(scored, champion, rules, champion_label="delay@2", metric=metric, seed=0)


def test_a_challenger_as_good_as_the_champion_passes_with_enough_rows() -> None:
    scored, champion = numbers(0, 4000, 0.0)
    found = against(scored, champion)
    assert found.outcome == "passed"
    assert found.limit == pytest.approx(-0.05, rel=0.1)
    assert found.low is not None
    assert found.limit is not None
    assert found.low > found.limit
    assert "4,000 rows" in found.words


def test_a_challenger_that_is_worse_by_more_than_the_margin_fails() -> None:
    scored, champion = numbers(1, 4000, 0.2)
    found = against(scored, champion)
    assert found.outcome == "failed"
    assert found.value is not None
    assert found.value < 0
    assert "rmse" in found.words
    assert "worse than delay@2" in found.words


def test_few_rows_cannot_tell_and_say_how_many_could() -> None:
    scored, champion = numbers(2, 60, 0.0)
    found = against(scored, champion)
    assert found.outcome == "cannot tell"
    assert found.evidence["units_needed"] > 60
    few, few_champion = numbers(2, 20, 0.0)
    assert "too few" in against(few, few_champion).words


def test_without_shared_rows_nothing_is_comparable() -> None:
    scored, champion = numbers(3, 50, 0.0)
    none = np.zeros(50, dtype=np.bool_)
    found = against(scored.take(none), champion.take(none))
    assert found.outcome == "not comparable"
    assert found.value is None


def test_a_model_is_not_worse_than_itself() -> None:
    scored, _ = numbers(4, 100, 0.0)
    found = against(scored, scored.predictions, RULES.model_copy(update={"relative_margin": 0.0}))
    assert (found.outcome, found.value) == ("passed", 0.0)


def test_the_wrong_promotion_at_the_margin_is_as_rare_as_the_level_says() -> None:
    """A challenger that is exactly a margin worse passes one time in forty at most (two-sided 95 %)."""
    passed = 0
    for seed in range(30):
        scored, champion = numbers(seed, 100, 0.10)
        found = against(scored, champion, RULES.model_copy(update={"relative_margin": 0.10}))
        passed += found.outcome == "passed"
    assert passed <= 3


def test_rows_of_one_day_count_once() -> None:
    """Copies of rows add no evidence when the unit is what was copied."""
    scored, champion = numbers(5, 60, 0.0)
    copies = np.tile(np.arange(60), 20)
    units: Integers = copies.astype(np.int64)
    many = Scored("regression", scored.truth[copies], scored.predictions.take(units), "day", units)
    blind = Scored("regression", scored.truth[copies], scored.predictions.take(units), "row")
    honest, naive = against(many, champion.take(units)), against(blind, champion.take(units))
    assert honest.outcome == "cannot tell"
    assert honest.evidence["units"] == 60
    assert _width(honest) > 3 * _width(naive)


def _width(found: GateResult) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_the_margin_of_a_metric_that_is_better_when_high_is_in_its_own_unit() -> None:
    scored, champion = yes_or_no(6, 300, 2.0, 2.0)
    found = against(scored, champion, metric="roc_auc")
    assert found.limit == -0.02
    worse, champion = yes_or_no(6, 300, 0.4, 2.0)
    assert against(worse, champion, metric="roc_auc").outcome == "failed"


def yes_or_no(seed: int, n: int, sharp: float, champion_sharp: float) -> tuple[Scored, Predictions]:
    """Two classifiers whose scores follow the truth as sharply as told."""
    generator = np.random.default_rng(seed)
    came = generator.random(n) < 0.4

    def scores(sharpness: float) -> Predictions:
        chance: Floats = 1 / (1 + np.exp(-(sharpness * (came - 0.5) + generator.normal(size=n))))
        labels = np.where(chance >= 0.5, "yes", "no").astype(object)
        return Predictions(labels, np.stack([1 - chance, chance], axis=1), ["no", "yes"])

    truth = np.where(came, "yes", "no").astype(object)
    return Scored("binary", truth, scores(sharp), "row"), scores(champion_sharp)


def test_a_model_must_beat_a_guess_beyond_doubt() -> None:
    sharp, _ = yes_or_no(7, 400, 2.0, 2.0)
    blind, _ = yes_or_no(8, 400, 0.0, 2.0)
    dummy = dummy_predictions("binary", sharp.truth, ["no", "yes"], 400)
    assert baselines(sharp, dummy, None, metric="roc_auc", seed=0).outcome == "passed"
    found = baselines(blind, dummy, None, metric="roc_auc", seed=0)
    assert found.outcome == "failed"
    assert "guess" in found.words
    few = sharp.take(np.arange(400) < 6)
    assert baselines(few, dummy.take(np.arange(400) < 6), None, metric="accuracy", seed=0).outcome in (
        "cannot tell",
        "failed",
    )


def test_a_model_may_not_be_worse_than_a_straight_line_beyond_doubt() -> None:
    scored, _ = numbers(9, 300, 0.0, spread=0.3)
    dummy = dummy_predictions("regression", np.array([0.0, 0.2, -0.2]), [], 300)
    # The root mean square error of the model is higher than that of the line: worse.
    worse = baselines(scored, dummy, Interval(0.2, 0.1, 0.3), metric="rmse", seed=0)
    assert worse.outcome == "failed"
    assert "linear" in worse.words
    unsure = baselines(scored, dummy, Interval(0.1, -0.1, 0.3), metric="rmse", seed=0)
    assert unsure.outcome == "passed"
    assert "worse than the linear model, not beyond doubt" in unsure.words
    assert unsure.evidence["over_linear"] == [-0.1, -0.3, 0.1]


def test_a_guess_gives_the_shares_of_the_training_rows() -> None:
    found = dummy_predictions("multiclass", np.array(["a", "b", "b", "c"], dtype=object), ["a", "b", "c"], 2)
    assert found.scores is not None
    assert found.scores.tolist() == [[0.25, 0.5, 0.25]] * 2
    assert list(found.labels) == ["b", "b"]
    weighted = dummy_predictions("regression", np.array([0.0, 4.0]), [], 1, weights=np.array([3.0, 1.0]))
    assert weighted.labels[0] == 1.0


def test_cost_is_judged_by_what_is_beyond_doubt() -> None:
    rules = CostRules(most_milliseconds=10, most_megabytes=5)
    times = np.random.default_rng(0).gamma(4, 1.0, 400)
    found = cost(times.tolist(), 1.0, rules)
    assert found.outcome == "passed"
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert cost((times + 10).tolist(), 1.0, rules).outcome == "failed"
    assert "large" in cost(times.tolist(), 6.0, rules).words
    assert cost(times[:10].tolist(), 1.0, rules).outcome == "cannot tell"
    assert cost([], 6.0, rules).outcome == "failed"


def test_the_interval_of_the_slowest_rows_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    true = np.quantile(generator.gamma(4, 1.0, 400_000), 0.95)
    covered = 0
    for _ in range(300):
        found = cost(generator.gamma(4, 1.0, 200).tolist(), 1.0, CostRules())
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert covered >= 0.93 * 300
