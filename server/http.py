"""Streamable HTTP: who may come in, with what, and from where."""

import socket
from collections.abc import Sequence

import anyio.to_thread
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend, RequireAuthMiddleware
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlsteward.config import is_loopback
from mlsteward.errors import Refused
from mlsteward.server.app import Steward
from mlsteward.server.caller import CallerToken
from mlsteward.server.mlflow.app import MlflowAPI
from mlsteward.server.scope_guard import ScopeGuard
from mlsteward.server.uploads import Upload
from mlsteward.store.tokens import Token, find_token, list_tokens
from mlsteward.workspace import Workspace

BODY_LIMIT = 4 * 1024 * 1024
SCOPES = ["read", "write", "admin"]


def http_app(server: Steward, *, host: str, allowed_hosts: Sequence[str] = ()) -> Starlette:
    """The web application; Refused when `host` is not loopback and no token has been made."""
    workspace = server.services.workspace
    if not is_loopback(host) and not tokens_in_use(workspace):
        raise Refused(
            f"{host} can be reached from other machines, so a token is needed first: "
            "`mlsteward token create NAME --scope read|write|admin`."
        )
    security = _security(host, allowed_hosts)
    mcp_app = server.streamable_http_app(
        streamable_http_path="/mcp", max_request_body_size=BODY_LIMIT, transport_security=security
    )
    guarded: ASGIApp = ScopeGuard(mcp_app, server.changing_tools, limit=BODY_LIMIT)
    upload: ASGIApp = Upload(workspace, security)
    always = not is_loopback(host)
    return Starlette(
        routes=[
            Route("/health", _health, methods=["GET"]),
            Route("/uploads/{name}", TokenGate(upload, workspace, "write", always=always), methods=["PUT"]),
            Mount("/api", MlflowAPI(workspace, security, TokenRule(workspace, always=always), limit=BODY_LIMIT)),
            Mount("/", TokenGate(guarded, workspace, "read", always=always)),
        ],
        middleware=[
            Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(StoredTokens(workspace))),
            Middleware(AuthContextMiddleware),
        ],
        lifespan=lambda _: server.session_manager.run(),
    )


def _security(host: str, allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    own = ["127.0.0.1", "localhost", "[::1]"] if is_loopback(host) else [host, socket.gethostname()]
    names = [*own, *allowed_hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*names, *(f"{name}:*" for name in names)],
        allowed_origins=[
            f"{scheme}://{name}{port}" for name in names for scheme in ("http", "https") for port in ("", ":*")
        ],
    )


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class TokenRule:
    """Whether a request needs a token: everywhere but on loopback, and there as soon as one has been made."""

    def __init__(self, workspace: Workspace, *, always: bool) -> None:
        self._workspace = workspace
        self._always = always

    async def __call__(self, scope: Scope) -> bool:
        return self._always or isinstance(scope.get("user"), AuthenticatedUser) or await self._tokens_exist()

    async def _tokens_exist(self) -> bool:
        # Revoked ones count: taking back the only token must not let everybody in.
        return bool(await anyio.to_thread.run_sync(self._workspace.store.read, list_tokens))


class TokenGate:
    """Lets in whoever has a token of this scope, where one is needed, and else everybody."""

    def __init__(self, app: ASGIApp, workspace: Workspace, scope: str, *, always: bool) -> None:
        self._app = app
        self._guarded = RequireAuthMiddleware(app, [scope])
        self._needs_token = TokenRule(workspace, always=always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._guarded if await self._needs_token(scope) else self._app)(scope, receive, send)


def tokens_in_use(workspace: Workspace) -> list[Token]:
    return [token for token in workspace.store.read(list_tokens) if token.revoked is None]


class StoredTokens:
    """The SDK's token verifier, over the hashes in the store."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def verify_token(self, token: str) -> CallerToken | None:
        found = await anyio.to_thread.run_sync(self._find, token)
        if found is None:
            return None
        scopes = SCOPES[: SCOPES.index(found.scope) + 1]
        return CallerToken(token=token, client_id=found.name, scopes=scopes, clearance=found.clearance)

    def _find(self, secret: str) -> Token | None:
        return self._workspace.store.read(lambda transaction: find_token(transaction, secret))
