"""A model as a worker needs it to judge or explain it: its file, its artifacts, how it was trained. Light to import."""

from typing import Any

from mlsteward.evaluation.directions import Task
from mlsteward.record import Record
from mlsteward.runs.job import ARTIFACTS
from mlsteward.store.models import Model
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import SignatureColumn


class JudgedModel(Record):
    """`path` and `artifacts` are relative to the workspace; `fingerprint` is that of the training data."""

    label: str
    path: str
    sha256: str
    artifacts: str
    dataset: str
    fingerprint: str
    task: Task
    target: str
    classes: list[str]
    metric: str
    threshold: float
    signature: list[SignatureColumn]
    split: dict[str, Any] = {}
    weight_column: str = ""

    @property
    def split_kind(self) -> str:
        return str(self.split.get("kind", ""))

    @property
    def split_column(self) -> str:
        return str(self.split.get("column", ""))


def judged_model(transaction: Transaction, model: Model) -> JudgedModel:
    """The model with what its train run recorded."""
    run = get_run(transaction, model.run)
    return JudgedModel(
        label=model.label,
        path=model.path,
        sha256=model.sha256,
        artifacts=f"runs/{model.run}/{ARTIFACTS}",
        dataset=model.dataset,
        fingerprint=model.fingerprint,
        task=model.task,
        target=model.target,
        classes=model.classes,
        metric=model.metric,
        threshold=model.threshold,
        signature=model.signature,
        split=model.split,
        weight_column=str(run.params.get("weight_column", "")),
    )
