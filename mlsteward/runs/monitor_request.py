"""Looking at a deployment: the run of kind `monitor` that `check_deployment`, schedules and the terminal start."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from mlsteward.drift.choice import parse_moment
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.gates.policy import ModelRules
from mlsteward.monitoring.budget import read_budget, read_every
from mlsteward.monitoring.window_time import window_end, window_start
from mlsteward.runs.actor import Actor
from mlsteward.runs.drift_request import importance_of
from mlsteward.runs.jobs.monitor import Request, ServedVersion
from mlsteward.runs.judged_model import judged_model
from mlsteward.runs.model_use import check_model_use
from mlsteward.runs.policy import workspace_policy
from mlsteward.store.datasets import find_dataset
from mlsteward.store.deployment_events import history_of
from mlsteward.store.deployments import Deployment, find_deployment
from mlsteward.store.models import find_model
from mlsteward.store.monitors import known_monitor
from mlsteward.store.outcomes import outcome_files
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_LATELY = timedelta(days=7)


def start_monitor(workspace: Workspace, actor: Actor, deployment: str, *, since: str = "", until: str = "") -> int:
    """Start a run of kind `monitor` on a deployment; its number.

    `since` and `until` are written as for `check_drift` (`2024-05-01`, `7 days`); without them it looks at the last
    seven days against all before, and the detectors always at everything. Raises NotFound for an unknown deployment
    and InvalidArgument for what is no time.
    """
    policy = workspace_policy(workspace.folder)

    def read(t: Transaction) -> Request:
        found = find_deployment(t, deployment)
        return _request(t, found, policy.of(found.model.partition("@")[0]), since, until)

    request = workspace.store.read(read)
    return workspace.runs.start(
        "monitor",
        request,
        actor=actor,
        name=request.deployment,
        dataset=_dataset(request),
        params={"deployment": request.deployment, "model": request.primary}
        | {name: value for name, value in (("since", since), ("until", until)) if value},
    )


def _request(t: Transaction, found: Deployment, rules: ModelRules, since: str, until: str) -> Request:
    now = datetime.now(UTC).replace(tzinfo=None)
    begin, end = _span(since, until, now)
    masks, t = t.masks, t.whole
    versions = list(_versions(t, found))
    for version in versions:
        check_model_use(masks, find_model(t, version.model.label))
    monitor = known_monitor(t, found.name)
    every = monitor.every if monitor else read_every(rules.monitor.every)
    budget = monitor.budget_days if monitor else read_budget(rules.monitor.budget, every) / timedelta(days=1)
    tolerance = monitor.tolerance if monitor and monitor.tolerance is not None else rules.monitor.tolerance
    events = takewhile(lambda event: event.model == found.model, history_of(t, found.name))
    began = [event.created for event in events]
    return Request(
        deployment=found.name,
        primary=found.model,
        versions=versions,
        files=outcome_files(t, found.name),
        since=begin,
        until=end,
        now=now,
        every_seconds=every.total_seconds(),
        budget_days=budget,
        tolerance=tolerance,
        season=monitor.season if monitor else False,
        watched_since=_plain(monitor.watched_since) if monitor else None,
        watched=monitor is not None and monitor.stopped is None,
        changed=_plain(min(began)) if began else None,
        masked=masks.within([version.model.dataset for version in versions]),
    )


def _span(since: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """Whole windows, the one that is under way included."""
    end = parse_moment(until, now) if until else now
    begin = parse_moment(since, now) if since else end - _LATELY
    first, last = window_start(begin, now)[0], window_end(end, now)
    if last <= first:
        raise InvalidArgument(f"Nothing lies between since={since!r} and until={until!r}.")
    return first, last


def _versions(t: Transaction, found: Deployment) -> Iterator[ServedVersion]:
    """The models that the deployment serves or has served, the newest first."""
    events = history_of(t, found.name)
    labels = [found.model, found.canary_model, found.shadow_model]
    labels += [label for event in events for label in (event.model, event.canary_model, event.shadow_model)]
    for label in dict.fromkeys(filter(None, labels)):
        with suppress(NotFound):
            model = find_model(t, label)
            dataset = find_dataset(t, model.dataset, rows=False)
            yield ServedVersion(
                model=judged_model(t, model),
                snapshot=dataset.snapshot,
                columns=dataset.columns,
                importance=importance_of(get_run(t, model.run).result),
            )


def _dataset(request: Request) -> str:
    return next((one.model.dataset for one in request.versions if one.model.label == request.primary), "")


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
