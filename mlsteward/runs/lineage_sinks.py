"""Where lineage events go: an address that takes them by POST, as Marquez and DataHub do, or a file of lines."""

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from mlsteward.data.remote import redacted
from mlsteward.runs.post import NotPosted, post_json

Event = dict[str, Any]
# Where an address without a path takes events, by the OpenLineage API.
ENDPOINT = "/api/v1/lineage"
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
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.key = _key(self._url)
        self.shown = redacted(self._url)

    def send(self, event: Event) -> None:
        """Raises NotTaken for any answer but 2xx."""
        try:
            post_json(self._url, event, self._headers)
        except NotPosted as error:
            raise NotTaken(f"{self.shown} {error.words}", for_good=error.status in _FOR_GOOD) from error


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
