"""Predictions of a deployment as a table: what its endpoint wrote to segments, read by DuckDB.

Each row is one row that was asked about, and what one model said of it.
"""

from pathlib import Path

# Columns of every row, in this order; `features` follows, a struct of the values that the model read.
COLUMNS = {
    "prediction_id": "VARCHAR",
    "request_id": "VARCHAR",
    "time": "TIMESTAMP",
    "deployment": "VARCHAR",
    "model": "VARCHAR",
    "role": "VARCHAR",
    "key": "VARCHAR",
    "latency_ms": "DOUBLE",
    "error": "VARCHAR",
    "prediction": "VARCHAR",
    "score": "DOUBLE",
    "scores": "DOUBLE[]",
}


def prediction_tables(workspace: Path, deployment: str) -> str:
    """SQL of a relation of all predictions of a deployment: `SELECT … FROM {prediction_tables(…)}`.

    Sealed segments and the one that is being written; a row that was not written to its end is left out.
    """
    raise NotImplementedError(workspace, deployment)
