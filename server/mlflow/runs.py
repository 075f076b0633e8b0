"""MLflow's endpoints of runs: begun, logged to, ended, read."""

import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import AliasChoices, Field

from mlsteward.errors import InvalidArgument
from mlsteward.exchange.mlflow import RUN_STATUS, metric_place
from mlsteward.runs.mlflow_logging import NewRun, Value, log_params, log_values, run_name, set_tags, start_logged
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.experiments import get_experiment_of
from mlsteward.server.mlflow.matching import read_place
from mlsteward.server.mlflow.messages import (
    MOST_TAG,
    DatasetInput,
    Metric,
    ModelInput,
    ModelOutput,
    Nothing,
    Param,
    RunInfo,
    RunMessage,
    Tag,
    moment,
    tag_dict,
)
from mlsteward.server.mlflow.present import metric_message, run_info, run_message
from mlsteward.store.metrics import steps_of
from mlsteward.store.mlflow_assets import DEFAULT_EXPERIMENT, LoggedModel, find_asset, put_asset
from mlsteward.store.mlflow_runs import LoggedRun, get_logged_run, update_logged_run
from mlsteward.store.runs import Run, get_run, update_run

_ENDED = ("completed", "failed", "cancelled")
_MOST_METRICS = 1000
_MOST_OTHERS = 100
_HISTORY = "mlflow.log-model.history"


class OfRun(Message):
    """Older clients say `run_uuid`."""

    run_id: str = Field(validation_alias=AliasChoices("run_id", "run_uuid"))


class CreateRun(Message):
    experiment_id: str = DEFAULT_EXPERIMENT
    user_id: str = ""
    run_name: str = ""
    start_time: int = 0
    tags: list[Tag] = []


class UpdateRun(OfRun):
    status: str = ""
    end_time: int = 0
    run_name: str = ""


class LogMetric(Metric):
    run: str = Field(validation_alias=AliasChoices("run_id", "run_uuid"))


class LogParam(OfRun, Param):
    pass


class SetTag(OfRun, Tag):
    pass


class DeleteTag(OfRun):
    key: str


class LogBatch(OfRun):
    metrics: list[Metric] = Field(default=[], max_length=_MOST_METRICS)
    params: list[Param] = Field(default=[], max_length=_MOST_OTHERS)
    tags: list[Tag] = Field(default=[], max_length=_MOST_OTHERS)


class LogInputs(OfRun):
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class LogOutputs(OfRun):
    models: list[ModelOutput] = []


class LogModel(OfRun):
    model_json: str


class History(OfRun):
    metric_key: str
    max_results: int = Field(default=25_000, ge=1, le=50_000)
    page_token: str = ""


class OneRun(Message):
    run: RunMessage


class OneInfo(Message):
    run_info: RunInfo


class Values(Message):
    metrics: list[Metric]
    next_page_token: str | None = None


def create_run(call: Logging, wanted: CreateRun) -> OneRun:
    experiment = get_experiment_of(call.t, wanted.experiment_id)
    if experiment.stage == "deleted":
        raise InvalidArgument(f"The experiment {experiment.name!r} is deleted.")
    new = NewRun(
        run_id=uuid.uuid4().hex,
        experiment=experiment.id,
        name=wanted.run_name,
        user_name=wanted.user_id,
        started=moment(wanted.start_time) or datetime.now(UTC),
        tags=_checked(tag_dict(wanted.tags)),
    )
    folder = call.workspace.folder / "runs"
    run = start_logged(call.t, folder, new, experiment, call.actor, "logged over MLflow's API")
    call.remember("log run", run.label, run=run.number)
    return OneRun(run=run_message(call.t, get_logged_run(call.t, new.run_id)))


def read_run(call: Logging, wanted: OfRun) -> OneRun:
    return OneRun(run=run_message(call.t, get_logged_run(call.t, wanted.run_id)))


def open_run(call: Logging, run_id: str) -> tuple[Run, LoggedRun]:
    """The run, to be written to; InvalidArgument where it was deleted."""
    logged = get_logged_run(call.t, run_id)
    if logged.stage == "deleted":
        raise InvalidArgument(f"The run {run_id} is deleted; restore it before you log to it.")
    # What its caller may not see must not be lost when they add to it.
    return get_run(call.t.whole, logged.run), logged


def update(call: Logging, wanted: UpdateRun) -> OneInfo:
    run, logged = open_run(call, wanted.run_id)
    fields: dict[str, object] = {"name": run_name(wanted.run_name)} if wanted.run_name else {}
    if wanted.status:
        if wanted.status not in RUN_STATUS:
            raise InvalidArgument(f"status={wanted.status!r} is none of {', '.join(RUN_STATUS)}.")
        fields["state"] = RUN_STATUS[wanted.status]
    if fields.get("state") in _ENDED:
        finished = moment(wanted.end_time) or datetime.now(UTC)
        fields |= {"finished": finished, "wall_seconds": (finished - (run.started or run.created)).total_seconds()}
    elif fields.get("state") == "running":
        fields |= {"finished": None, "wall_seconds": None}
    if fields:
        update_run(call.t, run.number, **fields)
    return OneInfo(run_info=run_info(get_run(call.t, run.number), logged))


def log_metric(call: Logging, wanted: LogMetric) -> Nothing:
    run, logged = open_run(call, wanted.run)
    _add_metrics(call, run, logged, [wanted])
    return Nothing()


def log_param(call: Logging, wanted: LogParam) -> Nothing:
    run, _ = open_run(call, wanted.run_id)
    log_params(call.t, run, {wanted.key: wanted.value})
    return Nothing()


def set_tag(call: Logging, wanted: SetTag) -> Nothing:
    run, _ = open_run(call, wanted.run_id)
    set_tags(call.t, run, _checked({wanted.key: wanted.value}))
    return Nothing()


def delete_tag(call: Logging, wanted: DeleteTag) -> Nothing:
    run, _ = open_run(call, wanted.run_id)
    if wanted.key not in run.tags:
        raise InvalidArgument(f"The run has no tag {wanted.key!r}.")
    update_run(call.t, run.number, tags={key: value for key, value in run.tags.items() if key != wanted.key})
    return Nothing()


def log_batch(call: Logging, wanted: LogBatch) -> Nothing:
    """All of it or nothing: it is one transaction."""
    run, logged = open_run(call, wanted.run_id)
    given: dict[str, str] = {}
    for one in wanted.params:
        if given.setdefault(one.key, one.value) != one.value:
            raise InvalidArgument(f"The batch has two values of the parameter {one.key!r}.")
    log_params(call.t, run, given)
    _add_metrics(call, run, logged, wanted.metrics)
    set_tags(call.t, run, _checked(tag_dict(wanted.tags)))
    return Nothing()


def _add_metrics(call: Logging, run: Run, logged: LoggedRun, metrics: list[Metric]) -> None:
    """The values become the run's; those that name a logged model are kept with it too, the last of each."""
    log_values(call.t, run.number, [Value(one.key, one.value, one.step, moment(one.timestamp)) for one in metrics])
    named: dict[str, list[Metric]] = {}
    for one in metrics:
        if one.model_id:
            named.setdefault(one.model_id, []).append(one.model_copy(update={"run_id": logged.run_id}))
    for model_id, values in named.items():
        model = find_asset(call.t, LoggedModel, model_id)
        if model is not None:
            latest = {_measured(one): one for one in model.metrics}
            latest |= {_measured(dumped): dumped for dumped in (one.model_dump(exclude_none=True) for one in values)}
            put_asset(call.t, model.model_copy(update={"metrics": list(latest.values())}))


def _measured(metric: dict[str, Any]) -> tuple[object, ...]:
    return tuple(metric.get(name) for name in ("key", "dataset_name", "dataset_digest", "run_id"))


def log_inputs(call: Logging, wanted: LogInputs) -> Nothing:
    _, logged = open_run(call, wanted.run_id)
    given = [one.model_dump(by_alias=True, exclude_none=True) for one in (*wanted.datasets, *wanted.models)]
    _set(call, logged, inputs=[*logged.inputs, *(one for one in given if one not in logged.inputs)])
    return Nothing()


def log_outputs(call: Logging, wanted: LogOutputs) -> Nothing:
    _, logged = open_run(call, wanted.run_id)
    given = [one.model_dump() for one in wanted.models]
    _set(call, logged, outputs=[*logged.outputs, *(one for one in given if one not in logged.outputs)])
    return Nothing()


def log_model(call: Logging, wanted: LogModel) -> Nothing:
    """What clients before MLflow 3 say of a model that they put among the artifacts."""
    run, _ = open_run(call, wanted.run_id)
    history = str(run.tags.get(_HISTORY) or "[]").removesuffix("]")
    comma = "" if history == "[" else ", "
    set_tags(call.t, run, {_HISTORY: f"{history}{comma}{wanted.model_json}]"})
    return Nothing()


def delete_run(call: Logging, wanted: OfRun) -> Nothing:
    """Hides the run from MLflow's clients, as they expect it; here it stays in the list."""
    logged = get_logged_run(call.t, wanted.run_id)
    _set(call, logged, stage="deleted")
    call.remember("delete run over MLflow's API", f"run:{logged.run}", run=logged.run)
    return Nothing()


def restore_run(call: Logging, wanted: OfRun) -> Nothing:
    logged = get_logged_run(call.t, wanted.run_id)
    _set(call, logged, stage="active")
    call.remember("restore run over MLflow's API", f"run:{logged.run}", run=logged.run)
    return Nothing()


def metric_history(call: Logging, wanted: History) -> Values:
    logged = get_logged_run(call.t, wanted.run_id)
    place = metric_place(wanted.metric_key)
    rows = [row for row in steps_of(call.t, logged.run) if (row.split, row.name) == place]
    start = read_place(wanted.page_token)
    end = start + wanted.max_results
    return Values(
        metrics=[metric_message(row) for row in rows[start:end]], next_page_token=str(end) if end < len(rows) else None
    )


def _set(call: Logging, logged: LoggedRun, **fields: object) -> None:
    update_logged_run(call.t, logged.run_id, **fields)


def _checked(tags: dict[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if len(value) > MOST_TAG:
            raise InvalidArgument(f"The tag {key!r} has {len(value):,} characters; {MOST_TAG:,} are taken.")
    return tags


ENDPOINTS = [
    Endpoint("POST", "/mlflow/runs/create", create_run, changes=True),
    Endpoint("POST", "/mlflow/runs/update", update, changes=True),
    Endpoint("GET", "/mlflow/runs/get", read_run),
    Endpoint("POST", "/mlflow/runs/log-metric", log_metric, changes=True),
    Endpoint("POST", "/mlflow/runs/log-parameter", log_param, changes=True),
    Endpoint("POST", "/mlflow/runs/log-batch", log_batch, changes=True),
    Endpoint("POST", "/mlflow/runs/set-tag", set_tag, changes=True),
    Endpoint("POST", "/mlflow/runs/delete-tag", delete_tag, changes=True),
    Endpoint("POST", "/mlflow/runs/log-inputs", log_inputs, changes=True),
    Endpoint("POST", "/mlflow/runs/outputs", log_outputs, changes=True),
    Endpoint("POST", "/mlflow/runs/log-model", log_model, changes=True),
    Endpoint("POST", "/mlflow/runs/delete", delete_run, changes=True),
    Endpoint("POST", "/mlflow/runs/restore", restore_run, changes=True),
    Endpoint("GET", "/mlflow/metrics/get-history", metric_history),
]
