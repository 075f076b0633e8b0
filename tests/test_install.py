"""`mlsteward install` and `mlsteward doctor`, as a person at a terminal meets them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.server.commands.backup import backup
from mlsteward.server.commands.doctor import examine
from mlsteward.server.commands.install import configuration_file, install, server_entry
from mlsteward.server.commands.restore import restore
from mlsteward.store.tokens import create_token, list_tokens
from mlsteward.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(workspace=home / "ws", data=[home / "data"])


def test_the_change_is_shown_first_and_a_backup_is_kept(
    home: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration_file("cursor")
    path.parent.mkdir(parents=True)
    path.write_text('{"mcpServers": {"other": {"command": "x"}}, "theme": "dark"}')
    assert install(settings, "cursor", print_only=False, yes=True) == 0
    printed = capsys.readouterr().out
    assert '+    "mlsteward": {' in printed
    written = json.loads(path.read_text())
    assert written["theme"] == "dark"
    assert written["mcpServers"]["other"] == {"command": "x"}
    arguments = written["mcpServers"]["mlsteward"]["args"]
    assert arguments[arguments.index("--workspace") + 1] == str(home / "ws")
    assert arguments[arguments.index("--data") + 1] == str(home / "data")
    (backup,) = path.parent.glob("*.bak")
    assert "mlsteward" not in backup.read_text()


def test_the_entry_starts_this_installation_though_the_home_folder_holds_a_clone(
    home: Path, settings: Settings
) -> None:
    (home / "mlsteward").mkdir()
    (home / "mlsteward" / "__init__.py").write_text("raise ImportError('not the package')")
    entry = server_entry(settings, "cursor")
    started = subprocess.run([entry["command"], *entry["args"], "--version"], capture_output=True, text=True, cwd=home)
    assert started.stdout.startswith("mlsteward "), started.stderr


def test_nothing_is_written_without_consent_or_with_print(
    home: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(settings, "vscode", print_only=False, yes=False) == 1
    assert install(settings, "vscode", print_only=True, yes=False) == 0
    assert "Nothing was changed" in capsys.readouterr().out
    assert not (home / ".vscode").exists()


def test_installing_the_same_again_says_so(home: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(settings, "claude-desktop", print_only=False, yes=True) == 0
    assert install(settings, "claude-desktop", print_only=False, yes=True) == 0
    assert "already starts mlsteward this way" in capsys.readouterr().out


def test_a_configuration_that_is_not_plain_json_is_left_alone(home: Path, settings: Settings) -> None:
    path = configuration_file("vscode")
    path.parent.mkdir(parents=True)
    path.write_text('{\n  // mine\n  "servers": {}\n}')
    with pytest.raises(UnusableData, match="left alone"):
        install(settings, "vscode", print_only=False, yes=True)
    assert "// mine" in path.read_text()


def test_the_installed_entry_starts_a_server_from_the_root_folder(home: Path, settings: Settings) -> None:
    install(settings, "cursor", print_only=False, yes=True)
    entry = json.loads(configuration_file("cursor").read_text())["mcpServers"]["mlsteward"]
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    answered = subprocess.run(
        [entry["command"], *entry["args"]], input=json.dumps(hello) + "\n", capture_output=True, text=True, cwd="/"
    )
    assert json.loads(answered.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "mlsteward"


def test_doctor_finds_nothing_wrong_in_a_new_workspace(workspace: Workspace) -> None:
    assert [finding.what for finding in examine(workspace) if finding.mend] == []


def test_doctor_names_what_is_wrong_and_how_to_mend_it(workspace: Workspace, tmp_path: Path) -> None:
    broken = Workspace(workspace.settings.model_copy(update={"data": [tmp_path / "gone"]}))
    workspace.folder.joinpath("store.duckdb").write_bytes(b"this is no database" * 100)
    findings = [finding for finding in examine(broken) if finding.mend]
    broken.close()
    assert any("gone does not exist" in finding.what for finding in findings)
    assert any(finding.what.startswith("store:") for finding in findings)


def test_help_is_printed_and_a_bad_flag_is_refused_in_words() -> None:
    command = [sys.executable, "-m", "mlsteward"]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    for name in ("http", "demo", "doctor", "install", "token", "upload"):
        assert name in shown.stdout
    wrong = subprocess.run([*command, "doctor", "--max-wait", "-3"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "max_wait" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_backup_is_restored_as_it_was(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.store.write(lambda t: create_token(t, "first", "read"))
    kept = tmp_path / "kept.duckdb"
    assert backup(workspace.settings, str(kept)) == 0
    workspace.store.write(lambda t: create_token(t, "second", "read"))
    assert restore(workspace.settings, str(kept)) == 0
    assert [token.name for token in workspace.store.read(list_tokens)] == ["first"]
    assert "store.before-restore.duckdb" in capsys.readouterr().out


def test_a_backup_never_overwrites_a_file(workspace: Workspace, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("dear")
    with pytest.raises(InvalidArgument, match="exists already"):
        backup(workspace.settings, str(mine))
    assert mine.read_text() == "dear"
