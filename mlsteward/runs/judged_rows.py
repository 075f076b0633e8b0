"""The rows of a dataset on which a model can be judged: those it did not see. Only worker code imports this."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.answer import counted
from mlsteward.data.frames import column_of, read_columns, read_frame
from mlsteward.data.rows import hash_expression
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.evaluation.predictions import Floats
from mlsteward.evaluation.unseen import held_out_rows, tells_rows_apart, unseen_rows
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.training.labels import as_labels

TRAIN_ROWS = "train_predictions.parquet"
TEST_ROWS = "test_predictions.parquet"
FEWEST_ROWS = 10

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class TruthRows:
    """n rows that have a usable target. `hashes` has, by model label, the hashes of their feature values."""

    frame: pd.DataFrame
    truth: np.ndarray
    weights: Floats | None
    hashes: dict[str, NDArray[np.uint64]]
    notes: list[str]


@dataclass(frozen=True)
class Seen:
    """Which of n rows a model may be judged on (`fresh`), and how many it was trained on."""

    fresh: Booleans
    left_out: int
    held_out: bool
    note: str = ""


def read_truth(
    job: Job, snapshot: Path, columns: Sequence[Column], models: Sequence[JudgedModel], extra: Sequence[str]
) -> TruthRows:
    """The rows of a snapshot with what `models` need, the target of the first and the `extra` columns."""
    model = models[0]
    types = {column.name: column for column in columns}
    wanted = [signed.name for one in models for signed in one.signature]
    wanted += [model.target, model.split_column, model.weight_column, *extra]
    chosen = [types[name] for name in dict.fromkeys(wanted) if name in types]
    keys = {f"hash of {one.label}": hash_expression([types[signed.name] for signed in one.signature]) for one in models}
    frame = read_frame(snapshot, chosen, expressions=keys, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    truth, usable, notes = _truth(model, column_of(frame, model.target))
    weights = None
    if model.weight_column in frame.columns:
        weights = np.nan_to_num(column_of(frame, model.weight_column).to_numpy(dtype=np.float64))
        notes += _counted(int((usable & (weights <= 0)).sum()), "have no positive weight")
        usable = usable & (weights > 0)
    hashes = {one.label: frame.pop(f"hash of {one.label}").to_numpy(dtype=np.uint64)[usable] for one in models}
    kept = frame.loc[usable].reset_index(drop=True)
    return TruthRows(kept, truth[usable], None if weights is None else weights[usable], hashes, notes)


def _truth(model: JudgedModel, target: pd.Series) -> tuple[np.ndarray, Booleans, list[str]]:
    """The target as the model spells it, the rows where it can be used, and what to say of the others."""
    present = target.notna().to_numpy()
    notes = _counted(int((~present).sum()), f"have no `{model.target}`")
    if model.task == "regression":
        if not pd.api.types.is_numeric_dtype(target):
            raise InvalidArgument(f"`{model.target}` holds no numbers, and {model.label} predicts numbers.")
        truth = target.to_numpy(dtype=np.float64)
        return truth, present & np.isfinite(truth), notes
    truth = as_labels(target)
    known = np.isin(truth.astype(str), model.classes)
    strange = sorted({str(label) for label in truth[present & ~known]})
    if strange and not np.any(present & known):
        raise UnusableData(
            f"`{model.target}` holds {', '.join(map(repr, strange[:5]))}, and {model.label} knows only the classes "
            f"{', '.join(map(repr, model.classes[:10]))}."
        )
    listed = ", ".join(map(repr, strange[:5]))
    notes += _counted(int((present & ~known).sum()), f"are of classes that {model.label} does not know ({listed})")
    return truth, present & known, notes


def _counted(count: int, why: str) -> list[str]:
    return [f"{counted(count, 'row')} {why}: left out."] if count else []


def seen_rows(job: Job, model: JudgedModel, rows: TruthRows, fingerprint: str) -> Seen:
    """The rows that a model was not trained on: of its own training data the held-out ones, of other data those whose
    feature values stand in no training row."""
    folder = job.workspace / model.artifacts
    train = predictions_column(folder / TRAIN_ROWS, "features")
    if train is None:
        note = f"{model.label} left no record of its training rows: some of these rows may be among them."
        return Seen(np.ones(len(rows.truth), dtype=np.bool_), 0, held_out=False, note=note)
    features = rows.hashes[model.label]
    if fingerprint == model.fingerprint:
        test, truth = (
            predictions_column(folder / TEST_ROWS, "features"),
            predictions_column(folder / TEST_ROWS, "truth"),
        )
        if test is None or truth is None:
            raise UnusableData(f"{model.label} left no record of its held-out rows.")
        fresh = held_out_rows(features, _texts(rows.truth), test.astype(np.uint64), _texts(truth))
        return Seen(fresh, int((~fresh).sum()), held_out=True)
    fresh = unseen_rows(features, train.astype(np.uint64))
    left_out = int((~fresh).sum())
    if left_out and fresh.sum() < FEWEST_ROWS and not tells_rows_apart(train.astype(np.uint64)):
        note = (
            f"The feature values of {left_out:,} rows stand in training rows too, but they repeat too often to tell "
            "whether these are training rows: all rows are counted."
        )
        return Seen(np.ones(len(features), dtype=np.bool_), 0, held_out=False, note=note)
    return Seen(fresh, left_out, held_out=False)


def _texts(values: np.ndarray) -> NDArray[np.object_]:
    return values.astype(np.float64).astype(str).astype(object) if values.dtype.kind == "f" else values.astype(object)


def predictions_column(path: Path, name: str) -> NDArray[Any] | None:
    """One column of a file of predictions that a train run left, or None when the file is not there."""
    if not path.is_file():
        return None
    column = next(column for column in read_columns(path) if column.name == name)
    if name in ("features", "row"):  # above 2**53 a float would lose the hash
        return read_frame(path, [], expressions={name: name})[name].to_numpy(dtype=np.uint64)
    return column_of(read_frame(path, [column]), name).to_numpy()
