"""The tool `comment_on_asset`."""

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.dictionary.comment import check_comment, shown_by
from mlsteward.server.declare import Call, Tool
from mlsteward.store.assets import find_asset
from mlsteward.store.comments import add_comment, feedback_of
from mlsteward.store.transaction import Transaction


class CommentAnswer(Answer):
    asset: str
    comment: int
    rating: str | None = None
    newest: list[str] = Field(default_factory=list[str])

    def body(self) -> list[str]:
        return [self.rating or "", *self.newest]


def comment_on_asset(call: Call, asset: str, text: str, rating: int = 0) -> CommentAnswer:
    """Leave a comment on an asset, for whoever looks it up next: what is odd, what it is good for.

    asset: flights, flights@3, flights.dep_delay, term:late_flight, model:delay@2, run:142, alert:7. rating: 1 to 5, how
    far you trust it; of each person the last one counts.
    """
    words = check_comment(text, rating)

    def write(t: Transaction) -> CommentAnswer:
        found, who = find_asset(t, asset), call.actor
        comment = add_comment(t, found, words, rating=rating, actor=who.name, client=who.client)
        feedback = feedback_of(t, found.bare)
        return CommentAnswer(
            verdict=f"Commented on {found}: {feedback.summary}.",
            asset=str(found),
            comment=comment.number,
            rating=feedback.summary,
            newest=[one.line() for one in feedback.newest],
            next=shown_by(found),
        )

    return call.change(write, asset=lambda answer: answer.asset, why=f"rated {rating}" if rating else "")


TOOL = Tool(comment_on_asset, title="Comment on an asset", toolset="glossary", read_only=False)
