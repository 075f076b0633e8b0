"""What `check_drift` compares: from the names a caller gave to the request for a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.drift.choice import TIME_UNITS, Choice, parse_moment
from mlsteward.drift.columns import Plan, Table, plan_columns
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import close_names
from mlsteward.runs.jobs.drift import Request
from mlsteward.store.datasets import DatasetVersion, find_dataset, versions_of
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import check_open
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction


@dataclass(frozen=True)
class Asked:
    """The arguments of the call."""

    current: str = ""
    reference: str = ""
    model: str = ""
    columns: Sequence[str] = ()
    time_column: str = ""
    since: str = ""
    until: str = ""
    by: str = ""
    group: str = ""
    multivariate: bool = False

    @property
    def parts_time(self) -> bool:
        return bool(self.since or self.until or self.by in TIME_UNITS)


@dataclass(frozen=True)
class Sides:
    """Both tables, and the roles of their columns in the data dictionary."""

    reference: DatasetVersion
    current: DatasetVersion
    roles: Mapping[str, str]

    @property
    def same(self) -> bool:
        return self.reference.label == self.current.label


def drift_request(transaction: Transaction, asked: Asked) -> tuple[Request, DatasetVersion]:
    """The request for the worker, and the version of the current dataset. Raises what the caller can mend."""
    for moment in (asked.since, asked.until):
        if moment:
            parse_moment(moment, datetime.now(UTC).replace(tzinfo=None))
    model = find_model(transaction, asked.model) if asked.model else None
    sides = _sides(transaction, asked, model)
    masks = transaction.masks
    for side in (sides.reference, sides.current):
        check_open(masks, side.label, [*asked.columns, asked.time_column, asked.group, asked.by])
    choice = _choice(asked, sides)
    plan = _plan(asked, sides, choice, model)
    request = Request(
        choice=choice,
        columns=plan.columns,
        types={column.name: column.type for column in sides.reference.columns},
        left_out=plan.left_out,
        changed=plan.schema,
        importance=importance_of(get_run(transaction.whole, model.run).result) if model else {},
        reference=sides.reference.label,
        current=sides.current.label,
        model=model.label if model else "",
        multivariate=asked.multivariate,
        masked=masks.within([sides.reference.label, sides.current.label]),
    )
    return request, sides.current


def _sides(transaction: Transaction, asked: Asked, model: Model | None) -> Sides:
    if asked.current:
        current = find_dataset(transaction, asked.current)
    elif model:
        current = find_dataset(transaction, model.dataset.partition("@")[0])
    else:
        raise InvalidArgument("Name the dataset to check, as `current`.", next="list_datasets()")
    reference = _reference(transaction, asked, model, current)
    if reference.label == current.label and not asked.parts_time:
        raise InvalidArgument(
            f"{current.label} would be compared with itself: name another dataset or version, or part it in time.",
            next=f'check_drift(current="{current.name}", since="7 days")',
        )
    entries = [*column_entries(transaction, reference.name), *column_entries(transaction, current.name)]
    return Sides(reference, current, {entry.column: entry.role for entry in entries if entry.role})


def _reference(transaction: Transaction, asked: Asked, model: Model | None, current: DatasetVersion) -> DatasetVersion:
    if asked.reference:
        return find_dataset(transaction, asked.reference)
    if model:
        return find_dataset(transaction, model.dataset)
    if asked.parts_time:
        return current
    versions = versions_of(transaction, current.name)
    there = [version for version in versions if not (version.held or version.collected)]
    older = [version for version in there if version.version < current.version]
    if older:
        return older[0]
    raise InvalidArgument(
        f"{current.label} is the first version of its dataset, so there is nothing to compare it with: name a"
        " `reference` or a `model`, or part it in time by `since`.",
        next=f'check_drift(current="{current.name}", since="7 days")',
    )


def _choice(asked: Asked, sides: Sides) -> Choice:
    time = _time_column(asked, sides)
    for name, what in ((asked.group, "group"), (asked.by if asked.by not in TIME_UNITS else "", "by")):
        if name:
            _known(sides.current, name, what)
    group = _spelled(sides.current.columns, asked.group)
    if asked.until and sides.same and not asked.since:
        raise InvalidArgument("With `until` alone nothing says where the current rows begin: give `since` too.")
    return Choice(
        reference=sides.reference.snapshot,
        current=sides.current.snapshot,
        same=sides.same,
        time_column=time.name if time else "",
        time_is_text=bool(time) and type_family(time.type) == "text",
        time_in_reference=bool(time and _spelled(sides.reference.columns, time.name)),
        group=group,
        group_in_reference=bool(_spelled(sides.reference.columns, group)),
        since=asked.since,
        until=asked.until,
        by=asked.by if asked.by in TIME_UNITS else _spelled(sides.current.columns, asked.by),
    )


def _time_column(asked: Asked, sides: Sides) -> Column | None:
    """The column that says when a row happened: as asked, else the dictionary's, else the only time there is."""
    columns = sides.current.columns
    if asked.time_column:
        column = _known(sides.current, asked.time_column, "time_column")
        if type_family(column.type) not in ("time", "text"):
            raise InvalidArgument(
                f"`{column.name}` is {column.type}, no time; make one with transform_dataset (to_timestamp, strptime).",
                close=[other.name for other in columns if type_family(other.type) == "time"],
            )
        return column
    profile = sides.current.profile
    times = [
        column for column in columns if type_family(column.type) == "time" and not profile.column(column.name).masked
    ]
    events = [column for column in times if sides.roles.get(column.name) == "event_time"]
    if events or len(times) == 1:
        return (events or times)[0]
    if not asked.parts_time:
        return None
    raise InvalidArgument(
        f"Which column of {sides.current.label} says when a row happened? Give `time_column`.",
        close=[column.name for column in times],
        next=f'profile_dataset(dataset="{sides.current.name}")',
    )


def _known(dataset: DatasetVersion, name: str, argument: str) -> Column:
    for column in dataset.columns:
        if column.name.casefold() == name.casefold():
            return column
    names = [column.name for column in dataset.columns]
    hint = f" (or one of {', '.join(TIME_UNITS)})" if argument == "by" else ""
    raise NotFound(
        f"{dataset.label} has no column {name!r} to use as `{argument}`{hint}.",
        close=close_names(name, names),
        next=f'profile_dataset(dataset="{dataset.name}")',
    )


def _spelled(columns: Sequence[Column], name: str) -> str:
    return next((column.name for column in columns if name and column.name.casefold() == name.casefold()), "")


def _plan(asked: Asked, sides: Sides, choice: Choice, model: Model | None) -> Plan:
    tables = [Table(side.label, side.columns, side.profile) for side in (sides.reference, sides.current)]
    by = "" if choice.by in TIME_UNITS else choice.by
    return plan_columns(
        tables[0],
        tables[1],
        sides.roles,
        asked=asked.columns,
        features=[column.name for column in model.signature] if model else [],
        target=model.target if model else "",
        apart=[name for name in (choice.time_column, choice.group, by) if name],
    )


def importance_of(result: Mapping[str, Any]) -> dict[str, float]:
    """What each column is worth to a model, from the result of its train run; near-copies share one value."""
    found: dict[str, float] = {}
    for row in result.get("importance") or []:
        if isinstance(row, Mapping) and isinstance(row.get("value"), int | float):
            found.update(dict.fromkeys(row.get("columns") or [], float(row["value"])))
    return found
