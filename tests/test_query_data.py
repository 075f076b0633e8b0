"""The tool `query_data`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from mlsteward.data.engine import connect
from mlsteward.data.profile import TableProfile
from mlsteward.data.snapshot import Column
from mlsteward.data.sql.fit import fit_rows
from mlsteward.data.sql.result import QueryResult
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.store.meta import METADATA
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.runs import Run, add_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.run_server import eventually

pytestmark = pytest.mark.anyio


def add_dataset(workspace: Workspace, name: str, sql: str) -> None:
    """Put the rows of `sql` into the workspace as the next version of `name`."""
    with connect(memory_mb=256) as engine:
        relation = engine.sql(sql)
        columns = [
            Column(name=name, type=str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
        ]
        file = workspace.objects / f"{name}_{abs(hash(sql))}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        relation.write_parquet(str(file))
        rows = engine.read_parquet(str(file)).count("*").fetchall()[0][0]
    version = DatasetVersion(
        name=name,
        version=1,
        family=name,
        fingerprint=file.stem,
        schema_hash="",
        rows=rows,
        bytes=file.stat().st_size,
        columns=columns,
        snapshot=str(file.relative_to(workspace.folder)),
        created=datetime.now(UTC),
        profile=TableProfile(rows=rows, columns=[]),
    )
    workspace.store.write(lambda t: add_version(t, version))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    """One with two versions of the flights, for all tests that only ask."""
    folder = tmp_path_factory.mktemp("workspace")
    workspace = new_workspace(folder, folder, warm)
    sql = "SELECT i AS number, ['UA', 'AA', 'DL'][i % 3 + 1] AS carrier, i * 0.1 AS dep_delay FROM range({}) t(i)"
    add_dataset(workspace, "flights", sql.format(10))
    add_dataset(workspace, "flights", sql.format(1000))
    yield workspace
    workspace.close()


async def test_rows_come_with_types_and_total(assistant: Assistant) -> None:
    sql = "SELECT carrier, count(*) AS n, avg(dep_delay) AS mean FROM flights GROUP BY ALL ORDER BY carrier"
    answer = await assistant.call("query_data", sql=sql)
    assert answer["verdict"] == "3 rows."
    assert answer["columns"] == [
        {"name": "carrier", "type": "VARCHAR"},
        {"name": "n", "type": "BIGINT"},
        {"name": "mean", "type": "DOUBLE"},
    ]
    assert [row[:2] for row in answer["rows"]] == [["AA", 333], ["DL", 333], ["UA", 334]]
    assert answer["total"] == 3
    assert answer["next"] == f'transform_dataset(name="result", sql="{sql}")'


async def test_the_text_holds_the_same_rows(assistant: Assistant) -> None:
    text = await assistant.text("query_data", sql="SELECT carrier, NULL AS gap FROM flights ORDER BY number LIMIT 2")
    assert text.splitlines()[:4] == ["2 rows.", "carrier VARCHAR | gap NULL", "UA | NULL", "AA | NULL"]


async def test_more_rows_than_asked_for_are_counted_not_shown(assistant: Assistant) -> None:
    answer = await assistant.call("query_data", sql="SELECT number FROM flights ORDER BY number", limit=5)
    assert answer["verdict"] == "The first 5 of 1,000 rows."
    assert answer["rows"] == [[0], [1], [2], [3], [4]]
    assert answer["total"] == 1000


async def test_a_version_is_read_by_its_quoted_label(assistant: Assistant) -> None:
    sql = 'SELECT (SELECT count(*) FROM "flights@1"), (SELECT count(*) FROM "flights@latest"), count(*) FROM flights'
    assert (await assistant.call("query_data", sql=sql))["rows"] == [[10, 1000, 1000]]


async def test_describe_and_summarize_lead_to_the_profile(assistant: Assistant) -> None:
    for verb in ("DESCRIBE", "SUMMARIZE"):
        answer = await assistant.call("query_data", sql=f"{verb} flights")
        assert [row[0] for row in answer["rows"]] == ["number", "carrier", "dep_delay"]
        assert answer["next"] == 'profile_dataset(dataset="flights")'


async def test_unknown_names_get_what_was_close_and_a_next_call(assistant: Assistant) -> None:
    words = await assistant.error("query_data", sql="SELECT * FROM flihgts")
    assert "`flights`" in words
    assert "Next: list_datasets()" in words
    assert "`dep_delay`" in await assistant.error("query_data", sql="SELECT depdelay FROM flights")
    assert "`median`" in await assistant.error("query_data", sql="SELECT meidan(dep_delay) FROM flights")
    assert "no version 9" in await assistant.error("query_data", sql='SELECT * FROM "flights@9"')


async def test_metadata_is_read_under_meta(assistant: Assistant, workspace: Workspace) -> None:
    def write(t: Transaction) -> None:
        run = Run(number=0, kind="train", state="completed", params={"depth": 3}, created=datetime.now(UTC))
        number = add_run(t, run)
        add_metrics(t, [MetricRow(run=number, split="test", name="roc_auc", value=0.75)])

    workspace.store.write(write)
    sql = (
        "SELECT r.number, r.params->>'depth' AS depth, m.value FROM meta.runs r"
        " JOIN meta.latest_metrics m ON m.run = r.number WHERE m.name = 'roc_auc'"
    )
    answer = await assistant.call("query_data", sql=sql)
    assert answer["rows"] == [[1, "3", 0.75]]
    assert answer["next"] == 'list_runs(kind="")'


@pytest.mark.parametrize("table", METADATA)
async def test_every_table_of_metadata_can_be_read(assistant: Assistant, table: str) -> None:
    answer = await assistant.call("query_data", sql=f"SELECT * FROM meta.{table}")
    assert answer["columns"]


async def test_unknown_metadata_gets_what_was_close(assistant: Assistant) -> None:
    assert "`meta.metrics`" in await assistant.error("query_data", sql="SELECT * FROM meta.metric")
    assert "`meta.runs`" in await assistant.error("query_data", sql="SELECT * FROM runs")
    assert "meta.datasets" in await assistant.error("query_data", sql="SELECT * FROM meta.tokens")


@pytest.mark.parametrize("table", ["sqlite_master", "duckdb_settings", "pg_class", "dictionary", "dataset_versions"])
async def test_the_tables_of_engine_and_store_cannot_be_read(assistant: Assistant, table: str) -> None:
    assert f"There is no dataset '{table}'" in await assistant.error("query_data", sql=f"FROM {table}")


async def test_no_statement_reaches_a_file_or_changes_a_snapshot(assistant: Assistant, workspace: Workspace) -> None:
    (file, *_) = sorted(workspace.objects.glob("*.parquet"))
    before = file.read_bytes()
    for sql in (
        f"COPY flights TO '{file}'",
        f"WITH x AS (COPY (SELECT 1 AS gone) TO '{file}') SELECT * FROM x",
        "WITH x AS (DELETE FROM flights RETURNING *) SELECT * FROM x",
        f"SELECT * FROM '{file}'",
        f"SELECT * FROM read_parquet('{file}'), flights",
        f'WITH "{file}" AS (SELECT 1) SELECT * FROM "{file}"',
        f"SELECT * FROM query('COPY flights TO x'), '{file}'",
        f"ATTACH '{workspace.folder}/store.duckdb'",
        "INSTALL httpfs",
    ):
        assert "failed inside" not in await assistant.error("query_data", sql=sql)
    assert file.read_bytes() == before


async def test_an_answer_stays_small(assistant: Assistant) -> None:
    answer = await assistant.call(
        "query_data", sql="SELECT i, repeat('é', 400) AS text FROM range(300) t(i)", limit=200
    )
    assert len(answer["rows"]) >= 12
    assert "(as many as an answer holds); texts are cut at" in answer["verdict"]
    wide = ", ".join(f"{i} AS a_column_with_a_long_name_{i}" for i in range(500))
    answer = await assistant.call("query_data", sql=f"SELECT {wide}")
    assert "columns: name those you need" in answer["verdict"]
    assert len(answer["rows"][0]) == len(answer["columns"])


async def test_scratch_is_left_clean(assistant: Assistant, workspace: Workspace) -> None:
    await assistant.call("query_data", sql="SELECT * FROM meta.runs")
    await assistant.error("query_data", sql="SELECT nothing FROM meta.runs")
    assert [*workspace.queries.folder.rglob("*.parquet")] == []


async def test_others_are_answered_while_a_bomb_runs(tmp_path: Path, data: Path, warm: Path) -> None:
    workspace = new_workspace(tmp_path / "own", data, warm, query_seconds=4, query_memory_mb=512)
    stopped: list[str] = []

    async with assistant_of(workspace) as assistant, anyio.create_task_group() as group:

        async def bomb() -> None:
            stopped.append(await assistant.error("query_data", sql="SELECT lpad('x', 2000000000, 'y')"))

        group.start_soon(bomb)
        await anyio.to_thread.run_sync(eventually, (workspace.folder / "queries").exists)
        assert (await assistant.call("query_data", sql="SELECT 1 AS one"))["rows"] == [[1]]
        assert (await assistant.call("list_runs"))["total"] == 0
        assert not stopped
    assert len(stopped) == 1
    workspace.close()


def test_what_fits_is_measured_in_bytes_of_both_forms() -> None:
    result = QueryResult([("text", "VARCHAR")], [["é" * 100, None]] * 500, more=True)
    fitted = fit_rows(result, 4000)
    size = len(json.dumps(fitted.rows, ensure_ascii=False).encode())
    assert 1000 < size < 2500
    assert fitted.cut < 100


def test_short_texts_are_not_called_cut() -> None:
    fitted = fit_rows(QueryResult([("text", "VARCHAR")], [["abc"]], more=False, total=1), 4000)
    assert fitted.rows == [["abc"]]
    assert fitted.cut == 0
