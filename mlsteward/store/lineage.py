"""What was made from what."""

from typing import NamedTuple

from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.transaction import Transaction


class Use(NamedTuple):
    """A run that used a model."""

    run: int
    kind: str
    dataset: str


def origins_of(transaction: Transaction, dataset: str) -> list[DatasetVersion]:
    """A dataset's version and all that it was made from, the farthest first; [] for the label ""."""
    found: dict[str, DatasetVersion] = {}
    pending = [dataset] if dataset else []
    while pending:
        label = pending.pop()
        if label not in found:
            found[label] = find_dataset(transaction, label)
            pending += found[label].sources
    return list(found.values())[::-1]


def uses_of_model(transaction: Transaction, label: str) -> list[Use]:
    """The runs whose parameter `model` is this version of a model, newest first, at most 50."""
    rows = transaction.rows(
        "SELECT number, kind, dataset FROM runs WHERE json_extract_string(params, '$.model') = ?"
        " ORDER BY number DESC LIMIT 50",
        [label],
    )
    return [Use(*row) for row in rows]
