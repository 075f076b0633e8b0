"""What a model asks of a row: light enough for the server to read."""

from typing import Any, Literal

from mlsteward.record import Record

ColumnKind = Literal["number", "boolean", "category", "text", "time"]
Task = Literal["binary", "multiclass", "regression"]


class SignatureColumn(Record):
    """A feature of a model.

    `type` is the DuckDB type of the training data. `low` and `high` bound the training values of a number; `levels`
    are the training values of a category, most frequent first, at most 50, and `distinct` says how many there were.
    """

    name: str
    type: str
    kind: ColumnKind
    low: float | None = None
    high: float | None = None
    levels: list[str] = []
    distinct: int = 0
    nulls: int = 0


class ColumnHint(Record):
    """What is known of a column before it is read.

    The data dictionary's role and availability (`written` tells a person's word on the role from a suggestion), from
    the profile how many values it has, and in `masked` the level for which whoever trains is not cleared.
    """

    role: str = ""
    available_at: Literal["", "before", "after"] = ""
    written: bool = False
    distinct: int = 0
    nulls: int = 0
    masked: str = ""


class SetAside(Record):
    """A column that the model does not use, and why."""

    name: str
    reason: str


class ImportanceRow(Record):
    """What permuting `columns` (near-copies go together) on held-out rows costs in the metric."""

    columns: list[str]
    value: float
    error: float
    direction: str = ""
    effect: float | None = None


class Place(Record):
    """A line of the leaderboard: the selection score is out of fold, mean ± sd over the folds."""

    name: str
    estimator: str
    params: dict[str, Any] = {}
    score: float | None
    sd: float | None
    cpu_seconds: float
    weight: float = 0.0
