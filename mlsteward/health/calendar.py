"""Public holidays of a country, from the `holidays` package."""

from collections.abc import Sequence
from datetime import date

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names

TAG = "holidays:"


def calendar_of(tags: Sequence[str], default: str = "") -> str:
    """The calendar that a tag such as `holidays:US` or `holidays:DE-BY` of a dataset names, else `default`."""
    named = (tag[len(TAG) :].strip() for tag in tags if tag.lower().startswith(TAG))
    return next((name for name in named if name), default)


def public_holidays(calendar: str, first: date, last: date) -> dict[date, str]:
    """The holidays of a country (`US`) or of a part of it (`DE-BY`) from a year before `first` to one after `last`.

    Raises InvalidArgument for a calendar that is not known.
    """
    import holidays

    country, _, subdivision = calendar.strip().upper().partition("-")
    years = range(first.year - 1, last.year + 2)
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    except NotImplementedError as error:
        known = holidays.list_supported_countries(include_aliases=False)
        parts = [f"{country}-{part}" for part in known.get(country, [])]
        raise InvalidArgument(
            f"There is no holiday calendar {calendar!r}; write a country by its two letters, or a part of it, as in"
            " the tag holidays:US or holidays:DE-BY.",
            close=close_names(calendar.upper(), parts or known),
            next='document_asset(asset=…, tags="holidays:US")',
        ) from error
    return {day: str(name) for day, name in found.items()}
