"""Exporting runs and models to a server of MLflow. A run that is there already, by its tag, is not sent again."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlsteward.errors import InUse, NotFound, StewardError, UnusableData
from mlsteward.exchange.mlflow import (
    DATASET_TAG,
    EXPERIMENT_TAG,
    NAME_TAG,
    ORIGIN_DATASET_TAG,
    ORIGIN_TAG,
    flat_parameters,
    metric_key,
    parameter_text,
    status_of,
)
from mlsteward.runs.job import ARTIFACTS
from mlsteward.runs.mlflow_logging import model_folder
from mlsteward.server.mlflow.client import MlflowClient
from mlsteward.server.mlflow.messages import milliseconds
from mlsteward.store.aliases import aliases_of
from mlsteward.store.metrics import steps_of
from mlsteward.store.mlflow_assets import LoggedModel, ModelVersion, RegisteredModel, assets_of
from mlsteward.store.mlflow_runs import all_logged_runs, logged_runs
from mlsteward.store.models import Model, newest_models, versions_of
from mlsteward.store.runs import ACTIVE, Run, get_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

MODEL_PATH = "model"
_METRICS, _OTHERS = 1000, 100
_LONGEST = 6000


@dataclass
class Sent:
    """What came of an export."""

    runs: int = 0
    versions: int = 0
    files: int = 0
    known: int = 0
    left: list[str] = field(default_factory=list[str])


@dataclass
class Outgoing:
    """A run with all that goes along."""

    run: Run
    experiment: str
    metrics: list[dict[str, Any]]
    model: Model | None
    logged: list[LoggedModel]


class Export:
    """One export to the server at `uri`, as a reader of the workspace's clearance sees what is sent."""

    def __init__(self, workspace: Workspace, uri: str, tell: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._client = MlflowClient(uri)
        self._tell = tell
        self._experiments: dict[str, str] = {}
        self._ids: dict[int, tuple[str, str]] = {}
        self.done = Sent()
        self.shown = self._client.shown

    def carry_out(self, numbers: Sequence[int]) -> Sent:
        """Send these runs, or all that have a model or were logged by MLflow's clients; then the versions of theirs."""
        wanted = list(numbers) or self._workspace.store.read(_all)
        for number in wanted:
            out = self._workspace.store.read(lambda t, number=number: _outgoing(t, number))
            if out.run.state in ACTIVE or out.run.withheld:
                why = "it is still going on" if out.run.state in ACTIVE else out.run.withheld
                self.done.left.append(f"{out.run.label}: {why}")
                continue
            self._send(out)
        for model in self._workspace.store.read(_versions):
            if model.run in self._ids:
                run_id, root = self._ids[model.run]
                aliases = self._workspace.store.read(lambda t, name=model.name: aliases_of(t, name))
                named = [alias for alias, version in aliases.items() if version == model.version]
                self._register(model.name, f"{root}/{MODEL_PATH}", run_id, f"mlsteward {model.label}", named)
        self._logged_versions()
        return self.done

    def _send(self, out: Outgoing) -> None:
        mark = f"{out.run.label} of {self._workspace.folder}"
        experiment = self._experiment(out.experiment)
        there = self._client.post(
            "/runs/search",
            experiment_ids=[experiment],
            filter=f"tags.`{ORIGIN_TAG}` = '{_quoted(mark)}'",
            max_results=1,
        ).get("runs", [])
        if there:
            self._ids[out.run.number] = (there[0]["info"]["run_id"], there[0]["info"]["artifact_uri"])
            self.done.known += 1
            return
        info = self._create(out, experiment, mark)
        run_id, root = str(info["run_id"]), str(info["artifact_uri"])
        for start in range(0, len(out.metrics), _METRICS):
            self._client.post("/runs/log-batch", run_id=run_id, metrics=out.metrics[start : start + _METRICS])
        params = self._params(out.run)
        for start in range(0, len(params), _OTHERS):
            self._client.post("/runs/log-batch", run_id=run_id, params=params[start : start + _OTHERS])
        self._files(out, root)
        ended = milliseconds(out.run.finished or out.run.created)
        self._client.post("/runs/update", run_id=run_id, status=status_of(out.run.state), end_time=ended)
        # Last, so that what was broken off is sent anew.
        self._client.post("/runs/set-tag", run_id=run_id, key=ORIGIN_TAG, value=mark)
        self._ids[out.run.number] = (run_id, root)
        self.done.runs += 1
        self._tell(f"{out.run.label} {out.run.name}")

    def _create(self, out: Outgoing, experiment: str, mark: str) -> dict[str, Any]:
        run = out.run
        tags = {key: value for key, value in run.tags.items() if key not in (EXPERIMENT_TAG, NAME_TAG, DATASET_TAG)}
        tags |= {"mlsteward.kind": run.kind, **({ORIGIN_DATASET_TAG: run.dataset} if run.dataset else {})}
        made = self._client.post(
            "/runs/create",
            experiment_id=experiment,
            user_id=run.actor,
            run_name=run.name or mark.partition(" ")[0],
            start_time=milliseconds(run.started or run.created),
            tags=[{"key": key, "value": str(value)[:8000]} for key, value in tags.items()],
        )
        return made["run"]["info"]

    def _params(self, run: Run) -> list[dict[str, str]]:
        found = {key: parameter_text(value) for key, value in flat_parameters(run.params).items()}
        for key, text in found.items():
            if len(text) > _LONGEST:
                self.done.left.append(f"{run.label}: the parameter {key} has {len(text):,} characters")
        return [{"key": key, "value": text} for key, text in found.items() if len(text) <= _LONGEST]

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            try:
                found = self._client.get("/experiments/get-by-name", experiment_name=name)["experiment"]
            except NotFound:
                found = self._client.post("/experiments/create", name=name)
            self._experiments[name] = str(found["experiment_id"])
        return self._experiments[name]

    def _files(self, out: Outgoing, root: str) -> None:
        if not root.startswith("mlflow-artifacts:"):
            self.done.left.append(
                f"files of {out.run.label}: {self.shown} keeps artifacts at {root}, not behind itself"
            )
            return
        folder = self._workspace.folder / "runs" / str(out.run.number) / ARTIFACTS
        self._send_folder(folder, root, "")
        for model in out.logged:
            self._send_folder(model_folder(self._workspace.folder, out.run.number, model.id), root, model.name)
        if out.model:
            with tempfile.TemporaryDirectory(prefix="mlsteward-export-") as temporary:
                _package(self._workspace.folder, out.model, Path(temporary))
                self._send_folder(Path(temporary), root, MODEL_PATH)

    def _send_folder(self, folder: Path, root: str, below: str) -> None:
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            path = file.relative_to(folder).as_posix()
            self._client.send(root, f"{below}/{path}".lstrip("/"), file)
            self.done.files += 1

    def _logged_versions(self) -> None:
        """Versions that MLflow's clients registered here, of the runs that went along."""
        versions, models = self._workspace.store.read(lambda t: (assets_of(t, ModelVersion), assets_of(t, LoggedModel)))
        names = {model.id: model.name for model in models}
        registered = {one.name: one.aliases for one in self._workspace.store.read(_registered)}
        numbers = {one.run_id: one.run for one in self._workspace.store.read(all_logged_runs)}
        for version in sorted(versions, key=lambda one: (one.name, one.version)):
            there = self._ids.get(numbers.get(version.run_id, 0))
            if there and version.model_id in names:
                source = f"{there[1]}/{names[version.model_id]}"
                known = registered.get(version.name, {})
                named = [alias for alias, number in known.items() if number == version.version]
                self._register(version.name, source, there[0], f"mlsteward {version.name}@{version.version}", named)

    def _register(self, name: str, source: str, run_id: str, mark: str, aliases: Sequence[str]) -> None:
        try:
            try:
                self._client.post("/registered-models/create", name=name)
            except InUse:
                known = self._client.pages(
                    "GET", "/model-versions/search", "model_versions", filter=f"name='{_quoted(name)}'", max_results=100
                )
                if any(one.get("run_id") == run_id and one.get("source") == source for one in known):
                    return
            made = self._client.post(
                "/model-versions/create", name=name, source=source, run_id=run_id, description=mark
            )["model_version"]
            self.done.versions += 1
            for alias in aliases:
                self._name(name, alias, str(made["version"]), mark)
        except StewardError as error:
            self.done.left.append(f"version {mark}: {error.said()}")

    def _name(self, name: str, alias: str, version: str, mark: str) -> None:
        """Set an alias on a version that is new there, unless it stands on another: that is theirs to decide."""
        try:
            self._client.get("/registered-models/alias", name=name, alias=alias)
        except (NotFound, UnusableData):  # MLflow answers 400 where there is no such alias
            self._client.post("/registered-models/alias", name=name, alias=alias, version=version)
        else:
            self.done.left.append(f"the alias {alias} of {mark}: it stands on a version there already")


def _all(t: Transaction) -> list[int]:
    trained = [number for (number,) in t.rows("SELECT run FROM models ORDER BY run")]
    return sorted({*trained, *(one.run for one in all_logged_runs(t))})


def _versions(t: Transaction) -> Iterator[Model]:
    return iter([one for newest in newest_models(t) for one in versions_of(t, newest.name)[::-1]])


def _registered(t: Transaction) -> list[RegisteredModel]:
    return assets_of(t, RegisteredModel)


def _outgoing(t: Transaction, number: int) -> Outgoing:
    run = get_run(t, number)
    logged = logged_runs(t, [number]).get(number)
    rows = [row for row in steps_of(t, number) if row.value is not None]
    at = milliseconds(run.finished or run.created)
    metrics = [
        {
            "key": metric_key(row.split, row.name),
            "value": row.value,
            "step": row.step,
            "timestamp": milliseconds(row.time) or at,
        }
        for row in rows
    ]
    model = next((one for newest in newest_models(t) for one in versions_of(t, newest.name) if one.run == number), None)
    models = [one for one in assets_of(t, LoggedModel) if logged and one.run_id == logged.run_id]
    return Outgoing(run, str(run.tags.get(EXPERIMENT_TAG, "mlsteward")), metrics, model, models)


def _package(workspace: Path, model: Model, folder: Path) -> None:
    """The model in MLflow's format; this loads scikit-learn, which a command may."""
    from mlsteward.serving.model_file import load_bundle
    from mlsteward.serving.package_mlflow import Packaged, write_mlflow

    path = workspace / model.path
    about = Packaged(
        label=model.label,
        sha256=model.sha256,
        dataset=model.dataset,
        metrics={name: score.value for name, score in model.metrics.items()},
    )
    write_mlflow(folder, load_bundle(path, model.sha256), path.read_bytes(), about)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
