"""People who may approve in a terminal, each with a passphrase."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from mlsteward.errors import InvalidArgument, NotFound, Refused
from mlsteward.names import check_token_name, close_names
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction

SHORTEST = 10
# So many wrong passphrases in a row lock an approver for so long.
FAILURES = 5
LOCKED = timedelta(minutes=15)
# 2**15 × 8 × 128 bytes = 32 MB and about 0.1 s a try; OWASP's password storage cheat sheet has this among its choices.
_COST = {"n": 2**15, "r": 8, "p": 3, "maxmem": 64 * 2**20, "dklen": 32}


class Approver(Record):
    """An approver without the passphrase."""

    name: str
    created: datetime
    failures: int = 0
    locked_until: datetime | None = None


def list_approvers(t: Transaction) -> list[Approver]:
    columns = list(Approver.model_fields)
    rows = t.rows(f"SELECT {', '.join(columns)} FROM approvers ORDER BY name")
    return [Approver.model_validate(dict(zip(columns, row, strict=True))) for row in rows]


def add_approver(t: Transaction, name: str, passphrase: str) -> None:
    """Let `name` approve with `passphrase`; a known name gets the new one."""
    check_token_name(name)
    if len(passphrase) < SHORTEST:
        raise InvalidArgument(f"A passphrase has at least {SHORTEST} characters; a few words do well.")
    salt = secrets.token_bytes(16)
    t.execute("DELETE FROM approvers WHERE name = ?", [name])
    row = {"name": name, "salt": salt.hex(), "hash": _hash(passphrase, salt), "created": datetime.now(UTC)}
    t.insert("approvers", [{**row, "failures": 0, "locked_until": None}])


def remove_approver(t: Transaction, name: str) -> None:
    find_approver(t, name)
    t.execute("DELETE FROM approvers WHERE name = ?", [name])


def find_approver(t: Transaction, name: str) -> Approver:
    known = list_approvers(t)
    for approver in known:
        if approver.name == name:
            return approver
    if not known:
        raise NotFound("Nobody may approve yet: `mlsteward approver add NAME` asks for a passphrase, in a terminal.")
    names = [approver.name for approver in known]
    raise NotFound(f"There is no approver {name!r}; there are {', '.join(names)}.", close=close_names(name, names))


def passphrase_is_right(t: Transaction, name: str, passphrase: str) -> bool:
    """Whether it is that approver's passphrase; a wrong one counts, and FAILURES of them lock the approver.

    Raises Refused while they are locked, whatever was typed: many who guess at once get no more guesses than one.
    """
    approver = find_approver(t, name)
    check_not_locked(approver)
    row = t.row("SELECT salt, hash FROM approvers WHERE name = ?", [name])
    salt, expected = row if row else ("", "")
    right = hmac.compare_digest(_hash(passphrase, bytes.fromhex(salt)), expected)
    failures = 0 if right else approver.failures + 1
    until = datetime.now(UTC) + LOCKED if failures >= FAILURES else None
    t.execute(
        "UPDATE approvers SET failures = ?, locked_until = ? WHERE name = ?",
        [0 if until else failures, until, name],
    )
    return right


def check_not_locked(approver: Approver) -> None:
    """Raise Refused while too many wrong passphrases keep an approver out."""
    if is_locked(approver):
        raise Refused(
            f"{approver.name} is locked after {FAILURES} wrong passphrases, until {approver.locked_until:%H:%M} UTC."
        )


def is_locked(approver: Approver) -> bool:
    return approver.locked_until is not None and approver.locked_until > datetime.now(UTC)


def _hash(passphrase: str, salt: bytes) -> str:
    return hashlib.scrypt(passphrase.encode(), salt=salt, **_COST).hex()
