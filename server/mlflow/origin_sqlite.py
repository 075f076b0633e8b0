"""The SQLite file of an MLflow that keeps no server to import from."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from mlsteward.errors import UnusableData
from mlsteward.runs.mlflow_logging import Value
from mlsteward.server.mlflow.messages import moment
from mlsteward.server.mlflow.origin import Files, OriginModel, OriginRun, OriginVersion, local_files, local_folder

_RUNS = """
    SELECT r.run_uuid AS run_id, e.name AS experiment, r.name, r.status, r.user_id, r.start_time, r.end_time,
        r.artifact_uri
    FROM runs AS r JOIN experiments AS e USING (experiment_id)
    WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' ORDER BY r.start_time
"""
_MODELS = """
    SELECT m.*, e.name AS experiment FROM logged_models AS m JOIN experiments AS e USING (experiment_id)
    WHERE m.lifecycle_stage = 'active' ORDER BY m.creation_timestamp_ms
"""


class SqliteOrigin:
    """What stands in the file, which is read and never written; artifacts where they lie on this machine."""

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise UnusableData(f"There is no file {file}.")
        self._file = file.resolve()
        self.shown = str(file)
        # A file from elsewhere may name any folder of this machine: only those that are called as MLflow calls them
        # are taken for its own.
        self._ids: set[str] = set()
        if "experiments" not in {row["name"] for row in self._rows("SELECT name FROM sqlite_master")}:
            raise UnusableData(f"{file} holds no runs of MLflow.")

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        try:
            with closing(sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(sql, values)]
        except sqlite3.Error as error:
            raise UnusableData(f"{self.shown} cannot be read as an MLflow store: {error}.") from error

    def _has(self, table: str) -> bool:
        return bool(self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table))

    def runs(self) -> Iterator[OriginRun]:
        for row in self._rows(_RUNS):
            run_id = str(row["run_id"])
            self._ids.add(run_id)
            yield OriginRun(
                run_id=run_id,
                experiment=row["experiment"],
                name=row["name"] or "",
                status=row["status"] or "FINISHED",
                user=row["user_id"] or "",
                started=moment(row["start_time"] or 0),
                finished=moment(row["end_time"] or 0),
                root=row["artifact_uri"] or "",
                params=self._pairs("SELECT key, value FROM params WHERE run_uuid = ?", run_id),
                tags=self._pairs("SELECT key, value FROM tags WHERE run_uuid = ?", run_id),
                values=[
                    Value(
                        one["key"], math.nan if one["is_nan"] else one["value"], one["step"], moment(one["timestamp"])
                    )
                    for one in self._rows("SELECT * FROM metrics WHERE run_uuid = ? ORDER BY key, step", run_id)
                ],
            )

    def models(self) -> Iterator[OriginModel]:
        if not self._has("logged_models"):
            return
        for row in self._rows(_MODELS):
            id = row["model_id"]
            self._ids.add(id)
            yield OriginModel(
                id=id,
                experiment=row["experiment"],
                name=row["name"] or "",
                run_id=row["source_run_id"] or "",
                root=row["artifact_location"] or "",
                created=moment(row["creation_timestamp_ms"] or 0),
                params=self._pairs(
                    "SELECT param_key AS key, param_value AS value FROM logged_model_params WHERE model_id = ?", id
                ),
                tags=self._pairs(
                    "SELECT tag_key AS key, tag_value AS value FROM logged_model_tags WHERE model_id = ?", id
                ),
            )

    def versions(self) -> Iterator[OriginVersion]:
        if not self._has("model_versions"):
            return
        for row in self._rows("SELECT * FROM model_versions ORDER BY name, version"):
            name, version, source = row["name"], row["version"], row["source"] or ""
            key = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"
            aliases = "SELECT alias FROM registered_model_aliases WHERE name = ? AND version = ?"
            yield OriginVersion(
                name=name,
                version=version,
                description=row["description"] or "",
                run_id=row["run_id"] or "",
                model_id=source.removeprefix("models:/") if source.startswith("models:/m-") else "",
                source=source,
                stage=row["current_stage"] or "None",
                created=moment(row["creation_time"] or 0),
                tags=self._pairs(key, name, version),
                aliases=[one["alias"] for one in self._rows(aliases, name, version)]
                if self._has("registered_model_aliases")
                else [],
            )

    def files(self, root: str) -> Files:
        folder = local_folder(root, self._file.parent)
        if folder is not None and not (folder.name == "artifacts" and folder.parent.name in self._ids):
            return Files(left=f"{root} is no folder that MLflow keeps artifacts in" if root else "")
        return local_files(folder, root)

    def fetch(self, root: str, path: str, target: Path) -> None:
        folder = local_folder(root, self._file.parent)
        assert folder is not None
        target.write_bytes((folder / path).read_bytes())

    def _pairs(self, sql: str, *values: object) -> dict[str, str]:
        return {str(row["key"]): str(row["value"] or "") for row in self._rows(sql, *values)}
