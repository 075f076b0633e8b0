"""The tool `check_deployment`, from logged predictions and recorded outcomes to one verdict."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsteward.store.alerts import find_alerts
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.judged import flights
from tests.served_flights import deploy, moment, serve, train

pytestmark = pytest.mark.anyio
PAGE = "mlsteward://deployments/delay/monitoring"
_WAIT = 120


@pytest.fixture(autouse=True)
def _patient(workspace: Workspace) -> None:
    """Tests run beside one another: an answer may take longer than a host would wait for."""
    workspace.settings.max_wait = _WAIT


async def check(assistant: Assistant, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call("check_deployment", deployment="delay", wait_seconds=_WAIT, **arguments)
    assert answer["state"] == "completed", answer
    return answer


async def record(assistant: Assistant, data: Path, outcomes: pd.DataFrame) -> None:
    outcomes.to_csv(data / "outcomes.csv", index=False)
    answer = await assistant.call("record_outcomes", deployment="delay", source="outcomes.csv", wait_seconds=_WAIT)
    assert answer["state"] == "completed", answer


def alerts(workspace: Workspace) -> dict[str, tuple[str, str]]:
    found = workspace.store.read(lambda t: find_alerts(t, "deployment:delay"))
    return {alert.check: (alert.severity, alert.state) for alert in found}


async def test_a_deployment_from_its_first_answer_to_an_alarm_and_back(
    workspace: Workspace, assistant: Assistant, uncleared: Assistant, data: Path
) -> None:
    nothing = await assistant.call("check_deployment")
    assert (nothing["verdict"], nothing["total"], nothing["next"]) == ("Nothing is deployed yet.", 0, "list_models()")
    assert "Nothing is deployed yet" in await assistant.error("check_deployment", deployment="delay")
    await train(workspace, data)
    assert "Nobody has looked yet" in (await assistant.call("read_page", uri=PAGE))["content"]
    silent = await check(assistant)
    assert silent["health"] == "no traffic" and silent["next"] == 'read_page(uri="mlsteward://deployments/delay")'

    first = serve(workspace, flights(2000, 2), begin=moment(40), end=moment(5))
    quiet = await check(assistant, since="20 days")
    assert quiet["health"] == "healthy" and quiet["drift"] == "stable" and quiet["failing"] == []
    assert "confidence-based (CBPE)" in quiet["estimated"] and "Assumes: " in quiet["estimated"]
    assert quiet["realised"][0]["labelled"] == 0 and quiet["next"].startswith("set_monitor(")
    listed = await assistant.call("check_deployment")
    assert listed["deployments"][0]["health"] == "healthy"
    assert 850 < listed["deployments"][0]["rows"] < 920, "twenty of the thirty-five days, fifteen of them with rows"

    await record(assistant, data, first)
    rng = np.random.default_rng(5)
    worse = flights(1500, 3)
    worse["late"] = np.where(rng.random(1500) < 0.5, "yes", "no")
    worse["dep_delay"] += np.where(worse["origin"] == "EWR", 30, 0)
    second = serve(workspace, worse, begin=moment(9), end=moment(0), errors=90, milliseconds=40)
    await record(assistant, data, second)
    found = await check(assistant, since="9 days")
    assert found["health"] == "alarm"
    assert {"realised loss", "errors", "input drift", "prediction drift", "latency"} <= set(found["failing"])
    assert "dep_delay" in {column["column"] for column in found["columns"]}
    text = await assistant.text("get_run", run=found["run"])
    assert "realised: delay@1 as champion: roc_auc" in text and "page with plots: " in text
    assert found["moved"]
    known = alerts(workspace)
    assert known["errors"] == ("error", "open") and known["input drift"] == ("warning", "open")
    page = (await assistant.call("read_page", uri=PAGE))["content"]
    assert "## Segments" in page and "alert:" in page and "](mlsteward://runs/" in page

    await assistant.call("document_asset", asset="flights.origin", sensitivity="restricted")
    refused = await uncleared.error("check_deployment", deployment="delay")
    assert "origin" in refused and "EWR" not in refused
    for told in (
        await uncleared.text("check_deployment"),
        (await uncleared.call("read_page", uri=PAGE))["content"],
        await uncleared.text("get_run", run=found["run"]),
        await uncleared.text("list_alerts", asset="deployment:delay"),
    ):
        assert "EWR" not in told and "JFK" not in told

    calm = serve(workspace, flights(600, 4), begin=moment(0), end=moment(-1))
    await record(assistant, data, calm)
    back = await check(assistant, since=moment(0).isoformat(), until=moment(-1).isoformat())
    assert "errors" not in back["failing"]
    assert alerts(workspace)["errors"] == ("error", "resolved")
    assert "Name the deployment" in await assistant.error("check_deployment", since="1 day")


async def test_a_regression_beside_its_shadow(workspace: Workspace, assistant: Assistant, data: Path) -> None:
    await train(workspace, data, target="minutes", split="group", group_column="distance")
    deploy(workspace, "delay@1", shadow="delay@1", shadow_model="delay@1")
    frame = flights(800, 5)
    outcomes = serve(workspace, frame, begin=moment(3), end=moment(0))
    serve(workspace, frame, begin=moment(3), end=moment(0), role="shadow")
    await record(assistant, data, outcomes)
    found = await check(assistant)
    assert "direct loss estimation (DLE)" in found["estimated"]
    assert [(one["role"], one["labelled"]) for one in found["realised"]] == [("champion", 800), ("shadow", 0)]
    assert found["realised"][0]["metrics"].startswith("rmse ")
    page = (await assistant.call("read_page", uri=PAGE))["content"]
    assert "mean_error" in page and "assumes independent rows" in page

    await assistant.call("stop_deployment", deployment="delay")
    stopped = await check(assistant)
    assert stopped["verdict"].startswith("delay is stopped, and answers nobody now. What it answered before: ")
    assert stopped["next"] == 'deploy_model(model="delay@1", name="delay")'
