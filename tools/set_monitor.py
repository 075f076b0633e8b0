"""The tool `set_monitor`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.errors import NotFound
from mlsteward.monitoring.budget import budget_words, check_budget, duration_words, read_budget, read_every
from mlsteward.monitoring.report import FEWEST
from mlsteward.runs.policy import workspace_policy
from mlsteward.server.declare import Call, Tool
from mlsteward.store.deployments import find_deployment
from mlsteward.store.monitors import Monitor, known_monitor, monitors, save_monitor
from mlsteward.store.transaction import Transaction

_STOPS = ("never", "off", "none")


class MonitorAnswer(Answer):
    deployment: str
    every: str = ""
    budget: str = Field(default="", description="Mean time between two false alarms of this deployment.")
    on_alert: str = ""
    season: bool = False
    due: datetime | None = None
    total: str = Field(default="", description="False alarms of all monitors together.")
    notes: list[str] = Field(default_factory=list[str])

    def body(self) -> list[str]:
        return [self.total, *(f"note: {note}" for note in self.notes)]


def set_monitor(
    call: Call,
    deployment: str,
    every: str = "",
    budget: str = "",
    on_alert: Literal["", "alert", "retrain"] = "",
    season: bool | None = None,
) -> MonitorAnswer:
    """Have a deployment looked at by itself: every "1 day" (or "6 hours"; "never" stops it), alarms if it got worse.

    budget is a mean time between false alarms, as "one in 2 years". on_alert="retrain" trains a challenger, too.
    season holds it against the same weeks a year before.
    """
    stop = every.strip().lower() in _STOPS
    policy = workspace_policy(call.workspace.folder)

    def write(t: Transaction) -> tuple[Monitor, list[Monitor]]:
        found = find_deployment(t, deployment.removeprefix("deployment:"))
        known = known_monitor(t, found.name)
        if stop and (known is None or known.stopped):
            raise NotFound(f"{found.label} is not watched.", next=f'set_monitor(deployment="{found.name}")')
        rules = policy.of(found.model.partition("@")[0]).monitor
        length = read_every(every or rules.every) if not known or (every and not stop) else known.every
        allowed = read_budget(budget or rules.budget, length) if budget or not known else known.budget
        check_budget(allowed, length)
        now = datetime.now(UTC)
        monitor = Monitor(
            deployment=found.name,
            every_seconds=length.total_seconds(),
            budget_days=allowed / timedelta(days=1),
            on_alert=on_alert or (known.on_alert if known else "alert"),
            season=season if season is not None else bool(known and known.season),
            actor=call.actor.name,
            client=call.actor.client,
            clearance=call.actor.clearance,
            changed=now,
            stopped=now if stop else None,
            due=now,
            last_run=known.last_run if known else None,
        )
        return save_monitor(t, monitor), monitors(t)

    why = "not watched any more" if stop else f"looked at every {every or 'window'}"
    monitor, watched = call.change(write, asset=lambda both: both[0].label, why=why)
    return _answer(monitor, watched)


def _answer(monitor: Monitor, watched: Sequence[Monitor]) -> MonitorAnswer:
    following = f'check_deployment(deployment="{monitor.deployment}")'
    total = f"In all: {budget_words([one.budget for one in watched])}." if watched else "Nothing is watched now."
    if monitor.stopped:
        verdict = f"{monitor.label} is not looked at by itself any more; its alerts stay."
        return MonitorAnswer(verdict=verdict, deployment=monitor.deployment, total=total, next=following)
    every, budget = duration_words(monitor.every), duration_words(monitor.budget)
    after = " and has a challenger trained" if monitor.on_alert == "retrain" else ""
    season = ", against the same weeks a year before" if monitor.season else ""
    return MonitorAnswer(
        verdict=f"{monitor.label} is looked at every {every}{season}: one false alarm in {budget} on average. An alarm"
        f" raises an alert{after}.",
        deployment=monitor.deployment,
        every=every,
        budget=f"one in {budget}",
        on_alert=monitor.on_alert,
        season=monitor.season,
        due=monitor.due,
        total=total,
        notes=[
            "`mlsteward http` and `mlsteward watch` look when it is due; `mlsteward check` looks once",
            f"losses are judged from {FEWEST} windows with outcomes on: record_outcomes",
        ],
        next=following,
    )


TOOL = Tool(set_monitor, title="Watch a deployment", toolset="monitoring", read_only=False, idempotent=True)
