"""The warm process: whose it is, when it goes, and that nobody can disturb it."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlsteward.runs.fork import socket_path, version_key
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace
from tests.run_server import eventually
from tests.test_runs import outcome

# The warm process without what makes its start slow.
BARE = "from mlsteward.runs import warm; warm.LIBRARIES, warm.OURS, warm.{} = [], [], {}; warm.main()"


def test_no_warm_process_of_another_version_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        return version_key.__wrapped__()

    own = key()
    assert key() == own
    for target, value in (
        ("sys.executable", "/usr/bin/other"),
        ("mlsteward.runs.fork.package_versions", lambda: {"scikit-learn": "0.1"}),
        ("mlsteward.__file__", str(Path(__file__).parent / "__init__.py")),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, value)
            assert key() != own


def test_a_warm_process_that_nobody_needs_goes(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    script = BARE.format("_LOOK_SECONDS, warm.IDLE_SECONDS", "0.01, 0")
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, stderr=subprocess.DEVNULL)
    eventually(lambda: not path.exists())


def test_the_socket_is_open_to_its_user_alone(workspace: Workspace) -> None:
    outcome(workspace, "succeed")
    assert socket_path(workspace.folder).stat().st_mode & 0o077 == 0


def test_a_caller_that_talks_nonsense_disturbs_nobody(workspace: Workspace) -> None:
    before = outcome(workspace, "tell").result["told"]["parent"]
    for nonsense in (b"", b"x", b"\x00\x00\x00\x02{}"):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(socket_path(workspace.folder)))
            caller.sendall(nonsense)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(socket_path(workspace.folder)))
        socket.send_fds(caller, [b"\x00\x00\x00\x02[]"], [caller.fileno()])
    assert outcome(workspace, "tell").result["told"]["parent"] == before


def test_a_run_handed_to_a_warm_process_that_just_goes_is_handed_to_the_next(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_CREDENTIAL", "of whoever starts the warm process")
    workspace = new_workspace(tmp_path / "workspace", data, tmp_path / "warm")
    (tmp_path / "warm").mkdir()
    path = socket_path(workspace.folder)
    going = socket.socket(socket.AF_UNIX)
    going.bind(str(path))
    going.listen()

    def go() -> None:
        connection, _ = going.accept()
        path.unlink()
        going.close()
        connection.close()

    thread = threading.Thread(target=go)
    thread.start()
    assert outcome(workspace, "succeed").state == "completed"
    thread.join()
    monkeypatch.delenv("PROBE_CREDENTIAL")
    assert outcome(workspace, "tell").result["told"]["credential"] == ""
    workspace.close()
    socket_path(workspace.folder).unlink()


def test_two_processes_are_never_made_for_one_run(workspace: Workspace) -> None:
    run = outcome(workspace, "succeed")
    folder = workspace.runs.folder(run.number)
    first = (folder / "result.json").stat().st_mtime_ns
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "mlsteward.runs.worker", str(folder)]
    # Its input stays open while it works: a worker whose host has gone gives up.
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        assert process.wait(timeout=60) == 0
    assert (folder / "result.json").stat().st_mtime_ns == first
