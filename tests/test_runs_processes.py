"""Runs while processes around them are killed, and while several servers share them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mlsteward.runs.folder import RunFolder, WorkerIdentity
from mlsteward.store.metrics import steps_of
from mlsteward.store.runs import Run, get_run
from mlsteward.workspace import Workspace
from tests.run_server import OtherServer, eventually, gone
from tests.test_runs import PATIENCE, outcome, start


@pytest.fixture
def other(workspace: Workspace) -> Iterator[OtherServer]:
    server = OtherServer(workspace.folder)
    yield server
    if server.process.poll() is None:
        server.end()


def worker_of(workspace: Workspace, number: int) -> WorkerIdentity:
    folder = RunFolder(workspace.runs.folder(number))
    eventually(lambda: folder.last_event() is not None)
    worker = folder.worker()
    assert worker
    return worker


def state_of(workspace: Workspace, number: int) -> str:
    return workspace.store.read(lambda t: get_run(t, number)).state


def test_a_worker_that_is_killed_loses_its_run_with_the_end_of_its_log(workspace: Workspace) -> None:
    run = outcome(workspace, "die")
    assert run.state == "lost"
    assert "without a result" in run.error
    assert run.error.endswith("the last words")
    assert run.finished


def test_a_worker_killed_from_outside_is_lost_though_nobody_waits(workspace: Workspace, tmp_path: Path) -> None:
    number = start(workspace, "wait", tmp_path / "go")
    os.kill(worker_of(workspace, number).pid, signal.SIGKILL)
    eventually(lambda: state_of(workspace, number) == "lost")


def test_a_run_survives_its_server_and_another_takes_it_in(
    workspace: Workspace, other: OtherServer, tmp_path: Path
) -> None:
    number = other.start("wait", tmp_path / "go")
    worker_of(workspace, number)
    other.kill()
    assert workspace.runs.wait(number, 0).state == "running"
    (tmp_path / "go").touch()
    assert workspace.runs.wait(number, PATIENCE).state == "completed"


def test_a_result_that_was_ready_before_the_server_died_is_taken_in_later(
    workspace: Workspace, other: OtherServer, tmp_path: Path
) -> None:
    number = other.start("wait", tmp_path / "go")
    other.kill()
    (tmp_path / "go").touch()
    eventually(lambda: RunFolder(workspace.runs.folder(number)).outcome() is not None)
    assert state_of(workspace, number) == "running"
    workspace.runs.take_in()
    assert state_of(workspace, number) == "completed"


def test_a_run_survives_the_killing_of_its_servers_whole_tree(
    workspace: Workspace, other: OtherServer, tmp_path: Path
) -> None:
    number = other.start("wait", tmp_path / "go")
    worker_of(workspace, number)
    other.kill_tree()
    (tmp_path / "go").touch()
    assert workspace.runs.wait(number, PATIENCE).state == "completed"


def test_several_servers_that_take_a_result_in_at_once_record_it_once(workspace: Workspace, tmp_path: Path) -> None:
    servers = [OtherServer(workspace.folder) for _ in range(3)]
    number = servers[0].start("wait", tmp_path / "go")
    servers.pop(0).kill()
    (tmp_path / "go").touch()
    eventually(lambda: RunFolder(workspace.runs.folder(number)).outcome() is not None)
    for server in servers:
        server.ask("take in")
    workspace.runs.take_in()
    assert [server.answer() for server in servers] == ["taken in"] * len(servers)
    for server in servers:
        server.end()
    assert state_of(workspace, number) == "completed"
    assert len(workspace.store.read(lambda t: steps_of(t, number))) == 1


def test_threads_that_wait_for_the_same_run_all_get_its_end(workspace: Workspace, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    number = start(workspace, "wait", tmp_path / "go")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(workspace.runs.wait, number, PATIENCE) for _ in range(4)]
        (tmp_path / "go").touch()
        runs: list[Run] = [each.result() for each in waiting]
    assert {run.state for run in runs} == {"completed"}
    assert len(workspace.store.read(lambda t: steps_of(t, number))) == 1


def warm_processes(folder: Path) -> list[psutil.Process]:
    """The warm processes that listen in `folder`."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if "mlsteward.runs.warm" in words and words[-1].startswith(str(folder)) and not _is_worker(process, folder):
            found.append(process)
    return found


def _is_worker(process: psutil.Process, folder: Path) -> bool:
    parent = process.parent()
    return parent is not None and "mlsteward.runs.warm" in " ".join(parent.cmdline())


def test_servers_share_one_warm_process_which_may_be_killed_and_goes_with_its_socket(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    folder = tmp_path_factory.mktemp("ws")
    servers = [OtherServer(folder) for _ in range(3)]
    for server in servers:
        server.ask(f"start wait {tmp_path / 'go'}")
    numbers = [int(server.answer()) for server in servers]
    assert sorted(numbers) == [1, 2, 3]
    working = RunFolder(folder / "runs" / "1")
    eventually(lambda: working.last_event() is not None)
    warm = warm_processes(folder)
    assert len(warm) == 1

    warm[0].kill()
    again = servers[0].start("succeed", tmp_path / "go")
    (tmp_path / "go").touch()
    eventually(lambda: RunFolder(folder / "runs" / str(again)).outcome() is not None)
    assert working.outcome() is not None
    (second,) = warm_processes(folder)
    assert second.pid != warm[0].pid

    for socket in (folder / "warm").glob("*.sock"):
        socket.unlink()
    eventually(lambda: gone(second))
    for server in servers:
        server.end()
