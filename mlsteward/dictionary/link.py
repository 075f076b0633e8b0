"""Links between the terms of the glossary and what they are about."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from mlsteward.record import Record

State = Literal["approved", "suggested", "rejected", "removed"]
Origin = Literal["person", "match", "sql"]


class Link(Record):
    """One version of the link between a term and an asset, both written without their versions.

    A link that a person set or approved is `approved`, as is one to what a metric's SQL reads. One found by comparing
    names is `suggested`, with a confidence from 0 to 1, until a person approves it. A `rejected` one is never suggested
    again; `removed` is what the SQL no longer reads.
    """

    term: str
    asset: str
    version: int = 0
    state: State
    origin: Origin
    confidence: float = 1.0
    reason: str = ""
    actor: str = ""
    changed: datetime | None = None

    def words(self, about: str) -> str:
        """The link as it reads on a card of `about`, one of its two ends."""
        other = self.asset if about == self.term else self.term
        if self.origin == "sql":
            how = "read by its SQL" if about == self.term else "its SQL reads this"
        elif self.state == "suggested":
            how = f"suggested, {100 * self.confidence:.0f} %: {self.reason}"
        else:
            how = f"approved by {self.actor}" if self.actor else "approved"
        return f"{other} ({how})"


def in_sight(links: Iterable[Link], about: str) -> list[Link]:
    """The links of an asset or a term that a reader is shown: approved ones first, then the surest suggestions."""
    shown = [link for link in links if about in (link.term, link.asset) and link.state in ("approved", "suggested")]
    return sorted(shown, key=lambda link: (link.state, -link.confidence, link.asset, link.term))


def approvals(links: Sequence[Link], about: str) -> str:
    """The call that approves the surest suggestion of an asset, "" where there is none."""
    for link in in_sight(links, about):
        if link.state == "suggested":
            kind, _, name = link.asset.partition(":")
            asset = name if kind in ("dataset", "column") else link.asset
            return f'document_asset(asset="{asset}", terms=["{link.term.partition(":")[2]}"])'
    return ""
