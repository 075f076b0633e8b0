"""What a webhook or a command is given of an alert's event, and how it gets there."""

import json
import shlex
import subprocess
from datetime import UTC
from typing import Any

from mlsteward.runs.post import NotPosted, post_json
from mlsteward.store.alert_events import AlertEvent

SCHEMA = "mlsteward.alert/1"
_COMMAND_SECONDS = 30
_LONGEST_ERROR = 300
# Answers of a webhook that may be another one later.
_LATER = frozenset({408, 425, 429})


class NotDelivered(Exception):
    """The other side did not take the message; `for_good` says that it will not take it later either."""

    def __init__(self, words: str, *, for_good: bool = False) -> None:
        self.words = words[:_LONGEST_ERROR]
        self.for_good = for_good
        super().__init__(self.words)


def message_of(event: AlertEvent) -> dict[str, Any]:
    """The message: docs/alerts.md describes each member. `id` is the same when it is sent again."""
    alert = event.payload
    downstream = f". Downstream: {', '.join(alert['downstream'])}." if alert["downstream"] else ""
    note = f" ({event.note})" if event.note else ""
    return {
        "schema": SCHEMA,
        "id": event.number,
        "event": event.event,
        "time": event.created.astimezone(UTC).isoformat(timespec="seconds"),
        # What Slack, Mattermost and others show.
        "text": f"[{alert['severity']}] alert:{event.alert} {event.event}{note}: {alert['asset']}:"
        f" {alert['words'].rstrip('.')}{downstream}",
        "alert": alert,
        "by": {"actor": event.actor, "client": event.client},
        "note": event.note,
        "page": f"mlsteward://alerts/{event.alert}",
    }


def post(url: str, message: dict[str, Any]) -> None:
    """POST the message as JSON. Raises NotDelivered for any answer but 2xx, and for redirects."""
    try:
        post_json(url, message)
    except NotPosted as error:
        for_good = 0 < error.status < 500 and error.status not in _LATER
        raise NotDelivered(f"the webhook {error.words}", for_good=for_good) from error


def hand_to(command: str, message: dict[str, Any]) -> None:
    """Run the command without a shell, the message as JSON on its input. Raises NotDelivered unless it ends with 0."""
    try:
        done = subprocess.run(
            shlex.split(command),
            input=json.dumps(message).encode(),
            stdout=subprocess.DEVNULL,  # the server's own is the protocol's
            stderr=subprocess.PIPE,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotDelivered(f"the command had not ended after {_COMMAND_SECONDS} s") from error
    except (OSError, ValueError) as error:
        raise NotDelivered(f"the command cannot be run: {error}", for_good=True) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise NotDelivered(f"the command ended with {done.returncode}" + (f": {said}" if said else ""))
