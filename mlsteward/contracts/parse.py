"""Reading checks as people and assistants write them, a line each."""

import re
from collections.abc import Sequence

from mlsteward.answer import clipped
from mlsteward.contracts.check import Check, ContractColumn
from mlsteward.contracts.rules import Fields, KnownColumns, read_rule
from mlsteward.contracts.text import rule_text, usual_name
from mlsteward.errors import InvalidArgument, StewardError

_LONGEST = 8_000
_SHOWN = 5
_SEVERITY = re.compile(r"\s*!\s*(info|warning|warn|error)\s*$", re.IGNORECASE)
_NAME = re.compile(r"\[([^\]]+)\]\s*")


def read_checks(texts: Sequence[str], dataset: str, columns: Sequence[ContractColumn]) -> list[Check]:
    """Checks of a dataset with `columns`, each with a name of its own.

    Raises InvalidArgument with what is wrong with each that is none.
    """
    known = KnownColumns(dataset, columns)
    checks: list[Check] = []
    wrong: list[StewardError] = []
    for text in texts:
        try:
            checks.append(read_check(text, known))
        except StewardError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        more = f" And {len(wrong) - _SHOWN} more." if len(wrong) > _SHOWN else ""
        raise InvalidArgument(f"{len(wrong)} checks: " + " ".join(one.said() for one in wrong[:_SHOWN]) + more)
    return named_apart(checks)


def read_check(text: str, known: KnownColumns) -> Check:
    """One check. Raises InvalidArgument in words that show what could be written."""
    if len(text) > _LONGEST:
        raise InvalidArgument(f"A check has {len(text):,} characters; at most {_LONGEST:,} are taken.")
    rest = text.strip().strip("`").strip()
    fields: Fields = {}
    if found := _NAME.match(rest):
        fields["name"], rest = found[1].strip(), rest[found.end() :]
    if found := _SEVERITY.search(rest):
        severity = found[1].lower()
        fields["severity"], rest = "warning" if severity == "warn" else severity, rest[: found.start()]
    try:
        fields |= read_rule(known, rest)
    except StewardError as error:
        words = f"`{clipped(' '.join(text.split()), 80)}`: {error.message}"
        raise InvalidArgument(words, close=error.close, next=error.next) from error
    check = Check.model_validate({"name": "-", **fields})
    return check if "name" in fields else check.model_copy(update={"name": usual_name(check)})


def named_apart(checks: Sequence[Check]) -> list[Check]:
    """The checks, a number added to a name that another has. Two checks that ask the same are one."""
    found: dict[str, Check] = {}
    asked: set[tuple[str, str]] = set()
    for check in checks:
        name, count = check.name, 1
        if (rule := (rule_text(check), check.severity)) in asked:
            continue
        while name in found:
            count += 1
            name = f"{check.name} {count}"
        asked.add(rule)
        found[name] = check.model_copy(update={"name": name})
    return list(found.values())
