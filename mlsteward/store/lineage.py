"""What was made from what."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mlsteward.lineage.edge import Edge, without_version
from mlsteward.lineage.graph import Step, Walk, Way, path_between, walk
from mlsteward.lineage.steps import TransformStep
from mlsteward.names import parse_reference
from mlsteward.store.changes import count_change
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.transaction import Transaction, listed

_FAR = 20


class Use(NamedTuple):
    """A run that used a model."""

    run: int
    kind: str
    dataset: str


def add_edges(transaction: Transaction, edges: Sequence[Edge]) -> None:
    """Record what came out of what. An edge that is there already (same ends, kind and run) is not recorded again."""
    if not edges:
        return
    known = {_identity(edge) for edge in edges_to(transaction, [edge.target for edge in edges])}
    new = {_identity(edge): edge for edge in edges if _identity(edge) not in known}
    now = datetime.now(UTC)
    transaction.insert("lineage", [{**edge.model_dump(), "created": now} for edge in new.values()])
    if any(edge.kind == "transform" for edge in new.values()):
        # Which datasets are stale is remembered beside the dictionary.
        count_change(transaction)


def edges_from(transaction: Transaction, assets: Sequence[str]) -> list[Edge]:
    """The edges that leave any of `assets`, as they were recorded."""
    return _edges(transaction, "source", assets)


def edges_to(transaction: Transaction, assets: Sequence[str]) -> list[Edge]:
    """The edges that reach any of `assets`, as they were recorded."""
    return _edges(transaction, "target", assets)


def edges_of_run(transaction: Transaction, run: int) -> list[Edge]:
    """The edges that a run made."""
    return _edges(transaction, "run", [run])


def models_of_runs(transaction: Transaction, runs: Sequence[int]) -> list[str]:
    """The labels of the models that runs left, of a run without one its own."""
    rows = transaction.rows(f"SELECT run, name, version FROM models WHERE name <> '' AND run IN {listed(runs)}")
    labels = {run: f"{name}@{version}" for run, name, version in rows}
    return [labels.get(run, f"run:{run}") for run in runs]


def walk_lineage(transaction: Transaction, start: Sequence[str], way: Way, depth: int) -> Walk:
    """What lies upstream or downstream of `start`, in the store."""

    return walk(start, way, _step(transaction), depth=depth)


def path_of(transaction: Transaction, start: Sequence[str], goals: Sequence[str], depth: int) -> list[Edge]:
    """The edges of a shortest way from any of `start` to any of `goals`, or back; [] where there is none."""
    return path_between(start, goals, _step(transaction), depth=depth)


def _step(transaction: Transaction) -> Step:
    def step(assets: Sequence[str], way: Way) -> list[Edge]:
        return edges_from(transaction, assets) if way == "downstream" else edges_to(transaction, assets)

    return step


def downstream_of(transaction: Transaction, asset: str, depth: int = _FAR) -> list[str]:
    """What was made from an asset, the nearest first; without a version, from any of its versions."""
    return walk_lineage(transaction, versions_in_lineage(transaction, asset), "downstream", depth).reached


def upstream_of(transaction: Transaction, asset: str, depth: int = _FAR) -> list[str]:
    """What an asset was made from, the nearest first; without a version, what any of its versions was."""
    return walk_lineage(transaction, versions_in_lineage(transaction, asset), "upstream", depth).reached


def versions_in_lineage(transaction: Transaction, asset: str) -> list[str]:
    """The assets that `dataset:flights`, `column:flights.dep_delay` or `model:delay` stands for, newest first.

    An asset with a version, or of a kind that has none, stands for itself; of names that no edge has, too.
    """
    if asset != without_version(asset) or not asset.startswith(("dataset:", "column:", "model:")):
        return [asset]
    kind, _, rest = asset.partition(":")
    name, _, column = rest.partition(".")
    rows = transaction.rows(
        "SELECT DISTINCT asset FROM (SELECT source AS asset FROM lineage UNION SELECT target FROM lineage)"
        " WHERE starts_with(asset, ?)",
        [f"{kind}:{name}@"],
    )
    found = [other for (other,) in rows if other.partition(".")[2].casefold() == column.casefold()]
    return sorted(found, key=_version_number, reverse=True) or [asset]


def _version_number(asset: str) -> int:
    version = parse_reference(asset).version
    return int(version) if version.isdigit() else 0


def _edges(transaction: Transaction, end: str, values: Sequence[object]) -> list[Edge]:
    wanted = list(dict.fromkeys(values))
    if not wanted:
        return []
    rows = transaction.rows(
        f"SELECT source, target, kind, run, detail FROM lineage WHERE {end} IN (SELECT unnest(?)) ORDER BY rowid",
        [wanted],
    )
    return [
        Edge(source=source, target=target, kind=kind, run=run, detail=json.loads(detail))
        for source, target, kind, run, detail in rows
    ]


def _identity(edge: Edge) -> tuple[str, str, str, int | None]:
    return edge.source, edge.target, edge.kind, edge.run


def transforms_of(transaction: Transaction, dataset: str) -> list[TransformStep]:
    """The statements that made a version, the farthest first."""
    return [
        TransformStep(
            dataset=version.label,
            sql=version.sql,
            sources=[source.removeprefix("dataset:") for source in version.sources],
        )
        for version in origins_of(transaction, dataset)
        if version.sql
    ]


def origins_of(transaction: Transaction, dataset: str) -> list[DatasetVersion]:
    """A dataset's version and all that it was made from, the farthest first; [] for the label ""."""
    found: dict[str, DatasetVersion] = {}
    pending = [dataset] if dataset else []
    while pending:
        label = pending.pop()
        if label not in found:
            found[label] = find_dataset(transaction, label, rows=False)
            pending += found[label].sources
    return list(found.values())[::-1]


def uses_of_model(transaction: Transaction, label: str) -> list[Use]:
    """The runs whose parameter `model` is this version of a model, newest first, at most 50."""
    rows = transaction.rows(
        "SELECT number, kind, dataset FROM runs WHERE json_extract_string(params, '$.model') = ?"
        " ORDER BY number DESC LIMIT 50",
        [label],
    )
    return [Use(*row) for row in rows]
