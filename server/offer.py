"""Which tools a server offers, and why it does not offer the others."""

import re
from collections.abc import Sequence

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import close_names
from mlsteward.server.declare import Tool

# What is on unless --toolsets says otherwise: every tool of the list is read on every turn of a conversation.
DEFAULT_TOOLSETS = ("data", "delivery", "dictionary", "judgement", "training", "watch")
# Answers point to pages, so the tool that reads them is always there.
_ALWAYS = "pages"
_CALL = re.compile(r"(\w+)\(")


class Offer:
    """`tools` are offered to clients; of the others it is known what turns them on.

    `toolsets` names groups, `default` and `all` among them. Raises InvalidArgument for a group there is not.
    """

    def __init__(self, tools: Sequence[Tool], *, toolsets: Sequence[str], read_only: bool) -> None:
        self._toolset = {tool.name: tool.toolset for tool in tools}
        self._on = _chosen(toolsets, sorted({*self._toolset.values()}))
        self.tools = [tool for tool in tools if tool.toolset in self._on and (tool.read_only or not read_only)]
        self.names = [tool.name for tool in self.tools]
        self._flag = ",".join(toolsets or ["default"])

    @property
    def off(self) -> dict[str, list[str]]:
        """The tools of each toolset that is off."""
        others = sorted({*self._toolset.values()} - self._on)
        return {toolset: [name for name, own in self._toolset.items() if own == toolset] for toolset in others}

    def explain(self, following: str) -> str:
        """`following`, a call written out, with what stands in its way on this server, if anything does."""
        call = _CALL.match(following)
        why = self._why(call[1]) if call else ""
        return f"{following} ({why})" if why else following

    def unknown(self, name: str) -> NotFound:
        """The error for a tool that is not offered."""
        why = self._why(name)
        words = f"This server does not offer {name}: {why}." if why else f"There is no tool {name!r}."
        return NotFound(words, close=[] if why else close_names(name, self.names))

    def _why(self, name: str) -> str:
        if name in self.names or name not in self._toolset:
            return ""
        toolset = self._toolset[name]
        if toolset in self._on:
            return "hidden by --read-only"
        return f"the toolset {toolset} is off; who runs the server turns it on with --toolsets {self._flag},{toolset}"


def _chosen(toolsets: Sequence[str], known: Sequence[str]) -> set[str]:
    groups = {"all": known, "default": DEFAULT_TOOLSETS}
    if unknown := [name for name in toolsets if name not in known and name not in groups]:
        raise InvalidArgument(f"No toolset {', '.join(unknown)}; there are {', '.join([*groups, *known])}.")
    return {_ALWAYS, *(one for name in toolsets or ["default"] for one in groups.get(name, [name]))}
