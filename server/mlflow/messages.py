"""MLflow's messages, by the names that its clients read and write."""

from datetime import UTC, datetime

from pydantic import Field

from mlsteward.server.mlflow.endpoint import Message

MOST_VALUE = 6000
MOST_TAG = 8000
MOST_KEY = 250


class Nothing(Message):
    """An empty answer."""


class Param(Message):
    key: str = Field(min_length=1, max_length=MOST_KEY)
    value: str = Field(default="", max_length=MOST_VALUE)


class Tag(Message):
    key: str = Field(min_length=1, max_length=MOST_KEY)
    value: str = ""


class Metric(Message):
    key: str = Field(min_length=1, max_length=MOST_KEY)
    value: float
    timestamp: int = 0
    step: int = Field(default=0, ge=-(2**63), lt=2**63)
    dataset_name: str | None = None
    dataset_digest: str | None = None
    model_id: str | None = None
    run_id: str | None = None


class Dataset(Message):
    """`schema` of the protocol would hide a method of the base class, so it is read and written by its alias."""

    name: str
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema_text: str | None = Field(default=None, alias="schema")
    profile: str | None = None


class DatasetInput(Message):
    tags: list[Tag] = []
    dataset: Dataset


class ModelInput(Message):
    model_id: str


class ModelOutput(Message):
    model_id: str
    step: int = 0


class ExperimentMessage(Message):
    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    creation_time: int
    last_update_time: int
    tags: list[Tag] = []


class RunInfo(Message):
    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None = None
    artifact_uri: str
    lifecycle_stage: str


class RunData(Message):
    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class RunInputs(Message):
    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class RunOutputs(Message):
    model_outputs: list[ModelOutput] = []


class RunMessage(Message):
    info: RunInfo
    data: RunData
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()


class FileInfo(Message):
    path: str
    is_dir: bool
    file_size: int | None = None


class Registration(Message):
    name: str
    version: str


class LoggedModelInfo(Message):
    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str = ""
    source_run_id: str = ""
    tags: list[Tag] = []
    registrations: list[Registration] = []


class LoggedModelData(Message):
    params: list[Param] = []
    metrics: list[Metric] = []


class LoggedModelMessage(Message):
    info: LoggedModelInfo
    data: LoggedModelData


class VersionMessage(Message):
    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str = ""
    current_stage: str = "None"
    description: str = ""
    source: str = ""
    run_id: str = ""
    status: str = "READY"
    tags: list[Tag] = []
    aliases: list[str] = []
    model_id: str | None = None


class Alias(Message):
    alias: str
    version: str


class RegisteredMessage(Message):
    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str = ""
    description: str = ""
    latest_versions: list[VersionMessage] = []
    tags: list[Tag] = []
    aliases: list[Alias] = []


class Named(Message):
    """What every request about a registered model says."""

    name: str


class OneVersion(Message):
    model_version: VersionMessage


class ManyVersions(Message):
    model_versions: list[VersionMessage]
    next_page_token: str | None = None


def milliseconds(time: datetime | None) -> int:
    """Since 1970; 0 for none."""
    return round(time.timestamp() * 1000) if time else 0


def moment(milliseconds: int) -> datetime | None:
    """The time of so many milliseconds since 1970, None for 0 and what no calendar has."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
    except (ValueError, OverflowError, OSError):
        return None


def tag_list(tags: dict[str, str]) -> list[Tag]:
    return [Tag.model_construct(key=key, value=value) for key, value in tags.items()]


def tag_dict(tags: list[Tag]) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags}
