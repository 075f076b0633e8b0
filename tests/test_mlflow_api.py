"""MLflow's REST API: what its clients send, answered as they expect it, and ordinary runs here.

The requests are those that MLflow 3.17's client sends; `.ci/mlflow` runs that client itself.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from mlsteward.server.app import Steward
from mlsteward.server.http import http_app
from mlsteward.store.activity import activity_of
from mlsteward.store.runs import get_run
from mlsteward.store.tokens import create_token
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

pytestmark = pytest.mark.anyio
API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class Client:
    """As `mlflow` speaks: JSON in, JSON out, errors by their code."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(API + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, endpoint: str, **query: Any) -> dict[str, Any]:
        answer = await self.http.get(API + endpoint, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def error(self, method: str, path: str, **body: Any) -> tuple[int, str, str]:
        query, sent = (body, None) if method == "GET" else (None, body)
        answer = await self.http.request(method, API + path, params=query, json=sent)
        told = answer.json()
        return answer.status_code, told["error_code"], told["message"]

    async def run(self, **body: Any) -> str:
        made = await self.post("/runs/create", **{"experiment_id": "0", "start_time": 1_790_000_000_000, **body})
        return made["run"]["info"]["run_id"]


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(http_app(Steward(workspace), host="127.0.0.1"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield Client(http)


async def test_a_logged_run_is_an_ordinary_run(client: Client, assistant: Assistant, workspace: Workspace) -> None:
    made = await client.post("/experiments/create", name="late flights")
    run_id = await client.run(experiment_id=made["experiment_id"], run_name="forest", user_id="ann", tags=[])
    losses = [{"key": "loss", "value": 1 / (step + 1), "timestamp": 1, "step": step} for step in range(3)]
    await client.post(
        "/runs/log-batch",
        run_id=run_id,
        metrics=[*losses, {"key": "training_score", "value": 0.9, "timestamp": 1, "step": 0}],
        params=[{"key": "max_depth", "value": "3"}, {"key": "criterion", "value": "gini"}],
        tags=[{"key": "owner", "value": "ann"}],
    )
    await client.post("/runs/log-metric", run_uuid=run_id, run_id=run_id, key="roc_auc", value=0.8, timestamp=2)
    listed = await assistant.call(
        "list_runs", where="params.max_depth > 2 and tags.owner = 'ann' and train.score > 0.5"
    )
    assert [one["name"] for one in listed["runs"]] == ["forest"]
    await client.post("/runs/update", run_id=run_id, status="FINISHED", end_time=1_790_000_060_000)
    (number,) = [one["run"] for one in listed["runs"]]
    run = workspace.store.read(lambda t: get_run(t, number))
    assert (run.state, run.wall_seconds, run.tags["mlflow.experiment"]) == ("completed", 60.0, "late flights")
    page = await assistant.text("read_page", uri=f"mlsteward://runs/{number}")
    assert "| test | loss | 0.3333 | 3 |" in page
    (change,) = workspace.store.read(lambda t: activity_of(t, run.label))
    assert (change.action, change.actor) == ("log run", workspace.user)


async def test_what_was_logged_comes_back_as_it_was(client: Client) -> None:
    run_id = await client.run(run_name="forest", tags=[{"key": "mlflow.user", "value": "ann"}])
    texts = {"depth": "3", "rate": "1e-05", "flag": "True", "none": "None", "padded": "007", "float": "1.0"}
    params = [{"key": key, "value": value} for key, value in texts.items()]
    values = {"loss": 0.5, "val_loss": 0.6, "training_score": 0.7, "bad": "NaN", "sys/cpu": 3.0}
    metrics = [{"key": key, "value": value, "timestamp": 1_790_000_000_123} for key, value in values.items()]
    await client.post("/runs/log-batch", run_id=run_id, params=params, metrics=metrics)
    dataset = {"name": "t", "digest": "d", "source_type": "code", "source": "{}", "schema": "{}", "profile": "{}"}
    inputs = [{"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": dataset}]
    await client.post("/runs/log-inputs", run_id=run_id, datasets=inputs)
    run = (await client.get("/runs/get", run_id=run_id))["run"]
    assert {one["key"]: one["value"] for one in run["data"]["params"]} == texts
    assert {one["key"]: one["value"] for one in run["data"]["metrics"]} == values
    assert {one["timestamp"] for one in run["data"]["metrics"]} == {1_790_000_000_123}
    assert {one["key"]: one["value"] for one in run["data"]["tags"]} == {
        "mlflow.runName": "forest",
        "mlflow.user": "ann",
    }
    assert run["inputs"]["dataset_inputs"] == inputs
    assert run["info"]["status"] == "RUNNING"
    assert run["info"]["artifact_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts"


async def test_the_history_of_a_metric_has_every_step_in_pages(client: Client) -> None:
    run_id = await client.run()
    steps = [{"key": "loss", "value": float(step), "timestamp": step, "step": step} for step in range(5)]
    await client.post("/runs/log-batch", run_id=run_id, metrics=steps)
    first = await client.get("/metrics/get-history", run_id=run_id, metric_key="loss", max_results=3)
    token = first["next_page_token"]
    rest = await client.get("/metrics/get-history", run_id=run_id, metric_key="loss", max_results=3, page_token=token)
    assert [one["step"] for one in first["metrics"] + rest["metrics"]] == [0, 1, 2, 3, 4]
    assert "next_page_token" not in rest


async def test_runs_are_searched_by_mlflows_filters(client: Client) -> None:
    parent = await client.run(run_name="search")
    for depth in (2, 3):
        child = await client.run(run_name=f"d{depth}", tags=[{"key": "mlflow.parentRunId", "value": parent}])
        await client.post("/runs/log-parameter", run_id=child, key="depth", value=str(depth))
        await client.post("/runs/log-metric", run_id=child, key="training_score", value=depth / 10, timestamp=1)
        await client.post("/runs/update", run_id=child, status="FINISHED")
    deleted = await client.run(run_name="gone")
    await client.post("/runs/delete", run_id=deleted)

    async def names(filter: str, **more: Any) -> list[str]:
        found = await client.post("/runs/search", experiment_ids=["0"], filter=filter, **more)
        return [run["info"]["run_name"] for run in found.get("runs", [])]

    assert await names(f"tags.mlflow.parentRunId = '{parent}'", order_by=["metrics.training_score DESC"]) == [
        "d3",
        "d2",
    ]
    assert await names("params.depth = '3' and metrics.training_score > 0.2") == ["d3"]
    assert await names("attributes.status = 'RUNNING'") == ["search"]
    assert await names(f"attributes.run_id IN ('{parent}')") == ["search"]
    assert await names("tags.`mlflow.runName` LIKE 'd%'", max_results=1, order_by=["params.depth ASC"]) == ["d2"]
    assert await names("", run_view_type="DELETED_ONLY") == ["gone"]
    assert (await client.post("/runs/search", experiment_ids=["7"])).get("runs", []) == []
    for wrong in ("metrics.a >", "bogus = 1", "attributes.start_time > 'x'"):
        status, code, _ = await client.error("POST", "/runs/search", experiment_ids=["0"], filter=wrong)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")


async def test_mistakes_have_mlflows_codes(client: Client) -> None:
    run_id = await client.run()
    await client.post("/runs/log-parameter", run_id=run_id, key="a", value="1")
    await client.post("/runs/log-parameter", run_id=run_id, key="a", value="1")
    status, code, words = await client.error("POST", "/runs/log-parameter", run_id=run_id, key="a", value="2")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "does not change" in words
    assert (await client.error("GET", "/runs/get", run_id="nope"))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert (await client.error("GET", "/experiments/get-by-name", experiment_name="x"))[1] == "RESOURCE_DOES_NOT_EXIST"
    await client.post("/experiments/create", name="twice")
    assert (await client.error("POST", "/experiments/create", name="twice"))[1] == "RESOURCE_ALREADY_EXISTS"
    assert (await client.error("POST", "/traces", x=1))[:2] == (404, "ENDPOINT_NOT_FOUND")
    many = [{"key": f"p{place}", "value": "1"} for place in range(101)]
    assert (await client.error("POST", "/runs/log-batch", run_id=run_id, params=many))[0] == 400
    await client.post("/runs/delete", run_id=run_id)
    assert "is deleted" in (await client.error("POST", "/runs/log-parameter", run_id=run_id, key="b", value="2"))[2]
    answer = await client.http.post(f"{API}/runs/create", content=b"[" * 100_000)
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    answer = await client.http.post(f"{API}/runs/create", content=b" " * (4 * 1024 * 1024 + 1))
    assert answer.status_code == 400


async def test_numbers_and_names_that_fit_nowhere_are_the_callers_mistakes(
    client: Client, workspace: Workspace
) -> None:
    run_id = await client.run(run_name="forest\n\nverdict: promoted " + "x" * 100_000)
    name = workspace.store.read(lambda t: get_run(t, 1)).name
    assert name.startswith("forest verdict: promoted xxx")
    assert len(name) <= 500
    await client.post("/runs/update", run_id=run_id, run_name="a\nb")
    await client.post("/runs/set-tag", run_id=run_id, key="mlflow.runName", value="b\nc")
    assert workspace.store.read(lambda t: get_run(t, 1)).name == "b c"
    step = await client.error("POST", "/runs/log-metric", run_id=run_id, key="a", value=1, step=2**63)
    assert step[:2] == (400, "INVALID_PARAMETER_VALUE")
    for token in ("9" * 30, "²", "-1"):
        assert (await client.error("POST", "/runs/search", experiment_ids=["0"], page_token=token))[0] == 400
        asked = await client.error("GET", "/metrics/get-history", run_id=run_id, metric_key="a", page_token=token)
        assert asked[0] == 400


async def test_a_batch_is_logged_whole_or_not_at_all(client: Client) -> None:
    run_id = await client.run()
    await client.post("/runs/log-parameter", run_id=run_id, key="a", value="1")
    metrics = [{"key": "loss", "value": 1.0, "timestamp": 1}]
    await client.error("POST", "/runs/log-batch", run_id=run_id, metrics=metrics, params=[{"key": "a", "value": "2"}])
    run = (await client.get("/runs/get", run_id=run_id))["run"]
    assert run["data"]["metrics"] == []


async def test_artifacts_are_kept_listed_and_read(client: Client, workspace: Workspace, assistant: Assistant) -> None:
    run_id = await client.run()
    root = f"{PROXY}/0/{run_id}/artifacts"
    for path, content in (("plot.png", b"\x89PNG"), ("model/MLmodel", b"flavors: {}"), ("model/a b.txt", b"")):
        assert (await client.http.put(f"{root}/{path}", content=content)).status_code == 200
    listed = await client.http.get(PROXY, params={"path": f"0/{run_id}/artifacts/model"})
    assert listed.json()["files"] == [
        {"path": "MLmodel", "is_dir": False, "file_size": 11},
        {"path": "a b.txt", "is_dir": False, "file_size": 0},
    ]
    found = await client.get("/artifacts/list", run_id=run_id)
    assert [(one["path"], one["is_dir"]) for one in found["files"]] == [("model", True), ("plot.png", False)]
    found = await client.get("/artifacts/list", run_id=run_id, path="model")
    assert [one["path"] for one in found["files"]] == ["model/MLmodel", "model/a b.txt"]
    answer = await client.http.get(f"{root}/model/MLmodel")
    assert answer.content == b"flavors: {}"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await client.http.get(f"{root}/model/other")).json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    page = await assistant.text("read_page", uri="mlsteward://runs/1")
    assert "plot.png" in page
    assert "- runs/1/artifacts/model/ in the workspace (2 files, 11 bytes)" in page
    assert not list((workspace.folder / "runs").rglob("*.part"))


@pytest.mark.parametrize(
    "path", ["..%2F..%2Fevil", "%2Fetc%2Fevil", "a%2F..%2F..%2F..%2Fevil", "..\\evil", "C:%5Cevil", "a%00b", "x" * 300]
)
async def test_no_artifact_leads_out_of_its_run(client: Client, workspace: Workspace, path: str) -> None:
    run_id = await client.run()
    before = {file for file in workspace.folder.parent.rglob("*") if file.is_file()}
    answer = await client.http.put(f"{PROXY}/0/{run_id}/artifacts/{path}", content=b"evil")
    inside = workspace.folder / "runs" / "1" / "artifacts"
    after = {file for file in workspace.folder.parent.rglob("*") if file.is_file() and "evil" in file.name}
    assert answer.status_code in (400, 403, 404) or all(file.is_relative_to(inside) for file in after - before)
    assert (await client.http.get(f"{PROXY}/0/{run_id}/artifacts/..%2F..%2F1%2Frequest.json")).status_code >= 400


async def test_artifacts_that_cannot_be_placed_are_the_callers_mistakes(client: Client) -> None:
    place = f"{PROXY}/0/{await client.run()}/artifacts"
    assert (await client.http.put(f"{place}/d/file", content=b"x")).status_code == 200
    for path, status in (("d/file/below", 400), ("d", 400), ("a/" * 2000 + "b", 403)):
        assert (await client.http.put(f"{place}/{path}", content=b"x")).status_code == status, path
    assert (await client.http.options(f"{place}/d/file")).json()["error_code"] == "ENDPOINT_NOT_FOUND"


async def test_a_link_in_the_artifacts_is_not_followed_out(client: Client, workspace: Workspace) -> None:
    run_id = await client.run()
    (workspace.folder / "runs" / "1" / "artifacts" / "link").symlink_to(workspace.folder)
    for method in ("GET", "PUT"):
        answer = await client.http.request(method, f"{PROXY}/0/{run_id}/artifacts/link/store.duckdb")
        assert answer.json()["error_code"] == "PERMISSION_DENIED"


async def test_a_model_is_logged_registered_and_found_by_its_alias(client: Client, workspace: Workspace) -> None:
    run_id = await client.run()
    made = await client.post("/logged-models", experiment_id="0", name="model", source_run_id=run_id, params=[])
    info = made["model"]["info"]
    root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert (await client.http.put(f"{PROXY}/{root}/MLmodel", content=b"x")).status_code == 200
    assert (workspace.folder / "runs" / "1" / "models" / info["model_id"] / "MLmodel").read_bytes() == b"x"
    ready = {"model_id": info["model_id"], "status": "LOGGED_MODEL_READY"}
    await client.http.patch(f"{API}/logged-models/{info['model_id']}", json=ready)
    metric = {"key": "score", "value": 1.0, "timestamp": 1, "model_id": info["model_id"]}
    await client.post("/runs/log-batch", run_id=run_id, metrics=[metric])
    await client.post("/runs/outputs", run_id=run_id, models=[{"model_id": info["model_id"], "step": 0}])
    await client.post("/registered-models/create", name="late")
    assert (await client.error("POST", "/registered-models/create", name="late"))[1] == "RESOURCE_ALREADY_EXISTS"
    source = f"models:/{info['model_id']}"
    for _ in range(2):
        await client.post("/model-versions/create", name="late", source=source, run_id=run_id)
    await client.post("/registered-models/alias", name="late", alias="champion", version="1")
    found = (await client.get("/registered-models/alias", name="late", alias="champion"))["model_version"]
    assert (found["version"], found["status"], found["aliases"]) == ("1", "READY", ["champion"])
    address = await client.get("/model-versions/get-download-uri", name="late", version="1")
    assert address["artifact_uri"] == info["artifact_uri"]
    versions = await client.get("/model-versions/search", filter="name='late'", max_results=10)
    assert [one["version"] for one in versions["model_versions"]] == ["2", "1"]
    model = (await client.get(f"/logged-models/{info['model_id']}"))["model"]
    assert model["info"]["status"] == "LOGGED_MODEL_READY"
    assert [one["value"] for one in model["data"]["metrics"]] == [1.0]
    assert model["info"]["registrations"] == [{"name": "late", "version": "1"}, {"name": "late", "version": "2"}]
    for place in ("file:///etc", "/etc/passwd", "./x"):
        assert (await client.error("POST", "/model-versions/create", name="late", source=place))[0] == 400


async def test_tokens_and_a_server_for_reading_hold(client: Client, workspace: Workspace) -> None:
    reader = workspace.store.write(lambda t: create_token(t, "viewer", "read"))
    writer = workspace.store.write(lambda t: create_token(t, "trainer", "write"))
    assert (await client.error("POST", "/runs/create"))[:2] == (401, "UNAUTHENTICATED")
    client.http.headers["Authorization"] = f"Bearer {reader}"
    assert (await client.error("POST", "/runs/create"))[:2] == (403, "PERMISSION_DENIED")
    client.http.headers["Authorization"] = f"Bearer {writer}"
    run_id = await client.run()
    client.http.headers["Authorization"] = f"Bearer {reader}"
    run = (await client.get("/runs/get", run_id=run_id))["run"]
    assert run["info"]["user_id"] == "trainer"
    answer = await client.http.put(f"{PROXY}/0/{run_id}/artifacts/a.txt", content=b"x")
    assert answer.json()["error_code"] == "PERMISSION_DENIED"
    answer = await client.http.get(f"{API}/runs/get", params={"run_id": run_id}, headers={"Host": "evil.example"})
    assert answer.status_code == 421


async def test_a_run_that_is_logged_takes_no_workers_place_and_is_cancelled_in_a_word(
    client: Client, workspace: Workspace, assistant: Assistant
) -> None:
    ids = [await client.run(run_name=f"r{place}") for place in range(3)]
    looked = await assistant.call("get_run", run=1, wait_seconds=0)
    assert looked["state"] == "running"
    await assistant.call("cancel_run", run=1)
    run = (await client.get("/runs/get", run_id=ids[0]))["run"]
    assert run["info"]["status"] == "KILLED"
    (workspace.settings.data[0] / "t.csv").write_text("a,b\n1,2\n")
    registered = await assistant.call("register_dataset", source="t.csv", name="t", wait_seconds=25)
    assert registered["state"] == "completed"


async def test_a_registered_dataset_can_be_named_by_a_tag(
    client: Client, workspace: Workspace, assistant: Assistant
) -> None:
    (workspace.settings.data[0] / "t.csv").write_text("a,b\n1,2\n3,4\n")
    await assistant.call("register_dataset", source="t.csv", name="t", wait_seconds=60)
    run_id = await client.run(tags=[{"key": "mlsteward.dataset", "value": "t"}])
    assert workspace.store.read(lambda t: get_run(t, 2)).dataset == "t@1"
    await assistant.call("document_asset", asset="column:t.a", sensitivity="confidential")
    secret = workspace.store.write(lambda t: create_token(t, "viewer", "write", "internal"))
    client.http.headers["Authorization"] = f"Bearer {secret}"
    await client.get("/runs/get", run_id=run_id)
    assert (await client.http.get(PROXY, params={"path": f"0/{run_id}/artifacts"})).json()["error_code"] == (
        "PERMISSION_DENIED"
    )
    other = await client.run()
    words = await client.error("POST", "/runs/set-tag", run_id=other, key="mlsteward.dataset", value="t")
    assert words[1] == "PERMISSION_DENIED"


async def test_the_number_of_a_deleted_version_is_given_to_no_other(client: Client) -> None:
    run_id = await client.run()
    made = await client.post("/logged-models", experiment_id="0", name="model", source_run_id=run_id, params=[])
    await client.post("/registered-models/create", name="late")
    source = f"models:/{made['model']['info']['model_id']}"
    for number in ("1", "2", "3"):
        version = await client.post("/model-versions/create", name="late", source=source, run_id=run_id)
        assert version["model_version"]["version"] == number
        gone = await client.http.request(
            "DELETE", f"{API}/model-versions/delete", json={"name": "late", "version": number}
        )
        assert gone.status_code == 200
