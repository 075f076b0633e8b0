"""More runs than workers."""

from pathlib import Path

from mlsteward.workspace import Workspace
from tests.conftest import new_workspace
from tests.run_server import OtherServer, eventually
from tests.test_runs import PATIENCE, start
from tests.test_runs_processes import state_of, worker_of


def test_no_more_runs_run_than_there_are_workers_and_the_rest_follow_unasked(
    workspace: Workspace, tmp_path: Path
) -> None:
    numbers = [start(workspace, "wait", tmp_path / "go") for _ in range(4)]
    assert [state_of(workspace, number) for number in numbers] == ["running", "running", "queued", "queued"]
    assert workspace.runs.wait(numbers[3], 0.1).state == "queued"
    (tmp_path / "go").touch()
    eventually(lambda: all(state_of(workspace, number) == "completed" for number in numbers))


def test_workers_are_counted_over_all_servers_of_a_workspace(workspace: Workspace, tmp_path: Path) -> None:
    other = OtherServer(workspace.folder)
    numbers = [other.start("wait", tmp_path / "go"), start(workspace, "wait", tmp_path / "go")]
    numbers.append(other.start("wait", tmp_path / "go"))
    assert [state_of(workspace, number) for number in numbers] == ["running", "running", "queued"]
    # The server that queued the run is gone; whichever looks next starts it.
    other.kill()
    (tmp_path / "go").touch()
    assert workspace.runs.wait(numbers[2], PATIENCE).state == "completed"


def test_a_worker_that_died_unseen_keeps_nobody_waiting(
    workspace: Workspace, tmp_path: Path, data: Path, warm: Path
) -> None:
    narrow = new_workspace(workspace.folder, data, warm, max_workers=1)
    other = OtherServer(workspace.folder)
    lost = other.start("die", tmp_path)
    eventually(lambda: (narrow.runs.folder(lost) / "log.txt").exists())
    other.kill()
    number = start(narrow, "succeed")
    assert narrow.runs.wait(number, PATIENCE).state == "completed"
    assert state_of(narrow, lost) == "lost"
    narrow.close()


def test_runs_start_in_the_order_they_were_asked_for(
    workspace: Workspace, tmp_path: Path, data: Path, warm: Path
) -> None:
    narrow = new_workspace(workspace.folder, data, warm, max_workers=1)
    first = start(narrow, "wait", tmp_path / "first")
    second = start(narrow, "wait", tmp_path / "second")
    third = start(narrow, "wait", tmp_path / "third")
    (tmp_path / "first").touch()
    worker_of(narrow, second)
    assert [state_of(narrow, number) for number in (first, second, third)] == ["completed", "running", "queued"]
    (tmp_path / "second").touch()
    (tmp_path / "third").touch()
    assert narrow.runs.wait(third, PATIENCE).state == "completed"
    narrow.close()
