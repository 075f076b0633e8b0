"""Whether the audit log is as it was written: every row is hashed with the hash of the row before it.

Who owns the store's file can write a whole new chain. That is found only by a head (a row's number and hash) that was
noted down elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlsteward.store.activity import COLUMNS, head_of
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

# So many rows are looked at in one transaction, so that others get their turn.
_BATCH = 20_000
# As `chained_hash` in activity.py writes it, in SQL: a hundred thousand rows take less than a second.
_HASH = (
    "sha256(json_array(number, strftime(created, '%Y-%m-%dT%H:%M:%S.%fZ'), actor, client, action, asset, why, run,"
    " previous))"
)
_BROKEN = f"""
    SELECT number, hash = {_HASH} AS whole, previous = before_hash AS follows, before FROM (
        SELECT *, coalesce(lag(number) OVER in_order, ?) AS before, coalesce(lag(hash) OVER in_order, ?) AS before_hash
        FROM activity WHERE number > ? AND number <= ?
        WINDOW in_order AS (ORDER BY number, rowid)
    ) WHERE NOT whole OR NOT follows OR number <> before + 1 ORDER BY number LIMIT 1
"""


@dataclass(frozen=True)
class Head:
    """The last row of the log when it was looked at."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True)
class ChainReport:
    """`broken` says in words what is wrong with which row, "" when the chain is whole."""

    head: Head
    broken: str = ""


def check_chain(store: Store, noted: Head | None = None) -> ChainReport:
    """Verify every row, in batches; `noted` is a head that was kept elsewhere."""
    head = Head(*store.read(head_of))
    start, previous = 0, ""
    before_first = store.read(lambda t: t.row("SELECT min(number) FROM activity WHERE number < 1"))
    if before_first and before_first[0] is not None:
        return ChainReport(head, f"row {before_first[0]} was put in: numbers begin with 1")
    while start < head.number:
        end = min(start + _BATCH, head.number)
        broken, previous = store.read(lambda t, a=start, b=end, p=previous: _check_batch(t, a, b, p))
        if broken:
            return ChainReport(head, broken)
        start = end
    return ChainReport(head, store.read(lambda t: _check_end(t, head)) or store.read(lambda t: _check_noted(t, noted)))


def export_rows(store: Store) -> Iterator[dict[str, Any]]:
    """Every row with `previous` and `hash`, oldest first, read in batches."""
    names = [*COLUMNS, "previous", "hash"]
    number = 0
    while True:
        rows = store.read(
            lambda t, after=number: t.rows(
                f"SELECT {', '.join(names)} FROM activity WHERE number > ? ORDER BY number LIMIT {_BATCH}", [after]
            )
        )
        yield from (dict(zip(names, row, strict=True)) for row in rows)
        if not rows:
            return
        number = rows[-1][0]


def _check_batch(t: Transaction, start: int, end: int, previous: str) -> tuple[str, str]:
    """What is wrong among the rows after `start` up to `end`, and the hash of the last."""
    broken = t.row(_BROKEN, [start, previous, start, end])
    if broken:
        return _words(*broken), ""
    last = t.row(
        "SELECT number, hash FROM activity WHERE number > ? AND number <= ? ORDER BY number DESC LIMIT 1", [start, end]
    )
    if last is None or last[0] < end:
        return _gone(last[0] + 1 if last else start + 1, end), ""
    return "", last[1]


def _words(number: int, whole: bool, follows: bool, before: int) -> str:
    if number == before:
        return f"row {number} is there twice: one of them was put in"
    if number > before + 1:
        return _gone(before + 1, number - 1)
    if not whole:
        return f"row {number} was altered: it does not fit its hash"
    return f"row {number} does not follow row {before}: that row was altered or replaced, or rows between were removed"


def _gone(first: int, last: int) -> str:
    return f"row {first} was removed" if first == last else f"rows {first} to {last} were removed"


def _check_end(t: Transaction, head: Head) -> str:
    row = t.row("SELECT hash FROM activity WHERE number = ?", [head.number])
    if row and row[0] != head.hash:
        return f"row {head.number} is not the one that was written last"
    now, _ = head_of(t)
    last = t.row("SELECT max(number) FROM activity")
    newest = (last[0] if last else 0) or 0
    return f"row {newest} was put in at the end" if newest > now else ""


def _check_noted(t: Transaction, noted: Head | None) -> str:
    if noted is None or not noted.number:
        return ""
    row = t.row("SELECT hash FROM activity WHERE number = ?", [noted.number])
    if row is None:
        return f"row {noted.number}, which was noted down, is gone: the log was cut off or replaced"
    return "" if row[0] == noted.hash else f"row {noted.number} is not what was noted down: the log was rewritten"
