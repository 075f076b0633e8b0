"""From what was measured to what came of a check, in numbers and in words."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

from mlsteward.answer import counted, number
from mlsteward.contracts.check import MASKED, Check, CheckResult
from mlsteward.contracts.order import CheckOrder, PastVersion
from mlsteward.contracts.text import columns_text, number_text, rule_text

_SECONDS = {"minutes": 60.0, "hours": 3600.0, "days": 86400.0}
# A median of fewer versions says little.
LEAST_FOR_MEDIAN = 3


@dataclass(frozen=True)
class Measured:
    """Of one check: rows that fail among those that count, a number, or a moment; or why there is none of them."""

    failing: int = 0
    total: int = 0
    number: float | None = None
    moment: datetime | None = None
    error: str = ""
    examples: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


def judge(check: Check, found: Measured, order: CheckOrder, now: datetime) -> CheckResult:
    """The result of a check. `now`, in UTC, is when freshness is judged.

    Of a check on sensitive columns it has the name alone: what is expected of them says what their values are.
    """
    result = _judge(check, found, order, now)
    words = set(re.findall(r"\w+", check.sql.lower()))
    quiet = set(check.columns) & set(order.masked) or words & set(order.sensitive)
    return result.model_copy(update={"expected": check.name}) if quiet else result


def _judge(check: Check, found: Measured, order: CheckOrder, now: datetime) -> CheckResult:
    if found.error:
        return _result(check, found, passed=False, words=found.error)
    match check.type:
        case "freshness":
            return _fresh(check, found, order, now)
        case "compare_to_baseline":
            return _compared(check, found, order)
        case "row_count":
            return _result(check, found, passed=holds(found.total, check), value=found.total, words=_rows(found.total))
        case "sql" if check.unit == "":
            return _single(check, found)
        case _:
            return _counted(check, found)


def holds(value: float, check: Check) -> bool:
    """Whether a number is as the check's operator and threshold say."""
    first, last = check.threshold[0], check.threshold[-1]
    return {
        "must_be": value == first,
        "must_not_be": value != first,
        "must_be_greater_than": value > first,
        "must_be_greater_or_equal_to": value >= first,
        "must_be_less_than": value < first,
        "must_be_less_or_equal_to": value <= first,
        "must_be_between": first <= value <= last,
        "must_not_be_between": not first <= value <= last,
    }[check.operator]


def _counted(check: Check, found: Measured) -> CheckResult:
    share = 100 * found.failing / found.total if found.total else 0.0
    value = share if check.unit == "percent" else float(found.failing)
    words = f"{found.failing:,} of {_rows(found.total)} ({number(share, 3)}%) {_fault(check)}"
    return _result(check, found, passed=holds(value, check), value=value, words=words)


def _fault(check: Check) -> str:
    columns = columns_text(check.columns)
    return {
        "null_values": f"have no {columns}",
        "missing_values": f"have no {columns}, or a code that stands for none",
        "duplicate_values": f"share their {columns} with another",
        "enum": f"hold none of the {counted(len(check.values), 'valid value')} in {columns}",
        "regex": f"do not match in {columns}",
        "range": f"lie outside the range in {columns}",
        "relationship": f"have no match in {check.to_dataset}",
    }.get(check.type, "are given by the SQL")


def _single(check: Check, found: Measured) -> CheckResult:
    if found.number is None:
        return _result(check, found, passed=False, words="the SQL gives no number")
    words = f"the SQL gives {number(found.number, 6)}"
    return _result(check, found, passed=holds(found.number, check), value=found.number, words=words)


def _fresh(check: Check, found: Measured, order: CheckOrder, now: datetime) -> CheckResult:
    newest = found.moment if check.columns else (order.registered or now)
    if newest is None:
        return _result(check, found, passed=False, words=f"{columns_text(check.columns)} has no value at all")
    hidden = bool(set(check.columns) & set(order.masked))
    age = (_naive(now) - _naive(newest)).total_seconds() / _SECONDS[check.unit]
    what = f"the newest {columns_text(check.columns)}" if check.columns else "the version"
    when = MASKED if hidden else f"{newest:%Y-%m-%d %H:%M}, {number(age, 3)} {check.unit} ago"
    verb = "is from" if check.columns else "was registered"
    value = None if hidden else age
    return _result(check, found, passed=holds(age, check), value=value, words=f"{what} {verb} {when}")


def _compared(check: Check, found: Measured, order: CheckOrder) -> CheckResult:
    past = [value for one in order.history if (value := _past(check, one)) is not None]
    now = found.number
    if now is None:
        return _result(check, found, passed=False, words=f"there is no {check.measure} to compare")
    if not past or (check.baseline == "median" and len(past) < LEAST_FOR_MEDIAN):
        words = f"not enough history: {counted(len(past), 'earlier version')}"
        return _result(check, found, passed=True, skipped=True, words=words)
    then = past[-1] if check.baseline == "previous" else median(past)
    far = abs(now - then)
    if check.unit == "percent" and check.measure != "nulls":
        far = 100 * far / abs(then) if then else (float("inf") if far else 0.0)
    if set(check.columns) & set(order.masked) and check.measure == "mean":
        return _result(check, found, passed=holds(far, check), words=f"its mean is {MASKED}")
    unit = "%" if check.measure == "nulls" else ""
    words = f"{check.measure} {number_text(float(f'{now:.4g}')) if now % 1 else f'{int(now):,}'}{unit}"
    words += f", {check.baseline} {number(then)}{unit}"
    return _result(check, found, passed=holds(far, check), value=far if far < float("inf") else None, words=words)


def _past(check: Check, past: PastVersion) -> float | None:
    if check.measure == "rows":
        return float(past.rows)
    column = past.columns.get(check.columns[0])
    if column is None:
        return None
    if check.measure == "nulls":
        return 100 * column.nulls / past.rows if past.rows else None
    return column.mean if check.measure == "mean" else float(column.distinct)


def _result(
    check: Check,
    found: Measured,
    *,
    passed: bool,
    words: str,
    value: float | None = None,
    skipped: bool = False,
) -> CheckResult:
    return CheckResult(
        check=check.name,
        type=check.type,
        column=check.columns[0] if len(check.columns) == 1 else "",
        severity=check.severity,
        passed=passed,
        skipped=skipped,
        error=found.error,
        value=value,
        expected=rule_text(check),
        failing=found.failing,
        total=found.total,
        words=words,
        examples=[] if passed else found.examples,
    )


def _rows(count: int) -> str:
    return f"{count:,} rows" if count != 1 else "1 row"


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
