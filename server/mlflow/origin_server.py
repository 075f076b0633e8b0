"""A server of MLflow to import from."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from mlsteward.errors import NotFound
from mlsteward.runs.mlflow_logging import Value
from mlsteward.server.mlflow.client import MlflowClient
from mlsteward.server.mlflow.messages import moment
from mlsteward.server.mlflow.origin import Files, OriginModel, OriginRun, OriginVersion

_SCHEME = "mlflow-artifacts:"


class ServerOrigin:
    """What stands on a tracking server."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(uri)
        self.shown = self._client.shown

    @cached_property
    def _experiments(self) -> dict[str, str]:
        found = self._client.pages("POST", "/experiments/search", "experiments", view_type="ACTIVE_ONLY")
        return {str(one["experiment_id"]): str(one["name"]) for one in found}

    def runs(self) -> Iterator[OriginRun]:
        for id, name in self._experiments.items():
            asked = {"experiment_ids": [id], "order_by": ["attributes.start_time ASC"]}
            for one in self._client.pages("POST", "/runs/search", "runs", **asked):
                yield self._run(one, name)

    def _run(self, one: dict[str, Any], experiment: str) -> OriginRun:
        info, data = one["info"], one.get("data", {})
        keys = [str(metric["key"]) for metric in data.get("metrics", [])]
        inputs, outputs = one.get("inputs", {}), one.get("outputs", {})
        return OriginRun(
            run_id=str(info["run_id"]),
            experiment=experiment,
            name=str(info.get("run_name", "")),
            status=str(info.get("status", "FINISHED")),
            user=str(info.get("user_id", "")),
            started=moment(int(info.get("start_time", 0))),
            finished=moment(int(info.get("end_time") or 0)),
            root=str(info.get("artifact_uri", "")),
            params=_pairs(data.get("params", [])),
            tags=_pairs(data.get("tags", [])),
            values=[value for key in keys for value in self._history(str(info["run_id"]), key)],
            inputs=[*inputs.get("dataset_inputs", []), *inputs.get("model_inputs", [])],
            outputs=outputs.get("model_outputs", []),
        )

    def _history(self, run_id: str, key: str) -> Iterator[Value]:
        asked = {"run_id": run_id, "metric_key": key, "max_results": 25_000}
        for one in self._client.pages("GET", "/metrics/get-history", "metrics", **asked):
            yield Value(key, float(one["value"]), int(one.get("step", 0)), moment(int(one.get("timestamp", 0))))

    def models(self) -> Iterator[OriginModel]:
        if not self._experiments:
            return
        asked = {"experiment_ids": list(self._experiments), "max_results": 50}
        try:
            found = list(self._client.pages("POST", "/logged-models/search", "models", **asked))
        except NotFound:  # a server before MLflow 3
            return
        for one in found:
            info, data = one["info"], one.get("data", {})
            yield OriginModel(
                id=str(info["model_id"]),
                experiment=self._experiments.get(str(info["experiment_id"]), ""),
                name=str(info.get("name", "")),
                run_id=str(info.get("source_run_id", "")),
                root=str(info.get("artifact_uri", "")),
                created=moment(int(info.get("creation_timestamp_ms", 0))),
                params=_pairs(data.get("params", [])),
                tags=_pairs(info.get("tags", [])),
            )

    def versions(self) -> Iterator[OriginVersion]:
        registered = self._client.pages("GET", "/registered-models/search", "registered_models", max_results=100)
        aliases = {
            (str(model["name"]), str(alias["version"]), str(alias["alias"]))
            for model in registered
            for alias in model.get("aliases", [])
        }
        asked = {"max_results": 200}
        found = list(self._client.pages("GET", "/model-versions/search", "model_versions", **asked))
        for one in sorted(found, key=lambda one: (str(one["name"]), int(one["version"]))):
            name, version = str(one["name"]), str(one["version"])
            yield OriginVersion(
                name=name,
                version=int(version),
                description=str(one.get("description", "")),
                run_id=str(one.get("run_id", "")),
                model_id=str(one.get("model_id") or ""),
                source=str(one.get("source", "")),
                stage=str(one.get("current_stage") or "None"),
                created=moment(int(one.get("creation_timestamp", 0))),
                tags=_pairs(one.get("tags", [])),
                aliases=[alias for known, at, alias in sorted(aliases) if (known, at) == (name, version)],
            )

    def files(self, root: str) -> Files:
        if not root.startswith(_SCHEME):
            return Files(left=f"artifacts at {root} are not served by {self.shown}") if root else Files()
        return Files(list(self._client.files(root)))

    def fetch(self, root: str, path: str, target: Path) -> None:
        self._client.fetch(root, path, target)


def _pairs(found: list[dict[str, Any]]) -> dict[str, str]:
    return {str(one["key"]): str(one.get("value", "")) for one in found}
