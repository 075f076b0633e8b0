"""What a reader may not see: which columns are masked for a clearance, and things of the store without their values.

A `Transaction` carries the clearance of whoever reads, and what loads datasets, entries, models and runs asks here;
so a caller's own transactions (`Workspace.seen_by`) never hold a masked value, whatever is made of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlsteward.dictionary.sensitivity import DEFAULT, FULL, Level, exceeds, higher
from mlsteward.store.transaction import Transaction

_LEVELS = """
    SELECT dataset, column_name, sensitivity, json_extract(writers, '$.sensitivity') IS NOT NULL FROM dictionary AS d
    WHERE kind IN ('dataset', 'column')
        AND version = (SELECT max(version) FROM dictionary AS other WHERE other.asset = d.asset)
"""


@dataclass(frozen=True)
class Masks:
    """The columns hidden from readers of `clearance`, by dataset, each with its level; names in lower case."""

    clearance: Level = FULL
    hidden: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    def of(self, dataset: str) -> Mapping[str, str]:
        """The masked columns of a dataset, whatever its version."""
        return self.hidden.get(dataset.removeprefix("dataset:").partition("@")[0], {})

    def level(self, dataset: str, column: str) -> str:
        """The level for which a column is masked, "" when it is not."""
        return self.of(dataset).get(column.casefold(), "")

    def among(self, dataset: str, columns: Iterable[str]) -> dict[str, str]:
        """Those of `columns` that are masked, as they are written, with their levels."""
        return {column: level for column in columns if (level := self.level(dataset, column))}


def masked_words(level: str) -> str:
    """What stands where values would."""
    return f"masked ({level})"


def masks_of(transaction: Transaction, clearance: Level | None = None) -> Masks:
    """What readers of a clearance (else the one the transaction carries) may not see."""
    clearance = clearance or transaction.clearance
    if clearance == FULL:
        return Masks()
    tables: dict[str, str] = {}
    columns: list[tuple[str, str, str, bool]] = []
    for dataset, column, level, written in transaction.whole.rows(_LEVELS):
        if column:
            columns.append((dataset, column, level, written))
        else:
            tables[dataset] = level
    hidden: dict[str, dict[str, str]] = {}
    for dataset, column, level, written in columns:
        # A person's word on the column counts; else it is at least as sensitive as its table.
        effective = level if written else higher(level, tables.get(dataset, ""))
        if exceeds(effective, clearance):
            hidden.setdefault(dataset, {})[column.casefold()] = effective or DEFAULT
    return Masks(clearance, hidden)


def masked_columns(transaction: Transaction, dataset: str, clearance: Level | None = None) -> set[str]:
    """The columns of a dataset, of all its versions, that are masked; names in lower case."""
    return set(masks_of(transaction, clearance).of(dataset))
