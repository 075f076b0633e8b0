"""Which columns a model uses, and as what; which are set aside, and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of, spread
from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.dictionary.sensitivity import masked_words
from mlsteward.errors import UnusableData
from mlsteward.training.labels import as_labels
from mlsteward.training.signature import ColumnHint, ColumnKind, SetAside, SignatureColumn

_SAMPLE = 20_000
_MOST_LEVELS = 50
_IDENTIFIER_ROWS = 30
_UNIQUE = 0.95
_TEXT_WORDS = 3.0
_ID_NAME = re.compile(r"(^|_)(id|uuid|guid|rowid|unnamed)(_|$)|^(index|key|row_number)$")


@dataclass(frozen=True)
class ColumnPlan:
    """The features by name, in the table's order, and what was set aside."""

    kinds: dict[str, ColumnKind]
    set_aside: list[SetAside]
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Wishes:
    """What the caller asked of columns. `reserved` maps columns used otherwise (weights, groups) to that use."""

    features: Sequence[str] = ()
    exclude: Sequence[str] = ()
    reserved: Mapping[str, str] = field(default_factory=dict[str, str])


def plan_columns(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    *,
    target: str,
    hints: Mapping[str, ColumnHint],
    wishes: Wishes,
) -> ColumnPlan:
    """Sort the `columns` of `frame` (n rows with a target) into features and columns set aside.

    Identifiers are used when `wishes.features` names them, with a note; columns known only after the prediction,
    constants and columns of no usable type never are. Raises UnusableData when no feature is left.
    """
    wanted, unwanted = set(wishes.features), set(wishes.exclude)
    sample = spread(frame, _SAMPLE)
    kinds: dict[str, ColumnKind] = {}
    aside: list[SetAside] = []
    notes: list[str] = []
    for column in columns:
        name = column.name
        if name == target or name in unwanted or (wanted and name not in wanted):
            continue
        hint = hints.get(name, ColumnHint())
        reason = wishes.reserved.get(name) or _unusable(frame, sample, column, hint)
        identifier = "" if reason else _identifies(column_of(sample, name), column, hint)
        if identifier and name in wanted:
            notes.append(f"`{name}` is used because features names it, though it {identifier}.")
        elif reason or identifier:
            aside.append(SetAside(name=name, reason=reason or identifier))
            continue
        kinds[name] = _kind(column_of(sample, name), column, hint)
    if not kinds:
        reasons = "; ".join(f"`{one.name}` {one.reason}" for one in aside[:5])
        raise UnusableData(f"No column is left to learn from. {reasons}".rstrip(), next="profile_dataset(dataset=…)")
    return ColumnPlan(kinds, aside, notes + _infinite(sample, kinds))


def describe_features(
    frame: pd.DataFrame, columns: Sequence[Column], kinds: Mapping[str, ColumnKind]
) -> list[SignatureColumn]:
    """The signature of a model trained on the rows of `frame`."""
    types = {column.name: column.type for column in columns}
    return [_describe(column_of(frame, name), types[name], kind) for name, kind in kinds.items()]


def _describe(values: pd.Series, type: str, kind: ColumnKind) -> SignatureColumn:
    described = SignatureColumn(name=str(values.name), type=type, kind=kind, nulls=int(values.isna().sum()))
    if kind == "number":
        numbers = values.to_numpy(dtype=np.float64)
        finite = numbers[np.isfinite(numbers)]
        if len(finite):
            described.low, described.high = float(finite.min()), float(finite.max())
    elif kind == "category":
        # Spelled as rows of calls and of tables are when they are held against them.
        counts = pd.Series(as_labels(values), dtype=object).value_counts()
        described.levels, described.distinct = [str(level) for level in counts.index[:_MOST_LEVELS]], len(counts)
    return described


def _unusable(frame: pd.DataFrame, sample: pd.DataFrame, column: Column, hint: ColumnHint) -> str:
    if hint.masked:
        return f"is {masked_words(hint.masked)} for whoever asked"
    if hint.available_at == "after":
        return "is known only after the prediction, says the dictionary"
    if type_family(column.type) == "other":
        return f"is of type {column.type}, which models do not read"
    if _constant(column_of(sample, column.name)) and _constant(column_of(frame, column.name)):
        return "is empty" if not column_of(frame, column.name).notna().any() else "has one value in all rows"
    if hint.role == "ignore":
        return "is marked `ignore` in the dictionary"
    return ""


def _constant(values: pd.Series) -> bool:
    return values.nunique(dropna=False) <= 1


def _identifies(values: pd.Series, column: Column, hint: ColumnHint) -> str:
    """Why the column is an identifier, or ""."""
    family = type_family(column.type)
    if hint.role == "key" and family in ("number", "text"):
        return "is an identifier (a key in the dictionary)"
    filled = int(values.notna().sum())
    if hint.role in ("measure", "category", "text", "event_time") and hint.written:
        return ""
    if filled < _IDENTIFIER_ROWS or values.nunique() < _UNIQUE * filled:
        return ""
    if family == "text" and _words(values) < _TEXT_WORDS and hint.role != "text":
        return "is an identifier: nearly every row has its own value"
    if family == "number" and _whole(values) and (_ID_NAME.search(column.name.casefold()) or _counts_up(values)):
        return "is an identifier: whole numbers, one to a row"
    return ""


def _kind(values: pd.Series, column: Column, hint: ColumnHint) -> ColumnKind:
    family = type_family(column.type)
    if family == "time":
        return "time"
    if family == "boolean":
        return "boolean"
    if family == "number":
        return "category" if hint.role == "category" and hint.written else "number"
    if hint.role == "category" and hint.written:
        return "category"
    wordy = values.nunique() > _MOST_LEVELS and _words(values) >= _TEXT_WORDS
    return "text" if wordy or (hint.role == "text" and values.nunique() > _MOST_LEVELS) else "category"


def _words(values: pd.Series) -> float:
    """Words per value, on average."""
    present = values.dropna()
    return float(np.mean([len(str(value).split()) for value in present])) if len(present) else 0.0


def _whole(values: pd.Series) -> bool:
    numbers = values.dropna().to_numpy(dtype=np.float64)
    return bool(np.all(np.isfinite(numbers)) and np.all(numbers == np.floor(numbers)))


def _counts_up(values: pd.Series) -> bool:
    steps = np.diff(values.dropna().to_numpy(dtype=np.float64))
    return bool(len(steps) and steps[0] != 0 and np.all(steps == steps[0]))


def _infinite(sample: pd.DataFrame, kinds: Mapping[str, ColumnKind]) -> list[str]:
    found = [
        name
        for name, kind in kinds.items()
        if kind == "number" and np.isinf(column_of(sample, name).to_numpy(dtype=np.float64)).any()
    ]
    return [f"Infinite values of {', '.join(f'`{name}`' for name in found)} are treated as missing."] if found else []
