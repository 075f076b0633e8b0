"""What an alert needs to be understood: what lies downstream, and what changed before the check failed."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mlsteward.lineage.edge import COLUMN, table_of
from mlsteward.names import Reference, parse_reference
from mlsteward.store.lineage import downstream_of
from mlsteward.store.transaction import Transaction

# What is kept of long lists.
_MOST_DOWNSTREAM = 20
_MOST_CAUSES = 6
_SHOWN_COLUMNS = 4
# How many steps back a change is looked for.
_FAR = 3
# What may make a check fail without a new version: its rules and the meaning of columns.
_WORDS = ("set_contract", "document_asset", "define_term")


class _Version(NamedTuple):
    name: str
    version: int
    created: datetime
    actor: str
    source: str
    sources: list[str]
    sql: str
    columns: dict[str, str]
    rows: int

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


def affected_by(t: Transaction, asset: str) -> list[str]:
    """The datasets, models and deployments made from an asset (written without version), newest version of each.

    Where the lineage of a column is not known, its dataset's stands for it.
    """
    reference = parse_reference(asset)
    found = downstream_of(t, asset)
    if reference.kind == "column" and not found:
        found = downstream_of(t, f"dataset:{reference.name}")
    newest: dict[str, Reference] = {}
    for other in found:
        one = parse_reference(table_of(other) if other.startswith(COLUMN) else other)
        if one.kind in ("dataset", "model", "deployment") and (one.kind, one.name) != ("dataset", reference.name):
            known = newest.setdefault(f"{one.kind}:{one.name}", one)
            newest[f"{one.kind}:{one.name}"] = max(known, one, key=_version_number)
    # What is served matters most, and is farthest away.
    ranked = sorted(newest.values(), key=lambda one: ("deployment", "model", "dataset").index(one.kind))
    return [str(one) for one in ranked][:_MOST_DOWNSTREAM]


def likely_causes(t: Transaction, asset: str) -> list[str]:
    """What changed in the failing version of a dataset, in what it was made from, and in its rules, with when and who.

    Changes since the version before count; the nearest come first.
    """
    reference = parse_reference(asset)
    if reference.kind not in ("dataset", "column"):
        return []
    versions = _two_versions(t, reference.name, reference.version)
    if not versions:
        return []
    causes = list(_changes(t, versions, _FAR))
    since = versions[1].created if len(versions) > 1 else versions[0].created
    return [*causes, *_changed_words(t, versions[0], since)][:_MOST_CAUSES]


def _changes(t: Transaction, versions: Sequence[_Version], depth: int) -> Iterator[str]:
    current = versions[0]
    if len(versions) == 1:
        yield f"{current.label} is the first version ({_when(current)}): the check has never passed on this dataset."
        return
    before = versions[1]
    yield f"{current.label} came {_when(current)}{_origin(current)}: {_difference(before, current)}."
    if current.sql != before.sql and before.sql:
        yield f"The statement that makes {current.name} changed with {current.label}."
    used_before = {_name(source): source for source in before.sources}
    for source in current.sources if depth else ():
        name = _name(source)
        upstream = _two_versions(t, name, parse_reference(source).version)
        if not upstream or used_before.get(name) == source:
            continue
        if name not in used_before:
            yield f"{current.label} is made from {upstream[0].label}, and {before.label} was not."
        elif len(upstream) > 1:
            yield from _changes(t, upstream, depth - 1)


def _difference(before: _Version, current: _Version) -> str:
    """What a new version changed of the one before, in its schema and its number of rows."""
    added = [name for name in current.columns if name not in before.columns]
    removed = [name for name in before.columns if name not in current.columns]
    types = [
        f"{name} {before.columns[name]} → {type_}"
        for name, type_ in current.columns.items()
        if before.columns.get(name, type_) != type_
    ]
    parts = [f"{words} {_some(names)}" for words, names in (("new", added), ("gone", removed), ("now", types)) if names]
    parts.append(f"{before.rows:,} → {current.rows:,} rows" if before.rows != current.rows else "as many rows")
    return "; ".join(parts)


def _changed_words(t: Transaction, version: _Version, since: datetime) -> list[str]:
    names = [version.name, *(_name(source) for source in version.sources)]
    actions = ", ".join("?" for _ in _WORDS)
    rows = t.rows(
        f"SELECT created, actor, action, asset FROM activity WHERE created > ? AND action IN ({actions})"
        " AND regexp_extract(asset, '^(?:dataset|column):([^@.]+)', 1) IN (SELECT unnest(?))"
        " ORDER BY number DESC LIMIT 3",
        [since, *_WORDS, names],
    )
    return [
        f"{actor} changed {asset} by {action}, {created:%Y-%m-%d %H:%M} UTC." for created, actor, action, asset in rows
    ]


def _two_versions(t: Transaction, name: str, version: str) -> list[_Version]:
    """A version (else the newest) and the one before it, as far as they are there; none follows one kept aside."""
    until = int(version) if version.isdigit() else None
    rows = t.rows(
        "SELECT name, version, created, actor, source, sources, sql, columns, rows FROM dataset_versions"
        " WHERE name = ? AND version <= coalesce(?, version) AND (held = '' OR version = ?)"
        " ORDER BY version DESC LIMIT 2",
        [name, until, until],
    )
    return [_version(row) for row in rows]


def _version(row: tuple[Any, ...]) -> _Version:
    name, version, created, actor, source, sources, sql, columns, count = row
    types = {column["name"]: column["type"] for column in json.loads(columns)}
    return _Version(name, version, created, actor, source, json.loads(sources), sql, types, count)


def _when(version: _Version) -> str:
    by = f" by {version.actor}" if version.actor else ""
    return f"{version.created:%Y-%m-%d %H:%M} UTC{by}"


def _origin(version: _Version) -> str:
    if version.sources:
        return f" from {_some([source.removeprefix('dataset:') for source in version.sources])}"
    return f" from {version.source}" if version.source else ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_COLUMNS
    return ", ".join(names[:_SHOWN_COLUMNS]) + (f" and {more} more" if more > 0 else "")


def _name(source: str) -> str:
    return parse_reference(source).name


def _version_number(reference: Reference) -> int:
    return int(reference.version) if reference.version.isdigit() else 0
