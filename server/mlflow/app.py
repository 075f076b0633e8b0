"""The part of MLflow's REST API that logging needs, below /api.

Every request is one transaction of the store. Errors have MLflow's form, so that its clients raise their own.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from mlsteward.errors import InUse, InvalidArgument, NotFound, NotSupported, Refused, StewardError, StoreBusy
from mlsteward.server.caller import current_actor
from mlsteward.server.mlflow import (
    artifacts,
    experiments,
    logged_models,
    model_versions,
    registered_models,
    runs,
    search,
)
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message, read_json
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

logger = logging.getLogger("mlsteward.mlflow")

T = TypeVar("T")
_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# What is the caller's doing is not worth trying again; their clients do so for 429, 500 and 502 to 504.
_CODES: list[tuple[type[StewardError], str, int]] = [
    (InUse, "RESOURCE_ALREADY_EXISTS", 400),
    (InvalidArgument, "INVALID_PARAMETER_VALUE", 400),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (Refused, "PERMISSION_DENIED", 403),
    (NotSupported, "NOT_IMPLEMENTED", 501),
    (StoreBusy, "TEMPORARILY_UNAVAILABLE", 503),
]
_MODULES = (experiments, runs, search, logged_models, registered_models, model_versions, artifacts)


class MlflowAPI:
    """`needs_token` says of a request whether it needs one; a body of JSON may have `limit` bytes."""

    def __init__(
        self,
        workspace: Workspace,
        security: TransportSecuritySettings,
        needs_token: Callable[[Scope], Awaitable[bool]],
        *,
        limit: int,
    ) -> None:
        self._workspace = workspace
        self._security = TransportSecurityMiddleware(security)
        self._needs_token = needs_token
        self._limit = limit
        endpoints: list[Endpoint] = [endpoint for module in _MODULES for endpoint in module.ENDPOINTS]
        self._router = Router(
            [
                *(Route(f"/2.0{one.path}", partial(self._answer, one), methods=[one.method]) for one in endpoints),
                Route("/2.0/mlflow-artifacts/artifacts/{path:path}", self._file, methods=["GET", "PUT"]),
                Route("/3.0/mlflow/server-info", self._about, methods=["GET"]),
                Route("/{path:path}", self._unknown, methods=_ALL_METHODS),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        refused = await self._security.validate_request(request)
        user = scope.get("user")
        if refused is None and await self._needs_token(scope) and not isinstance(user, AuthenticatedUser):
            refused = _error("UNAUTHENTICATED", "This server needs a token: set MLFLOW_TRACKING_TOKEN.", 401)
        if refused is not None:
            await refused(scope, receive, send)
            return
        try:
            await self._router(scope, receive, send)
        except StewardError as error:
            await _told(error)(scope, receive, send)
        except HTTPException as error:  # no route takes the method
            await _error("ENDPOINT_NOT_FOUND", error.detail, error.status_code)(scope, receive, send)
        except Exception:  # the outermost edge of a request: a crash becomes a reference into the log
            reference = uuid.uuid4().hex[:8]
            logger.exception("%s crashed, reference %s", scope["path"], reference)
            failed = _error("INTERNAL_ERROR", f"The request failed inside the server (reference {reference}).", 500)
            await failed(scope, receive, send)

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        fields = {**_query(request), **read_json(await self._body(request)), **request.path_params}
        answer = await self._in_store(request, partial(self._call, endpoint, fields), changes=endpoint.changes)
        return Response(answer.model_dump_json(by_alias=True, exclude_none=True), media_type="application/json")

    @staticmethod
    def _call(endpoint: Endpoint, fields: dict[str, Any], call: Logging) -> Message:
        if endpoint.deletes:
            call.check_deletion()
        return endpoint.function(call, endpoint.read(fields))

    async def _file(self, request: Request) -> Response:
        changes = request.method == "PUT"
        path = request.path_params["path"]

        def find(call: Logging) -> artifacts.Place:
            return artifacts.place_of(call.t, call.workspace.folder, path)

        place = await self._in_store(request, find, changes=changes, writes=False)
        return await (artifacts.upload(request, self._workspace, place) if changes else artifacts.download(place))

    async def _in_store(
        self, request: Request, work: Callable[[Logging], T], *, changes: bool, writes: bool | None = None
    ) -> T:
        """What `work` returns in a transaction; Refused where it `changes` something and the caller may not."""
        actor = current_actor(self._workspace, request.headers.get("user-agent", "")[:200])
        if changes and self._workspace.settings.read_only:
            raise Refused("This server is read-only.")
        if changes and not actor.may_write:
            raise Refused("Your token has the scope read, and logging needs write.")
        seen = self._workspace.seen_by(actor.clearance)

        def carry_out(t: Transaction) -> T:
            return work(Logging(t, actor, seen))

        in_store = seen.store.write if (changes if writes is None else writes) else seen.store.read
        return await anyio.to_thread.run_sync(in_store, carry_out)

    async def _body(self, request: Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self._limit:
                raise InvalidArgument(f"The body has more than {self._limit:,} bytes; log it in parts.")
            parts.append(chunk)
        return b"".join(parts)

    async def _about(self, _: Request) -> Response:
        """What clients of MLflow 3 ask before they use what newer servers have."""
        return JSONResponse({"store_type": "mlsteward", "workspaces_enabled": False, "trace_archival_enabled": False})

    async def _unknown(self, request: Request) -> Response:
        words = (
            f"{request.method} {request.url.path} is no part of MLflow's API that this server answers: experiments,"
            " runs, metrics, artifacts, logged models, registered models and their versions."
        )
        return _error("ENDPOINT_NOT_FOUND", words, 404)


def _query(request: Request) -> dict[str, Any]:
    """Parameters of the address; those that are lists in the protocol may stand there repeatedly."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        found[name] = values if name in ("order_by", "stages", "experiment_ids") else values[-1]
    return found


def _told(error: StewardError) -> Response:
    for kind, code, status in _CODES:
        if isinstance(error, kind):
            return _error(code, error.said(), status)
    return _error("INTERNAL_ERROR", error.said(), 500)


def _error(code: str, message: str, status: int) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error_code": code, "message": message}, status_code=status, headers=headers)
