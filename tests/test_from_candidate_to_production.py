"""The whole way in one conversation: trained, promoted by a person, served, told outcomes, retrained, rolled back."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mcp.client import Client
from mcp_types import ElicitRequestParams, ElicitResult

from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.supervision import current_state
from mlsteward.server.app import Steward
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.run_server import eventually
from tests.training_samples import orders

pytestmark = pytest.mark.anyio
FEATURES = ["size", "city", "plan", "express", "note"]
# Loading a model takes a while where many share two cores.
IN_TIME = 240


class Person:
    """Who sits before the host and says yes."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True, "reason": "Looked at the slices."})


async def settled(assistant: Assistant, answer: dict[str, Any]) -> dict[str, Any]:
    """Wait on for a run that takes longer than its call."""
    while answer.get("state") in ("queued", "running"):
        answer = await assistant.call("get_run", run=str(answer["run"]))
    return answer


def predict(address: str, frame: pd.DataFrame) -> dict[str, Any]:
    rows = json.loads(frame[FEATURES].to_json(orient="records") or "[]")
    request = urllib.request.Request(
        f"{address}/predict",
        data=json.dumps({"rows": rows}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def serving(workspace: Workspace, label: str) -> str:
    """The address, once the endpoint serves that version."""
    folder = EndpointFolder.of(workspace.folder, "large")

    def found() -> str:
        state = None if lock_is_free(folder.alive) else current_state(folder)
        return state.address if state is not None and state.model == label else ""

    eventually(lambda: bool(found()), IN_TIME)
    assert predict(found(), orders(1))["model"] == label
    return found()


async def test_a_model_goes_into_production_and_back(workspace: Workspace, data: Path) -> None:
    person = Person()
    # With so few rows a narrower margin cannot be told from noise, and the gate says so.
    (workspace.folder / "policy.toml").write_text("[gates.non_inferiority]\nmargin = 0.2\n")
    orders(500).to_csv(data / "orders.csv", index=False)
    async with Client(Steward(workspace), elicitation_callback=person.answer) as client:
        assistant = Assistant(client)
        await assistant.call("register_dataset", name="orders", source="orders.csv")
        training: dict[str, Any] = {"dataset": "orders", "target": "large", "features": FEATURES, "split": "row"}
        trained = await assistant.call("train_model", **training, estimator="logistic_regression", name="large")
        await settled(assistant, trained)

        dry = await assistant.call("promote_model", model="large@1", reason="A first look.", dry_run=True)
        assert (dry["outcome"], dry["promoted"], person.asked) == ("passed", False, [])
        promoted = await assistant.call("promote_model", model="large@1", reason="The first.")
        assert promoted["promoted"]
        assert "approval: granted by" in (await assistant.text("get_run", run=str(promoted["run"])))
        assert len(person.asked) == 1
        deployed = await assistant.call("deploy_model", model="large@champion", name="large")
        await settled(assistant, deployed)
        address = serving(workspace, "large@1")

        asked = orders(200, seed=5)
        answered = predict(address, asked)
        told = [
            {"prediction_id": one["prediction_id"], "outcome": truth}
            for one, truth in zip(answered["predictions"], asked["large"], strict=True)
        ]
        recorded = await assistant.call("record_outcomes", deployment="large", rows=told[:150])
        assert recorded["verdict"].startswith("150 outcomes recorded")
        looked = await settled(assistant, await assistant.call("check_deployment", deployment="large"))
        assert looked["state"] == "completed"
        listed = await assistant.call("check_deployment")
        assert "large" in json.dumps(listed)

        orders(900, seed=2).to_csv(data / "orders.csv", index=False)
        await assistant.call("register_dataset", name="orders", source="orders.csv")
        retrained = await settled(assistant, await assistant.call("retrain_model", model="large"))
        assert retrained["state"] == "completed"
        promoted = await assistant.call("promote_model", model="large@challenger", reason="Newer rows.")
        assert (promoted["promoted"], promoted["champion"]) == (True, "large@1"), promoted["verdict"]
        assert len(person.asked) == 2
        assert serving(workspace, "large@2") == address

        back = await assistant.call("rollback_deployment", deployment="large", reason="Customers complained.")
        assert "serves large@1 again" in back["verdict"]
        eventually(lambda: predict(address, asked)["model"] == "large@1")
        stopped = await assistant.call("stop_deployment", deployment="large")
        assert "large is stopped" in stopped["verdict"]

        lineage = json.dumps(await assistant.call("trace_lineage", asset="orders"))
        assert "deployment:large" in lineage
        log = [one["action"] for one in (await assistant.call("list_activity", limit=50))["changes"]]
        deployment = [f"deployment {event}" for event in ("followed", "rolled back", "stopped")]
        assert {"promote to champion", "approve promote", *deployment} <= set(log), log
