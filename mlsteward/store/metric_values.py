"""Values of metrics: measured by the query process as their reader sees the data, and kept while the data stays."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlsteward.data.sql.statement import Statement
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.link import Link
from mlsteward.dictionary.metric import MetricValue, same_data, values_of
from mlsteward.errors import InvalidSQL, NotSupported, Refused, StewardError, StoreBusy
from mlsteward.lineage.edge import Edge, column_asset, dataset_asset
from mlsteward.names import parse_reference
from mlsteward.store.datasets import find_dataset
from mlsteward.store.dictionary import find_entry
from mlsteward.store.lineage import add_edges
from mlsteward.store.links import link_reads, links_of
from mlsteward.store.meta import find_tables
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.workspace import Workspace

# A statement that failed is not tried again by every look.
_TRY_AGAIN = timedelta(minutes=10)
_MOST_KEPT = 20
_FIELDS = 'datasets masked "values" error measured'.split()
_NAMES = [name.strip('"') for name in _FIELDS]
_MOST_COLUMNS = 30
_ALL_COLUMNS = "any of its columns"


def measure(workspace: "Workspace", sql: str) -> MetricValue:
    """The value of a metric's statement on the versions it names, as the workspace's reader sees them.

    Raises InvalidSQL where the statement fails or gives no number.
    """
    datasets: dict[str, str] = {}
    masked: list[str] = []

    def find(statement: Statement) -> Any:
        _check_tables(statement)

        def read(t: Transaction) -> Any:
            datasets.update(_labels(t, statement.datasets))
            masked.extend(_masked(t, datasets))
            return find_tables(t, statement, workspace.folder, Path(scratch))

        return workspace.store.read(read)

    with workspace.queries.scratch() as scratch:
        result = workspace.queries.query(sql, find, limit=2)
    return MetricValue(values=values_of(result), datasets=datasets, masked=masked, measured=datetime.now(UTC))


def current_value(workspace: "Workspace", term: Entry) -> MetricValue:
    """The value of a metric on the newest versions: the one kept, or measured now where the data moved.

    Where it reads columns that the reader may not see, it says so: without them it would be another number.
    """

    def read(t: Transaction) -> tuple[Entry, MetricValue | None]:
        # The reader's own entry may leave out the SQL.
        whole = find_entry(t.whole, term.asset)
        return whole, _hidden(t, whole) or _still_good(t, whole)

    whole, known = workspace.store.read(read)
    if known:
        return known
    try:
        value = measure(workspace, whole.sql)
    except StoreBusy:
        raise
    except StewardError as error:
        words = error.said()
        value = workspace.store.read(lambda t: _failed(t, whole, words))
    workspace.store.write(lambda t: keep_value(t, whole, value))
    return value


def keep_value(transaction: Transaction, term: Entry, value: MetricValue) -> None:
    """Keep a value beside those on other versions, in place of one on the same data."""
    same = [term.asset, term.sql, json.dumps(value.datasets), json.dumps(value.masked)]
    transaction.execute(
        "DELETE FROM metric_values WHERE term = ? AND sql = ? AND datasets = ? AND masked = ?",
        same,
    )
    fields = value.model_dump() | {"datasets": same[2], "masked": same[3]}
    transaction.insert("metric_values", [{"term": term.asset, "sql": term.sql, **fields}])
    if not value.error:
        add_edges(transaction, _edges(transaction, term, value))


def values_over_time(transaction: Transaction, term: Entry) -> list[MetricValue]:
    """What a metric gave on versions so far, newest first, as far as the reader may see all that it read."""
    kept = _kept(transaction, term)
    return [value for value in kept if value.masked == _masked(transaction, value.datasets)]


class Reads(NamedTuple):
    """The datasets and columns that a metric's statement reads; with `all_columns`, too many columns to name."""

    assets: list[str]
    all_columns: bool = False


def metric_reads(workspace: "Workspace", sql: str) -> Reads:
    """What a metric's statement reads. Raises InvalidSQL, and Refused where its writer may not see all of that."""
    from mlsteward.lineage.columns import column_lineage  # opens an engine: only who defines a metric needs it

    statement = workspace.queries.read(sql)
    _check_tables(statement)
    schemas = workspace.store.read(lambda t: {table: _columns(t, table) for table in statement.datasets})
    edges = column_lineage(sql, schemas)
    columns = {f"column:{edge.source_table.partition('@')[0]}.{edge.source_column}" for edge in edges}
    too_many = len(columns) > _MOST_COLUMNS or any(edge.subtype == "UNKNOWN" for edge in edges)
    datasets = {f"dataset:{table.partition('@')[0]}" for table in schemas}
    reads = Reads(sorted(datasets if too_many else datasets | columns), too_many)
    if hidden := workspace.store.read(lambda t: _masked_of(t, reads)):
        raise Refused(f"The metric would read {', '.join(hidden)}, masked for you.", next="list_datasets()")
    return reads


def set_reads(transaction: Transaction, term: str, reads: Reads, actor: str) -> list[Link]:
    """Link a metric to what its statement reads now."""
    return link_reads(transaction, term, reads.assets, actor, reason=_ALL_COLUMNS if reads.all_columns else "")


def _columns(transaction: Transaction, table: str) -> list[str]:
    return [column.name for column in find_dataset(transaction, table).columns]


def _masked_of(transaction: Transaction, reads: Reads) -> list[str]:
    """The columns among what a statement reads that are masked."""
    hidden: list[str] = []
    for asset in map(parse_reference, reads.assets):
        masked = transaction.masks.of(asset.name)
        if reads.all_columns:
            hidden += [f"{asset.name}.{column}" for column in masked]
        elif asset.column.casefold() in masked:
            hidden.append(f"{asset.name}.{asset.column}")
    return hidden


def _hidden(transaction: Transaction, term: Entry) -> MetricValue | None:
    if not transaction.masks.hidden:
        return None
    links = [link for link in links_of(transaction, term.asset) if link.origin == "sql" and link.state == "approved"]
    reads = Reads([link.asset for link in links], any(link.reason == _ALL_COLUMNS for link in links))
    hidden = _masked_of(transaction, reads)
    words = f"it reads {', '.join(hidden)}, masked for you"
    return MetricValue(datasets={}, error=words, measured=datetime.now(UTC)) if hidden else None


def _check_tables(statement: Statement) -> None:
    if statement.metadata:
        raise NotSupported(
            f"A metric cannot be made from {statement.metadata[0]}: metadata changes with every call.",
            next=f'query_data(sql="FROM {statement.metadata[0]}")',
        )
    if not statement.datasets:
        raise InvalidSQL("A metric reads a dataset, and this statement reads none.", next="list_datasets()")


def _labels(transaction: Transaction, tables: Sequence[str]) -> dict[str, str]:
    return {table: find_dataset(transaction, table).label for table in tables}


def _masked(transaction: Transaction, datasets: Mapping[str, str]) -> list[str]:
    """The columns of datasets, whatever their version, that the reader may not see."""
    names = {label.partition("@")[0] for label in datasets.values()}
    return sorted(f"{name}.{column}" for name in names for column in transaction.masks.of(name))


def _still_good(transaction: Transaction, term: Entry) -> MetricValue | None:
    kept = _kept(transaction, term)
    if not kept:
        return None
    datasets = _labels(transaction, list(kept[0].datasets))
    masked = _masked(transaction, datasets)
    for value in kept:
        if same_data(value, datasets, masked) and (not value.error or _is_recent(value)):
            return value
    return None


def _is_recent(value: MetricValue) -> bool:
    return datetime.now(UTC) - value.measured < _TRY_AGAIN


def _failed(transaction: Transaction, term: Entry, error: str) -> MetricValue:
    kept = _kept(transaction, term)
    datasets = _labels(transaction, list(kept[0].datasets)) if kept else {}
    return MetricValue(
        datasets=datasets, masked=_masked(transaction, datasets), error=error, measured=datetime.now(UTC)
    )


def _edges(transaction: Transaction, term: Entry, value: MetricValue) -> list[Edge]:
    """What the value was measured on: versions of datasets, and the columns of theirs that are read."""
    reads = [parse_reference(link.asset) for link in links_of(transaction, term.asset) if link.origin == "sql"]
    labels = {label.partition("@")[0]: label for label in value.datasets.values()}
    sources = [dataset_asset(label) for label in labels.values()]
    sources += [column_asset(labels[one.name], one.column) for one in reads if one.column and one.name in labels]
    return [Edge(source=source, target=term.asset, kind="metric") for source in sources]


def _kept(transaction: Transaction, term: Entry) -> list[MetricValue]:
    rows: list[tuple[Any, ...]] = transaction.rows(
        f"SELECT {', '.join(_FIELDS)} FROM metric_values WHERE term = ? AND sql = ?"
        f" ORDER BY measured DESC LIMIT {_MOST_KEPT}",
        [term.asset, term.sql],
    )
    found: list[MetricValue] = []
    for row in rows:
        fields = dict(zip(_NAMES, row, strict=True))
        for name in ("datasets", "masked", "values"):
            fields[name] = json.loads(fields[name])
        found.append(MetricValue.model_validate(fields))
    return found
