"""What is to be learnt: the kind of task, the classes, and the rows whose target can be used."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.data.profile import Family
from mlsteward.errors import InvalidArgument, NotSupported, UnusableData
from mlsteward.training.labels import as_labels
from mlsteward.training.signature import Task

TASKS: tuple[str, ...] = ("auto", "classification", "binary", "multiclass", "regression")
MOST_CLASSES = 100
_FEW_NUMBERS = 20
_ROWS_PER_CLASS = 5
_FEWEST_ROWS = 20
_POSITIVE = ("true", "1", "yes", "y", "positive", "t")

OUTSIDE = {
    "forecasting": "Forecasting with horizons is outside the scope: make lagged columns with transform_dataset and "
    "train a regression on them, or use statsforecast.",
    "clustering": "Clustering is outside the scope, having no target: use scikit-learn's KMeans or HDBSCAN.",
    "anomaly": "Anomaly models without labels are outside the scope: use scikit-learn's IsolationForest.",
    "survival": "Survival models are outside the scope: use lifelines or scikit-survival, or train a binary target "
    "such as churned_within_90_days.",
    "ranking": "Learning to rank is outside the scope: use LightGBM's LGBMRanker, or train a binary target.",
    "image": "Images are outside the scope: use torchvision or timm.",
    "multilabel": "Several targets at once are outside the scope: train one model for each.",
}
_SYNONYMS = {
    "time_series": "forecasting",
    "forecast": "forecasting",
    "anomaly_detection": "anomaly",
    "images": "image",
    "multioutput": "multilabel",
}


@dataclass(frozen=True)
class Target:
    """The target of n rows.

    `usable` (n,) marks the rows that can be learnt from; `values` (of the usable rows) are class codes (int64, in the
    order of `classes`) or floats in the target's unit; `notes` say what was decided and left out.
    """

    name: str
    task: Task
    classes: list[str]
    usable: NDArray[np.bool_]
    values: NDArray[np.int64] | NDArray[np.float64]
    notes: list[str] = field(default_factory=list[str])

    @property
    def truth(self) -> NDArray[np.object_] | NDArray[np.float64]:
        """The usable rows' labels as text, or their numbers."""
        if not self.classes:
            return self.values.astype(np.float64)
        return np.asarray(self.classes, dtype=object)[self.values.astype(np.int64)]


def check_task(task: str) -> str:
    """`task` as one of `TASKS`; NotSupported, with what to use instead, for what is outside the scope."""
    wanted = task.strip().lower().replace("-", "_").replace(" ", "_")
    wanted = _SYNONYMS.get(wanted, wanted)
    if wanted in OUTSIDE:
        raise NotSupported(OUTSIDE[wanted])
    if wanted not in TASKS:
        raise InvalidArgument(f"task={task!r} is none of {', '.join(TASKS)}.")
    return wanted


def read_target(values: pd.Series, family: Family, *, name: str, task: str = "auto", positive: str = "") -> Target:
    """Decide what kind of task the column `values` (n,) poses and encode it; "classification" leaves open of how many.

    Rows without a value, with an infinite one, or of a class with fewer than 5 rows are left out and counted.
    Raises UnusableData when too little is left (one class, no spread, under 20 rows), NotSupported for times and
    for more than 100 classes, InvalidArgument when `task` or `positive` does not fit.
    """
    wanted = check_task(task)
    if family == "time":
        raise NotSupported(f"`{name}` is a time. {OUTSIDE['forecasting']} {OUTSIDE['survival']}")
    if family == "other":
        raise NotSupported(f"`{name}` is neither a number, a text nor a Boolean. {OUTSIDE['multilabel']}")
    present = values.notna().to_numpy()
    notes = _left_out(int((~present).sum()), len(values), f"have no `{name}`")
    if not present.any():
        raise UnusableData(f"`{name}` has no value in any row.", next="profile_dataset(dataset=…)")
    if wanted == "auto":
        wanted = _infer(values.loc[present], family, name)
    if wanted == "regression":
        return _regression(values, family, present, name, notes)
    return _classification(values, present, name, wanted, positive, notes)


def _infer(values: pd.Series, family: Family, name: str) -> str:
    distinct = values.nunique()
    if family == "number" and distinct > 2:
        whole = values.dtype.kind in "iu"
        few = distinct <= _FEW_NUMBERS and len(values) >= _ROWS_PER_CLASS * distinct
        return "multiclass" if whole and few else "regression"
    if distinct > MOST_CLASSES:
        raise NotSupported(
            f"`{name}` holds {distinct:,} different texts, more than {MOST_CLASSES} classes: is it the right target?",
            next="profile_dataset(dataset=…)",
        )
    return "binary" if distinct <= 2 else "multiclass"


def _regression(values: pd.Series, family: Family, present: NDArray[np.bool_], name: str, notes: list[str]) -> Target:
    if family != "number":
        raise InvalidArgument(f"task='regression' needs numbers, and `{name}` is {family}.")
    numbers = values.to_numpy(dtype=np.float64)
    usable = np.isfinite(numbers)
    notes += _left_out(int((present & ~usable).sum()), len(values), f"have an infinite `{name}`")
    kept = numbers[usable]
    _check_count(len(kept), name)
    if len(np.unique(kept)) < 2:
        raise UnusableData(f"`{name}` has the same value in every row: there is nothing to learn.")
    return Target(name, "regression", [], usable, kept, notes)


def _classification(
    values: pd.Series, present: NDArray[np.bool_], name: str, task: str, positive: str, notes: list[str]
) -> Target:
    labels = as_labels(values)
    counts = count_labels(labels[present])
    rare = [label for label, count in counts.items() if count < _ROWS_PER_CLASS]
    if rare and len(counts) - len(rare) >= 2:
        notes.append(f"{_listed(rare)} left out: fewer than {_ROWS_PER_CLASS} rows of `{name}` each.")
        present = present & ~np.isin(labels.astype(str), rare)
    found = [label for label in counts if label not in rare] or list(counts)
    if len(found) < 2 <= len(counts):
        raise UnusableData(
            f"`{name}` has {len(counts):,} values, of which fewer than two stand in {_ROWS_PER_CLASS} rows or more: "
            "they are no classes to learn.",
            next="profile_dataset(dataset=…)",
        )
    _check_classes(found, name, task)
    _check_count(int(present.sum()), name)
    classes = _ordered(found, counts, positive, name) if len(found) == 2 else _sorted(found)
    if positive and len(found) != 2:
        raise InvalidArgument(f"positive_label is for two classes, and `{name}` has {len(found)}.")
    codes = pd.Categorical(labels[present], categories=classes).codes.astype(np.int64)
    kind: Task = "binary" if len(classes) == 2 else "multiclass"
    return Target(name, kind, classes, present, codes, notes)


def count_labels(labels: NDArray[np.object_]) -> dict[str, int]:
    """How many rows each label has, the most frequent first."""
    distinct, counts = np.unique(labels.astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(distinct[place]): int(counts[place]) for place in order}


def _check_classes(found: Sequence[str], name: str, task: str) -> None:
    if len(found) < 2:
        raise UnusableData(
            f"`{name}` has one class only ({found[0]!r}): a model needs rows of two or more.",
            next="profile_dataset(dataset=…)",
        )
    if len(found) > MOST_CLASSES:
        raise NotSupported(f"`{name}` has {len(found):,} classes, more than {MOST_CLASSES}.")
    if task == "binary" and len(found) > 2:
        raise InvalidArgument(
            f"task='binary' needs two classes, and `{name}` has {len(found)}: {_listed(found)}.",
            next='train_model(dataset=…, target=…, task="multiclass")',
        )


def _check_count(rows: int, name: str) -> None:
    if rows < _FEWEST_ROWS:
        raise UnusableData(f"Only {rows} rows have a usable `{name}`; a model needs {_FEWEST_ROWS} at least.")


def _ordered(found: Sequence[str], counts: dict[str, int], positive: str, name: str) -> list[str]:
    """Two classes, the positive one second: the one asked for, a yes, else the rarer."""
    if positive:
        wanted = [label for label in found if label.casefold() == positive.strip().casefold()]
        if not wanted:
            raise InvalidArgument(
                f"positive_label={positive!r} is no class of `{name}`: {_listed(found)}.", close=found
            )
        second = wanted[0]
    else:
        yes = [label for label in found if label.casefold() in _POSITIVE]
        second = yes[0] if len(yes) == 1 else min(_sorted(found)[::-1], key=lambda label: counts[label])
    first = next(label for label in found if label != second)
    return [first, second]


def _sorted(labels: Sequence[str]) -> list[str]:
    """Labels in order, numbers by their size."""
    try:
        return sorted(labels, key=float)
    except ValueError:
        return sorted(labels)


def _left_out(count: int, rows: int, why: str) -> list[str]:
    return [f"{count:,} of {rows:,} rows {why} and are left out."] if count else []


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:5])
    return shown + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
