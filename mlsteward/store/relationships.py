"""Relationships between datasets, as found when one of them was registered."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from mlsteward.dictionary.relationships import Relationship
from mlsteward.store.changes import change_count
from mlsteward.store.transaction import Transaction

_FIELDS = tuple(Relationship.model_fields)
_JSON = frozenset({"columns", "to_columns", "unmatched"})


def all_relationships(transaction: Transaction) -> list[Relationship]:
    """Every relationship that the reader may know of, best covered first."""
    rows = transaction.rows(f"SELECT {', '.join(_FIELDS)} FROM relationships ORDER BY coverage DESC, dataset, columns")
    return transaction.masks.relationships(
        Relationship.model_validate(
            {name: json.loads(value) if name in _JSON else value for name, value in zip(_FIELDS, row, strict=True)}
        )
        for row in rows
    )


def write_relationships(transaction: Transaction, dataset: str, found: Sequence[Relationship]) -> None:
    """Put `found` in place of all that was recorded from or to `dataset`."""
    change = change_count(transaction) + 1
    transaction.execute("DELETE FROM relationships WHERE dataset = ? OR to_dataset = ?", [dataset, dataset])
    # Deleting must count as a change too, and leaves no row of its own to carry the number.
    transaction.execute("UPDATE dictionary SET change = ? WHERE asset = ?", [change, f"dataset:{dataset}"])
    now = datetime.now(UTC).replace(tzinfo=None)
    if found:
        transaction.insert("relationships", [{**one.model_dump(), "found": now, "change": change} for one in found])
