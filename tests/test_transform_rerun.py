"""Running a dataset's own statement again when its sources have new versions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.store.datasets import find_dataset
from mlsteward.store.stale import stale_sources
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.copied import begun, furnished

pytestmark = pytest.mark.anyio

LATE = "SELECT number, delay > 15 AS late FROM flights"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace to begin with: flights, and those of them that are late."""

    async def furnish(workspace: Workspace) -> None:
        async with assistant_of(workspace) as assistant:
            await flights(assistant, 100)
            await make(assistant, "late", LATE)

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def workspace(made: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


async def make(assistant: Assistant, name: str, sql: str = "") -> dict[str, Any]:
    given = {"sql": sql} if sql else {}
    answer = await assistant.call("transform_dataset", name=name, **given)
    while answer["state"] != "completed":
        await assistant.call("get_run", run=answer["run"], wait_seconds=20)
        answer = await assistant.call("transform_dataset", name=name, **given)
    return answer


async def flights(assistant: Assistant, rows: int) -> None:
    await make(assistant, "flights", f"SELECT i AS number, i % 40 AS delay FROM range({rows}) t(i)")


def stale(workspace: Workspace, label: str) -> list[str]:
    return [one.words for one in workspace.store.read(lambda t: stale_sources(t, label))]


async def test_the_statement_runs_again_on_the_newest_sources(assistant: Assistant, workspace: Workspace) -> None:
    assert stale(workspace, "late@1") == []
    await flights(assistant, 200)
    words = "stale: late@1 was made from flights@1, and flights has version 2"
    assert stale(workspace, "late@1") == [words]
    traced = await assistant.call("trace_lineage", asset="late")
    assert traced["stale"] == [words]
    assert traced["next"] == 'transform_dataset(name="late")'
    told = "stale: made from flights@1, of which there is version 2"
    assert told in await assistant.text("lookup_data_dictionary", dataset="late")
    answer = await make(assistant, "late")
    assert answer["dataset"] == "late@2"
    assert answer["sources"] == ["dataset:flights@2"]
    version = workspace.store.read(lambda t: find_dataset(t, "late"))
    assert (version.rows, version.sql) == (200, LATE)
    assert stale(workspace, "late@2") == []


async def test_a_source_named_with_its_version_stays(assistant: Assistant, workspace: Workspace) -> None:
    await flights(assistant, 200)
    await make(assistant, "joint", 'SELECT count(*) AS n FROM "flights@1" UNION ALL SELECT count(*) FROM flights')
    await flights(assistant, 300)
    assert stale(workspace, "joint@1") == ["stale: joint@1 was made from flights@2, and flights has version 3"]
    answer = await make(assistant, "joint")
    assert answer["sources"] == ["dataset:flights@1", "dataset:flights@3"]
    found = await assistant.call("query_data", sql="SELECT n FROM joint ORDER BY n")
    assert found["rows"] == [[100], [300]]


async def test_what_must_be_made_anew_first_is_said_first(assistant: Assistant, workspace: Workspace) -> None:
    await make(assistant, "share", "SELECT avg(late::INT) AS share, count(*) AS n FROM late")
    await flights(assistant, 200)
    assert stale(workspace, "share@1") == ["stale: late@1 was made from flights@1, and flights has version 2"]
    await make(assistant, "late")
    assert stale(workspace, "share@1") == ["stale: share@1 was made from late@1, and late has version 2"]
    await make(assistant, "share")
    assert stale(workspace, "share@2") == []


async def test_newer_sources_that_give_the_same_rows_leave_nothing_stale(
    assistant: Assistant, workspace: Workspace
) -> None:
    await make(assistant, "first", "SELECT * FROM flights WHERE number < 10")
    await flights(assistant, 200)
    answer = await make(assistant, "first")
    assert answer["dataset"] == "first@1"
    assert stale(workspace, "first@1") == []
    assert "stale" not in await assistant.text("lookup_data_dictionary", dataset="first")


async def test_a_dataset_that_no_statement_made_says_so(assistant: Assistant) -> None:
    await assistant.call("register_dataset", name="pasted", source="", content="a,b\n1,2\n")
    assert "was not made by a statement" in await assistant.error("transform_dataset", name="pasted")
    assert "no dataset 'nowhere'" in await assistant.error("transform_dataset", name="nowhere")
