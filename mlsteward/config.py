"""Settings: flags of the command line, else `MLSTEWARD_*` in the environment, else defaults."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

WORKSPACE_FOLDER = ".mlsteward"
_COMPUTE = re.compile(r"dask://([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}")
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Clearance = Literal["public", "internal", "confidential", "restricted"]


def _also(name: str) -> AliasChoices:
    """`MLSTEWARD_NAME`, else `NAME`."""
    return AliasChoices(f"mlsteward_{name}", name)


class Settings(BaseSettings):
    """How one server, command or script works with one workspace."""

    model_config = SettingsConfigDict(env_prefix="MLSTEWARD_", extra="ignore")

    workspace: Path = Field(default_factory=lambda: nearest_workspace(Path.cwd()))
    data: Annotated[list[Path], NoDecode] = Field(default_factory=lambda: default_data_folders(Path.cwd()))
    databases: Annotated[list[SecretStr], NoDecode] = []
    read_only: bool = False
    holidays: str = ""
    toolsets: Annotated[list[str], NoDecode] = []
    clearance: Clearance = "restricted"
    max_wait: float = Field(default=25.0, gt=0, le=600)
    log_level: LogLevel = "INFO"
    max_workers: int = Field(default=2, ge=1, le=64)
    worker_memory_mb: int = Field(default=8192, ge=512)
    compute: str = ""
    query_memory_mb: int = Field(default=1024, ge=128)
    query_seconds: float = Field(default=20.0, gt=0)
    snapshot_limit_mb: int = Field(default=10240, ge=1)
    allow_private_addresses: bool = False
    endpoint_host: str = "127.0.0.1"
    endpoint_allowed_hosts: Annotated[list[str], NoDecode] = []
    alert_webhook: SecretStr = SecretStr("")
    alert_command: str = ""
    # The names that OpenLineage's own clients read count too.
    openlineage_url: SecretStr = Field(default=SecretStr(""), validation_alias=_also("openlineage_url"))
    openlineage_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_also("openlineage_api_key"))
    openlineage_namespace: str = Field(
        default="mlsteward", min_length=1, validation_alias=_also("openlineage_namespace")
    )
    openlineage_parent_id: str = Field(default="", validation_alias=_also("openlineage_parent_id"))
    openlineage_disabled: bool = Field(default=False, validation_alias=_also("openlineage_disabled"))
    openlineage_file: Path | None = None

    @property
    def sends_lineage(self) -> bool:
        """Whether the operator named somewhere to send lineage events to."""
        return bool(self.openlineage_url.get_secret_value() or self.openlineage_file) and not self.openlineage_disabled

    @field_validator("data", mode="before")
    @classmethod
    def _split_folders(cls, value: object) -> object:
        return [part for part in value.split(":") if part] if isinstance(value, str) else value

    @field_validator("databases", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("toolsets", "endpoint_allowed_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("alert_webhook", "openlineage_url")
    @classmethod
    def _http(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("it takes an address that begins with http:// or https://")
        return value

    @field_validator("compute")
    @classmethod
    def _cluster(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not _COMPUTE.fullmatch(value):
            raise ValueError("it takes dask://HOST:PORT, the address of a Dask scheduler")
        return value

    @field_validator("workspace")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("data")
    @classmethod
    def _resolved(cls, value: list[Path]) -> list[Path]:
        return [folder.expanduser().resolve() for folder in value]


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def nearest_workspace(start: Path) -> Path:
    """The nearest `.mlsteward/` from `start` upwards, else the user's data folder."""
    for folder in (start, *start.parents):
        if (folder / WORKSPACE_FOLDER).is_dir():
            return folder / WORKSPACE_FOLDER
    return user_data_path("mlsteward", appauthor=False) / "workspace"


def default_data_folders(start: Path) -> list[Path]:
    """The current folder, unless a host started the server in `/` or the home folder."""
    start = start.resolve()
    return [] if start in (Path(start.anchor), Path.home().resolve()) else [start]
