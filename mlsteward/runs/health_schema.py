"""The schema pillar of a dataset's version, from what the store knows of it, its contract and its models."""

from mlsteward.contracts.check import Contract
from mlsteward.health.pillars import PillarReport
from mlsteward.health.schema_change import ColumnUse, SchemaColumn, schema_changes, schema_pillar
from mlsteward.lineage.edge import Edge, column_asset, without_version
from mlsteward.names import parse_reference
from mlsteward.store.datasets import DatasetVersion
from mlsteward.store.lineage import versions_in_lineage, walk_lineage
from mlsteward.store.transaction import Transaction

_FAR = 6


def schema_of(
    t: Transaction, version: DatasetVersion, previous: DatasetVersion | None, contract: Contract | None
) -> PillarReport:
    """Compare with the contract's columns where there is one, else with the previous version."""
    before = _columns(previous) if previous else []
    against = previous.label if previous else ""
    if contract and contract.columns:
        known = {column.name: column for column in before}
        before = [
            known.get(column.name, SchemaColumn(name=column.name, type=column.type)).model_copy(
                update={"type": column.type}
            )
            for column in contract.columns
        ]
        against = "the contract"
    changes = schema_changes(before, _columns(version)) if before else []
    promised = bool(contract and contract.columns)
    felt = [
        change
        if change.compatibility == "compatible"
        else change.model_copy(update={"uses": models_of_column(t, version.name, change.column), "promised": promised})
        for change in changes
    ]
    return schema_pillar(felt, against, len(version.columns))


def models_of_column(t: Transaction, dataset: str, column: str) -> list[ColumnUse]:
    """The models that use a column of any version of a dataset, or a column made from it: of each name the newest."""
    start = versions_in_lineage(t, without_version(column_asset(f"{dataset}@1", column)))
    walk = walk_lineage(t, start, "downstream", _FAR)
    uses: dict[str, ColumnUse] = {}
    for edge in walk.edges:
        use = _use(edge)
        if use is None:
            continue
        name, known = _name(use.model), uses.get(_name(use.model))
        if known is None or _number(use.model) > _number(known.model):
            uses[name] = use
    return sorted(uses.values(), key=lambda use: (use.rank or 1_000, use.model))


def _use(edge: Edge) -> ColumnUse | None:
    """What an edge from a column to a model says."""
    if edge.kind not in ("feature", "target"):
        return None
    rank = edge.detail.get("rank")
    return ColumnUse(
        model=edge.target.removeprefix("model:"),
        rank=rank if isinstance(rank, int) else None,
        target=edge.kind == "target",
    )


def _columns(version: DatasetVersion) -> list[SchemaColumn]:
    nulls = {column.name: column.nulls for column in version.profile.columns}
    return [
        SchemaColumn(
            name=column.name,
            type=column.type,
            fingerprint=version.column_fingerprints.get(column.name, ""),
            nulls=nulls.get(column.name),
        )
        for column in version.columns
    ]


def _name(model: str) -> str:
    return model.partition("@")[0]


def _number(model: str) -> int:
    version = parse_reference(model, default="model").version
    return int(version) if version.isdigit() else 0
