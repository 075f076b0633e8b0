"""Importing runs, logged models and versions from MLflow. What is here already stays as it is."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mlsteward.errors import Refused, StewardError
from mlsteward.exchange.mlflow import DATASET_TAG, ORIGIN_TAG, RUN_STATUS
from mlsteward.runs.actor import Actor
from mlsteward.runs.job import ARTIFACTS
from mlsteward.runs.mlflow_logging import (
    NewRun,
    add_experiment,
    all_experiments,
    inside,
    log_params,
    log_values,
    model_folder,
    start_logged,
    tagged_dataset,
)
from mlsteward.server.mlflow.origin import Origin, OriginModel, OriginRun, OriginVersion
from mlsteward.server.mlflow.present import model_root, run_root
from mlsteward.store.activity import add_activity
from mlsteward.store.mlflow_assets import (
    Experiment,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    add_registered,
    find_asset,
    put_asset,
)
from mlsteward.store.mlflow_runs import find_logged_run, update_logged_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


@dataclass
class TakenIn:
    """What came of an import; `known` were here already, `left` says what did not come and why."""

    runs: list[int] = field(default_factory=list[int])
    models: int = 0
    versions: int = 0
    files: int = 0
    known: int = 0
    left: list[str] = field(default_factory=list[str])


class Import:
    """One import, run by run: what has come is kept when a later one fails."""

    def __init__(self, workspace: Workspace, origin: Origin, actor: Actor, tell: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._store = workspace.store
        self._origin = origin
        self._actor = actor
        self._tell = tell
        self._roots: dict[str, str] = {}
        self.done = TakenIn()

    def carry_out(self) -> TakenIn:
        for run in self._origin.runs():
            self._roots[run.run_id] = run.root
            self._run(run)
        for model in self._origin.models():
            self._model(model)
        for version in self._origin.versions():
            self._version(version)
        return self.done

    def _run(self, run: OriginRun) -> None:
        if self._store.read(lambda t: find_logged_run(t, run.run_id)) or self._went_from_here(run):
            self.done.known += 1
            return
        if run.status in ("RUNNING", "SCHEDULED"):
            self.done.left.append(f"run {run.name or run.run_id}: it is still running there")
            return
        run = self._without_strange_dataset(run)
        runs = self._workspace.folder / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=".incoming-", dir=runs))
        try:
            self._fetch(run.root, staged, f"run {run.name or run.run_id}")
            number = self._store.write(lambda t: self._record_run(t, run, runs, staged))
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        self.done.runs.append(number)
        self._tell(f"run:{number} {run.name}")

    def _went_from_here(self, run: OriginRun) -> bool:
        return run.tags.get(ORIGIN_TAG, "").partition(" of ")[2] == str(self._workspace.folder)

    def _without_strange_dataset(self, run: OriginRun) -> OriginRun:
        """The run; without its tag for a dataset where there is no such dataset here."""
        name = run.tags.get(DATASET_TAG)
        if name is None:
            return run
        try:
            self._store.read(lambda t: tagged_dataset(t, name))
        except StewardError as error:
            self.done.left.append(f"dataset {name} of run {run.name or run.run_id}: {error.said()}")
            return replace(run, tags={key: value for key, value in run.tags.items() if key != DATASET_TAG})
        return run

    def _record_run(self, t: Transaction, run: OriginRun, runs: Path, staged: Path) -> int:
        started = run.started or datetime.now(UTC)
        new = NewRun(
            run_id=run.run_id,
            experiment=run.experiment,
            name=run.name,
            user_name=run.user,
            state=RUN_STATUS.get(run.status, "completed"),
            started=started,
            finished=run.finished or started,
            tags=run.tags,
        )
        placed = start_logged(t, runs, new, _experiment(t, run.experiment), self._actor, "imported from MLflow")
        log_params(t, placed, run.params)
        log_values(t, placed.number, run.values)
        update_logged_run(t, run.run_id, inputs=run.inputs, outputs=run.outputs)
        self._remember(t, f"run:{placed.number}", placed.number)
        target = runs / str(placed.number) / ARTIFACTS
        target.rmdir()
        staged.chmod(0o755)
        staged.rename(target)
        return placed.number

    def _model(self, model: OriginModel) -> None:
        if self._store.read(lambda t: find_asset(t, LoggedModel, model.id)):
            return
        logged = self._store.read(lambda t: find_logged_run(t, model.run_id)) if model.run_id else None
        try:
            folder = model_folder(self._workspace.folder, logged.run if logged else None, model.id)
        except Refused as error:
            self.done.left.append(f"model {model.name}: {error.said()}")
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._fetch(model.root, folder, f"model {model.name}")

        def record(t: Transaction) -> None:
            created = model.created or datetime.now(UTC)
            made = LoggedModel(
                id=model.id,
                experiment=_experiment(t, model.experiment).id,
                name=model.name,
                run_id=model.run_id if logged else "",
                status="LOGGED_MODEL_READY",
                params=model.params,
                tags=model.tags,
                actor=self._actor.name,
                created=created,
                changed=created,
            )
            put_asset(t, made)
            self._remember(t, f"logged model:{model.id}", logged.run if logged else None)

        self._store.write(record)
        self.done.models += 1

    def _version(self, version: OriginVersion) -> None:
        label = f"{version.name}@{version.version}"
        try:
            came = self._store.write(lambda t: self._record_version(t, version))
        except StewardError as error:
            self.done.left.append(f"version {label}: {error.said()}")
            return
        if came:
            self.done.versions += 1

    def _record_version(self, t: Transaction, version: OriginVersion) -> bool:
        id = ModelVersion.id_of(version.name, version.version)
        source = self._source(t, version)
        known = find_asset(t, ModelVersion, id)
        if known is not None:
            if known.source != source:
                self.done.left.append(f"version {version.name}@{version.version}: there is another of that number here")
            return False
        created = version.created or datetime.now(UTC)
        registered = find_asset(t, RegisteredModel, version.name) or add_registered(
            t, RegisteredModel(id=version.name, actor=self._actor.name, created=created, changed=created)
        )
        aliases = {**dict.fromkeys(version.aliases, version.version), **registered.aliases}
        put_asset(t, registered.model_copy(update={"aliases": aliases}))
        made = ModelVersion(
            id=id,
            name=version.name,
            version=version.version,
            description=version.description,
            source=source,
            run_id=version.run_id,
            model_id=version.model_id,
            stage=version.stage,
            tags=version.tags,
            actor=self._actor.name,
            created=created,
            changed=created,
        )
        put_asset(t, made)
        self._remember(t, f"registered model:{version.name}@{version.version}", None)
        return True

    def _source(self, t: Transaction, version: OriginVersion) -> str:
        """Where the version's files lie here; as it is told there where they did not come along."""
        model = find_asset(t, LoggedModel, version.model_id) if version.model_id else None
        if model:
            return model_root(model)
        logged = find_logged_run(t, version.run_id) if version.run_id else None
        root = self._roots.get(version.run_id, "").rstrip("/")
        if logged and root and version.source.startswith(f"{root}/"):
            return run_root(logged) + version.source.removeprefix(root)
        return version.source

    def _fetch(self, root: str, folder: Path, what: str) -> None:
        try:
            files = self._origin.files(root)
            if files.left:
                self.done.left.append(f"{what}: {files.left}")
            for path in files.paths:
                target = inside(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                self._origin.fetch(root, path, target)
                self.done.files += 1
        except (StewardError, OSError) as error:
            self.done.left.append(f"files of {what}: {error}")

    def _remember(self, t: Transaction, asset: str, run: int | None) -> None:
        why = f"from {self._origin.shown}"
        add_activity(
            t, actor=self._actor.name, client=self._actor.client, action="import mlflow", asset=asset, why=why, run=run
        )


def _experiment(t: Transaction, name: str) -> Experiment:
    """The experiment of that name, which is made where there is none."""
    found = next((one for one in all_experiments(t) if one.name == name), None)
    return found or add_experiment(t, name or "imported", {})
