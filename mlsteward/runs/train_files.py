"""The files of a train run beside the model: predictions and pictures. Only worker code imports this."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsteward.data.engine import connect, literal
from mlsteward.data.frames import read_frame
from mlsteward.data.rows import hash_expression
from mlsteward.data.snapshot import Column
from mlsteward.evaluation.importance import Importance, near_copies, permutation_importance
from mlsteward.evaluation.plots import draw_importance, draw_plots
from mlsteward.training.signature import ImportanceRow
from mlsteward.training.train import Trained

TEST_PREDICTIONS = "test_predictions.parquet"
TRAIN_PREDICTIONS = "train_predictions.parquet"
_IMPORTANCE_ROWS = 1000
_FEWEST_IMPORTANCE_ROWS = 100
_REPEATS = 3
# Rows predicted in all: what a kernel machine or an ensemble needs seconds for, a linear model milliseconds.
_PREDICTED_ROWS = 50_000


def write_predictions(trained: Trained, snapshot: Path, columns: Sequence[Column], folder: Path) -> None:
    """One file for the held-out rows and one for the training rows, these out of fold.

    Each row has the hash of what identifies it and the hash of its features, by which it is found in other tables.
    """
    used = {column.name for column in trained.prepared.signature}
    features = hash_expression([column for column in columns if column.name in used])
    hashes = read_frame(snapshot, [], expressions={"features": features})["features"].to_numpy()[trained.prepared.rows]
    test, train = trained.prepared.test, trained.prepared.train
    none = np.full(len(test), -1, dtype=np.int64)
    for name, rows, predictions, folds in (
        (TEST_PREDICTIONS, test, trained.test, none),
        (TRAIN_PREDICTIONS, train, trained.fitted, trained.folds),
    ):
        written: dict[str, Any] = {
            "row": trained.prepared.identity[rows],
            "features": hashes[rows],
            "unit": trained.prepared.split.units[rows],
            "weight": _weights(trained, rows),
            "truth": trained.prepared.target.truth[rows],
            "prediction": predictions.labels,
        }
        if predictions.scores is not None:
            written |= {f"score_{place}": predictions.scores[:, place] for place in range(predictions.scores.shape[1])}
        _write_parquet(written | ({"fold": folds} if name == TRAIN_PREDICTIONS else {}), folder / name)


def _weights(trained: Trained, rows: np.ndarray) -> np.ndarray:
    weights = trained.prepared.weights
    return np.ones(len(rows)) if weights is None else weights[rows]


def _write_parquet(columns: dict[str, Any], path: Path) -> None:
    with connect(threads=1) as connection:
        connection.register("written", pd.DataFrame(columns))
        connection.execute(f"COPY written TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")


def importance_rows(trained: Trained) -> int:
    """How many held-out rows are permuted: at most 1,000, and fewer of a wide table, since each column is predicted."""
    most = _PREDICTED_ROWS // (_REPEATS * len(trained.bundle.signature))
    return min(len(trained.prepared.test), _IMPORTANCE_ROWS, max(most, _FEWEST_IMPORTANCE_ROWS))


def measure_importance(trained: Trained, seed: int) -> list[ImportanceRow]:
    """Permutation importance on `importance_rows` held-out rows, spread evenly."""
    bundle, test = trained.bundle, trained.prepared.test
    places = np.unique(np.linspace(0, len(test) - 1, importance_rows(trained)).astype(int))
    weights = trained.test_weights
    frame = trained.prepared.frame.iloc[test[places]][[column.name for column in bundle.signature]]
    found = permutation_importance(
        bundle.predict,
        frame,
        trained.test_truth[places],
        task=bundle.task,
        metric=trained.metric,
        groups=near_copies(frame),
        seed=seed,
        weights=None if weights is None else weights[places],
        threshold=bundle.threshold,
        repeats=_REPEATS,
    )
    texts = {column.name for column in bundle.signature if column.kind == "text"}
    # "Highest for" one whole text would say nothing.
    rows = [ImportanceRow.model_validate(vars(row)) for row in found]
    return [row.model_copy(update={"direction": ""}) if row.columns[0] in texts else row for row in rows]


def draw(trained: Trained, importance: list[ImportanceRow], folder: Path) -> list[str]:
    """Draw what fits the task; returns the names of the files."""
    drawn = draw_plots(
        trained.bundle.task,
        trained.test_truth,
        trained.test,
        folder,
        target=trained.bundle.target,
        weights=trained.test_weights,
        threshold=trained.bundle.threshold,
    )
    if importance:
        rows = [Importance(**row.model_dump()) for row in importance]
        draw_importance(rows, folder / "importance.png", trained.metric)
        drawn.append("importance.png")
    return drawn
