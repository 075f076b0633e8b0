"""MLflow's endpoints of versions of registered models."""

from datetime import UTC, datetime
from typing import Any

from mlsteward.errors import InvalidArgument
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.matching import Wanted, page_of
from mlsteward.server.mlflow.messages import (
    ManyVersions,
    Named,
    Nothing,
    OneVersion,
    Tag,
    milliseconds,
    tag_dict,
)
from mlsteward.server.mlflow.present import artifact_source, version_message
from mlsteward.store.mlflow_assets import (
    ModelVersion,
    add_model_version,
    assets_of,
    drop_asset,
    get_registered,
    get_version,
    put_asset,
    registered_versions,
)

_STAGES = ("None", "Staging", "Production", "Archived")


class CreateVersion(Named):
    source: str
    run_id: str = ""
    description: str = ""
    tags: list[Tag] = []
    model_id: str = ""


class OfVersion(Named):
    version: int


class DescribeVersion(OfVersion):
    description: str = ""


class SetVersionTag(OfVersion):
    key: str
    value: str = ""


class SetStage(OfVersion):
    stage: str
    archive_existing_versions: bool = False


class Address(Message):
    artifact_uri: str


def create_version(call: Logging, wanted: CreateVersion) -> OneVersion:
    now = datetime.now(UTC)
    made = ModelVersion(
        id="",
        name=wanted.name,
        version=0,
        description=wanted.description,
        source=wanted.source,
        run_id=wanted.run_id,
        model_id=wanted.model_id or _named_model(wanted.source),
        tags=tag_dict(wanted.tags),
        actor=call.actor.name,
        created=now,
        changed=now,
    )
    placed = add_model_version(call.t, made)
    call.remember("register model version", f"registered model:{placed.name}@{placed.version}")
    return OneVersion(model_version=version_message(call.t, placed))


def _named_model(source: str) -> str:
    """The logged model of an address such as models:/m-0123."""
    id = source.removeprefix("models:/")
    return id if source.startswith("models:/m-") and "/" not in id else ""


def read_version(call: Logging, wanted: OfVersion) -> OneVersion:
    return OneVersion(model_version=version_message(call.t, get_version(call.t, wanted.name, wanted.version)))


def describe_version(call: Logging, wanted: DescribeVersion) -> OneVersion:
    return _change_version(call, wanted, description=wanted.description)


def set_version_tag(call: Logging, wanted: SetVersionTag) -> Nothing:
    known = get_version(call.t, wanted.name, wanted.version)
    _change_version(call, wanted, tags={**known.tags, wanted.key: wanted.value})
    return Nothing()


def set_stage(call: Logging, wanted: SetStage) -> OneVersion:
    stage = wanted.stage.capitalize()
    if stage not in _STAGES:
        raise InvalidArgument(f"stage={wanted.stage!r} is none of {', '.join(_STAGES)}.")
    if wanted.archive_existing_versions:
        for other in registered_versions(call.t, wanted.name):
            if other.stage == stage and other.version != wanted.version:
                put_asset(call.t, other.model_copy(update={"stage": "Archived"}))
    answer = _change_version(call, wanted, stage=stage)
    call.remember("set stage", f"registered model:{wanted.name}@{wanted.version}", why=stage)
    return answer


def delete_version(call: Logging, wanted: OfVersion) -> Nothing:
    drop_asset(call.t, get_version(call.t, wanted.name, wanted.version))
    known = get_registered(call.t, wanted.name)
    aliases = {alias: version for alias, version in known.aliases.items() if version != wanted.version}
    put_asset(call.t, known.model_copy(update={"aliases": aliases}))
    call.remember("delete model version", f"registered model:{wanted.name}@{wanted.version}")
    return Nothing()


def search_versions(call: Logging, wanted: Wanted) -> ManyVersions:
    found, token = page_of(assets_of(call.t, ModelVersion)[::-1], wanted, _fields)
    return ManyVersions(model_versions=[version_message(call.t, one) for one in found], next_page_token=token)


def _fields(one: ModelVersion) -> dict[str, Any]:
    return {
        "name": one.name,
        "version_number": one.version,
        "run_id": one.run_id,
        "source_path": one.source,
        "creation_timestamp": milliseconds(one.created),
        "last_updated_timestamp": milliseconds(one.changed),
        "tags": one.tags,
    }


def version_address(call: Logging, wanted: OfVersion) -> Address:
    return Address(artifact_uri=artifact_source(call.t, get_version(call.t, wanted.name, wanted.version)))


def _change_version(call: Logging, wanted: OfVersion, **fields: object) -> OneVersion:
    known = get_version(call.t, wanted.name, wanted.version)
    placed = known.model_copy(update={**fields, "changed": datetime.now(UTC)})
    put_asset(call.t, placed)
    return OneVersion(model_version=version_message(call.t, placed))


ENDPOINTS = [
    Endpoint("POST", "/mlflow/model-versions/create", create_version, changes=True),
    Endpoint("GET", "/mlflow/model-versions/get", read_version),
    Endpoint("PATCH", "/mlflow/model-versions/update", describe_version, changes=True),
    Endpoint("DELETE", "/mlflow/model-versions/delete", delete_version, changes=True, deletes=True),
    Endpoint("GET", "/mlflow/model-versions/search", search_versions),
    Endpoint("POST", "/mlflow/model-versions/set-tag", set_version_tag, changes=True),
    Endpoint("POST", "/mlflow/model-versions/transition-stage", set_stage, changes=True),
    Endpoint("GET", "/mlflow/model-versions/get-download-uri", version_address),
]
