"""MLflow's endpoints of registered models and their aliases."""

import re
from datetime import UTC, datetime

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.matching import Wanted, page_of
from mlsteward.server.mlflow.messages import (
    ManyVersions,
    Named,
    Nothing,
    OneVersion,
    RegisteredMessage,
    Tag,
    tag_dict,
)
from mlsteward.server.mlflow.present import registered_message, version_message
from mlsteward.store.mlflow_assets import (
    RegisteredModel,
    add_registered,
    assets_of,
    drop_asset,
    get_registered,
    get_version,
    put_asset,
    registered_versions,
)

_ALIAS = re.compile(r"[\w-]{1,255}")
_VERSION_WORD = re.compile(r"[vV]\d+")


class CreateRegistered(Named):
    description: str = ""
    tags: list[Tag] = []


class Describe(Named):
    description: str = ""


class SetTag(Named):
    key: str
    value: str = ""


class OfAlias(Named):
    alias: str


class SetAlias(OfAlias):
    version: int


class Latest(Named):
    stages: list[str] = []


class OneRegistered(Message):
    registered_model: RegisteredMessage


class ManyRegistered(Message):
    registered_models: list[RegisteredMessage]
    next_page_token: str | None = None


def create_registered(call: Logging, wanted: CreateRegistered) -> OneRegistered:
    now = datetime.now(UTC)
    made = RegisteredModel(
        id=wanted.name,
        description=wanted.description,
        tags=tag_dict(wanted.tags),
        actor=call.actor.name,
        created=now,
        changed=now,
    )
    add_registered(call.t, made)
    call.remember("register model", f"registered model:{made.name}")
    return OneRegistered(registered_model=registered_message(call.t, made))


def read_registered(call: Logging, wanted: Named) -> OneRegistered:
    return OneRegistered(registered_model=registered_message(call.t, get_registered(call.t, wanted.name)))


def describe_registered(call: Logging, wanted: Describe) -> OneRegistered:
    return _change_registered(call, wanted.name, description=wanted.description)


def set_registered_tag(call: Logging, wanted: SetTag) -> Nothing:
    known = get_registered(call.t, wanted.name)
    _change_registered(call, known.name, tags={**known.tags, wanted.key: wanted.value})
    return Nothing()


def delete_registered(call: Logging, wanted: Named) -> Nothing:
    known = get_registered(call.t, wanted.name)
    for version in registered_versions(call.t, known.name):
        drop_asset(call.t, version)
    drop_asset(call.t, known)
    call.remember("delete registered model", f"registered model:{known.name}")
    return Nothing()


def search_registered(call: Logging, wanted: Wanted) -> ManyRegistered:
    found, token = page_of(assets_of(call.t, RegisteredModel), wanted, lambda one: {"name": one.name, "tags": one.tags})
    return ManyRegistered(registered_models=[registered_message(call.t, one) for one in found], next_page_token=token)


def latest_versions(call: Logging, wanted: Latest) -> ManyVersions:
    newest = registered_message(call.t, get_registered(call.t, wanted.name)).latest_versions
    return ManyVersions(
        model_versions=[one for one in newest if not wanted.stages or one.current_stage in wanted.stages]
    )


def set_alias(call: Logging, wanted: SetAlias) -> Nothing:
    if not _ALIAS.fullmatch(wanted.alias) or _VERSION_WORD.fullmatch(wanted.alias) or wanted.alias == "latest":
        raise InvalidArgument(f"An alias cannot be {wanted.alias!r}: letters, digits, _ and -, no version, no latest.")
    version = get_version(call.t, wanted.name, wanted.version)
    known = get_registered(call.t, wanted.name)
    _change_registered(call, known.name, aliases={**known.aliases, wanted.alias: version.version})
    call.remember("set alias", f"registered model:{known.name}@{version.version}", why=wanted.alias)
    return Nothing()


def delete_alias(call: Logging, wanted: OfAlias) -> Nothing:
    known = get_registered(call.t, wanted.name)
    _change_registered(
        call, known.name, aliases={alias: number for alias, number in known.aliases.items() if alias != wanted.alias}
    )
    call.remember("delete alias", f"registered model:{known.name}", why=wanted.alias)
    return Nothing()


def version_by_alias(call: Logging, wanted: OfAlias) -> OneVersion:
    known = get_registered(call.t, wanted.name)
    if wanted.alias not in known.aliases:
        listed = ", ".join(known.aliases) or "none"
        raise NotFound(f"{known.name} has no alias {wanted.alias!r}; it has {listed}.")
    return OneVersion(
        model_version=version_message(call.t, get_version(call.t, known.name, known.aliases[wanted.alias]))
    )


def _change_registered(call: Logging, name: str, **fields: object) -> OneRegistered:
    placed = get_registered(call.t, name).model_copy(update={**fields, "changed": datetime.now(UTC)})
    put_asset(call.t, placed)
    return OneRegistered(registered_model=registered_message(call.t, placed))


ENDPOINTS = [
    Endpoint("POST", "/mlflow/registered-models/create", create_registered, changes=True),
    Endpoint("GET", "/mlflow/registered-models/get", read_registered),
    Endpoint("GET", "/mlflow/registered-models/search", search_registered),
    Endpoint("PATCH", "/mlflow/registered-models/update", describe_registered, changes=True),
    Endpoint("DELETE", "/mlflow/registered-models/delete", delete_registered, changes=True, deletes=True),
    Endpoint("POST", "/mlflow/registered-models/set-tag", set_registered_tag, changes=True),
    Endpoint("POST", "/mlflow/registered-models/alias", set_alias, changes=True),
    Endpoint("DELETE", "/mlflow/registered-models/alias", delete_alias, changes=True),
    Endpoint("GET", "/mlflow/registered-models/alias", version_by_alias),
    Endpoint("POST", "/mlflow/registered-models/get-latest-versions", latest_versions),
    Endpoint("GET", "/mlflow/registered-models/get-latest-versions", latest_versions),
]
