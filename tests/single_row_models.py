"""Small models of every kind, fitted without a run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.columns import describe_features
from mlsteward.training.fitting import Candidate, Problem, Rows, fit_member
from mlsteward.training.signature import ColumnKind, Task
from tests.training_samples import orders, table_of

KINDS: dict[str, ColumnKind] = {
    "size": "number",
    "city": "category",
    "plan": "category",
    "express": "boolean",
    "ordered": "time",
    "note": "text",
}
TABLE = orders(240, seed=3)
LATER = orders(120, seed=4)
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "hist_gradient_boosting": {"max_iter": 12, "min_samples_leaf": 8},
    "random_forest": {"n_estimators": 8},
    "extra_trees": {"n_estimators": 8},
    "mlp": {"max_iter": 15, "hidden_layer_sizes": [8]},
}


def fitted(task: Task, *estimators: str, frame: pd.DataFrame = TABLE, **params: Any) -> ModelBundle:
    """A model of `frame`: the mean of `estimators` where there are several; `params` go to each."""
    signature = describe_features(frame, table_of(frame).columns, KINDS)
    target, classes = _target(frame, task)
    problem = Problem(task, len(classes), signature, seed=0, rows=len(frame))
    rows = Rows(frame, target, None, np.arange(len(frame)) % 3)
    members = [
        fit_member(Candidate(name, name, {**PARAMS.get(name, {}), **params}), problem, rows) for name in estimators
    ]
    for place, member in enumerate(members):
        member.weight = 1.0 + place
    return ModelBundle(task=task, target="t", classes=classes, signature=signature, members=members)


def _target(frame: pd.DataFrame, task: Task) -> tuple[np.ndarray[Any, Any], list[str]]:
    amount = column_of(frame, "amount").to_numpy(dtype=np.float64)
    if task == "regression":
        return amount, []
    if task == "binary":
        return (amount > 3).astype(np.int64), ["no", "yes"]
    return np.digitize(amount, [1.0, 4.0]).astype(np.int64), ["low", "middle", "high"]
