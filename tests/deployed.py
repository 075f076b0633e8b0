"""A deployment whose endpoint never ran, with the predictions that it might have logged."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.segments import SegmentWriter
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, place
from mlsteward.store.models import Model, add_model
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

START = datetime(2026, 3, 1, tzinfo=UTC)


def deploy(workspace: Workspace, name: str = "delay", *, classes: tuple[str, ...] = ("no", "yes")) -> None:
    """Have the store say that `name` serves a model, whose file nobody opens."""

    def write(t: Transaction) -> None:
        (count,) = t.row("SELECT count(*) FROM models") or (0,)
        model = Model(
            run=count + 1,
            name=name,
            task="binary" if classes else "regression",
            target="late" if classes else "minutes",
            dataset="flights@1",
            classes=list(classes),
            path="runs/1/artifacts/model.skops",
            sha256="0",
            signature=[],
            metric="roc_auc" if classes else "rmse",
            created=START,
        )
        add_model(t, model)
        wanted = Deployment(name=name, asked=f"{name}@1", model=f"{name}@1", created=START, changed=START)
        place(t, wanted, event="deployed", by=By("ann", "test"))

    workspace.store.write(write)


def log(workspace: Workspace, name: str, rows: list[dict[str, Any]]) -> None:
    """Append predictions to the log; each has `prediction_id` and `prediction`, and `hour` after the start."""
    writer = SegmentWriter(EndpointFolder.of(workspace.folder, name).predictions, {"x": "DOUBLE"})
    for place_, row in enumerate(rows):
        fields = {key: value for key, value in row.items() if key != "hour"}
        time = START + timedelta(hours=row.get("hour", 0), seconds=place_)
        line = {
            "request_id": f"r{place_}",
            "time": int(time.timestamp() * 1_000_000),
            "deployment": name,
            "model": f"{name}@1",
            "role": "champion",
            "latency_ms": 1.0,
            "score": 0.5,
            "scores": [0.5, 0.5],
            "features": {"x": 1.0},
            **fields,
        }
        writer.append(json.dumps(line).encode() + b"\n")
    writer.close()
