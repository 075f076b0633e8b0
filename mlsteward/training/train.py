"""Training as a whole: a table and options in, a judged model out. Pure but for the CPU clock of `estimator="auto"`."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from mlsteward.evaluation.comparison import Difference, paired_bootstrap
from mlsteward.evaluation.conformal import conformal_half_width, coverage
from mlsteward.evaluation.intervals import Interval, bootstrap_intervals
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Predictions
from mlsteward.training.bundle import Member, ModelBundle
from mlsteward.training.estimators import find_estimator
from mlsteward.training.fitting import Rows
from mlsteward.training.options import SplitChoice, TrainOptions, choose_metric
from mlsteward.training.portfolio import LINEAR, to_predictions, truth_of
from mlsteward.training.prepare import Prepared, Table, prepare
from mlsteward.training.selection import Selected, cross_fitting, select
from mlsteward.training.signature import Task
from mlsteward.training.task import Target
from mlsteward.training.threshold import Threshold, check_costs, choose_threshold, mean_cost

Floats = NDArray[np.float64]

CONFORMAL_LEVEL = 0.9


@dataclass(frozen=True)
class Baseline:
    """A baseline's held-out metrics at the model's threshold rule of 0.5."""

    name: str
    metrics: dict[str, float | None]


@dataclass(frozen=True)
class Trained:
    """A model and all that was measured of it.

    `test` are its predictions of the held-out rows; `fitted` those of the training rows, out of fold, with `folds`
    (m,) the fold of each, -1 for rows that were not cross-fitted and were scored by models that did not see them.
    `difference` compares with the linear baseline, None when the model is that.
    """

    prepared: Prepared
    metric: str
    bundle: ModelBundle
    selected: Selected
    test: Predictions
    fitted: Predictions
    folds: NDArray[np.int64]
    metrics: dict[str, Interval]
    baselines: list[Baseline]
    difference: Difference | None
    costs: dict[str, float]
    cost: float | None
    threshold_note: str
    coverage: float | None

    @property
    def test_truth(self) -> NDArray[np.object_] | Floats:
        return self.prepared.target.truth[self.prepared.test]

    @property
    def test_weights(self) -> Floats | None:
        return None if self.prepared.weights is None else self.prepared.weights[self.prepared.test]


def train(table: Table, options: TrainOptions, choice: SplitChoice, progress: Callable[[float, str], None]) -> Trained:
    """Train on the rows that are not held out and measure on those that are.

    Raises UnusableData, NotSupported or InvalidArgument with what is wrong with the data or the options.
    """
    with warnings.catch_warnings():
        # An optimiser that stopped early shows in the held-out score; rare classes may miss from a fold.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
        return _train(table, options, choice, progress)


def _train(table: Table, options: TrainOptions, choice: SplitChoice, progress: Callable[[float, str], None]) -> Trained:
    progress(0.02, "looking at the columns")
    prepared = prepare(table, options, choice)
    target = prepared.target
    metric = choose_metric(options.metric, target.task)
    costs = check_costs(options.costs, target.task)
    problem = prepared.problem(options.seed)
    folds, most = cross_fitting(options, len(prepared.train), _rarest(prepared))
    rows, part, chosen = prepared.training_rows(folds=folds, most=most, seed=options.seed)
    selected = select(options, problem, rows, part, metric=metric, classes=target.classes, progress=progress)
    progress(0.95, "measuring on the held-out rows")
    threshold = _threshold(target, selected, part, costs)
    bundle = _bundle(prepared, selected, part, threshold.value)
    test = bundle.predict(prepared.frame.iloc[prepared.test])
    fitted, dealt = _fitted(bundle, selected, rows, chosen)
    return _measure(prepared, metric, bundle, selected, test, fitted, dealt, costs, threshold.note, options.seed)


def _rarest(prepared: Prepared) -> float:
    """The share of the rarest class in the training rows; 1 for numbers."""
    if not prepared.target.classes:
        return 1.0
    return float(np.bincount(prepared.target.values[prepared.train].astype(np.int64)).min() / len(prepared.train))


def _threshold(target: Target, selected: Selected, part: Rows, costs: dict[str, float]) -> Threshold:
    if target.task != "binary":
        return Threshold(0.5)
    return choose_threshold(part.target == 1, selected.scores[:, 1], part.weights, costs)


def _bundle(prepared: Prepared, selected: Selected, part: Rows, threshold: float) -> ModelBundle:
    target, half_width = prepared.target, None
    if target.task == "regression":
        half_width = conformal_half_width(np.abs(part.target - selected.scores[:, 0]), CONFORMAL_LEVEL)
    return ModelBundle(
        task=target.task,
        target=target.name,
        classes=target.classes,
        signature=prepared.signature,
        members=selected.members,
        threshold=threshold,
        conformal=half_width,
        conformal_level=CONFORMAL_LEVEL,
    )


def _fitted(
    bundle: ModelBundle, selected: Selected, rows: Rows, chosen: NDArray[np.int64]
) -> tuple[Predictions, NDArray[np.int64]]:
    """Predictions of all training rows by models that did not see them, and the folds."""
    if len(chosen) == len(rows.target):
        return to_predictions(selected.scores, bundle.classes, bundle.threshold), rows.folds
    scores = np.empty((len(rows.target), max(len(bundle.classes), 1)))
    folds = np.full(len(rows.target), -1, dtype=np.int64)
    folds[chosen] = rows.folds[chosen]
    outside = np.flatnonzero(folds < 0)
    scores[chosen] = selected.scores
    scores[outside] = _blend(selected.fold_members, rows.take(outside), len(bundle.classes))
    return to_predictions(scores, bundle.classes, bundle.threshold), folds


def _blend(members: list[Member], rows: Rows, classes: int) -> Floats:
    total = sum(member.weight for member in members)
    return np.sum([member.scores(rows.frame, classes) * (member.weight / total) for member in members], axis=0)


def _is_linear_baseline(selected: Selected, task: Task) -> bool:
    baseline = LINEAR[task]
    expected = (baseline.estimator, {**find_estimator(baseline.estimator, task).defaults, **baseline.params})
    return [(place.estimator, place.params) for place in selected.leaderboard if place.weight] == [expected]


def _measure(
    prepared: Prepared,
    metric: str,
    bundle: ModelBundle,
    selected: Selected,
    test: Predictions,
    fitted: Predictions,
    folds: NDArray[np.int64],
    costs: dict[str, float],
    threshold_note: str,
    seed: int,
) -> Trained:
    target, rows = prepared.target, prepared.test
    truth = truth_of(target.values[rows], target.classes)
    units = prepared.split.units[rows]
    weights = None if prepared.weights is None else prepared.weights[rows]
    known = {
        name: to_predictions(member.scores(prepared.frame.iloc[rows], len(target.classes)), target.classes)
        for name, member in selected.baselines.items()
    }
    linear = LINEAR[target.task].name
    difference = None
    if not _is_linear_baseline(selected, target.task):
        difference = paired_bootstrap(
            target.task,
            truth,
            test,
            known[linear],
            metric=metric,
            units=units,
            weights=weights,
            seed=seed,
            thresholds=(bundle.threshold, 0.5),
        )
    cost = None
    if costs:
        flagged = test.positive() >= bundle.threshold
        cost = mean_cost(truth == target.classes[1], flagged, weights, costs)
    width = bundle.conformal
    return Trained(
        prepared=prepared,
        metric=metric,
        bundle=bundle,
        selected=selected,
        test=test,
        fitted=fitted,
        folds=folds,
        metrics=bootstrap_intervals(
            target.task, truth, test, units=units, weights=weights, threshold=bundle.threshold, seed=seed
        ),
        baselines=[
            Baseline(name, compute_metrics(target.task, truth, predictions, weights))
            for name, predictions in known.items()
        ],
        difference=difference,
        costs=costs,
        cost=cost,
        threshold_note=threshold_note,
        coverage=None if width is None else coverage(truth.astype(np.float64), test.labels.astype(np.float64), width),
    )
