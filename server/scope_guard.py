"""A token with the scope `read` calls no tool that changes something: HTTP 403 before the call is made."""

import json
from collections.abc import Container
from typing import Any, cast

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ScopeGuard:
    """Reads the body of each POST, which the limit keeps small, and passes it on unless the scope is wrong."""

    def __init__(self, app: ASGIApp, changing_tools: Container[str], *, limit: int) -> None:
        self._app = app
        self._changing_tools = changing_tools
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = scope.get("user")
        reader = isinstance(user, AuthenticatedUser) and "write" not in user.scopes
        if not reader or scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await self._body(receive)
        if body is None:
            await JSONResponse({"error": "body_too_large"}, status_code=413)(scope, receive, send)
            return
        if tool := self._forbidden(body):
            answer = {"error": "insufficient_scope", "error_description": f"{tool} needs a token with the scope write"}
            await JSONResponse(answer, status_code=403)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _body(self, receive: Receive) -> bytes | None:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                return None
            more = message.get("more_body", False)
        return b"".join(parts)

    def _forbidden(self, body: bytes) -> str:
        """The first tool in `body` that a reader may not call, "" if there is none."""
        try:
            parsed: Any = json.loads(body)
        except (ValueError, RecursionError):
            return ""  # not for us to judge: the protocol layer answers, and no tool changes anything for a reader
        messages: list[Any] = cast(list[Any], parsed) if isinstance(parsed, list) else [parsed]
        for message in messages:
            request = cast(dict[str, Any], message) if isinstance(message, dict) else {}
            parameters = request.get("params")
            if request.get("method") == "tools/call" and isinstance(parameters, dict):
                name = str(cast(dict[str, Any], parameters).get("name"))
                if name in self._changing_tools:
                    return name
        return ""


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def replayed() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replayed
