"""Models to promote: flights, a policy, and what is called often."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlsteward.gates.rules import Gates
from mlsteward.runs.policy import POLICY
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, new_workspace
from tests.judged import flights

# Which gates a test is not about, and nobody is asked.
NOBODY = "[approval]\npromote = false\n"
QUICK = "".join(
    f"[gates.{gate}]\non = false\n"
    for gate in ("worst_slice", "calibration", "baselines", "cost", "artifact", "leakage", "live_drift", "contract")
)
# Seconds that a busy machine may take.
PATIENT = 300
LOGISTIC: dict[str, Any] = {"estimator": "logistic_regression"}
STUMP: dict[str, Any] = {"estimator": "decision_tree", "params": {"max_depth": 1}, "features": ["distance"]}


def promoting(folder: Path, warm: Path, **settings: Any) -> Workspace:
    """A workspace that asks nobody, with 1,500 flights in `data/flights.csv`."""
    data = folder / "data"
    data.mkdir()
    flights(1500, 0).to_csv(data / "flights.csv", index=False)
    workspace = new_workspace(folder / "workspace", data, warm, max_wait=PATIENT, **settings)
    policy(workspace, NOBODY)
    return workspace


def policy(workspace: Workspace, text: str) -> None:
    (workspace.folder / POLICY).write_text(text)


def only(*gates: str) -> str:
    """A policy that looks at these gates alone, and asks nobody."""
    return NOBODY + "".join(f"[gates.{gate}]\non = false\n" for gate in Gates.model_fields if gate not in gates)


async def register(assistant: Assistant, workspace: Workspace, name: str, frame: pd.DataFrame | None = None) -> None:
    if frame is not None:
        frame.to_csv(workspace.settings.data[0] / f"{name}.csv", index=False)
    await assistant.call("register_dataset", name=name, source=f"{name}.csv", wait_seconds=PATIENT)


async def train(assistant: Assistant, dataset: str = "flights", **options: Any) -> dict[str, Any]:
    asked = {"target": "late", "exclude": ["minutes", "day"], "split": "row", **LOGISTIC, **options}
    if "features" in asked:
        asked.pop("exclude")
    return await assistant.call("train_model", dataset=dataset, **asked, wait_seconds=PATIENT)


async def promote(assistant: Assistant, model: str, reason: str = "why not", **asked: Any) -> dict[str, Any]:
    return await assistant.call("promote_model", model=model, reason=reason, **asked, wait_seconds=PATIENT)


def gate(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in answer["gates"] if one["gate"] == name)


def outcomes(answer: dict[str, Any], names: Sequence[str] = ()) -> dict[str, str]:
    return {one["gate"]: one["outcome"] for one in answer["gates"] if not names or one["gate"] in names}
