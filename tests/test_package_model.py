"""`package_model`: folders that run elsewhere say what the model says."""

import importlib.util
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from mlsteward.data.frames import read_columns, read_frame
from mlsteward.serving.model_file import load_bundle
from mlsteward.store.activity import activity_of
from mlsteward.store.datasets import find_dataset
from mlsteward.store.lineage import edges_of_run
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.judged import flights

pytestmark = pytest.mark.anyio
SCORE = """
import importlib, json, sys
import pandas as pd, yaml
folder = sys.argv[1]
flavor = yaml.safe_load(open(f"{folder}/MLmodel"))["flavors"]["python_function"]
sys.path.insert(0, f"{folder}/{flavor['code']}")
loader = importlib.import_module(flavor["loader_module"])
assert loader.__file__.startswith(folder), loader.__file__
model = loader._load_pyfunc(f"{folder}/{flavor['data']}")
print(model.predict(pd.DataFrame(json.load(sys.stdin))).to_json(orient="records"))
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> AsyncIterator[tuple[Workspace, Assistant]]:
    folder = tmp_path_factory.mktemp("package")
    flights(400, 0).drop(columns="minutes").to_csv(folder / "flights.csv", index=False)
    workspace = new_workspace(folder / "workspace", folder, warm)
    async with assistant_of(workspace) as assistant:
        await assistant.call("register_dataset", source="flights.csv", name="flights")
        trained = await assistant.call(
            "train_model", dataset="flights", target="late", name="delay", estimator="decision_tree", tune=0
        )
        while trained["state"] in ("queued", "running"):
            trained = await assistant.call("get_run", run=trained["run"])
        yield workspace, assistant
    workspace.close()


async def test_a_package_for_mlflow_scores_without_mlsteward_and_holds_no_pickle(
    house: tuple[Workspace, Assistant],
) -> None:
    workspace, assistant = house
    packaged = await assistant.call("package_model", model="delay", target="mlflow")
    folder = Path(packaged["folder"])
    assert folder == workspace.folder / "packages" / "delay-1-mlflow"
    described = yaml.safe_load((folder / "MLmodel").read_text())
    asked = {column["name"]: column["type"] for column in json.loads(described["signature"]["inputs"])}
    assert asked["dep_delay"] == "double"
    assert asked["origin"] == "string"
    assert not _pickles(folder)
    facts = json.loads((folder / "data" / "facts.json").read_text())
    bundle = load_bundle(folder / "data" / "model.skops", facts["sha256"])
    snapshot = workspace.folder / workspace.store.read(lambda t: find_dataset(t, "flights")).snapshot
    rows = read_frame(snapshot, read_columns(snapshot)).head(40)
    sent = str(rows[[column["name"] for column in bundle.columns]].to_json(orient="records", date_format="iso"))
    # What tests put on the path imports the platform that is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = _run([sys.executable, "-P", "-c", SCORE, str(folder)], folder, sent, environment)
    assert ended.returncode == 0, ended.stderr
    scored = json.loads(ended.stdout)
    expected = bundle.predict(rows)
    assert [row["prediction"] for row in scored] == list(expected.labels)
    assert [row["score_yes"] for row in scored] == pytest.approx(list(expected.positive()))
    (edge,) = workspace.store.read(lambda t: edges_of_run(t, packaged["run"]))
    assert (edge.source, edge.target, edge.kind) == ("model:delay@1", f"run:{packaged['run']}", "package")
    changes = workspace.store.read(lambda t: activity_of(t, "model:delay@1"))
    assert [change.why for change in changes if change.action == "package"] == [
        "for mlflow, in packages/delay-1-mlflow"
    ]


async def test_a_package_for_docker_serves_its_model_without_a_store(
    house: tuple[Workspace, Assistant], tmp_path: Path
) -> None:
    _, assistant = house
    packaged = await assistant.call("package_model", model="delay", target="docker")
    folder = Path(packaged["folder"])
    deployment, service = yaml.safe_load_all((folder / "kubernetes.yaml").read_text())
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert all("==" in line for line in (folder / "requirements.txt").read_text().split())
    assert "FROM python:3." in (folder / "Dockerfile").read_text()
    answer = _asked(folder, tmp_path / "log")
    assert answer["model"] == "delay@1"
    assert answer["predictions"][0]["prediction"] in ("yes", "no")


def _asked(folder: Path, log: Path) -> dict[str, Any]:
    """What the endpoint of the package, started as its image starts it, says of a row."""
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": "0", "MLSTEWARD_TOKEN": "secret"}
    command = [sys.executable, "-P", "start.py"]
    environment["PYTHONPATH"] = str(folder)
    rows = [{"day": "2026-01-05", "dep_delay": 90.0, "distance": 500, "origin": "LGA"}]
    with log.open("wb") as errors, subprocess.Popen(command, cwd=folder, env=environment, stderr=errors) as process:
        try:
            address = _address(folder / "workspace" / "deployments" / "delay" / "state.json", process, log)
            assert httpx2.get(f"{address}/v2/health/ready").status_code == 200
            assert httpx2.post(f"{address}/predict", json=rows).status_code == 401
            # In a cluster an endpoint is asked under whatever address its pod has.
            headers = {"Authorization": "Bearer secret", "Host": "10.1.2.3:8080"}
            return httpx2.post(f"{address}/predict", json=rows, headers=headers).json()
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(state: Path, process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if state.is_file() and (port := json.loads(state.read_text()).get("port")):
            return f"http://127.0.0.1:{port}"
        time.sleep(0.05)
    raise AssertionError(f"the endpoint did not start: {log.read_text()}")


def _run(
    command: list[str], folder: Path, sent: str = "", environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=folder, input=sent, env=environment, capture_output=True, text=True)


def _pickles(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".cloudpickle")]


async def test_an_image_without_a_token_does_not_start_where_others_can_reach_it(
    house: tuple[Workspace, Assistant],
) -> None:
    _, assistant = house
    packaged = await assistant.call("package_model", model="delay@1", target="docker")
    environment = {name: value for name, value in os.environ.items() if name not in ("HOST", "MLSTEWARD_TOKEN")}
    ended = _run([sys.executable, "start.py"], Path(packaged["folder"]), environment=environment)
    assert ended.returncode == 1
    assert "MLSTEWARD_TOKEN is not set" in ended.stderr


async def test_without_its_extra_onnx_is_refused_in_words(house: tuple[Workspace, Assistant]) -> None:
    if importlib.util.find_spec("onnx"):
        pytest.skip("the extra is installed")
    _, assistant = house
    words = await assistant.error("package_model", model="delay", target="onnx")
    assert "pip install 'mlsteward[onnx]'" in words


async def test_whoever_may_not_see_a_column_packages_no_model_of_it(house: tuple[Workspace, Assistant]) -> None:
    workspace, assistant = house
    await assistant.call("document_asset", asset="column:flights.origin", sensitivity="confidential")
    async with assistant_of(workspace.seen_by("internal")) as uncleared:
        assert "cannot be used here" in await uncleared.error("package_model", model="delay", target="mlflow")
    packaged = await assistant.call("package_model", model="delay", target="docker")
    folder = Path(packaged["folder"])
    desired = json.loads((folder / "workspace" / "desired.json").read_text())
    assert desired["unlogged"] == ["origin"], "what is secret here is not written down there"
    words = (folder / "README.md").read_text()
    command = shlex.split(words[words.index("curl ") : words.index("/predict")])
    (row,) = json.loads(command[command.index("-d") + 1])
    assert row["origin"] is None
    assert row["dep_delay"] is not None
