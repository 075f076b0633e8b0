"""How an entry and its links came to say what they say."""

from collections.abc import Sequence
from itertools import pairwise

from mlsteward.dictionary.comment import escaped
from mlsteward.dictionary.entry import WORDS, Entry
from mlsteward.dictionary.link import Link


def changes(versions: Sequence[Entry]) -> list[str]:
    """What each version but the first changed, newest first."""
    if len(versions) < 2:
        return []
    lines = ["- earlier versions:"]
    for newer, older in pairwise(versions):
        fields = [field for field in WORDS if getattr(newer, field) != getattr(older, field)]
        was = "; ".join(f"{field} was “{older.word(field)}”" for field in fields if older.word(field))
        when = f"{newer.changed:%Y-%m-%d %H:%M}" if newer.changed else ""
        lines.append(
            f"  - version {newer.version}, {when} by {newer.actor}: {', '.join(fields) or 'facts'}. {was}".rstrip()
        )
    return lines


def link_changes(links: Sequence[Link], about: str) -> list[str]:
    """Each version of each link of `about`, newest first."""
    lines: list[tuple[str, str]] = []
    for link in links:
        other = link.asset if about == link.term else link.term
        when = f"{link.changed:%Y-%m-%d %H:%M}" if link.changed else ""
        how = f" ({100 * link.confidence:.0f} %: {escaped(link.reason)})" if link.state == "suggested" else ""
        how = " (its SQL)" if link.origin == "sql" else how
        lines.append((when, f"- {when} {other}: {link.state}{how} by {link.actor}"))
    return [line for _, line in sorted(lines, reverse=True)]
