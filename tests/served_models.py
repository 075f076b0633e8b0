"""Small real models, registered as versions of `large`, to be served by endpoints."""

import copy
import functools
import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from mlsteward.serving.model_file import save_bundle
from mlsteward.store.models import Model, add_model
from mlsteward.store.runs import Run, add_run
from mlsteward.store.transaction import Transaction
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.train import train
from mlsteward.workspace import Workspace
from tests.training_samples import orders, table_of


@functools.cache
def _fitted() -> ModelBundle:
    options = TrainOptions(target="large", estimator="logistic_regression", exclude=["amount"])
    choice = SplitChoice(kind="row", why="")
    with threadpool_limits(1):
        return train(table_of(orders(120)), options, choice, lambda done, message: None).bundle


@functools.cache
def bundle_of(version: int) -> ModelBundle:
    """The model of a version: each leans further towards yes than the one before, so its scores tell which it is."""
    bundle = copy.deepcopy(_fitted())
    bundle.members[0].estimator.intercept_ += version / 4
    return bundle


def add_versions(workspace: Workspace, count: int, dataset: str = "orders@1") -> list[Model]:
    """So many versions of the model `large`, with their files."""
    return [_add(workspace, version + 1, dataset) for version in range(count)]


def _add(workspace: Workspace, version: int, dataset: str) -> Model:
    bundle = bundle_of(version)

    def write(t: Transaction) -> Model:
        now = datetime.now(UTC)
        run = Run(number=0, kind="train", state="completed", dataset=dataset, target="large", created=now)
        number = add_run(t, run)
        folder = workspace.folder / "runs" / str(number) / "artifacts"
        folder.mkdir(parents=True)
        model = Model(
            run=number,
            name="large",
            task=bundle.task,
            target="large",
            dataset=dataset,
            classes=bundle.classes,
            path=f"runs/{number}/artifacts/model.skops",
            sha256=save_bundle(bundle, folder / "model.skops"),
            signature=bundle.signature,
            threshold=bundle.threshold,
            metric="roc_auc",
            estimator="logistic_regression",
            created=now,
        )
        return add_model(t, model)

    return workspace.store.write(write)


def rows_of(count: int, seed: int = 77) -> list[dict[str, Any]]:
    """Rows as callers send them."""
    frame = orders(count, seed=seed)[[column.name for column in bundle_of(1).signature]]
    return json.loads(frame.to_json(orient="records", date_format="iso", date_unit="s") or "[]")


def scores_of(version: int, count: int, seed: int = 77) -> list[float]:
    """What a version says of the same rows: the probability of its positive class."""
    frame: pd.DataFrame = orders(count, seed=seed)
    return [float(score) for score in bundle_of(version).raw_scores(frame)[:, 1]]
