"""Datasets and their versions."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mlsteward.data.profile import TableProfile
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument, NotFound, UnusableData
from mlsteward.names import close_names, parse_reference
from mlsteward.record import Record
from mlsteward.store.changes import count_change
from mlsteward.store.masking import MASKED, Masks, without_reasons
from mlsteward.store.tags import tagged_version, tags_of
from mlsteward.store.transaction import Transaction


class DatasetVersion(Record):
    """One immutable version of a dataset.

    `family` is shared by a lineage of versions and of the datasets made from them: a row held out for testing in one
    stays held out in all. `sources` are the labels of the datasets that `sql` read. `held` says why a version is kept
    aside: it breaks the contract of its dataset, and is not the newest until it is released. `collected` says when its
    rows were given up: the snapshot is gone then, and all else that is known of it stays.
    """

    name: str
    version: int
    family: str
    description: str = ""
    fingerprint: str
    column_fingerprints: dict[str, str] = {}
    schema_hash: str
    source_hash: str = ""
    algorithm: str = ""
    engine: str = ""
    rows: int
    bytes: int
    columns: list[Column]
    snapshot: str
    reference: bool = False
    source: str = ""
    sources: list[str] = []
    sql: str = ""
    warnings: list[str] = []
    run: int | None = None
    actor: str = ""
    created: datetime
    held: str = ""
    collected: datetime | None = None
    profile: TableProfile

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


class DatasetSummary(Record):
    """The newest version of a dataset in a line."""

    name: str
    version: int
    rows: int
    columns: int
    bytes: int
    source: str
    created: datetime
    description: str

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


_VERSION_COLUMNS = (
    "name version fingerprint column_fingerprints schema_hash source_hash algorithm engine rows bytes columns snapshot"
    " reference source sources sql warnings run actor created held collected profile"
).split()
_JSON_COLUMNS = frozenset({"column_fingerprints", "columns", "sources", "warnings", "profile"})
_NEWEST = "v.held = '' QUALIFY v.version = max(v.version) OVER (PARTITION BY v.name)"


def find_dataset(transaction: Transaction, text: str, *, rows: bool = True) -> DatasetVersion:
    """The version that `flights`, `flights@3`, `flights@latest`, a tag or `dataset:flights@3` names.

    Raises UnusableData when its rows were collected, unless `rows` says that they are not needed.
    """
    reference = parse_reference(text)
    if reference.kind != "dataset":
        raise InvalidArgument(f"{text!r} is no dataset.", next="list_datasets()")
    if reference.version in ("", "latest"):
        found = _versions(transaction, f"v.name = ? AND {_NEWEST}", [reference.name])
    else:
        number = _number(transaction, reference.name, reference.version)
        found = _versions(transaction, "v.name = ? AND v.version = ?", [reference.name, number])
    if not found:
        raise _not_found(transaction, reference.name, reference.version)
    if rows and found[0].collected:
        raise _collected(found[0])
    return found[0]


def newest_version(transaction: Transaction, name: str) -> DatasetVersion | None:
    """The newest version of `name` that is not held, or None when there is none."""
    found = _versions(transaction, f"v.name = ? AND {_NEWEST}", [name])
    return found[0] if found else None


def newest_versions(transaction: Transaction) -> list[DatasetVersion]:
    """The newest version of every dataset, by name."""
    return _versions(transaction, _NEWEST, [])


def versions_of(transaction: Transaction, name: str) -> list[DatasetVersion]:
    """All versions of a dataset, newest first, those that are held among them."""
    return _versions(transaction, "v.name = ?", [name], order="v.version DESC")


def registered_sources(transaction: Transaction) -> set[str]:
    """The sources that versions came from."""
    return {source for (source,) in transaction.rows("SELECT DISTINCT source FROM dataset_versions")}


def dataset_names(transaction: Transaction, prefix: str = "") -> list[str]:
    """The names that begin with `prefix`."""
    found = transaction.rows("SELECT name FROM datasets WHERE starts_with(name, ?) ORDER BY name", [prefix])
    return [name for (name,) in found]


def summaries(transaction: Transaction, *, limit: int, offset: int = 0) -> tuple[int, list[DatasetSummary]]:
    """How many datasets there are, and a page of them by name."""
    total = transaction.rows("SELECT count(*) FROM datasets")[0][0]
    rows = transaction.rows(
        "SELECT v.name, v.version, v.rows, json_array_length(v.columns), v.bytes, v.source, v.created, d.description"
        f" FROM dataset_versions AS v JOIN datasets AS d ON d.name = v.name WHERE {_NEWEST}"
        " ORDER BY v.name LIMIT ? OFFSET ?",
        [limit, offset],
    )
    names = list(DatasetSummary.model_fields)
    return total, [DatasetSummary.model_validate(dict(zip(names, row, strict=True))) for row in rows]


def add_version(transaction: Transaction, version: DatasetVersion) -> DatasetVersion:
    """Insert `version` as the next of its name, whatever number it carries; returns it as it stands in the store.

    The first version of a name sets its family. A description given here replaces the one before.
    """
    newest = next(iter(versions_of(transaction, version.name)), None)
    placed = version.model_copy(
        update={
            "version": newest.version + 1 if newest else 1,
            "family": newest.family if newest else version.family,
            "description": version.description or (newest.description if newest else ""),
        }
    )
    if newest is None:
        row = {"name": placed.name, "family": placed.family, "description": placed.description}
        transaction.insert("datasets", [{**row, "created": placed.created}])
    elif placed.description != newest.description:
        transaction.execute("UPDATE datasets SET description = ? WHERE name = ?", [placed.description, placed.name])
    fields = placed.model_dump(include=set(_VERSION_COLUMNS))
    transaction.insert("dataset_versions", [fields])
    return placed


def release_version(transaction: Transaction, version: DatasetVersion) -> None:
    """End the holding of a version: it is the newest again where no later one is."""
    transaction.execute(
        "UPDATE dataset_versions SET held = '' WHERE name = ? AND version = ?", [version.name, version.version]
    )
    count_change(transaction)


def _versions(
    transaction: Transaction, where: str, parameters: Sequence[object], order: str = "v.name"
) -> list[DatasetVersion]:
    columns = ", ".join(f"v.{name}" for name in _VERSION_COLUMNS)
    rows = transaction.rows(
        f"SELECT d.family, d.description, {columns} FROM dataset_versions AS v JOIN datasets AS d ON d.name = v.name"
        f" WHERE {where} ORDER BY {order}",
        parameters,
    )
    found = [_version(dict(zip(["family", "description", *_VERSION_COLUMNS], row, strict=True))) for row in rows]
    return [_seen(transaction.masks, version) for version in found]


def _seen(masks: Masks, version: DatasetVersion) -> DatasetVersion:
    """The version without the values of columns that its reader may not see; its SQL may quote such values too."""
    update: dict[str, object] = {}
    if masks.of(version.name):
        quoted = [f"`{name}`" for name in masks.among(version.name, [column.name for column in version.columns])]
        shown = [words for words in version.warnings if not any(name in words for name in quoted)]
        held = without_reasons(version.held)
        update = {"profile": masks.profile(version.name, version.profile), "warnings": shown, "held": held}
    if version.sql and any(masks.of(source) for source in version.sources):
        update["sql"] = MASKED
    return version.model_copy(update=update) if update else version


def _version(fields: dict[str, Any]) -> DatasetVersion:
    for name in _JSON_COLUMNS:
        fields[name] = json.loads(fields[name])
    return DatasetVersion.model_validate(fields)


def _number(transaction: Transaction, name: str, version: str) -> int | None:
    """The number that a version or a tag stands for; None for one of a dataset that does not exist."""
    if version.isdigit():
        return int(version)
    number = tagged_version(transaction, name, version)
    if number is None and newest_version(transaction, name):
        known = [tag.tag for tag in tags_of(transaction, name)]
        tags = f"a tag of it ({', '.join(known)})" if known else "a tag, of which it has none"
        close = [f"{name}@{tag}" for tag in close_names(version, known)]
        raise NotFound(
            f"{version!r} is no version of `{name}`: write a number, `latest` or {tags}.",
            close=close,
            next=f'read_page(uri="mlsteward://datasets/{name}")',
        )
    return number


def _collected(version: DatasetVersion) -> UnusableData:
    return UnusableData(
        f"The rows of {version.label} were collected on {version.collected:%Y-%m-%d}, to free their space; what is"
        " known of them stays.",
        next=f'read_page(uri="mlsteward://datasets/{version.label}")',
    )


def _not_found(transaction: Transaction, name: str, version: str) -> NotFound:
    newest = newest_version(transaction, name)
    if newest:
        return NotFound(f"`{name}` has no version {version}; the newest is {newest.version}.", close=[newest.label])
    names = dataset_names(transaction)
    close = close_names(name, names)
    there = "No dataset is registered yet." if not names else f"There is no dataset {name!r}."
    return NotFound(there, close=close, next="list_datasets()")
