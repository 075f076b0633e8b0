"""The tool `read_page`."""

import base64

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.errors import InvalidArgument
from mlsteward.server.declare import Call, Tool

# With its data form beside it, a part stays within the 8 KB of an answer.
PART = 3500


class PageAnswer(Answer):
    uri: str
    mime_type: str
    total: int = Field(description="Characters of the whole page, or bytes of an image.")
    content: str = ""
    cursor: str = ""
    image: str = Field(default="", exclude=True)

    def body(self) -> list[str]:
        return [self.content]

    def images(self) -> list[str]:
        return [self.image] if self.image else []


def read_page(call: Call, uri: str, cursor: str = "") -> PageAnswer:
    """Read a page named in an answer, such as mlsteward://datasets/flights or mlsteward://runs/142.

    PNG pages come as an image. A long page comes in parts: pass the cursor of the last part.
    """
    content = call.read(uri)
    if isinstance(content.body, bytes):
        if content.mime_type != "image/png":
            raise InvalidArgument(f"{uri} is a file of {len(content.body)} bytes that cannot be shown as text.")
        image = base64.b64encode(content.body).decode()
        return PageAnswer(
            verdict=f"{uri} is an image.", uri=uri, mime_type=content.mime_type, total=len(content.body), image=image
        )
    if cursor and not cursor.isdigit():
        raise InvalidArgument(
            f"cursor={cursor!r} is not one that a part of this page gave.", next=f'read_page(uri="{uri}")'
        )
    start = int(cursor or 0)
    end = _line_end(content.body, start)
    rest = str(end) if end < len(content.body) else ""
    return PageAnswer(
        verdict=f"{uri}, characters {start} to {end} of {len(content.body)}." if start or rest else f"{uri}:",
        uri=uri,
        mime_type=content.mime_type,
        total=len(content.body),
        content=content.body[start:end],
        cursor=rest,
        next=f'read_page(uri="{uri}", cursor="{rest}")' if rest else "",
    )


def _line_end(text: str, start: int) -> int:
    end = start + PART
    if end >= len(text):
        return len(text)
    newline = text.rfind("\n", start + PART // 2, end)
    return newline + 1 if newline > 0 else end


TOOL = Tool(read_page, title="Read a page", toolset="pages", read_only=True, idempotent=True)
