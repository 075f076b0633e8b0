"""Which pieces of outcomes of a deployment were accepted, and where they are."""

from datetime import datetime

from mlsteward.record import Record
from mlsteward.store.transaction import Transaction


class OutcomeSegment(Record):
    """One accepted piece: a Parquet file, relative to the workspace, that is never changed.

    Its columns: `prediction_id` or `key` (the other is null), `outcome` (as text; null where only a word was given),
    `correct`, `why`, `recorded` (UTC), `source`, `actor`, `run`, `place` (of the row within the piece).
    """

    run: int
    deployment: str
    file: str
    sha256: str
    source: str
    rows: int
    actor: str
    recorded: datetime


_COLUMNS = tuple(OutcomeSegment.model_fields)


def add_segment(t: Transaction, segment: OutcomeSegment) -> None:
    """Accept a piece: from now on it counts."""
    t.insert("outcome_segments", [segment.model_dump()])


def segments_of(t: Transaction, deployment: str) -> list[OutcomeSegment]:
    """The accepted pieces of a deployment, oldest first."""
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM outcome_segments WHERE deployment = ? ORDER BY run", [deployment])
    return [OutcomeSegment.model_validate(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def outcome_files(t: Transaction, deployment: str) -> list[str]:
    """The files of the accepted pieces, relative to the workspace, oldest first."""
    return [segment.file for segment in segments_of(t, deployment)]
