"""What a webhook or a command is given of an alert's event, and how it gets there."""

import json
import shlex
import subprocess
import urllib.error
import urllib.request
from datetime import UTC
from email.message import Message
from http.client import HTTPException
from typing import IO, Any

from mlsteward.store.alert_events import AlertEvent

SCHEMA = "mlsteward.alert/1"
_WEBHOOK_SECONDS = 10
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
    downstream = f" Downstream: {', '.join(alert['downstream'])}." if alert["downstream"] else ""
    note = f" {event.note}" if event.note else ""
    return {
        "schema": SCHEMA,
        "id": event.number,
        "event": event.event,
        "time": event.created.astimezone(UTC).isoformat(timespec="seconds"),
        # What Slack, Mattermost and others show.
        "text": f"[{alert['severity']}] alert:{event.alert} {event.event}: {alert['asset']}: {alert['words']}"
        f"{downstream}{note}",
        "alert": alert,
        "by": {"actor": event.actor, "client": event.client},
        "note": event.note,
        "page": f"mlsteward://alerts/{event.alert}",
    }


def post(url: str, message: dict[str, Any]) -> None:
    """POST the message as JSON. Raises NotDelivered for any answer but 2xx, and for redirects."""
    request = urllib.request.Request(
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "mlsteward"},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_WEBHOOK_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        for_good = error.code < 500 and error.code not in _LATER
        raise NotDelivered(f"the webhook answered {error.code}", for_good=for_good) from error
    except urllib.error.URLError as error:
        raise NotDelivered(f"the webhook cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise NotDelivered(f"the webhook broke off: {error}") from error


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


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, or carry it where nobody named: it is an error."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None
