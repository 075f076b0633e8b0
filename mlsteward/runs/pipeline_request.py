"""Starting a pipeline: what was asked of `run_pipeline`, `mlsteward run` or `retrain_model` becomes a run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from mlsteward.errors import InvalidArgument, Refused
from mlsteward.names import close_names
from mlsteward.pipeline.spec import Pipeline
from mlsteward.runs.jobs.pipeline import Request
from mlsteward.store.runs import ACTIVE, runs_in_state

if TYPE_CHECKING:
    from mlsteward.config import Settings
    from mlsteward.runs.actor import Actor
    from mlsteward.workspace import Workspace

# What a driver is told of the settings of whoever starts it; secrets reach it through the environment alone.
_SETTINGS = (
    "data holidays max_workers worker_memory_mb query_memory_mb query_seconds snapshot_limit_mb log_level"
    " allow_private_addresses compute"
).split()


def start_pipeline(
    workspace: "Workspace",
    actor: "Actor",
    pipeline: Pipeline,
    *,
    given: Mapping[str, Any] | None = None,
    environment: Literal["all", "open"] = "open",
    fresh: bool = False,
    params: Mapping[str, Any] | None = None,
    reason: str = "",
) -> int:
    """Start a run of kind `pipeline`; its number. The same pipeline with the same parameters that is under way already
    is not started again, its number is returned.

    Raises InvalidArgument for parameters that the pipeline does not have, and Refused where nothing may be changed.
    """
    if workspace.settings.read_only:
        raise Refused("A pipeline changes things, and --read-only is set.")
    values = _checked(pipeline, given or {})
    shown = {"pipeline": pipeline.name, **(params or {}), **values}
    for run in workspace.store.read(lambda t: runs_in_state(t.whole, *ACTIVE)):
        if (run.kind, run.name, run.params) == ("pipeline", pipeline.name, shown):
            return run.number
    request = Request(
        pipeline=pipeline,
        given=values,
        environment=environment,
        fresh=fresh,
        settings={**_settings(workspace.settings), "clearance": actor.clearance},
        actor=actor.name,
        client=actor.client,
    )
    return workspace.runs.start(
        "pipeline", request, actor=actor, name=pipeline.name, params=shown, reason=reason or pipeline.description
    )


def _settings(settings: "Settings") -> dict[str, Any]:
    """The settings for the driver. Addresses of databases go along where none has a password."""
    found = settings.model_dump(mode="json", include=set(_SETTINGS))
    addresses = [one.get_secret_value() for one in settings.databases]
    return found if any(urlsplit(one).password for one in addresses) else {**found, "databases": addresses}


def _checked(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters, each of the type of its default where it was written as text."""
    known = pipeline.parameters
    if unknown := [name for name in given if name not in known]:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise InvalidArgument(
            f"The pipeline {pipeline.name} has no parameter {unknown[0]!r}; {takes}.",
            close=close_names(unknown[0], known),
        )
    return {name: _typed(name, value, known[name]) for name, value in given.items()}


def _typed(name: str, value: Any, default: Any) -> Any:
    if not isinstance(value, str) or isinstance(default, str):
        return value
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[value.strip().lower()]
        return type(default)(value)
    except (KeyError, ValueError) as error:
        kind = "true or false" if isinstance(default, bool) else "a number"
        raise InvalidArgument(
            f"The parameter {name} is {kind}, as its default {default!r} is, not {value!r}."
        ) from error
