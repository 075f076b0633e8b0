"""What `set_contract` has tried: from a dataset's name and lines of checks to the request for a worker."""

from collections.abc import Container, Sequence
from pathlib import Path

from mlsteward.contracts.basis import Basis, Seen
from mlsteward.contracts.check import Check, Contract, ContractColumn, Mode
from mlsteward.contracts.compose import Asked
from mlsteward.contracts.parse import read_checks
from mlsteward.data.profile import TableProfile
from mlsteward.errors import NotFound, Refused
from mlsteward.names import close_names
from mlsteward.runs.jobs.contract import Request
from mlsteward.store.contracts import check_order, contract_of, unkept_columns
from mlsteward.store.datasets import DatasetVersion, dataset_names, find_dataset, versions_of
from mlsteward.store.dictionary import column_entries
from mlsteward.store.relationships import all_relationships
from mlsteward.store.transaction import Transaction

# Older versions than these say little of the next.
_VERSIONS = 12


def contract_request(
    transaction: Transaction, workspace: Path, dataset: str, asked: Asked, *, mode: str, save: bool
) -> Request:
    """The request for the worker: the checks tried on the version that `dataset` names, else the newest.

    `mode` "" stands for the mode in force, else warn. Raises InvalidArgument for a line that is no check, Refused for
    one on a column that is masked for the caller.
    """
    version = find_dataset(transaction, dataset)
    current = contract_of(transaction, version.name)
    columns = [ContractColumn(name=column.name, type=column.type) for column in version.columns]
    checks = read_checks(asked.texts, version.name, columns)
    _check_targets(transaction, checks)
    kept: Mode = "block" if (mode or (current.mode if current else "")) == "block" else "warn"
    contract = Contract(dataset=version.name, columns=columns, checks=checks, mode=kept)
    known = current.checks if current and asked.current else []
    _refuse_masked(transaction, version.name, [*checks, *known])
    basis = _basis(transaction, version) if asked.proposed else None
    # What the worker may need is what any of the checks does.
    relationships = [one.to_dataset for one in basis.relationships] if basis else []
    order = check_order(
        transaction,
        workspace,
        version.name,
        contract=contract.model_copy(update={"checks": [*known, *checks]}),
        version=version.version,
        others=relationships,
    )
    assert order
    return Request(
        dataset=version.label,
        snapshot=version.snapshot,
        order=order.model_copy(update={"contract": contract}),
        asked=asked,
        current=current if asked.current else None,
        basis=basis,
        held=bool(version.held),
        save=save,
        masked=transaction.masks.within(dataset_names(transaction)),
    )


def _check_targets(transaction: Transaction, checks: Sequence[Check]) -> None:
    """Raises NotFound where a relationship leads to a dataset or column that is not there."""
    for check in checks:
        if check.type != "relationship":
            continue
        target = find_dataset(transaction, check.to_dataset)
        known = [column.name for column in target.columns]
        for column in check.to_columns:
            if column not in known:
                raise NotFound(f"{target.name} has no column {column!r}.", close=close_names(column, known))


def _refuse_masked(transaction: Transaction, dataset: str, checks: Sequence[Check]) -> None:
    """What a check counts tells of values, so one on a masked column needs clearance."""
    for check in checks:
        sides = ((dataset, check.columns), (check.to_dataset, check.to_columns))
        hidden = [
            f"{name}.{column} ({level})"
            for name, columns in sides
            for column, level in transaction.masks.among(name, columns).items()
        ]
        if hidden:
            raise Refused(f"`{check.name}` looks at what is masked for your clearance: {', '.join(hidden)}.")


def _basis(transaction: Transaction, version: DatasetVersion) -> Basis:
    """The versions up to this one, as far as their reader may see them."""
    past = [one for one in versions_of(transaction, version.name) if one.version < version.version and not one.held]
    entries = column_entries(transaction, version.name)
    hidden = transaction.masks.of(version.name)
    columns = [column.name for column in version.columns]
    found = all_relationships(transaction)
    keys = [one.to_columns for one in found if one.to_dataset == version.name and set(one.to_columns) <= set(columns)]
    return Basis(
        versions=[_seen(one, hidden) for one in (version, *past[: _VERSIONS - 1])][::-1],
        roles={entry.column: entry.role for entry in entries},
        masked=unkept_columns(transaction, version.name, columns),
        relationships=[one for one in found if one.dataset == version.name and set(one.columns) <= set(columns)],
        keys=[list(key) for key in dict.fromkeys(map(tuple, keys))],
    )


def _seen(version: DatasetVersion, hidden: Container[str]) -> Seen:
    columns = [
        column.model_copy(update={"histogram": [], "top": []})
        for column in version.profile.columns
        if column.name.casefold() not in hidden
    ]
    return Seen(
        version=version.version,
        file="" if version.collected else version.snapshot,
        registered=version.created,
        profile=TableProfile(rows=version.rows, columns=columns),
    )
