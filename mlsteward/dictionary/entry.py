"""What the data dictionary says of a table or a column: its words, where they came from, and a few facts."""

from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel

Role = Literal["", "key", "event_time", "target", "measure", "category", "text", "ignore"]
ROLES: tuple[str, ...] = tuple(role for role in get_args(Role) if role)
AvailableAt = Literal["", "before", "after"]
WORDS = (
    "description",
    "business_name",
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


class Facts(BaseModel):
    """What the newest version of the dataset holds in a column; no words, so no reason for a new version."""

    rows: int = 0
    nulls: int = 0
    distinct: int = 0
    minimum: float | str | None = None
    maximum: float | str | None = None
    top: list[str] = []

    @property
    def null_share(self) -> float:
        return self.nulls / self.rows if self.rows else 0.0


class Entry(BaseModel):
    """One version of what is recorded about an asset.

    `available_at` says whether a column is known before or only after the moment of prediction. `writers` names the
    person behind each field that a person wrote; a field with a value and no writer was harvested. `gone` marks a
    column that the newest version of its dataset no longer has.
    """

    asset: str
    kind: Literal["dataset", "column"]
    dataset: str
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
    writers: dict[str, str] = {}
    facts: Facts = Facts()
    gone: bool = False
    version: int = 0
    actor: str = ""
    changed: datetime | None = None

    @property
    def name(self) -> str:
        """`flights`, or `flights.dep_delay`."""
        return f"{self.dataset}.{self.column}" if self.column else self.dataset

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


def merge(current: Entry | None, new: Entry) -> Entry:
    """`new` written over `current`: a harvested field never replaces one that a person wrote.

    `new` stands for a harvest when it has no writers (its empty fields then clear older suggestions), else for a
    person's words (only the fields that have a writer count).
    """
    if current is None:
        return new
    if new.writers:
        taken = {field: getattr(new, field) for field in new.writers}
        return current.model_copy(update={**taken, "writers": {**current.writers, **new.writers}})
    kept = {field: getattr(current, field) for field in current.writers}
    return new.model_copy(update={**kept, "writers": current.writers})


def same_words(first: Entry, second: Entry) -> bool:
    """Whether two entries say the same, facts and authorship of the version aside."""
    fields = (*WORDS, "type", "gone", "writers")
    return all(getattr(first, field) == getattr(second, field) for field in fields)
