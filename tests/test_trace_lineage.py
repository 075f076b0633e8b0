"""The tool `trace_lineage`."""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlsteward.lineage.edge import Edge
from mlsteward.lineage.graph import Way, walk
from mlsteward.lineage.layout import lay_out
from mlsteward.lineage.tree import grow, tree_lines
from mlsteward.store.lineage import add_edges, downstream_of, edges_from, edges_of_run, upstream_of
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.copied import begun, furnished
from tests.dataset_versions import add_rows

pytestmark = pytest.mark.anyio

CARRIERS = "carrier,airline\nUA,United\nAA,American\nDL,Delta\n"
JOINED = (
    "SELECT f.carrier, f.distance, f.dep_delay, f.distance / 500 AS hops, f.arr_delay > 15 AS late"
    " FROM flights f JOIN carriers c USING (carrier) WHERE f.arr_delay IS NOT NULL"
)


def flights(rows: int = 300) -> str:
    lines = ["carrier,distance,dep_delay,arr_delay"]
    for row in range(rows):
        carrier = ("UA", "AA", "DL")[row % 3]
        delay = (row * 37) % 60 - 10
        lines.append(f"{carrier},{200 + (row * 53) % 900},{delay},{delay + (row * 17) % 21 - 10}")
    return "\n".join(lines) + "\n"


async def run(assistant: Assistant, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call(tool, **arguments)
    while answer.get("state", "completed") != "completed":
        await assistant.call("get_run", run=answer["run"], wait_seconds=20)
        answer = await assistant.call(tool, **arguments)
    return answer


async def build(assistant: Assistant, data: Path) -> None:
    """Two files, their join, and a model of it."""
    (data / "flights.csv").write_text(flights())
    (data / "carriers.csv").write_text(CARRIERS)
    for name in ("flights", "carriers"):
        await run(assistant, "register_dataset", name=name, source=f"{name}.csv")
    await run(assistant, "transform_dataset", name="late", sql=JOINED)
    await run(assistant, "train_model", dataset="late", target="late", name="delay", estimator="logistic_regression")


async def test_lineage_runs_from_files_to_predictions_and_tells_what_breaks(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    await build(assistant, data)
    await run(assistant, "evaluate_model", model="delay", dataset="late")
    await run(assistant, "predict_rows", model="delay", dataset="late", as_dataset="scored")
    await assistant.call("document_asset", asset="flights.dep_delay", owner="ops")

    column = await assistant.call("trace_lineage", asset="flights.dep_delay")
    assert column["verdict"].startswith(
        "column:flights.dep_delay is read from flights.csv and feeds 1 model (delay@1: importance "
    )
    assert column["verdict"].endswith("rank 1), 2 datasets (late@1, scored@1) and 1 run; owner ops.")
    (use,) = column["models"]
    assert (use["model"], use["use"], use["column"], use["rank"]) == ("model:delay@1", "feature", "late@1.dep_delay", 1)
    assert column["downstream"][1] == "  - column:late@1.dep_delay (as it is (run:3))"
    assert column["next"] == 'explain_model(model="delay@1")'

    target = await assistant.call("trace_lineage", asset="column:flights@1.ARR_DELAY", direction="downstream")
    assert [(use["use"], use["column"]) for use in target["models"]] == [("target", "late@1.late")]
    assert "dataset:late@1 (filters by it (run:3))" in "\n".join(target["downstream"])
    assert target["upstream"] == []

    derived = await assistant.call("trace_lineage", asset="late.hops", direction="upstream")
    assert derived["verdict"].startswith("column:late.hops comes from flights@1.distance, ")

    dataset = await assistant.call("trace_lineage", asset="late")
    assert dataset["verdict"] == (
        "dataset:late comes from flights@1, carriers@1, read from flights.csv, carriers.csv and feeds 1 model"
        " (delay@1: training data), 1 dataset (scored@1) and 1 run."
    )
    assert dataset["upstream_total"] == 4
    assert dataset["downstream_total"] == 3

    prediction = await assistant.call("trace_lineage", asset="scored.prediction", direction="upstream")
    assert prediction["upstream"][1].startswith("  - model:delay@1 (predict")
    made = await assistant.call("trace_lineage", asset="run:4", direction="upstream")
    assert "dataset:late@1 (train (run:4))" in made["upstream"][1]

    way = await assistant.call("trace_lineage", asset="scored", to="carriers")
    assert way["verdict"] == "dataset:carriers@1 leads to dataset:scored@1 in 2 steps."
    assert way["path"][0].startswith("dataset:carriers@1 → dataset:late@1 (transform")
    way = await assistant.call("trace_lineage", asset="flights.dep_delay", to="delay")
    assert [step.partition(" (")[0] for step in way["path"]] == [
        "column:flights@1.dep_delay → column:late@1.dep_delay",
        "column:late@1.dep_delay → model:delay@1",
    ]
    file = await assistant.call("trace_lineage", asset="source:flights.csv", depth=2)
    assert (file["downstream_total"], file.get("page")) == (2, "")
    none = await assistant.call("trace_lineage", asset="carriers", to="flights")
    assert none["verdict"].startswith("No way leads from dataset:carriers to dataset:flights")

    chart = await assistant.text("trace_lineage", asset="late", view="mermaid")
    assert "```mermaid\nflowchart LR" in chart
    assert 'n0[("dataset:late@1")]' in chart
    picture = await assistant.result("trace_lineage", asset="late", view="png")
    (image,) = [part for part in picture.content if part.type == "image"]
    assert base64.b64decode(image.data).startswith(b"\x89PNG")
    before = await assistant.call("list_runs", kind="lineage")
    await assistant.result("trace_lineage", asset="late", view="png")
    assert (await assistant.call("list_runs", kind="lineage"))["total"] == before["total"] == 1

    page = await assistant.text("read_page", uri=column["page"])
    assert "```mermaid" in page
    assert "| model:delay@1 | feature | late@1.dep_delay |" in page
    table = await assistant.call(
        "query_data", sql="SELECT source FROM meta.lineage WHERE kind = 'transform' ORDER BY 1"
    )
    assert table["rows"] == [["dataset:carriers@1"], ["dataset:flights@1"]]


def add_versions(workspace: Workspace) -> None:
    """Two versions of a table, of which a column went into a model each; in the second under another spelling."""
    add_rows(workspace, "sales", "SELECT 1.5 AS price, 'a' AS Region")
    add_rows(workspace, "sales", "SELECT 2.5 AS price, 'a' AS region")
    edges = [
        Edge(source=f"column:sales@{version}.{column}", target=f"model:forecast@{version}", kind="feature", run=version)
        for version in (1, 2)
        for column in ("price", ("Region", "region")[version - 1])
    ]
    edges += [
        Edge(source=f"dataset:sales@{version}", target=f"model:forecast@{version}", kind="train", run=version)
        for version in (1, 2)
    ]
    edges.append(Edge(source="model:forecast@2", target="deployment:forecast", kind="deploy"))
    workspace.store.write(lambda t: add_edges(t, edges))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    return furnished(tmp_path_factory, warm, add_versions)


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
def versions(made: Path, workspace: Workspace) -> Workspace:
    return workspace


async def test_without_a_version_all_versions_count_newest_first(versions: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("trace_lineage", asset="sales.region", direction="downstream")
    assert [use["model"] for use in answer["models"]] == ["model:forecast@2", "model:forecast@1"]
    assert answer["models"][0]["deployments"] == ["deployment:forecast"]
    assert "and 1 deployment (forecast)" in answer["verdict"]
    old = await assistant.call("trace_lineage", asset="sales@1.region", direction="downstream")
    assert [use["model"] for use in old["models"]] == ["model:forecast@1"]
    served = await assistant.call("trace_lineage", asset="deployment:forecast")
    assert served["upstream"][1:3] == ["  - model:forecast@2 (deploy)", "    - dataset:sales@2 (train (run:2))"]


async def test_others_see_what_lies_up_and_down(versions: Workspace) -> None:
    assert versions.store.read(lambda t: downstream_of(t, "dataset:sales")) == [
        "model:forecast@2",
        "model:forecast@1",
        "deployment:forecast",
    ]
    assert versions.store.read(lambda t: upstream_of(t, "deployment:forecast")) == [
        "model:forecast@2",
        "dataset:sales@2",
    ]
    assert versions.store.read(lambda t: downstream_of(t, "column:sales.REGION"))[:2] == [
        "model:forecast@2",
        "model:forecast@1",
    ]
    assert {edge.target for edge in versions.store.read(lambda t: edges_of_run(t, 1))} == {"model:forecast@1"}


async def test_an_edge_is_recorded_once(versions: Workspace) -> None:
    edge = Edge(source="model:forecast@2", target="deployment:forecast", kind="deploy")
    versions.store.write(lambda t: add_edges(t, [edge, edge]))
    assert len(versions.store.read(lambda t: edges_from(t, ["model:forecast@2"]))) == 1


async def test_a_wide_graph_is_shown_in_part_and_counted(versions: Workspace, assistant: Assistant) -> None:
    edges = [
        Edge(source=f"dataset:t{one}@1", target=f"dataset:t{one + step}@1", kind="transform", run=one)
        for one in range(2_000)
        for step in (1, 2, 3, 5, 8)
    ]
    edges.append(Edge(source="dataset:sales@2", target="dataset:t0@1", kind="transform"))
    edges.append(Edge(source="dataset:t9@1", target="dataset:sales@2", kind="transform"))
    edges += [Edge(source="dataset:sales@2", target=f"run:{one}", kind="evaluate", run=one) for one in range(90)]
    edges.append(Edge(source="dataset:t400@1", target="deployment:far", kind="deploy"))
    versions.store.write(lambda t: add_edges(t, edges))
    answer = await assistant.call("trace_lineage", asset="sales@2", direction="downstream", depth=6)
    assert answer["deeper"]
    assert answer["left_out"] > 0
    assert "  - and 87 more runs" in answer["downstream"]
    far = await assistant.call("trace_lineage", asset="sales@2", to="deployment:far")
    assert far["verdict"].startswith("dataset:sales@2 leads to deployment:far in 52 steps.")
    assert (len(far["path"]), far["path"][10]) == (21, "… 32 steps between")
    chart = await assistant.call("trace_lineage", asset="sales@2", view="mermaid", depth=20)
    assert "more connections are not drawn" in chart["chart"][-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"asset": "sales.pric"}, "Did you mean `sales.price`"),
        ({"asset": "saless"}, "Did you mean `sales`"),
        ({"asset": "model:forecst"}, "No model has a name"),
        ({"asset": "deployment:forecastt"}, "Did you mean `deployment:forecast`"),
        ({"asset": "run:99"}, "There is no run:99"),
        ({"asset": "sales", "depth": 0}, "depth is 1 to"),
        ({"asset": "sales", "direction": "sideways"}, "direction"),
        ({"asset": "sales", "to": "nowhere"}, "no dataset 'nowhere'"),
        ({"asset": "galaxy:sales"}, "no kind of asset"),
    ],
)
async def test_what_cannot_be_traced_is_refused_in_words(
    versions: Workspace, assistant: Assistant, arguments: dict[str, Any], words: str
) -> None:
    assert words in await assistant.error("trace_lineage", **arguments)


def test_a_picture_has_sources_left_of_what_they_made_and_survives_cycles() -> None:
    edges = [Edge(source=source, target=target, kind="x") for source, target in ("ab", "bc", "ac", "cd", "db", "ee")]
    layout = lay_out(edges, ["b"])
    layers = {asset: layer for asset, (layer, _) in layout.places.items()}
    assert layers["a"] < layers["b"] < layers["c"] < layers["d"]
    assert layout.marked == ["b"]
    assert ("e", "e") not in layout.ways
    wide = lay_out([Edge(source="dataset:s@1", target=f"run:{one}", kind="x") for one in range(200)])
    assert (len(wide.places), wide.left_out) == (48, 153)


def test_a_walk_meets_each_asset_once_and_stops_where_it_must() -> None:
    edges = [Edge(source=str(one), target=str(one * 2 + side), kind="x") for one in range(1, 6_000) for side in (0, 1)]
    edges.append(Edge(source="9", target="1", kind="x"))
    by_source: dict[str, list[Edge]] = {}
    for edge in edges:
        by_source.setdefault(edge.source, []).append(edge)

    def step(assets: Sequence[str], way: Way) -> list[Edge]:
        return [edge for asset in assets for edge in by_source.get(asset, [])]

    found = walk(["1"], "downstream", step, depth=3)
    assert len(found.reached) == 2 + 4 + 8
    assert found.cut
    whole = walk(["1"], "downstream", step, depth=99, most=500)
    assert (len(whole.distance), whole.cut) == (500, True)
    lines, left = tree_lines(grow(whole), 20)
    assert len(lines) == 20
    assert len(lines) + left == 500
