"""Requests for a person's approval: written before anybody is asked, decided once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mlsteward.errors import NotFound
from mlsteward.record import Record
from mlsteward.store.runs import Run, update_run
from mlsteward.store.transaction import Transaction

State = Literal["pending", "refused", "granted", "denied", "expired", "superseded", "stale", "withdrawn"]
Way = Literal["host", "terminal"]
WAYS: tuple[Way, ...] = ("host", "terminal")
_OPEN = ("pending", "refused")


class Approval(Record):
    """One request. `refused` names the gates that failed: only an override gets past them.

    `ways` says by which way it may be granted, `asked` when a host was last asked to show it, `way` and `approver` who
    decided, `words` why.
    """

    number: int = 0
    run: int
    action: str
    asset: str
    subject: str
    summary: str
    refused: list[str] = []
    ways: list[Way] = list(WAYS)
    state: State = "pending"
    actor: str
    client: str
    reason: str = ""
    created: datetime
    expires: datetime
    asked: datetime | None = None
    decided: datetime | None = None
    approver: str = ""
    way: str = ""
    words: str = ""

    def line(self) -> str:
        """What became of it, in a line."""
        if self.state == "pending":
            return (
                f"waits for a person's approval until {self.expires:%Y-%m-%d %H:%M} UTC: `mlsteward approve {self.run}`"
            )
        if self.state == "refused":
            how = f"`mlsteward approve {self.run} --override`"
            return f"refused by {', '.join(self.refused)}; a person may override it: {how}"
        by = f" by {self.approver} ({self.way})" if self.approver else ""
        return f"{'overridden' if self.overridden else self.state}{by}{': ' + self.words if self.words else ''}"

    @property
    def overridden(self) -> bool:
        return self.state == "granted" and bool(self.refused)


_COLUMNS = tuple(Approval.model_fields)
_JSON = ("refused", "ways")


def ask_approval(
    t: Transaction,
    run: Run,
    *,
    action: str,
    asset: str,
    summary: str,
    subject: str = "",
    refused: Sequence[str] = (),
    ways: Sequence[Way] = WAYS,
    hours: float = 72,
) -> Approval:
    """Ask for `action` on `asset`, which the run has worked out: the run waits, and an older request for the same
    `subject` (else asset) is superseded. With `refused` gates nothing waits; the request is there to be overridden.

    When it is granted, `granted(t, run, result)` of the run's kind does what was asked.
    """
    now = datetime.now(UTC)
    subject = subject or asset
    for earlier in _approvals(t, "action = ? AND subject = ? AND state IN ('pending', 'refused')", [action, subject]):
        close_approval(t, earlier, "superseded", words=f"run:{run.number} asks anew")
    last = t.row("SELECT max(number) FROM approvals")
    approval = Approval(
        number=((last[0] if last else None) or 0) + 1,
        run=run.number,
        action=action,
        asset=asset,
        subject=subject,
        summary=summary,
        refused=list(refused),
        ways=list(ways),
        state="refused" if refused else "pending",
        actor=run.actor,
        client=run.client,
        reason=run.reason,
        created=now,
        expires=now + timedelta(hours=hours),
    )
    t.insert("approvals", [approval.model_dump()])
    if not refused:
        update_run(t, run.number, state="waiting")
    return approval


def close_approval(
    t: Transaction, approval: Approval, state: State, *, approver: str = "", way: str = "", words: str = ""
) -> Approval:
    """Say how a request ended; unless it was granted, a run that waited for it is cancelled in the same words."""
    now = datetime.now(UTC)
    fields = {"state": state, "decided": now, "approver": approver, "way": way, "words": words}
    t.execute(
        "UPDATE approvals SET state = ?, decided = ?, approver = ?, way = ?, words = ? WHERE number = ?",
        [*fields.values(), approval.number],
    )
    closed = approval.model_copy(update=fields)
    if approval.state == "pending" and state != "granted":
        update_run(t, approval.run, state="cancelled", error=f"The approval it waited for was {closed.line()}.")
    return closed


def approval_of_run(t: Transaction, run: int) -> Approval | None:
    """The request that a run has made, as it stands now."""
    found = _approvals(t, "run = ?", [run])
    return _today(t, found[0]) if found else None


def find_approval(t: Transaction, run: int) -> Approval:
    approval = approval_of_run(t, run)
    if approval is not None:
        return approval
    waiting = [f"mlsteward approve {one.run}" for one in open_approvals(t)]
    raise NotFound(f"run:{run} asks for no approval.", close=waiting[:3])


def open_approvals(t: Transaction) -> list[Approval]:
    """Those that can still be granted or overridden, newest first."""
    now = [_today(t, one) for one in _approvals(t, "state IN ('pending', 'refused')", [])]
    return [one for one in now if one.state in _OPEN]


def was_asked(t: Transaction, approval: Approval) -> None:
    """Note that a host was asked to show the request: it is asked once."""
    t.execute("UPDATE approvals SET asked = ? WHERE number = ?", [datetime.now(UTC), approval.number])


def expire(t: Transaction, approval: Approval) -> Approval:
    """Write down that its time is over or its run was cancelled, if so."""
    stored = _approvals(t, "number = ?", [approval.number])[0]
    today = _today(t, stored)
    return close_approval(t, stored, today.state) if stored.state != today.state else stored


def _today(t: Transaction, approval: Approval) -> Approval:
    """What the clock and its run make of what is written."""
    if approval.state not in _OPEN:
        return approval
    if approval.expires <= datetime.now(UTC):
        return approval.model_copy(update={"state": "expired"})
    row = t.row("SELECT state FROM runs WHERE number = ?", [approval.run])
    if approval.state == "pending" and row and row[0] != "waiting":
        return approval.model_copy(update={"state": "withdrawn"})
    return approval


def _approvals(t: Transaction, where: str, values: Sequence[object]) -> list[Approval]:
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM approvals WHERE {where} ORDER BY number DESC", list(values))
    return [_approval(row) for row in rows]


def _approval(row: tuple[Any, ...]) -> Approval:
    fields = dict(zip(_COLUMNS, row, strict=True))
    for name in _JSON:
        fields[name] = json.loads(fields[name])
    return Approval.model_validate(fields)
