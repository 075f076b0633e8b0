"""Datasets and their versions."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from mlsteward.data.profile import TableProfile
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import close_names, parse_reference
from mlsteward.store.transaction import Transaction


class DatasetVersion(BaseModel):
    """One immutable version of a dataset.

    `family` is shared by a lineage of versions and of the datasets made from them: a row held out for testing in one
    stays held out in all. `sources` are the labels of the datasets that `sql` read. `held` says why a version is kept
    aside: it breaks the dataset's contract, and is never the newest until it is released.
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
    profile: TableProfile

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


class DatasetSummary(BaseModel):
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
    " reference source sources sql warnings run actor created held profile"
).split()
_JSON_COLUMNS = frozenset({"column_fingerprints", "columns", "sources", "warnings", "profile"})
_NEWEST = "version = (SELECT max(version) FROM dataset_versions AS other WHERE other.name = v.name AND other.held = '')"


def find_dataset(transaction: Transaction, text: str) -> DatasetVersion:
    """The version that `flights`, `flights@3`, `flights@latest` or `dataset:flights@3` names."""
    reference = parse_reference(text)
    if reference.kind != "dataset":
        raise InvalidArgument(f"{text!r} is no dataset.", next="list_datasets()")
    if reference.version in ("", "latest"):
        found = _versions(transaction, f"v.name = ? AND {_NEWEST}", [reference.name])
    else:
        found = _versions(transaction, "v.name = ? AND v.version = ?", [reference.name, _number(reference.version)])
    if not found:
        raise _not_found(transaction, reference.name, reference.version)
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


def _versions(
    transaction: Transaction, where: str, parameters: Sequence[object], order: str = "v.name"
) -> list[DatasetVersion]:
    columns = ", ".join(f"v.{name}" for name in _VERSION_COLUMNS)
    rows = transaction.rows(
        f"SELECT d.family, d.description, {columns} FROM dataset_versions AS v JOIN datasets AS d ON d.name = v.name"
        f" WHERE {where} ORDER BY {order}",
        parameters,
    )
    return [_version(dict(zip(["family", "description", *_VERSION_COLUMNS], row, strict=True))) for row in rows]


def _version(fields: dict[str, Any]) -> DatasetVersion:
    for name in _JSON_COLUMNS:
        fields[name] = json.loads(fields[name])
    return DatasetVersion.model_validate(fields)


def _number(version: str) -> int:
    if not version.isdigit():
        raise InvalidArgument(f"{version!r} is no version of a dataset: write a number or `latest`.")
    return int(version)


def _not_found(transaction: Transaction, name: str, version: str) -> NotFound:
    newest = newest_version(transaction, name)
    if newest:
        return NotFound(f"`{name}` has no version {version}; the newest is {newest.version}.", close=[newest.label])
    names = dataset_names(transaction)
    close = close_names(name, names)
    there = "No dataset is registered yet." if not names else f"There is no dataset {name!r}."
    return NotFound(there, close=close, next="list_datasets()")
