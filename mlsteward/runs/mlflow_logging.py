"""Runs that are logged piece by piece by MLflow's clients, or taken over from MLflow: ordinary runs of kind train.

Their artifacts lie in `artifacts/` of the run's folder, the models that they log in `models/<id>/` beside it. What was
logged is kept as it came: pickles among it are never opened.
"""

import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mlsteward.answer import one_line
from mlsteward.errors import InUse, InvalidArgument, Refused
from mlsteward.exchange.mlflow import (
    DATASET_TAG,
    EXPERIMENT_TAG,
    NAME_TAG,
    metric_place,
    parameter_text,
    parameter_value,
)
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.actor import Actor
from mlsteward.runs.job import ARTIFACTS
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.lineage import add_edges
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.mlflow_assets import DEFAULT_EXPERIMENT, Experiment, assets_of, find_asset, put_asset
from mlsteward.store.mlflow_runs import LoggedRun, add_logged_run
from mlsteward.store.runs import Run, add_run, get_run, update_run
from mlsteward.store.transaction import Transaction

MODELS = "models"
_MOST_NAME = 500
_MOST_PART = 255
_MOST_PATH = 1000
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Value(NamedTuple):
    """One value of a metric, by MLflow's name for it."""

    key: str
    value: float
    step: int = 0
    time: datetime | None = None


class NewRun(Record):
    """A run as whoever logs it begins it."""

    run_id: str
    experiment: str
    name: str = ""
    user_name: str = ""
    state: str = "running"
    started: datetime
    finished: datetime | None = None
    tags: dict[str, str] = {}


def find_experiment(t: Transaction, id: str) -> Experiment | None:
    """The experiment of that id; the one called Default is always there."""
    found = find_asset(t, Experiment, id)
    if found is None and id == DEFAULT_EXPERIMENT:
        return Experiment(id=id, name="Default", created=datetime.now(UTC), changed=datetime.now(UTC))
    return found


def all_experiments(t: Transaction) -> list[Experiment]:
    """Every experiment, oldest first, the one called Default among them."""
    found = assets_of(t, Experiment)
    default = find_experiment(t, DEFAULT_EXPERIMENT)
    return found if default is None or any(one.id == default.id for one in found) else [default, *found]


def add_experiment(t: Transaction, name: str, tags: Mapping[str, str], *, id: str = "") -> Experiment:
    """A new experiment under the next free number. Raises InUse where there is one of that name."""
    if not name.strip() or len(name) > _MOST_NAME:
        raise InvalidArgument(f"An experiment's name has 1 to {_MOST_NAME} characters.")
    there = all_experiments(t)
    if any(one.name == name for one in there):
        raise InUse(f"There is an experiment {name!r} already.")
    numbers = [int(one.id) for one in there if one.id.isdigit()]
    now = datetime.now(UTC)
    made = Experiment(id=id or str(max(numbers, default=0) + 1), name=name, tags=dict(tags), created=now, changed=now)
    put_asset(t, made)
    return made


def start_logged(t: Transaction, runs: Path, new: NewRun, experiment: Experiment, actor: Actor, reason: str) -> Run:
    """Record a run that is going on elsewhere, or has ended there; `runs` is the folder of all runs."""
    tags = {key: value for key, value in new.tags.items() if key != NAME_TAG}
    run = Run(
        number=0,
        kind="train",
        name=run_name(new.name or new.tags.get(NAME_TAG, "")) or f"run-{new.run_id[:8]}",
        state=new.state,
        tags={**tags, EXPERIMENT_TAG: experiment.name},
        actor=actor.name,
        client=actor.client,
        reason=reason,
        created=new.started,
        started=new.started,
        finished=new.finished,
        wall_seconds=(new.finished - new.started).total_seconds() if new.finished else None,
    )
    number = add_run(t, run)
    logged = LoggedRun(run_id=new.run_id, run=number, experiment=experiment.id, user_name=new.user_name)
    add_logged_run(t, logged)
    folder = runs / str(number)
    # What stands there is left from a number whose transaction was rolled back.
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ARTIFACTS).mkdir(parents=True)
    if DATASET_TAG in tags:
        set_dataset(t, number, tags[DATASET_TAG])
    return get_run(t, number)


def run_name(text: str) -> str:
    """A run's name as it stands in answers and on pages: one line, and no longer than fits there."""
    return one_line(text, _MOST_NAME)


def log_params(t: Transaction, run: Run, params: Mapping[str, str]) -> dict[str, object]:
    """Add parameters; InvalidArgument when one has another value already. Returns all that the run has then."""
    known = dict(run.params)
    for key, text in params.items():
        if key in known and parameter_text(known[key]) != text:
            raise InvalidArgument(
                f"The parameter {key!r} of {run.label} is {parameter_text(known[key])!r}, and a parameter does not"
                f" change; {text!r} belongs to another run."
            )
        known.setdefault(key, parameter_value(text))
    if known != run.params:
        update_run(t, run.number, params=known)
    return known


def log_values(t: Transaction, number: int, values: Iterable[Value]) -> None:
    """Add values of metrics to a run."""
    rows: list[MetricRow] = []
    for one in values:
        split, name = metric_place(one.key)
        rows.append(MetricRow(run=number, split=split, name=name, step=one.step, value=one.value, time=one.time))
    add_metrics(t, rows)


def set_tags(t: Transaction, run: Run, tags: Mapping[str, str]) -> None:
    """Set tags of a run; the one for its name renames it."""
    kept = {key: value for key, value in tags.items() if key not in (NAME_TAG, EXPERIMENT_TAG)}
    if tags.get(NAME_TAG):
        update_run(t, run.number, name=run_name(tags[NAME_TAG]))
    if kept:
        update_run(t, run.number, tags={**run.tags, **kept})
    if DATASET_TAG in kept:
        set_dataset(t, run.number, kept[DATASET_TAG])


def set_dataset(t: Transaction, number: int, label: str) -> None:
    """Say which registered dataset a run was trained on. Raises what `tagged_dataset` raises."""
    version = tagged_dataset(t, label)
    update_run(t, number, dataset=version.label, fingerprint=version.fingerprint, reads=[version.label])
    add_edges(t, used_edges(number, "train", datasets=[version.label]))


def tagged_dataset(t: Transaction, label: str) -> DatasetVersion:
    """The dataset that a tag names. Raises NotFound, and Refused where columns are masked."""
    version = find_dataset(t, label, rows=False)
    if t.masks.of(version.label):
        raise Refused(
            f"{version.label} has columns that are masked for your clearance; somebody who is cleared says so."
        )
    return version


def model_folder(workspace: Path, number: int | None, model_id: str) -> Path:
    """Where the files of a logged model lie: with its run, where it has one.

    Raises Refused for an id, which may come from elsewhere, that is no name of a folder.
    """
    if not _MODEL_ID.fullmatch(model_id):
        raise Refused(f"{model_id[:60]!r} is no id of a logged model.")
    return (workspace / "runs" / str(number) if number else workspace / "mlflow") / MODELS / model_id


def inside(root: Path, path: str) -> Path:
    """The file or folder at the relative `path` below `root`; Refused for a path that leads out of it."""
    parts = PurePosixPath(path).parts
    strange = len(path) > _MOST_PATH or any(part in ("..", "/") or len(part.encode()) > _MOST_PART for part in parts)
    if strange or "\\" in path or not path.isprintable() or ":" in (parts[0] if parts else ""):
        raise Refused(f"{path!r} is no path below the run's artifacts.")
    found = root.joinpath(*parts)
    if not found.resolve().is_relative_to(root.resolve()):
        raise Refused(f"{path!r} leads out of the run's artifacts.")
    return found
