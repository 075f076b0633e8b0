"""What SQL of callers reads besides datasets: the store's tables under `meta.`, copied out of the store."""

from pathlib import Path

from mlsteward.data.engine import literal
from mlsteward.data.sql.statement import METADATA_SCHEMA, Statement
from mlsteward.errors import NotFound
from mlsteward.names import close_names
from mlsteward.store.datasets import find_dataset
from mlsteward.store.transaction import Transaction

METADATA = {
    "datasets": """
        SELECT v.name, v.version, d.family, d.description, v.rows, json_array_length(v.columns) AS columns, v.bytes,
            v.source, v.sources, v.fingerprint, v.run, v.actor, v.created
        FROM dataset_versions AS v JOIN datasets AS d ON d.name = v.name
        WHERE v.version = (SELECT max(o.version) FROM dataset_versions AS o WHERE o.name = v.name AND o.held = '')
    """,
    "dataset_versions": """
        SELECT name, version, rows, json_array_length(columns) AS columns, bytes, source, sources, sql, fingerprint,
            schema_hash, run, actor, created, held
        FROM dataset_versions
    """,
    "columns": """
        SELECT dataset, column_name AS name, position, type, description, business_name, unit, role, owner, tags,
            sensitivity, available_at, allowed_values, usage, actor, changed
        FROM dictionary AS d
        WHERE kind = 'column' AND NOT gone
            AND version = (SELECT max(o.version) FROM dictionary AS o WHERE o.asset = d.asset)
    """,
    "relationships": "SELECT dataset, columns, to_dataset, to_columns, coverage, rows, found FROM relationships",
    "runs": """
        SELECT number, kind, name, state, dataset, target, params, tags, actor, client, reason, created, started,
            finished, wall_seconds, cpu_seconds, peak_memory_mb, error
        FROM runs
    """,
    "metrics": "SELECT run, split, name, step, value, low, high FROM metrics",
    "latest_metrics": "SELECT run, split, name, step, value, low, high FROM latest_metrics",
    "models": """
        SELECT name, version, run, task, target, dataset, estimator, metric, metrics, threshold, classes, actor, created
        FROM models
    """,
    "contracts": "SELECT dataset, version, mode, columns, checks, dropped, actor, created FROM contracts",
    "activity": "SELECT number, created, actor, client, action, asset, why, run, hash FROM activity",
}


def find_tables(transaction: Transaction, statement: Statement, workspace: Path, scratch: Path) -> dict[str, Path]:
    """The Parquet file of each table that `statement` names; metadata is copied into `scratch`. Raises NotFound."""
    tables = {name: workspace / _find_snapshot(transaction, name) for name in statement.datasets}
    return tables | {name: _copy_out(transaction, name, scratch) for name in statement.metadata}


def _find_snapshot(transaction: Transaction, name: str) -> str:
    try:
        return find_dataset(transaction, name).snapshot
    except NotFound as error:
        if name not in METADATA:
            raise
        raise NotFound(error.message, close=[f"{METADATA_SCHEMA}.{name}", *error.close], next=error.next) from None


def _copy_out(transaction: Transaction, table: str, scratch: Path) -> Path:
    name = table.removeprefix(f"{METADATA_SCHEMA}.")
    if name not in METADATA:
        known = ", ".join(f"{METADATA_SCHEMA}.{other}" for other in METADATA)
        close = [f"{METADATA_SCHEMA}.{other}" for other in close_names(name, METADATA)]
        raise NotFound(f"There is no table `{table}`; metadata stands in {known}.", close=close)
    file = scratch / f"{name}.parquet"
    transaction.execute(f"COPY ({METADATA[name]}) TO {literal(str(file))} (FORMAT parquet)")
    return file
