"""Artifacts over MLflow's proxy: files of runs and of logged models, written, listed and read. Nothing is opened."""

import uuid
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from mlsteward.errors import InvalidArgument, NotFound, Refused
from mlsteward.runs.job import ARTIFACTS
from mlsteward.runs.mlflow_logging import MODELS, inside, model_folder
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.logged_models import OfModel, get_model_of
from mlsteward.server.mlflow.messages import FileInfo
from mlsteward.server.mlflow.present import model_root, run_root
from mlsteward.server.mlflow.runs import OfRun
from mlsteward.store.mlflow_assets import LoggedModel
from mlsteward.store.mlflow_runs import find_logged_run, get_logged_run
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_PART = ".part"


class Place(NamedTuple):
    """Where an address leads: a folder of artifacts, and the path below it."""

    root: Path
    path: str

    @property
    def file(self) -> Path:
        return inside(self.root, self.path)


class ListRun(OfRun):
    path: str = ""


class ListModel(OfModel):
    artifact_directory_path: str = ""


class ListProxy(Message):
    path: str = ""


class Files(Message):
    """Without a root for the proxy, which is asked by path."""

    root_uri: str | None = None
    files: list[FileInfo]


def place_of(t: Transaction, workspace: Path, address: str) -> Place:
    """The place at `0/<run id>/artifacts/…` or `0/models/<model id>/artifacts/…`. Raises NotFound and Refused."""
    parts = PurePosixPath(address.strip("/")).parts
    if len(parts) >= 4 and parts[1] == MODELS and parts[3] == ARTIFACTS:
        return Place(_model_root(t, workspace, get_model_of(t, parts[2])), "/".join(parts[4:]))
    if len(parts) >= 3 and parts[2] == ARTIFACTS:
        return Place(_run_root(t, workspace, get_logged_run(t, parts[1]).run), "/".join(parts[3:]))
    raise NotFound(f"{address!r} is no address of artifacts that were logged here.")


def _run_root(t: Transaction, workspace: Path, number: int) -> Path:
    run = get_run(t, number)
    if run.withheld:
        raise Refused(f"{run.withheld} Its files are not for your clearance.")
    return workspace / "runs" / str(number) / ARTIFACTS


def _model_root(t: Transaction, workspace: Path, model: LoggedModel) -> Path:
    logged = find_logged_run(t, model.run_id) if model.run_id else None
    if logged:
        _run_root(t, workspace, logged.run)
    return model_folder(workspace, logged.run if logged else None, model.id)


def list_run(call: Logging, wanted: ListRun) -> Files:
    logged = get_logged_run(call.t, wanted.run_id)
    place = Place(_run_root(call.t, call.workspace.folder, logged.run), wanted.path)
    return Files(root_uri=run_root(logged), files=_listed(place, wanted.path))


def list_model(call: Logging, wanted: ListModel) -> Files:
    model = get_model_of(call.t, wanted.model_id)
    path = wanted.artifact_directory_path
    place = Place(_model_root(call.t, call.workspace.folder, model), path)
    return Files(root_uri=model_root(model), files=_listed(place, path))


def list_proxy(call: Logging, wanted: ListProxy) -> Files:
    """The proxy's paths begin where the question does."""
    return Files(files=_listed(place_of(call.t, call.workspace.folder, wanted.path), ""))


def _listed(place: Place, prefix: str) -> list[FileInfo]:
    folder = place.file
    if folder.is_file():
        return [FileInfo(path=prefix or folder.name, is_dir=False, file_size=folder.stat().st_size)]
    if not folder.is_dir():
        return []
    there = [one for one in sorted(folder.iterdir()) if one.suffix != _PART]
    return [
        FileInfo(
            path=f"{prefix.rstrip('/')}/{one.name}".lstrip("/"),
            is_dir=one.is_dir(),
            file_size=None if one.is_dir() else one.stat().st_size,
        )
        for one in there
    ]


async def upload(request: Request, workspace: Workspace, place: Place) -> Response:
    """The body becomes the file at the place, once it is whole."""
    target = place.file
    if not place.path or target.suffix == _PART or target.is_dir():
        raise InvalidArgument(f"{place.path!r} cannot be the name of an artifact.")
    part = target.with_name(f".{uuid.uuid4().hex}{_PART}")
    limit = workspace.settings.snapshot_limit_mb
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(place.root.resolve()):
            raise Refused(f"{place.path!r} leads out of the run's artifacts.")
        async with await anyio.open_file(part, "wb") as file:
            if not await _copy(request, file.wrapped, limit * 1024 * 1024):
                raise Refused(f"An artifact may have {limit} MB.")
        await anyio.to_thread.run_sync(part.replace, target)
    except OSError as error:
        raise InvalidArgument(f"{place.path!r} cannot be written: {error.strerror}.") from error
    finally:
        # There is none where a file stands in the place of a folder.
        with suppress(OSError):
            await anyio.Path(part).unlink()
    return Response("{}", media_type="application/json")


async def _copy(request: Request, file: IO[bytes], limit: int) -> bool:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return False
        await anyio.to_thread.run_sync(file.write, chunk)
    return True


async def download(place: Place) -> Response:
    """The file as bytes that no browser shows: anybody may have logged it."""
    if not await anyio.Path(place.file).is_file():
        raise NotFound(f"There is no artifact {place.path!r}.")
    return FileResponse(
        place.file,
        media_type="application/octet-stream",
        filename=place.file.name,
        headers={"X-Content-Type-Options": "nosniff"},
    )


ENDPOINTS = [
    Endpoint("GET", "/mlflow/artifacts/list", list_run),
    Endpoint("GET", "/mlflow/logged-models/{model_id}/artifacts/directories", list_model),
    Endpoint("GET", "/mlflow-artifacts/artifacts", list_proxy),
]
