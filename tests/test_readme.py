"""The README: its table of tools is what the server offers, its commands are commands, its links lead somewhere."""

import os
import re
import shlex
from pathlib import Path

import pytest
from mcp_types import Tool as OfferedTool

from mlsteward.server.cli import build_parser
from mlsteward.server.discovery import find_tools
from mlsteward.server.offer import Offer
from tests.conftest import Assistant

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TABLE = re.compile(r"(<!-- tools: [^>]*-->\n)(.*?)(<!-- /tools -->)", re.DOTALL)


def tool_table(tools: list[OfferedTool]) -> str:
    offer = Offer(find_tools(), toolsets=[], read_only=False)
    toolsets = {tool.name: tool.toolset for tool in find_tools()}
    shown = {name: f"{toolset} (off)" if toolset in offer.off else toolset for name, toolset in toolsets.items()}
    rows = [
        f"| {shown[tool.name]} | `{tool.name}` | {first_sentence(tool.description or '')} |"
        for tool in sorted(tools, key=lambda tool: (toolsets[tool.name], tool.name))
    ]
    return "\n".join(["| toolset | tool | what it does |", "|---|---|---|", *rows, ""])


def first_sentence(text: str) -> str:
    line = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", line)[0]


@pytest.mark.anyio
async def test_the_table_of_tools_is_what_the_server_offers(assistant: Assistant) -> None:
    table = tool_table((await assistant.client.list_tools()).tools)
    text = README.read_text("utf-8")
    if os.environ.get("UPDATE_CONTRACT"):
        text = TABLE.sub(lambda found: found.group(1) + table + found.group(3), text)
        README.write_text(text, "utf-8")
    found = TABLE.search(text)
    assert found is not None
    assert found.group(2) == table, "UPDATE_CONTRACT=1 uv run pytest tests/test_readme.py"


def documents() -> list[Path]:
    return [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_mlsteward_command_in_the_documents_is_one_the_command_line_takes(path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    for line in "\n".join(blocks).splitlines():
        words = shlex.split(line, comments=True)
        words = words[2:] if words[:2] == ["uv", "run"] else words
        if words[:1] == ["mlsteward"]:
            build_parser().parse_args(words[1:])


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
