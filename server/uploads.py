"""Files that lie with the caller: `mlsteward upload` sends them, the workspace's `uploads` folder takes them."""

import uuid
from pathlib import Path

import anyio
import anyio.to_thread
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from mlsteward.store.activity import add_activity
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_LONGEST_NAME = 200


class Upload:
    """PUT /uploads/NAME: the body becomes a file of that name, once it is whole."""

    def __init__(self, workspace: Workspace, security: TransportSecuritySettings) -> None:
        self._workspace = workspace
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refused = await self._security.validate_request(request)
        response = refused or await self._take(request)
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        name = Path(request.path_params["name"]).name
        if self._workspace.settings.read_only:
            return JSONResponse({"error": "read_only"}, status_code=403)
        if not name.isprintable() or len(name.encode()) > _LONGEST_NAME or not name or name.startswith("."):
            return JSONResponse({"error": "invalid_name"}, status_code=400)
        folder = self._workspace.uploads
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        part = folder / f".{uuid.uuid4().hex}.part"
        size = await self._write(request, part)
        if size is None:
            limit = self._workspace.settings.snapshot_limit_mb
            return JSONResponse({"error": "too_large", "error_description": f"over {limit} MB"}, status_code=413)
        await anyio.Path(part).replace(folder / name)
        await anyio.to_thread.run_sync(self._remember, request, f"uploads/{name}")
        return JSONResponse({"source": f"uploads/{name}", "bytes": size}, status_code=201)

    def _remember(self, request: Request, asset: str) -> None:
        user = request.scope.get("user")
        actor = user.display_name if isinstance(user, AuthenticatedUser) else self._workspace.user
        client = request.headers.get("user-agent", "")[:200]

        def write(transaction: Transaction) -> None:
            add_activity(transaction, actor=actor, client=client, action="upload", asset=asset)

        self._workspace.store.write(write)

    async def _write(self, request: Request, part: Path) -> int | None:
        limit = self._workspace.settings.snapshot_limit_mb * 1024 * 1024
        size, whole = 0, False
        try:
            async with await anyio.open_file(part, "wb") as file:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limit:
                        return None
                    await file.write(chunk)
            whole = True
            return size
        finally:
            if not whole:
                await anyio.Path(part).unlink(missing_ok=True)
