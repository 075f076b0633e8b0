"""Which rows the caller wants compared. Light, so that the server can check it before a worker starts."""

import re
from datetime import UTC, datetime, timedelta

from mlsteward.data.engine import quote
from mlsteward.errors import InvalidArgument
from mlsteward.record import Record

TIME_UNITS = ("hour", "day", "week", "month", "quarter", "year")
_UNITS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0, "year": 365.0}
_SPAN = re.compile(r"(?:last\s+)?(\d+)?\s*(minute|hour|day|week|month|year)s?(?:\s+ago)?")


class Choice(Record):
    """What the caller asked for. `same` says that reference and current are one table, parted at `since`."""

    reference: str
    current: str
    same: bool = False
    time_column: str = ""
    time_is_text: bool = False
    group: str = ""
    group_in_reference: bool = True
    time_in_reference: bool = True
    since: str = ""
    until: str = ""
    by: str = ""

    @property
    def time(self) -> str:
        """The SQL expression of a row's time."""
        column = quote(self.time_column)
        return f"TRY_CAST({column} AS TIMESTAMP)" if self.time_is_text else f"CAST({column} AS TIMESTAMP)"


def parse_moment(text: str, newest: datetime) -> datetime:
    """A time written as ISO 8601, or as a span before `newest`: `2024-05-01`, `2024-05-01T12:00`, `7 days`."""
    span = _SPAN.fullmatch(text.strip().lower())
    if span:
        return newest - timedelta(days=int(span[1] or 1) * _UNITS[span[2]])
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidArgument(
            f"{text!r} is no time: write a date such as 2024-05-01, a time such as 2024-05-01T12:00, or `7 days`."
        ) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
