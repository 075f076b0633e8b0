"""`mlsteward token create|list|revoke`."""

import argparse

from rich.console import Console
from rich.table import Table

from mlsteward.config import Settings
from mlsteward.server.command import Command
from mlsteward.store.tokens import Scope, create_token, list_tokens, revoke_token
from mlsteward.workspace import Workspace


def token_command(settings: Settings, action: str, name: str, scope: Scope) -> int:
    workspace = Workspace(settings)
    console = Console()
    try:
        if action == "create":
            secret = workspace.store.write(lambda t: create_token(t, name, scope))
            console.print(f"Token {name} ({scope}), shown this once:")
            console.print(secret, markup=False, highlight=False, soft_wrap=True)
        elif action == "revoke":
            workspace.store.write(lambda t: revoke_token(t, name))
            console.print(f"Token {name} is revoked.")
        else:
            table = Table("name", "scope", "created", "revoked")
            for token in workspace.store.read(list_tokens):
                table.add_row(token.name, token.scope, f"{token.created:%Y-%m-%d %H:%M}", str(token.revoked or ""))
            console.print(table)
    finally:
        workspace.close()
    return 0


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", parents=[common], help="make a token and show it once")
    create.add_argument("name")
    create.add_argument("--scope", choices=["read", "write", "admin"], default="read")
    actions.add_parser("list", parents=[common], help="list tokens")
    actions.add_parser("revoke", parents=[common], help="revoke a token").add_argument("name")


def run(settings: Settings, given: argparse.Namespace) -> int:
    return token_command(settings, given.action, getattr(given, "name", ""), getattr(given, "scope", "read"))


COMMAND = Command("token", "make, list and revoke tokens of the HTTP server", arguments, run)
