"""Who changed what, when and why."""

from datetime import UTC, datetime

from pydantic import BaseModel

from mlsteward.store.transaction import Transaction


class Activity(BaseModel):
    """One change, by one call."""

    created: datetime
    actor: str
    client: str
    action: str
    asset: str
    why: str = ""
    run: int | None = None


def add_activity(
    t: Transaction, *, actor: str, client: str, action: str, asset: str, why: str = "", run: int | None = None
) -> None:
    """Record a change, now."""
    change = Activity(
        created=datetime.now(UTC), actor=actor, client=client, action=action, asset=asset, why=why, run=run
    )
    t.insert("activity", [change.model_dump()])


def activity_of(t: Transaction, asset: str, limit: int = 20) -> list[Activity]:
    """The changes of an asset, newest first."""
    columns = ", ".join(Activity.model_fields)
    rows = t.rows(f"SELECT {columns} FROM activity WHERE asset = ? ORDER BY created DESC LIMIT ?", [asset, limit])
    return [Activity.model_validate(dict(zip(Activity.model_fields, row, strict=True))) for row in rows]
