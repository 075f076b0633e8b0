"""`mlsteward approver add|list|remove`: who may approve in a terminal."""

import argparse

from rich.console import Console
from rich.table import Table

from mlsteward.config import Settings
from mlsteward.server.command import Command, change
from mlsteward.server.passphrase import authorise, new_passphrase
from mlsteward.store.approvers import add_approver, is_locked, list_approvers, remove_approver
from mlsteward.workspace import Workspace


def approver_command(workspace: Workspace, action: str, name: str, by: str) -> int:
    console = Console(soft_wrap=True, highlight=False)
    if action == "list":
        table = Table("name", "since", "locked")
        for one in workspace.store.read(list_approvers):
            table.add_row(one.name, f"{one.created:%Y-%m-%d %H:%M}", "yes" if is_locked(one) else "")
        console.print(table)
        return 0
    asset = f"approver:{name}"
    # The first approver is whoever comes first; from then on approvers decide who may approve.
    why = ""
    if workspace.store.read(list_approvers):
        why = f"allowed by {authorise(workspace, by, f'{action} {asset}')}"
    if action == "add":
        typed = new_passphrase(name)
        change(workspace, lambda t: add_approver(t, name, typed), action="approver add", asset=asset, why=why)
        console.print(f"{name} may approve: `mlsteward approve RUN --as {name}`.")
    else:
        change(workspace, lambda t: remove_approver(t, name), action="approver remove", asset=asset, why=why)
        console.print(f"{name} may no longer approve.")
    return 0


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, words in (("add", "let NAME approve, or give NAME a new passphrase"), ("remove", "take it back")):
        one = actions.add_parser(action, parents=[common], help=words)
        one.add_argument("name")
        one.add_argument("--as", dest="by", metavar="APPROVER", default="", help="who allows it, if there are several")
    actions.add_parser("list", parents=[common], help="list those who may approve")


def run(settings: Settings, given: argparse.Namespace) -> int:
    workspace = Workspace(settings)
    try:
        return approver_command(workspace, given.action, getattr(given, "name", ""), getattr(given, "by", ""))
    finally:
        workspace.close()


COMMAND = Command("approver", "say who may approve in a terminal", arguments, run)
