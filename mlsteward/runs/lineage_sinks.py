"""Where lineage events go: an address that takes them by POST, as Marquez and DataHub do, or a file of lines."""

import hashlib
import json
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from mlsteward.data.remote import redacted

Event = dict[str, Any]
# Where an address without a path takes events, by the OpenLineage API.
ENDPOINT = "/api/v1/lineage"
_SECONDS = 10.0
# The event itself is refused, and will be every time.
_FOR_GOOD = frozenset({400, 413, 415, 422})


class NotTaken(Exception):
    """The other side did not take an event; `for_good` says that it will not take this one later either."""

    def __init__(self, words: str, *, for_good: bool = False) -> None:
        self.for_good = for_good
        super().__init__(words)


class Sink(Protocol):
    """`key` tells sinks apart in the store, `shown` is what the log says of one."""

    @property
    def key(self) -> str: ...
    @property
    def shown(self) -> str: ...
    def send(self, event: Event) -> None: ...


class HttpSink:
    """POSTs each event as JSON, with the key as a bearer token. Redirects are not followed."""

    def __init__(self, url: str, api_key: str = "") -> None:
        parts = urlsplit(url)
        self._url = urlunsplit(parts._replace(path=ENDPOINT)) if parts.path in ("", "/") else url
        self._headers = {"Content-Type": "application/json", "User-Agent": "mlsteward"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self.key = _key(self._url)
        self.shown = redacted(self._url)

    def send(self, event: Event) -> None:
        """Raises NotTaken for any answer but 2xx."""
        body = json.dumps(event, allow_nan=False).encode()
        request = urllib.request.Request(self._url, data=body, headers=self._headers, method="POST")
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise NotTaken(f"{self.shown} answered {error.code}", for_good=error.code in _FOR_GOOD) from error
        except (OSError, HTTPException) as error:
            raise NotTaken(f"{self.shown} cannot be reached: {getattr(error, 'reason', error)}") from error


class FileSink:
    """Appends each event to a file, a line each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.key = _key(str(path))
        self.shown = str(path)

    def send(self, event: Event) -> None:
        """Raises NotTaken when the file cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write of one line to a file opened for appending: events of two servers never mix.
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event, allow_nan=False) + "\n")
        except OSError as error:
            raise NotTaken(f"{self.shown} cannot be written: {error.strerror}") from error


def _key(target: str) -> str:
    """The address may hold a secret, which the store may not."""
    return hashlib.sha256(target.encode()).hexdigest()[:16]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the events, and the key, where nobody named."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None
