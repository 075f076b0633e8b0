"""A message sent to an address that the operator named, as JSON."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from typing import IO, Any

_SECONDS = 10


class NotPosted(Exception):
    """The other side did not take it: `status` is its answer, 0 when there was none. The words name no address."""

    def __init__(self, words: str, status: int = 0) -> None:
        self.words = words
        self.status = status
        super().__init__(words)


def post_json(url: str, message: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
    """POST a message. Raises NotPosted for any answer but 2xx, and for redirects."""
    request = urllib.request.Request(
        url,
        data=json.dumps(message, allow_nan=False).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "mlsteward", **(headers or {})},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise NotPosted(f"answered {error.code}", error.code) from error
    except urllib.error.URLError as error:
        raise NotPosted(f"cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise NotPosted(f"broke off: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, or carry it where nobody named: it is an error."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None
