"""Who may ask an endpoint, under which name, and how much they may send: the rules of the server's HTTP door."""

import asyncio
import hashlib
import hmac
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from mlsteward.config import is_loopback
from mlsteward.errors import StewardError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = Mapping[bytes, bytes]

BODY_LIMIT = 4 * 1024 * 1024
# A body that comes slower than this holds a connection for nothing.
BODY_SECONDS = 30.0
_PORT = re.compile(r":\d+$")


class Turned(StewardError):
    """A request that is not answered: the HTTP status, and headers beside the words."""

    def __init__(
        self, status: int, message: str, headers: Sequence[tuple[bytes, bytes]] = (), *, next: str = ""
    ) -> None:
        super().__init__(message, next=next)
        self.status = status
        self.headers = list(headers)


class Guard:
    """Lets in whoever has a token, where one is needed, and asks under a name of ours."""

    def __init__(self, host: str, token_hashes: Sequence[str], allowed_hosts: Sequence[str]) -> None:
        loopback = is_loopback(host)
        own = ["127.0.0.1", "localhost", "[::1]"] if loopback else [host, socket.gethostname()]
        self._names = frozenset(name.lower() for name in (*own, *allowed_hosts))
        self._hashes = [bytes.fromhex(one) for one in token_hashes]
        self._needs_token = bool(self._hashes) or not loopback

    def check(self, headers: Headers) -> None:
        """Raise Turned for a request that may not come in."""
        if "*" not in self._names:
            self._check_names(headers)
        if self._needs_token and not self._knows(headers.get(b"authorization", b"")):
            words = "This endpoint needs a token: send the header `Authorization: Bearer TOKEN`."
            raise Turned(401, words, [(b"www-authenticate", b"Bearer")])

    def _check_names(self, headers: Headers) -> None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if _PORT.sub("", host) not in self._names:
            raise Turned(421, "This endpoint does not answer to the name in the Host header.")
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and _PORT.sub("", origin.partition("://")[2]) not in self._names:
            raise Turned(403, "This endpoint takes no requests from pages of other origins.")

    def _knows(self, header: bytes) -> bool:
        kind, _, secret = header.partition(b" ")
        if kind.lower() != b"bearer":
            return False
        found = hashlib.sha256(secret.strip()).digest()
        # All are compared, each in constant time: how long it takes tells nothing of them.
        return sum(hmac.compare_digest(found, known) for known in self._hashes) > 0


async def read_body(headers: Headers, receive: Receive) -> bytes:
    """The body of a request. Raises Turned when it is too large, too slow, or its sender is gone."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > BODY_LIMIT:
        raise _too_large()
    try:
        # The first part may keep one waiting like any other.
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read_all(receive)
    except TimeoutError:
        raise Turned(408, f"The body did not come within {BODY_SECONDS:g} s.") from None
    if len(body) > BODY_LIMIT:
        raise _too_large()
    return body


async def _read_all(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= BODY_LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Turned(400, "The body ended early.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large() -> Turned:
    return Turned(413, f"A body has {BODY_LIMIT >> 20} MB at most, and says its length in digits; send fewer rows.")
