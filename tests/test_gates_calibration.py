"""Calibration is judged by a debiased error with an interval: the plain one grows with noise."""

import numpy as np

from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.gates.calibration import CalibrationError, calibration, calibration_error
from mlsteward.gates.rules import CalibrationRules

RULES = CalibrationRules(most_error=0.05)


def probabilities(seed: int, n: int, off: float = 0.0, days: int = 0, of_days: float = 0.0) -> Scored:
    """Probabilities that are `off` too high for every row; `of_days` is the sd of what each of `days` adds to all."""
    generator = np.random.default_rng(seed)
    said: Floats = generator.uniform(0.2, 0.8, n)
    day = np.arange(n) % days if days else None
    shift = generator.normal(0, of_days, days)[day] if days else 0.0
    came = generator.random(n) < np.clip(said - off + shift, 0, 1)
    truth = np.where(came, "yes", "no").astype(object)
    labels = np.where(said >= 0.5, "yes", "no").astype(object)
    predictions = Predictions(labels, np.stack([1 - said, said], axis=1), ["no", "yes"])
    return Scored("binary", truth, predictions, "day" if days else "row", day)


def plain_error(scored: Scored) -> float:
    """The plain expected calibration error in ten bins."""
    said, came = scored.predictions.positive(), (scored.truth == "yes").astype(float)
    bins = np.minimum((said * 10).astype(int), 9)
    return sum(abs(said[bins == b].sum() - came[bins == b].sum()) for b in range(10)) / len(said)


def many(n: int, off: float, repeats: int) -> list[CalibrationError]:
    return [calibration_error(probabilities(seed, n, off)) for seed in range(repeats)]


def test_a_calibrated_model_has_an_error_near_zero_however_few_rows() -> None:
    for n in (200, 2000):
        found = [one.value**2 for one in many(n, 0.0, 100)]
        plain = np.mean([plain_error(probabilities(seed, n)) for seed in range(20)])
        assert np.sqrt(np.median(found)) < 0.5 * plain


def test_the_interval_covers_as_often_as_it_says() -> None:
    for n, off in ((300, 0.0), (300, 0.08), (1500, 0.03), (1500, 0.15)):
        found = many(n, off, 200)
        covered = np.mean([one.low <= off <= one.high for one in found])
        assert covered >= 0.90, (n, off, covered)


def test_no_gap_is_refused_as_seldom_as_the_level_says_and_a_gap_is_found() -> None:
    assert np.mean([one.p < 0.05 for one in many(400, 0.0, 200)]) <= 0.09
    assert np.mean([one.p < 0.05 for one in many(400, 0.16, 50)]) > 0.9


def test_what_days_have_in_common_widens_the_interval() -> None:
    # Whole days lie off by chance: with rows taken as independent, that looks like a fault of the model.
    apart = [probabilities(seed, 600, 0.0, days=20, of_days=0.15) for seed in range(60)]
    blind = [Scored(one.task, one.truth, one.predictions, "row") for one in apart]
    assert np.mean([calibration_error(one).p < 0.05 for one in apart]) < 0.12
    assert np.mean([calibration_error(one).high for one in apart]) > np.mean(
        [calibration_error(one).high for one in blind]
    )


def test_the_gate_passes_fails_and_says_when_it_cannot_tell() -> None:
    assert calibration(probabilities(0, 6000), RULES).outcome == "passed"
    failed = calibration(probabilities(0, 3000, 0.15), RULES)
    assert failed.outcome == "failed"
    assert failed.low is not None
    assert failed.low > 0.05
    assert "debiased" in failed.words
    assert "come true" in failed.words
    assert calibration(probabilities(0, 150, 0.04), RULES).outcome == "cannot tell"
    assert calibration(probabilities(0, 90), RULES).value is None
    few = probabilities(0, 300, days=3)
    assert calibration(few, RULES).outcome == "cannot tell"


def test_models_without_probabilities_have_no_calibration() -> None:
    numbers = Scored("regression", np.zeros(200), Predictions(np.zeros(200)), "row")
    assert calibration(numbers, RULES).outcome == "not applicable"
    labels = probabilities(0, 200)
    bare = Scored("binary", labels.truth, Predictions(labels.predictions.labels, None, ["no", "yes"]), "row")
    assert calibration(bare, RULES).outcome == "not applicable"


def test_of_many_classes_the_predicted_one_is_judged() -> None:
    generator = np.random.default_rng(0)
    scores = generator.dirichlet([2, 2, 2], 4000)
    truth = np.array([("a", "b", "c")[generator.choice(3, p=row)] for row in scores], dtype=object)
    labels = np.array(["a", "b", "c"], dtype=object)[scores.argmax(axis=1)]
    found = calibration(Scored("multiclass", truth, Predictions(labels, scores, ["a", "b", "c"]), "row"), RULES)
    assert found.outcome == "passed"
    assert "predicted class" in found.words
    sure = np.where(scores == scores.max(axis=1, keepdims=True), 0.9, 0.05)
    assert calibration(
        Scored("multiclass", truth, Predictions(labels, sure, ["a", "b", "c"]), "row"), RULES
    ).outcome == ("failed")


def test_rows_that_weigh_nothing_do_not_count() -> None:
    good, bad = probabilities(1, 3000), probabilities(2, 3000, 0.2)
    truth = np.concatenate([good.truth, bad.truth])
    scores = np.concatenate([one.predictions.scores for one in (good, bad) if one.predictions.scores is not None])
    labels = np.concatenate([good.predictions.labels, bad.predictions.labels]).astype(object)
    weights = np.repeat([1.0, 0.0], 3000)
    found = calibration(
        Scored("binary", truth, Predictions(labels, scores, ["no", "yes"]), "row", None, weights), RULES
    )
    assert found.outcome == "passed"
