"""What a database declares of a table: comments, keys, allowed values. Harvested words, over which people's win."""

from collections.abc import Sequence

from mlsteward.dictionary.entry import Entry
from mlsteward.record import Record


class ForeignKey(Record):
    """`columns` of one table point to `to_columns` of another; tables as the addresses that datasets have as source."""

    table: str
    columns: list[str]
    to_table: str
    to_columns: list[str]


class Declared(Record):
    """What is declared of the table at the address `table`: words by column, values of enumerated types, keys.

    `foreign_keys` has those from the table and those to it.
    """

    table: str = ""
    description: str = ""
    descriptions: dict[str, str] = {}
    allowed_values: dict[str, list[str]] = {}
    key: list[str] = []
    foreign_keys: list[ForeignKey] = []


def with_declared(entries: Sequence[Entry], declared: Declared) -> list[Entry]:
    """The entries of a dataset with the declared words; an empty declaration changes nothing."""
    return [_with(entry, declared) for entry in entries]


def _with(entry: Entry, declared: Declared) -> Entry:
    if not entry.column:
        return entry.model_copy(update={"description": entry.description or declared.description})
    update: dict[str, object] = {}
    if entry.column in declared.descriptions:
        update["description"] = declared.descriptions[entry.column]
    if entry.column in declared.allowed_values:
        update["allowed_values"] = declared.allowed_values[entry.column]
    if declared.key == [entry.column]:
        update["role"] = "key"
    return entry.model_copy(update=update)
