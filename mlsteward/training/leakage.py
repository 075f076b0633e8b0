"""Columns that know the target: copies and functions of it are set aside, very strong ones are asked about.

What tells a function of the target from an honest strong column is the boundary: the arrival delay meets the class
"more than 15 minutes late" at 15 without a gap and in the thick of its values, whereas the petals of two species leave
a gap between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from mlsteward.data.frames import column_of
from mlsteward.training.signature import ColumnKind, SetAside
from mlsteward.training.task import Target

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

STRONG_AUC = 0.85
STRONG_CLASS_AUC = 0.99
STRONG_CORRELATION = 0.85
_FEWEST_ROWS = 50
_MANY_ROWS = 200
_FEW_VALUES = 20
_SIDE = 10
_NEIGHBOURS = 5
_GAP = 3.0
_SLIT = 0.02
_EXACT = 1e-6
_MONOTONE = 1 - 1e-9
_SURPRISE = 10.0


@dataclass(frozen=True)
class Strong:
    """A column that alone says most of the target: `measure` (AUC or correlation) and its value."""

    name: str
    measure: str
    value: float


@dataclass(frozen=True)
class Leaks:
    """Columns to set aside with the reason, very strong ones, the strongest first, and those of rows that belong
    together."""

    functions: list[SetAside]
    strong: list[Strong]
    groups: list[str]


def find_leaks(frame: pd.DataFrame, target: Target, kinds: Mapping[str, ColumnKind]) -> Leaks:
    """Look for the target in the feature columns `kinds` of `frame` (n rows, those of `target.values`)."""
    functions: list[SetAside] = []
    strong: list[Strong] = []
    groups: list[str] = []
    if len(frame) < _FEWEST_ROWS:
        return Leaks([], [], [])
    for name, kind in kinds.items():
        if kind == "text":
            continue
        values = as_numbers(column_of(frame, name), kind)
        coded = kind in ("category", "boolean")
        present = np.isfinite(values)
        if present.sum() < _FEWEST_ROWS:
            continue
        if target.task == "regression":
            truth = target.values.astype(np.float64)
            reason = _function_of_number(values[present], truth[present], coded)
            found = _correlation(name, values, truth, coded)
        else:
            codes, classes = target.values.astype(np.int64), len(target.classes)
            reason = _function_of_class(values[present], codes[present], coded)
            found = _separation(name, values, codes, classes, coded)
        if reason:
            functions.append(SetAside(name=name, reason=reason))
        elif coded and _tells_groups(values, target.values):
            groups.append(name)
        elif found:
            strong.append(found)
    return Leaks(functions, sorted(strong, key=lambda one: -one.value), groups)


def group_question(groups: list[str], target: str) -> str:
    """What to ask about the column whose rows belong together, "" when there is none."""
    if not groups:
        return ""
    return (
        f"All rows of one `{groups[0]}` have the same `{target}`, so that held-out rows can be recognised by training "
        f'rows: will predictions be for new values of `{groups[0]}`? Then train with group_column="{groups[0]}".'
    )


def question(strong: list[Strong], target: str) -> str:
    """What to ask about strong columns, "" when there are none."""
    if not strong:
        return ""
    shown = ", ".join(f"`{each.name}` ({each.measure} {each.value:.3f})" for each in strong[:4])
    more = f" and {len(strong) - 4} more" if len(strong) > 4 else ""
    one = len(strong) == 1
    verbs, it = ("says most of", "it") if one else ("each say most of", "them")
    return (
        f"{shown}{more} alone {verbs} `{target}`: {'is it' if one else 'are they'} known at the moment of prediction? "
        f"Else exclude {it}, or say available_at='after' with document_asset."
    )


def as_numbers(values: pd.Series, kind: ColumnKind) -> Floats:
    """(n,) floats, NaN where missing: codes of categories (a missing one is a category), seconds of times."""
    if kind == "time":
        seconds = values.to_numpy(dtype="datetime64[us]")
        return np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64) / 1e6)
    if kind in ("category", "text"):
        return pd.factorize(values, use_na_sentinel=False)[0].astype(np.float64)
    return np.asarray(values.astype("float64"), dtype=np.float64)


def _function_of_class(values: Floats, codes: Codes, coded: bool) -> str:
    """Why the classes (n,) are a function of the column (or the column one of the classes), or ""."""
    distinct, place = np.unique(values, return_inverse=True)
    classes = np.unique(codes)
    if len(classes) < 2 or len(distinct) < 2:
        return ""
    together = len(np.unique(place * (codes.max() + 1) + codes))
    if together == len(distinct) == len(classes):
        return "is a copy of the target"
    if together == len(classes) and len(values) >= _MANY_ROWS:
        return "follows from the target: each class has one value of it"
    if together != len(distinct):
        return ""
    if coded:
        enough = len(values) >= _MANY_ROWS and len(distinct) <= len(values) / _FEW_VALUES
        return "decides the target: each of its values belongs to one class" if enough else ""
    of_value = np.empty(len(distinct), dtype=np.int64)
    of_value[place] = codes
    borders = np.flatnonzero(np.diff(of_value) != 0)
    if len(borders) != len(classes) - 1 or not all(_dense(distinct, int(border)) for border in borders):
        return ""
    cuts = ", ".join(f"{distinct[border + 1]:g}" for border in borders[:3])
    return f"decides the target: the class changes at {cuts}"


def _dense(distinct: Floats, border: int) -> bool:
    """Whether the values stand as close at a border as around it, with enough on both sides."""
    if border + 1 < _SIDE or len(distinct) - border - 1 < _SIDE:
        return False
    gaps = np.diff(distinct)
    around = np.median(gaps[max(0, border - _NEIGHBOURS) : border + _NEIGHBOURS + 1])
    low, high = np.quantile(distinct, [0.1, 0.9])
    return bool(gaps[border] <= max(_GAP * around, _SLIT * (high - low)) and around <= _GAP * np.median(gaps))


def _function_of_number(values: Floats, truth: Floats, coded: bool) -> str:
    """Why the column is a function of the numeric target, or ""."""
    if np.ptp(values) == 0 or np.ptp(truth) == 0:
        return ""
    if not coded:
        slope, offset = np.polyfit(values, truth, 1)
        if np.max(np.abs(truth - slope * values - offset)) <= _EXACT * truth.std():
            return "is the target on another scale"
        monotone = abs(np.corrcoef(rankdata(values), rankdata(truth))[0, 1]) >= _MONOTONE
        if monotone and len(np.unique(values)) > _FEW_VALUES:
            return "rises or falls exactly with the target"
    levels = len(np.unique(values))
    along = values[np.lexsort((values, truth))]
    if len(values) >= _MANY_ROWS and levels <= len(values) / _FEW_VALUES and np.count_nonzero(np.diff(along)) < levels:
        return "is the target in bins"
    return ""


def _tells_groups(values: Floats, truth: Codes | Floats) -> bool:
    """Whether the levels of a column (n,) repeat and each has one target value (n,), which chance would not make."""
    level = np.unique(values, return_inverse=True)[1]
    count = np.bincount(level)
    if len(count) < _FEW_VALUES or len(count) > len(values) / 2:
        return False
    outcome = np.unique(truth, return_inverse=True)[1]
    if len(np.unique(level * (outcome.max() + 1) + outcome)) > len(count):
        return False
    alike = np.square(np.bincount(outcome) / len(outcome)).sum()
    return float((count >= 2).sum() * (1 - alike)) >= _SURPRISE


def _separation(name: str, values: Floats, codes: Codes, classes: int, coded: bool) -> Strong | None:
    """How well the column alone tells the classes, when it does so suspiciously well."""
    positives = np.eye(classes)[codes]
    aucs = [_auc(_encode(values, positives[:, k], coded), positives[:, k]) for k in range(classes)]
    if classes == 2:
        return Strong(name, "AUC", aucs[1]) if aucs[1] >= STRONG_AUC else None
    best = max(aucs)
    return Strong(name, "AUC of one class", best) if best >= STRONG_CLASS_AUC else None


def _correlation(name: str, values: Floats, truth: Floats, coded: bool) -> Strong | None:
    scores = _encode(values, truth, coded)
    present = np.isfinite(scores)
    if present.sum() < _FEWEST_ROWS or np.ptp(scores[present]) == 0:
        return None
    plain = abs(np.corrcoef(scores[present], truth[present])[0, 1])
    ranked = abs(np.corrcoef(rankdata(scores[present]), rankdata(truth[present]))[0, 1])
    return Strong(name, "correlation", float(max(plain, ranked))) if max(plain, ranked) >= STRONG_CORRELATION else None


def _encode(values: Floats, truth: Floats, coded: bool) -> Floats:
    """Numbers as they are; categories by the mean target of their level in the other half of the rows.

    Two halves and not all rows but one: a mean that leaves the row itself out gives its target away.
    """
    if not coded:
        return values
    level = np.unique(values, return_inverse=True)[1]
    half = np.random.default_rng(0).permutation(len(level)) % 2
    encoded = np.full(len(level), truth.mean())
    for own, other in ((half == 0, half == 1), (half == 1, half == 0)):
        count = np.bincount(level[other], minlength=level.max() + 1)
        total = np.bincount(level[other], weights=truth[other], minlength=level.max() + 1)
        known = own & (count[level] >= _FEW_VALUES // 2)
        encoded[known] = total[level[known]] / count[level[known]]
    return encoded


def _auc(scores: Floats, positive: Floats) -> float:
    """The area under the ROC curve in the better direction, a missing score being one more value at either end."""
    filled = np.where(np.isfinite(scores), scores, np.nanmin(scores) - 1)
    count = positive.sum()
    if count in (0, len(positive)):
        return 0.5
    ranks = rankdata(filled)
    area = ((ranks * positive).sum() - count * (count + 1) / 2) / (count * (len(positive) - count))
    return float(max(area, 1 - area))
