"""How often windows close, and how often a detector may be wrong, as people write it."""

import re
from collections.abc import Sequence
from datetime import timedelta

from mlsteward.answer import counted
from mlsteward.errors import InvalidArgument

# Notices have a budget of their own: so many times as often as alarms.
NOTICES = 4
# With fewer windows between two false alarms a detector could as well toss a coin.
FEWEST_WINDOWS = 20
_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
_ALONE = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_AMOUNT = re.compile(r"(?:(?:one|1|once)\s+(?:in|every)\s+)?(\d+(?:\.\d+)?|an?|one)?\s*([a-z]+?)s?")
_SHORTEST = timedelta(hours=1)


def read_every(text: str) -> timedelta:
    """The length of `1 day`, `6 hours`, `daily`. Raises InvalidArgument."""
    every = _read("every", text, 'write "1 day", "6 hours" or "weekly"')
    if every < _SHORTEST:
        raise InvalidArgument("every is at least an hour: windows are sums of hours.")
    return every


def read_budget(text: str, every: timedelta) -> timedelta:
    """The mean time between false alarms in `one in 2 years`, `90 days`. Raises InvalidArgument."""
    budget = _read("budget", text, 'write "one in 2 years": the mean time between two false alarms')
    check_budget(budget, every)
    return budget


def check_budget(budget: timedelta, every: timedelta) -> None:
    """Raise InvalidArgument where so few windows lie between two false alarms that no alarm would mean anything."""
    if budget < FEWEST_WINDOWS * every:
        least = duration_words(FEWEST_WINDOWS * every)
        raise InvalidArgument(
            f"A budget of one false alarm in {duration_words(budget)} is too short for windows of"
            f" {duration_words(every)}: {least} is the least."
        )


def _read(name: str, text: str, how: str) -> timedelta:
    words = " ".join(text.lower().split())
    found = _AMOUNT.fullmatch(_ALONE.get(words, words))
    if not found or found[2] not in _DAYS:
        raise InvalidArgument(f"{name} cannot be {text!r}: {how}.")
    amount = float(found[1]) if found[1] and found[1][0].isdigit() else 1.0
    if not 0 < amount * _DAYS[found[2]] < 365 * 1000:
        raise InvalidArgument(f"{name} cannot be {text!r}: it is more than nothing and less than 1000 years.")
    return timedelta(days=amount * _DAYS[found[2]])


def duration_words(time: timedelta) -> str:
    """`2 years`, `6 hours`, `1.5 days`: in the largest unit of which there is at least one."""
    days = time / timedelta(days=1)
    for unit, length in reversed(_DAYS.items()):
        amount = round(days / length, 1)
        if amount >= 1 or unit == "minute":
            return counted(int(amount), unit) if amount == int(amount) else f"{amount:g} {unit}s"
    return ""


def budget_words(budgets: Sequence[timedelta]) -> str:
    """What several budgets are together: rates of false alarms add up."""
    together = timedelta(days=1 / sum(timedelta(days=1) / budget for budget in budgets))
    many = f" over all {len(budgets)} monitors of this workspace" if len(budgets) > 1 else ""
    notices = f"notices as many as one in {duration_words(together / NOTICES)}"
    return f"one false alarm in {duration_words(together)}{many}, {notices}"
