"""Sending what happens to alerts to a webhook or a command, in a thread of its own: no call waits for it."""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlsteward.errors import StewardError
from mlsteward.store.alert_deliveries import Channel, Claim, claim_deliveries, finish_delivery, next_due

if TYPE_CHECKING:
    from mlsteward.store.store import Store

logger = logging.getLogger("mlsteward.alerts")

# Seconds before the second attempt, the third, …: five of them, over half an hour.
PAUSES = (5.0, 20.0, 80.0, 320.0, 1280.0)
_STORE_BUSY_SECONDS = 30.0
# How long a server that ends waits for the other side.
_LAST_SECONDS = 3.0


class AlertDelivery:
    """Sends events to the channels the operator named. While there is nothing to send there is no thread."""

    def __init__(
        self, store: "Store", *, webhook: str = "", command: str = "", pauses: Sequence[float] = PAUSES
    ) -> None:
        self._store = store
        named: dict[Channel, str] = {"webhook": webhook, "command": command}
        self._targets: dict[Channel, str] = {channel: target for channel, target in named.items() if target}
        self._pauses = pauses
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closed = False
        self._abandoned = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something may have been committed that is to be sent. Returns at once."""
        if not self._targets:
            return
        with self._lock:
            self._woken.set()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._send, name="mlsteward-alerts", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Finish what is being sent, unless that takes long; what is not sent yet is for the next server that looks."""
        with self._lock:
            self._closed = True
            self._woken.set()
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_SECONDS)
        self._abandoned = True

    def _send(self) -> None:
        try:
            while not self._closed:
                self._woken.clear()
                pause = self._turn()
                if pause is None and self._nothing_left():
                    return
                self._woken.wait(pause)
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _nothing_left(self) -> bool:
        """Whether the thread ends: decided under the lock, so that a wake after it starts another."""
        with self._lock:
            if self._woken.is_set():
                return False
            self._thread = None
            return True

    def _turn(self) -> float | None:
        """Send what is due; the seconds until there is more, None when nothing waits."""
        channels = list(self._targets)
        try:
            while claims := self._store.write(lambda t: claim_deliveries(t, channels, datetime.now(UTC))):
                for claim in claims:
                    self._deliver(claim)
                    if self._closed:
                        return 0.0
            due = self._store.read(lambda t: next_due(t, channels))
        except StewardError as error:
            logger.warning("alerts could not be sent now: %s", error)
            return _STORE_BUSY_SECONDS
        return max((due - datetime.now(UTC)).total_seconds(), 0.01) if due else None

    def _deliver(self, claim: Claim) -> None:
        # At first use: most servers send nothing, and all pay for what is imported at the start.
        from mlsteward.runs.alert_message import NotDelivered, hand_to, message_of, post

        error, retry_at = "", None
        try:
            send = post if claim.channel == "webhook" else hand_to
            send(self._targets[claim.channel], message_of(claim.event))
        except NotDelivered as problem:
            error = problem.words
            if not problem.for_good and claim.attempts <= len(self._pauses):
                retry_at = datetime.now(UTC) + timedelta(seconds=self._pauses[claim.attempts - 1])
            what = f"tried again at {retry_at:%H:%M:%S} UTC" if retry_at else "given up"
            logger.warning("event %d of alert:%d: %s; %s", claim.event.number, claim.event.alert, error, what)
        if not self._abandoned:  # else the lease ends, and somebody sends it again
            self._store.write(lambda t: finish_delivery(t, claim, error, retry_at))
