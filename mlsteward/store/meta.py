"""What SQL of callers reads besides datasets: the store's tables under `meta.`, copied out of the store."""

from pathlib import Path

from mlsteward.data.engine import literal
from mlsteward.data.sql.statement import METADATA_SCHEMA, Statement, Table
from mlsteward.errors import NotFound
from mlsteward.names import close_names
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.masked_sql import seen_table
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
            schema_hash, run, actor, created, held, collected
        FROM dataset_versions
    """,
    "dataset_tags": "SELECT dataset, tag, version, actor, created FROM dataset_tags",
    "columns": """
        SELECT dataset, column_name AS name, position, type, description, business_name, unit, role, owner, tags,
            sensitivity, available_at, allowed_values, usage, actor, changed
        FROM dictionary AS d
        WHERE kind = 'column' AND NOT gone
            AND version = (SELECT max(o.version) FROM dictionary AS o WHERE o.asset = d.asset)
    """,
    "relationships": """
        SELECT dataset, columns, to_dataset, to_columns, coverage, value_coverage, rows, found FROM relationships
    """,
    "terms": """
        SELECT asset, business_name AS term, description AS definition, synonyms, sql, status, since, review_by, owner,
            tags, unit, version, actor, changed
        FROM dictionary AS d
        WHERE kind = 'term' AND version = (SELECT max(o.version) FROM dictionary AS o WHERE o.asset = d.asset)
    """,
    "links": """
        SELECT term, asset, state, origin, confidence, reason, actor, changed
        FROM links AS l
        WHERE version = (SELECT max(o.version) FROM links AS o WHERE o.term = l.term AND o.asset = l.asset)
    """,
    "comments": "SELECT number, asset, version, text, rating, actor, created FROM comments",
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
    "aliases": """
        SELECT model, alias, version, previous, run, actor, reason, created,
            number = (SELECT max(o.number) FROM alias_changes AS o WHERE o.model = a.model AND o.alias = a.alias)
                AS in_force
        FROM alias_changes AS a
    """,
    "gate_results": """
        SELECT run, model, gate, outcome, blocks AS refuses, value, low, high, limit_value AS "limit", words, created
        FROM gate_results
    """,
    "contracts": """
        SELECT dataset, version, mode, json_array_length(columns) AS columns, json_array_length(checks) AS checks,
            dropped, actor, created
        FROM contracts
    """,
    "checks": """
        SELECT run, dataset, version, pillar, check_name AS name, column_name, severity, passed, value, words, created
        FROM check_results
    """,
    "labels": """
        SELECT dataset, column_name AS "column", row_name AS "row", value, annotator, actor, created, run FROM labels
    """,
    "outcome_segments": """
        SELECT run, deployment, source, rows, actor, recorded FROM outcome_segments
    """,
    "monitors": """
        SELECT deployment, every_seconds, budget_days, on_alert, season, actor, changed, stopped, due, last_run
        FROM monitors
    """,
    "alerts": """
        SELECT number, asset, check_name AS "check", severity, state, first_seen, last_seen, count, version, run,
            downstream
        FROM alerts
    """,
    "deployments": """
        SELECT name, revision, asked, model, shadow_model, canary, canary_model, wanted, state, words, host, port, run,
            actor, created, changed
        FROM deployments
    """,
    "deployment_events": """
        SELECT number, deployment, revision, event, asked, model, shadow_model, canary, canary_model, words, run,
            actor, created
        FROM deployment_events
    """,
    "lineage": "SELECT source, target, kind, run, detail, created FROM lineage",
    "activity": "SELECT number, created, actor, client, action, asset, why, run, hash FROM activity",
}


def find_tables(transaction: Transaction, statement: Statement, workspace: Path, scratch: Path) -> dict[str, Table]:
    """The Parquet file of each table that `statement` names, and what of it the reader may not see.

    Metadata is copied into `scratch`, without what is masked; predictions are for `serving.seen_predictions` to find.
    Raises NotFound.
    """
    versions = {name: _find_version(transaction, name) for name in statement.datasets}
    tables = {name: seen_rows(transaction, workspace, version) for name, version in versions.items()}
    copied = [name for name in statement.metadata if name.startswith(f"{METADATA_SCHEMA}.")]
    return tables | {name: Table(_copy_out(transaction, name, scratch)) for name in copied}


def seen_rows(transaction: Transaction, workspace: Path, version: DatasetVersion, *, without: bool = False) -> Table:
    """The rows of a version as its reader may see them; `without` leaves masked columns out, else they are empty."""
    masked = transaction.masks.among(version.name, [column.name for column in version.columns])
    return Table(workspace / version.snapshot, tuple(masked.items()), without)


def _find_version(transaction: Transaction, name: str) -> DatasetVersion:
    try:
        return find_dataset(transaction, name)
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
    select = seen_table(transaction.masks, name, METADATA[name])
    transaction.execute(f"COPY ({select}) TO {literal(str(file))} (FORMAT parquet)")
    return file
