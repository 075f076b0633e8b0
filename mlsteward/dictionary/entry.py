"""What the data dictionary says of a table, a column, a term or a model: words, where they came from, a few facts."""

from datetime import datetime
from typing import Literal, get_args

from mlsteward.dictionary.sensitivity import higher
from mlsteward.record import Record

Role = Literal["", "key", "event_time", "target", "measure", "category", "text", "ignore"]
ROLES: tuple[str, ...] = tuple(role for role in get_args(Role) if role)
AvailableAt = Literal["", "before", "after"]
WORDS = (
    "description",
    "business_name",
    "synonyms",
    "sql",
    "status",
    "review_by",
    "unit",
    "role",
    "owner",
    "tags",
    "sensitivity",
    "available_at",
    "allowed_values",
    "usage",
)
"""The fields of an entry that a person can write."""


class Facts(Record):
    """What the newest version of the dataset holds in a column; no words, so no reason for a new version.

    `evidence` says what the values look like, where that calls for care: `e-mail addresses (98 % of 200 values)`. With
    `masked`, the level for which the reader is not cleared, nothing is told of the values.
    """

    rows: int = 0
    nulls: int = 0
    distinct: int = 0
    minimum: float | str | None = None
    maximum: float | str | None = None
    top: list[str] = []
    evidence: str = ""
    masked: str = ""

    @property
    def null_share(self) -> float:
        return self.nulls / self.rows if self.rows else 0.0


class Entry(Record):
    """One version of what is recorded about an asset.

    `available_at` says whether a column is known before or only after the moment of prediction. `writers` names the
    person behind each field that a person wrote; a field with a value and no writer was harvested. `gone` marks a
    column that the newest version of its dataset no longer has.

    A term's definition is its description, its spelling its business name; with `sql` it is a metric. `status` is one
    of `lifecycle.STATUSES`, given on the day `since`; `deprecated: term:late_departure` names a successor. `review_by`
    is a day too.
    """

    asset: str
    kind: Literal["dataset", "column", "term", "model"]
    dataset: str = ""
    column: str = ""
    position: int = 0
    type: str = ""
    description: str = ""
    business_name: str = ""
    unit: str = ""
    role: Role = ""
    owner: str = ""
    tags: list[str] = []
    sensitivity: str = ""
    available_at: AvailableAt = ""
    allowed_values: list[str] = []
    usage: str = ""
    synonyms: list[str] = []
    sql: str = ""
    status: str = ""
    since: str = ""
    review_by: str = ""
    writers: dict[str, str] = {}
    facts: Facts = Facts()
    gone: bool = False
    version: int = 0
    actor: str = ""
    changed: datetime | None = None

    @property
    def name(self) -> str:
        """`flights`, `flights.dep_delay`, `term:late_flight` or `model:delay`: what calls take."""
        return f"{self.dataset}.{self.column}" if self.column else self.dataset or self.asset

    @property
    def own_name(self) -> str:
        """`flights`, `dep_delay`, `late_flight` or `delay`."""
        return self.column or self.dataset or self.asset.partition(":")[2]

    @property
    def harvested(self) -> list[str]:
        """The fields that nobody wrote: suggestions of the harvest, or words that came with the source."""
        return [field for field in WORDS if getattr(self, field) and field not in self.writers]

    def word(self, field: str) -> str:
        """A field of `WORDS` as text."""
        value: str | list[str] = getattr(self, field)
        return ", ".join(value) if isinstance(value, list) else value


def dataset_entry(dataset: str, **fields: object) -> Entry:
    """An entry for a dataset."""
    return Entry.model_validate({"asset": f"dataset:{dataset}", "kind": "dataset", "dataset": dataset, **fields})


def column_entry(dataset: str, column: str, **fields: object) -> Entry:
    """An entry for a column of a dataset."""
    asset = f"column:{dataset}.{column}"
    return Entry.model_validate({"asset": asset, "kind": "column", "dataset": dataset, "column": column, **fields})


def term_entry(name: str, **fields: object) -> Entry:
    """An entry for a term."""
    return Entry.model_validate({"asset": f"term:{name}", "kind": "term", "type": "term", **fields})


def model_entry(name: str, **fields: object) -> Entry:
    """An entry for a model, all its versions."""
    return Entry.model_validate({"asset": f"model:{name}", "kind": "model", "type": "model", **fields})


def merge(current: Entry | None, new: Entry) -> Entry:
    """`new` written over `current`: a harvested field never replaces one that a person wrote.

    `new` stands for a harvest when it has no writers (its empty fields then clear older suggestions), else for a
    person's words (only the fields that have a writer count).
    """
    if current is None:
        return new
    if new.writers:
        taken = {field: getattr(new, field) for field in new.writers}
        if "status" in taken:
            taken["since"] = new.since
        return current.model_copy(update={**taken, "type": new.type, "writers": {**current.writers, **new.writers}})
    kept = {field: getattr(current, field) for field in (*current.writers, "since")}
    # What a later version holds is no reason to show what an earlier one held: only a person lowers a level.
    kept.setdefault("sensitivity", higher(current.sensitivity, new.sensitivity))
    return new.model_copy(update={**kept, "writers": current.writers})


def same_words(first: Entry, second: Entry) -> bool:
    """Whether two entries say the same, facts and authorship of the version aside."""
    fields = (*WORDS, "since", "type", "gone", "writers")
    return all(getattr(first, field) == getattr(second, field) for field in fields)
