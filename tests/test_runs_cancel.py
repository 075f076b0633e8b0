"""Ending runs."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from mlsteward.errors import RunFailed
from mlsteward.runs.alive import take_lock
from mlsteward.runs.folder import RunFolder, WorkerIdentity
from mlsteward.runs.stop import stop_worker
from mlsteward.workspace import Workspace
from tests.run_server import eventually, gone
from tests.test_runs import outcome, start
from tests.test_runs_processes import state_of, worker_of


def test_a_running_run_is_cancelled_and_nothing_it_started_is_left(workspace: Workspace, tmp_path: Path) -> None:
    number = start(workspace, "breed", tmp_path / "never")
    worker = worker_of(workspace, number)
    event = RunFolder(workspace.runs.folder(number)).last_event()
    assert event
    family = [psutil.Process(pid) for pid in (worker.pid, *map(int, event.message.split()))]
    run = workspace.runs.cancel(number)
    assert run.state == "cancelled"
    assert run.finished
    eventually(lambda: all(gone(process) for process in family))
    assert state_of(workspace, number) == "cancelled"


def test_a_queued_run_is_cancelled_and_never_begins(workspace: Workspace, tmp_path: Path) -> None:
    numbers = [start(workspace, "wait", tmp_path / "go") for _ in range(3)]
    assert workspace.runs.cancel(numbers[2]).state == "cancelled"
    (tmp_path / "go").touch()
    for number in numbers[:2]:
        assert workspace.runs.wait(number, 60).state == "completed"
    workspace.runs.take_in()
    assert state_of(workspace, numbers[2]) == "cancelled"
    assert not (workspace.runs.folder(numbers[2]) / "worker.json").exists()


def test_a_run_that_has_ended_is_not_cancelled(workspace: Workspace) -> None:
    run = outcome(workspace, "succeed")
    assert workspace.runs.cancel(run.number) == run


def test_a_result_that_was_there_before_the_cancelling_counts(workspace: Workspace, tmp_path: Path) -> None:
    number = start(workspace, "wait", tmp_path / "go")
    (tmp_path / "go").touch()
    folder = RunFolder(workspace.runs.folder(number))
    eventually(lambda: folder.outcome() is not None)
    assert workspace.runs.cancel(number).state == "completed"


def test_a_process_that_was_given_the_workers_number_is_left_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    lock = take_lock(folder.alive)
    bystander = subprocess.Popen(["sleep", "600"])
    created = psutil.Process(bystander.pid).create_time()
    assert folder.claim(WorkerIdentity(pid=bystander.pid, created=created - 60))
    with pytest.raises(RunFailed, match="did not end"):
        stop_worker(folder, patience=0.2)
    assert bystander.poll() is None
    (tmp_path / "worker.json").unlink()
    assert folder.claim(WorkerIdentity(pid=bystander.pid, created=created))
    with pytest.raises(RunFailed, match="did not end"):
        stop_worker(folder, patience=0.2)
    assert bystander.wait(10) != 0
    os.close(lock)


def test_a_worker_that_begins_after_the_cancelling_does_not_begin(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.want_cancel()
    assert not folder.claim(WorkerIdentity(pid=1, created=0))


def test_a_run_is_claimed_by_one_worker_only(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.claim(WorkerIdentity(pid=1, created=0))
    assert not folder.claim(WorkerIdentity(pid=2, created=0))
