"""`mlsteward token create|list|revoke`."""

from rich.console import Console
from rich.table import Table

from mlsteward.config import Settings
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
