"""Deployments change by themselves: with the aliases that they follow, and when a canary does worse."""

from mlsteward.errors import NotFound
from mlsteward.store.alerts import Finding, change_state, open_alerts, raise_alerts
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, State, deployments, find_deployment, keep_state, place
from mlsteward.store.models import find_model
from mlsteward.store.transaction import Transaction

# What alerts on a deployment are called.
CANARY_CHECK = "canary"
ENDPOINT_CHECK = "endpoint"


def outdated(t: Transaction) -> list[Deployment]:
    """Running deployments as they should be now, where an alias that they follow has moved."""
    found: list[Deployment] = []
    for known in deployments(t):
        if known.wanted == "running":
            now = known.model_copy(
                update={
                    "model": _now(t, known.asked, known.model),
                    "shadow_model": _now(t, known.shadow, known.shadow_model),
                }
            )
            if now != known:
                found.append(_without_needless(now))
    return found


def follow_aliases(t: Transaction) -> list[Deployment]:
    """Have every deployment serve what the alias that it follows stands on; returns those that change."""
    return [_follow(t, find_deployment(t, now.name), now) for now in outdated(t)]


def end_canary(t: Transaction, name: str, since: int, words: str) -> Deployment | None:
    """Take the canary that runs since that revision off a deployment, with an alert; None where it is gone already."""
    known = find_deployment(t, name)
    if not known.canary or known.canary_since != since:
        return None
    wanted = known.model_copy(update={"canary": 0, "canary_model": ""})
    placed = place(t, wanted, event="canary stopped", by=By(), words=words)
    finding = Finding(
        asset=known.label,
        check=CANARY_CHECK,
        severity="warning",
        words=f"The canary {words}.",
        evidence={"canary": known.canary_model, "champion": known.model, "percent": float(known.canary)},
    )
    raise_alerts(t, [finding], run=None)
    return placed


def keep_seen(t: Transaction, seen: Deployment, state: State, words: str, port: int) -> None:
    """Write how the endpoint of a deployment was seen, with an alert while it fails.

    What was seen is of the revision that was read: who changed the deployment meanwhile knows better.
    """
    known = find_deployment(t, seen.name)
    if known.revision != seen.revision:
        return
    keep_state(t, known.name, state, words=words, port=port)
    if state == "failed" and known.state != "failed":
        failing = Finding(asset=known.label, check=ENDPOINT_CHECK, severity="error", words=f"The endpoint: {words}.")
        raise_alerts(t, [failing], run=None)
    elif state in ("serving", "stopped") and known.state != state:
        for alert in open_alerts(t, known.label):
            if alert.check == ENDPOINT_CHECK:
                change_state(t, alert, "resolved", event="settled", note=f"it is {state}")


def _now(t: Transaction, asked: str, before: str) -> str:
    if not asked or asked == before:
        return before
    try:
        return find_model(t, asked).label
    except NotFound:  # the alias was dropped: what it stood on last goes on
        return before


def _without_needless(now: Deployment) -> Deployment:
    """A canary that has become the champion has nothing to be compared with; neither has a shadow of the same model."""
    if now.canary_model != now.model:
        return now
    return now.model_copy(update={"canary": 0, "canary_model": ""})


def _follow(t: Transaction, known: Deployment, now: Deployment) -> Deployment:
    moved = [
        f"{asked} is {model} now, and was {before}"
        for asked, before, model in (
            (known.asked, known.model, now.model),
            (known.shadow, known.shadow_model, now.shadow_model),
        )
        if before != model
    ]
    return place(t, now, event="followed", by=By(), words="; ".join(moved))
