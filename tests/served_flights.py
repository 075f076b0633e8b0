"""A model trained on flights and deployed in the store, with a prediction log as its endpoint would have written it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsteward.data.engine import connect, literal
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.model_file import load_bundle
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, place
from mlsteward.store.models import find_model
from mlsteward.workspace import Workspace
from tests.conftest import assistant_of
from tests.judged import flights

NAMES = "prediction_id VARCHAR, request_id VARCHAR, time TIMESTAMP, deployment VARCHAR, model VARCHAR, role VARCHAR,"


def moment(days: float) -> datetime:
    """So many days before now, to the hour, without a zone."""
    now = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    return now - timedelta(days=days)


async def train(workspace: Workspace, data: Path, *, target: str = "late", split: str = "time", **more: Any) -> None:
    """Train `delay` on flights of sixty days, and have the store say that `delay` serves it."""
    flights(3000, 1).to_csv(data / "flights.csv", index=False)
    other = "minutes" if target == "late" else "late"
    async with assistant_of(workspace) as boss:
        await boss.call("register_dataset", name="flights", source="flights.csv", wait_seconds=120)
        arguments = {"estimator": "logistic_regression" if target == "late" else "ridge", "cpu_budget": 1}
        answer = await boss.call(
            "train_model",
            dataset="flights",
            target=target,
            name="delay",
            exclude=[other, "day"],
            split=split,
            wait_seconds=120,
            **arguments,
            **more,
        )
        assert answer["state"] == "completed", answer
    deploy(workspace, "delay@1")


def deploy(workspace: Workspace, model: str, **more: object) -> None:
    wanted = Deployment.model_validate(
        {"name": "delay", "asked": model, "model": model, "created": moment(90), "changed": moment(90), **more}
    )
    workspace.store.write(lambda t: place(t, wanted, event="deployed", by=By("ann", "test")))


def serve(
    workspace: Workspace,
    frame: pd.DataFrame,
    *,
    begin: datetime,
    end: datetime,
    model: str = "delay@1",
    role: str = "champion",
    errors: int = 0,
    milliseconds: float = 2.0,
) -> pd.DataFrame:
    """Log the model's predictions for `frame`, evenly from `begin` to `end`; gives prediction ids with the truth."""
    found = workspace.store.read(lambda t: find_model(t, model))
    bundle = load_bundle(workspace.folder / found.path, found.sha256)
    predictions = bundle.predict(frame)
    n = len(frame)
    random = np.random.default_rng(n)
    names = [column.name for column in bundle.signature]
    seconds = np.linspace(0, (end - begin).total_seconds() - 1, n)
    folder = EndpointFolder.of(workspace.folder, "delay").predictions
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{begin:%Y%m%dT%H%M%S}-{role}-{len(list(folder.iterdir()))}"
    table = pd.DataFrame(
        {
            "prediction_id": [f"{stem}-{place}" for place in range(n)],
            "time": [begin + timedelta(seconds=float(second)) for second in seconds],
            "latency_ms": random.gamma(4, milliseconds / 4, n),
            "error": [None if place >= errors else "the model failed" for place in range(n)],
            "prediction": [str(label) for label in predictions.labels],
            **{f"f {name}": frame[name].to_numpy() for name in names},
        }
    )
    table.loc[: errors - 1, "prediction"] = None
    scores = "CAST(NULL AS DOUBLE[])"
    if predictions.scores is not None:
        for place in range(predictions.scores.shape[1]):
            table[f"s {place}"] = predictions.scores[:, place]
        listed = ", ".join(f'"s {place}"' for place in range(predictions.scores.shape[1]))
        scores = f"[{listed}]"
    features = ", ".join(f'"{name}": "f {name}"' for name in names)
    with connect(threads=1) as connection:
        connection.register("served", table)
        connection.execute(
            "COPY (SELECT prediction_id, prediction_id AS request_id, CAST(time AS TIMESTAMP) AS time,"
            f" 'delay' AS deployment, {literal(model)} AS model, {literal(role)} AS role, CAST(NULL AS VARCHAR) AS key,"
            " latency_ms, CAST(error AS VARCHAR) AS error, CAST(prediction AS VARCHAR) AS prediction,"
            f" CAST(NULL AS DOUBLE) AS score, {scores} AS scores, {{{features}}} AS features FROM served)"
            f" TO {literal(str(folder / f'{stem}.parquet'))} (FORMAT parquet)"
        )
    return pd.DataFrame({"prediction_id": table["prediction_id"], "outcome": frame[found.target].to_numpy()})
