"""The metrics by task and which way each is better: light enough for the server to import."""

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]

METRICS: dict[Task, tuple[str, ...]] = {
    "binary": (
        "roc_auc",
        "pr_auc",
        "log_loss",
        "brier",
        "accuracy",
        "balanced_accuracy",
        "f1",
        "precision",
        "recall",
        "mcc",
    ),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc_ovr"),
    "regression": ("rmse", "mae", "r2", "median_absolute_error"),
}
_LOWER = ("loss", "error", "rmse", "mae", "mse", "mape", "brier", "ece", "deviance")


def default_metric(task: Task) -> str:
    """The metric a task is judged by unless another is asked for: the first in its list."""
    return METRICS[task][0]


def greater_is_better(name: str) -> bool:
    """Whether more of this metric is better; a metric logged from outside is judged by the words in its name.

    Names are split at underscores: `val_loss` and `test_rmse` are better when low, `roc_auc` and `r2` when high, and a
    score that is negated by custom (`neg_log_loss`) when high.
    """
    words = name.lower().split("_")
    return "neg" in words or not any(word in _LOWER for word in words)
