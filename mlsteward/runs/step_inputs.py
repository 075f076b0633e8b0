"""What a step of a pipeline works on, so that its last result can stand for it while none of that has changed."""

import functools
import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlsteward
from mlsteward.data.sources import SAMPLE
from mlsteward.errors import StewardError
from mlsteward.runs.environment import package_versions
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.jobs import transform
from mlsteward.store.datasets import find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.models import find_model
from mlsteward.store.stale import statement_of
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.workspace import Workspace

_DATASETS = ("dataset", "current", "reference")
_MODELS = ("model", "baseline")
_LARGEST_FILE = 16 << 30


@functools.cache
def code_version(do: str) -> str:
    """What differs when a step would be done by other code: our own that computes, and the packages under it."""
    root = Path(mlsteward.__file__).parent
    packages = ("data", "drift") if do == "drift" else ("data", "training", "evaluation")
    files = [file for package in packages for file in (root / package).glob("**/*.py")]
    own = hashlib.sha256()
    for file in [*sorted(files), root / "runs" / "jobs" / f"{do}.py"]:
        own.update(file.read_bytes() if file.is_file() else b"")
    return json.dumps([platform.python_version(), package_versions(), own.hexdigest()], sort_keys=True)


def step_key(do: str, arguments: Mapping[str, Any], clearance: str) -> str:
    """The same for the same step with the same arguments, done by the same code for readers of one clearance."""
    parts = [do, dict(arguments), clearance, code_version(do)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def inputs_of(workspace: "Workspace", do: str, arguments: Mapping[str, Any], run: int) -> dict[str, str] | None:
    """Each input of a step by its reference, with what identifies it now; None where that cannot be told.

    `run` is the run that did the step: what a statement reads stands in its request.
    """
    references = _references(workspace, do, arguments, run)
    return None if references is None else now(workspace, references)


def now(workspace: "Workspace", references: Mapping[str, str]) -> dict[str, str] | None:
    """The same references as they stand now; None where one is gone."""

    def read(t: Transaction) -> dict[str, str]:
        return {reference: _identity(t, workspace, reference) for reference in references}

    try:
        return workspace.store.read(read)
    except (StewardError, OSError):
        return None


def _references(workspace: "Workspace", do: str, arguments: Mapping[str, Any], run: int) -> dict[str, str] | None:
    found = [f"dataset:{arguments[name]}" for name in _DATASETS if arguments.get(name)]
    found += [f"model:{arguments[name]}" for name in _MODELS if arguments.get(name)]
    if do == "train":
        found.append(f"dictionary:{arguments.get('dataset', '')}")
    if do == "transform":
        request = RunFolder(workspace.runs.folder(run)).read_request(transform.Request)
        found += [f"dataset:{table}" for table in request.versions]
        found += [] if arguments.get("sql") else [f"statement:{arguments.get('name', '')}"]
    if do == "register":
        file = _source_file(workspace, arguments)
        if file is None:
            return None
        found += [f"file:{file}"] if file else []
    return dict.fromkeys(found, "")


def _source_file(workspace: "Workspace", arguments: Mapping[str, Any]) -> str | None:
    """The one local file that is registered, "" where all of it stands in the arguments, None for anything else."""
    source = str(arguments.get("source", "")).strip()
    if not source or source.startswith(SAMPLE):
        return ""
    if "://" in source and not source.startswith("file:///"):
        return None
    try:
        files = workspace.readable.find(source.partition("#")[0])
    except StewardError:
        return None
    return str(files[0]) if len(files) == 1 and files[0].stat().st_size <= _LARGEST_FILE else None


def _identity(t: Transaction, workspace: "Workspace", reference: str) -> str:
    kind, _, name = reference.partition(":")
    if kind == "file":
        with workspace.readable.check(Path(name)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if kind == "model":
        model = find_model(t, name)
        return f"{model.label} {model.sha256}"
    if kind == "statement":
        return _digest(statement_of(t, name))
    if kind == "dictionary":
        entries = column_entries(t, find_dataset(t, name, rows=False).name)
        return _digest(
            *(one.model_dump_json(include={"column", "role", "available_at", "sensitivity"}) for one in entries)
        )
    version = find_dataset(t, name, rows=False)
    return f"{version.label} {version.fingerprint}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
