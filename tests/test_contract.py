"""What clients see of every tool, held by a snapshot: to change it is to change the API."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlsteward.server.app import instructions
from mlsteward.server.discovery import find_tools
from mlsteward.server.offer import Offer
from tests.conftest import Assistant

SNAPSHOT = Path(__file__).parent / "contract.json"
# Four bytes a token is the usual estimate; the tools are read on every turn of a conversation.
TOKENS_FOR_ALL_TOOLS = 7_000


async def contract(assistant: Assistant) -> dict[str, Any]:
    tools = (await assistant.client.list_tools()).tools
    return {
        tool.name: tool.model_dump(mode="json", exclude_none=True, by_alias=True, exclude={"name"}) for tool in tools
    }


@pytest.mark.anyio
async def test_every_tool_keeps_its_public_contract(assistant: Assistant) -> None:
    current = await contract(assistant)
    if os.environ.get("UPDATE_CONTRACT"):
        SNAPSHOT.write_text(json.dumps(current, indent=1, sort_keys=True) + "\n", "utf-8")
    kept = json.loads(SNAPSHOT.read_text("utf-8"))
    assert current == kept, (
        "an API change: UPDATE_CONTRACT=1 uv run pytest tests/test_contract.py, and a changelog line"
    )


@pytest.mark.anyio
async def test_all_tools_together_fit_their_budget_of_tokens(assistant: Assistant) -> None:
    tools = (await assistant.client.list_tools()).tools
    size = sum(len(json.dumps([tool.name, tool.description, tool.input_schema]).encode()) for tool in tools)
    assert size / 4 <= TOKENS_FOR_ALL_TOOLS


@pytest.mark.anyio
async def test_no_schema_holds_titles_or_null_arms_or_nested_objects(assistant: Assistant) -> None:
    for tool in (await assistant.client.list_tools()).tools:
        text = json.dumps(tool.input_schema)
        assert '"title":' not in text.replace('"title": {', "")
        assert '{"type": "null"}' not in text, f"{tool.name} has a null arm"
        assert "$ref" not in text, f"{tool.name} has nested objects"


@pytest.mark.anyio
async def test_every_tool_says_what_its_answers_hold(assistant: Assistant) -> None:
    for tool in (await assistant.client.list_tools()).tools:
        assert tool.output_schema is not None
        assert {"verdict", "next"} < tool.output_schema["properties"].keys(), tool.name


@pytest.mark.anyio
async def test_the_default_list_holds_at_most_22_tools() -> None:
    assert len(Offer(find_tools(), toolsets=[], read_only=False).tools) <= 22


@pytest.mark.anyio
async def test_every_tool_says_whether_it_changes_things(assistant: Assistant) -> None:
    for tool in (await assistant.client.list_tools()).tools:
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is not None


@pytest.mark.anyio
async def test_the_instructions_are_short_and_name_what_is_off(assistant: Assistant) -> None:
    assert len((assistant.client.instructions or "").split()) <= 120
    words = instructions([])
    assert len(words.split()) <= 150
    for toolset in Offer(find_tools(), toolsets=[], read_only=False).off:
        assert toolset in words
