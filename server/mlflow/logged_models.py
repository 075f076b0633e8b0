"""MLflow's endpoints of logged models: folders of files that a script made, kept and never loaded here."""

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from mlsteward.errors import NotFound
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.experiments import get_experiment_of
from mlsteward.server.mlflow.matching import Wanted, page_of
from mlsteward.server.mlflow.messages import LoggedModelMessage, Nothing, Param, Tag, milliseconds, tag_dict
from mlsteward.server.mlflow.present import model_message
from mlsteward.store.mlflow_assets import DEFAULT_EXPERIMENT, LoggedModel, assets_of, drop_asset, find_asset, put_asset
from mlsteward.store.mlflow_runs import get_logged_run
from mlsteward.store.transaction import Transaction

_STATUS = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
Status = Literal["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]


class OfModel(Message):
    model_id: str


class CreateModel(Message):
    experiment_id: str = DEFAULT_EXPERIMENT
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Param] = []
    tags: list[Tag] = []


class Finalize(OfModel):
    """Clients write the status as a word or as its number."""

    status: Status | int


class SetTags(OfModel):
    tags: list[Tag] = []


class DeleteTag(OfModel):
    tag_key: str


class AddParams(OfModel):
    params: list[Param] = []


class Order(Message):
    field_name: str
    ascending: bool = True


class SearchModels(Message):
    experiment_ids: list[str] = []
    filter: str = ""
    order_by: list[Order] = []
    max_results: int = Field(default=100, ge=1, le=1000)
    page_token: str = ""


class OneModel(Message):
    model: LoggedModelMessage


class Models(Message):
    models: list[LoggedModelMessage]
    next_page_token: str | None = None


def get_model_of(t: Transaction, id: str) -> LoggedModel:
    """The logged model of that id; NotFound where there is none."""
    found = find_asset(t, LoggedModel, id)
    if found is None:
        raise NotFound(f"There is no logged model with the id {id!r}.")
    return found


def create_model(call: Logging, wanted: CreateModel) -> OneModel:
    experiment = get_experiment_of(call.t, wanted.experiment_id)
    run = get_logged_run(call.t, wanted.source_run_id).run if wanted.source_run_id else None
    now = datetime.now(UTC)
    id = f"m-{uuid.uuid4().hex}"
    made = LoggedModel(
        id=id,
        experiment=experiment.id,
        name=wanted.name or f"model-{id[2:10]}",
        model_type=wanted.model_type,
        run_id=wanted.source_run_id,
        params={one.key: one.value for one in wanted.params},
        tags=tag_dict(wanted.tags),
        actor=call.actor.name,
        created=now,
        changed=now,
    )
    put_asset(call.t, made)
    call.remember("log model", f"logged model:{made.id}", run=run, why=made.name)
    return OneModel(model=model_message(call.t, made))


def read_model(call: Logging, wanted: OfModel) -> OneModel:
    return OneModel(model=model_message(call.t, get_model_of(call.t, wanted.model_id)))


def finalize_model(call: Logging, wanted: Finalize) -> OneModel:
    status = _STATUS.get(wanted.status, _STATUS[1]) if isinstance(wanted.status, int) else wanted.status
    return _changed(call, wanted.model_id, status=status)


def set_model_tags(call: Logging, wanted: SetTags) -> OneModel:
    known = get_model_of(call.t, wanted.model_id)
    return _changed(call, wanted.model_id, tags={**known.tags, **tag_dict(wanted.tags)})


def delete_model_tag(call: Logging, wanted: DeleteTag) -> Nothing:
    known = get_model_of(call.t, wanted.model_id)
    _changed(call, wanted.model_id, tags={key: value for key, value in known.tags.items() if key != wanted.tag_key})
    return Nothing()


def add_model_params(call: Logging, wanted: AddParams) -> Nothing:
    known = get_model_of(call.t, wanted.model_id)
    _changed(call, wanted.model_id, params={**known.params, **{one.key: one.value for one in wanted.params}})
    return Nothing()


def delete_model(call: Logging, wanted: OfModel) -> Nothing:
    """Takes the model off the list; its files stay with its run."""
    known = get_model_of(call.t, wanted.model_id)
    drop_asset(call.t, known)
    call.remember("delete logged model", f"logged model:{known.id}", why=known.name)
    return Nothing()


def search_models(call: Logging, wanted: SearchModels) -> Models:
    known = [one for one in assets_of(call.t, LoggedModel) if one.experiment in wanted.experiment_ids]
    asked = Wanted(
        filter=wanted.filter,
        order_by=[f"{one.field_name} {'asc' if one.ascending else 'desc'}" for one in wanted.order_by],
        max_results=wanted.max_results,
        page_token=wanted.page_token,
    )
    found, token = page_of(known[::-1], asked, _fields)
    return Models(models=[model_message(call.t, one) for one in found], next_page_token=token)


def _fields(one: LoggedModel) -> dict[str, Any]:
    return {
        "name": one.name,
        "model_id": one.id,
        "model_type": one.model_type,
        "status": one.status.removeprefix("LOGGED_MODEL_"),
        "source_run_id": one.run_id,
        "creation_timestamp": milliseconds(one.created),
        "creation_time": milliseconds(one.created),
        "last_updated_timestamp": milliseconds(one.changed),
        "tags": one.tags,
        "params": one.params,
        "metrics": {str(metric["key"]): metric["value"] for metric in one.metrics},
    }


def _changed(call: Logging, id: str, **fields: object) -> OneModel:
    known = get_model_of(call.t, id)
    placed = known.model_copy(update={**fields, "changed": datetime.now(UTC)})
    put_asset(call.t, placed)
    return OneModel(model=model_message(call.t, placed))


ENDPOINTS = [
    Endpoint("POST", "/mlflow/logged-models", create_model, changes=True),
    Endpoint("POST", "/mlflow/logged-models/search", search_models),
    Endpoint("GET", "/mlflow/logged-models/{model_id}", read_model),
    Endpoint("PATCH", "/mlflow/logged-models/{model_id}", finalize_model, changes=True),
    Endpoint("DELETE", "/mlflow/logged-models/{model_id}", delete_model, changes=True, deletes=True),
    Endpoint("PATCH", "/mlflow/logged-models/{model_id}/tags", set_model_tags, changes=True),
    Endpoint("DELETE", "/mlflow/logged-models/{model_id}/tags/{tag_key}", delete_model_tag, changes=True),
    Endpoint("POST", "/mlflow/logged-models/{model_id}/params", add_model_params, changes=True),
]
