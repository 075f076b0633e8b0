"""Retraining by itself: what the policy's `[retrain]` and monitors say is to be retrained, and is due."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.errors import NotSupported, StewardError
from mlsteward.monitoring.deployment_report import INPUT_DRIFT, REALISED_LOSS
from mlsteward.names import parse_reference
from mlsteward.pipeline.retrain_rules import RetrainRules, Trigger
from mlsteward.pipeline.triggers import Situation, wants_data, why_retrain
from mlsteward.runs.actor import Actor
from mlsteward.runs.policy import workspace_policy
from mlsteward.runs.retrain_request import start_retrain
from mlsteward.runs.schedule import Due
from mlsteward.store.alerts import Finding, change_state, open_alerts, raise_alerts
from mlsteward.store.aliases import CHAMPION, aliases_of
from mlsteward.store.datasets import DatasetVersion, find_dataset, newest_version
from mlsteward.store.deployments import Deployment, deployments
from mlsteward.store.models import Model, find_model, model_names, versions_of
from mlsteward.store.monitors import known_monitor
from mlsteward.store.stale import stale_sources
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.gates.policy import Policy
    from mlsteward.workspace import Workspace

logger = logging.getLogger("mlsteward.schedule")
CLIENT = "mlsteward schedule"
_EVERY = timedelta(minutes=5)
_LEASE = timedelta(minutes=10)
_TRIGGERS = {INPUT_DRIFT: "drift", REALISED_LOSS: "loss"}
_WANTED = "retraining"


def due_work(t: Transaction, now: datetime, folder: Path) -> list[Due]:
    """The models that are to be retrained now; each is given out once until it was begun, or some minutes have gone."""
    try:
        policy = workspace_policy(folder)
    except StewardError as error:
        logger.warning("nothing is retrained by itself: %s", error.words())
        return []
    due: list[Due] = []
    for name in model_names(t):
        situation, rules, extra = _situation(t, policy, name)
        _ask_for_data(t, name, wants_data(situation, rules, extra) if situation else "")
        if situation and why_retrain(situation, rules, extra, now) and not _is_claimed(t, name, now):
            t.execute("DELETE FROM retrain_claims WHERE model = ?", [name])
            t.insert("retrain_claims", [{"model": name, "until": now + _LEASE}])
            due.append(Due(asset=f"model:{name}", at=now))
    return due


def next_due(t: Transaction, now: datetime) -> datetime | None:
    """New data and alerts come at any time, so they are looked for every few minutes while there are models."""
    return now + _EVERY if model_names(t) else None


def begin(workspace: "Workspace", due: Due) -> int:
    """Start the retraining. Raises NotSupported where somebody was faster."""
    name = parse_reference(due.asset).name
    policy = workspace_policy(workspace.folder)
    situation, rules, extra = workspace.store.read(lambda t: _situation(t, policy, name))
    reason = why_retrain(situation, rules, extra, due.at) if situation else ""
    if situation is None or not reason:
        raise NotSupported(f"model:{name} is not to be retrained any more.")
    number = start_retrain(workspace, Actor(name=workspace.user, client=CLIENT), situation.model, reason=reason)
    if not number:
        raise NotSupported(f"There is nothing newer to train {situation.model} on any more.")
    return number


def _situation(t: Transaction, policy: "Policy", name: str) -> tuple[Situation | None, RetrainRules, list[Trigger]]:
    """What is known of a model, the policy's rules for it and the triggers of its monitors; None for a model that
    nothing triggers, or that was trained on no dataset of this workspace."""
    rules = policy.of(name).retrain
    running = [one for one in deployments(t) if one.wanted == "running"]
    serving = [one for one in running if parse_reference(one.asked, default="model").name == name]
    extra: list[Trigger] = ["drift", "loss"] if any(_retrains(t, one) for one in serving) else []
    if not rules.on and not extra:
        return None, rules, extra
    return _facts(t, _standing(t, name), serving), rules, extra


def _retrains(t: Transaction, deployment: Deployment) -> bool:
    monitor = known_monitor(t, deployment.name)
    return monitor is not None and monitor.stopped is None and monitor.on_alert == "retrain"


def _standing(t: Transaction, name: str) -> Model:
    """The version whose recipe counts: the champion, else the newest."""
    champion = aliases_of(t, name).get(CHAMPION)
    return find_model(t, f"{name}@{champion}" if champion else name)


def _facts(t: Transaction, model: Model, serving: Sequence[Deployment]) -> Situation | None:
    newest = newest_version(t, parse_reference(model.dataset).name) if model.dataset else None
    if newest is None:
        return None
    before = {parse_reference(model.dataset).name: model.dataset}
    fresh = [newest] if newest.label != model.dataset else []
    for stale in stale_sources(t, newest.label):
        before[parse_reference(stale.source).name] = stale.source
        fresh.append(find_dataset(t, stale.newest, rows=False))
    alerts = [alert for one in serving for alert in open_alerts(t, one.label) if alert.check in _TRIGGERS]
    return Situation(
        model=model.label,
        trained=max(one.created for one in versions_of(t, model.name)),
        data=", ".join(one.label for one in fresh),
        data_since=max((one.created for one in fresh), default=None),
        new_rows=_more_rows(t, before, fresh),
        tried=_tried(t, model.name),
        alerts={_TRIGGERS[alert.check]: f"{alert.asset}: {alert.check} ({alert.label})" for alert in alerts},
    )


def _more_rows(t: Transaction, before: dict[str, str], fresh: Sequence[DatasetVersion]) -> int:
    """How many rows were added to what is new, at most in one dataset."""
    grown = [one.rows - find_dataset(t, before[one.name], rows=False).rows for one in fresh if one.name in before]
    return max(grown, default=0)


def _tried(t: Transaction, name: str) -> datetime | None:
    row = t.row("SELECT max(created) FROM runs WHERE kind = 'pipeline' AND name = ?", [f"retrain_{name}"[:63]])
    return row[0] if row else None


def _is_claimed(t: Transaction, name: str, now: datetime) -> bool:
    return t.row("SELECT 1 FROM retrain_claims WHERE model = ? AND until > ?", [name, now]) is not None


def _ask_for_data(t: Transaction, name: str, words: str) -> None:
    """An alert that somebody has to bring newer rows, raised once and settled when that is no longer so."""
    asset = f"model:{name}"
    standing = [alert for alert in open_alerts(t, asset) if alert.check == _WANTED]
    if words and not standing:
        told = f"{words}; it would be retrained, and there is no data newer than its last training: register newer rows"
        raise_alerts(t, [Finding(asset=asset, check=_WANTED, severity="warning", words=told)], run=None)
    for alert in standing if not words else []:
        change_state(t, alert, "resolved", event="settled", note="there is newer data, or nothing is wrong any more")
