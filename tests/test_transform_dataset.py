"""The tool `transform_dataset`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlsteward.data.engine import connect
from mlsteward.data.snapshot import verify_snapshot
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import InvalidSQL, UnusableData
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.transform import Request, work
from mlsteward.runs.new_version import NewVersion, VersionPlan, make_version
from mlsteward.store.datasets import DatasetVersion, find_dataset, versions_of
from mlsteward.store.dictionary import column_entries, find_entry, write_words
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.copied import begun

pytestmark = pytest.mark.anyio

FLIGHTS = (
    "SELECT i AS number, ['UA', 'AA', 'DL'][i % 3 + 1] AS carrier, i % 90 - 10.5 AS dep_delay,"
    " TIMESTAMP '2013-01-01' + to_hours(i::INT) AS departed FROM range(2000) t(i)"
)
CARRIERS = "SELECT * FROM (VALUES ('UA', 'United'), ('AA', 'American'), ('DL', 'Delta')) t(carrier, airline)"
LATE = "SELECT carrier, dep_delay, dep_delay > 15 AS late FROM flights WHERE dep_delay > 0"


async def make(assistant: Assistant, name: str, sql: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call("transform_dataset", name=name, sql=sql, **arguments)
    while answer["state"] != "completed":
        await assistant.call("get_run", run=answer["run"], wait_seconds=20)
        answer = await assistant.call("transform_dataset", name=name, sql=sql, **arguments)
    return answer


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace with the flights, made of nothing but SQL."""
    folder = tmp_path_factory.mktemp("flights")
    workspace = new_workspace(folder, folder, warm)

    async def furnish() -> None:
        async with assistant_of(workspace) as assistant:
            await make(assistant, "flights", FLIGHTS)

    anyio.run(furnish)
    workspace.close()
    return folder


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "flights")


def found(workspace: Workspace, label: str) -> DatasetVersion:
    return workspace.store.read(lambda t: find_dataset(t, label))


@pytest.mark.usefixtures("flights")
async def test_the_result_becomes_a_dataset_that_knows_its_sources(assistant: Assistant, workspace: Workspace) -> None:
    answer = await make(assistant, "late_flights", LATE, description="Flights that left late.")
    assert answer["verdict"] == "late_flights has a new version with 1,747 rows and 3 columns made from flights@1."
    assert answer["dataset"] == "late_flights@1"
    assert answer["sources"] == ["dataset:flights@1"]
    assert [column["name"] for column in answer["columns"]] == ["carrier", "dep_delay", "late"]
    assert answer["next"] == 'profile_dataset(dataset="late_flights")'
    version = found(workspace, "late_flights")
    assert (version.sources, version.sql, version.family) == (["dataset:flights@1"], LATE, "flights")
    assert (version.description, version.run) == ("Flights that left late.", answer["run"])
    assert version.profile.column("dep_delay").minimum == 0.5
    assert verify_snapshot(workspace.folder, version.snapshot).is_file()
    counted = await assistant.call(
        "query_data", sql="SELECT count(*), bool_and(late = (dep_delay > 15)) FROM late_flights"
    )
    assert counted["rows"] == [[1747, True]]


@pytest.mark.usefixtures("flights")
async def test_the_same_rows_again_make_no_new_version(assistant: Assistant, workspace: Workspace) -> None:
    first = await make(assistant, "late_flights", LATE)
    again = await make(assistant, "late_flights", f"{LATE} ORDER BY hash(dep_delay)")
    assert again["dataset"] == first["dataset"] == "late_flights@1"
    assert again["verdict"].endswith("no new version.")
    other = await make(assistant, "late_flights", f"{LATE} AND carrier = 'UA'")
    assert other["dataset"] == "late_flights@2"
    assert [version.version for version in workspace.store.read(lambda t: versions_of(t, "late_flights"))] == [2, 1]


async def test_who_made_it_is_remembered(assistant: Assistant, workspace: Workspace) -> None:
    answer = await make(assistant, "flights", FLIGHTS)
    found = await assistant.call("query_data", sql="SELECT action, asset, run, actor FROM meta.activity")
    assert found["rows"] == [["transform", "dataset:flights@1", answer["run"], workspace.user]]


@pytest.mark.usefixtures("flights")
async def test_rows_that_another_dataset_has_share_its_snapshot(assistant: Assistant, workspace: Workspace) -> None:
    await make(assistant, "copied", "SELECT * FROM flights")
    assert found(workspace, "copied").snapshot == found(workspace, "flights").snapshot


@pytest.mark.usefixtures("flights")
async def test_a_version_in_quotes_is_the_source(assistant: Assistant, workspace: Workspace) -> None:
    await make(assistant, "flights", "SELECT * FROM flights WHERE number < 100")
    answer = await make(assistant, "joined", 'SELECT a.* FROM "flights@1" a ANTI JOIN flights b USING (number)')
    assert answer["sources"] == ["dataset:flights@1", "dataset:flights@2"]
    assert found(workspace, "joined").rows == 1900
    assert found(workspace, "flights@2").sources == ["dataset:flights@1"]


@pytest.mark.usefixtures("flights")
async def test_columns_taken_over_keep_their_words_and_computed_ones_do_not(
    assistant: Assistant, workspace: Workspace
) -> None:
    await make(assistant, "carriers", CARRIERS)

    def document(t: Any) -> None:
        for column in ("number", "dep_delay", "carrier"):
            entry = find_entry(t, f"flights.{column}")
            words: dict[str, Any] = {"description": f"The {column}.", "unit": "min", "writers": {"description": "ann"}}
            write_words(
                t, [entry.model_copy(update={**words, "writers": {"description": "ann", "unit": "ann"}})], "ann"
            )

    workspace.store.write(document)
    await make(
        assistant,
        "joined",
        "SELECT dep_delay, number * 1000 AS number, carrier, airline FROM flights JOIN carriers USING (carrier)",
    )
    entries: dict[str, Entry] = {
        entry.column: entry for entry in workspace.store.read(lambda t: column_entries(t, "joined"))
    }
    assert (entries["dep_delay"].description, entries["dep_delay"].unit) == ("The dep_delay.", "min")
    assert entries["dep_delay"].writers == {}
    assert entries["number"].description == ""  # its values are others now
    assert entries["carrier"].description == ""  # both sources have it


async def test_relationships_are_looked_for(assistant: Assistant) -> None:
    await make(assistant, "carriers", CARRIERS)
    answer = await make(assistant, "flights", FLIGHTS)
    assert answer["relationships"] == ["flights.carrier → carriers.carrier"]


@pytest.mark.usefixtures("flights")
async def test_what_is_wrong_with_the_statement_is_said_without_a_run(assistant: Assistant) -> None:
    for sql, words in {
        "SELECT depdelay FROM flights": "`dep_delay`",
        "SELECT * FROM flihgts": "`flights`",
        "COPY flights TO 'x.csv'": "only reads",
        "SELECT * FROM read_csv('/etc/passwd')": "register_dataset",
        "SELECT * FROM meta.runs": "metadata changes",
    }.items():
        assert words in await assistant.error("transform_dataset", name="wrong", sql=sql)
    assert (await assistant.call("list_runs", kind="transform"))["total"] == 1


async def test_a_name_that_breaks_the_grammar_is_refused_with_one_that_does_not(assistant: Assistant) -> None:
    assert "`late_flights`" in await assistant.error("transform_dataset", name="Late Flights", sql="SELECT 1 AS a")


async def test_a_statement_without_a_row_makes_no_dataset(assistant: Assistant, workspace: Workspace) -> None:
    words = await assistant.error("transform_dataset", name="empty", sql="SELECT 1 AS a WHERE false")
    assert "gives no row" in words
    assert workspace.store.read(lambda t: versions_of(t, "empty")) == []


async def test_what_engine_says_at_run_time_comes_through(assistant: Assistant) -> None:
    sql = "SELECT CASE WHEN i > 5 THEN ('x' || i)::INT ELSE 1 END AS a FROM range(10) t(i)"
    assert "Could not convert string 'x6' to INT32" in await assistant.error("transform_dataset", name="bad", sql=sql)


async def test_a_long_statement_goes_on_as_a_run_and_can_be_cancelled(assistant: Assistant) -> None:
    sql = (
        "SELECT count(*) AS n FROM range(1000000) a, range(1000000) b, range(1000) c WHERE a.range + b.range = c.range"
    )
    answer = await assistant.call("transform_dataset", name="endless", sql=sql, wait_seconds=0)
    assert answer["verdict"] == f"run:{answer['run']} is still making endless."
    assert answer["next"] == f"get_run(run={answer['run']}, wait_seconds=20)"
    await assistant.call("cancel_run", run=answer["run"])


def request(sql: str, **tables: str) -> Request:
    return Request(sql=sql, tables=tables, plan=VersionPlan(name="made"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "WITH x AS (COPY (SELECT 1) TO 'out.parquet') SELECT 1",
        "DELETE FROM flights",
        "SELECT 1; SELECT 2",
    ],
)
def test_the_first_wall_stands_in_the_worker_too(tmp_path: Path, sql: str) -> None:
    with pytest.raises(InvalidSQL):
        work(request(sql), Job(folder=tmp_path, workspace=tmp_path, memory_mb=1024))


def test_the_worker_leaves_no_scratch_rows(tmp_path: Path) -> None:
    result = work(request(FLIGHTS), Job(folder=tmp_path, workspace=tmp_path, memory_mb=1024))
    assert result.rows == 2000
    assert [path.parent.parent.name for path in tmp_path.rglob("*.parquet")] == ["objects"]


def test_rows_are_checked_for_what_a_dataset_may_hold(tmp_path: Path) -> None:
    with pytest.raises(UnusableData):
        work(request("SELECT 'x'::BLOB AS only"), Job(folder=tmp_path, workspace=tmp_path, memory_mb=1024))


def test_nothing_is_profiled_when_the_newest_version_holds_the_rows(tmp_path: Path) -> None:
    from mlsteward.data.snapshot import draft_snapshot

    job = Job(folder=tmp_path, workspace=tmp_path)
    with connect(memory_mb=256) as engine:
        first = make_version(engine, draft_snapshot(engine, FLIGHTS, tmp_path), VersionPlan(name="made"), job)
        assert first.profile
        plan = VersionPlan(
            name="made", newest=first.snapshot.identity, known={first.snapshot.identity: first.snapshot.path}
        )
        again = make_version(engine, draft_snapshot(engine, FLIGHTS, tmp_path), plan, job)
    assert again.profile is None
    assert again.snapshot.path == first.snapshot.path
    assert NewVersion.model_validate_json((tmp_path / "version.json").read_text()) == again
