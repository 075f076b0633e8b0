"""What MLflow keeps beside runs: experiments, logged models, registered models and their versions.

Models that its clients log are pickles more often than not: they are kept as files and never loaded here, so they are
no versions of the platform's own models.
"""

import re
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from mlsteward.errors import InUse, InvalidArgument, NotFound
from mlsteward.record import Record
from mlsteward.store.mlflow_runs import Stage
from mlsteward.store.models import model_names
from mlsteward.store.transaction import Transaction

DEFAULT_EXPERIMENT = "0"
# Files of the server's own machine are no place for a version: nobody may have them read by naming them.
_PLACE = re.compile(r"(mlflow-artifacts|models|runs|s3|gs|wasbs|abfss|dbfs|hdfs|http|https):/")


class Asset(Record):
    """One such thing under its `id` there."""

    kind: ClassVar[str]
    id: str
    tags: dict[str, str] = {}
    created: datetime
    changed: datetime


class Experiment(Asset):
    """A group of runs."""

    kind = "experiment"
    name: str
    stage: Stage = "active"


class LoggedModel(Asset):
    """A model that a script logged: a folder of files. `metrics` are MLflow's messages, one for each that names it."""

    kind = "logged model"
    experiment: str
    name: str
    model_type: str = ""
    run_id: str = ""
    status: str = "LOGGED_MODEL_PENDING"
    params: dict[str, str] = {}
    metrics: list[dict[str, Any]] = []
    actor: str = ""


class RegisteredModel(Asset):
    """A name under which versions are registered; the `id` is the name, and aliases name versions.

    `newest` is the highest number that was ever given out: one that was deleted comes back to no other version.
    """

    kind = "registered model"
    description: str = ""
    aliases: dict[str, int] = {}
    newest: int = 0
    actor: str = ""

    @property
    def name(self) -> str:
        return self.id


class ModelVersion(Asset):
    """A version of a registered model: where its files are, and the run and logged model that it came from."""

    kind = "version"
    name: str
    version: int
    description: str = ""
    source: str = ""
    run_id: str = ""
    model_id: str = ""
    stage: str = "None"
    actor: str = ""

    @staticmethod
    def id_of(name: str, version: int | str) -> str:
        return f"{name}/{version}"


Some = TypeVar("Some", bound=Asset)


def find_asset(t: Transaction, kind: type[Some], id: str) -> Some | None:
    row = t.row("SELECT body FROM mlflow_assets WHERE kind = ? AND id = ?", [kind.kind, id])
    return kind.model_validate_json(row[0]) if row else None


def assets_of(t: Transaction, kind: type[Some]) -> list[Some]:
    """Every asset of a kind, oldest first."""
    rows = t.rows("SELECT body FROM mlflow_assets WHERE kind = ?", [kind.kind])
    found = [kind.model_validate_json(body) for (body,) in rows]
    return sorted(found, key=lambda one: (one.created, one.id))


def put_asset(t: Transaction, asset: Asset) -> None:
    """Insert it, or replace the one of the same kind and id."""
    t.execute(
        "INSERT INTO mlflow_assets (kind, id, body) VALUES (?, ?, ?)"
        " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
        [asset.kind, asset.id, asset.model_dump_json()],
    )


def drop_asset(t: Transaction, asset: Asset) -> None:
    t.execute("DELETE FROM mlflow_assets WHERE kind = ? AND id = ?", [asset.kind, asset.id])


def registered_versions(t: Transaction, name: str) -> list[ModelVersion]:
    """The versions of a registered model, newest first."""
    rows = t.rows(
        "SELECT body FROM mlflow_assets WHERE kind = ? AND starts_with(id, ?)",
        [ModelVersion.kind, ModelVersion.id_of(name, "")],
    )
    found = [ModelVersion.model_validate_json(body) for (body,) in rows]
    return sorted(found, key=lambda one: one.version, reverse=True)


def get_registered(t: Transaction, name: str) -> RegisteredModel:
    """The registered model of that name; NotFound where there is none."""
    found = find_asset(t, RegisteredModel, name)
    if found is None:
        raise NotFound(f"There is no registered model {name!r}.")
    return found


def get_version(t: Transaction, name: str, number: int) -> ModelVersion:
    """The version of a registered model; NotFound where there is none."""
    found = find_asset(t, ModelVersion, ModelVersion.id_of(name, number))
    if found is None:
        raise NotFound(f"There is no version {number} of the registered model {name!r}.")
    return found


def add_registered(t: Transaction, model: RegisteredModel) -> RegisteredModel:
    """Keep a new name. Raises InUse where there is a model of that name, here or among those trained here."""
    if not model.name.strip() or any(sign in model.name for sign in "/:"):
        raise InvalidArgument(f"A registered model cannot be called {model.name!r}: no name, or with / or : in it.")
    if find_asset(t, RegisteredModel, model.name):
        raise InUse(f"There is a registered model {model.name!r} already.")
    if model.name in model_names(t):
        raise InvalidArgument(f"{model.name!r} is a model that was trained here; register yours under another name.")
    put_asset(t, model)
    return model


def add_model_version(t: Transaction, version: ModelVersion) -> ModelVersion:
    """Add a version to its registered model, under the next number. Raises NotFound without the registered model."""
    known = get_registered(t, version.name)
    if not _PLACE.match(version.source):
        raise InvalidArgument(f"source={version.source!r} is no address of artifacts that were logged.")
    number = max([known.newest, *(one.version for one in registered_versions(t, known.name))]) + 1
    placed = version.model_copy(update={"version": number, "id": ModelVersion.id_of(known.name, number)})
    put_asset(t, placed)
    put_asset(t, known.model_copy(update={"changed": placed.created, "newest": number}))
    return placed
