"""Importing from an MLflow that was made to do harm."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mlsteward.runs.actor import Actor
from mlsteward.server.mlflow.origin import Origin
from mlsteward.server.mlflow.origin_folder import FolderOrigin
from mlsteward.server.mlflow.origin_sqlite import SqliteOrigin
from mlsteward.server.mlflow.take_in import Import, TakenIn
from mlsteward.workspace import Workspace


def taken_in(workspace: Workspace, origin: Origin) -> TakenIn:
    return Import(workspace, origin, Actor(name="ann"), lambda line: None).carry_out()


@pytest.mark.parametrize("id", ["VICTIM", "../../../victim", "m-1/../../../../victim", "..", ".", "''", "a b"])
def test_the_id_of_a_model_leads_nowhere_else(workspace: Workspace, tmp_path: Path, id: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "thesis.txt").write_text("years of work")
    kept = workspace.folder / "mlflow" / "models" / "m-0" / "kept.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("logged before")
    model = tmp_path / "mlruns" / "0" / "models" / "m"
    (model / "artifacts").mkdir(parents=True)
    (model / "artifacts" / "MLmodel").write_text("x")
    (model.parent.parent / "meta.yaml").write_text("name: Default\n")
    (model / "meta.yaml").write_text(f"model_id: {str(victim) if id == 'VICTIM' else id}\nname: late\n")
    done = taken_in(workspace, FolderOrigin(tmp_path / "mlruns"))
    assert (done.models, done.files) == (0, 0)
    assert "is no id of a logged model" in done.left[0]
    assert [path.name for path in victim.iterdir()] == ["thesis.txt"]
    assert kept.read_text() == "logged before"


def test_a_database_of_runs_names_no_folders_but_those_of_runs(workspace: Workspace, tmp_path: Path) -> None:
    own, private = tmp_path / "mlruns" / "r1" / "artifacts", tmp_path / "private"
    for folder in (own, private):
        folder.mkdir(parents=True)
        (folder / "file.txt").write_text(folder.name)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.executescript(
            """
            CREATE TABLE experiments (experiment_id INT, name TEXT, lifecycle_stage TEXT);
            INSERT INTO experiments VALUES (0, 'Default', 'active');
            CREATE TABLE runs (run_uuid TEXT, experiment_id INT, name TEXT, status TEXT, user_id TEXT, start_time INT,
                end_time INT, artifact_uri TEXT, lifecycle_stage TEXT);
            CREATE TABLE params (run_uuid TEXT, key TEXT, value TEXT);
            CREATE TABLE tags (run_uuid TEXT, key TEXT, value TEXT);
            CREATE TABLE metrics (run_uuid TEXT, key TEXT, value REAL, step INT, timestamp INT, is_nan INT);
            """
        )
        runs = [("r1", str(own)), ("r2", str(private)), ("r3", f"file://{private}")]
        for id, folder in runs:
            row = (id, 0, f"run {id}", "FINISHED", "ann", 1, 2, folder, "active")
            database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.commit()
    done = taken_in(workspace, SqliteOrigin(tmp_path / "mlflow.db"))
    assert (len(done.runs), done.files) == (3, 1)
    assert ["is no folder that MLflow keeps artifacts in" in line for line in done.left] == [True, True]
    copied = [path.read_text() for path in (workspace.folder / "runs").rglob("file.txt")]
    assert copied == ["artifacts"]
