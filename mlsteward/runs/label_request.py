"""What selecting rows and recording their labels need of the store."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlsteward.data.snapshot import Column
from mlsteward.dictionary.entry import AvailableAt, Entry, Facts, Role, column_entry
from mlsteward.dictionary.sensitivity import DEFAULT
from mlsteward.errors import InvalidArgument
from mlsteward.labels.companions import companions, is_companion
from mlsteward.labels.identity import Identity, identity_of
from mlsteward.store.datasets import DatasetVersion, find_dataset, newest_version
from mlsteward.store.dictionary import column_entries
from mlsteward.store.labels import label_columns
from mlsteward.store.masking import check_open, masks_of
from mlsteward.store.transaction import Transaction

_LONGEST_NAME = 63
# Of a large table distinct values are counted about.
_ABOUT = 0.95


@dataclass(frozen=True)
class Labelled:
    """A dataset whose column `column` people label: its newest version, its dictionary, and how its rows are named.

    `secret` are the columns whose values not everybody may see; `masked` those that whoever asks may not, of which no
    name of a row is made.
    """

    version: DatasetVersion
    entries: Mapping[str, Entry]
    column: str
    identity: Identity
    secret: frozenset[str]
    masked: list[str]

    @property
    def column_there(self) -> Column | None:
        return next((one for one in self.version.columns if one.name == self.column), None)

    def role(self, column: str) -> Role:
        return self.entries[column].role if column in self.entries else ""

    def available_at(self, column: str) -> AvailableAt:
        return self.entries[column].available_at if column in self.entries else ""

    def carried(self) -> dict[str, Entry]:
        """What the dictionary says of the version with labels: the same, and that its target is the column labelled.

        The companions of that column are known only when the label is, so no model learns from them.
        """
        carried = dict(self.entries)
        target = self.entries.get(self.column)
        if target and "role" not in target.writers:
            words = {"role": "target", "writers": {**target.writers, "role": ""}, "facts": Facts()}
            carried[self.column] = target.model_copy(update=words)
        by, at = companions(self.column)
        for name, type_, what in ((by, "VARCHAR", "Who labelled"), (at, "TIMESTAMP", "When somebody last labelled")):
            words = {"description": f"{what} `{self.column}` of this row.", "available_at": "after"}
            carried[name] = column_entry(self.version.name, name, type=type_, **words)
        return carried


def find_labelled(t: Transaction, dataset: str, column: str = "") -> Labelled:
    """The newest version of `dataset` and the column that takes labels: `column`, else the target of its dictionary.

    Raises NotFound and InvalidArgument, and Refused where the labels or names of rows would show masked values.
    """
    version = find_dataset(t.whole, dataset)
    newest = newest_version(t.whole, version.name)
    if newest and newest.version != version.version:
        raise InvalidArgument(
            f"Labels go to the newest version, {newest.label}.", next=f'select_rows_to_label(dataset="{version.name}")'
        )
    entries = {entry.column: entry for entry in column_entries(t.whole, version.name)}
    known = label_columns(t, version.name)
    names = [one.name for one in version.columns]
    column = _column(version, entries, known, column)
    secret = frozenset(masks_of(t.whole, DEFAULT).among(version.name, names))
    labels = {column, *known, *(name for name, entry in entries.items() if entry.role == "target")}
    identity = known.get(column)
    if identity is None or not identity.fits(version.columns):
        identity = identity_of(version.columns, key=_key(version, entries), labels=labels, hidden=secret)
    if not identity.columns:
        raise InvalidArgument(
            f"The rows of {version.label} cannot be named: it has no key column, and no column beside the labels that"
            " everybody may see.",
            next=f'document_asset(asset="column:{version.name}.…", role="key")',
        )
    if column and column == identity.key:
        raise InvalidArgument(f"`{column}` is the key of {version.name}; it takes no labels.")
    check_open(t.masks, version.name, [column, *identity.columns])
    return Labelled(version, entries, column, identity, secret, t.masks.within([version.name]))


def _column(version: DatasetVersion, entries: Mapping[str, Entry], known: Mapping[str, Identity], asked: str) -> str:
    """The column asked for as the version spells it, a new one; else the only one that can be meant, "" for none."""
    names = [one.name for one in version.columns]
    if asked := asked.strip():
        spelled = next((name for name in names if name.casefold() == asked.casefold()), asked)
        if is_companion(spelled, names):
            raise InvalidArgument(f"`{spelled}` says who gave labels; it takes none.")
        if len(spelled) > _LONGEST_NAME or not spelled.isprintable():
            raise InvalidArgument(f"No column can be called {spelled[:80]!r}.")
        return spelled
    targets = [name for name, entry in entries.items() if entry.role == "target"]
    meant = list(known) or targets
    if len(meant) > 1:
        raise InvalidArgument(f"column says which of {', '.join(meant)} the labels go to.")
    return meant[0] if meant else ""


def _key(version: DatasetVersion, entries: Mapping[str, Entry]) -> str:
    """The first key of the dictionary that seems to name each row once; whoever reads the rows makes sure."""
    keys = {name for name, entry in entries.items() if entry.role == "key"}
    for column in version.profile.columns:
        enough = column.rows if column.distinct_exact else _ABOUT * column.rows
        if column.name in keys and not column.nulls and column.distinct >= enough:
            return column.name
    return ""
