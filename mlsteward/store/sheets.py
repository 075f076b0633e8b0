"""All that the store knows of one version of a dataset, put together."""

from pathlib import Path

from mlsteward.dictionary.entry import dataset_entry
from mlsteward.exchange.sheet import Sheet, SheetVersion
from mlsteward.store.contracts import contract_of, seen_contract
from mlsteward.store.datasets import DatasetVersion, find_dataset, versions_of
from mlsteward.store.dictionary import column_entries, entries_of
from mlsteward.store.relationships import all_relationships
from mlsteward.store.tags import tags_of
from mlsteward.store.transaction import Transaction


def sheet_of(transaction: Transaction, dataset: str) -> Sheet:
    """What is known of the version that `dataset` names."""
    version = find_dataset(transaction, dataset, rows=False)
    name = version.name
    table = next((one for one in entries_of(transaction, name) if one.kind == "dataset"), dataset_entry(name))
    tags = tags_of(transaction, name)
    contract = contract_of(transaction, name)
    return Sheet(
        **version.model_dump(include={"name", "version", "rows", "bytes", "created", "fingerprint", "source", "sql"}),
        sources=version.sources,
        sha256=version.source_hash if version.reference else Path(version.snapshot).stem,
        file=Path(version.snapshot).name if version.reference else f"{version.label}.parquet",
        columns=version.columns,
        table=table if table.description else table.model_copy(update={"description": version.description}),
        entries={entry.column: entry for entry in column_entries(transaction, name)},
        relationships=[one for one in all_relationships(transaction) if name in (one.dataset, one.to_dataset)],
        contract=seen_contract(transaction, contract) if contract else None,
        versions=[
            SheetVersion(
                label=one.label,
                tags=[tag.tag for tag in tags if tag.version == one.version],
                rows=one.rows,
                created=one.created,
                source=one.source or one.sql,
                standing=_standing(one),
            )
            for one in versions_of(transaction, name)
        ],
    )


def _standing(version: DatasetVersion) -> str:
    if version.collected:
        return f"rows collected on {version.collected:%Y-%m-%d}"
    return f"kept aside: {version.held}" if version.held else ""
