"""Contracts of datasets: every version, the highest in force."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlsteward.contracts.check import Contract
from mlsteward.contracts.order import CheckOrder, PastColumn, PastVersion
from mlsteward.data.profile import ColumnProfile
from mlsteward.store.datasets import DatasetVersion, newest_version, versions_of
from mlsteward.store.dictionary import column_entries
from mlsteward.store.transaction import Transaction

_FIELDS = ("dataset", "version", "columns", "checks", "mode", "actor", "created")
_JSON = frozenset({"columns", "checks"})
_NEVER_KEPT = frozenset({"confidential", "restricted"})
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


def save_contract(t: Transaction, contract: Contract, actor: str, *, dropped: bool = False) -> Contract:
    """Write `contract` as the next version, whatever number it carries; `dropped` ends it."""
    row = t.row("SELECT coalesce(max(version), 0) + 1 FROM contracts WHERE dataset = ?", [contract.dataset])
    saved = contract.model_copy(update={"version": row[0] if row else 1, "actor": actor, "created": datetime.now(UTC)})
    t.insert("contracts", [{**saved.model_dump(include=set(_FIELDS)), "dropped": dropped}])
    return saved


def check_order(
    t: Transaction, workspace: Path, dataset: str, *, contract: Contract | None = None, version: int = 0
) -> CheckOrder | None:
    """What it takes to run the contract in force (or `contract`) on `version` (0 for one that comes now).

    None where there is no contract.
    """
    contract = contract or contract_of(t, dataset)
    if contract is None:
        return None
    versions = versions_of(t, dataset)
    judged = next((one for one in versions if one.version == version), None)
    past = [one for one in versions if not one.held and (not judged or one.version < judged.version)]
    entries = column_entries(t, dataset)
    return CheckOrder(
        contract=contract,
        tables=_tables(t, workspace, contract),
        history=[_past(one, contract) for one in reversed(past[:_HISTORY])],
        masked=[entry.column for entry in entries if entry.sensitivity in _NEVER_KEPT],
        key=next(iter(contract.keys), [entry.column for entry in entries if entry.role == "key"])[:4],
        registered=judged.created if judged else None,
    )


def _tables(t: Transaction, workspace: Path, contract: Contract) -> dict[str, str]:
    found = {check.to_dataset: newest_version(t, check.to_dataset) for check in contract.relationships}
    return {name: str(workspace / version.snapshot) for name, version in found.items() if version}


def _past(version: DatasetVersion, contract: Contract) -> PastVersion:
    named = {column for check in contract.checks if check.type == "compare_to_baseline" for column in check.columns}
    columns = {column.name: _past_column(column) for column in version.profile.columns if column.name in named}
    return PastVersion(version=version.version, rows=version.rows, columns=columns)


def _past_column(column: ColumnProfile) -> PastColumn:
    return PastColumn(nulls=column.nulls, distinct=column.distinct, mean=column.mean)


def _contract(row: Sequence[Any]) -> Contract:
    fields = {name: json.loads(value) if name in _JSON else value for name, value in zip(_FIELDS, row, strict=True)}
    return Contract.model_validate(fields)
