"""`mlsteward import mlflow` and `export mlflow`: runs with their history, files and versions, both ways."""

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.runs.actor import Actor
from mlsteward.server.app import Steward
from mlsteward.server.http import http_app
from mlsteward.server.mlflow.origin_folder import FolderOrigin
from mlsteward.server.mlflow.origin_sqlite import SqliteOrigin
from mlsteward.server.mlflow.take_in import Import, TakenIn
from mlsteward.server.mlflow.transfer import export_mlflow, import_mlflow, open_origin
from mlsteward.store.metrics import steps_of
from mlsteward.store.mlflow_assets import ModelVersion, RegisteredModel, find_asset
from mlsteward.store.mlflow_runs import all_logged_runs
from mlsteward.store.runs import get_run
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace

RUN = "700e877436b44b81b86f27997da1db0b"
MODEL = "m-5685b753501e46eeb377813b3b677b91"
TABLES = """
    CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
    CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time INT, end_time INT,
        lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
    CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, run_uuid TEXT, step INT, is_nan BOOLEAN);
    CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
    CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
    CREATE TABLE logged_models (model_id TEXT, experiment_id INT, name TEXT, artifact_location TEXT,
        creation_timestamp_ms INT, lifecycle_stage TEXT, source_run_id TEXT);
    CREATE TABLE logged_model_params (model_id TEXT, param_key TEXT, param_value TEXT);
    CREATE TABLE logged_model_tags (model_id TEXT, tag_key TEXT, tag_value TEXT);
    CREATE TABLE model_versions (name TEXT, version INT, creation_time INT, description TEXT, current_stage TEXT,
        source TEXT, run_id TEXT);
    CREATE TABLE model_version_tags (key TEXT, value TEXT, name TEXT, version INT);
    CREATE TABLE registered_model_aliases (alias TEXT, version INT, name TEXT);
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store of MLflow 3 with a run of two steps, a run that goes on, a logged model and its registered version."""
    folder = tmp_path / "theirs"
    theirs = folder / "mlruns" / "1"
    artifacts, model = theirs / RUN / "artifacts", theirs / "models" / MODEL / "artifacts"
    (artifacts / "notes").mkdir(parents=True)
    (artifacts / "notes" / "a.txt").write_text("hi")
    (artifacts / "link").symlink_to(folder)
    model.mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {}")
    (model / "model.pkl").write_bytes(b"never opened")
    file = folder / "mlflow.db"
    connection = sqlite3.connect(file)
    connection.executescript(TABLES)
    rows: dict[str, list[tuple[object, ...]]] = {
        "experiments": [(1, "local", "", "active")],
        "runs": [
            (RUN, "a", "ann", "FINISHED", 1_795_440_128_760, 1_795_440_130_760, "active", str(artifacts), 1),
            ("b" * 32, "b", "ann", "RUNNING", 1_795_440_128_760, None, "active", str(artifacts), 1),
        ],
        "metrics": [("val_loss", 1.0, 5, RUN, 0, 0), ("val_loss", 0.5, 6, RUN, 1, 0), ("bad", 0.0, 6, RUN, 0, 1)],
        "params": [("C", "1.0", RUN)],
        "tags": [("owner", "ann", RUN)],
        "logged_models": [(MODEL, 1, "model", str(model), 1_795_440_129_233, "active", RUN)],
        "model_versions": [("loc", 1, 1_795_440_137_104, "first", "None", f"models:/{MODEL}", RUN)],
        "registered_model_aliases": [("champion", 1, "loc")],
    }
    for table, lines in rows.items():
        marks = ", ".join("?" * len(lines[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", lines)
    connection.commit()
    connection.close()
    return file


def take_in(workspace: Workspace, file: Path) -> TakenIn:
    return Import(workspace, SqliteOrigin(file), Actor(name="me"), lambda _: None).carry_out()


def test_an_import_brings_runs_history_files_and_versions_once(workspace: Workspace, database: Path) -> None:
    done = take_in(workspace, database)
    assert (done.runs, done.models, done.versions, done.files) == ([1], 1, 1, 3)
    assert done.left == ["run b: it is still running there"]
    run = workspace.store.read(lambda t: get_run(t, 1))
    assert (run.kind, run.name, run.state, run.params, run.wall_seconds) == ("train", "a", "completed", {"C": 1.0}, 2.0)
    assert run.tags == {"owner": "ann", "mlflow.experiment": "local"}
    steps = workspace.store.read(lambda t: steps_of(t, 1))
    assert [(row.split, row.name, row.step, row.value) for row in steps] == [
        ("test", "bad", 0, None),
        ("validation", "loss", 0, 1.0),
        ("validation", "loss", 1, 0.5),
    ]
    folder = workspace.folder / "runs" / "1"
    assert (folder / "artifacts" / "notes" / "a.txt").read_text() == "hi"
    assert not (folder / "artifacts" / "link").exists()
    assert (folder / "models" / MODEL / "model.pkl").read_bytes() == b"never opened"
    registered = workspace.store.read(lambda t: find_asset(t, RegisteredModel, "loc"))
    assert registered is not None
    assert registered.aliases == {"champion": 1}
    again = take_in(workspace, database)
    assert (again.runs, again.models, again.versions, again.files, again.known) == ([], 0, 0, 0, 1)


def test_a_run_on_a_dataset_that_is_not_registered_here_comes_without_it(workspace: Workspace, database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO tags VALUES ('mlsteward.dataset', 'flights@3', ?)", [RUN])
        connection.commit()
    done = take_in(workspace, database)
    assert done.runs == [1]
    assert done.left[0].startswith("dataset flights@3 of run a: ")
    run = workspace.store.read(lambda t: get_run(t, 1))
    assert (run.dataset, run.tags) == ("", {"owner": "ann", "mlflow.experiment": "local"})


def test_a_folder_of_runs_is_read_too(workspace: Workspace, tmp_path: Path) -> None:
    run = tmp_path / "mlruns" / "0" / RUN
    for name, text in {
        "../meta.yaml": "experiment_id: '0'\nname: Default\n",
        "meta.yaml": f"run_id: {RUN}\nrun_name: old\nstatus: 3\nstart_time: 1000\nend_time: 3000\nuser_id: ann\n",
        "params/depth": "3",
        "metrics/sys/cpu": "1000 0.5 0\n2000 0.25 1\n",
        "tags/owner": "ann",
        "artifacts/model/MLmodel": "flavors: {}",
    }.items():
        file = run / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    version = tmp_path / "mlruns" / "models" / "old" / "version-1"
    version.mkdir(parents=True)
    source = f"{run / 'artifacts'}/model"
    (version / "meta.yaml").write_text(f"name: old\nversion: 1\nsource: {source}\nrun_id: {RUN}\n")
    origin = FolderOrigin(tmp_path / "mlruns")
    done = Import(workspace, origin, Actor(name="me"), lambda _: None).carry_out()
    assert (done.runs, done.versions, done.left) == ([1], 1, [])
    steps = workspace.store.read(lambda t: steps_of(t, 1))
    assert [(row.name, row.step, row.value) for row in steps] == [("sys/cpu", 0, 0.5), ("sys/cpu", 1, 0.25)]
    found = workspace.store.read(lambda t: find_asset(t, ModelVersion, "old/1"))
    assert found is not None
    assert found.source == f"mlflow-artifacts:/0/{RUN}/artifacts/model"


@contextmanager
def served(workspace: Workspace) -> Generator[str]:
    """The HTTP server over a workspace, in a thread of this process."""
    app = http_app(Steward(workspace), host="127.0.0.1")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def test_what_is_exported_to_a_server_can_be_imported_from_it(
    workspace: Workspace, database: Path, tmp_path: Path, data: Path, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take_in(workspace, database)
    there, third = (new_workspace(tmp_path / name, data, warm) for name in ("there", "third"))
    try:
        with served(there) as url:
            assert export_mlflow(Settings(workspace=workspace.folder, data=[data]), url, []) == 0
            assert "1 run, 1 version, 3 files" in capsys.readouterr().out
            assert export_mlflow(Settings(workspace=workspace.folder, data=[data]), url, []) == 0
            assert "1 run was there already" in capsys.readouterr().out
            assert import_mlflow(Settings(workspace=third.folder, data=[data]), url) == 0
            assert "1 run, 0 logged models, 1 version, 3 files" in capsys.readouterr().out
            assert import_mlflow(Settings(workspace=workspace.folder, data=[data]), url) == 0
            assert "1 run was here already" in capsys.readouterr().out
        for one in (there, third):
            (logged,) = one.store.read(all_logged_runs)
            run = one.store.read(lambda t, number=logged.run: get_run(t, number))
            assert (run.name, run.state, run.params, run.tags["owner"]) == ("a", "completed", {"C": 1.0}, "ann")
            steps = one.store.read(lambda t, number=logged.run: steps_of(t, number))
            kept = [row.value for row in steps if row.name == "loss"]
            assert kept == [1.0, 0.5]
            assert not any(math.isnan(row.value or 0) for row in steps)
            files = one.folder / "runs" / str(logged.run) / "artifacts"
            assert (files / "model" / "model.pkl").read_bytes() == b"never opened"
            registered = one.store.read(lambda t: find_asset(t, RegisteredModel, "loc"))
            assert registered
            assert registered.aliases == {"champion": 1}
    finally:
        there.close()
        third.close()


def test_what_is_no_mlflow_store_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database")
    (tmp_path / "empty").mkdir()
    for uri, words in (("x.db", "cannot be read"), ("empty", "no meta.yaml")):
        with pytest.raises(UnusableData, match=words):
            open_origin(str(tmp_path / uri))
    with pytest.raises(InvalidArgument, match="no folder of runs"):
        open_origin(str(tmp_path / "nowhere"))
    with pytest.raises(UnusableData, match="cannot be reached"):
        list(open_origin("http://127.0.0.1:9").runs())
    with pytest.raises(InvalidArgument, match="http://"):
        export_mlflow(Settings(workspace=tmp_path / "w"), "mlruns", [])
