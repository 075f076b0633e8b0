"""The page `mlsteward://deployments/{name}/monitoring`."""

from mlsteward.monitoring.deployment_page import page
from mlsteward.runs.jobs.monitor import Result
from mlsteward.runs.monitored import last_look
from mlsteward.server.declare import Page
from mlsteward.store.alerts import Alert, open_alerts
from mlsteward.store.deployments import deployment_names, find_deployment
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


def monitoring_page(workspace: Workspace, name: str) -> str:
    """How a deployment did when it was looked at last: traffic, performance, segments, drift, windows, with plots."""

    def read(t: Transaction) -> tuple[str, Run | None, list[Alert]]:
        found = find_deployment(t, name)
        return found.name, last_look(t, found.name), open_alerts(t, found.label)

    workspace.runs.take_in()
    deployment, run, alerts = workspace.store.read(read)
    if run is None:
        return (
            f'# Monitoring of {deployment}\n\nNobody has looked yet: `check_deployment(deployment="{deployment}")`.\n'
        )
    if not run.result:
        return f"# Monitoring of {deployment}\n\n{run.withheld}\n"
    result = Result.model_validate(run.result)
    when = f"{run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else ""
    links = [f"looked at {when} by {run.label}: mlsteward://runs/{run.number}"]
    links += [f"![{plot}](mlsteward://runs/{run.number}/artifacts/{plot})" for plot in result.plots]
    links += [f"{one.label} ({one.severity}, {one.state}): {one.check}" for one in alerts]
    return page(result.report, [*links, f"the deployment: mlsteward://deployments/{deployment}"])


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda t: deployment_names(t, prefix))


PAGES = [
    Page(
        "mlsteward://deployments/{name}/monitoring",
        monitoring_page,
        title="How a deployment does",
        complete={"name": _names},
    )
]
