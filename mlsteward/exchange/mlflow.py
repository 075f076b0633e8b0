"""MLflow's words for what runs hold, and ours: states, metrics, parameters.

A metric of ours belongs to a split. MLflow's autologging writes `training_` before metrics of the training rows, Keras
and Lightning `val_` before those of the validation rows; every other name is one of the test rows. So each of its names
has one place here, and each place one name there.
"""

import json
from typing import Any

RUN_STATUS = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "completed",
    "FAILED": "failed",
    "KILLED": "cancelled",
}
_STATES = {
    "queued": "SCHEDULED",
    "running": "RUNNING",
    "waiting": "RUNNING",
    "completed": "FINISHED",
    "cancelled": "KILLED",
}
_PREFIXES = {"train": "training_", "validation": "val_"}
# The tag under which a run's experiment stands here; MLflow's own tags never have that name.
EXPERIMENT_TAG = "mlflow.experiment"
NAME_TAG = "mlflow.runName"
# A tag of this name says which registered dataset a run was trained on.
DATASET_TAG = "mlsteward.dataset"
# A run that was exported has these, with its number and its dataset in the workspace that it comes from.
ORIGIN_TAG = "mlsteward.run"
ORIGIN_DATASET_TAG = "mlsteward.origin.dataset"


def status_of(state: str) -> str:
    """MLflow's status of a run in a state of ours; a lost run has failed."""
    return _STATES.get(state, "FAILED")


def metric_place(key: str) -> tuple[str, str]:
    """The split and name of a metric that MLflow calls `key`."""
    for split, prefix in _PREFIXES.items():
        if key.startswith(prefix) and len(key) > len(prefix):
            return split, key.removeprefix(prefix)
    return "test", key


def metric_key(split: str, name: str) -> str:
    """What MLflow calls a metric of a split."""
    return _PREFIXES.get(split, "") + name


def parameter_value(text: str) -> Any:
    """A parameter as what it is, where its text comes out of that again: MLflow has nothing but texts."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text and number == number and abs(number) != float("inf"):
            return number
    return text


def parameter_text(value: Any) -> str:
    """A parameter as MLflow has it."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def flat_parameters(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Parameters without nesting: `{"grid": {"c": 1}}` becomes `{"grid.c": 1}`."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, dict) and value:
            found |= flat_parameters(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
