"""The list of checks of a contract, put together from what was asked for."""

from collections.abc import Sequence

from mlsteward.contracts.check import Check
from mlsteward.contracts.parse import named_apart
from mlsteward.contracts.text import check_text, rule_text
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.record import Record

CURRENT, PROPOSED, NONE = "current", "proposed", "none"
MOST_CHECKS = 500


class Asked(Record):
    """Which checks a contract is to have: those in force, those proposed, those written out in `texts`, less `less`.

    `none` ends the contract.
    """

    current: bool = False
    proposed: bool = False
    none: bool = False
    texts: list[str] = []
    less: list[str] = []


def read_asked(checks: Sequence[str]) -> Asked:
    """What a list of checks asks for; an empty one asks for proposals. Raises InvalidArgument."""
    lines = [line.strip() for line in checks if line.strip()]
    words = {line.lower() for line in lines} & {CURRENT, PROPOSED, NONE}
    if NONE in words and len(lines) > 1:
        raise InvalidArgument('"none" ends the contract, so it stands alone.')
    if len(lines) > MOST_CHECKS:
        raise InvalidArgument(f"{len(lines)} checks are too many: a contract has at most {MOST_CHECKS}.")
    less = [line[1:].strip() for line in lines if line.startswith("- ")]
    texts = [line for line in lines if not line.startswith("- ") and line.lower() not in words]
    if less and not texts and not words:
        words.add(CURRENT)
    return Asked(
        current=CURRENT in words,
        proposed=PROPOSED in words or not lines,
        none=NONE in words,
        texts=texts,
        less=less,
    )


def compose(asked: Asked, current: Sequence[Check], proposed: Sequence[Check], written: Sequence[Check]) -> list[Check]:
    """The checks in order; one that is written out takes the place of one of the same name.

    Raises InvalidArgument when one that is to be left out is not there.
    """
    by_name: dict[str, Check] = {}
    for check in (*(current if asked.current else ()), *(proposed if asked.proposed else ()), *written):
        by_name[check.name] = check
    for text in asked.less:
        by_name.pop(_find(text, list(by_name.values())).name)
    return named_apart(list(by_name.values()))


def _find(text: str, checks: Sequence[Check]) -> Check:
    wanted = text.strip("[] ").casefold()
    for check in checks:
        if wanted in (check.name.casefold(), check_text(check).casefold(), rule_text(check).casefold()):
            return check
    names = [check.name for check in checks] + [rule_text(check) for check in checks]
    raise InvalidArgument(f"There is no check {text!r} to leave out.", close=close_names(text, names))
