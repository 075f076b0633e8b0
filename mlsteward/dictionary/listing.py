"""Many entries in little room: a line each, shortened until they fit."""

from collections.abc import Sequence

from mlsteward.answer import ROOM as ROOM_OF_ANSWER
from mlsteward.answer import table
from mlsteward.dictionary.entry import Entry
from mlsteward.record import Record

# Bytes of text and data that a listing may take of an answer's 8 KB; names alone may fill all of it.
ROOM = 6000
ROOM_FOR_NAMES = 6600
# Even bare lines of more columns than this would not fit.
MOST_LINES = 150


class Line(Record):
    """A column in a few words. A description in `<>` was harvested, not written by a person."""

    name: str
    type: str | None = None
    role: str | None = None
    unit: str | None = None
    nulls: str | None = None
    description: str | None = None

    @property
    def harvested(self) -> bool:
        return (self.description or "").startswith("<")


class Listing(Record):
    """Lines, or where a line each is too much, the names of columns by type; `left_out` counts what fits neither."""

    lines: list[Line] = []
    names: dict[str, str] = {}
    left_out: int = 0

    def text(self) -> list[str]:
        if self.names:
            return [f"{kind}: {names}" for kind, names in self.names.items()]
        headers = ["name", "type", "role", "unit", "nulls", "description"]
        rows = [[line.name, line.type, line.role, line.unit, line.nulls, line.description] for line in self.lines]
        return table(headers, rows)


def list_entries(entries: Sequence[Entry], *, with_dataset: bool = False, beside: int = 0) -> Listing:
    """A listing of the entries in their order that fits its room, `beside` being the bytes that the answer has."""
    room = min(ROOM, ROOM_OF_ANSWER - beside)
    room_for_names = min(ROOM_FOR_NAMES, ROOM_OF_ANSWER - beside)
    for description in (90, 50, 25, 0) if len(entries) <= MOST_LINES else ():
        listing = Listing(lines=[_line(entry, description, with_dataset) for entry in entries])
        if _size(listing) <= room:
            return listing
    names = [_name(entry, with_dataset) for entry in entries]
    for shown in range(len(entries), 0, -max(1, len(entries) // 50)):
        grouped: dict[str, list[str]] = {}
        for entry, name in zip(entries[:shown], names, strict=False):
            grouped.setdefault(entry.type or "table", []).append(name)
        joined = {kind: ", ".join(group) for kind, group in grouped.items()}
        listing = Listing(names=joined, left_out=len(entries) - shown)
        if _size(listing) <= room_for_names:
            return listing
    return Listing(left_out=len(entries))


def _line(entry: Entry, description: int, with_dataset: bool) -> Line:
    return Line(
        name=_name(entry, with_dataset),
        type=entry.type or None,
        role=entry.role or None,
        unit=entry.unit or None,
        nulls=f"{100 * entry.facts.null_share:.2g} %" if entry.facts.nulls else None,
        description=_short(entry, description) or None,
    )


def _name(entry: Entry, with_dataset: bool) -> str:
    return entry.column if entry.column and not with_dataset else entry.name


def _short(entry: Entry, room: int) -> str:
    text = entry.description
    text = text if len(text) <= room else text[: room - 1].rstrip() + "…" if room else ""
    return f"<{text}>" if text and "description" not in entry.writers else text


def _size(listing: Listing) -> int:
    return len(listing.model_dump_json(exclude_none=True).encode()) + len("\n".join(listing.text()).encode())
