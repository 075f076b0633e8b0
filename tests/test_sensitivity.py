"""How sensitive columns are: suggested on registering, confirmed or rejected by people, inherited by what is made."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlsteward.dictionary.entry import column_entry, dataset_entry
from mlsteward.dictionary.sensitivity import exceeds, higher, lower
from mlsteward.server.cli import main
from mlsteward.store.dictionary import write_entries
from mlsteward.store.schema import FOLDER
from mlsteward.store.store import Store
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.copied import copied
from tests.test_http import connected, serving

pytestmark = pytest.mark.anyio

PEOPLE = "id,email,points\n" + "\n".join(f"{number},user{number}@example.org,{number % 5}" for number in range(1, 31))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> tuple[Path, dict[str, Any]]:
    """A workspace to begin with, in which `people` were registered, and what was answered then."""
    folder, data = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("data")

    async def furnish(workspace: Workspace) -> dict[str, Any]:
        async with assistant_of(workspace) as assistant:
            answer = await assistant.call("register_dataset", name="people", content=PEOPLE)
        workspace.close()
        return answer

    return folder, anyio.run(furnish, new_workspace(folder, data, warm))


@pytest.fixture
def workspace(made: tuple[Path, dict[str, Any]], tmp_path: Path, data: Path, warm: Path) -> Iterator[Workspace]:
    workspace = copied(made[0], tmp_path / "workspace", data, warm)
    yield workspace
    workspace.close()


async def level(assistant: Assistant, column: str) -> str:
    dataset, _, name = column.partition(".")
    sql = f"SELECT sensitivity FROM meta.columns WHERE dataset = '{dataset}' AND name = '{name}'"
    return (await assistant.call("query_data", sql=sql))["rows"][0][0]


async def emails(workspace: Workspace, table: str, column: str = "email") -> int:
    """How many addresses a reader of internal things sees."""
    async with assistant_of(workspace.seen_by("internal")) as reader:
        answer = await reader.call("query_data", sql=f'SELECT count("{column}") FROM "{table}"')
    return int(answer["rows"][0][0])


def test_levels_are_ordered_and_an_unknown_word_is_the_highest() -> None:
    assert exceeds("restricted", "confidential")
    assert not exceeds("", "internal")
    assert exceeds("", "public")
    assert exceeds("top secret", "confidential")
    assert higher("", "public") == "public"
    assert lower("restricted", "internal") == "internal"


async def test_registering_names_suspected_columns_and_masks_them_at_once(
    made: tuple[Path, dict[str, Any]], assistant: Assistant, workspace: Workspace
) -> None:
    _, answer = made
    assert answer["sensitive"] == {"email": "e-mail addresses (100 % of 30 values): confidential"}
    assert answer["next"] == 'document_asset(asset="people.email", sensitivity="confidential")'
    assert await emails(workspace, "people") == 0
    assert "e-mail addresses (100 % of 30 values)" in await assistant.text(
        "lookup_data_dictionary", query="people.email"
    )


async def test_a_rejection_sticks_and_a_confirmation_is_a_persons_word(
    assistant: Assistant, workspace: Workspace
) -> None:
    await assistant.call("document_asset", asset="people.email", sensitivity="internal")
    await assistant.call("register_dataset", name="people", content=PEOPLE + "\n31,new@example.org,1")
    assert (await level(assistant, "people.email"), await emails(workspace, "people")) == ("internal", 31)
    await assistant.call("document_asset", asset="people.email", sensitivity="restricted")
    assert await emails(workspace, "people@1") == 0


async def test_a_version_without_the_pattern_does_not_unmask_the_one_before(
    assistant: Assistant, workspace: Workspace
) -> None:
    async with assistant_of(workspace.seen_by("internal")) as reader:
        await reader.call("register_dataset", name="people", content="id,email,points\n1,nothing,2\n2,here,3")
    assert await emails(workspace, "people@1") == 0


async def test_a_column_under_a_new_name_stays_masked(assistant: Assistant, workspace: Workspace) -> None:
    await assistant.call("register_dataset", name="grades", content="id,mark\n1,17\n2,18\n3,19")
    await assistant.call("document_asset", asset="grades.mark", sensitivity="restricted")
    await assistant.call("register_dataset", name="grades", content="id,result\n1,17\n2,18\n3,20")
    assert await emails(workspace, "grades", "result") == 0
    await assistant.call("register_dataset", name="copy", content="n,z\n1,18\n2,17\n3,19")
    assert (await emails(workspace, "copy", "z"), await emails(workspace, "copy", "n")) == (0, 3)


async def test_a_file_registered_again_under_another_name_stays_masked_however_its_source_is_written(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    (data / "pay.csv").write_text("id,pay\n1,100\n2,200\n3,300\n")
    await assistant.call("register_dataset", name="pay", source="pay.csv")
    await assistant.call("document_asset", asset="pay.pay", sensitivity="restricted")
    async with assistant_of(workspace.seen_by("internal")) as reader:
        for more, spelled in enumerate(["pay.csv", "./pay.csv", "pa*.csv", f"{data}/pay.csv"], start=1):
            (data / "pay.csv").write_text(f"id,pay\n1,{100 + more}\n2,{200 + more}\n3,{300 + more}\n")
            await reader.call("register_dataset", name=f"mine{more}", source=spelled)
            assert await emails(workspace, f"mine{more}", "pay") == 0, spelled


async def test_a_version_that_is_kept_aside_is_masked_too(assistant: Assistant, workspace: Workspace) -> None:
    await assistant.call("set_contract", dataset="people", checks=["rows >= 10"], mode="block")
    held = "id,email,points,second\n1,x1@example.org,2,y1@example.org\n2,x2@example.org,3,y2@example.org"
    await assistant.call("register_dataset", name="people", content=held)
    assert [await emails(workspace, "people@2", column) for column in ("email", "second", "id")] == [0, 0, 2]


async def test_what_is_made_of_a_column_is_as_sensitive(assistant: Assistant) -> None:
    for made, (sql, column, expected) in enumerate(
        (
            ("SELECT lower(email) AS e2, id FROM people", "e2", "confidential"),
            ("SELECT id, length(email) AS n FROM people", "n", "confidential"),
            ("SELECT id, x.e FROM (SELECT id, email || 'x' AS e FROM people) AS x", "e", "confidential"),
            ("SELECT points, count(*) AS n FROM people GROUP BY points", "n", ""),
            ("SELECT id FROM people WHERE email LIKE 'user%'", "id", ""),
        )
    ):
        await assistant.call("transform_dataset", name=f"made{made}", sql=sql)
        assert await level(assistant, f"made{made}.{column}") == expected, sql


async def test_a_dataset_as_a_whole_can_be_sensitive(assistant: Assistant, workspace: Workspace) -> None:
    await assistant.call("register_dataset", name="deals", content="id,sum\n1,5\n2,6")
    await assistant.call("document_asset", asset="deals", sensitivity="restricted")
    assert await emails(workspace, "deals", "sum") == 0
    await assistant.call("document_asset", asset="deals.id", sensitivity="public")
    assert (await emails(workspace, "deals", "id"), await emails(workspace, "deals", "sum")) == (2, 0)


async def test_only_who_may_see_a_column_lowers_its_level_and_anyone_raises_it(
    assistant: Assistant, workspace: Workspace
) -> None:
    async with assistant_of(workspace.seen_by("internal")) as reader:
        for lowered in ("public", "internal"):
            refused = await reader.error("document_asset", asset="people.email", sensitivity=lowered)
            assert "only somebody who may see it" in refused
        await reader.call("document_asset", asset="people.points", sensitivity="restricted")
        assert "only somebody" in await reader.error("document_asset", asset="people.points", sensitivity="internal")
    assert await level(assistant, "people.points") == "restricted"
    await assistant.call("document_asset", asset="people.points", sensitivity="internal")
    done = await assistant.text("list_activity", asset="people.points")
    assert "document_asset" in done


async def test_a_level_is_one_of_four(assistant: Assistant) -> None:
    words = await assistant.error("document_asset", asset="people.email", sensitivity="restrictd")
    assert "public, internal, confidential, restricted" in words
    assert "Did you mean `restricted`?" in words


async def test_a_confidential_reader_sees_what_is_confidential_and_no_more(
    assistant: Assistant, workspace: Workspace
) -> None:
    await assistant.call("document_asset", asset="people.points", sensitivity="restricted")
    async with assistant_of(workspace.seen_by("confidential")) as reader:
        answer = await reader.call("query_data", sql="SELECT count(email), count(points) FROM people")
    assert answer["rows"] == [[30, 0]]
    assert answer["masked"] == ["people.points (restricted)"]


async def test_without_a_label_only_readers_of_public_things_see_nothing(
    assistant: Assistant, workspace: Workspace
) -> None:
    await assistant.call("register_dataset", name="plain", content="a,b\n1,2\n3,4")
    await assistant.call("document_asset", asset="plain.a", sensitivity="public")
    async with assistant_of(workspace.seen_by("public")) as reader:
        answer = await reader.call("query_data", sql="SELECT count(a), count(b) FROM plain")
    assert answer["rows"] == [[2, 0]]


def test_old_words_become_levels_and_unknown_ones_confidential(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    old = [column_entry("t", word, sensitivity=word, tags=["x"]) for word in ("PII", "Public")]
    store.write(lambda t: write_entries(t, [dataset_entry("t"), *old], "ann"))
    for statement in _migration().split(";"):
        if "UPDATE dictionary" in statement:
            store.write(lambda t, sql=statement: t.execute(sql))
    sql = "SELECT sensitivity, tags FROM dictionary WHERE kind = 'column' ORDER BY asset"
    found = store.read(lambda t: t.rows(sql))
    store.close()
    assert found == [("confidential", '["x","sensitivity: PII"]'), ("public", '["x"]')]


def _migration() -> str:
    return (FOLDER / "0006_clearance.sql").read_text()


async def test_a_token_carries_its_clearance_and_a_server_caps_it(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.close()
    folder = ["--workspace", str(workspace.folder)]
    tokens: dict[str, str] = {}
    for name, flags in (("plain", []), ("boss", ["--clearance", "restricted"])):
        assert not main(["token", "create", name, "--scope", "write", *flags, *folder])
        tokens[name] = capsys.readouterr().out.strip().splitlines()[-1]
    assert not main(["token", "list", *folder])
    listed = capsys.readouterr().out
    assert "internal" in listed
    assert "restricted" in listed
    with serving(tmp_path) as server:
        assert await _seen(server.url, tokens["boss"]) == 30
        assert await _seen(server.url, tokens["plain"]) == 0
        async with connected(f"{server.url}/mcp", tokens["plain"]) as client:
            page = await client.read_resource("mlsteward://datasets/people")
            assert "user1@" not in page.model_dump_json()
            profile = await client.call_tool("profile_dataset", {"dataset": "people", "columns": ["email"]})
            assert "@example" not in profile.model_dump_json()
    with serving(tmp_path, "--clearance", "internal") as server:
        assert await _seen(server.url, tokens["boss"]) == 0


async def _seen(url: str, token: str) -> int:
    async with connected(f"{url}/mcp", token) as client:
        answer = await client.call_tool("query_data", {"sql": "SELECT count(email) FROM people"})
    assert answer.structured_content
    return int(answer.structured_content["rows"][0][0])
