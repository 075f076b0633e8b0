"""Predictions of deployments in SQL, and what of them a reader may see."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.segments import SegmentWriter, seal_segments
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, place
from mlsteward.store.models import Model, add_model
from mlsteward.training.signature import SignatureColumn
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.test_query_data import add_dataset

pytestmark = pytest.mark.anyio

FEATURES = {"age": "DOUBLE", "city": "VARCHAR"}


def predict(workspace: Workspace, numbers: range, name: str = "churn-eu") -> Path:
    """Write predictions as an endpoint does, one segment for all."""
    writer = SegmentWriter(EndpointFolder.of(workspace.folder, name).predictions, FEATURES)
    for number in numbers:
        row = {
            "prediction_id": f"p{number}",
            "time": 1_780_000_000_000_000 + number,
            "model": "churn@1",
            "role": "champion",
            "key": f"customer {number}",
            "prediction": "yes",
            "score": 0.75,
            "scores": [0.25, 0.75],
            "features": {"age": 30 + number, "city": "Oslo"},
        }
        writer.append(json.dumps(row).encode() + b"\n")
    writer.close()
    return writer.folder


@pytest.fixture
def churn(workspace: Workspace) -> Workspace:
    signature = [
        SignatureColumn(name="age", type="DOUBLE", kind="number"),
        SignatureColumn(name="city", type="VARCHAR", kind="category"),
    ]
    model = Model(
        run=1,
        name="churn",
        task="binary",
        target="churned",
        dataset="people@1",
        path="",
        sha256="",
        signature=signature,
        metric="roc_auc",
        created=datetime.now(UTC),
    )
    workspace.store.write(lambda t: add_model(t, model))
    return workspace


async def test_sealed_and_open_segments_are_one_table(churn: Workspace, assistant: Assistant) -> None:
    seal_segments(predict(churn, range(3)))
    predict(churn, range(3, 5))
    sql = 'SELECT count(*) AS n, max(features.age) AS oldest, any_value(scores) FROM predictions."churn-eu"'
    answer = await assistant.call("query_data", sql=sql)
    assert answer["rows"] == [[5, 34.0, "[0.25, 0.75]"]]
    assert answer["next"] == 'check_deployment(deployment="churn-eu")'
    described = await assistant.call("query_data", sql='DESCRIBE predictions."churn-eu"')
    assert [row[0] for row in described["rows"]][:3] == ["prediction_id", "request_id", "time"]
    whole = await assistant.call("query_data", sql='SELECT features FROM predictions."churn-eu" LIMIT 1')
    assert whole["rows"] == [["{'age': 30.0, 'city': Oslo}"]]


async def test_predictions_join_with_datasets(churn: Workspace, assistant: Assistant) -> None:
    add_dataset(churn, "people", "SELECT 40.0 AS age")
    predict(churn, range(12), name="churn")
    sql = "SELECT p.key FROM predictions.churn AS p JOIN people ON people.age = p.features.age"
    assert (await assistant.call("query_data", sql=sql))["rows"] == [["customer 10"]]


async def test_a_deployment_that_is_not_there_is_named_with_what_was_close(
    churn: Workspace, assistant: Assistant
) -> None:
    predict(churn, range(1), name="churn")
    words = await assistant.error("query_data", sql="SELECT * FROM predictions.chrun")
    assert "There is no deployment 'chrun'" in words
    assert "`predictions.churn`" in words
    for sql in ("SELECT * FROM predictions.churn.x", 'SELECT * FROM predictions."../secret"', "FROM predictions"):
        assert await assistant.error("query_data", sql=sql)


async def test_a_deployment_without_predictions_has_an_empty_table(churn: Workspace, assistant: Assistant) -> None:
    EndpointFolder.of(churn.folder, "churn").path.mkdir(parents=True)
    assert (await assistant.call("query_data", sql="SELECT key FROM predictions.churn"))["rows"] == []


async def test_a_reader_without_clearance_sees_no_masked_feature_and_no_masked_target(
    churn: Workspace, assistant: Assistant, uncleared: Assistant, data: Path
) -> None:
    (data / "people.csv").write_text("age,city,churned\n40.5,Oslo,yes\n50.5,Rome,no\n")
    await assistant.call("register_dataset", name="people", source=str(data / "people.csv"))
    seal_segments(predict(churn, range(2)))
    predict(churn, range(2, 4))
    sql = 'SELECT key, features.age, features, prediction, score, scores, model FROM predictions."churn-eu"'
    assert (await uncleared.call("query_data", sql=sql))["rows"][0][0] == "customer 0"
    await assistant.call("document_asset", asset="people.age", sensitivity="restricted")
    answer = await uncleared.call("query_data", sql=sql)
    assert answer["rows"][0] == [None, None, None, "yes", 0.75, "[0.25, 0.75]", "churn@1"]
    assert "predictions.churn-eu.features (restricted)" in answer["masked"]
    await assistant.call("document_asset", asset="people.churned", sensitivity="confidential")
    answer = await uncleared.call("query_data", sql=sql)
    assert {tuple(row) for row in answer["rows"]} == {(None, None, None, None, None, None, "churn@1")}
    assert len((await assistant.call("query_data", sql=sql))["rows"][0][0]) > 0


async def test_a_reader_without_clearance_sees_no_outcome_of_a_masked_target(
    churn: Workspace, assistant: Assistant, uncleared: Assistant, data: Path
) -> None:
    (data / "people.csv").write_text("age,city,churned\n40.5,Oslo,yes\n50.5,Rome,no\n")
    await assistant.call("register_dataset", name="people", source=str(data / "people.csv"))
    now = datetime.now(UTC)
    wanted = Deployment(name="churn", asked="churn@1", model="churn@1", created=now, changed=now)
    churn.store.write(lambda t: place(t, wanted, event="deployed", by=By()))
    predict(churn, range(2), name="churn")
    said = [{"key": "customer 0", "outcome": "7", "why": "moved away"}]
    recorded = await assistant.call("record_outcomes", deployment="churn", rows=said)
    await assistant.call("get_run", run=recorded["run"])
    sql = "SELECT key, outcome, why FROM outcomes.churn"
    assert (await uncleared.call("query_data", sql=sql))["rows"] == [["customer 0", "7", "moved away"]]
    await assistant.call("document_asset", asset="people.churned", sensitivity="confidential")
    answer = await uncleared.call("query_data", sql=sql)
    assert answer["rows"] == [["customer 0", None, None]]
    assert "outcomes.churn.outcome (confidential)" in answer["masked"]
    await assistant.call("document_asset", asset="people.age", sensitivity="restricted")
    assert (await uncleared.call("query_data", sql=sql))["rows"] == [[None, None, None]]


async def test_nothing_is_made_from_predictions_that_change_with_every_request(
    churn: Workspace, assistant: Assistant
) -> None:
    predict(churn, range(1), name="churn")
    words = await assistant.error("transform_dataset", name="kept", sql="SELECT * FROM predictions.churn")
    assert "predictions.churn" in words
