"""The examples do what they say, as they stand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_http import serving

EXAMPLES = Path(__file__).parent.parent / "examples"


def printed(*command: str) -> str:
    ran = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd="/")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_script_over_stdio_trains_compares_and_explains() -> None:
    text = printed(str(EXAMPLES / "script_stdio.py"))
    assert "> explain_model" in text
    assert "leans most on" in text


def test_the_script_over_http_trains_and_predicts(tmp_path: Path, warm: Path) -> None:
    with serving(tmp_path, warm=warm) as server:
        text = printed(str(EXAMPLES / "script_http.py"), f"{server.url}/mcp")
    assert "> predict_rows" in text
    assert "flat_price@1 scored" in text


@pytest.mark.parametrize(
    ("name", "servers"),
    [
        ("claude_desktop_config.json", "mcpServers"),
        ("cursor_mcp.json", "mcpServers"),
        ("vscode_mcp.json", "servers"),
    ],
)
def test_the_configurations_of_hosts_are_json_with_absolute_folders(name: str, servers: str) -> None:
    entry = json.loads((EXAMPLES / name).read_text("utf-8"))[servers]["mlsteward"]
    folders = [
        entry["args"][place + 1] for place, flag in enumerate(entry["args"]) if flag in ("--workspace", "--data")
    ]
    assert len(folders) == 2
    assert all(folder.startswith(("/", "${workspaceFolder}")) for folder in folders)
