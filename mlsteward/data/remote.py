"""Sources on other machines: http(s) by the standard library, object stores by fsspec.

A name is resolved once and the connection goes to the address that was checked, so neither a redirect nor a second
answer of DNS can lead to a private address.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from mlsteward.errors import InvalidArgument, NotFound, NotSupported, Refused, UnusableData

WEB = ("http://", "https://")
OBJECT_STORES = ("s3://",)
_REDIRECTS = 5
# Addresses that end in one of IPv4: NAT64 (RFC 6052) and the old "compatible" ones (RFC 4291).
_HOLDING_IPV4 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
_MOVED = (301, 302, 303, 307, 308)
_TIMEOUT = 30.0
_CHUNK = 1 << 20
_SECRET = re.compile(
    r"(^|[-_.])(access|api|auth|code|credential|key|pass|password|pwd|secret|security|sig|signature|token)s?($|[-_.])"
    r"|^x-(amz|goog)-|apikey|accesskey|access_?token",
    re.IGNORECASE,
)


def redacted(url: str) -> str:
    """A URL that can be stored and shown: without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")


def holds_secret(url: str) -> bool:
    """Whether a URL carries a user, a password, or a query parameter that looks like a credential."""
    parts = urlsplit(url)
    return "@" in parts.netloc or any(_SECRET.search(name) for name, _ in parse_qsl(parts.query))


def file_name(url: str) -> str:
    """What to call what a URL leads to."""
    name = re.sub(r"[^\w.-]", "_", unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))
    return name[-100:] or "download"


def fetch_web(
    url: str,
    target: Path,
    *,
    allow_private: bool,
    limit_mb: int,
    seconds: float = 3600.0,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Write what `url` leads to into `target`. Nothing said here names a secret of the URL.

    Raises Refused for a private address, NotFound for 404 and UnusableData for other failures.
    """
    deadline = time.monotonic() + seconds

    def check_deadline(done: int) -> None:
        if time.monotonic() > deadline:
            raise UnusableData(f"{redacted(url)} took longer than {seconds:.0f} s; download it to a data folder.")
        progress(done)

    for _ in range(_REDIRECTS):
        parts = urlsplit(url)
        shown = redacted(url)
        connection = _connect(parts, allow_private=allow_private)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers=_headers(parts))
            # It may own the connection's socket, so it is closed by itself.
            with connection.getresponse() as answer:
                if answer.status in _MOVED:
                    url = urljoin(url, answer.getheader("Location") or "")
                    continue
                _check_status(answer.status, shown)
                _save(answer, target, limit_mb, shown, check_deadline)
                return
        except (OSError, http.client.HTTPException) as error:
            raise UnusableData(f"{shown} cannot be read: {type(error).__name__}.") from error
        finally:
            connection.close()
    raise UnusableData(f"{redacted(url)} redirects more than {_REDIRECTS} times.")


def fetch_object(url: str, target: Path, *, limit_mb: int) -> None:
    """Write an object of S3 into `target`; credentials come from the environment, as boto finds them."""
    if "::" in url:  # fsspec would read it as a chain of file systems, this machine's among them
        raise InvalidArgument(f"{redacted(url)} is no address of one object.")
    try:
        import fsspec  # pyright: ignore[reportMissingTypeStubs] - ships none

        filesystem, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise NotSupported(
            f'{urlsplit(url).scheme}:// needs the extra `remote`: install it with `pip install "mlsteward[remote]"`.'
        ) from error
    try:
        size = int(filesystem.size(path) or 0)
        if size > limit_mb * _CHUNK:
            raise UnusableData(f"{redacted(url)} has {size // _CHUNK} MB, over the limit of {limit_mb} MB.")
        filesystem.get_file(path, str(target))
    except FileNotFoundError as error:
        raise NotFound(f"There is no {redacted(url)}.") from error
    except (OSError, ValueError) as error:
        raise UnusableData(f"{redacted(url)} cannot be read: {type(error).__name__}.") from error


def check_address(address: str, host: str) -> None:
    """Raises Refused unless `address` is one of the public internet."""
    if not is_public_address(address):
        raise Refused(
            f"{host} is at a private or local address, which this server does not read from. The operator can allow "
            "that: MLSTEWARD_ALLOW_PRIVATE_ADDRESSES=true."
        )


def is_public_address(address: str) -> bool:
    return _is_public(ipaddress.ip_address(address.partition("%")[0]))


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is one of the public internet, and so is an IPv4 address that stands in it."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if any(address in network for network in _HOLDING_IPV4):
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return _is_public(inside)
    return address.is_global and not address.is_multicast


def _connect(parts: SplitResult, *, allow_private: bool) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", _port(parts)
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidArgument(f"{redacted(parts.geturl())} is no http or https address.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotFound(f"There is no host {host}.") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private:
        for address in addresses:
            check_address(address, host)
    return _Pinned(host, port, addresses[0], secure=parts.scheme == "https")


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise InvalidArgument(f"{redacted(parts.geturl())} is no address: {error}.") from error


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, for a host's name."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool) -> None:
        super().__init__(host, port, timeout=_TIMEOUT)
        self._address = address
        self._secure = secure

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self._secure else plain
        )


def _headers(parts: SplitResult) -> dict[str, str]:
    import base64

    headers = {"User-Agent": "mlsteward", "Accept-Encoding": "identity"}
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers


def _check_status(status: int, shown: str) -> None:
    if status == 404:
        raise NotFound(f"There is nothing at {shown} (404).")
    if status in (401, 403):
        raise Refused(f"{shown} wants credentials, or other ones ({status}).")
    if status != 200:
        raise UnusableData(f"{shown} answers with status {status}.")


def _save(
    answer: http.client.HTTPResponse, target: Path, limit_mb: int, shown: str, progress: Callable[[int], None]
) -> None:
    done = 0
    with target.open("wb") as file:
        while chunk := answer.read(_CHUNK):
            done += len(chunk)
            if done > limit_mb * _CHUNK:
                raise UnusableData(f"{shown} has more than {limit_mb} MB.")
            file.write(chunk)
            progress(done)
