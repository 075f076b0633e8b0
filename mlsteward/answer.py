"""What every tool returns: a model whose text and whose data are each enough for an assistant.

An answer opens with `verdict`, one sentence that can be quoted, and closes with `next`, the call that usually
follows, written out with its arguments.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from mlsteward.record import Record

Item = TypeVar("Item", bound=BaseModel)


# What the 8 KB of an answer leave when its wrapping is counted.
ROOM = 7900


class Answer(Record):
    """The base of all results. Subclasses add their fields and say in `body` how they read as text."""

    model_config = ConfigDict(extra="forbid")

    verdict: str = Field(description="The answer in one sentence.")
    next: str = Field(default="", description="The call that usually follows.")

    def body(self) -> list[str]:
        """The lines between verdict and next."""
        return []

    def images(self) -> list[str]:
        """PNG pictures shown beside the text, each in base64."""
        return []

    def text(self) -> str:
        lines = [self.verdict, *self.body()]
        if self.next:
            lines.append(f"next: {self.next}")
        return "\n".join(line for line in lines if line)

    def fits(self, room: int = ROOM) -> bool:
        """Whether text and data together, as they are sent, stay within `room` bytes."""
        return self.size <= room

    @property
    def size(self) -> int:
        """Bytes of text and data together, as they are sent."""
        return len(self.text().encode()) + len(self.model_dump_json(exclude_none=True).encode())

    @model_serializer(mode="wrap")
    def _next_comes_last(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if "next" in fields:
            fields["next"] = fields.pop("next")
        return fields


class RunFindings(Answer):
    """The answer of a tool that started a run: its text has the run's findings, as `get_run` shows them later."""

    run: int | None = None
    state: str = "completed"
    findings: list[str] = Field(default_factory=list[str], exclude=True)

    def body(self) -> list[str]:
        return self.findings


def counted(count: int, what: str, many: str = "") -> str:
    """`1 model`, `2 models`, `1,000 rows`; `many` is the plural where an s does not make it."""
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def clipped(text: str, most: int) -> str:
    """The first `most` characters, the last one … where something is cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def one_line(text: str, most: int) -> str:
    """What somebody else wrote, on one line: no line of ours can be forged by it, and no terminal moved."""
    return clipped(" ".join("".join(one if one.isprintable() else " " for one in text).split()), most)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A small table in text: columns joined by ` | `, cells as `cell` writes them; [] when there are no rows."""
    body = [" | ".join(cell(value) for value in row) for row in rows]
    return [" | ".join(headers), *body] if body else []


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table of a page in Markdown; [] when there are no rows."""
    body = ["| " + " | ".join(cell(value).replace("|", "\\|") for value in row) + " |" for row in rows]
    return ["| " + " | ".join(headers) + " |", "|---" * len(headers) + "|", *body] if body else []


def cell(value: object) -> str:
    """A value in a few characters: four significant digits, a dash for what is missing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "…"


def number(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits and no exponent where it can be read without one."""
    if value is None or value != value:
        return "–"
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e15 else f"{value:.{digits}g}"


def fitting(items: Sequence[Item], room: int) -> list[Item]:
    """As many of the first items as fit into `room` bytes of an answer, data and text together."""
    kept: list[Item] = []
    for item in items:
        # The text repeats the values and leaves out the names.
        room -= int(1.6 * len(item.model_dump_json(exclude_none=True).encode()))
        if room < 0:
            break
        kept.append(item)
    return kept


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """`0.757 [0.742, 0.771]`, or the bare value when there is no interval."""
    if low is None or high is None:
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"
