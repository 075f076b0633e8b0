"""`mlsteward check`: look at deployments once, and say by the exit code whether something is wrong."""

import argparse
import sys

from mlsteward.config import Settings
from mlsteward.errors import NotFound, RunFailed
from mlsteward.runs.actor import Actor
from mlsteward.runs.jobs.monitor import Result
from mlsteward.runs.monitor_request import start_monitor
from mlsteward.server.command import TERMINAL, Command
from mlsteward.store.deployments import deployments, find_deployment
from mlsteward.store.runs import ACTIVE, Run
from mlsteward.workspace import Workspace

# As exit codes: 0 nothing is wrong, 1 it could not be told, 3 something is wrong.
_WRONG = 3


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("deployment", nargs="*", help="those to look at (default: all that are served)")
    parser.add_argument(
        "--since", default="", metavar="TIME", help="look at what was asked since then: 7 days, 2024-05-01"
    )
    parser.add_argument("--until", default="", metavar="TIME", help="and until then")
    parser.add_argument("--notices", action="store_true", help="count a notice as wrong, too")
    parser.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS", help="longest wait for each (600)")
    parser.epilog = "Exit code: 0 nothing is wrong, 3 something is, 1 it could not be told."


def run(settings: Settings, given: argparse.Namespace) -> int:
    if not (settings.workspace / "store.duckdb").exists():
        raise NotFound(f"The workspace {settings.workspace} has no store yet.")
    workspace = Workspace(settings)
    try:
        workspace.runs.take_in()
        actor = Actor(name=workspace.user, client=TERMINAL, clearance=settings.clearance)
        started = [
            start_monitor(workspace.seen_by(actor.clearance), actor, name, since=given.since, until=given.until)
            for name in _names(workspace, given.deployment)
        ]
        healths = [_told(workspace.runs.wait(number, given.timeout)) for number in started]
    finally:
        workspace.close()
    wrong = ("alarm", "notice") if given.notices else ("alarm",)
    return _WRONG if any(health in wrong for health in healths) else 0


def _names(workspace: Workspace, asked: list[str]) -> list[str]:
    if asked:
        return workspace.store.read(lambda t: [find_deployment(t, name).name for name in dict.fromkeys(asked)])
    names = [one.name for one in workspace.store.read(deployments) if one.wanted == "running"]
    if not names:
        raise NotFound("Nothing is deployed, so there is nothing to look at.", next='deploy_model(model="…")')
    return names


def _told(run: Run) -> str:
    """Print what was found; the health of the deployment. Raises RunFailed where it could not be told."""
    if run.state in ACTIVE:
        raise RunFailed(f"{run.label} has not ended yet; give it longer with --timeout.", next=run.wait_on)
    if run.state != "completed":
        raise RunFailed(f"{run.name} could not be looked at: {run.error or run.state}")
    result = Result.model_validate(run.result)
    lines = [result.verdict, *(f"  {line}" for line in result.findings(run) if line)]
    sys.stdout.write("\n".join(lines) + "\n")
    return result.report.health


COMMAND = Command("check", "look at deployments once; exit code 3 where something is wrong", arguments, run)
