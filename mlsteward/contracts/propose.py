"""Checks proposed from what the versions of a dataset were like so far.

Each lets later versions go further than any before it, by a slack that shrinks as history grows, and is dropped where
it would have raised an alarm on a version that was kept out (see `mlsteward.contracts.held_out`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Any

from mlsteward.answer import counted, number
from mlsteward.contracts.basis import Basis
from mlsteward.contracts.check import Check, Severity
from mlsteward.contracts.slack import rounded_down, rounded_up
from mlsteward.contracts.text import usual_name
from mlsteward.data.profile import ColumnProfile
from mlsteward.dictionary.roles import is_whole

# Values of a column with so many can be listed, where each comes often enough for the list to be whole.
MOST_VALUES = 50
_LEAST_ROWS = 20
# Among fewer rows values differ by chance.
_LEAST_TELLING = 1000
_ROWS_A_VALUE = 5
_FEW_VERSIONS = 3
_MANY_VERSIONS = 12
_LONGEST_VALUE = 60
# An event time that lags further behind says nothing of a rhythm.
_STALE_DAYS = 60.0


@dataclass(frozen=True)
class Proposal:
    """A check, and what it was derived from."""

    check: Check
    why: str


def propose(basis: Basis, values: Mapping[str, Sequence[Mapping[str, int]]]) -> list[Proposal]:
    """Checks for the versions that follow, the most telling first.

    `values` has, for columns with few of them, how often each value comes, by version, the oldest first.
    """
    profiles = basis.newest.profile.columns
    by_kind = (
        [_rows(basis)],
        (found for column in profiles for found in _unique(basis, column)),
        (_pointed_at(key) for key in basis.keys if len(key) > 1),
        (
            found
            for one in basis.relationships
            for found in _relationship(one.coverage, one.columns, one.to_dataset, one.to_columns)
        ),
        (found for column in profiles for found in _fresh(basis, column)),
        (found for column in profiles for found in _nulls(basis, column)),
        (found for column in profiles for found in _enum(basis, column, values.get(column.name, ()))),
        (found for column in profiles for found in _range(basis, column)),
    )
    return [proposal for kind in by_kind for proposal in kind]


def _rows(basis: Basis) -> Proposal:
    counts = [seen.profile.rows for seen in basis.versions]
    factor = 2.0 if len(counts) < _FEW_VERSIONS + 2 else 1.5
    low, high = rounded_down(min(counts) / factor), rounded_up(max(counts) * factor)
    spread = f"from {min(counts):,} to {max(counts):,} rows" if len(counts) > 1 else f"{counts[0]:,} rows"
    why = f"{_seen(len(counts))}: {spread}, with a factor of {factor:g} either way"
    return _proposal(why, type="row_count", operator="must_be_between", threshold=[low, high])


def _unique(basis: Basis, column: ColumnProfile) -> Iterator[Proposal]:
    history = basis.history(column.name)
    if column.type in ("DOUBLE", "FLOAT", "BOOLEAN") or not all(_all_differ(one) for one in history):
        return
    key = basis.roles.get(column.name) == "key" or [column.name] in basis.keys
    names = column.family == "text" or is_whole(column)
    if not key and not (names and column.rows >= _LEAST_TELLING):
        return
    why = f"{_seen(len(history))}: no value twice" + (", and it is a key" if key else "")
    severity: Severity = "error" if key else "warning"
    yield _proposal(why, severity, type="duplicate_values", columns=[column.name])


def _pointed_at(key: Sequence[str]) -> Proposal:
    why = "another dataset points to these columns, which have no values twice"
    return _proposal(why, "error", type="duplicate_values", columns=list(key))


def _all_differ(column: ColumnProfile) -> bool:
    filled = column.rows - column.nulls
    return filled >= 2 and column.distinct_exact and column.distinct == filled


def _relationship(
    coverage: float, columns: Sequence[str], to_dataset: str, to_columns: Sequence[str]
) -> Iterator[Proposal]:
    if coverage < 0.9:
        return
    # As far again from whole as it is, and a point at least.
    allowed = rounded_up(max(1.0, 200 * (1 - coverage)))
    yield _proposal(
        f"{coverage:.2%} of rows are found there now",
        type="relationship",
        columns=list(columns),
        to_dataset=to_dataset,
        to_columns=list(to_columns),
        **_at_most(allowed),
    )


def _fresh(basis: Basis, column: ColumnProfile) -> Iterator[Proposal]:
    if basis.roles.get(column.name) != "event_time":
        return
    lags = [
        lag
        for seen in basis.versions
        if (lag := _lag(seen.registered.timestamp(), seen.column(column.name))) is not None
    ]
    if not lags or max(lags) > _STALE_DAYS:
        return
    times = [seen.registered.timestamp() for seen in basis.versions]
    gaps = [(later - earlier) / 86400 for earlier, later in pairwise(times)]
    days = rounded_up(max(2.0, 2 * (max(lags) + max(gaps, default=max(lags)))), 1)
    why = f"{_seen(len(lags))}: up to {number(max(lags), 2)} days old when registered, twice that with the longest gap"
    yield _proposal(
        why,
        type="freshness",
        columns=[column.name],
        operator="must_be_less_or_equal_to",
        threshold=[days],
        unit="days",
    )


def _lag(registered: float, column: ColumnProfile | None) -> float | None:
    """Days from the newest value to the registration."""
    if column is None or column.family != "time" or not isinstance(column.maximum, str):
        return None
    newest = datetime.fromisoformat(column.maximum).replace(tzinfo=UTC).timestamp()
    return max(0.0, (registered - newest) / 86400)


def _nulls(basis: Basis, column: ColumnProfile) -> Iterator[Proposal]:
    history = [one for one in basis.history(column.name) if one.rows]
    shares = [100 * one.nulls / one.rows for one in history]
    rows = sum(one.rows for one in history)
    role = basis.roles.get(column.name, "")
    if not shares or max(shares) >= 90 or rows < _LEAST_ROWS:
        return
    if max(shares) == 0:
        key = role in ("key", "event_time")
        # The rule of three (Hanley & Lippman-Hand 1983): none in n rows leaves room for 3 / n.
        allowed = 0.0 if key or (len(history) >= _FEW_VERSIONS and rows >= 10_000) else max(1.0, 300 / rows)
        why = f"{_seen(len(history))}: none in {rows:,} rows" + (
            f", and it is the {role.replace('_', ' ')}" if key else ""
        )
        severity: Severity = "error" if key else "warning"
    else:
        spread = max(shares) - min(shares)
        most = max(shares)
        slack = max(1.0, spread, min(most, (100 - most) / 2) / (1 if len(shares) < _MANY_VERSIONS else 2))
        allowed, severity = min(100.0, max(shares) + slack), "warning"
        seen = (
            f"{number(min(shares), 3)} to {number(max(shares), 3)}%" if len(shares) > 1 else f"{number(shares[0], 3)}%"
        )
        why = f"{_seen(len(history))}: {seen}, with {number(slack, 2)} points of slack"
    limits = _at_most(rounded_up(allowed)) if allowed else {}
    yield _proposal(why, severity, type="null_values", columns=[column.name], **limits)


def _enum(basis: Basis, column: ColumnProfile, counts: Sequence[Mapping[str, int]]) -> Iterator[Proposal]:
    if not counts or column.name in basis.masked or column.family not in ("text", "boolean"):
        return
    total: dict[str, int] = {}
    for version in counts:
        for value, count in version.items():
            total[value] = total.get(value, 0) + count
    rows = sum(total.values())
    few = len(total) < 2 or len(total) > MOST_VALUES or rows < _ROWS_A_VALUE * len(total)
    if few or any(len(value) > _LONGEST_VALUE for value in total):
        return
    settled = len(counts) >= _FEW_VERSIONS and all(sum(value in one for one in counts) > 1 for value in total)
    # Good (1953): the share of rows with values not seen yet is about that of values seen once.
    unseen = 100 * sum(count == 1 for count in total.values()) / rows
    limits = {} if settled else _at_most(rounded_up(max(1.0, 3 * unseen)))
    why = f"{_seen(len(counts))}: {len(total)} values in {rows:,} rows"
    chosen: list[bool | str] = [value == "true" for value in total] if column.family == "boolean" else sorted(total)
    yield _proposal(why, type="enum", columns=[column.name], values=chosen, **limits)


def _range(basis: Basis, column: ColumnProfile) -> Iterator[Proposal]:
    history = [one for one in basis.history(column.name) if isinstance(one.minimum, float) and one.distinct > 1]
    skipped = (
        column.family != "number" or column.name in basis.masked or basis.roles.get(column.name) in ("key", "ignore")
    )
    if skipped or not history or column.distinct < 3 or _moves(history):
        return
    low = min(float(one.minimum) for one in history if isinstance(one.minimum, float))
    high = max(float(one.maximum) for one in history if isinstance(one.maximum, float))
    middle = median([one.quantiles.get("0.5", (low + high) / 2) for one in history])
    # Each side has its own slack, for long tails are on one.
    slack = 1.0 if len(history) < _FEW_VERSIONS else 0.5
    below, above = low - slack * (middle - low), high + slack * (high - middle)
    # What begins at zero, as counts and lengths do, stays above it.
    least = 0.0 if 0 <= low <= 0.15 * middle and below < 0 else rounded_down(below)
    most = 0.0 if high <= 0 < above else rounded_up(above)
    rows = sum(one.rows for one in history)
    far = "as far again" if slack == 1 else "half as far again"
    why = f"{_seen(len(history))}: from {number(low)} to {number(high)}, and {far} from the median {number(middle)}"
    why += ", never below 0" if least == 0 else ""
    limits = _at_most(0.1 if rows >= 10_000 else 1.0)
    yield _proposal(why, type="range", columns=[column.name], minimum=least, maximum=most, **limits)


def _moves(history: Sequence[ColumnProfile]) -> bool:
    """Whether the column moves on from version to version, as the number of a month does."""
    return any(_apart(earlier, later) for earlier, later in pairwise(history))


def _apart(earlier: ColumnProfile, later: ColumnProfile) -> bool:
    middle = later.quantiles.get("0.5")
    ends = earlier.minimum, earlier.maximum
    if middle is None or not isinstance(ends[0], float) or not isinstance(ends[1], float):
        return False
    return not ends[0] <= middle <= ends[1]


def _at_most(percent: float) -> dict[str, Any]:
    return {"operator": "must_be_less_or_equal_to", "threshold": [percent], "unit": "percent"}


def _proposal(why: str, severity: Severity = "warning", **fields: Any) -> Proposal:
    check = Check.model_validate({"name": "-", "severity": severity, **fields})
    return Proposal(check.model_copy(update={"name": usual_name(check)}), why)


def _seen(versions: int) -> str:
    return f"in {counted(versions, 'version')}"
