"""The server as a client meets it, before any data is there."""

import logging
import re

import anyio
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceTemplateReference

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument
from mlsteward.server.app import Steward
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, text_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_both_eras_of_the_protocol_are_spoken(workspace: Workspace, mode: str) -> None:
    async with assistant_of(workspace, mode) as assistant:
        names = {tool.name for tool in (await assistant.client.list_tools()).tools}
        assert {"train_model", "list_runs", "evaluate_model", "check_drift", "lookup_data_dictionary"} <= names
        answer = await assistant.call("list_runs")
        assert answer["total"] == 0


async def test_an_unknown_argument_is_refused_by_name_with_what_was_close(assistant: Assistant) -> None:
    words = await assistant.error("list_runs", limt=3)
    assert "list_runs has no argument 'limt'" in words
    assert "Did you mean `limit`?" in words


async def test_a_bad_value_gets_one_readable_line(assistant: Assistant) -> None:
    words = await assistant.error("list_runs", limit="many")
    lines = words.splitlines()
    assert len(lines) == 2
    assert "limit='many'" in lines[1]
    assert "pydantic" not in words
    assert "http" not in words


async def test_an_unknown_tool_is_refused_with_what_was_close(assistant: Assistant) -> None:
    with pytest.raises(MCPError, match=r"no tool 'list_run'\. Did you mean `list_runs`"):
        await assistant.client.call_tool("list_run", {})


async def test_a_missing_argument_is_named(assistant: Assistant) -> None:
    assert "run is needed" in await assistant.error("get_run")


async def test_a_list_may_come_as_text_with_commas_or_as_json_in_a_string(assistant: Assistant) -> None:
    for runs in ("1, 2", "[1, 2]", [1, 2], "run:1, run:2"):
        words = await assistant.error("compare_runs", runs=runs)
        assert "run:1" in words or "run 1" in words


async def test_null_for_an_argument_with_a_default_means_it_was_not_given(assistant: Assistant) -> None:
    answer = await assistant.call("list_runs", where=None, limit=None)
    assert answer["total"] == 0


async def test_an_unknown_page_is_a_protocol_error_that_names_the_pages(assistant: Assistant) -> None:
    with pytest.raises(MCPError, match=r"There is no page 'mlsteward://dataset/flights'"):
        await assistant.client.read_resource("mlsteward://dataset/flights")


async def test_read_page_refuses_an_address_that_climbs_out(assistant: Assistant) -> None:
    words = await assistant.error("read_page", uri="mlsteward://runs/1/artifacts/..%2F..%2Fstore.duckdb")
    assert "There is no page" in words


async def test_every_page_completes_the_names_it_takes(assistant: Assistant) -> None:
    templates = (await assistant.client.list_resource_templates()).resource_templates
    assert {"mlsteward://datasets/{name}", "mlsteward://runs/{number}", "mlsteward://models/{name}"} <= {
        template.uri_template for template in templates
    }
    found = await assistant.client.complete(
        ResourceTemplateReference(uri="mlsteward://datasets/{name}"), {"name": "name", "value": "f"}
    )
    assert found.completion.values == []


async def test_every_variable_of_every_page_is_completed(assistant: Assistant) -> None:
    await assistant.call("log_run", name="elsewhere", metrics={"rmse": 1})
    for template in (await assistant.client.list_resource_templates()).resource_templates:
        for variable in re.findall(r"{(\w+)}", template.uri_template):
            reference = ResourceTemplateReference(uri=template.uri_template)
            found = await assistant.client.complete(reference, {"name": variable, "value": ""})
            assert found.completion.total is not None, f"{template.uri_template} does not complete {variable}"


async def test_both_prompts_are_offered_and_name_what_was_given(assistant: Assistant) -> None:
    names = {prompt.name for prompt in (await assistant.client.list_prompts()).prompts}
    assert names == {"train_a_first_model", "find_out_what_changed"}
    prompt = await assistant.client.get_prompt("train_a_first_model", {"data": "churn.csv", "target": "churned"})
    assert "churn.csv" in prompt.model_dump_json()


async def test_an_unknown_prompt_or_a_missing_argument_is_refused_in_words(assistant: Assistant) -> None:
    with pytest.raises(MCPError, match="there are train_a_first_model"):
        await assistant.client.get_prompt("train_a_model", {})
    with pytest.raises(MCPError, match="needs data"):
        await assistant.client.get_prompt("train_a_first_model", {"data": " "})


async def test_an_error_never_echoes_at_length_what_was_sent(assistant: Assistant) -> None:
    words = await assistant.error("list_runs", where="(" * 20_000)
    assert len(words) <= 3_100


async def test_a_value_that_fits_none_of_several_types_is_one_line(assistant: Assistant) -> None:
    words = await assistant.error("log_run", name="elsewhere", metrics={"rmse": "low"})
    assert "float" not in words.splitlines()[1].split("=")[0]


async def test_a_cursor_that_no_page_gave_is_refused(assistant: Assistant) -> None:
    await assistant.call("log_run", name="elsewhere", metrics={"rmse": 1})
    assert "cursor='zz'" in await assistant.error("read_page", uri="mlsteward://runs/1", cursor="zz")


async def test_a_read_only_server_hides_what_changes_and_keeps_what_judges(workspace: Workspace) -> None:
    reading = Workspace(workspace.settings.model_copy(update={"read_only": True}))
    async with assistant_of(reading) as assistant:
        names = {tool.name for tool in (await assistant.client.list_tools()).tools}
        with pytest.raises(MCPError, match="hidden by --read-only"):
            await assistant.client.call_tool("cancel_run", {"run": "1"})
    reading.close()
    assert {"check_drift", "evaluate_model", "list_runs"} <= names
    assert not names & {"register_dataset", "train_model", "document_asset", "log_run", "cancel_run"}


async def test_toolsets_pick_groups_and_an_unknown_group_is_refused_with_the_known_ones(workspace: Workspace) -> None:
    picked = Workspace(workspace.settings.model_copy(update={"toolsets": ["dictionary"]}))
    async with assistant_of(picked) as assistant:
        names = {tool.name for tool in (await assistant.client.list_tools()).tools}
        with pytest.raises(MCPError, match=r"the toolset training is off; .* --toolsets dictionary,training"):
            await assistant.client.call_tool("list_runs", {})
        words = await assistant.text("lookup_data_dictionary")
        assert "next: list_datasets() (the toolset data is off; " in words
    assert names == {"lookup_data_dictionary", "document_asset", "read_page"}
    with pytest.raises(InvalidArgument, match=r"No toolset dictionry; there are .*dictionary"):
        Steward(Workspace(workspace.settings.model_copy(update={"toolsets": ["dictionry"]})))
    picked.close()


async def test_a_crash_gives_a_reference_into_the_log_and_no_traceback(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    store = workspace.folder / "store.duckdb"
    store.unlink()
    store.mkdir()
    async with assistant_of(workspace) as assistant:
        with caplog.at_level(logging.ERROR):
            result = await assistant.client.call_tool("list_runs", {})
    assert result.is_error
    words = text_of(result)
    assert "Traceback" not in words
    assert 'File "' not in words


async def test_sixteen_calls_in_flight_each_get_their_own_answer(assistant: Assistant) -> None:
    words: dict[int, str] = {}
    limiter = anyio.CapacityLimiter(16)

    async def ask(number: int) -> None:
        async with limiter:
            words[number] = await assistant.error("get_run", run=f"run:{number}")

    async with anyio.create_task_group() as group:
        for number in range(1000, 1064):
            group.start_soon(ask, number)
    assert all(str(number) in words[number] for number in range(1000, 1064))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSTEWARD_READ_ONLY", "true")
    monkeypatch.setenv("MLSTEWARD_TOOLSETS", "data, watch")
    settings = Settings()
    assert settings.read_only
    assert settings.toolsets == ["data", "watch"]
