"""The tool `trace_lineage`."""

from pathlib import Path
from typing import Any

import pytest

from mlsteward.lineage.edge import Edge
from mlsteward.store.lineage import add_edges, downstream_of, edges_of_run, upstream_of
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

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


async def test_a_column_says_which_models_lean_on_it_and_who_owns_it(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    await build(assistant, data)
    await assistant.call("document_asset", asset="flights.dep_delay", owner="ops")
    answer = await assistant.call("trace_lineage", asset="flights.dep_delay")
    assert answer["verdict"].startswith("column:flights.dep_delay read from flights.csv and feeds 1 model (delay@1: importance ")
    assert answer["verdict"].endswith("and 1 dataset (late@1); owner ops.")
    assert answer["owner"] == "ops"
    (use,) = answer["models"]
    assert (use["model"], use["use"], use["column"], use["rank"]) == ("model:delay@1", "feature", "late@1.dep_delay", 1)
    assert "column:late@1.dep_delay (as it is (run:3))" in answer["downstream"][1]
    assert answer["next"] == 'explain_model(model="delay@1")'
