"""The tool `resolve_alert`."""

from typing import Literal

from mlsteward.answer import Answer
from mlsteward.errors import InvalidArgument
from mlsteward.server.declare import Call, Tool
from mlsteward.store.alerts import Alert, State, change_state, get_alert, parse_alert
from mlsteward.store.transaction import Transaction

Action = Literal["acknowledge", "resolve", "reopen"]
_LONGEST_NOTE = 2000
_BECOMES: dict[Action, State] = {"acknowledge": "acknowledged", "resolve": "resolved", "reopen": "open"}
_EVENTS: dict[Action, str] = {"acknowledge": "acknowledged", "resolve": "resolved", "reopen": "reopened"}


class ResolveAnswer(Answer):
    alert: int
    state: State
    asset: str
    page: str


def resolve_alert(call: Call, alert: str, action: Action, note: str = "") -> ResolveAnswer:
    """Acknowledge, resolve or reopen an alert, with a note on why; resolving and reopening need one.

    A resolved alert opens again when its check fails again; one whose check passes is resolved by itself.
    """
    number = parse_alert(alert)
    note = note.strip()
    if len(note) > _LONGEST_NOTE:
        raise InvalidArgument(f"note has {len(note)} characters; {_LONGEST_NOTE} at most.")
    if action != "acknowledge" and not note:
        raise InvalidArgument(f"To {action} alert:{number} say why in note.")

    def write(t: Transaction) -> Alert:
        known = get_alert(t, number)
        if known.state == _BECOMES[action]:
            raise InvalidArgument(
                f"{known.label} is {known.state} already.", next=f'list_alerts(asset="{known.asset}")'
            )
        if action == "acknowledge" and known.state == "resolved":
            raise InvalidArgument(
                f"{known.label} is resolved; only an open alert is acknowledged.",
                next=f'resolve_alert(alert={number}, action="reopen", note="…")',
            )
        by = call.actor
        return change_state(
            t, known, _BECOMES[action], event=_EVENTS[action], note=note, actor=by.name, client=by.client
        )

    changed = call.workspace.store.write(write)
    call.workspace.alerts.wake()
    return ResolveAnswer(
        verdict=f"{changed.label} ({changed.check} of {changed.asset}) is {changed.state}.",
        alert=changed.number,
        state=changed.state,
        asset=changed.asset,
        page=f"mlsteward://alerts/{changed.number}",
        next="list_alerts()",
    )


TOOL = Tool(resolve_alert, title="Acknowledge or resolve an alert", toolset="alerts", read_only=False)
