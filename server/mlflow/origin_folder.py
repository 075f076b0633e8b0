"""MLflow's folder of runs (`mlruns`, the store of its older versions) to import from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mlsteward.errors import UnusableData
from mlsteward.runs.mlflow_logging import Value
from mlsteward.server.mlflow.messages import moment
from mlsteward.server.mlflow.origin import Files, OriginModel, OriginRun, OriginVersion, local_files, local_folder

_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_REGISTRY = "models"


class FolderOrigin:
    """What stands in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.shown = str(folder)
        if not any(self._folder.glob("*/meta.yaml")):
            raise UnusableData(f"{folder} holds no runs of MLflow: there is no meta.yaml one folder below.")

    def runs(self) -> Iterator[OriginRun]:
        for experiment in self._experiments():
            for folder in sorted(path.parent for path in experiment.glob("*/meta.yaml")):
                about = _read(folder / "meta.yaml")
                if "run_id" in about and about.get("lifecycle_stage", "active") == "active":
                    yield self._run(folder, about, str(_read(experiment / "meta.yaml").get("name", experiment.name)))

    def _experiments(self) -> list[Path]:
        found = [path.parent for path in sorted(self._folder.glob("*/meta.yaml"))]
        return [one for one in found if one.name != _REGISTRY and not one.name.startswith(".")]

    def _run(self, folder: Path, about: dict[str, Any], experiment: str) -> OriginRun:
        tags = _texts(folder / "tags")
        status = about.get("status", 3)
        return OriginRun(
            run_id=str(about["run_id"]),
            experiment=experiment,
            name=str(about.get("run_name") or tags.get("mlflow.runName", "")),
            status=_STATUS.get(status, "FINISHED") if isinstance(status, int) else str(status),
            user=str(about.get("user_id") or ""),
            started=moment(int(about.get("start_time") or 0)),
            finished=moment(int(about.get("end_time") or 0)),
            # The address in meta.yaml is where the run was made; the folder may have been moved since.
            root=str(folder / "artifacts"),
            params=_texts(folder / "params"),
            tags=tags,
            values=list(_values(folder / "metrics")),
        )

    def models(self) -> Iterator[OriginModel]:
        for experiment in self._experiments():
            for file in sorted(experiment.glob("models/*/meta.yaml")):
                about = _read(file)
                if "model_id" in about:
                    yield OriginModel(
                        id=str(about["model_id"]),
                        experiment=str(_read(experiment / "meta.yaml").get("name", experiment.name)),
                        name=str(about.get("name") or ""),
                        run_id=str(about.get("source_run_id") or ""),
                        root=str(file.parent / "artifacts"),
                        created=moment(int(about.get("creation_timestamp") or 0)),
                        params=_texts(file.parent / "params"),
                        tags=_texts(file.parent / "tags"),
                    )

    def versions(self) -> Iterator[OriginVersion]:
        for file in sorted((self._folder / _REGISTRY).glob("*/version-*/meta.yaml")):
            about = _read(file)
            source, model = str(about.get("source") or ""), file.parent.parent
            aliases = _texts(model / "aliases")
            yield OriginVersion(
                name=str(about.get("name") or model.name),
                version=int(about.get("version") or file.parent.name.removeprefix("version-")),
                description=str(about.get("description") or ""),
                run_id=str(about.get("run_id") or ""),
                model_id=str(about.get("model_id") or ""),
                source=source,
                stage=str(about.get("current_stage") or "None"),
                created=moment(int(about.get("creation_timestamp") or 0)),
                tags=_texts(file.parent / "tags"),
                aliases=[alias for alias, version in aliases.items() if version == str(about.get("version"))],
            )

    def files(self, root: str) -> Files:
        return local_files(local_folder(root, self._folder.parent), root)

    def fetch(self, root: str, path: str, target: Path) -> None:
        folder = local_folder(root, self._folder.parent)
        assert folder is not None
        target.write_bytes((folder / path).read_bytes())


def _read(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnusableData(f"{file} cannot be read: {error}.") from error
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType] - any YAML


def _texts(folder: Path) -> dict[str, str]:
    """Names and contents of small files; a name with a slash is a file in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in files}


def _values(folder: Path) -> Iterator[Value]:
    """A line is a time in milliseconds, a value and a step."""
    for key, text in _texts(folder).items():
        for line in text.splitlines():
            parts = line.split()
            if len(parts) >= 2:
                yield Value(key, float(parts[1]), int(parts[2]) if len(parts) > 2 else 0, moment(int(parts[0])))
