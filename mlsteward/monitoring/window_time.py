"""When windows begin and how long they last. Light to import."""

from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# How long hours stay hours before they are added up to days.
HOURS_KEPT = timedelta(days=14)


def floor_time(moment: datetime, every: timedelta) -> datetime:
    """The start of the window of this length that a moment lies in, counted from midnight of 1970."""
    return datetime(1970, 1, 1) + (moment - datetime(1970, 1, 1)) // every * every


def window_start(moment: datetime, now: datetime) -> tuple[datetime, int]:
    """Where the window of a moment begins, and how many hours it has: whole days before a fortnight ago."""
    day = floor_time(moment, DAY)
    old = day + DAY <= floor_time(now - HOURS_KEPT, DAY)
    return (day, 24) if old else (floor_time(moment, HOUR), 1)


def window_end(moment: datetime, now: datetime) -> datetime:
    """The end of the window that a moment lies in, or the moment itself where one ends there."""
    start, hours = window_start(moment, now)
    return moment if start == moment else start + hours * HOUR
