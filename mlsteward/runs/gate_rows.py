"""The rows on which gates look at a model: what it was not fitted or tuned on. Only worker code imports this."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.data.engine import connect, literal, quote
from mlsteward.data.frames import column_of, read_frame
from mlsteward.data.rows import hash_expression
from mlsteward.data.snapshot import Column, verify_snapshot
from mlsteward.errors import UnusableData
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.predictions import Integers, Predictions
from mlsteward.evaluation.units import independent_units
from mlsteward.evaluation.unseen import unseen_rows
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.gate import Request
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.runs.judged_rows import TEST_ROWS, TRAIN_ROWS, TruthRows, predictions_column, read_truth, seen_rows
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.training.bundle import ModelBundle

# Rows of a deployment's log that are looked at, the newest.
_LIVE_ROWS = 20_000
_DAY = 86_400
# A name that no column of a dataset has.
_TIME = "\x1ftime"


@dataclass(frozen=True)
class HeldOut:
    """The rows of the training data, which of them were held out, and what the model says of those.

    `frame` has the held-out rows; `hashes` those of their features.
    """

    rows: TruthRows
    fresh: NDArray[np.bool_]
    frame: pd.DataFrame
    scored: Scored

    def hashes(self, label: str) -> NDArray[np.uint64]:
        return self.rows.hashes[label][self.fresh]


def read_held_out(request: Request, job: Job, bundle: ModelBundle) -> HeldOut:
    """The held-out rows of the model's own training data, read again from the snapshot.

    Raises UnusableData where they cannot be.
    """
    if not request.snapshot:
        raise UnusableData(f"The rows that {request.model.label} was trained on are not here any more.")
    model = request.model
    path = verify_snapshot(job.workspace, request.snapshot, request.source_hash, reference=request.reference)
    models = [model, *([request.incumbent.model] if request.incumbent and not request.incumbent.unlike else [])]
    rows = read_truth(job, path, request.columns, models, request.extra)
    seen = seen_rows(job, model, rows, request.fingerprint)
    if not seen.held_out:
        raise UnusableData(seen.note or f"{model.label} was trained on other rows than {request.dataset} has now.")
    return HeldOut(rows, seen.fresh, rows.frame.loc[seen.fresh], _scored(rows, seen.fresh, model, bundle))


def _scored(rows: TruthRows, chosen: NDArray[np.bool_], model: JudgedModel, bundle: ModelBundle) -> Scored:
    frame = rows.frame.loc[chosen]
    units, unit = independent_units(frame, model.split_kind, model.split_column)
    return Scored(
        task=bundle.task,
        truth=rows.truth[chosen],
        predictions=bundle.predict(frame),
        unit=unit,
        units=units,
        weights=None if rows.weights is None else rows.weights[chosen],
        threshold=bundle.threshold,
    )


def shared_rows(request: Request, job: Job, held: HeldOut, other: JudgedModel) -> NDArray[np.bool_]:
    """(m,) which of the m held-out rows the other model was not fitted or tuned on either.

    A row that it was trained on is known by its features, and where both models identify rows alike by its key too:
    its features may have been corrected since. Raises UnusableData where that cannot be told.
    """
    seen = seen_rows(job, other, held.rows, request.fingerprint)
    if seen.note:
        raise UnusableData(seen.note)
    fresh = seen.fresh[held.fresh]
    model = request.model
    if model.split.get("identity") and model.split.get("identity") == other.split.get("identity"):
        own, theirs = job.workspace / model.artifacts / TEST_ROWS, job.workspace / other.artifacts / TRAIN_ROWS
        names, features = predictions_column(own, "row"), predictions_column(own, "features")
        trained = predictions_column(theirs, "row")
        if names is not None and features is not None and trained is not None:
            known = features[np.isin(names, trained)]
            fresh &= ~np.isin(held.hashes(model.label), known)
    return fresh


def predictions_of(bundle: ModelBundle, frame: pd.DataFrame, classes: list[str]) -> Predictions:
    """A model's predictions with its scores in the order of `classes`."""
    found = bundle.predict(frame)
    if found.scores is None or found.classes == classes:
        return found
    order = [found.classes.index(name) for name in classes]
    return Predictions(found.labels, found.scores[:, order], classes)


def flipped_threshold(bundle: ModelBundle, classes: list[str]) -> float:
    """The threshold of a model for the positive class of another."""
    return 1 - bundle.threshold if len(classes) == 2 and bundle.classes[1:] != classes[1:] else bundle.threshold


@dataclass(frozen=True)
class LiveRows:
    """Rows like those that the model meets now, what they are, and the number of the day of each where it is known."""

    frame: pd.DataFrame
    label: str
    days: Integers | None = None


def live_rows(request: Request, job: Job) -> LiveRows | None:
    """What endpoints of the model's name were asked last, else the rows of a newer version of its dataset that it was
    not trained on; None where there is neither."""
    for name in request.live.deployments:
        frame = _asked(request, job, name)
        if len(frame):
            days = day_numbers(frame, _TIME)
            return LiveRows(frame, f"deployment:{name}", days)
    return _newer(request, job) if request.live.dataset else None


def _newer(request: Request, job: Job) -> LiveRows:
    model = request.model
    types = {column.name: column for column in request.live.columns}
    features = [types[signed.name] for signed in model.signature if signed.name in types]
    time = [types[model.split_column]] if model.split_column in types else []
    frame = read_frame(
        job.workspace / request.live.snapshot,
        list({column.name: column for column in [*features, *time]}.values()),
        expressions={"\x1fhash": hash_expression(features)},
        memory_mb=job.memory_mb // 4,
        temp=job.folder / "temp",
    )
    trained = predictions_column(job.workspace / model.artifacts / TRAIN_ROWS, "features")
    hashes = frame.pop("\x1fhash").to_numpy(dtype=np.uint64)
    new = (frame if trained is None else frame.loc[unseen_rows(hashes, trained)]).reset_index(drop=True)
    label = f"{request.live.dataset} that it was not trained on"
    return LiveRows(new, label, day_numbers(new, model.split_column))


def _asked(request: Request, job: Job, deployment: str) -> pd.DataFrame:
    """What an endpoint was asked and when, in the types of the training data, as far as it logs the features."""
    import duckdb

    temp = job.folder / "temp"
    temp.mkdir(exist_ok=True)
    file = temp / f"asked_{deployment}.parquet"
    source = prediction_tables(job.workspace, deployment)
    with connect(memory_mb=job.memory_mb // 4, temp=temp, threads=1) as connection:
        try:
            described = connection.execute(f"DESCRIBE SELECT features.* FROM {source}").fetchall()
            logged = {name for name, *_ in described}
            columns = [Column(name=one.name, type=one.type) for one in request.model.signature if one.name in logged]
            casts = [f"TRY_CAST(features.{quote(one.name)} AS {one.type}) AS {quote(one.name)}" for one in columns]
            select = (
                f"SELECT {', '.join([*casts, f'time AS {quote(_TIME)}'])} FROM {source}"
                f" WHERE role = 'champion' AND coalesce(error, '') = '' ORDER BY time DESC LIMIT {_LIVE_ROWS}"
            )
            connection.execute(f"COPY ({select}) TO {literal(str(file))} (FORMAT parquet)")
        except duckdb.Error as error:
            words = str(error).splitlines()[0]
            raise UnusableData(f"What deployment:{deployment} was asked cannot be read: {words}") from error
    return read_frame(file, [*columns, Column(name=_TIME, type="TIMESTAMP")])


def day_numbers(frame: pd.DataFrame, column: str) -> Integers | None:
    """(n,) the number of the day of each row; None unless every row has a time there."""
    if column not in frame.columns:
        return None
    values = column_of(frame, column)
    if not pd.api.types.is_datetime64_any_dtype(values) or values.isna().to_numpy().any():
        return None
    return values.to_numpy(dtype="datetime64[s]").astype(np.int64) // _DAY


def megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
