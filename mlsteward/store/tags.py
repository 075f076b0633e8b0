"""Tags: names that people give to versions of datasets, as in `flights@golden`."""

from datetime import UTC, datetime

from mlsteward.errors import NotFound
from mlsteward.names import check_tag, close_names
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction


class Tag(Record):
    """A tag and the version it stands on."""

    dataset: str
    tag: str
    version: int
    actor: str = ""
    created: datetime

    @property
    def label(self) -> str:
        """`flights@golden`."""
        return f"{self.dataset}@{self.tag}"


def tags_of(transaction: Transaction, dataset: str) -> list[Tag]:
    """The tags on versions of a dataset, by name."""
    return _tags(transaction, "WHERE dataset = ?", [dataset])


def all_tags(transaction: Transaction) -> list[Tag]:
    """Every tag, by dataset and name."""
    return _tags(transaction, "", [])


def tagged_version(transaction: Transaction, dataset: str, tag: str) -> int | None:
    """The number of the version that a tag stands on, None where there is no such tag."""
    row = transaction.row("SELECT version FROM dataset_tags WHERE dataset = ? AND tag = ?", [dataset, tag])
    return row[0] if row else None


def put_tag(transaction: Transaction, dataset: str, version: int, tag: str, actor: str) -> int | None:
    """Set a tag on a version that exists, taking it from where it stood; returns that version's number.

    Raises InvalidName when the tag breaks the grammar.
    """
    before = tagged_version(transaction, dataset, check_tag(tag))
    placed = Tag(dataset=dataset, tag=tag, version=version, actor=actor, created=datetime.now(UTC))
    if before is not None:
        transaction.execute("DELETE FROM dataset_tags WHERE dataset = ? AND tag = ?", [dataset, tag])
    transaction.insert("dataset_tags", [placed.model_dump()])
    return before


def drop_tag(transaction: Transaction, dataset: str, tag: str) -> int:
    """Take a tag away; returns the version it stood on. Raises NotFound with the tags there are."""
    before = tagged_version(transaction, dataset, tag)
    if before is None:
        known = [one.tag for one in tags_of(transaction, dataset)]
        there = f"its tags are {', '.join(known)}" if known else "it has none"
        raise NotFound(f"`{dataset}` has no tag {tag!r}; {there}.", close=close_names(tag, known))
    transaction.execute("DELETE FROM dataset_tags WHERE dataset = ? AND tag = ?", [dataset, tag])
    return before


def _tags(transaction: Transaction, where: str, parameters: list[object]) -> list[Tag]:
    names = list(Tag.model_fields)
    rows = transaction.rows(f"SELECT {', '.join(names)} FROM dataset_tags {where} ORDER BY dataset, tag", parameters)
    return [Tag.model_validate(dict(zip(names, row, strict=True))) for row in rows]
