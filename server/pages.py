"""Reading a page by its URI: for MCP resources and for the tool `read_page` alike."""

import re

from mlsteward.errors import NotFound
from mlsteward.names import close_names
from mlsteward.server.declare import Content, Page
from mlsteward.workspace import Workspace

PNG = b"\x89PNG\r\n\x1a\n"
# A name in a page's address: no separators, no parent folders, nothing that a file system reads as a path.
SAFE = re.compile(r"[\w.@+ -]{1,200}")


def read(pages: list[Page], workspace: Workspace, uri: str) -> Content:
    """The page at `uri` as the reader whose `workspace` this is sees it; NotFound with the closest addresses."""
    for page in pages:
        variables = page.template.match(uri)
        if variables is None:
            continue
        texts = {name: value for name, value in variables.items() if isinstance(value, str)}
        if all(SAFE.fullmatch(value) and ".." not in value for value in texts.values()):
            body = page.function(workspace, **texts)
            return Content(body, _mime_type(page, body))
    known = [page.uri for page in pages]
    raise NotFound(f"There is no page {uri!r}. Pages: {', '.join(known)}.", close=close_names(uri, known))


def _mime_type(page: Page, body: str | bytes) -> str:
    if isinstance(body, bytes):
        return "image/png" if body.startswith(PNG) else "application/octet-stream"
    return page.mime_type
