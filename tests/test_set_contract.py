"""The tool `set_contract`: checks proposed, tried, saved, changed and dropped."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlsteward.contracts.check import Contract
from mlsteward.contracts.text import check_text
from mlsteward.store.contracts import contract_of, contracts_of
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.contract_samples import flights_of_month, write_table
from tests.copied import copied

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> dict[str, Path]:
    """Workspaces to begin with: the airlines and the flights of January; and those of January to June as versions."""
    data = tmp_path_factory.mktemp("data")
    january, june = tmp_path_factory.mktemp("january"), tmp_path_factory.mktemp("june")

    async def furnish(workspace: Workspace, *wanted: int) -> None:
        async with assistant_of(workspace) as assistant:
            if 1 in wanted:
                await assistant.call("register_dataset", name="airlines", source="sample:airlines")
            for month in wanted:
                await register_month(assistant, data, month)
        workspace.close()

    anyio.run(furnish, new_workspace(january, data, warm), 1)
    anyio.run(furnish, copied(january, june, data, warm), 2, 3, 4, 5, 6)
    return {"january": january, "june": june}


@pytest.fixture
def workspace(months: dict[str, Path], tmp_path: Path, data: Path, warm: Path) -> Iterator[Workspace]:
    """The flights of January, and the airlines."""
    workspace = copied(months["january"], tmp_path / "workspace", data, warm)
    yield workspace
    workspace.close()


@pytest.fixture
async def half_a_year(months: dict[str, Path], tmp_path: Path, data: Path, warm: Path) -> AsyncIterator[Assistant]:
    """Who sees the flights of January to June as versions of one dataset, in a workspace of their own."""
    workspace = copied(months["june"], tmp_path / "half a year", data, warm)
    async with assistant_of(workspace) as assistant:
        yield assistant
    workspace.close()


async def register_month(assistant: Assistant, data: Path, month: int) -> dict[str, Any]:
    flights_of_month(data / f"{month}.parquet", month)
    return await assistant.call("register_dataset", name="flights", source=f"{month}.parquet")


def contract(workspace: Workspace) -> Contract | None:
    return workspace.store.read(lambda transaction: contract_of(transaction, "flights"))


def texts(workspace: Workspace) -> list[str]:
    found = contract(workspace)
    return [check_text(check) for check in found.checks] if found else []


async def test_without_checks_some_are_proposed_from_all_versions_and_nothing_is_saved(
    half_a_year: Assistant,
) -> None:
    answer = await half_a_year.call("set_contract", dataset="flights", checks=[" "])
    assert "not saved" in answer["verdict"]
    answer = await half_a_year.call("set_contract", dataset="flights")
    assert "not saved" in answer["verdict"]
    assert answer["next"] == 'set_contract(dataset="flights", checks=["proposed"])'
    kept = await half_a_year.call("query_data", sql="SELECT * FROM meta.contracts")
    assert kept["rows"] == []
    proposed = {one["check"]: one for one in answer["checks"]}
    assert all(one["holds"] for one in proposed.values())
    kinds = ("rows between", "nulls(dep_delay) <=", "carrier in (", "carrier -> airlines.carrier >= 99%")
    assert all(any(check.startswith(kind) for check in proposed) for kind in kinds), list(proposed)
    assert "in 6 versions" in proposed["origin in (EWR, JFK, LGA) !warning"]["why"]
    page = await half_a_year.text("read_page", uri=answer["page"])
    assert "derived from" in page


async def test_what_was_proposed_raises_no_alarm_on_the_months_that_follow(half_a_year: Assistant, data: Path) -> None:
    saved = await half_a_year.call("set_contract", dataset="flights", checks=["proposed"], mode="block")
    assert saved["saved"]
    lines = [(await register_month(half_a_year, data, month)).get("contract", []) for month in range(7, 13)]
    assert lines == [[]] * 6
    broken = data / "broken.parquet"
    flights_of_month(broken, 12, "* REPLACE (dep_delay * 3600 AS dep_delay, NULL AS tailnum, 'X' || origin AS origin)")
    answer = await half_a_year.call("register_dataset", name="flights", source="broken.parquet")
    for column in ("dep_delay", "tailnum", "origin"):
        assert any(column in line for line in answer["contract"]), answer["contract"]


async def test_checks_are_tried_once_shown_and_saved(workspace: Workspace, assistant: Assistant) -> None:
    checks = ["rows >= 100", "carrier in (UA, AA) !warning", "unique(carrier, flight, time_hour)"]
    answer = await assistant.call("set_contract", dataset="flights", checks=checks, mode="block")
    assert answer["saved"]
    assert answer["verdict"].startswith("Saved the contract of flights (mode block): 4 of 5 checks hold on flights@1.")
    assert (answer["total"], answer["failed"]) == (5, 1)
    first = answer["checks"][0]
    assert (first["check"], first["holds"]) == ("carrier in (UA, AA) !warning", False)
    assert first["rows"][0]["carrier"] not in ("UA", "AA")
    saved = contract(workspace)
    assert saved
    assert (texts(workspace), saved.mode, saved.version, saved.actor) == (checks, "block", 1, workspace.user)
    assert saved.keys == [["carrier", "flight", "time_hour"]]


async def test_a_dry_run_shows_the_same_and_saves_nothing(workspace: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("set_contract", dataset="flights", checks=["rows >= 1000000"], dry_run=True)
    assert (answer["saved"], answer["failed"]) == (False, 1)
    assert contract(workspace) is None
    alerts = await assistant.call("list_alerts")
    assert alerts["total"] == 0


async def test_a_list_replaces_what_was_there_and_words_stand_for_what_is(
    workspace: Workspace, assistant: Assistant
) -> None:
    async def save(*checks: str, **more: Any) -> list[str]:
        await assistant.call("set_contract", dataset="flights", checks=list(checks), **more)
        return texts(workspace)

    assert await save("rows >= 100", "nulls(carrier) = 0", mode="block") == ["rows >= 100", "nulls(carrier) = 0"]
    assert await save("current", "distance > 0") == ["rows >= 100", "nulls(carrier) = 0", "distance > 0"]
    assert await save("- nulls(carrier) = 0") == ["rows >= 100", "distance > 0"]
    assert await save("current", "rows >= 500") == ["rows >= 500", "distance > 0"]
    assert await save("current", "- range(distance)") == ["rows >= 500"]
    saved = contract(workspace)
    assert saved
    assert saved.mode == "block", "what is not said stays"
    assert len(await save("proposed", "rows >= 5", "- relationship(carrier -> airlines.carrier)")) > 10
    assert "rows >= 5" in texts(workspace)
    assert await save("flight >= 0") == ["flight >= 0"]


async def test_none_drops_the_contract_and_its_versions_stay(workspace: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_contract", dataset="flights", checks=["rows >= 1000000"])
    assert (await assistant.call("list_alerts"))["total"] == 1
    answer = await assistant.call("set_contract", dataset="flights", checks=["none"])
    assert "no contract any more" in answer["verdict"]
    assert contract(workspace) is None
    assert len(workspace.store.read(lambda transaction: contracts_of(transaction, "flights"))) == 2
    assert "dropped" in await assistant.text("read_page", uri="mlsteward://contracts/flights")
    assert (await assistant.call("list_alerts"))["alerts"] == []
    assert "no contract" in await assistant.error("set_contract", dataset="flights", checks=["none"])


async def test_the_page_shows_checks_results_schema_and_versions(workspace: Workspace, assistant: Assistant) -> None:
    checks = ["carrier in (UA)", "nulls(origin) = 0", "unique(carrier, flight, time_hour)"]
    await assistant.call("set_contract", dataset="flights", checks=checks)
    await assistant.call("set_contract", dataset="flights", checks=["current", "- nulls(origin) = 0", "rows > 5"])
    page = await assistant.text("read_page", uri="mlsteward://contracts/flights")
    for words in (
        "Version 2, mode warn",
        "| carrier in (UA) | enum(carrier) | FAILS (error) |",
        "Rows that fail `carrier in (UA)`",
        "Keys: (carrier, flight, time_hour).",
        "| dep_delay | BIGINT |",
        "added row_count; removed null_values(origin)",
    ):
        assert words in page, words


async def test_contracts_can_be_queried(workspace: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_contract", dataset="flights", checks=["rows >= 5"])
    answer = await assistant.call("query_data", sql="SELECT dataset, version, mode FROM meta.contracts")
    assert answer["rows"] == [["flights", 1, "warn"]]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"dataset": "flihgts"}, "Did you mean `flights`"),
    ({"checks": ["nulls(dep_dely) = 0"]}, "Did you mean `dep_delay`"),
    ({"checks": ["foo", "bar"]}, "2 checks"),
    ({"checks": ["carrier -> airline.carrier"]}, "Did you mean `airlines`"),
    ({"checks": ["carrier -> airlines.code"]}, "airlines has no column 'code'"),
    ({"checks": ["tailnum matches /(?=N)/"]}, "RE2"),
    ({"checks": ["sql: SELECT nothing FROM flights"]}, "nothing"),
    ({"checks": ["sql: SELECT * FROM nowhere"]}, "nowhere"),
    ({"checks": ["sql: SELECT * FROM meta.runs"]}, "meta.runs"),
    ({"checks": ["sql: SELECT * FROM read_csv('/etc/passwd')"]}, "not taken"),
    ({"checks": ["sql > 1: SELECT * FROM flights"]}, "single number"),
    ({"checks": ["none", "rows >= 1"]}, "stands alone"),
    ({"checks": ["current", "- nulls(carrier)"]}, "no check 'nulls(carrier)' to leave out"),
    ({"checks": ["rows >= 1"], "mode": "stop"}, "block"),
    ({"checks": [f"rows >= {number}" for number in range(501)]}, "at most 500"),
]


async def test_what_cannot_be_a_contract_is_refused_and_changes_nothing(
    workspace: Workspace, assistant: Assistant
) -> None:
    for arguments, words in REFUSED:
        assert words in await assistant.error("set_contract", **{"dataset": "flights", **arguments})
        assert contract(workspace) is None


async def test_each_version_is_in_the_audit_log(workspace: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_contract", dataset="flights", checks=["rows >= 5"])
    await assistant.call("set_contract", dataset="flights", checks=["none"])
    rows = workspace.store.read(
        lambda transaction: transaction.rows("SELECT asset FROM activity WHERE action = 'set_contract'")
    )
    assert rows == [("dataset:flights",), ("dataset:flights",)]


async def test_proposals_show_no_values_of_sensitive_columns(
    workspace: Workspace, assistant: Assistant, data: Path
) -> None:
    names = ["alice", "bob", "carol", "dave"] * 50
    write_table(data / "people.parquet", {"name": names, "grade": list(range(200)), "age": [*range(20, 70)] * 4})
    await assistant.call("register_dataset", name="people", source="people.parquet")
    await assistant.call("document_asset", asset="people", columns={}, sensitivity="public")
    for column in ("name", "age"):
        await assistant.call("document_asset", asset=f"people.{column}", sensitivity="restricted")
    text = await assistant.text("set_contract", dataset="people")
    assert "alice" not in text
    assert "age between" not in text
    assert "grade" in text


async def test_a_caller_learns_nothing_of_masked_columns_by_checks(workspace: Workspace, data: Path) -> None:
    people = {"name": ["alice", "bob"] * 20, "ssn": [f"1-{number}" for number in range(40)], "age": [*range(40)]}
    write_table(data / "people.parquet", people)
    async with assistant_of(workspace) as owner:
        await owner.call("register_dataset", name="people", source="people.parquet")
        await owner.call("document_asset", asset="people.ssn", sensitivity="restricted")
        for column in ("name", "age"):
            await owner.call("document_asset", asset=f"people.{column}", sensitivity="public")
        await owner.call("set_contract", dataset="people", checks=["ssn matches /^1-3/", "age >= 0", "age < 5"])
    outsider = Workspace(workspace.settings.model_copy(update={"clearance": "internal"}))
    try:
        async with assistant_of(outsider) as assistant:
            probes = ["ssn matches /^1/", "unique(ssn)", "sql: SELECT * FROM people WHERE ssn = '1-7'", "current"]
            for probe in probes:
                words = await assistant.error("set_contract", dataset="people", checks=[probe], dry_run=True)
                assert "masked for your clearance" in words
            text = await assistant.text("set_contract", dataset="people", checks=["age < 5"], dry_run=True)
            text += await assistant.text("set_contract", dataset="people")
            page = await assistant.text("read_page", uri="mlsteward://contracts/people")
        assert "1-" not in text
        assert "1-3" not in page
        assert "masked for your clearance" in page
    finally:
        outsider.close()


async def test_a_check_that_takes_the_place_of_a_proposal_is_kept_though_it_fails(
    workspace: Workspace, assistant: Assistant
) -> None:
    answer = await assistant.call("set_contract", dataset="flights", checks=["proposed", "rows >= 900000"])
    assert "rows >= 900000" in texts(workspace)
    assert answer["failed"] == 1
    assert "with a factor of" not in await assistant.text(
        "set_contract", dataset="flights", checks=["proposed", "rows >= 5"], dry_run=True
    )
