"""Whether a canary's predictions came true less often than the champion's, among outcomes recorded since it began."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.monitoring.canary import Race, wide_limit
from mlsteward.store.deployment_events import began
from mlsteward.store.deployments import Deployment
from mlsteward.store.models import find_model
from mlsteward.store.outcomes import outcome_files
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY_MB = 256
# The champion's first outcomes of a regression, which say what a wide error is.
_FIRST = 100


@dataclass(frozen=True)
class Outcomes:
    """The accepted outcomes of a deployment with a canary, which runs since `since`."""

    deployment: Deployment
    files: tuple[str, ...]
    since: datetime
    classes: tuple[str, ...]


def canary_outcomes(t: Transaction, deployment: Deployment) -> Outcomes | None:
    """What there is to compare; None without a canary or outcomes."""
    if not deployment.canary or not (files := outcome_files(t, deployment.name)):
        return None
    since = began(t, deployment.name, deployment.canary_since)
    classes = find_model(t, deployment.model).classes
    return Outcomes(deployment, tuple(files), since, tuple(classes))


def worse_outcomes(workspace: Path, known: Outcomes) -> str:
    """Why the canary is to be stopped; "" where nothing says so.

    Rows of one request, and requests of one key, are answered by one model, so the first row of each counts.
    """
    from mlsteward.data.engine import connect, literal
    from mlsteward.serving.outcome_tables import outcome_tables
    from mlsteward.serving.prediction_log import prediction_tables

    deployment = known.deployment
    predictions = prediction_tables(workspace, deployment.name)
    outcomes = outcome_tables(workspace, known.files, predictions, known.classes)
    since = known.since.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    models = f"{literal(deployment.model)}, {literal(deployment.canary_model)}"
    judged = f"""
        SELECT coalesce(p.key, p.request_id) AS lot, p.prediction_id, p.role = 'canary' AS canary, p.time,
            NOT o.correct AS wrong,
            abs(try_cast(o.outcome AS DOUBLE) - try_cast(p.prediction AS DOUBLE)) AS apart
        FROM {predictions} AS p JOIN ({outcomes}) AS o ON o.prediction_id = p.prediction_id
        WHERE p.role IN ('champion', 'canary') AND p.model IN ({models}) AND p.time >= TIMESTAMP {literal(since)}
        QUALIFY row_number() OVER (PARTITION BY p.request_id ORDER BY p.prediction_id) = 1
    """
    once = f"SELECT * FROM ({judged}) QUALIFY row_number() OVER (PARTITION BY lot ORDER BY prediction_id) = 1"
    with connect(memory_mb=_MEMORY_MB, threads=1) as connection:
        connection.execute(f"CREATE TEMP TABLE judged AS {once}")
        counts = _counts(connection, regression=not known.classes)
    race = Race(what="wrong predictions", champion=counts[1], canary=counts[3])
    if not race.canary or not race.is_worse(deployment.canary):
        return ""
    words = race.words(deployment.canary, counts[0], counts[2])
    return f"{deployment.canary_model} did worse than {deployment.model}: {words}"


def _counts(connection: "DuckDBPyConnection", *, regression: bool) -> tuple[int, int, int, int]:
    """Outcomes and wrong predictions of the champion, then of the canary."""
    wrong, after = "wrong", "true"
    if regression:
        first = connection.execute(
            f"SELECT apart, time FROM judged WHERE NOT canary AND apart IS NOT NULL ORDER BY time LIMIT {_FIRST}"
        ).fetchall()
        if len(first) < _FIRST:
            return 0, 0, 0, 0
        wrong = f"apart > {wide_limit([apart for apart, _ in first])!r}"
        after = f"time > TIMESTAMP '{first[-1][1].isoformat(sep=' ')}'"
    found = connection.execute(
        f"SELECT canary, count({wrong}), count(*) FILTER ({wrong}) FROM judged WHERE {after} GROUP BY canary"
    ).fetchall()
    by_role = {bool(canary): (int(known), int(bad)) for canary, known, bad in found}
    return *by_role.get(False, (0, 0)), *by_role.get(True, (0, 0))
