"""What a step of a pipeline made, and whether it is still there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlsteward.errors import StewardError
from mlsteward.pipeline.kinds import KINDS
from mlsteward.store.datasets import newest_version
from mlsteward.store.models import find_model
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.workspace import Workspace


def made_by(t: Transaction, do: str, arguments: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What later steps can refer to as `${steps.id.…}`."""
    made: dict[str, Any] = {"run": run.number, "verdict": str(run.result.get("verdict", ""))}
    for kind in KINDS[do].makes:
        label = {"dataset": _dataset, "model": _model, "deployment": _deployment}[kind](t, do, arguments, run)
        made |= {kind: label} if label else {}
    return made


def _dataset(t: Transaction, do: str, arguments: Mapping[str, Any], run: Run) -> str:
    if do != "predict":
        return run.dataset
    newest = newest_version(t, str(arguments["as_dataset"])) if arguments.get("as_dataset") else None
    return newest.label if newest else ""


def _model(t: Transaction, do: str, arguments: Mapping[str, Any], run: Run) -> str:
    if do == "retrain":
        return str(run.result.get("model", ""))
    if do == "train":
        return find_model(t, run.label).label
    # What is promoted is known by its alias from here on: an endpoint then follows it.
    return f"{run.result['name']}@{run.result['alias']}"


def _deployment(t: Transaction, do: str, arguments: Mapping[str, Any], run: Run) -> str:
    return str(run.params["deployment"])


def stands_yet(workspace: "Workspace", made: Mapping[str, Any]) -> bool:
    """Whether what a step made is still what a step now would make: the newest version of its dataset, a model."""

    def read(t: Transaction) -> bool:
        if dataset := made.get("dataset"):
            version = newest_version(t, str(dataset).partition("@")[0])
            if version is None or version.label != dataset or version.collected:
                return False
        if model := made.get("model"):
            return (workspace.folder / find_model(t, str(model)).path).is_file()
        return True

    try:
        return workspace.store.read(read)
    except StewardError:
        return False
