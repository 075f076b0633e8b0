"""What the policy says of each gate: whether it is looked at, its limits, and what follows when it cannot tell."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from mlsteward.errors import InvalidName
from mlsteward.evaluation.directions import METRICS, greater_is_better
from mlsteward.names import check_alias, check_model_name, close_names
from mlsteward.record import Record

# So many letters off, an alias is one of ours that was misspelt.
_SLIP = 2
# Metrics that cannot be above 1.
_AT_MOST_ONE = (frozenset(METRICS["binary"]) | frozenset(METRICS["multiclass"]) | {"r2"}) - {"log_loss"}


def _metric(name: str) -> str:
    known = list(dict.fromkeys(metric for metrics in METRICS.values() for metric in metrics))
    if name in known:
        return name
    close = close_names(name, known)
    instead = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}"
    raise ValueError(f"it is no metric; {instead}")


def _name(check: Callable[[str], str]) -> Callable[[str], str]:
    """A name's check as pydantic wants it."""

    def checked(name: str) -> str:
        try:
            return check(name)
        except InvalidName as error:
            raise ValueError(error.said()) from error

    return checked


def _no_slip(alias: str) -> str:
    """A slip of the pen would leave the champion without its guard, and nobody would notice."""
    from rapidfuzz.distance import OSA

    for known in ("champion", "challenger"):
        if 0 < OSA.distance(alias, known) <= _SLIP:
            raise ValueError(f"did you mean `{known}`?")
    return alias


Alias = Annotated[str, AfterValidator(_name(check_alias)), AfterValidator(_no_slip)]
ModelName = Annotated[str, AfterValidator(_name(check_model_name))]
Metric = Annotated[str, AfterValidator(_metric)]
AutoMetric = Annotated[str, AfterValidator(lambda name: name if name == "auto" else _metric(name))]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Column = Annotated[str, Field(min_length=1)]


class Table(Record):
    """A table of the policy file: keys that it does not know, and values of another type, are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def _switch(value: object) -> object:
    if value is True or value is False or value == "warn":
        return value
    raise ValueError('it is true, false or "warn"')


Switch = Annotated[bool | Literal["warn"], BeforeValidator(_switch)]


class GateRules(Table):
    """`on`: true refuses a model that fails, "warn" lets it pass with a warning, false does not look.

    `undecided` is what follows when the gate can say neither yes nor no.
    """

    on: Switch = True
    undecided: Literal["refuse", "warn"] = "warn"


class ContractRules(GateRules):
    """Every check of the contract of the training dataset holds on the version that was trained on."""


class ThresholdRules(GateRules):
    """`min` and `max` by metric, on held-out rows; `by` says whether the value counts or the bound of its interval."""

    min: dict[Metric, float] = {}
    max: dict[Metric, float] = {}
    by: Literal["value", "bound"] = "value"

    @field_validator("min", "max")
    @classmethod
    def _the_right_way(cls, limits: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        for name, limit in limits.items():
            right = "min" if greater_is_better(name) else "max"
            if info.field_name != right:
                raise ValueError(
                    f"{name} is better when {'high' if right == 'min' else 'low'}: its limit is a `{right}`"
                )
            if name in _AT_MOST_ONE and limit > 1:
                raise ValueError(f"{name} is never above 1")
        return limits


class NonInferiorityRules(GateRules):
    """Not worse than the champion by more than `margin`: the paired interval of the difference excludes it.

    `margin` is in the metric's unit for metrics of shares (AUC, F1), `relative_margin` a share of the champion's for
    others (RMSE, log loss). `metric` "auto" is the one that
    the champion was chosen by.
    """

    undecided: Literal["refuse", "warn"] = "refuse"
    metric: AutoMetric = "auto"
    margin: Share = 0.01
    relative_margin: Share = 0.02
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    fewest_units: Annotated[int, Field(ge=8)] = 30


class BaselineRules(GateRules):
    """Better than the dummy beyond doubt, and not worse than the linear model beyond doubt."""


class WorstSliceRules(GateRules):
    """No slice of at least `fewest_rows` held-out rows loses more than `most_loss` times the mean loss of all rows."""

    on: Switch = "warn"
    most_loss: Positive = 2.0
    fewest_rows: Annotated[int, Field(ge=10)] = 50
    columns: list[Column] = []


Measure = Literal[
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "accuracy",
    "mean_prediction",
    "mean_error",
    "mean_absolute_error",
]


class FairnessRules(GateRules):
    """Between the groups of each of `columns` the measures differ by no more than `most_difference`.

    Without `measures` those count that suit the task.
    """

    columns: list[Column] = []
    most_difference: Share = 0.1
    fewest_rows: Annotated[int, Field(ge=10)] = 50
    measures: list[Measure] = []


class CalibrationRules(GateRules):
    """The calibration error, debiased, is not above `most_error` beyond doubt."""

    on: Switch = "warn"
    most_error: Share = 0.05


class LeakageRules(GateRules):
    """No more than `most_overlap` of the held-out rows stand in the training rows, and no feature gives the target
    away."""

    most_overlap: Share = 0.01


class LiveDriftRules(GateRules):
    """What the model was trained on is like what is served now."""

    on: Switch = "warn"
    most_drifted: Share = 0.3


class CostRules(GateRules):
    """One row takes no longer than `most_milliseconds` (95th percentile), the file no more than `most_megabytes`."""

    most_milliseconds: Positive = 100.0
    most_megabytes: Positive = 200.0


class ArtifactRules(GateRules):
    """The file has the registered bytes and types, and gives the predictions that were measured."""


class LineageRules(GateRules):
    """It is known where the model comes from: source, dataset, split, seed, code and who asked."""


class Gates(Table):
    """The gates, in the order in which they are shown."""

    contract: ContractRules = ContractRules()
    thresholds: ThresholdRules = ThresholdRules()
    non_inferiority: NonInferiorityRules = NonInferiorityRules()
    baselines: BaselineRules = BaselineRules()
    worst_slice: WorstSliceRules = WorstSliceRules()
    fairness: FairnessRules = FairnessRules()
    calibration: CalibrationRules = CalibrationRules()
    leakage: LeakageRules = LeakageRules()
    live_drift: LiveDriftRules = LiveDriftRules()
    cost: CostRules = CostRules()
    artifact: ArtifactRules = ArtifactRules()
    lineage: LineageRules = LineageRules()
