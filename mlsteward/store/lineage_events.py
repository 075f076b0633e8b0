"""The lineage events of runs, read from the store, and how far each sink was told of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from mlsteward.data.profile import ColumnProfile
from mlsteward.exchange.openlineage import (
    Assertion,
    DatasetFacts,
    Dependency,
    Ending,
    Field,
    Metrics,
    Parent,
    RunFacts,
    run_id,
)
from mlsteward.exchange.openlineage_names import external_dataset, job_name, masked_message
from mlsteward.lineage.edge import COLUMN, OF_COLUMNS, SOURCE, Edge, dataset_asset, table_of
from mlsteward.names import parse_reference
from mlsteward.store.check_results import results_of_run
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.dictionary import entries_of
from mlsteward.store.lineage import edges_of_run
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import Run, get_run
from mlsteward.store.transaction import Transaction

_ENDINGS: dict[str, Ending] = {"completed": "COMPLETE", "failed": "FAIL", "lost": "FAIL", "cancelled": "ABORT"}
# What a run of these kinds has as its dataset is what it made.
_MAKERS = frozenset({"register", "transform"})
BATCH = 20
_ENDED = ", ".join(f"'{state}'" for state in _ENDINGS)
_UNTOLD = f"""
    FROM runs AS r LEFT JOIN openlineage_told AS o ON o.run = r.number AND o.sink = ?
    WHERE r.number > ? AND (r.state IN ({_ENDED}) OR (r.state = 'running' AND o.run IS NULL))
        AND NOT coalesce(o.ended, false)
"""


class Untold(NamedTuple):
    """A run of which a sink has something to be told: that it began, that it ended, or both."""

    run: int
    start: bool
    end: bool


def run_facts(t: Transaction, number: int, namespace: str, parent: Parent | None = None) -> RunFacts:
    """What the events of a run say, as the transaction's reader may see it."""
    run = get_run(t, number)
    edges = edges_of_run(t, number)
    return RunFacts(
        id=run_id(workspace_identity(t), number),
        namespace=namespace,
        job=job_name(run.kind, run.name or run.dataset),
        kind=run.kind,
        # When a worker took it up is known for sure only when it has ended, and the first event is sent before.
        started=run.created,
        ended=max(run.finished or run.created, run.created),
        ending=_ENDINGS.get(run.state),
        error=masked_message(run.error),
        reason=run.reason,
        sql=str(run.params.get("sql", "")),
        tags={"run": str(run.number), "actor": run.actor, "client": run.client},
        parent=parent,
        tests=[] if run.kind == "check" else _assertions(t, run),
        inputs=_inputs(t, run, edges, namespace),
        outputs=_outputs(t, run, edges, namespace),
    )


def workspace_identity(t: Transaction) -> str:
    """What this workspace is called in identifiers that other systems keep."""
    (identity,) = t.rows("SELECT id FROM workspace_identity")[0]
    return str(UUID(identity))


def _of_tables(edges: Sequence[Edge]) -> list[Edge]:
    return [one for one in edges if one.kind not in OF_COLUMNS and not one.target.startswith((COLUMN, "alert:"))]


def _inputs(t: Transaction, run: Run, edges: Sequence[Edge], namespace: str) -> list[DatasetFacts]:
    assets = dict.fromkeys(one.source for one in _of_tables(edges))
    if not assets and run.dataset and run.kind not in _MAKERS:
        # It failed, or left no judgement: still it is known what it looked at.
        assets = dict.fromkeys([dataset_asset(run.dataset)])
    found = [_facts(t, asset, namespace) for asset in assets]
    if run.kind == "check":
        return [one.model_copy(update={"assertions": _assertions(t, run, one.name)}) for one in found]
    return [one.model_copy(update={"metrics": {}}) for one in found]


def _outputs(t: Transaction, run: Run, edges: Sequence[Edge], namespace: str) -> list[DatasetFacts]:
    own = _of_tables(edges)
    # A model without a name is its run; what only looked at things points to its run too, and leaves no dataset.
    targets = dict.fromkeys(one.target for one in own if one.target != run.label or run.kind == "train")
    return [
        _facts(t, asset, namespace).model_copy(update={"dependencies": _dependencies(edges, asset, run, namespace)})
        for asset in targets
    ]


def _dependencies(edges: Sequence[Edge], asset: str, run: Run, namespace: str) -> list[Dependency]:
    """What each column of an output comes from; a model's one column is what it predicts."""
    found: list[Dependency] = []
    for edge in edges:
        if edge.kind == "column" and asset in (edge.target, table_of(edge.target)):
            field = _column(edge.target) if edge.target.startswith(COLUMN) else ""
            type_, subtype = edge.detail["type"], edge.detail["subtype"]
        elif edge.kind == "feature" and edge.target == asset:
            field, type_, subtype = run.target, "DIRECT", "TRANSFORMATION"
        else:
            continue
        found.append(
            Dependency(
                field=field,
                namespace=namespace,
                dataset=parse_reference(table_of(edge.source)).name,
                column=_column(edge.source),
                type=type_,
                subtype=subtype,
            )
        )
    return found


def _column(asset: str) -> str:
    return asset.removeprefix(COLUMN).partition(".")[2]


def _facts(t: Transaction, asset: str, namespace: str) -> DatasetFacts:
    if asset.startswith(SOURCE):
        outside = external_dataset(asset.removeprefix(SOURCE), namespace)
        return DatasetFacts(namespace=outside.namespace, name=outside.name, kind="FILE", uri=outside.uri)
    if asset.startswith("dataset:"):
        return _dataset(t, find_dataset(t, asset, rows=False), namespace)
    return _model(find_model(t, asset), namespace)


def _dataset(t: Transaction, version: DatasetVersion, namespace: str) -> DatasetFacts:
    entries = entries_of(t, version.name)
    words = {entry.column: entry for entry in entries}
    table = words.get("")
    return DatasetFacts(
        namespace=namespace,
        name=version.name,
        version=str(version.version),
        description=(table.description if table else "") or version.description,
        owner=table.owner if table else "",
        uri=external_dataset(version.source, namespace).uri if version.source else "",
        fields=[
            Field(name=column.name, type=column.type, description=words[column.name].description)
            if column.name in words
            else Field(name=column.name, type=column.type)
            for column in version.columns
        ],
        rows=version.rows,
        bytes=version.bytes,
        metrics={column.name: _metrics(column) for column in version.profile.columns},
    )


def _metrics(column: ColumnProfile) -> Metrics:
    numeric = column.family == "number" and not column.masked
    low, high = column.minimum, column.maximum
    return Metrics(
        nulls=column.nulls,
        distinct=column.distinct,
        rows=column.rows,
        minimum=low if numeric and not isinstance(low, str) else None,
        maximum=high if numeric and not isinstance(high, str) else None,
        quantiles=column.quantiles if numeric else {},
    )


def _model(model: Model, namespace: str) -> DatasetFacts:
    """A model as a dataset of one column, what it predicts."""
    return DatasetFacts(
        namespace=namespace,
        name=f"models/{model.name or f'run-{model.run}'}",
        kind="MODEL",
        version=str(model.version or model.run),
        description=f"{model.estimator or 'A model'} for {model.task} of {model.target}.",
        fields=[Field(name=model.target)],
    )


def _assertions(t: Transaction, run: Run, dataset: str = "") -> list[Assertion]:
    """What came of the run's checks, of those of one dataset where it is named."""
    return [
        Assertion(
            name=one.check,
            column=one.column,
            passed=one.passed,
            severity=one.severity,
            actual="" if one.value is None else f"{one.value:g}",
            words=one.words,
        )
        for one in results_of_run(t, run.number)
        if dataset in ("", one.dataset)
    ]


def runs_since(t: Transaction, since: datetime | None) -> list[int]:
    """The numbers of the runs made since a moment that have begun."""
    where, values = ("AND created >= ?", [since]) if since else ("", [])
    rows = t.rows(f"SELECT number FROM runs WHERE state NOT IN ('queued', 'waiting') {where} ORDER BY number", values)
    return [number for (number,) in rows]


def untold_runs(t: Transaction, sink: str, since: datetime) -> list[Untold]:
    """The oldest runs that a sink has something to be told of; of a new sink, those made after `since`."""
    known = t.row("SELECT told FROM openlineage_sinks WHERE sink = ?", [sink])
    if known is None:
        row = t.row("SELECT coalesce(max(number), 0) FROM runs WHERE created < ?", [since])
        known = (row[0] if row else 0,)
        t.insert("openlineage_sinks", [{"sink": sink, "told": known[0]}])
    rows = t.rows(
        f"SELECT r.number, o.run IS NULL, r.state IN ({_ENDED}) {_UNTOLD} ORDER BY r.number LIMIT ?",
        [sink, known[0], BATCH],
    )
    return [Untold(*row) for row in rows]


def count_untold(t: Transaction, sink: str) -> int:
    """How many runs a sink has something to be told of."""
    known = t.row("SELECT told FROM openlineage_sinks WHERE sink = ?", [sink])
    found = t.row(f"SELECT count(*) {_UNTOLD}", [sink, known[0]]) if known else None
    return found[0] if found else 0


def mark_told(t: Transaction, sink: str, told: Untold) -> None:
    """A sink has been told this; where it was told all of the runs up to one, that is written shorter."""
    t.execute("DELETE FROM openlineage_told WHERE sink = ? AND run = ?", [sink, told.run])
    t.insert("openlineage_told", [{"sink": sink, "run": told.run, "ended": told.end}])
    t.execute(
        "UPDATE openlineage_sinks SET told = coalesce((SELECT min(r.number) - 1 FROM runs AS r"
        " LEFT JOIN openlineage_told AS o ON o.run = r.number AND o.sink = $1"
        " WHERE r.number > openlineage_sinks.told AND NOT coalesce(o.ended, false)), (SELECT max(number) FROM runs))"
        " WHERE sink = $1",
        [sink],
    )
    t.execute(
        "DELETE FROM openlineage_told WHERE sink = $1 AND run <= (SELECT told FROM openlineage_sinks WHERE sink = $1)",
        [sink],
    )
