"""Versions whose rows nobody needs any more: told by what still leads to them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlsteward.store.activity import add_activity
from mlsteward.store.transaction import Transaction

# Runs that look at rows and keep what they found; all others could not be repeated without their rows.
_LOOKS = ("register", "transform", "check", "contract", "lineage", "diff", "drift", "compare", "select")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,62}@[0-9]+")


@dataclass(frozen=True)
class StoredVersion:
    """A version whose rows are kept in the workspace."""

    name: str
    version: int
    rows: int
    bytes: int
    snapshot: str
    created: datetime
    held: str
    run: int | None
    sources: list[str]

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Reachable:
    """Every version, newest first by dataset, and why those are kept that are."""

    versions: list[StoredVersion]
    why: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def collectable(self) -> list[StoredVersion]:
        return [version for version in self.versions if version.label not in self.why]


def reachable_versions(
    transaction: Transaction, *, keep: int, before: datetime, requests: Mapping[int, str]
) -> Reachable:
    """What is needed: the `keep` newest versions of a dataset, all from `before` on, and what leads to others.

    That is tags, models, runs that trained or judged, statements of metrics and contracts, sources of what is kept,
    and the texts of `requests` of active runs.
    """
    versions = stored_versions(transaction)
    why: dict[str, str] = {}
    for reason, labels in (
        ("newest", _newest(versions, keep)),
        ("tag", _labels(transaction, "SELECT dataset || '@' || version FROM dataset_tags")),
        ("model", _labels(transaction, "SELECT dataset FROM models")),
        ("run", _used_by_runs(transaction)),
        ("statement", _in_statements(transaction)),
        ("active run", [one.label for one in versions if any(one.snapshot in text for text in requests.values())]),
        (f"younger than {before:%Y-%m-%d}", [one.label for one in versions if one.created >= before]),
    ):
        for label in labels:
            why.setdefault(label, reason)
    known = {one.label: one for one in versions}
    pending = [label for label in why if label in known]
    while pending:
        for source in known[pending.pop()].sources:
            label = source.removeprefix("dataset:")
            if label in known and label not in why:
                why[label] = "source of another"
                pending.append(label)
    return Reachable(versions, {label: reason for label, reason in why.items() if label in known})


def stored_versions(transaction: Transaction) -> list[StoredVersion]:
    """The versions whose rows are in the workspace: neither collected nor referred to where they stand."""
    rows = transaction.rows(
        "SELECT name, version, rows, bytes, snapshot, created, held, run, sources FROM dataset_versions"
        " WHERE collected IS NULL AND NOT reference ORDER BY name, version DESC"
    )
    return [_stored_version(*row) for row in rows]


def _stored_version(*row: Any) -> StoredVersion:
    *fields, sources = row
    return StoredVersion(*fields, sources=json.loads(sources))


def collected_snapshots(transaction: Transaction) -> set[str]:
    """The files of versions whose rows were given up."""
    rows = transaction.rows("SELECT DISTINCT snapshot FROM dataset_versions WHERE collected IS NOT NULL")
    return {snapshot for (snapshot,) in rows}


def mark_collected(
    transaction: Transaction, versions: Sequence[StoredVersion], now: datetime, *, actor: str, client: str
) -> None:
    """Give the rows of these versions up. Their files may go once this is committed, never before."""
    for one in versions:
        transaction.execute(
            "UPDATE dataset_versions SET collected = ? WHERE name = ? AND version = ?", [now, one.name, one.version]
        )
        why = f"{one.rows:,} rows given up"
        add_activity(transaction, actor=actor, client=client, action="gc", asset=f"dataset:{one.label}", why=why)


def _newest(versions: Sequence[StoredVersion], keep: int) -> list[str]:
    found: dict[str, list[str]] = {}
    for one in versions:
        if not one.held:
            found.setdefault(one.name, []).append(one.label)
    return [label for labels in found.values() for label in labels[:keep]]


def _labels(transaction: Transaction, sql: str) -> list[str]:
    return [label.removeprefix("dataset:") for (label,) in transaction.rows(sql) if label]


def _used_by_runs(transaction: Transaction) -> list[str]:
    """What runs stand on; a run's own new version is not what it stands on."""
    looks = ", ".join(f"'{kind}'" for kind in _LOOKS)
    return _labels(
        transaction,
        f"SELECT DISTINCT r.dataset FROM runs AS r WHERE r.dataset <> '' AND (r.kind NOT IN ({looks})"
        " OR r.state IN ('queued', 'running', 'waiting')) AND NOT EXISTS (SELECT 1 FROM dataset_versions AS v"
        " WHERE v.run = r.number AND v.name || '@' || v.version = r.dataset)",
    )


def _in_statements(transaction: Transaction) -> list[str]:
    texts = _labels(transaction, "SELECT sql FROM dictionary WHERE sql <> ''")
    texts += _labels(transaction, "SELECT checks::VARCHAR FROM contracts")
    return [label for text in texts for label in _LABEL.findall(text)]
