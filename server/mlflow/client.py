"""A small client of MLflow's REST API, for moving runs from and to its servers."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any, cast

from mlsteward.data.remote import redacted
from mlsteward.errors import InUse, NotFound, Refused, UnusableData

_SECONDS = 60
_PAGE = 1000
_PART = 1 << 20
_SCHEME = "mlflow-artifacts:"


class MlflowClient:
    """Speaks with the server at `uri`, with the credentials that MLflow's own client reads from the environment."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self.shown = redacted(self.uri)
        self._headers = {"User-Agent": "mlsteward", **_credentials(os.environ)}
        self._opener = urllib.request.build_opener(_NoRedirect)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._json("GET", f"/api/2.0/mlflow{path}?{urllib.parse.urlencode(query, doseq=True)}")

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self._json("POST", f"/api/2.0/mlflow{path}", body)

    def pages(self, method: str, path: str, field: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """Every item of a search, page after page."""
        token = ""
        while True:
            given = {
                **asked,
                "max_results": asked.get("max_results", _PAGE),
                **({"page_token": token} if token else {}),
            }
            answer = self.get(path, **given) if method == "GET" else self.post(path, **given)
            yield from answer.get(field, [])
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def files(self, root: str) -> Iterator[str]:
        """The paths of the files below an artifact address, none where this server is no proxy for it."""
        if not root.startswith(_SCHEME):
            return
        base = root.removeprefix(_SCHEME).strip("/")
        pending = [""]
        while pending:
            folder = pending.pop()
            path = f"{base}/{folder}".rstrip("/")
            listed = self._json("GET", f"/api/2.0/mlflow-artifacts/artifacts?{urllib.parse.urlencode({'path': path})}")
            for one in listed.get("files", []):
                found = f"{folder}/{one['path']}".lstrip("/")
                if one.get("is_dir"):
                    pending.append(found)
                else:
                    yield found

    def fetch(self, root: str, path: str, target: Path) -> None:
        """Write one file of an artifact address to `target`."""
        with self._open("GET", _proxy(root, path)) as answer, target.open("wb") as file:
            while part := answer.read(_PART):
                file.write(part)

    def send(self, root: str, path: str, source: Path) -> None:
        """Make a file the artifact `path` of an address."""
        with source.open("rb") as file:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(source.stat().st_size)}
            self._open("PUT", _proxy(root, path), file, headers).close()

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        with self._open(method, path, data, {"Content-Type": "application/json"} if data else {}) as answer:
            text = answer.read()
        try:
            found = json.loads(text or b"{}")
        except ValueError as error:
            raise UnusableData(f"{self.shown} does not answer as an MLflow server does.") from error
        return cast(dict[str, Any], found) if isinstance(found, dict) else {}

    def _open(
        self, method: str, path: str, data: bytes | IO[bytes] | None = None, headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        request = urllib.request.Request(
            self.uri + path, data=data, headers={**self._headers, **(headers or {})}, method=method
        )
        try:
            return self._opener.open(request, timeout=_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                raise self._told(error.code, error.read(10_000)) from error
        except urllib.error.URLError as error:
            raise UnusableData(f"{self.shown} cannot be reached: {error.reason}.") from error
        except (OSError, HTTPException, ValueError) as error:
            raise UnusableData(f"{self.shown} broke off: {error}.") from error

    def _told(self, status: int, body: bytes) -> UnusableData | NotFound | InUse | Refused:
        """The error that the other side tells of."""
        try:
            told = json.loads(body)
            code, words = str(told.get("error_code", "")), str(told.get("message", ""))
        except (ValueError, AttributeError):
            code, words = "", body.decode("utf-8", "replace")[:200]
        said = f"{self.shown} answered {status}: {words}".rstrip(": ")
        if status in (401, 403):
            return Refused(f"{said} (MLFLOW_TRACKING_TOKEN, or …_USERNAME and …_PASSWORD, say who asks)")
        if code == "RESOURCE_ALREADY_EXISTS":
            return InUse(said)
        return NotFound(said) if status == 404 else UnusableData(said)


def _proxy(root: str, path: str) -> str:
    address = f"{root.removeprefix(_SCHEME).strip('/')}/{path}"
    return f"/api/2.0/mlflow-artifacts/artifacts/{urllib.parse.quote(address)}"


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    user, password = environment.get("MLFLOW_TRACKING_USERNAME", ""), environment.get("MLFLOW_TRACKING_PASSWORD", "")
    if user and password:
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    token = environment.get("MLFLOW_TRACKING_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Credentials go where they were meant for, and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None
