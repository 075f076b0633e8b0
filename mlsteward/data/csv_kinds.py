"""Ways to read the texts of a delimited file as numbers, Booleans and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from mlsteward.data.engine import literal

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
# Years of two digits come first: they do not match four, but %Y matches two.
_DAY_FIRST = ("%d/%m/%y", "%d.%m.%y", "%d-%m-%y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")
_MONTH_FIRST = ("%m/%d/%y", "%m-%d-%y", "%m/%d/%Y", "%m-%d-%Y")
_NAMED = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%Y-%m-%d", "%Y/%m/%d")
_ISO_DATE = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_ISO_TIME = _ISO_DATE + r"([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?"
_ZONE = r"( ?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?"


@dataclass(frozen=True)
class Kind:
    """`test` says in SQL whether the text § is of this kind, `value` reads it as `type`."""

    name: str
    type: str
    test: str
    value: str
    note: str = ""


def _matches(pattern: str) -> str:
    return f"regexp_full_match(§, '{pattern}')"


_TEXT_TO_DOUBLE = "TRY_CAST(§ AS DOUBLE)"
_COMMA_TO_DOUBLE = "TRY_CAST(replace(replace(§, '.', ''), ',', '.') AS DOUBLE)"

BOOLEAN = Kind("boolean", "BOOLEAN", "lower(§) IN ('true', 'false')", "lower(§) = 'true'")
# A leading zero makes a code: a zip code or a product number, not a quantity.
WHOLE = Kind(
    "whole",
    "BIGINT",
    f"{_matches('[+-]?(0|[1-9][0-9]{0,18})')} AND TRY_CAST(§ AS BIGINT) IS NOT NULL",
    "TRY_CAST(§ AS BIGINT)",
)
NUMBER = Kind(
    "number",
    "DOUBLE",
    f"{_TEXT_TO_DOUBLE} IS NOT NULL AND NOT {_matches('[+-]?(0[0-9].*|[0-9]{20,}|.*_.*)')}",
    f"CASE WHEN isfinite({_TEXT_TO_DOUBLE}) THEN {_TEXT_TO_DOUBLE} END",
)
THOUSANDS = Kind(
    "thousands",
    "DOUBLE",
    _matches("[+-]?([0-9]{1,3}(,[0-9]{3})+|0|[1-9][0-9]{0,14})([.][0-9]+)?"),
    "TRY_CAST(replace(§, ',', '') AS DOUBLE)",
    "has commas, read as thousands separators",
)
COMMA = Kind(
    "comma",
    "DOUBLE",
    _matches("[+-]?([0-9]{1,3}([.][0-9]{3})+|0|[1-9][0-9]{0,14})(,[0-9]+)?([eE][+-]?[0-9]+)?"),
    _COMMA_TO_DOUBLE,
    "has commas, read as decimal signs",
)
DATE = Kind("date", "DATE", f"{_matches(_ISO_DATE)} AND TRY_CAST(§ AS DATE) IS NOT NULL", "TRY_CAST(§ AS DATE)")
TIME = Kind(
    "time", "TIMESTAMP", f"{_matches(_ISO_TIME)} AND TRY_CAST(§ AS TIMESTAMP) IS NOT NULL", "TRY_CAST(§ AS TIMESTAMP)"
)
ZONED = Kind(
    "zoned",
    "TIMESTAMP",
    f"{_matches(_ISO_TIME + _ZONE)} AND TRY_CAST(§ AS TIMESTAMPTZ) IS NOT NULL",
    "TRY_CAST(§ AS TIMESTAMPTZ)::TIMESTAMP",
    "has times with an offset, put into UTC",
)
TEXT = Kind("text", "VARCHAR", "true", "§")

_FIXED = (BOOLEAN, WHOLE, NUMBER, DATE, TIME, ZONED)


def fixed_kinds(delimiter: str) -> list[Kind]:
    """The kinds that need no look at the texts, those that win first.

    `1,234` is a thousand in a file whose cells are parted by commas, and hardly more than one elsewhere.
    """
    commas = [THOUSANDS, COMMA] if delimiter == "," else [COMMA, THOUSANDS]
    return [*_FIXED[:3], *commas, *_FIXED[3:]]


def date_formats(*, day_first: bool) -> list[str]:
    """The formats of dates that are not ISO, with and without a time of day."""
    days = (*(_DAY_FIRST if day_first else _MONTH_FIRST), *_NAMED)
    return [day + clock for day, clock in product(days, _CLOCKS)]


def date_kind(formats: Sequence[str], *, day_first: bool) -> Kind:
    """The kind of texts in any of `formats`."""
    parsed = f"try_strptime(§, [{', '.join(literal(each) for each in formats)}])"
    clock = any("%H" in each or "%I" in each for each in formats)
    order = "day" if day_first else "month"
    # A short text that strptime takes for a date of the year 24 is none.
    test = f"{parsed} IS NOT NULL AND year({parsed}) >= 1000"
    return Kind(f"{order}_first", "TIMESTAMP" if clock else "DATE", test, parsed if clock else f"{parsed}::DATE")
