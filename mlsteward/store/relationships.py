"""Relationships between datasets, as found when one of them was registered."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from mlsteward.dictionary.relationships import Relationship
from mlsteward.dictionary.sensitivity import Level
from mlsteward.store.changes import count_change
from mlsteward.store.masking import masks_of
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


def unseen_relationships(transaction: Transaction, dataset: str, clearance: Level) -> list[Relationship]:
    """Those from or to `dataset` that somebody of this clearance may not know of, and so cannot have looked for."""
    known = [one for one in all_relationships(transaction.whole) if dataset in (one.dataset, one.to_dataset)]
    seen = masks_of(transaction, clearance).relationships(known)
    return [one for one in known if one not in seen]


def write_relationships(transaction: Transaction, dataset: str, found: Sequence[Relationship]) -> None:
    """Put `found` in place of all that was recorded from or to `dataset`."""
    transaction.execute("DELETE FROM relationships WHERE dataset = ? OR to_dataset = ?", [dataset, dataset])
    now = datetime.now(UTC).replace(tzinfo=None)
    if found:
        transaction.insert("relationships", [{**one.model_dump(), "found": now} for one in found])
    count_change(transaction)
