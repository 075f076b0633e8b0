"""Who calls, and what they may see."""

from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import Context

from mlsteward.dictionary.sensitivity import LEVELS, Level, lower
from mlsteward.runs.actor import Actor
from mlsteward.workspace import Workspace


class CallerToken(AccessToken):
    """A token that was let in, and what its holder may see."""

    clearance: Level


def caller(context: Context[Any, Any], workspace: Workspace) -> Actor:
    """Who calls: the token's name over HTTP, else the user of this machine; and with which client."""
    parameters = context.request_context.session.client_params
    info = parameters.client_info if parameters else None
    return current_actor(workspace, f"{info.name} {info.version}".strip() if info else "")


def current_actor(workspace: Workspace, client: str) -> Actor:
    """Whoever's token came with the request of this moment, else the user of this machine."""
    token = get_access_token()
    if token is None:
        return Actor(name=workspace.user, client=client, clearance=clearance(workspace))
    is_admin = "admin" in token.scopes
    return Actor(
        name=token.client_id,
        client=client,
        may_write="write" in token.scopes or is_admin,
        may_approve=is_admin,
        clearance=clearance(workspace),
    )


def clearance(workspace: Workspace) -> Level:
    """What the caller of this moment may see: the token's clearance, held to what the server as a whole may show."""
    most = lower(workspace.clearance, workspace.settings.clearance)
    token = get_access_token()
    if token is None:
        return most
    # A token that says nothing of clearance comes from elsewhere than our store.
    return lower(most, token.clearance if isinstance(token, CallerToken) else LEVELS[0])
