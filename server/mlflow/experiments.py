"""MLflow's endpoints of experiments."""

from datetime import UTC, datetime
from typing import Any

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.runs.mlflow_logging import add_experiment, all_experiments, find_experiment
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.matching import Wanted, page_of
from mlsteward.server.mlflow.messages import ExperimentMessage, Nothing, Tag, milliseconds, tag_dict
from mlsteward.server.mlflow.present import experiment_message
from mlsteward.store.mlflow_assets import DEFAULT_EXPERIMENT, Experiment, put_asset
from mlsteward.store.transaction import Transaction


class CreateExperiment(Message):
    name: str
    tags: list[Tag] = []


class ByName(Message):
    experiment_name: str


class ById(Message):
    experiment_id: str


class Rename(Message):
    experiment_id: str
    new_name: str = ""


class SetTag(Message):
    experiment_id: str
    key: str
    value: str = ""


class SearchExperiments(Wanted):
    view_type: str = "ACTIVE_ONLY"


class Made(Message):
    experiment_id: str


class Found(Message):
    experiment: ExperimentMessage


class FoundMany(Message):
    experiments: list[ExperimentMessage]
    next_page_token: str | None = None


def get_experiment_of(t: Transaction, id: str) -> Experiment:
    """The experiment of that id; NotFound where there is none."""
    found = find_experiment(t, id)
    if found is None:
        raise NotFound(f"There is no experiment with the id {id!r}.")
    return found


def create_experiment(call: Logging, wanted: CreateExperiment) -> Made:
    made = add_experiment(call.t, wanted.name, tag_dict(wanted.tags))
    call.remember("create experiment", f"experiment:{made.name}")
    return Made(experiment_id=made.id)


def get_experiment(call: Logging, wanted: ById) -> Found:
    return Found(experiment=experiment_message(get_experiment_of(call.t, wanted.experiment_id)))


def get_experiment_by_name(call: Logging, wanted: ByName) -> Found:
    for one in all_experiments(call.t):
        if one.name == wanted.experiment_name:
            return Found(experiment=experiment_message(one))
    raise NotFound(f"There is no experiment {wanted.experiment_name!r}.")


def search_experiments(call: Logging, wanted: SearchExperiments) -> FoundMany:
    stages = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",)}.get(wanted.view_type, ("active", "deleted"))
    known = [one for one in all_experiments(call.t) if one.stage in stages]
    found, token = page_of(known[::-1], wanted, _fields)
    return FoundMany(experiments=[experiment_message(one) for one in found], next_page_token=token)


def _fields(one: Experiment) -> dict[str, Any]:
    times = {"creation_time": milliseconds(one.created), "last_update_time": milliseconds(one.changed)}
    return {"name": one.name, "experiment_id": one.id, **times, "tags": one.tags}


def rename_experiment(call: Logging, wanted: Rename) -> Nothing:
    _change(call, wanted.experiment_id, "rename experiment", name=wanted.new_name)
    return Nothing()


def delete_experiment(call: Logging, wanted: ById) -> Nothing:
    if wanted.experiment_id == DEFAULT_EXPERIMENT:
        raise InvalidArgument("The experiment Default cannot be deleted.")
    _change(call, wanted.experiment_id, "delete experiment", stage="deleted")
    return Nothing()


def restore_experiment(call: Logging, wanted: ById) -> Nothing:
    _change(call, wanted.experiment_id, "restore experiment", stage="active")
    return Nothing()


def set_experiment_tag(call: Logging, wanted: SetTag) -> Nothing:
    known = get_experiment_of(call.t, wanted.experiment_id)
    put_asset(call.t, known.model_copy(update={"tags": {**known.tags, wanted.key: wanted.value}}))
    return Nothing()


def _change(call: Logging, id: str, action: str, **fields: str) -> None:
    known = get_experiment_of(call.t, id)
    put_asset(call.t, known.model_copy(update={**fields, "changed": datetime.now(UTC)}))
    call.remember(action, f"experiment:{known.name}")


ENDPOINTS = [
    Endpoint("POST", "/mlflow/experiments/create", create_experiment, changes=True),
    Endpoint("GET", "/mlflow/experiments/get", get_experiment),
    Endpoint("GET", "/mlflow/experiments/get-by-name", get_experiment_by_name),
    Endpoint("POST", "/mlflow/experiments/search", search_experiments),
    Endpoint("GET", "/mlflow/experiments/search", search_experiments),
    Endpoint("POST", "/mlflow/experiments/update", rename_experiment, changes=True),
    Endpoint("POST", "/mlflow/experiments/delete", delete_experiment, changes=True),
    Endpoint("POST", "/mlflow/experiments/restore", restore_experiment, changes=True),
    Endpoint("POST", "/mlflow/experiments/set-experiment-tag", set_experiment_tag, changes=True),
]
