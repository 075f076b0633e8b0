"""What a reader may not see: which columns are masked for a clearance, and things of the store without their values.

A `Transaction` carries the clearance of whoever reads, and what loads datasets, entries, models and runs asks here;
so a caller's own transactions (`Workspace.seen_by`) never hold a masked value, whatever is made of them.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary.entry import Entry, Facts
from mlsteward.dictionary.relationships import Relationship
from mlsteward.dictionary.sensitivity import DEFAULT, FULL, Level, exceeds, higher, masked_words
from mlsteward.errors import Refused
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import SignatureColumn

MASKED = "masked"
"""What stands in place of words that may quote values."""

_LEVELS = """
    SELECT dataset, column_name, sensitivity, json_extract(writers, '$.sensitivity') IS NOT NULL FROM dictionary
    WHERE kind IN ('dataset', 'column') QUALIFY version = max(version) OVER (PARTITION BY asset)
"""


@dataclass(frozen=True)
class Masks:
    """The columns hidden from readers of `clearance`, by dataset, each with its level; names in lower case.

    `pairs` are the same datasets and columns as the dictionary spells them.
    """

    clearance: Level = FULL
    hidden: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    pairs: Sequence[tuple[str, str]] = ()

    def of(self, dataset: str) -> Mapping[str, str]:
        """The masked columns of a dataset, whatever its version."""
        return self.hidden.get(_name(dataset), {})

    def level(self, dataset: str, column: str) -> str:
        """The level for which a column is masked, "" when it is not."""
        return self.of(dataset).get(column.strip().casefold(), "")

    def among(self, dataset: str, columns: Iterable[str]) -> dict[str, str]:
        """Those of `columns` that are masked, as they are written, with their levels."""
        return {column: level for column in columns if (level := self.level(dataset, column))}

    def within(self, datasets: Iterable[str]) -> list[str]:
        """All masked columns of datasets, as `customers.email`."""
        names = dict.fromkeys(_name(dataset) for dataset in datasets)
        return [f"{name}.{column}" for name in names for column in self.of(name)]

    def withholds(self, reads: Iterable[str], masked: Collection[str]) -> bool:
        """Whether a run that read these datasets says what its reader may not know.

        It does unless every column masked for the reader was kept from the run too.
        """
        return any(column not in masked for column in self.within(reads))

    def profile(self, dataset: str, profile: TableProfile) -> TableProfile:
        """A profile that says of masked columns only that they are there."""
        if not self.of(dataset):
            return profile
        columns = [self._column(dataset, column) for column in profile.columns]
        return TableProfile(rows=profile.rows, columns=columns)

    def _column(self, dataset: str, column: ColumnProfile) -> ColumnProfile:
        level = self.level(dataset, column.name)
        if not level:
            return column
        plain = column.model_dump(include={"name", "type", "family", "rows"})
        return ColumnProfile(**plain, masked=level, warnings=[masked_words(level)])

    def entry(self, entry: Entry) -> Entry:
        """An entry without facts and allowed values where its column is masked, and without SQL that names such one."""
        if entry.sql and self.named_in(entry.sql):
            return entry.model_copy(update={"sql": MASKED})
        level = self.level(entry.dataset, entry.column) if entry.column else ""
        if not level:
            return entry
        facts = Facts(rows=entry.facts.rows, evidence=entry.facts.evidence, masked=level)
        return entry.model_copy(update={"facts": facts, "allowed_values": []})

    def named_in(self, sql: str) -> bool:
        """Whether a statement names a masked column: it may quote the values it looks for."""
        folded = sql.casefold()
        return any(column in folded for columns in self.hidden.values() for column in columns)

    def told_in(self, relationship: str) -> bool:
        """Whether a relationship in words, `orders.email → customers.email`, is one of a masked column."""
        words = set(re.findall(r"[\w.]+|[^\w\s]", relationship.casefold()))
        return any(
            any(word.startswith(f"{dataset}.") for word in words)
            and any(column in words or f"{dataset}.{column}" in relationship.casefold() for column in columns)
            for dataset, columns in self.hidden.items()
        )

    def relationships(self, found: Iterable[Relationship]) -> list[Relationship]:
        """Those between columns that are not masked: whether values meet tells what they are."""
        return [
            one
            for one in found
            if not self.among(one.dataset, one.columns) and not self.among(one.to_dataset, one.to_columns)
        ]

    def signature(self, dataset: str, columns: Sequence[SignatureColumn]) -> list[SignatureColumn]:
        """A model's signature without ranges and levels of masked columns."""
        return [
            SignatureColumn(name=column.name, type=column.type, kind=column.kind)
            if self.level(dataset, column.name)
            else column
            for column in columns
        ]


def without_reasons(words: str) -> str:
    """Why a version is kept aside, without its checks: what they allow and how many rows fail tells of values."""
    return re.sub(r"(of its contract):.*", r"\1", words, flags=re.DOTALL)


def check_open(masks: Masks, dataset: str, columns: Iterable[str]) -> None:
    """Raise Refused when one of `columns` (those that are empty do not count) is masked."""
    for column, level in masks.among(dataset, [column for column in columns if column]).items():
        words = f"`{column}` of {dataset} is {masked_words(level)}"
        raise Refused(f"{words}, and your clearance is {masks.clearance}.")


def check_lowering(transaction: Transaction, entry: Entry, new: Entry) -> None:
    """Raise Refused when `new` makes an asset less sensitive than its reader may see: that would unmask it.

    Anyone may raise a level.
    """
    if not new.sensitivity or "sensitivity" not in new.writers:
        return
    levels = levels_of(transaction)
    in_force = levels.get((entry.dataset, entry.column), "") if entry.column else entry.sensitivity
    if exceeds(in_force, transaction.clearance) and higher(in_force, new.sensitivity) != new.sensitivity:
        raise Refused(
            f"{entry.name} is {in_force}, and your clearance is {transaction.clearance}: only somebody who may see it"
            f" can call it {new.sensitivity}."
        )


def masks_of(transaction: Transaction, clearance: Level | None = None) -> Masks:
    """What readers of a clearance (else the one the transaction carries) may not see."""
    clearance = clearance or transaction.clearance
    if clearance == FULL:
        return Masks()
    hidden: dict[str, dict[str, str]] = {}
    pairs: list[tuple[str, str]] = []
    for (dataset, column), level in levels_of(transaction).items():
        if exceeds(level, clearance):
            hidden.setdefault(dataset, {})[column.casefold()] = level
            pairs.append((dataset, column))
    return Masks(clearance, hidden, pairs)


def levels_of(transaction: Transaction) -> dict[tuple[str, str], str]:
    """The level in force of every column, by dataset and column.

    A person's word on the column counts; else it is what was suggested, but no lower than its dataset.
    """
    rows = transaction.whole.rows(_LEVELS)
    tables = {dataset: level for dataset, column, level, _ in rows if not column}
    return {
        (dataset, column): (level if written else higher(level, tables.get(dataset, ""))) or DEFAULT
        for dataset, column, level, written in rows
        if column
    }


def inherited(transaction: Transaction, dataset: str) -> dict[str, str]:
    """The levels of a dataset's columns that what is made of them takes over: those above the default."""
    levels = {column: level for (name, column), level in levels_of(transaction).items() if name == _name(dataset)}
    return {column: level for column, level in levels.items() if exceeds(level, DEFAULT)}


def masked_columns(transaction: Transaction, dataset: str, clearance: Level | None = None) -> set[str]:
    """The columns of a dataset, of all its versions, that are masked; names in lower case."""
    return set(masks_of(transaction, clearance).of(dataset))


def _name(dataset: str) -> str:
    return dataset.removeprefix("dataset:").partition("@")[0]
