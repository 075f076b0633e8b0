"""What the store holds, as MLflow's messages."""

import math
from collections.abc import Sequence

from mlsteward.exchange.mlflow import EXPERIMENT_TAG, NAME_TAG, metric_key, parameter_text, status_of
from mlsteward.server.mlflow.messages import (
    Alias,
    DatasetInput,
    ExperimentMessage,
    LoggedModelData,
    LoggedModelInfo,
    LoggedModelMessage,
    Metric,
    ModelInput,
    ModelOutput,
    Param,
    RegisteredMessage,
    Registration,
    RunData,
    RunInfo,
    RunInputs,
    RunMessage,
    RunOutputs,
    VersionMessage,
    milliseconds,
    tag_list,
)
from mlsteward.store.metrics import MetricRow, latest_of
from mlsteward.store.mlflow_assets import (
    Experiment,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    assets_of,
    find_asset,
    registered_versions,
)
from mlsteward.store.mlflow_runs import LoggedRun
from mlsteward.store.runs import Run, get_run
from mlsteward.store.transaction import Transaction

SCHEME = "mlflow-artifacts:/"


def run_root(logged: LoggedRun) -> str:
    """The address of a run's artifacts."""
    return f"{SCHEME}{logged.experiment}/{logged.run_id}/artifacts"


def model_root(model: LoggedModel) -> str:
    """The address of a logged model's files."""
    return f"{SCHEME}{model.experiment}/models/{model.id}/artifacts"


def experiment_message(one: Experiment) -> ExperimentMessage:
    return ExperimentMessage(
        experiment_id=one.id,
        name=one.name,
        artifact_location=f"{SCHEME}{one.id}",
        lifecycle_stage=one.stage,
        creation_time=milliseconds(one.created),
        last_update_time=milliseconds(one.changed),
        tags=tag_list(one.tags),
    )


def run_message(t: Transaction, logged: LoggedRun) -> RunMessage:
    return run_messages(t, [logged])[0]


def run_messages(t: Transaction, all_logged: Sequence[LoggedRun]) -> list[RunMessage]:
    """Runs with their latest metrics, in the order given."""
    metrics: dict[int, list[MetricRow]] = {}
    for row in latest_of(t, [one.run for one in all_logged]):
        metrics.setdefault(row.run, []).append(row)
    return [_run(get_run(t, one.run), one, metrics.get(one.run, [])) for one in all_logged]


def run_info(run: Run, logged: LoggedRun) -> RunInfo:
    return RunInfo(
        run_id=logged.run_id,
        run_uuid=logged.run_id,
        run_name=run.name,
        experiment_id=logged.experiment,
        user_id=logged.user_name or run.actor,
        status=status_of(run.state),
        start_time=milliseconds(run.started or run.created),
        end_time=milliseconds(run.finished) or None,
        artifact_uri=run_root(logged),
        lifecycle_stage=logged.stage,
    )


def _run(run: Run, logged: LoggedRun, metrics: list[MetricRow]) -> RunMessage:
    tags = {key: value for key, value in run.tags.items() if key != EXPERIMENT_TAG}
    inputs = [] if run.withheld else logged.inputs
    return RunMessage(
        info=run_info(run, logged),
        data=RunData(
            metrics=[metric_message(row) for row in metrics],
            params=[Param.model_construct(key=key, value=parameter_text(value)) for key, value in run.params.items()],
            tags=tag_list({NAME_TAG: run.name, **tags}),
        ),
        inputs=RunInputs(
            dataset_inputs=[DatasetInput.model_validate(one) for one in inputs if "dataset" in one],
            model_inputs=[ModelInput.model_validate(one) for one in inputs if "model_id" in one],
        ),
        outputs=RunOutputs(model_outputs=[ModelOutput.model_validate(one) for one in logged.outputs]),
    )


def metric_message(row: MetricRow) -> Metric:
    return Metric(
        key=metric_key(row.split, row.name),
        value=math.nan if row.value is None else row.value,
        timestamp=milliseconds(row.time),
        step=row.step,
    )


def model_message(t: Transaction, model: LoggedModel) -> LoggedModelMessage:
    registered = [one for one in assets_of(t, ModelVersion) if one.model_id == model.id]
    return LoggedModelMessage(
        info=LoggedModelInfo(
            model_id=model.id,
            experiment_id=model.experiment,
            name=model.name,
            creation_timestamp_ms=milliseconds(model.created),
            last_updated_timestamp_ms=milliseconds(model.changed),
            artifact_uri=model_root(model),
            status=model.status,
            model_type=model.model_type,
            source_run_id=model.run_id,
            tags=tag_list(model.tags),
            registrations=[Registration(name=one.name, version=str(one.version)) for one in registered],
        ),
        data=LoggedModelData(
            params=[Param.model_construct(key=key, value=value) for key, value in model.params.items()],
            metrics=[Metric.model_validate(one) for one in model.metrics],
        ),
    )


def version_message(t: Transaction, one: ModelVersion) -> VersionMessage:
    registered = find_asset(t, RegisteredModel, one.name)
    aliases = registered.aliases if registered else {}
    return VersionMessage(
        name=one.name,
        version=str(one.version),
        creation_timestamp=milliseconds(one.created),
        last_updated_timestamp=milliseconds(one.changed),
        user_id=one.actor,
        current_stage=one.stage,
        description=one.description,
        source=one.source,
        run_id=one.run_id,
        tags=tag_list(one.tags),
        aliases=[alias for alias, version in aliases.items() if version == one.version],
        model_id=one.model_id or None,
    )


def registered_message(t: Transaction, one: RegisteredModel) -> RegisteredMessage:
    newest: dict[str, ModelVersion] = {}
    for version in registered_versions(t, one.name):
        newest.setdefault(version.stage, version)
    return RegisteredMessage(
        name=one.name,
        creation_timestamp=milliseconds(one.created),
        last_updated_timestamp=milliseconds(one.changed),
        user_id=one.actor,
        description=one.description,
        latest_versions=[version_message(t, version) for version in newest.values()],
        tags=tag_list(one.tags),
        aliases=[Alias(alias=alias, version=str(version)) for alias, version in one.aliases.items()],
    )


def artifact_source(t: Transaction, one: ModelVersion) -> str:
    """Where a version's files are: with its logged model, where it has one."""
    model = find_asset(t, LoggedModel, one.model_id) if one.model_id else None
    return model_root(model) if model else one.source
