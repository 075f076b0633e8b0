"""How much a model leans on its columns, by permuting them on rows it did not see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mlsteward.data.frames import column_of
from mlsteward.evaluation.columns import as_numbers
from mlsteward.evaluation.directions import Task, greater_is_better
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.training.spread import spread

NEAR_COPY = 0.9
_MOST_CATEGORIES = 5
_PROFILE_ROWS = 500


@dataclass(frozen=True)
class Importance:
    """What permuting `columns` together costs in the metric (positive: they matter), with its standard error.

    `direction` says how the prediction moves with the first of them, in words, "" where it has no one direction;
    `effect` is the size of that move: the mean prediction at the column's 90th percentile less that at its 10th (or
    of its highest category less its lowest), as a probability or in the target's unit.
    """

    columns: list[str]
    value: float
    error: float
    direction: str = ""
    effect: float | None = None


def near_copies(frame: pd.DataFrame, limit: float = NEAR_COPY) -> list[list[str]]:
    """The columns of `frame` in groups: those that follow each other so closely that one can stand for another.

    Numbers, times and Booleans whose rank correlation reaches `limit` in size; categories that map one to one.
    Permuted one at a time such columns look unimportant, because the other still tells the model
    (Strobl et al. 2008; Hooker, Mentch & Zhou 2021).
    """
    names = [str(name) for name in frame.columns]
    numbers = {name: as_numbers(column_of(frame, name)) for name in names}
    ranked = pd.DataFrame({name: values for name, values in numbers.items() if values is not None})
    together = np.eye(len(names), dtype=bool)
    if ranked.shape[1] > 1:
        correlation = np.abs(ranked.corr(method="spearman", min_periods=10).to_numpy())
        places = [names.index(str(name)) for name in ranked.columns]
        together[np.ix_(places, places)] |= np.nan_to_num(correlation) >= limit
    texts = [name for name in names if name not in ranked.columns]
    for index, first in enumerate(texts):
        for second in texts[index + 1 :]:
            if _one_to_one(column_of(frame, first), column_of(frame, second)):
                together[names.index(first), names.index(second)] = True
    _, labels = connected_components(csr_array(together), directed=False)
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        groups.setdefault(int(label), []).append(name)
    return list(groups.values())


def _one_to_one(first: pd.Series, second: pd.Series) -> bool:
    distinct = first.nunique()
    if distinct < 2 or distinct != second.nunique() or distinct > len(first) / 2:
        return False
    return len(pd.DataFrame({"first": first, "second": second}).dropna().drop_duplicates()) == distinct


def permutation_importance(
    predict: Callable[[pd.DataFrame], Predictions],
    frame: pd.DataFrame,
    truth: np.ndarray,
    *,
    task: Task,
    metric: str,
    groups: Sequence[Sequence[str]],
    seed: int,
    weights: Floats | None = None,
    threshold: float = 0.5,
    repeats: int = 5,
) -> list[Importance]:
    """What each group of columns is worth to the model on n rows that it did not see, the most valuable first.

    The mean loss in `metric` over `repeats` permutations of the rows of a group (Breiman 2001; Fisher, Rudin &
    Dominici 2019). A metric that these rows cannot answer gives an empty list.
    """
    generator = np.random.default_rng(seed)
    sign = 1.0 if greater_is_better(metric) else -1.0
    whole = compute_metrics(task, truth, predict(frame), weights, threshold).get(metric)
    if whole is None:
        return []
    pieces = [
        (list(group), np.concatenate([generator.permutation(len(frame)) for _ in range(repeats)])) for group in groups
    ]
    sample = _Sample(predict, frame, truth, task, metric, weights, threshold, repeats, sign * whole)
    return sorted(spread(_permuted, pieces, (sample,)), key=lambda importance: -importance.value)


@dataclass(frozen=True)
class _Sample:
    """What all groups of columns are measured on; `whole` is the metric before, with better above."""

    predict: Callable[[pd.DataFrame], Predictions]
    frame: pd.DataFrame
    truth: np.ndarray
    task: Task
    metric: str
    weights: Floats | None
    threshold: float
    repeats: int
    whole: float


def _permuted(sample: _Sample, group: list[str], orders: np.ndarray) -> Importance:
    """What permuting the rows of a group costs, in (repeats x n,) `orders` one after another."""
    frame, repeats = sample.frame, sample.repeats
    sign = 1.0 if greater_is_better(sample.metric) else -1.0
    # All repeats are predicted together: a call of a model costs more than the rows of a small table.
    copies = pd.concat([frame] * repeats, ignore_index=True)
    together = sample.predict(_with_rows_of(copies, group, orders))
    losses: list[float] = []
    for repeat in range(repeats):
        part = _part(together, repeat, len(frame))
        value = compute_metrics(sample.task, sample.truth, part, sample.weights, sample.threshold).get(sample.metric)
        losses.append(sample.whole - sign * value if value is not None else np.nan)
    error = float(np.std(losses, ddof=1) / np.sqrt(repeats)) if repeats > 1 else 0.0
    direction, effect = ("", None) if sample.task == "multiclass" else _direction(sample.predict, frame, group)
    return Importance(group, float(np.mean(losses)), error, direction, effect)


def _part(predictions: Predictions, number: int, rows: int) -> Predictions:
    place = slice(number * rows, (number + 1) * rows)
    scores = None if predictions.scores is None else predictions.scores[place]
    return Predictions(predictions.labels[place], scores, predictions.classes)


def _with_rows_of(frame: pd.DataFrame, columns: list[str], rows: np.ndarray) -> pd.DataFrame:
    """`frame` with `columns` taken from other rows of it, together."""
    changed = frame.copy(deep=False)
    for name in columns:
        changed[name] = frame[name].array[rows]
    return changed


def _direction(
    predict: Callable[[pd.DataFrame], Predictions], frame: pd.DataFrame, group: list[str]
) -> tuple[str, float | None]:
    """How the mean prediction moves with the first column of a group, by partial dependence (Friedman 2001).

    Near-copies move along: each setting is that of a row that occurs.
    """
    numbers = as_numbers(column_of(frame, group[0]))
    if numbers is None:
        counts = frame[group[0]].value_counts().index[:_MOST_CATEGORIES]
        donors = {str(value): int(np.flatnonzero(frame[group[0]].to_numpy() == value)[0]) for value in counts}
    else:
        present = np.flatnonzero(numbers.notna().to_numpy())
        if not len(present):
            return "", None
        order = present[np.argsort(numbers.to_numpy()[present], kind="stable")]
        donors = {"low": int(order[int(0.1 * (len(order) - 1))]), "high": int(order[int(0.9 * (len(order) - 1))])}
    if len(donors) < 2:
        return "", None
    sample = frame.iloc[:_PROFILE_ROWS]
    means = {name: _mean_prediction(predict, frame, sample, group, row) for name, row in donors.items()}
    if numbers is not None:
        effect = means["high"] - means["low"]
        return ("" if effect == 0 else "rises with it" if effect > 0 else "falls with it"), effect
    highest = max(means, key=lambda name: means[name])
    effect = means[highest] - min(means.values())
    return (f"highest for {highest}" if effect > 0 else ""), effect


def _mean_prediction(
    predict: Callable[[pd.DataFrame], Predictions],
    frame: pd.DataFrame,
    sample: pd.DataFrame,
    group: list[str],
    row: int,
) -> float:
    rows = np.full(len(sample), row)
    changed = sample.copy(deep=False)
    for name in group:
        changed[name] = frame[name].array[rows]
    predictions = predict(changed)
    values = predictions.labels if predictions.scores is None else predictions.scores[:, -1]
    return float(np.mean(values.astype(np.float64)))
