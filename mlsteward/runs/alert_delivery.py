"""Sending what happens to alerts to a webhook or a command, in a thread of its own: no call waits for it."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlsteward.errors import StewardError
from mlsteward.runs.background import Background
from mlsteward.store.alert_deliveries import Channel, Claim, claim_deliveries, finish_delivery, next_due

if TYPE_CHECKING:
    from mlsteward.store.store import Store

logger = logging.getLogger("mlsteward.alerts")

# Seconds before the second attempt, the third, …: five of them, over half an hour.
PAUSES = (5.0, 20.0, 80.0, 320.0, 1280.0)
_STORE_BUSY_SECONDS = 30.0


class AlertDelivery(Background):
    """Sends events to the channels the operator named. What is not sent yet is for the next server that looks."""

    def __init__(
        self, store: "Store", *, webhook: str = "", command: str = "", pauses: Sequence[float] = PAUSES
    ) -> None:
        super().__init__("mlsteward-alerts")
        self._store = store
        named: dict[Channel, str] = {"webhook": webhook, "command": command}
        self._targets: dict[Channel, str] = {channel: target for channel, target in named.items() if target}
        self._pauses = pauses

    def wake(self) -> None:
        """Something may have been committed that is to be sent. Returns at once."""
        if self._targets:
            super().wake()

    def _turn(self) -> float | None:
        """Send what is due; the seconds until there is more, None when nothing waits."""
        channels = list(self._targets)
        try:
            while claims := self._store.write(lambda t: claim_deliveries(t, channels, datetime.now(UTC))):
                for claim in claims:
                    self._deliver(claim)
                    if self._abandoned:
                        return None
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
