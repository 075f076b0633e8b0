"""What a training says of itself in words."""

import numpy as np

from mlsteward.answer import counted, interval, number
from mlsteward.evaluation.directions import greater_is_better
from mlsteward.training.portfolio import LINEAR
from mlsteward.training.threshold import mean_cost
from mlsteward.training.train import Trained

TITLES = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "f1": "F1",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "mcc": "MCC",
}


def verdict(trained: Trained) -> str:
    """The held-out metric with its interval, the rows behind it, the baselines and whether linear is beaten."""
    found = trained.metrics[trained.metric]
    test = trained.prepared.test
    units = len(set(trained.prepared.split.units[test].tolist()))
    unit = trained.prepared.split.unit
    of = f" of {counted(units, unit)}" if unit != "row" else ""
    known = ", ".join(f"{one.name} {number(one.metrics.get(trained.metric), 3)}" for one in trained.baselines)
    return (
        f"{served(trained)} predicts `{trained.bundle.target}` with {title(trained.metric)} "
        f"{interval(found.value, found.low, found.high)} on {len(test):,} held-out rows{of} (baselines: {known}). "
        f"{linear_words(trained)}"
    )


def served(trained: Trained) -> str:
    """What is served: `hist_gradient_boosting`, or `an ensemble of linear 47 %, …`."""
    members = sorted(trained.bundle.members, key=lambda member: -member.weight)
    if len(members) == 1:
        return members[0].name
    return "an ensemble of " + ", ".join(f"{member.name} {member.weight:.0%}" for member in members)


def linear_words(trained: Trained) -> str:
    """Whether the model beats the linear baseline, by the paired interval of their difference."""
    difference, name = trained.difference, title(trained.metric)
    if difference is None:
        found = trained.bundle.members[0].name == LINEAR[trained.bundle.task].name
        return "The linear model itself is the best found." if found else "It is the linear baseline itself."
    if difference.value is None or difference.low is None or difference.high is None:
        return "Too few independent rows to say whether it beats the linear baseline."
    sign = 1.0 if greater_is_better(trained.metric) else -1.0
    gain = sorted(sign * bound for bound in (difference.low, difference.high))
    # What would be written as minus zero is zero.
    value, low, high = (number(one if abs(one) >= 1e-4 else 0.0, 3) for one in (sign * difference.value, *gain))
    by = f"{value} [{low}, {high}] in {name}, paired"
    if gain[0] > 0:
        return f"It beats the linear baseline by {by}."
    if gain[1] < 0:
        return f"It is WORSE than the linear baseline: {by}. Use the linear one."
    # Shrunk or tuned, a linear model is as simple as the baseline.
    linear = all(member.encoder.style == "linear" for member in trained.bundle.members)
    return f"It does not beat the linear baseline beyond doubt: {by}." + (
        "" if linear else " The linear one is simpler."
    )


def decision(trained: Trained) -> str:
    """The threshold, or the prediction interval; "" for more than two classes."""
    bundle = trained.bundle
    if bundle.task == "binary":
        rule = "least cost" if trained.costs else "highest F1"
        return (
            f"predicts `{bundle.classes[1]}` from a probability of {number(bundle.threshold, 3)} on "
            f"({trained.threshold_note or f'{rule} out of fold'}){_cost_words(trained)}"
        )
    if bundle.conformal is not None and trained.coverage is not None:
        return (
            f"prediction ± {number(bundle.conformal)} was to hold for {bundle.conformal_level:.0%} of new rows and "
            f"held for {trained.coverage:.1%} of the held-out ones (split conformal)"
        )
    return ""


def _cost_words(trained: Trained) -> str:
    """The held-out cost beside those of the two decisions that need no model."""
    if trained.cost is None:
        return ""
    truth = trained.test_truth == trained.bundle.classes[1]
    all_of, none = (
        mean_cost(truth, np.full(len(truth), flagged), trained.test_weights, trained.costs) for flagged in (True, False)
    )
    return f"; held-out cost {number(trained.cost)} a row (flagging none {number(none)}, every row {number(all_of)})"


def title(metric: str) -> str:
    return TITLES.get(metric, metric.replace("_", " "))
