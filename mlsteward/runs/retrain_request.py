"""Retraining: the recipe of a version, read off the run that trained it, as a pipeline on newer data."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.errors import InvalidArgument, NotSupported
from mlsteward.names import parse_reference
from mlsteward.pipeline.spec import Pipeline, Step
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.jobs import train
from mlsteward.runs.pipeline_request import start_pipeline
from mlsteward.runs.policy import workspace_policy
from mlsteward.store.aliases import CHALLENGER
from mlsteward.store.datasets import find_dataset, newest_version
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import get_run
from mlsteward.store.stale import stale_sources
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.runs.actor import Actor
    from mlsteward.workspace import Workspace


def start_retrain(workspace: "Workspace", actor: "Actor", model: str, dataset: str = "", *, reason: str = "") -> int:
    """Start a run of kind `pipeline` that retrains a model, names the new version challenger and judges it; its number,
    0 where there is no newer data to train on.

    Raises NotFound for names there are not, InvalidArgument for a model without a name, and NotSupported for one that
    was not trained here.
    """

    def read(t: Transaction) -> tuple[Model, Pipeline | None]:
        found = find_model(t, model)
        promote = workspace_policy(workspace.folder).of(found.name).retrain.promote
        return found, retrain_pipeline(t, workspace.folder, found, dataset, promote=promote, reason=reason)

    found, pipeline = workspace.store.read(read)
    if pipeline is None:
        return 0
    params = {"model": found.label, "dataset": pipeline.parameters["dataset"]}
    return start_pipeline(
        workspace, actor, pipeline, params=params, reason=reason or f"{found.label} retrained on newer data"
    )


def retrain_pipeline(
    t: Transaction, workspace: Path, model: Model, dataset: str, *, promote: bool, reason: str = ""
) -> Pipeline | None:
    """The steps: what has to be made anew of newer sources, whether the schema fits, what has drifted, the training by
    the same recipe, and the gates; None where there is nothing newer.

    The drift is told; it stops nothing, for it is why models are retrained.
    """
    if not model.name:
        raise InvalidArgument(
            f"{model.label} has no name, so there can be no next version of it: promote it under one first.",
            next=f'promote_model(model="{model.label}", name="{model.target}", alias="challenger", reason="…")',
        )
    remade, data = _newer(t, model, dataset)
    if not data:
        return None
    why = reason or f"{model.label} retrained on {data}"
    new, rows = "${steps.train.model}", "${dataset}"
    steps = [Step(id=f"transform_{name}", do="transform", arguments={"name": name}) for name in remade]
    steps += [
        Step(id="schema", do="schema", arguments={"model": model.label, "dataset": rows}),
        Step(id="drift", do="drift", arguments={"current": rows, "model": model.label}, on_failure="ignore"),
        Step(id="train", do="train", arguments={"dataset": rows, **_recipe(t, workspace, model)}),
        Step(id=CHALLENGER, do="promote", arguments={"model": new, "alias": CHALLENGER, "reason": why}),
        Step(id="gates", do="promote" if promote else "gate", arguments={"model": new, "reason": why}),
    ]
    name = f"retrain_{model.name}"[:63]
    return Pipeline(name=name, description=why, parameters={"dataset": data}, steps=steps)


def _newer(t: Transaction, model: Model, dataset: str) -> tuple[list[str], str]:
    """The datasets to be made anew, what has to be first coming first, and what to train on; "" for nothing newer."""
    trained = parse_reference(model.dataset)
    if dataset:
        return [], find_dataset(t, dataset).label
    newest = newest_version(t, trained.name)
    if newest is None:
        raise NotSupported(f"{model.label} was trained elsewhere, on no dataset of this workspace.")
    stale = list(dict.fromkeys(parse_reference(one.dataset).name for one in stale_sources(t, newest.label)))
    if stale:
        return stale, trained.name
    return [], "" if newest.label == model.dataset else newest.label


def where_rows_come_from(t: Transaction, model: Model) -> str:
    """The dataset that newer rows of a model go into."""
    return _source_name(t, model.dataset)


def _source_name(t: Transaction, label: str) -> str:
    """The dataset that newer rows go into: the first source of one that a statement made."""
    version = find_dataset(t, label, rows=False)
    return _source_name(t, version.sources[0].removeprefix("dataset:")) if version.sources else version.name


def _recipe(t: Transaction, workspace: Path, model: Model) -> dict[str, Any]:
    """The arguments of `train_model` that train the version again: its features, split, settings and seed."""
    run = get_run(t, model.run)
    folder = RunFolder(workspace / "runs" / str(model.run))
    if run.kind != "train" or not folder.has_order():
        raise NotSupported(
            f"{model.label} was not trained here, so its recipe is not known: train_model with the settings you know.",
            next=f"get_run(run={model.run})",
        )
    request = folder.read_request(train.Request)
    options, choice = request.options, request.choice
    columns = {"time": "time_column", "group": "group_column"}
    settings = options.model_dump(exclude={"features", "exclude", "split", "time_column", "group_column"})
    settings["features"] = [column.name for column in model.signature]
    # What was decided then is not decided anew.
    settings |= {"task": model.task, "metric": model.metric, "split": choice.kind}
    if model.task == "binary":
        settings["positive_label"] = model.classes[1]
    # A search within a budget of CPU seconds found these; another machine or more rows might not reach them.
    settings["params"] = run.result.get("replay") or options.params
    split = {columns[choice.kind]: choice.column} if choice.kind in columns else {}
    return {**settings, **split, "name": model.name}
