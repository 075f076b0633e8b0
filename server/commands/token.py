"""`mlsteward token create|list|revoke`."""

import argparse

from rich.console import Console
from rich.table import Table

from mlsteward.config import Settings
from mlsteward.dictionary.sensitivity import DEFAULT, Level
from mlsteward.server.command import Command, change
from mlsteward.store.tokens import Scope, create_token, list_tokens, revoke_token
from mlsteward.workspace import Workspace


def token_command(settings: Settings, action: str, name: str, scope: Scope, clearance: Level) -> int:
    workspace = Workspace(settings)
    console = Console()
    try:
        if action == "create":
            secret = change(
                workspace,
                lambda t: create_token(t, name, scope, clearance),
                action="token create",
                asset=f"token:{name}",
                why=f"scope {scope}, clearance {clearance}",
            )
            console.print(f"Token {name} ({scope}, clearance {clearance}), shown this once:")
            console.print(secret, markup=False, highlight=False, soft_wrap=True)
        elif action == "revoke":
            change(workspace, lambda t: revoke_token(t, name), action="token revoke", asset=f"token:{name}")
            console.print(f"Token {name} is revoked.")
        else:
            table = Table("name", "scope", "clearance", "created", "revoked")
            for token in workspace.store.read(list_tokens):
                made, revoked = f"{token.created:%Y-%m-%d %H:%M}", str(token.revoked or "")
                table.add_row(token.name, token.scope, token.clearance, made, revoked)
            console.print(table)
        if action != "list":
            # Endpoints that no server looks after would go on letting in whom they knew.
            workspace.endpoints.tell()
    finally:
        workspace.close()
    return 0


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    described = f"make a token and show it once; --clearance (default: {DEFAULT}) masks columns above it"
    create = actions.add_parser("create", parents=[common], help="make a token and show it once", description=described)
    create.add_argument("name")
    create.add_argument("--scope", choices=["read", "write", "admin"], default="read")
    actions.add_parser("list", parents=[common], help="list tokens")
    actions.add_parser("revoke", parents=[common], help="revoke a token").add_argument("name")


def run(settings: Settings, given: argparse.Namespace) -> int:
    # The common flag --clearance is, for a new token, its own.
    clearance: Level = getattr(given, "clearance", DEFAULT)
    return token_command(settings, given.action, getattr(given, "name", ""), getattr(given, "scope", "read"), clearance)


COMMAND = Command("token", "make, list and revoke tokens of the HTTP server", arguments, run)
