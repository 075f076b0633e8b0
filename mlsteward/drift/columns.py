"""Which columns of two tables can be compared, and as what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlsteward.data.profile import ColumnProfile, TableProfile, type_family
from mlsteward.data.snapshot import Column
from mlsteward.dictionary.sensitivity import masked_words
from mlsteward.dictionary.words import split_words
from mlsteward.drift.report import Finding
from mlsteward.errors import NotFound
from mlsteward.names import close_names
from mlsteward.record import Record

_IDENTIFIER = frozenset("id ids key uuid guid identifier".split())
_CALENDAR: dict[str, tuple[float, float]] = {
    "year": (1800, 2200),
    "yr": (1800, 2200),
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (0, 53),
    "day": (1, 366),
    "dayofyear": (1, 366),
    "weekday": (0, 7),
    "dow": (0, 7),
    "hour": (0, 24),
    "minute": (0, 60),
    "second": (0, 60),
}
_OUTCOME = frozenset("prediction predicted score probability proba".split())
_FEW_CODES = 400
_FEW_CLASSES = 20


class ComparedColumn(Record):
    """A column to compare; `outcome` marks targets and predictions."""

    name: str
    kind: Literal["number", "category"]
    outcome: bool = False


@dataclass
class Plan:
    """What will be compared, what is left out and why, and what of the schema changed."""

    columns: list[ComparedColumn] = field(default_factory=list[ComparedColumn])
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    schema: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True)
class Table:
    """A table as the plan sees it."""

    label: str
    columns: Sequence[Column]
    profile: TableProfile

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name.casefold() == name.casefold()), None)


def plan_columns(
    reference: Table,
    current: Table,
    roles: Mapping[str, str],
    *,
    asked: Sequence[str] = (),
    features: Sequence[str] = (),
    target: str = "",
    apart: Sequence[str] = (),
) -> Plan:
    """Decide for every column of `reference`.

    `roles` come from the data dictionary. Columns that were `asked` for are compared whatever they seem to be; with
    a model only its `features` and `target` are; `apart` are the columns that say which rows belong together.
    """
    for name in asked:
        if reference.column(name) is None and current.column(name) is None:
            known = [column.name for column in reference.columns]
            raise NotFound(f"{reference.label} has no column {name!r}.", close=close_names(name, known))
    wanted = {name.casefold() for name in asked} or {name.casefold() for name in [*features, target] if name}
    plan = Plan()
    for column in reference.columns:
        if wanted and features and not asked and column.name.casefold() not in wanted and not _is_outcome(column.name):
            plan.left_out[column.name] = "not used by the model"
        elif not asked or column.name.casefold() in wanted:
            _place(plan, column, reference, current, roles, asked=bool(asked), target=target, apart=apart)
    if not asked:
        known = {column.name.casefold() for column in reference.columns}
        new = [column.name for column in current.columns if column.name.casefold() not in known]
        plan.left_out.update(dict.fromkeys(new, f"not in {reference.label}"))
    return plan


def _place(
    plan: Plan,
    column: Column,
    reference: Table,
    current: Table,
    roles: Mapping[str, str],
    *,
    asked: bool,
    target: str,
    apart: Sequence[str],
) -> None:
    name = column.name
    is_target = name.casefold() == target.casefold() or roles.get(name) == "target"
    other = current.column(name)
    if other is None:
        _missing(plan, name, reference, current, outcome=is_target or _is_outcome(name))
        return
    if masked := reference.profile.column(name).masked or current.profile.column(name).masked:
        plan.left_out[name] = masked_words(masked)
        return
    families = type_family(column.type), type_family(other.type)
    if families[0] != families[1]:
        plan.schema.append(_schema(name, f"type {column.type} → {other.type}"))
        return
    profile = reference.profile.column(name)
    reason = "" if asked else _reason(profile, roles.get(name, ""), name in apart)
    if families[0] in ("time", "other"):
        reason = "a time" if families[0] == "time" else f"of type {column.type}"
    if reason:
        plan.left_out[name] = reason
        return
    outcome = is_target or _is_outcome(name)
    plan.columns.append(ComparedColumn(name=name, kind=_kind(profile, roles.get(name, ""), outcome), outcome=outcome))


def _missing(plan: Plan, name: str, reference: Table, current: Table, *, outcome: bool) -> None:
    if outcome:
        plan.left_out[name] = f"not in {current.label}"
    else:
        plan.schema.append(_schema(name, f"no longer there (it is in {reference.label})"))


def _schema(name: str, change: str) -> Finding:
    return Finding(column=name, kind="schema", change=change, drift=True, severity=1e9, measure="schema")


def _reason(profile: ColumnProfile, role: str, apart: bool) -> str:
    """Why a column says nothing about drift; "" when it does."""
    if apart:
        return "says which rows belong together"
    by_role = {
        "key": "an identifier",
        "event_time": "a time",
        "text": "free text",
        "ignore": "ignored by the dictionary",
    }
    if role in by_role:
        return by_role[role]
    if is_calendar(profile):
        return "a part of the calendar"
    return "an identifier" if is_identifier(profile) else ""


def is_calendar(profile: ColumnProfile) -> bool:
    """Whether a column is the year, month, day, hour … of something, by its name and values."""
    words = split_words(profile.name)
    if not words or words[-1] not in _CALENDAR or len(words) > 3:
        return False
    if profile.family != "number":
        return profile.family == "text" and profile.distinct <= 12
    low, high = _CALENDAR[words[-1]]
    found = profile.minimum, profile.maximum
    return all(isinstance(value, int | float) and low <= value <= high and value == int(value) for value in found)


def is_identifier(profile: ColumnProfile) -> bool:
    """Whether a column names its rows: by name and many values, as a counter, or as texts that hardly repeat."""
    filled = profile.rows - profile.nulls
    if filled < 20 or profile.family not in ("number", "text"):
        return False
    whole = profile.family == "text" or "INT" in profile.type.upper()
    if whole and _IDENTIFIER & set(split_words(profile.name)) and profile.distinct > min(50, 0.5 * filled):
        return True
    if profile.distinct < 0.95 * filled:
        return False
    return profile.family == "text" or (whole and _is_counter(profile, filled))


def _is_counter(profile: ColumnProfile, filled: int) -> bool:
    low, high = profile.minimum, profile.maximum
    return isinstance(low, int | float) and isinstance(high, int | float) and high - low + 1 <= 1.1 * filled


def _is_outcome(name: str) -> bool:
    return bool(_OUTCOME & set(split_words(name)))


def _kind(profile: ColumnProfile, role: str, outcome: bool) -> Literal["number", "category"]:
    if profile.family != "number":
        return "category"
    if profile.distinct <= 2 or (role == "category" and profile.distinct <= _FEW_CODES):
        return "category"
    low, high = profile.minimum, profile.maximum
    whole = "INT" in profile.type.upper() and isinstance(low, int | float) and isinstance(high, int | float)
    return "category" if outcome and whole and profile.distinct <= _FEW_CLASSES else "number"
