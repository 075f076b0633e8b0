"""Contracts of datasets: every version, the highest in force."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlsteward.contracts.check import NEW_COLUMNS, SCHEMA, Contract
from mlsteward.contracts.order import CheckOrder, PastColumn, PastVersion
from mlsteward.data.profile import ColumnProfile
from mlsteward.dictionary.sensitivity import Level, lower
from mlsteward.store.alerts import settle_alerts
from mlsteward.store.datasets import DatasetVersion, find_dataset, versions_of
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import Masks, masks_of
from mlsteward.store.transaction import Transaction

_FIELDS = ("dataset", "version", "columns", "checks", "mode", "actor", "created")
_JSON = frozenset({"columns", "checks"})
# Values above this level are never kept in results.
_KEPT: Level = "internal"
_KEY = 4
_WORD = re.compile(r"\w+")
_LABEL = re.compile(r'"([a-z][a-z0-9_]*@[0-9]+)"')
# A median needs no more history than this.
_HISTORY = 30


def contract_of(t: Transaction, dataset: str) -> Contract | None:
    """The contract in force of a dataset, or None."""
    found = t.rows(
        f"SELECT dropped, {', '.join(_FIELDS)} FROM contracts WHERE dataset = ? ORDER BY version DESC LIMIT 1",
        [dataset],
    )
    return _contract(found[0][1:]) if found and not found[0][0] else None


def contracts_of(t: Transaction, dataset: str) -> list[Contract]:
    """Every version of a dataset's contract, newest first; those that were dropped later among them."""
    rows = t.rows(f"SELECT {', '.join(_FIELDS)} FROM contracts WHERE dataset = ? ORDER BY version DESC", [dataset])
    return [_contract(row) for row in rows]


def seen_contract(t: Transaction, contract: Contract) -> Contract:
    """The contract without the checks that say what values of columns masked for the reader are."""
    checks = [
        check
        for check in contract.checks
        if not t.masks.among(contract.dataset, check.columns) and not t.masks.named_in(check.sql)
    ]
    return contract.model_copy(update={"checks": checks})


def save_contract(
    t: Transaction, contract: Contract, actor: str, *, dropped: bool = False, run: int | None = None
) -> Contract:
    """Write `contract` as the next version, whatever number it carries; `dropped` ends it.

    Alerts of checks that it no longer has are settled.
    """
    before = contract_of(t, contract.dataset)
    row = t.row("SELECT coalesce(max(version), 0) + 1 FROM contracts WHERE dataset = ?", [contract.dataset])
    saved = contract.model_copy(update={"version": row[0] if row else 1, "actor": actor, "created": datetime.now(UTC)})
    t.insert("contracts", [{**saved.model_dump(include=set(_FIELDS)), "dropped": dropped}])
    left = set() if dropped else {check.name for check in contract.checks}
    gone = [check.name for check in before.checks if check.name not in left] if before else []
    settle_alerts(t, contract.dataset, [*gone, *([SCHEMA, NEW_COLUMNS] if dropped else [])], run)
    return saved


def check_order(
    t: Transaction,
    workspace: Path,
    dataset: str,
    *,
    contract: Contract | None = None,
    version: int = 0,
    others: Sequence[str] = (),
) -> CheckOrder | None:
    """What it takes to run the contract in force (or `contract`) on `version` (0 for one that comes now).

    None where there is no contract. `others` are datasets that are needed besides those the checks name. Whoever asks,
    checks look at all values; of columns that the asker may not see none are kept.
    """
    contract = contract or contract_of(t, dataset)
    if contract is None:
        return None
    entries = column_entries(t, dataset)
    row = t.row("SELECT created, reference FROM dataset_versions WHERE name = ? AND version = ?", [dataset, version])
    return CheckOrder(
        contract=contract,
        tables=_tables(t, workspace, contract, others),
        history=_history(t.whole, contract, version),
        masked=unkept_columns(t, dataset, [column.name for column in contract.columns]),
        sensitive=sorted(_unkept(t).hidden),
        key=next(iter(contract.keys), [entry.column for entry in entries if entry.role == "key"])[:_KEY],
        registered=row[0] if row else None,
        finite=bool(row and not row[1]),
    )


def unkept_columns(t: Transaction, dataset: str, columns: Sequence[str]) -> list[str]:
    """Those whose values are kept in no result: the sensitive, and what the reader may not see."""
    return list(_unkept(t).among(dataset, columns))


def _unkept(t: Transaction) -> Masks:
    return masks_of(t, lower(_KEPT, t.clearance))


def _tables(t: Transaction, workspace: Path, contract: Contract, others: Sequence[str]) -> dict[str, str]:
    """The newest rows of other datasets that checks name, and the versions that SQL does."""
    statements = " ".join(check.sql for check in contract.checks if check.type == "sql")
    words = {word.lower() for word in _WORD.findall(statements)}
    named = words | {check.to_dataset for check in contract.relationships} | set(others)
    rows = t.rows(
        "SELECT name, max_by(snapshot, version) FROM dataset_versions"
        " WHERE held = '' AND collected IS NULL AND name <> ? GROUP BY name ORDER BY name",
        [contract.dataset],
    )
    newest = [(name, snapshot) for name, snapshot in rows if name in named]
    labels = [(label, find_dataset(t, label).snapshot) for label in sorted(set(_LABEL.findall(statements)))]
    return {name: str(workspace / snapshot) for name, snapshot in [*newest, *labels]}


def _history(t: Transaction, contract: Contract, version: int) -> list[PastVersion]:
    compared = [check for check in contract.checks if check.type == "compare_to_baseline"]
    if not compared:
        return []
    past = [one for one in versions_of(t, contract.dataset) if not one.held and (not version or one.version < version)]
    named = {column for check in compared for column in check.columns}
    return [_past(one, named) for one in reversed(past[:_HISTORY])]


def _past(version: DatasetVersion, named: set[str]) -> PastVersion:
    columns = {column.name: _past_column(column) for column in version.profile.columns if column.name in named}
    return PastVersion(version=version.version, rows=version.rows, columns=columns)


def _past_column(column: ColumnProfile) -> PastColumn:
    return PastColumn(nulls=column.nulls, distinct=column.distinct, mean=column.mean)


def _contract(row: Sequence[Any]) -> Contract:
    fields = {name: json.loads(value) if name in _JSON else value for name, value in zip(_FIELDS, row, strict=True)}
    return Contract.model_validate(fields)
