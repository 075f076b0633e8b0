"""The small words of a check's text: lists of values, comparisons, amounts."""

import math
import re

from mlsteward.contracts.check import Operator, Unit, Value
from mlsteward.errors import InvalidArgument

_SIGNS: dict[str, Operator] = {
    "=": "must_be",
    "==": "must_be",
    "is": "must_be",
    "!=": "must_not_be",
    "<>": "must_not_be",
    ">": "must_be_greater_than",
    ">=": "must_be_greater_or_equal_to",
    "≥": "must_be_greater_or_equal_to",
    "at least": "must_be_greater_or_equal_to",
    "<": "must_be_less_than",
    "<=": "must_be_less_or_equal_to",
    "≤": "must_be_less_or_equal_to",
    "at most": "must_be_less_or_equal_to",
}
SIGN = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
NUMBER = r"[-+]?(?:\d[\d_]*(?:,\d{3})*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_UNITS: dict[str, Unit] = {"%": "percent", "percent": "percent", "row": "rows", "rows": "rows"} | {
    f"{unit}{s}": f"{unit}s" for unit in ("minute", "hour", "day") for s in ("", "s")
}  # pyright: ignore[reportAssignmentType] - the three units in the plural
_LONG = {"week": 7, "weeks": 7, "month": 30, "months": 30, "year": 365, "years": 365}
_UNIT = "|".join(sorted([*_UNITS, *_LONG], key=len, reverse=True))
_COMPARED = re.compile(rf"(?P<sign>{SIGN})\s*(?P<number>{NUMBER})\s*(?P<unit>{_UNIT})?", re.IGNORECASE)
_BETWEEN = re.compile(
    rf"(?P<no>not\s+)?between\s+(?P<low>{NUMBER})\s*%?\s+and\s+(?P<high>{NUMBER})\s*(?P<unit>{_UNIT})?", re.IGNORECASE
)
_ITEM = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^,"']*[^,]*?)\s*(,|$)""", re.DOTALL)
Comparison = tuple[Operator, list[float], Unit]


def read_comparison(text: str, default: Unit) -> Comparison:
    """`<= 5%`, `between 10 and 20`; `default` is the unit of a bare number. Raises InvalidArgument."""
    text = text.strip()
    if found := _BETWEEN.fullmatch(text):
        low, high = read_number(found["low"]), read_number(found["high"])
        if low > high:
            raise InvalidArgument(f"`{text}` holds for no number: {low:g} is over {high:g}.")
        scale, unit = _unit(found["unit"], default)
        return "must_not_be_between" if found["no"] else "must_be_between", [low * scale, high * scale], unit
    if found := _COMPARED.fullmatch(text):
        scale, unit = _unit(found["unit"], default)
        return _SIGNS[found["sign"].lower()], [read_number(found["number"]) * scale], unit
    raise InvalidArgument(f"`{text}` is no comparison; write `<= 5%`, `= 0` or `between 10 and 20`.")


def read_number(text: str) -> float:
    """A number as people type it: `1,000`, `-1.5e3`. Raises InvalidArgument for one that is too large, and for none."""
    try:
        number = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise InvalidArgument(f"`{text}` is no number.") from None
    if not math.isfinite(number):
        raise InvalidArgument(f"`{text}` is larger than any number can be here.")
    return number


def read_list(text: str) -> list[str]:
    """The items between commas, as they stand: quoted or not."""
    items: list[str] = []
    at = 0
    while at < len(text):
        found = _ITEM.match(text, at)
        if not found or found.end() == at:
            raise InvalidArgument(f"The list `{text}` cannot be read: a quote is not closed.")
        items.append(found[1])
        at = found.end()
    return items


def is_quoted(text: str) -> bool:
    return len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"


def unquoted(text: str) -> str:
    """A text without its quotes, doubled ones inside made single."""
    text = text.strip()
    return text[1:-1].replace(text[0] * 2, text[0]) if is_quoted(text) else text


def read_value(text: str, family: str) -> Value:
    """A value as a column of that family has it; quotes make a text of what looks like a number."""
    bare = text.strip()
    if family == "text" or (is_quoted(bare) and family not in ("number", "boolean")):
        return unquoted(bare)
    plain = unquoted(bare)
    if plain.lower() in ("true", "false") and family != "number":
        return plain.lower() == "true"
    if family != "time" and re.fullmatch(NUMBER, plain):
        number = read_number(plain)
        return int(plain) if re.fullmatch(r"[-+]?\d+", plain) else number
    return plain


def _unit(text: str | None, default: Unit) -> tuple[int, Unit]:
    """What a number is multiplied by, and its unit: weeks are days."""
    word = (text or "").lower()
    if word in _LONG:
        return _LONG[word], "days"
    return 1, _UNITS.get(word, default)
