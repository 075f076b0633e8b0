"""The tool `list_activity`: who did what, with which client, and why."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlsteward.server.cli import main
from mlsteward.store.activity import add_activity
from mlsteward.store.activity_query import read_since
from mlsteward.store.alerts import Finding, raise_alerts
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def remember(workspace: Workspace, *assets: str, actor: str = "ann", why: str = "", action: str = "register") -> None:
    def write(t: Transaction) -> None:
        for asset in assets:
            add_activity(t, actor=actor, client="c", action=action, asset=asset, why=why)

    workspace.store.write(write)


async def test_an_empty_log_is_said_in_words(assistant: Assistant) -> None:
    answer = await assistant.call("list_activity")
    assert (answer["verdict"], answer["total"]) == ("No change.", 0)


async def test_a_change_says_who_did_what_with_which_client_and_why(workspace: Workspace, assistant: Assistant) -> None:
    remember(workspace, "dataset:flights@1", why="the June file")
    text = await assistant.text("list_activity")
    assert "| ann | c | register | dataset:flights@1 | the June file" in text
    assert text.startswith("1 change; the newest shown is register by ann.")


FOUND: list[tuple[str, set[str]]] = [
    ("flights", {"dataset:flights@1", "dataset:flights@2", "column:flights.dep_delay", "alert:1"}),
    ("dataset:flights@2", {"dataset:flights@2", "alert:1"}),
    ("column:flights.DEP_DELAY", {"column:flights.dep_delay"}),
    ("model:delay", {"model:delay@3"}),
    ("token:ci", {"token:ci"}),
    ("uploads/a.csv", {"uploads/a.csv"}),
    ("run:7", {"run:7"}),
]


async def test_an_asset_stands_for_its_versions_columns_and_alerts(workspace: Workspace, assistant: Assistant) -> None:
    remember(workspace, "dataset:flights@1", "dataset:flights@2", "column:flights.dep_delay", "dataset:flights_late@1")
    remember(workspace, "model:delay@3", "token:ci", "uploads/a.csv", "run:7", "run:77")
    finding = Finding(asset="dataset:flights@2", check="volume", severity="error", words="half the rows are gone")
    workspace.store.write(lambda t: raise_alerts(t, [finding], run=None))
    for asset, found in FOUND:
        answer = await assistant.call("list_activity", asset=asset)
        assert {line["asset"] for line in answer["changes"]} == found, asset


async def test_an_actor_is_found_whatever_the_case_and_a_wrong_one_is_answered_with_what_was_close(
    workspace: Workspace, assistant: Assistant
) -> None:
    remember(workspace, "dataset:flights@1")
    remember(workspace, "dataset:weather@1", actor="bob")
    answer = await assistant.call("list_activity", actor="Bob")
    assert [line["asset"] for line in answer["changes"]] == ["dataset:weather@1"]
    assert "Did you mean `ann`?" in await assistant.error("list_activity", actor="anne")


async def test_since_leaves_out_what_is_older(workspace: Workspace, assistant: Assistant) -> None:
    remember(workspace, "dataset:flights@1")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert (await assistant.call("list_activity", since="7 days"))["total"] == 1
    answer = await assistant.call("list_activity", since=tomorrow)
    assert (answer["total"], answer["next"]) == (0, "list_activity()")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("7 days", datetime(2026, 3, 3, 12, tzinfo=UTC)),
        ("last 24 hours", datetime(2026, 3, 9, 12, tzinfo=UTC)),
        ("1 week ago", datetime(2026, 3, 3, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("", None),
    ],
)
def test_a_time_is_read_as_it_is_said(text: str, when: datetime | None) -> None:
    assert read_since(text, NOW) == when


async def test_what_cannot_be_asked_is_refused_in_words(assistant: Assistant) -> None:
    for arguments, words in (
        ({"since": "yesterweek"}, "or `7 days`"),
        ({"since": "999999 weeks"}, "or `7 days`"),
        ({"cursor": "next"}, "is none that list_activity gave"),
        ({"asset": "alert:x"}, "it is a number"),
        ({"asset": "flight"}, "There is no dataset, term or model 'flight'"),
    ):
        assert words in await assistant.error("list_activity", **arguments)


async def test_a_long_log_fits_one_answer_and_goes_on_at_its_cursor(workspace: Workspace, assistant: Assistant) -> None:
    remember(workspace, *(f"dataset:flights@{n}" for n in range(60)), why="because " * 100)
    seen: list[int] = []
    cursor = ""
    while True:
        answer = await assistant.call("list_activity", limit=100, cursor=cursor)
        seen += [line["number"] for line in answer["changes"]]
        cursor = answer.get("cursor", "")
        if not cursor:
            break
    assert seen == list(range(60, 0, -1))


async def test_the_log_is_a_table_for_queries_that_no_query_can_change(
    workspace: Workspace, assistant: Assistant
) -> None:
    remember(workspace, "dataset:flights@1")
    answer = await assistant.call("query_data", sql="SELECT number, actor, length(hash) AS digits FROM meta.activity")
    assert json.loads(json.dumps(answer["rows"]))[0] == [1, "ann", 64]
    for sql in ("DELETE FROM meta.activity", "WITH d AS (DELETE FROM meta.activity RETURNING *) SELECT * FROM d"):
        await assistant.error("query_data", sql=sql)
    assert (await assistant.call("list_activity"))["total"] == 1


async def test_what_is_done_in_a_terminal_is_in_the_log_too(
    workspace: Workspace, assistant: Assistant, tmp_path: Path
) -> None:
    await assistant.call("transform_dataset", name="points", sql="SELECT i AS x FROM range(20) t(i)")
    folder = ["--workspace", str(workspace.folder), "--data", str(tmp_path)]
    for command in (
        ["token", "create", "ci", "--scope", "write"],
        ["token", "revoke", "ci"],
        ["tag", "points@1", "golden"],
        ["export", "markdown", "points", str(tmp_path / "points.md")],
        ["checkout", "points", str(tmp_path / "rows")],
        ["backup", str(tmp_path / "kept.duckdb")],
        ["audit", "export", str(tmp_path / "audit.jsonl")],
    ):
        assert main([*command, *folder]) == 0
    answer = await assistant.call("list_activity")
    assert [(line["action"], line["asset"]) for line in answer["changes"]] == [
        ("audit export", "store"),
        ("backup", "store"),
        ("checkout", "dataset:points@1"),
        ("export", "dataset:points@1"),
        ("tag", "dataset:points@1"),
        ("token revoke", "token:ci"),
        ("token create", "token:ci"),
        ("transform", "dataset:points@1"),
    ]
    assert answer["changes"][-2]["why"] == "scope write, clearance internal"
    assert "mls_" not in str(answer), "a token's secret is nowhere"
    assert main(["restore", str(tmp_path / "kept.duckdb"), *folder]) == 0
    restored = (await assistant.call("list_activity"))["changes"][0]
    assert restored["action"] == "restore" and "the audit log that it replaced ended with row 8:" in restored["why"]


async def test_a_model_that_is_trained_is_in_the_log(workspace: Workspace, assistant: Assistant) -> None:
    await assistant.call(
        "transform_dataset", name="points", sql="SELECT i AS x, i % 7 AS z, i * 2 AS y FROM range(200) t(i)"
    )
    answer = await assistant.call(
        "train_model", dataset="points", target="y", name="line", estimator="ridge", wait_seconds=25
    )
    change = (await assistant.call("list_activity", asset="model:line"))["changes"][0]
    assert (change["action"], change["asset"], change["run"]) == ("train", "model:line@1", answer["run"])
    assert change["why"] == "regression of y on points@1"


async def test_a_change_says_what_was_written_and_where_rows_came_from(assistant: Assistant, data: Path) -> None:
    (data / "ports.csv").write_text("code,city\nAAL,Aalborg\nBLL,Billund\n")
    await assistant.call("register_dataset", name="ports", source="ports.csv")
    await assistant.call("document_asset", asset="ports.city", description="Where it lies.", owner="charts desk")
    changes = (await assistant.call("list_activity", asset="ports"))["changes"]
    assert [line["why"] for line in changes] == ["wrote description, owner", "from ports.csv"]
