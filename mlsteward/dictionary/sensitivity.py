"""How sensitive a column is, and who is cleared to see its values."""

from typing import Final, Literal, get_args

Level = Literal["public", "internal", "confidential", "restricted"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From what anyone may see to what hardly anyone may."""

DEFAULT: Final[Level] = "internal"
"""The level of a column that nobody and nothing gave one."""

FULL: Final[Level] = LEVELS[-1]
"""The clearance that sees everything."""


def exceeds(level: str, clearance: Level) -> bool:
    """Whether values of this level are hidden from a reader of this clearance. No level is `DEFAULT`."""
    return _rank(level) > LEVELS.index(clearance)


def higher(first: str, second: str) -> str:
    """The more sensitive of two levels; "" is none, and lower than all."""
    return max(first, second, key=lambda level: _rank(level) if level else -1)


def lower(first: Level, second: Level) -> Level:
    """The smaller of two clearances: what somebody sees who is held to both."""
    return first if LEVELS.index(first) <= LEVELS.index(second) else second


def _rank(level: str) -> int:
    """A level's place. A word that is no level cannot be trusted to be harmless, so it counts as the highest."""
    known = level or DEFAULT
    return LEVELS.index(known) if known in LEVELS else len(LEVELS) - 1


def masked_words(level: str) -> str:
    """What stands where values would."""
    return f"masked ({level})"
