"""Units suggested from the words and values of a column. A suggestion is left out rather than guessed."""

import re
from collections.abc import Callable

from mlsteward.data.profile import ColumnProfile
from mlsteward.dictionary.words import split_words

# Spellings of units that stand by themselves in a name (`dist_km`) or after "in" or a bracket in a description.
_SPELLINGS = {
    "milliseconds": "ms msec msecs millis millisecond milliseconds",
    "seconds": "s sec secs second seconds",
    "minutes": "min mins minute minutes",
    "hours": "h hr hrs hour hours",
    "days": "day days",
    "weeks": "week weeks",
    "months": "month months",
    "years": "yr yrs year years",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "metres": "m meter meters metre metres",
    "km": "km kms kilometer kilometers kilometre kilometres",
    "inches": "in inch inches",
    "feet": "ft foot feet",
    "miles": "mi mile miles",
    "g": "g gram grams",
    "kg": "kg kgs kilogram kilograms",
    "lb": "lb lbs pound pounds",
    "litres": "l liter liters litre litres",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "mph": "mph",
    "km/h": "kmh kph km/h",
    "m/s": "mps m/s",
    "knots": "kn kt kts knot knots",
    "degrees F": "f degf fahrenheit °f",
    "degrees C": "c degc celsius °c",
    "degrees": "deg degree degrees",
    "percent": "pct percent percentage perc %",
    "USD": "usd dollar dollars $ us$",
    "EUR": "eur euro euros €",
    "GBP": "gbp £",
    "bytes": "byte bytes",
    "MB": "mb megabytes",
    "hPa": "hpa mbar millibar millibars",
    "psi": "psi",
    "watts": "watt watts",
    "kWh": "kwh",
    "Hz": "hz hertz",
    "mmHg": "mmhg",
    "mg/dL": "mg/dl",
}
_UNIT_OF = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
# Too short, or too often a word of its own, to count in the middle of a name or after a bare "in".
_NOT_IN_NAMES = frozenset(
    "s h m f c g l in min second day days week month year hour minute pound pounds mb foot".split()
)
_NOT_AFTER_IN = frozenset("s h m c g l in second day week month year hour minute foot".split())
_IN_WORDS = re.compile(
    r"\b(?:in|measured in)\s+(?:degrees?\s+)?([a-z%°$€£/]+)|[(\[]\s*(?:in\s+)?([a-z%°$€£/]+)\s*[)\]]"
)
_PARENTHESES = re.compile(r"[(\[]\s*([^)\]]+?)\s*[)\]]")


def suggest_unit(column: ColumnProfile, description: str = "") -> str:
    """The unit that the name, the description and the values of a numeric column agree on, else ""."""
    if column.family != "number":
        return ""
    return _named(column.name) or _described(description) or _from_values(column)


def _named(name: str) -> str:
    """`sepal length (cm)`, `dist_km`, `price_usd`."""
    bracket = _PARENTHESES.search(name)
    if bracket and (unit := _UNIT_OF.get(bracket.group(1).lower())):
        return unit
    words = split_words(name)
    if len(words) > 1 and words[-1] in ("mins", "min") and words[0] not in ("temp", "temperature", "min"):
        return "minutes"
    last = words[-1] if words else ""
    return "" if last in _NOT_IN_NAMES or len(words) < 2 else _UNIT_OF.get(last, "")


def _described(description: str) -> str:
    for match in _IN_WORDS.finditer(description.lower()):
        after_in, bracketed = match.groups()
        if bracketed and bracketed in _UNIT_OF:
            return _UNIT_OF[bracketed]
        if after_in and after_in not in _NOT_AFTER_IN and after_in in _UNIT_OF:
            return _UNIT_OF[after_in]
    return ""


def _from_values(column: ColumnProfile) -> str:
    low, high = column.minimum, column.maximum
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return ""
    parts = split_words(column.name)
    words = {*parts, "_".join(parts)}
    for names, unit in _BY_VALUES:
        if words & names and (found := unit(column, float(low), float(high))):
            return found
    return ""


def _clock(column: ColumnProfile, low: float, high: float) -> str:
    """Times of day as numbers: 517 is 5:17, and no value ends in 60 to 99."""
    seen = [low, high, *column.quantiles.values()]
    is_clock = low >= 0 and 1200 < high <= 2400 and all(value % 100 < 60 for value in seen if value == int(value))
    return "clock time (HHMM)" if is_clock else ""


def _temperature(column: ColumnProfile, low: float, high: float) -> str:
    """Weather is told apart by its warm end: 60 degrees C is hotter than any air, 45 degrees F is a cool year."""
    usual_high = column.quantiles.get("0.99", high)
    if low >= -90 and 55 < usual_high <= 135:
        return "degrees F"
    return "degrees C" if low >= -60 and usual_high <= 50 else ""


def _within(unit: str, least: float, most: float, *, at_least: float = float("-inf")) -> Callable[..., str]:
    def check(column: ColumnProfile, low: float, high: float) -> str:
        return unit if least <= low and at_least <= high <= most else ""

    return check


def _share(column: ColumnProfile, low: float, high: float) -> str:
    if low >= 0 and high <= 1:
        return "fraction"
    return "percent" if low >= 0 and 1 < high <= 100.5 else ""


_BY_VALUES: list[tuple[frozenset[str], Callable[[ColumnProfile, float, float], str]]] = [
    (frozenset("air_time airtime".split()), _within("minutes", 0, 1500, at_least=60)),
    (frozenset({"time"}), _clock),
    (frozenset("temp temperature dewp dewpoint dew".split()), _temperature),
    (frozenset("lat latitude".split()), _within("degrees", -90, 90)),
    (frozenset("lon lng long longitude".split()), _within("degrees", -180, 180)),
    (frozenset("dir direction bearing heading azimuth angle".split()), _within("degrees", 0, 360, at_least=100)),
    (frozenset("delay delays".split()), _within("minutes", -240, 3000, at_least=30)),
    (frozenset("humid humidity pct percent percentage rate ratio share fraction probability prob".split()), _share),
    (frozenset("pressure".split()), _within("hPa", 850, 1100)),
    (frozenset("age".split()), _within("years", 0, 125, at_least=10)),
    (
        frozenset("price cost amount revenue salary income fare fee charges spend balance".split()),
        _within("currency", 0, 1e12),
    ),
]
