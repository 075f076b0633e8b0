"""From draft to deprecated: how far an entry may be trusted, until when, and what takes its place."""

import re
from datetime import date

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names

STATUSES = ("draft", "review", "approved", "certified", "deprecated")
_DEPRECATED = "deprecated"
_SUCCESSOR = re.compile(r"deprecated\s*(?:[:,;→]|->|by|use)\s*(?:use\s+)?(\S.*)", re.IGNORECASE | re.DOTALL)


def read_status(text: str) -> tuple[str, str]:
    """A status and, for what is deprecated, the successor that `deprecated: late_departure` names, "" for none."""
    if found := _SUCCESSOR.fullmatch(text.strip()):
        return _DEPRECATED, found.group(1).strip()
    status = text.strip().casefold()
    if status and status not in STATUSES:
        raise InvalidArgument(
            f"status is one of {', '.join(STATUSES)}, or `deprecated: SUCCESSOR`, and not {text!r}.",
            close=close_names(status, STATUSES, limit=1),
        )
    return status, ""


def write_status(status: str, successor: str) -> str:
    """As an entry keeps it: `approved`, `deprecated: term:late_departure`."""
    return f"{status}: {successor}" if successor else status


def successor_of(status: str) -> str:
    """What takes the place of something deprecated, "" where nothing was named."""
    return status.partition(": ")[2]


def is_deprecated(status: str) -> bool:
    return status.startswith(_DEPRECATED)


def read_day(text: str) -> str:
    """A day as `2026-03-01`; InvalidArgument for anything else."""
    try:
        return date.fromisoformat(text.strip()).isoformat() if text.strip() else ""
    except ValueError:
        raise InvalidArgument(f"review_by is a day such as 2027-03-01, and not {text!r}.") from None


def status_words(status: str, writer: str, since: str) -> str:
    """`certified by ann on 2026-03-01`, `deprecated by ann on 2026-03-01: use term:late_departure`."""
    word, _, successor = status.partition(": ")
    by = f" by {writer}" if writer else ""
    on = f" on {since}" if since else ""
    return f"{word}{by}{on}" + (f": use {successor}" if successor else "")


def review_words(review_by: str, today: date) -> str:
    """`2026-03-01`, and by how much it is overdue."""
    days = (today - date.fromisoformat(review_by)).days
    return f"{review_by} (overdue by {days} day{'s' if days > 1 else ''})" if days > 0 else review_by
