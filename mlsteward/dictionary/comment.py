"""What people say of an asset, made ready to be read. Anyone may have written it, so it is quoted and clipped."""

from collections.abc import Sequence
from datetime import datetime

from mlsteward.answer import clipped, counted, number
from mlsteward.errors import InvalidArgument
from mlsteward.names import Reference
from mlsteward.record import Record

LONGEST = 2000
BEST = 5
# What a card shows of an asset's comments.
NEWEST = 3


class Comment(Record):
    """One person's words, with a rating from 1 to 5, or 0 for none. `asset` is written without its `version`."""

    number: int
    asset: str
    version: str = ""
    text: str
    rating: int = 0
    actor: str
    client: str = ""
    created: datetime

    def line(self, room: int = 160) -> str:
        """In one line: `“late again” (ann, 2026-03-01, 2/5, on version 3)`."""
        said = [self.actor, f"{self.created:%Y-%m-%d}"]
        said += [f"{self.rating}/{BEST}"] if self.rating else []
        said += [f"on version {self.version}"] if self.version else []
        quoted = clipped(" ".join(self.text.split()), room).replace("“", "'").replace("”", "'")
        return f"“{quoted}” ({', '.join(said)})"


class Feedback(Record):
    """The newest comments on an asset, how many there are, and the mean of what each person rated it last."""

    newest: list[Comment] = []
    total: int = 0
    rating: float | None = None
    raters: int = 0

    @property
    def summary(self) -> str:
        """`rated 4.5 of 5 by 2 people, 3 comments`."""
        rated = f"rated {number(self.rating, 2)} of {BEST} by {counted(self.raters, 'person', 'people')}"
        parts = [rated] if self.raters else []
        return ", ".join([*parts, counted(self.total, "comment")]) if self.total else ""


def feedback_from(comments: Sequence[Comment]) -> Feedback:
    """What all comments on an asset, newest first, come to."""
    rated = {comment.actor: comment.rating for comment in reversed(comments) if comment.rating}
    mean = sum(rated.values()) / len(rated) if rated else None
    return Feedback(newest=list(comments[:NEWEST]), total=len(comments), rating=mean, raters=len(rated))


def comments_section(comments: Sequence[Comment], heading: str = "##") -> list[str]:
    """The part of a page that holds an asset's comments; [] when there are none."""
    if not comments:
        return []
    feedback = feedback_from(comments)
    lines = [f"- {escaped(comment.line(LONGEST))}" for comment in comments]
    return ["", f"{heading} Comments", "", f"{feedback.summary[:1].upper()}{feedback.summary[1:]}.", "", *lines]


def escaped(text: str) -> str:
    """Text of anybody's that stays text in Markdown: one line, no markup, no link, no cell of a table."""
    line = " ".join(text.split())
    for mark in "\\`*_[]<>|#!~":
        line = line.replace(mark, f"\\{mark}")
    return line


def check_comment(text: str, rating: int) -> str:
    """The words of a comment without spare blanks. Raises InvalidArgument."""
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise InvalidArgument(f"A comment has 1 to {LONGEST:,} characters, and this has {len(words):,}.")
    if not 0 <= rating <= BEST:
        raise InvalidArgument(f"A rating is 1 to {BEST}, or 0 for none, and not {rating}.")
    return words


def shown_by(asset: Reference) -> str:
    """The call that shows an asset with what people say of it."""
    if asset.kind in ("dataset", "column", "term"):
        name = asset.bare if asset.kind == "term" else asset.bare.partition(":")[2]
        return f'lookup_data_dictionary(query="{name}")'
    if asset.kind == "alert":
        return 'list_alerts(state="")'
    label = f"@{asset.version}" if asset.version else ""
    return f'read_page(uri="mlsteward://{asset.kind}s/{asset.name}{label}")'
