"""Predictions and outcomes of deployments as tables of SQL, for a reader who may not see everything."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.engine import connect, literal
from mlsteward.data.sql.statement import OUTCOMES_SCHEMA, PREDICTIONS_SCHEMA, Statement, Table
from mlsteward.dictionary.sensitivity import FULL, higher
from mlsteward.errors import NotFound
from mlsteward.names import close_names
from mlsteward.serving.endpoint.desired import DEPLOYMENTS, EndpointFolder
from mlsteward.serving.outcome_tables import COLUMNS as OUTCOME_COLUMNS
from mlsteward.serving.prediction_log import FEATURES, find_segments, prediction_tables, relation
from mlsteward.store.deployments import find_deployment
from mlsteward.store.models import find_model
from mlsteward.store.outcomes import outcome_files
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.workspace import Workspace

_MEMORY_MB = 256
# What tells of the target, of the features, of whom a row is about.
_SAID = ("prediction", "score", "scores")
# What tells of it in outcomes: somebody's words may tell of anything.
_TRUE = {"prediction": ("outcome", "correct", "why"), "key": ("key", "why")}


def find_predictions(workspace: "Workspace", statement: Statement, scratch: Path) -> dict[str, Table]:
    """The files of the prediction logs that a statement reads; what is not sealed yet is copied into `scratch`.

    Columns are masked that hold what the workspace's reader may not see. Raises NotFound.
    """
    return {
        f"{PREDICTIONS_SCHEMA}.{name}": _table(workspace, name, scratch) for name in statement.under(PREDICTIONS_SCHEMA)
    }


def find_outcomes(workspace: "Workspace", statement: Statement, scratch: Path) -> dict[str, Table]:
    """The accepted pieces of outcomes that a statement reads, every row as it was said, corrections among them.

    Columns are masked as in the predictions that they are about. Raises NotFound.
    """
    return {f"{OUTCOMES_SCHEMA}.{name}": _pieces(workspace, name, scratch) for name in statement.under(OUTCOMES_SCHEMA)}


def _pieces(workspace: "Workspace", name: str, scratch: Path) -> Table:
    store = workspace.store
    deployment = store.read(lambda t: find_deployment(t, name))
    files = [workspace.folder / file for file in store.read(lambda t: outcome_files(t, deployment.name))]
    if not files:
        files = [scratch / f"{OUTCOMES_SCHEMA}.{name}.parquet"]
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in OUTCOME_COLUMNS.items())
        with connect(memory_mb=_MEMORY_MB, threads=1) as connection:
            connection.execute(f"COPY (SELECT {nulls} WHERE false) TO {literal(str(files[0]))} (FORMAT parquet)")
    hidden = _masked(workspace, name, deployment.model)
    masked = {column: level for said, level in hidden.items() for column in _TRUE.get(said, ())}
    return Table(files[0], tuple(masked.items()), also=tuple(files[1:]))


def _table(workspace: "Workspace", name: str, scratch: Path) -> Table:
    folder = EndpointFolder.of(workspace.folder, name)
    if not folder.path.is_dir():
        raise _not_found(workspace.folder, name)
    sealed, lines = find_segments(folder.predictions)
    files = list(sealed)
    if lines or not sealed:
        files.append(scratch / f"{PREDICTIONS_SCHEMA}.{name}.parquet")
        with connect(memory_mb=_MEMORY_MB, threads=1) as connection:
            connection.execute(
                f"COPY (SELECT * FROM {relation([], lines)}) TO {literal(str(files[-1]))} (FORMAT parquet)"
            )
    return Table(files[0], tuple(_masked(workspace, name).items()), also=tuple(files[1:]))


def _not_found(workspace: Path, name: str) -> NotFound:
    known = [path.name for path in (workspace / DEPLOYMENTS).glob("*") if path.is_dir()]
    close = [f"{PREDICTIONS_SCHEMA}.{other}" for other in close_names(name, known)]
    return NotFound(
        f"There is no deployment {name!r}, so it has no predictions.", close=close, next="check_deployment()"
    )


def _masked(workspace: "Workspace", name: str, *models: str) -> dict[str, str]:
    """The columns that a reader may not see, with the level of what they tell of: the logged models and `models`."""
    if workspace.clearance == FULL:
        return {}
    with connect(memory_mb=_MEMORY_MB, threads=1) as connection:
        found = connection.execute(f"SELECT DISTINCT model FROM {prediction_tables(workspace.folder, name)}").fetchall()
    labels = list(dict.fromkeys([*(label for (label,) in found), *models]))
    return workspace.store.read(lambda transaction: _hidden(transaction, labels))


def _hidden(transaction: Transaction, labels: list[str]) -> dict[str, str]:
    """A log of features is one column: where one of them is masked all are, and so is whom a row is about."""
    masked: dict[str, str] = {}
    for label in labels:
        model = find_model(transaction, label)
        features = transaction.masks.among(model.dataset, [column.name for column in model.signature])
        for level in features.values():
            masked |= {column: higher(masked.get(column, ""), level) for column in (FEATURES, "key")}
        if level := transaction.masks.level(model.dataset, model.target):
            masked |= {column: higher(masked.get(column, ""), level) for column in _SAID}
    return masked
