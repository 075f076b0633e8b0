"""`mlsteward approve`: a person's word on what a run waits for, in a terminal."""

import argparse

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument
from mlsteward.names import parse_run
from mlsteward.runs.approve import Decision, as_policy_has_it, check_decision, decide
from mlsteward.server.approval_words import approval_words
from mlsteward.server.command import TERMINAL, Command
from mlsteward.server.passphrase import authorise
from mlsteward.store.approvals import Approval, find_approval, open_approvals
from mlsteward.workspace import Workspace


def approve(workspace: Workspace, run: str, *, approver: str, deny: bool, override: bool, reason: str) -> int:
    """Show what is asked for, ask for the passphrase and write the decision."""
    console = Console(soft_wrap=True, highlight=False)
    workspace.runs.take_in()
    if not run:
        return _list(console, workspace.store.read(open_approvals))
    number = parse_run(run)
    approval = workspace.store.read(lambda t: find_approval(t, number))
    console.print(escape(approval_words(approval)))
    if approval.refused:
        console.print(f"[bold]It did not pass: {escape(', '.join(approval.refused))}.[/bold]")
    decision = Decision(
        approve=not deny, approver=approver, client=TERMINAL, way="terminal", reason=reason, override=override
    )
    check_decision(as_policy_has_it(workspace, approval), decision)
    name = authorise(workspace, approver, f"{'deny' if deny else 'approve'} run:{number}")
    closed = decide(workspace, number, decision.model_copy(update={"approver": name}))
    console.print(escape(f"{approval.asset}: {approval.action} {closed.line()}."))
    return 0


def _list(console: Console, waiting: list[Approval]) -> int:
    if not waiting:
        console.print("Nothing waits for approval.")
        return 0
    table = Table("run", "action", "asset", "asked by", "until (UTC)", "state")
    for one in waiting:
        state = f"refused by {', '.join(one.refused)}" if one.refused else "waits"
        table.add_row(str(one.run), one.action, one.asset, one.actor, f"{one.expires:%Y-%m-%d %H:%M}", state)
    console.print(table)
    console.print("`mlsteward approve RUN` shows one and asks for your passphrase.")
    return 0


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("asked", nargs="?", default="", metavar="RUN", help="the run that waits; without it, list them")
    parser.add_argument("--as", dest="approver", metavar="NAME", default="", help="who approves, if there are several")
    parser.add_argument("--deny", action="store_true", help="refuse it")
    parser.add_argument("--override", action="store_true", help="let it pass although gates refused it")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it stands in the audit log")


def run(settings: Settings, given: argparse.Namespace) -> int:
    if given.deny and given.override:
        raise InvalidArgument("Either --deny or --override.")
    workspace = Workspace(settings)
    try:
        return approve(
            workspace,
            given.asked,
            approver=given.approver,
            deny=given.deny,
            override=given.override,
            reason=given.reason.strip(),
        )
    finally:
        workspace.close()


COMMAND = Command("approve", "approve what a run waits for, or list what waits", arguments, run)
