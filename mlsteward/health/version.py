"""What is known of a version and of its days, before and after they are judged. Light: servers read it."""

from datetime import date, datetime

from mlsteward.health.daily import TimeColumn
from mlsteward.record import Record


class Version(Record):
    """A version as far as its rows' times matter; `first` and `newest` are the ends of the event time, as profiled.

    `time` is None where the version has no such column.
    """

    label: str
    snapshot: str
    rows: int
    registered: datetime
    time: TimeColumn | None = None
    first: datetime | None = None
    newest: datetime | None = None


class JudgedDay(Record):
    """A day, what it brought and what it should have brought; `why` says what makes it special."""

    day: date
    rows: int
    expected: float
    low: float
    high: float
    why: str = ""
    off: bool = False
    running: bool = False
