"""Models and their versions."""

import json
from datetime import datetime
from typing import Any

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.lineage.steps import TransformStep
from mlsteward.names import check_model_name, close_names, parse_reference
from mlsteward.record import Record
from mlsteward.store.aliases import aliases_of
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import SignatureColumn, Task


class Score(Record):
    """A held-out metric with its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Model(Record):
    """A fitted model: the file of one train run. Without a `name` its version is 0 and its run stands for it.

    `path` is relative to the workspace. `metrics` were measured on the held-out rows; `metric` is the one that
    chose. `split` says how the test rows were held out (see `training.split.SplitPlan`). `transforms` made `dataset`,
    the farthest first: rows as its sources have them go through them before they are scored.
    """

    run: int
    name: str = ""
    version: int = 0
    task: Task
    target: str
    dataset: str
    fingerprint: str = ""
    classes: list[str] = []
    path: str
    sha256: str
    signature: list[SignatureColumn]
    threshold: float = 0.5
    metric: str
    metrics: dict[str, Score] = {}
    estimator: str = ""
    split: dict[str, Any] = {}
    transforms: list[TransformStep] = []
    actor: str = ""
    created: datetime

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}" if self.name else f"run:{self.run}"


_COLUMNS = list(Model.model_fields)
_JSON_COLUMNS = ("classes", "signature", "metrics", "split", "transforms")


def add_model(transaction: Transaction, model: Model) -> Model:
    """Insert `model`; with a name it becomes the next version of that name. Returns it as it stands in the store."""
    version = 0
    if model.name:
        newest = transaction.row("SELECT max(version) FROM models WHERE name = ?", [model.name])
        version = ((newest[0] if newest else None) or 0) + 1
    placed = model.model_copy(update={"version": version})
    transaction.insert("models", [placed.model_dump()])
    return placed


def name_model(transaction: Transaction, run: int, name: str) -> Model:
    """Give the model of a run that has no name one: it becomes the next version of that name.

    Raises InvalidArgument where it has a name already: versions keep theirs.
    """
    model = _of_run(transaction, run)
    if model.name:
        raise InvalidArgument(f"The model of run:{run} is {model.label} already, and versions keep their names.")
    transaction.execute(
        "UPDATE models SET name = ?, version = 1 + coalesce((SELECT max(version) FROM models WHERE name = ?), 0)"
        " WHERE run = ?",
        [check_model_name(name), name, run],
    )
    return _of_run(transaction, run)


def find_model(transaction: Transaction, text: str) -> Model:
    """The model that `delay`, `delay@2`, `delay@latest`, `delay@champion`, `model:delay@2`, `run:142`, `142` names."""
    bare = text.strip()
    if bare.isdigit():
        bare = f"run:{bare}"
    reference = parse_reference(bare, default="model")
    if reference.kind == "run":
        return _of_run(transaction, int(reference.name))
    if reference.kind != "model":
        raise InvalidArgument(f"{text!r} is no model.", next="list_models()")
    versions = versions_of(transaction, reference.name)
    if not versions:
        raise _not_found(transaction, reference.name)
    if reference.version in ("", "latest"):
        return versions[0]
    aliases = aliases_of(transaction, reference.name)
    wanted = str(aliases.get(reference.version, reference.version))
    for model in versions:
        if str(model.version) == wanted:
            return model
    close = [f"{reference.name}@{alias}" for alias in close_names(reference.version, aliases)]
    known = f"; its aliases are {', '.join(aliases)}" if aliases else "; it has no alias yet"
    raise NotFound(
        f"`{reference.name}` has no version or alias {reference.version!r}{known}.",
        close=[*close, *(model.label for model in versions)],
        next=f'list_models(name="{reference.name}")',
    )


def versions_of(transaction: Transaction, name: str) -> list[Model]:
    """All versions of a name, newest first."""
    return _models(transaction, "name = ?", [name], "version DESC")


def newest_models(transaction: Transaction) -> list[Model]:
    """The newest version of every name, by name."""
    newest = "name <> '' AND version = (SELECT max(version) FROM models AS other WHERE other.name = models.name)"
    return _models(transaction, newest, [], "name")


def count_versions(transaction: Transaction) -> dict[str, int]:
    """How many versions each name has."""
    return dict(transaction.rows("SELECT name, count(*) FROM models WHERE name <> '' GROUP BY name"))


def model_names(transaction: Transaction, prefix: str = "") -> list[str]:
    """The names that begin with `prefix`."""
    found = transaction.rows(
        "SELECT DISTINCT name FROM models WHERE name <> '' AND starts_with(name, ?) ORDER BY name", [prefix]
    )
    return [name for (name,) in found]


def _of_run(transaction: Transaction, run: int) -> Model:
    found = _models(transaction, "run = ?", [run], "run")
    if not found:
        raise NotFound(f"Run {run} left no model.", next=f"get_run(run={run})")
    return found[0]


def _models(transaction: Transaction, where: str, parameters: list[object], order: str) -> list[Model]:
    rows = transaction.rows(f"SELECT {', '.join(_COLUMNS)} FROM models WHERE {where} ORDER BY {order}", parameters)
    return [_seen(transaction, _model(dict(zip(_COLUMNS, row, strict=True)))) for row in rows]


def _seen(transaction: Transaction, model: Model) -> Model:
    """The model without the values of columns that its reader may not see: levels, ranges, classes, where it split."""
    masks = transaction.masks
    if not masks.of(model.dataset):
        return model
    update: dict[str, object] = {"signature": masks.signature(model.dataset, model.signature)}
    if masks.level(model.dataset, model.target):
        update["classes"] = []
    if masks.level(model.dataset, str(model.split.get("column") or "")):
        update["split"] = {name: model.split[name] for name in ("kind", "column") if name in model.split}
    return model.model_copy(update=update)


def _model(fields: dict[str, Any]) -> Model:
    for name in _JSON_COLUMNS:
        fields[name] = json.loads(fields[name])
    return Model.model_validate(fields)


def _not_found(transaction: Transaction, name: str) -> NotFound:
    names = model_names(transaction)
    if not names:
        return NotFound("No model has a name yet.", next='list_runs(kind="train")')
    close = close_names(name, names)
    return NotFound(f"There is no model {name!r}.", close=close, next="list_models()")
