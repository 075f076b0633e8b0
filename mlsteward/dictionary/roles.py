"""The part a column plays, suggested from its name and values."""

from collections.abc import Sequence

from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary.entry import Role
from mlsteward.dictionary.words import split_words
from mlsteward.labels.companions import is_companion

_KEY = frozenset("id ids key uuid guid identifier".split())
_NOT_DATA = frozenset("unnamed index rownum rownumber rowid".split())
_TARGET = frozenset(
    "target label outcome churn churned fraud fraudulent defaulted survived converted conversion diagnosis".split()
)
_TARGET_ALONE = frozenset("y class response".split())
_CODE = frozenset("code type zone flag zip zipcode postcode category cat grade level status is has tz".split())
_CALENDAR = frozenset("year month day hour minute weekday quarter week dow".split())
_EVENT = frozenset("event time timestamp date datetime ts occurred created ordered order hour day at".split())
_NOT_EVENT = frozenset("birth birthday born dob expiry expires updated modified deleted due scheduled planned".split())
_FEW = 50


def suggest_roles(profile: TableProfile) -> dict[str, Role]:
    """A role for each column by name; "" where nothing can be told."""
    names = {column.name for column in profile.columns}
    telling = {name for name in names if is_companion(name, names)}
    columns = [column for column in profile.columns if column.name not in telling]
    roles: dict[str, Role] = dict.fromkeys(telling, "ignore")
    roles |= {column.name: _role(column) for column in columns}
    event = _event_time(columns)
    if event:
        roles[event] = "event_time"
    return roles


def _role(column: ColumnProfile) -> Role:
    words = split_words(column.name)
    filled = column.rows - column.nulls
    if column.family == "other" or filled == 0 or (column.distinct <= 1 and column.rows > 1) or _NOT_DATA & set(words):
        return "ignore"
    if _is_target(column, words):
        return "target"
    if column.family == "time":
        return ""
    if column.family == "boolean":
        return "category"
    return _number(column, words, filled) if column.family == "number" else _text(column, words, filled)


def _is_target(column: ColumnProfile, words: Sequence[str]) -> bool:
    named = bool(_TARGET & set(words)) or (len(words) == 1 and words[0] in _TARGET_ALONE)
    return named and column.family != "time" and (column.distinct <= _FEW or column.family == "number")


def _number(column: ColumnProfile, words: Sequence[str], filled: int) -> Role:
    if not is_whole(column):
        return "measure"
    if _KEY & set(words):
        return "key" if column.distinct > min(_FEW, 0.5 * filled) else "category"
    if column.distinct == 2 and (column.minimum, column.maximum) == (0, 1):
        return "category"
    if ((words and words[-1] in _CALENDAR) or _CODE & set(words)) and column.distinct <= 400:
        return "category"
    return "measure"


def _text(column: ColumnProfile, words: Sequence[str], filled: int) -> Role:
    unique = filled >= 10 and column.distinct >= 0.99 * filled
    identifies = unique or (bool(_KEY & set(words)) and column.distinct > _FEW)
    if identifies and _words_per_value(column) <= 1:
        return "key"
    wordy = column.distinct > _FEW and (_words_per_value(column) >= 4 or column.distinct >= 0.9 * filled)
    return "text" if wordy or unique else "category"


def _words_per_value(column: ColumnProfile) -> float:
    values = example_values(column)
    return sum(len(value.split()) for value in values) / len(values) if values else 1


def example_values(column: ColumnProfile) -> list[str]:
    """Some values as text; of a column whose values hardly repeat, which has no frequent ones, its ends."""
    ends = [end for end in (column.minimum, column.maximum) if isinstance(end, str)]
    return [top.value for top in column.top] or ends


def is_whole(column: ColumnProfile) -> bool:
    """Whether a numeric column seems to hold whole numbers only, whatever its type."""
    if "INT" in column.type.upper():
        return True
    if column.family != "number" or column.minimum is None or column.maximum is None:
        return False
    values = [float(top.value) for top in column.top] or list(column.quantiles.values())
    return all(value.is_integer() for value in (float(column.minimum), float(column.maximum), *values))


def _event_time(columns: Sequence[ColumnProfile]) -> str:
    """The column that says when a row happened: named like it, filled, and the earliest in the table among equals."""
    times = [column for column in columns if column.family == "time" and column.distinct > 1]
    times = [column for column in times if not _NOT_EVENT & set(split_words(column.name))]
    if not times:
        return ""
    best = max(times, key=lambda column: (bool(_EVENT & set(split_words(column.name))), -column.nulls))
    return best.name
