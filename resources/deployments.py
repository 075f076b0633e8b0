"""The page `mlsteward://deployments/{name}`."""

from mlsteward.answer import markdown_table
from mlsteward.dictionary.comment import comments_section
from mlsteward.dictionary.sensitivity import FULL
from mlsteward.runs.endpoint_status import EndpointStatus, endpoint_status
from mlsteward.server.declare import Page
from mlsteward.store.alerts import Alert, open_alerts
from mlsteward.store.comments import Comment, comments_of
from mlsteward.store.deployment_events import DeploymentEvent, history_of
from mlsteward.store.deployments import Deployment, deployment_names, find_deployment
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


def deployment_page(workspace: Workspace, name: str) -> str:
    """A deployment: what it serves and where, how its endpoint stands, its canary, alerts and history."""

    def read(t: Transaction) -> tuple[Deployment, list[DeploymentEvent], list[Alert], list[Comment]]:
        found = find_deployment(t, name)
        return found, history_of(t, found.name), open_alerts(t, found.label), comments_of(t, found.label)

    workspace.runs.take_in()
    found, history, alerts, comments = workspace.store.read(read)
    status = endpoint_status(workspace.folder, found)
    lines = [f"# Deployment {found.name}", "", _served(found), "", *_endpoint(found, status)]
    if status.log_tail and workspace.clearance == FULL:
        # What a process prints may quote a row.
        lines += ["", "The end of its log:", "", "```", status.log_tail, "```"]
    if found.canary:
        lines += ["", "## Canary", "", *_canary(found, status)]
    if alerts:
        lines += [
            "",
            "## Open alerts",
            "",
            *(f"- {one.label} {one.severity}, {one.check}: {one.words}" for one in alerts),
        ]
    lines += ["", "## History", ""]
    headers = ("when", "revision", "what", "model", "canary", "shadow", "said", "by", "run")
    lines += markdown_table(headers, [_event(one) for one in history])
    lines += comments_section(comments)
    if status.address:
        lines += ["", "## Asking it", "", *_asking(found, status)]
    lines += ["", "## More", "", f"- lineage: mlsteward://lineage/deployment/{found.name}"]
    lines += [f"- monitoring: mlsteward://deployments/{found.name}/monitoring"]
    lines += [f"- model: mlsteward://models/{found.model.partition('@')[0]}"] if "@" in found.model else []
    return "\n".join(lines) + "\n"


def _served(found: Deployment) -> str:
    follows = f", the model that {found.asked} stands on: when the alias moves it changes over" if found.follows else ""
    return f"Serves {found.model}{follows}. Revision {found.revision}, by {found.actor or 'unknown'}."


def _endpoint(found: Deployment, status: EndpointStatus) -> list[str]:
    lines = [f"- endpoint: {status.state}" + (f", {status.words}" if status.words else "")]
    if status.address:
        lines += [f"- address: {status.address}, process {status.pid}, since {status.since:%Y-%m-%d %H:%M:%S} UTC"]
        lines += [f"- serving now: {status.model}, changed over {status.swaps} times without a pause"]
    if status.shadow:
        lines += [f"- shadow: {status.shadow} scores every request and answers none"]
    if status.restarts:
        lines += [f"- its process ended {status.restarts} times in a row"]
    return lines


def _canary(found: Deployment, status: EndpointStatus) -> list[str]:
    lines = [f"{found.canary_model} answers {found.canary} % of the requests, drawn at random."]
    if status.counts is None:
        return [*lines, "Nothing was counted yet."]
    counts = status.counts
    asked = counts.requests
    lines += ["", f"So far it answered {asked['canary']:,} requests, the champion {asked['champion']:,}.", ""]
    lines += [f"- {line}" for line in counts.lines()]
    stops = "It is stopped when the evidence that it does worse reaches 300 : 1, which a canary that is no worse"
    lines += ["", f"{stops} ever does with a probability of at most 1 %, over all its tests."]
    return [*lines, f"Stopped: {counts.stopped}."] if counts.stopped else lines


def _event(one: DeploymentEvent) -> list[object]:
    canary = f"{one.canary_model} {one.canary} %" if one.canary else ""
    run = f"run:{one.run}" if one.run else ""
    when = f"{one.created:%Y-%m-%d %H:%M:%S}"
    return [when, one.revision, one.event, one.model, canary, one.shadow_model, one.words, one.actor, run]


def _asking(found: Deployment, status: EndpointStatus) -> list[str]:
    at = status.address
    return [
        f'- `POST {at}/predict` with `{{"rows": [{{"column": value, …}}]}}`',
        f"- Open Inference Protocol V2: `POST {at}/v2/models/{found.name}/infer`, `GET {at}/v2/health/ready`",
        "- with a token in `Authorization: Bearer …` where tokens were made",
    ]


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda t: deployment_names(t, prefix))


PAGES = [Page("mlsteward://deployments/{name}", deployment_page, title="A deployment", complete={"name": _names})]
