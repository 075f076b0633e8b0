"""Comments and ratings of assets of any kind."""

from datetime import UTC, datetime
from typing import Any

from mlsteward.dictionary.comment import NEWEST, Comment, Feedback, feedback_from
from mlsteward.names import Reference
from mlsteward.store.changes import count_change
from mlsteward.store.transaction import Transaction

_COLUMNS = "number asset version text rating actor client created".split()
# Of each person the last rating counts.
_RATINGS = """
    SELECT asset, avg(last), count(*) FROM (
        SELECT asset, actor, max_by(rating, number) AS last FROM comments WHERE rating > 0 GROUP BY asset, actor
    ) GROUP BY asset
"""


def add_comment(
    transaction: Transaction, asset: Reference, text: str, *, rating: int, actor: str, client: str
) -> Comment:
    """Record a comment on an asset, now."""
    last = transaction.row("SELECT max(number) FROM comments")
    comment = Comment(
        number=(last[0] or 0) + 1 if last else 1,
        asset=asset.bare,
        version=asset.version,
        text=text,
        rating=rating,
        actor=actor,
        client=client,
        created=datetime.now(UTC),
    )
    transaction.insert("comments", [comment.model_dump()])
    count_change(transaction)
    return comment


def comments_of(transaction: Transaction, asset: str) -> list[Comment]:
    """Every comment on an asset (written without its version), newest first."""
    columns = ", ".join(_COLUMNS)
    rows = transaction.rows(f"SELECT {columns} FROM comments WHERE asset = ? ORDER BY number DESC", [asset])
    return [_comment(row) for row in rows]


def feedback_of(transaction: Transaction, asset: str) -> Feedback:
    """What is thought of one asset."""
    return feedback_from(comments_of(transaction, asset))


def all_feedback(transaction: Transaction) -> dict[str, Feedback]:
    """What is thought of each asset that somebody commented on."""
    rows = transaction.rows(
        f"SELECT {', '.join(_COLUMNS)}, count(*) OVER (PARTITION BY asset) FROM comments"
        f" QUALIFY row_number() OVER (PARTITION BY asset ORDER BY number DESC) <= {NEWEST} ORDER BY number DESC"
    )
    found: dict[str, Feedback] = {}
    for *fields, total in rows:
        comment = _comment(fields)
        found.setdefault(comment.asset, Feedback(total=total)).newest.append(comment)
    if found:
        for asset, mean, raters in transaction.rows(_RATINGS):
            found[asset].rating, found[asset].raters = mean, raters
    return found


def _comment(row: Any) -> Comment:
    return Comment.model_validate(dict(zip(_COLUMNS, row, strict=True)))
