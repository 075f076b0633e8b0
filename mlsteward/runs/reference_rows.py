"""The rows that a model was trained and judged on, with what it predicts for them. Only worker code imports this."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mlsteward.data.engine import connect, literal
from mlsteward.data.frames import read_frame
from mlsteward.data.rows import hash_expression
from mlsteward.data.snapshot import Column
from mlsteward.errors import UnusableData
from mlsteward.evaluation.predictions import Predictions
from mlsteward.monitoring.fit_plan import rows_of
from mlsteward.monitoring.profiling import MonitoredRows
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.runs.judged_rows import TEST_ROWS, TRAIN_ROWS


@dataclass(frozen=True)
class ReferenceRows:
    """Rows with the predictions of models that did not see them, and (n,) numbers of what is independent."""

    rows: MonitoredRows
    units: np.ndarray


def read_reference(
    job: Job, model: JudgedModel, snapshot: Path, columns: Sequence[Column]
) -> tuple[ReferenceRows, ReferenceRows]:
    """The training rows with out-of-fold predictions, and the held-out rows.

    Raises UnusableData where the snapshot or the record of the predictions is gone.
    """
    folder = job.workspace / model.artifacts
    missing = [path.name for path in (snapshot, folder / TRAIN_ROWS, folder / TEST_ROWS) if not path.is_file()]
    if missing:
        raise UnusableData(f"What {model.label} was trained on is gone ({', '.join(missing)}).")
    used = {signed.name for signed in model.signature}
    chosen = [column for column in columns if column.name in used]
    hashes = {" features": hash_expression(chosen)}
    frame = read_frame(snapshot, chosen, expressions=hashes, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    features = frame.pop(" features").to_numpy(dtype=np.uint64)
    first = pd.Series(np.arange(len(features)), index=features)
    first = first[~first.index.duplicated()]
    found = [_read(folder / name, model, frame, first) for name in (TRAIN_ROWS, TEST_ROWS)]
    return found[0], found[1]


def _read(path: Path, model: JudgedModel, frame: pd.DataFrame, first: pd.Series) -> ReferenceRows:
    """The rows of a file of predictions, each with the features that its hash stands for."""
    with connect(threads=1) as connection:
        table = connection.execute(f"SELECT * FROM read_parquet({literal(str(path))})").fetchnumpy()
    # Of rows with equal features any will do: they have the same.
    places = first.reindex(np.ma.getdata(table["features"]).astype(np.uint64)).to_numpy(dtype=np.float64)
    there = np.isfinite(places)
    rows = frame.iloc[places[there].astype(np.int64)].reset_index(drop=True)
    units = np.ma.getdata(table["unit"]).astype(np.int64)[there]
    kind = np.float64 if model.task == "regression" else object
    truth, labels = (np.ma.getdata(table[name])[there].astype(kind) for name in ("truth", "prediction"))
    scores = None
    if "score_0" in table:
        each = [np.ma.getdata(table[f"score_{place}"])[there] for place in range(len(model.classes))]
        scores = np.column_stack(each).astype(np.float64)
    return ReferenceRows(rows_of(rows, Predictions(labels, scores, model.classes), truth), units)
