"""What can be asked of a training, and what of it is refused before any row is read. The server reads this too."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from mlsteward.data.profile import TableProfile
from mlsteward.errors import InvalidArgument, NotSupported, UnusableData
from mlsteward.evaluation.directions import METRICS, Task, default_metric
from mlsteward.labels.companions import companions
from mlsteward.names import close_names
from mlsteward.record import Record
from mlsteward.training.signature import ColumnHint

SPLITS = ("auto", "time", "group", "row")
SERVES = ("ensemble", "single")
_TEST_SIZES = (0.05, 0.5)
_MOST_TUNED = 200
_MOST_SECONDS = 3600.0
_FEWEST_GROUPS = 20


class TrainOptions(Record):
    """The arguments of a training; see `tools/train_model.py` for what they mean."""

    target: str
    task: str = "auto"
    estimator: str = "auto"
    params: dict[str, Any] = {}
    features: list[str] = []
    exclude: list[str] = []
    metric: str = "auto"
    positive_label: str = ""
    weight_column: str = ""
    costs: dict[str, float] = {}
    split: str = "auto"
    time_column: str = ""
    group_column: str = ""
    test_size: float = 0.2
    tune: int = 0
    cpu_budget: float = 12.0
    seed: int = Field(default=0)
    serve: str = "ensemble"


class SplitChoice(Record):
    """How the rows will be split, and by which columns. `identity` are the columns that identify a row."""

    kind: Literal["time", "group", "row"]
    column: str = ""
    identity: list[str] = []
    why: str = ""


def check_options(options: TrainOptions, profile: TableProfile) -> TrainOptions:
    """`options` with columns as the table spells them.

    Raises InvalidArgument, NotSupported or UnusableData for what can be seen without reading a row.
    """
    if "," in options.target and options.target not in [column.name for column in profile.columns]:
        raise NotSupported("Several targets at once are outside the scope: train one model for each.")
    if not options.target.strip():
        raise InvalidArgument("target names the column to predict.", next="profile_dataset(dataset=…)")
    _one_of("split", options.split, SPLITS)
    _one_of("serve", options.serve, SERVES)
    _within("test_size", options.test_size, *_TEST_SIZES)
    _within("tune", options.tune, 0, _MOST_TUNED)
    _within("cpu_budget", options.cpu_budget, 0.1, _MOST_SECONDS)
    _within("seed", options.seed, 0, 2**32 - 1)
    if options.tune and options.estimator == "auto":
        raise InvalidArgument("tune searches the space of a named estimator; estimator='auto' searches by itself.")
    if options.metric != "auto":
        _one_of("metric", options.metric, [name for names in METRICS.values() for name in names])
    return _resolve(options, profile)


def _resolve(options: TrainOptions, profile: TableProfile) -> TrainOptions:
    names = [column.name for column in profile.columns]
    found = {
        field: find_name(value, names, field)
        for field in ("target", "time_column", "group_column", "weight_column")
        if (value := str(getattr(options, field)))
    }
    target = profile.column(found["target"])
    if target.rows == 0:
        raise UnusableData("The dataset has no rows.", next="profile_dataset(dataset=…)")
    if target.nulls == target.rows:
        raise UnusableData(f"`{target.name}` has no value in any row.", next="profile_dataset(dataset=…)")
    if target.distinct_exact and target.distinct == 1:
        raise UnusableData(
            f"`{target.name}` has the same value in every row: there is nothing to learn.",
            next="profile_dataset(dataset=…)",
        )
    if found.get("time_column") and profile.column(found["time_column"]).family != "time":
        times = [column.name for column in profile.columns if column.family == "time"]
        raise InvalidArgument(f"time_column={options.time_column!r} holds no times.", close=times)
    if found.get("weight_column") and profile.column(found["weight_column"]).family != "number":
        raise InvalidArgument(f"weight_column={options.weight_column!r} holds no numbers.")
    lists = {
        field: [find_name(name, names, field) for name in getattr(options, field)] for field in ("features", "exclude")
    }
    if target.name in lists["features"]:
        raise InvalidArgument(f"`{target.name}` is the target and cannot be a feature.")
    return options.model_copy(update={**found, **lists})


def find_name(name: str, names: Sequence[str], argument: str) -> str:
    """The column called `name`, in any case; InvalidArgument with what was close."""
    if name in names:
        return name
    folded = [known for known in names if known.casefold() == name.strip().casefold()]
    if len(folded) == 1:
        return folded[0]
    raise InvalidArgument(
        f"{argument}={name!r} is no column of the dataset.",
        close=close_names(name, names),
        next="profile_dataset(dataset=…)",
    )


def choose_metric(metric: str, task: Task) -> str:
    """The metric that models are chosen by; InvalidArgument when the task has no such metric."""
    if metric == "auto":
        return default_metric(task)
    if metric not in METRICS[task]:
        raise InvalidArgument(f"metric={metric!r} does not fit a {task} target; it has {', '.join(METRICS[task])}.")
    return metric


def choose_split(options: TrainOptions, hints: Mapping[str, ColumnHint], rows: int) -> SplitChoice:
    """How to split a table of `rows` rows: "auto" goes by time when there is an event time, else by group, else by row.

    A group is a key of the dictionary whose values repeat. A row is identified by a key whose values do not, else by
    all its columns but the target.
    """
    times = [name for name, hint in hints.items() if hint.role == "event_time" and name != options.target]
    keys = {name: hint for name, hint in hints.items() if hint.role == "key" and name != options.target}
    unique = [name for name, hint in keys.items() if hint.distinct >= 0.99 * rows and not hint.nulls]
    groups = [name for name, hint in keys.items() if _FEWEST_GROUPS <= hint.distinct <= 0.67 * rows]
    # Who labelled a row, and when, changes with the next label; the row stays the same.
    identity = unique[:1] or [name for name in hints if name not in (options.target, *companions(options.target))]
    kind, time, group = options.split, options.time_column or next(iter(times), ""), options.group_column
    if kind == "auto" and (options.time_column or (time and not group)):
        why = "" if options.time_column else "; the table has an event time"
        return SplitChoice(kind="time", column=time, identity=identity, why=why)
    group = group or next(iter(groups), "")
    if kind == "time":
        if not time:
            raise InvalidArgument("split='time' needs time_column: the dictionary knows no event time here.")
        return SplitChoice(kind="time", column=time, identity=identity)
    if kind == "group" and not group:
        raise InvalidArgument("split='group' needs group_column.")
    if kind == "group" or (kind == "auto" and group):
        why = "" if options.group_column else "; its values repeat"
        return SplitChoice(kind="group", column=group, identity=identity, why=why)
    by = f"its key `{unique[0]}`" if unique else "its values"
    return SplitChoice(kind="row", identity=identity, why=by)


def _one_of(argument: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        synonym = argument == "split" and value in ("random", "stratified", "shuffle")
        close = ["row"] if synonym else close_names(value, allowed)
        raise InvalidArgument(f"{argument}={value!r} is none of {', '.join(dict.fromkeys(allowed))}.", close=close)


def _within(argument: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidArgument(f"{argument}={value:g} lies outside {low:g} to {high:g}.")
