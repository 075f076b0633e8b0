"""The forms that a check may be written in, each a pattern and what makes a check of it."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from mlsteward.contracts.check import CheckType, ContractColumn, Unit, Value
from mlsteward.contracts.text import complement
from mlsteward.contracts.tokens import SIGN, read_comparison, read_list, read_number, read_value, unquoted
from mlsteward.data.profile import type_family
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names

FORMS = (
    "rows >= 1000",
    "nulls(dep_delay) <= 5%",
    'missing(tailnum, "", N/A, -999) <= 1%',
    "unique(origin, flight, time_hour)",
    "carrier in (UA, AA, DL)",
    "tailnum matches /^N[0-9]/ >= 99%",
    "distance between 0 and 5000",
    "freshness(time_hour) <= 2 days",
    "carrier -> airlines.carrier >= 99%",
    "rows within 20% of median",
    "mean(dep_delay) within 3 of previous",
    "sql: SELECT * FROM flights WHERE arr_time < 0",
    "sql between 5 and 20: SELECT avg(dep_delay) FROM flights",
)
_AGES: tuple[Unit, ...] = ("minutes", "hours", "days")
_COLUMN = r"""(?P<column>"(?:[^"]|"")+"|'[^']+'|[^"'(){}<>=!/,]+?)"""
_ENDS = re.compile(
    rf"\s+(?P<words>with\s+failing\s+.+|(?:for\s+)?(?:{SIGN})\s*[\d.,]+\s*%)$", re.IGNORECASE | re.DOTALL
)
# What follows a pattern holds no slash, so its end is the last one.
_SLASHED = re.compile(r"/(.*)/(?=\s|$)", re.DOTALL)
Fields = dict[str, Any]


class KnownColumns:
    """The columns that checks of a dataset may name, with the families of their types."""

    def __init__(self, dataset: str, columns: Sequence[ContractColumn]) -> None:
        self.dataset = dataset
        self.families = {column.name: type_family(column.type) for column in columns}
        self._folded = {column.name.casefold(): column.name for column in columns}

    def family(self, column: str) -> str:
        return self.families[column]

    def find(self, text: str) -> str:
        """The column that `text` names, quoted or not, in any case. Raises InvalidArgument with what was close."""
        wanted = unquoted(text)
        if found := self._folded.get(wanted.casefold()):
            return found
        raise InvalidArgument(
            f"{self.dataset} has no column {wanted!r}.",
            close=close_names(wanted, self.families),
            next=f'profile_dataset(dataset="{self.dataset}")',
        )


def read_rule(known: KnownColumns, text: str) -> Fields:
    """The fields of a check that `text` gives, its name and severity aside. Raises InvalidArgument."""
    for pattern, read in _RULES:
        if found := pattern.fullmatch(text):
            return read(known, found)
    raise InvalidArgument(f"This is no check. Checks are written as `{'`, `'.join(FORMS)}`.")


def _sql(known: KnownColumns, found: re.Match[str]) -> Fields:
    statement = found["sql"].strip().rstrip(";").strip()
    if not re.match(r"(select|from|with)\b", statement, re.IGNORECASE):
        raise InvalidArgument(
            f"SQL of a check selects the rows that fail, as in `{FORMS[-2]}`, or one number: `{FORMS[-1]}`."
        )
    limits = _compared(found["limits"], "", ("", "rows", "percent")) if found["limits"].strip() else {}
    return {"type": "sql", "sql": statement, **limits}


def _rows(known: KnownColumns, found: re.Match[str]) -> Fields:
    return {"type": "row_count", **_compared(found["limits"], "rows", ("rows",))}


def _counted(known: KnownColumns, found: re.Match[str]) -> Fields:
    kinds: dict[str, CheckType] = {"nulls": "null_values", "null_values": "null_values"}
    kind = kinds.get(found["word"].lower(), "missing_values")
    column, *codes = read_list(found["inside"])
    name = known.find(column)
    if kind == "null_values" and codes:
        raise InvalidArgument(f"nulls takes one column; codes that stand for nothing go in missing({name}, …).")
    values = [read_value(code, known.family(name)) for code in codes]
    return {"type": kind, "columns": [name], "values": values, **_limits(found["limits"])}


def _not_null(known: KnownColumns, found: re.Match[str]) -> Fields:
    return {"type": "null_values", "columns": [known.find(found["column"])]}


def _unique(known: KnownColumns, found: re.Match[str]) -> Fields:
    columns = [known.find(item) for item in read_list(found["inside"])]
    if len(set(columns)) < len(columns):
        raise InvalidArgument("A column is named twice.")
    limits = found["limits"].strip()
    if limits and found["word"].lower() == "unique":
        limits = _passing(limits)
        return {"type": "duplicate_values", "columns": columns, **limits}
    return {"type": "duplicate_values", "columns": columns, **_limits(limits)}


def _freshness(known: KnownColumns, found: re.Match[str]) -> Fields:
    column = found["inside"]
    names = [known.find(column)] if column else []
    if names and known.family(names[0]) != "time":
        times = [name for name, family in known.families.items() if family == "time"]
        raise InvalidArgument(f"{names[0]} holds no dates or times.", close=[f"freshness({time})" for time in times])
    limits = _compared(found["limits"], "days", _AGES)
    if "less" not in limits["operator"]:
        raise InvalidArgument("Freshness is an age at most, as in `freshness(time_hour) <= 2 days`.")
    return {"type": "freshness", "columns": names, **limits}


def _baseline(known: KnownColumns, found: re.Match[str]) -> Fields:
    word = found["word"].lower()
    measure = {"null_values": "nulls", "row_count": "rows", "avg": "mean"}.get(word, word)
    names = [known.find(found["inside"])] if found["inside"] else []
    if bool(names) == (measure == "rows"):
        raise InvalidArgument("rows stands alone; nulls, distinct and mean name a column: `mean(dep_delay)`.")
    if measure == "mean" and known.family(names[0]) not in ("number", "boolean"):
        raise InvalidArgument(f"{names[0]} holds no numbers, so it has no mean.")
    percent = found["unit"].strip().lower() in ("%", "percent", "points", "point")
    unit = "percent" if percent or measure == "nulls" else ""
    baseline = "previous" if found["baseline"].lower().startswith("prev") else "median"
    limits: Fields = {"operator": "must_be_less_or_equal_to", "threshold": [read_number(found["number"])]}
    return {
        "type": "compare_to_baseline",
        "columns": names,
        "measure": measure,
        "baseline": baseline,
        "unit": unit,
        **limits,
    }


def _relationship(known: KnownColumns, found: re.Match[str]) -> Fields:
    columns = [known.find(item) for item in read_list(_bare_list(found["from"]))]
    to_columns = [unquoted(item) for item in read_list(_bare_list(found["to"] or found["from"]))]
    if len(columns) != len(to_columns):
        raise InvalidArgument("Both sides of a relationship name as many columns.")
    fields: Fields = {"type": "relationship", "columns": columns, "to_dataset": found["dataset"].lower()}
    return {**fields, "to_columns": to_columns, **_passing(found["ends"])}


def _enum(known: KnownColumns, found: re.Match[str]) -> Fields:
    name = known.find(found["column"])
    values = [_of_family(known, name, item) for item in read_list(found["inside"]) if item]
    if not values:
        raise InvalidArgument("The list of valid values is empty.")
    return {"type": "enum", "columns": [name], "values": values, **_passing(found["ends"])}


def _regex(known: KnownColumns, found: re.Match[str]) -> Fields:
    name, rest = known.find(found["column"]), found["rest"].strip()
    if slashed := _SLASHED.match(rest):
        pattern, ends = slashed[1], rest[slashed.end() :]
    else:
        end = _ENDS.search(rest)
        pattern, ends = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
        pattern = unquoted(pattern)
    return {"type": "regex", "columns": [name], "pattern": pattern, **_passing(ends)}


def _between(known: KnownColumns, found: re.Match[str]) -> Fields:
    name = known.find(found["column"])
    low, high = _end(known, name, found["low"]), _end(known, name, found["high"])
    if isinstance(low, float) and isinstance(high, float) and low > high:
        raise InvalidArgument(f"No value lies between {low:g} and {high:g}.")
    return {"type": "range", "columns": [name], "minimum": low, "maximum": high, **_passing(found["ends"])}


def _bounded(known: KnownColumns, found: re.Match[str]) -> Fields:
    name = known.find(found["column"])
    fields: Fields = {"type": "range", "columns": [name], **_passing(found["ends"])}
    for sign, end in ((found["sign"], found["end"]), (found["sign2"], found["end2"])):
        if not sign:
            continue
        side = "minimum" if sign[0] in (">", "≥") else "maximum"
        if side in fields:
            raise InvalidArgument(f"Two ends on one side of {name}.")
        fields |= {side: _end(known, name, end), f"exclusive_{side}": sign in ("<", ">")}
    return fields


def _end(known: KnownColumns, column: str, text: str) -> float | str:
    value = _of_family(known, column, text)
    return value if isinstance(value, str) else float(value)


def _of_family(known: KnownColumns, column: str, text: str) -> Value:
    """A value that the column could have. Raises InvalidArgument for one it could not."""
    family = known.family(column)
    value = read_value(text, family)
    if family == "number" and not isinstance(value, int | float):
        raise InvalidArgument(f"{column} holds numbers, and {text.strip()} is none.")
    if family == "boolean" and not isinstance(value, bool):
        raise InvalidArgument(f"{column} holds true and false, and {text.strip()} is neither.")
    if family == "time":
        try:
            datetime.fromisoformat(str(value))
        except ValueError:
            words = f"{column} holds times, and {text.strip()} is none: write `2013-01-31` or `2013-01-31 08:00:00`."
            raise InvalidArgument(words) from None
    return value


def _compared(text: str, default: Unit, units: Sequence[Unit] = ("rows", "percent")) -> Fields:
    """A comparison in one of `units`. Raises InvalidArgument for one in another."""
    operator, threshold, unit = read_comparison(text, default)
    if unit not in units:
        raise InvalidArgument(f"`{text.strip()}` is in {unit}; here it is in {' or '.join(filter(None, units))}.")
    return {"operator": operator, "threshold": threshold, "unit": unit}


def _limits(text: str) -> Fields:
    """How many rows may fail; none where nothing is said."""
    return _compared(text, "rows") if text.strip() else {}


def _passing(text: str | None) -> Fields:
    """`>= 99%`: the share of rows that must pass; or `with failing < 5`."""
    words = (text or "").strip()
    if not words:
        return {}
    if found := re.match(r"with\s+failing\s+", words, re.IGNORECASE):
        return _compared(words[found.end() :], "rows")
    operator, threshold, unit = read_comparison(re.sub(r"^for\s+", "", words, flags=re.IGNORECASE), "rows")
    least = {"must_be_greater_or_equal_to": "must_be_less_or_equal_to", "must_be_greater_than": "must_be_less_than"}
    if unit != "percent" or operator not in least or threshold[0] > 100:
        raise InvalidArgument(
            f"`{words}` says no share of rows that must pass; write `>= 99%`, or `with failing <= 5`."
        )
    return {"operator": least[operator], "threshold": [complement(threshold[0])], "unit": "percent"}


def _bare_list(text: str) -> str:
    text = text.strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


_INSIDE = r"\((?P<inside>.*)\)"
_SHARE = rf"(?P<ends>\s+(?:with\s+failing\s.+|(?:for\s+)?(?:{SIGN})\s*[\d.]+\s*%))?"
_PLACE = r"(?:\([^()]+\)|\"(?:[^\"]|\"\")+\"|[^\s()<>]+)"
_DATASET = r"(?P<dataset>[a-z][a-z0-9_]*)"
_VALUE = r"""(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[^"'<>=≥≤%]+?)"""
_BOUND = ">=|<=|≥|≤|<|>"
_TOLERANCE = r"(?P<number>[\d.,]+)\s*(?P<unit>%|percent|points?|)"
_PAST = rf"within\s+{_TOLERANCE}\s*(?:of|from)\s+(?:the\s+)?(?P<baseline>previous|prev|median)(?:\s+version)?"
_SECOND = rf"(?:\s+and\s+(?P<sign2>{_BOUND})\s*(?P<end2>{_VALUE}))?"
_FORMS = (
    (r"sql(?P<limits>[^:]*):(?P<sql>.*)", _sql),
    (rf"(?P<word>rows|row_count|nulls|null_values|distinct|mean|avg)\s*(?:{_INSIDE})?\s+{_PAST}", _baseline),
    (r"(?:rows|row_count)\s*(?:\(\s*\))?(?P<limits>\s*(?:[^\w\s(]|is\b|at\b|not\b|between\b).*)", _rows),
    (rf"(?P<word>nulls|null_values|missing|missing_values)\s*{_INSIDE}(?P<limits>[^)]*)", _counted),
    (rf"(?:not_null\s*\(\s*{_COLUMN}\s*\))", _not_null),
    (rf"{_COLUMN}\s+(?:is\s+)?not\s+null", _not_null),
    (rf"(?P<word>unique|duplicates|duplicate_values)\s*{_INSIDE}(?P<limits>[^)]*)", _unique),
    (r"freshness\s*(?:\((?P<inside>[^)]*)\))?(?P<limits>.*)", _freshness),
    (rf"(?P<from>{_PLACE})\s*(?:->|→)\s*{_DATASET}(?:\.(?P<to>{_PLACE}))?{_SHARE}", _relationship),
    (rf"{_COLUMN}\s+in\s*{_INSIDE}{_SHARE}", _enum),
    (rf"{_COLUMN}\s+(?:matches|~|like_regex)\s+(?P<rest>.+)", _regex),
    (rf"{_COLUMN}\s+between\s+(?P<low>{_VALUE})\s+and\s+(?P<high>{_VALUE}){_SHARE}", _between),
    (rf"{_COLUMN}\s*(?P<sign>{_BOUND})\s*(?P<end>{_VALUE}){_SECOND}{_SHARE}", _bounded),
)
_RULES: tuple[tuple[re.Pattern[str], Callable[[KnownColumns, re.Match[str]], Fields]], ...] = tuple(
    (re.compile(rf"\s*{pattern}\s*", re.IGNORECASE | re.DOTALL), read) for pattern, read in _FORMS
)
