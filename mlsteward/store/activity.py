"""Who changed what, when and why: a log that only grows, each row chained to the one before by its hash."""

import hashlib
import json
from datetime import UTC, datetime

from mlsteward.record import Record
from mlsteward.store.transaction import Transaction


class Activity(Record):
    """One change, by one call."""

    number: int = 0
    created: datetime
    actor: str
    client: str
    action: str
    asset: str
    why: str = ""
    run: int | None = None


COLUMNS = tuple(Activity.model_fields)


def add_activity(
    t: Transaction, *, actor: str, client: str, action: str, asset: str, why: str = "", run: int | None = None
) -> None:
    """Record a change, now."""
    number, previous = head_of(t)
    change = Activity(
        number=number + 1,
        created=datetime.now(UTC),
        actor=actor,
        client=client,
        action=action,
        asset=asset,
        why=why,
        run=run,
    )
    digest = chained_hash(change, previous)
    t.insert("activity", [{**change.model_dump(), "previous": previous, "hash": digest}])
    t.execute("UPDATE activity_head SET number = ?, hash = ?", [change.number, digest])


def head_of(t: Transaction) -> tuple[int, str]:
    """Number and hash of the last row; 0 and "" for an empty log."""
    return t.row("SELECT number, hash FROM activity_head") or (0, "")  # pyright: ignore[reportReturnType] - two columns


def chained_hash(change: Activity, previous: str) -> str:
    """SHA-256 of the row and of the hash before it, as one JSON list without spaces; times in UTC, to microseconds."""
    values = [
        change.number,
        change.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        change.actor,
        change.client,
        change.action,
        change.asset,
        change.why,
        change.run,
        previous,
    ]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def activity_of(t: Transaction, asset: str, limit: int = 20) -> list[Activity]:
    """The changes of an asset, newest first."""
    rows = t.rows(
        f"SELECT {', '.join(COLUMNS)} FROM activity WHERE asset = ? ORDER BY number DESC LIMIT ?", [asset, limit]
    )
    return [Activity.model_validate(dict(zip(COLUMNS, row, strict=True))) for row in rows]
