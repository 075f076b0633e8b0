"""The web application of an endpoint: the Open Inference Protocol and plain rows, over one model in force.

It is a bare ASGI application: where a model takes a quarter of a millisecond, a web framework would be most of an
answer. A request is scored and written down in one go on the event loop, and what it was scored by is taken once: an
exchange of models between two requests drops none.
"""

import json
import logging
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mlsteward.errors import InvalidArgument, StewardError
from mlsteward.names import close_names
from mlsteward.serving.endpoint.asked import Asked, pick_keys, read_id, read_plain
from mlsteward.serving.endpoint.canary_guard import CanaryGuard
from mlsteward.serving.endpoint.desired import Desired, Role
from mlsteward.serving.endpoint.guard import Guard, Headers, Receive, Scope, Turned, read_body
from mlsteward.serving.endpoint.row_reader import InvalidRows
from mlsteward.serving.endpoint.served import Scored, Served, log_lines, new_ids
from mlsteward.serving.endpoint.shadow import Shadow
from mlsteward.serving.endpoint.v2 import answered_by, inputs_of, outputs_of, read_infer, tensors
from mlsteward.serving.segments import LogFull, SegmentWriter

logger = logging.getLogger("mlsteward.serving")

Send = Callable[[dict[str, Any]], Awaitable[None]]

_PLACES = "POST /predict, POST /v2/models/NAME/infer, GET /v2/models/NAME, GET /v2/health/ready"
_TYPE: tuple[bytes, bytes] = (b"content-type", b"application/json")


@dataclass(frozen=True)
class InForce:
    """What answers, at one moment. `before` is the champion before, kept so that a rollback need not load it."""

    desired: Desired
    champion: Served
    canary: Served | None
    shadow: Shadow | None
    guard: Guard
    watch: CanaryGuard | None = None
    before: Served | None = None

    def choose(self, request_id: str, keys: list[str | None], version: str = "") -> tuple[Served, Role]:
        """Who answers: by the version asked for, else by share. The same key always comes to the same model."""
        if version:
            return self._version(version)
        if self.canary is not None and not (self.watch and self.watch.stopped):
            # Drawn anew for each canary: what is peculiar to some keys does not follow them from one to the next.
            drawn = f"{self.desired.canary_since} {_lot(request_id, keys)}"
            if zlib.crc32(drawn.encode()) % 10_000 < self.desired.canary_percent * 100:
                return self.canary, "canary"
        return self.champion, "champion"

    def _version(self, version: str) -> tuple[Served, Role]:
        if version == self.champion.version:
            return self.champion, "champion"
        if self.canary is not None and version == self.canary.version:
            return self.canary, "canary"
        raise Turned(404, f"Version {version[:60]!r} is not served here; version {self.champion.version} is.")


def _lot(request_id: str, keys: list[str | None]) -> str:
    """What a request is drawn by."""
    return (keys[0] if keys else None) or request_id


@dataclass(frozen=True)
class Answered:
    """What is sent for a request that was scored, and the rows for the shadow."""

    asked: Asked
    request_id: str
    ids: list[str]
    body: dict[str, Any]


class EndpointApp:
    """Answers by what is `in_force`, and writes each prediction down first."""

    def __init__(self, in_force: InForce, writer: SegmentWriter) -> None:
        self.in_force = in_force
        self.writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        status, headers, shadowed = 200, [_TYPE], None
        try:
            answer, shadowed = await self._route(scope, receive, began)
        except Turned as turned:
            status, headers, answer = turned.status, [_TYPE, *turned.headers], _words(turned)
        except InvalidArgument as error:
            status, answer = 400, _words(error)
        except LogFull as error:
            logger.error("%s", error.said())
            status, answer = 503, _words(error)
        except Exception:  # the outermost edge of a request: a crash becomes a reference into the log
            reference = uuid.uuid4().hex[:8]
            logger.exception("a request crashed, reference %s", reference)
            status, answer = 500, {"error": f"The endpoint failed (reference {reference} in its log.txt)."}
        body = json.dumps(answer).encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        shadow = self.in_force.shadow
        if shadowed is not None and shadow is not None:
            shadow.send(shadowed.asked, shadowed.request_id, shadowed.ids)

    async def _route(self, scope: Scope, receive: Receive, began: float) -> tuple[dict[str, Any], Answered | None]:
        path, headers = scope["path"], dict(scope["headers"])
        if path in ("/v2/health/live", "/v2/health/ready"):
            _allow(scope, "GET")
            return {path.rpartition("/")[2]: True}, None
        force = self.in_force
        force.guard.check(headers)
        if path == "/predict":
            _allow(scope, "POST")
            found = self._plain(force, headers, await read_body(headers, receive), began)
            return found.body, found
        parts = path.strip("/").split("/")
        if parts[:2] == ["v2", "models"] and len(parts) > 2:
            return await self._model(force, parts[2:], scope, receive, began)
        if parts == ["v2"]:
            _allow(scope, "GET")
            return {"name": "mlsteward", "version": "2", "extensions": []}, None
        raise Turned(404, f"There is nothing at {path[:200]!r}. What there is: {_PLACES}.")

    async def _model(
        self, force: InForce, parts: list[str], scope: Scope, receive: Receive, began: float
    ) -> tuple[dict[str, Any], Answered | None]:
        """`/v2/models/NAME[/versions/VERSION][/ready | /infer]`."""
        name, *rest = parts
        if name != force.desired.deployment:
            raise Turned(404, f"There is no model {name[:60]!r} here; `{force.desired.deployment}` is served.")
        version = ""
        if rest[:1] == ["versions"] and len(rest) > 1:
            version, rest = rest[1], rest[2:]
        if rest == ["infer"]:
            _allow(scope, "POST")
            headers = dict(scope["headers"])
            found = self._infer(force, version, headers, await read_body(headers, receive), began)
            return found.body, found
        _allow(scope, "GET")
        served, _ = force.choose("", [], version or force.champion.version)
        if rest == ["ready"]:
            return {"name": name, "ready": True}, None
        if not rest:
            return _metadata(force, served), None
        close = close_names(rest[0], ["infer", "ready", "versions"])
        raise Turned(404, f"A model has no `{'/'.join(rest)[:60]}`: infer, ready, or versions/V before it. {close}")

    def _plain(self, force: InForce, headers: Headers, body: bytes, began: float) -> Answered:
        with _Counted(self, force, began):
            asked = read_plain(body)
            request_id, keys = self._ids(force, headers, asked)
            served, role = force.choose(request_id, keys)
        asked = Asked(asked.rows, keys, request_id)
        scored, ids = self._score(force, served, role, asked, began)
        said = {"deployment": force.desired.deployment, "model": served.label, "role": role, "request_id": request_id}
        self._write(force, served, role, scored, request_id, began)
        return Answered(asked, request_id, ids, {**said, "predictions": scored.predictions, "notes": scored.notes})

    def _infer(self, force: InForce, version: str, headers: Headers, body: bytes, began: float) -> Answered:
        with _Counted(self, force, began):
            names = (force.choose("", [], version or force.champion.version))[0].reader.names
            asked, wanted = read_infer(body, names)
            request_id, keys = self._ids(force, headers, asked)
            served, role = force.choose(request_id, keys, version)
        asked = Asked(asked.rows, keys, request_id)
        scored, ids = self._score(force, served, role, asked, began, drawn=not version)
        said = {
            "model_name": force.desired.deployment,
            "model_version": served.version,
            "id": request_id,
            "parameters": answered_by(served.label, role, scored.notes, scored.predictions, wanted),
            "outputs": tensors(scored.predictions, served.row.classes, wanted),
        }
        self._write(force, served, role, scored, request_id, began)
        return Answered(asked, request_id, ids, said)

    def _ids(self, force: InForce, headers: Headers, asked: Asked) -> tuple[str, list[str | None]]:
        given = asked.request_id or read_id(headers.get(b"x-request-id", b"").decode("latin-1"), "X-Request-ID")
        keys = asked.keys
        if not keys and force.desired.key:
            keys = pick_keys(asked.rows, force.desired.key)
        return given or uuid.uuid4().hex, keys

    def _score(
        self, force: InForce, served: Served, role: Role, asked: Asked, began: float, *, drawn: bool = True
    ) -> tuple[Scored, list[str]]:
        ids = new_ids(len(asked.rows))
        with _Counted(self, force, began, served, role, asked.request_id), _Watched(force, role, asked, began, drawn):
            return served.score(asked, ids), ids

    def _write(self, force: InForce, served: Served, role: Role, scored: Scored, request_id: str, began: float) -> None:
        lines = log_lines(
            scored.lines,
            deployment=force.desired.deployment,
            model=served.label,
            role=role,
            request_id=request_id,
            milliseconds=(time.perf_counter() - began) * 1000,
        )
        self.writer.append(lines)


class _Watched:
    """Around the scoring of a request: what became of it speaks for or against the canary, if it was `drawn`."""

    def __init__(self, force: InForce, role: Role, asked: Asked, began: float, drawn: bool) -> None:
        self._watch = force.watch if drawn else None
        self._role: Role = role
        self._asked = asked
        self._began = began

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._watch is None or self._role == "shadow" or isinstance(error, StewardError):
            return
        lot = _lot(self._asked.request_id, self._asked.keys)
        taken = (time.perf_counter() - self._began) * 1000
        self._watch.saw(self._role, lot, error=error is not None, latency_ms=taken)


class _Counted:
    """Around what may fail: a line of the log for the request that did, without a value of it."""

    def __init__(
        self,
        app: EndpointApp,
        force: InForce,
        began: float,
        served: Served | None = None,
        role: Role = "champion",
        request_id: str = "",
    ) -> None:
        self._app = app
        self._force = force
        self._began = began
        self._served = served or force.champion
        self._role: Role = role
        self._request_id = request_id

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None or isinstance(error, Turned):
            return
        line = log_lines(
            [{"prediction_id": new_ids(1)[0]}],
            deployment=self._force.desired.deployment,
            model=self._served.label,
            role=self._role,
            request_id=self._request_id,
            milliseconds=(time.perf_counter() - self._began) * 1000,
            error=_said_of(error),
        )
        self._app.writer.append(line)


def _said_of(error: BaseException) -> str:
    """Why a request failed, in words that hold nothing of what it sent."""
    if isinstance(error, InvalidRows):
        return f"rows do not fit the signature: {', '.join(error.columns[:10])}".removesuffix(": ")
    if isinstance(error, StewardError):
        return "the request cannot be read"
    return f"failed: {type(error).__name__}"


def _words(error: StewardError) -> dict[str, Any]:
    said = {"error": error.said()}
    return said | {"next": error.next} if error.next else said


def _allow(scope: Scope, method: str) -> None:
    if scope["method"] != method and not (method == "GET" and scope["method"] == "HEAD"):
        raise Turned(405, f"This address takes {method}.", [(b"allow", method.encode())])


def _metadata(force: InForce, served: Served) -> dict[str, Any]:
    versions = [one.version for one in (force.champion, force.canary) if one is not None]
    return {
        "name": force.desired.deployment,
        "versions": versions,
        "platform": "mlsteward",
        "inputs": inputs_of(served.row.columns),
        "outputs": outputs_of(served.row.classes, interval=served.row.conformal is not None),
        "parameters": {"model": served.label, "task": served.row.task, "target": served.row.target},
    }
