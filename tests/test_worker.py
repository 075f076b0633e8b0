"""What a worker is: a process of the warm one, with nothing of the server's but its environment."""

import os
from pathlib import Path

import psutil
import pytest

from mlsteward.errors import RunFailed
from mlsteward.runs.alive import lock_is_free, take_lock
from mlsteward.runs.environment import source_commit
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.fork import ForkLauncher, socket_path
from mlsteward.runs.runs import Runs
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace
from tests.run_server import OtherServer, eventually, gone
from tests.test_runs import PATIENCE, outcome, start
from tests.test_runs_processes import state_of, worker_of


@pytest.fixture
def told(workspace: Workspace) -> dict[str, str]:
    """What a worker says of itself, once the warm process has imported all it imports."""
    said: dict[str, str] = {}

    def is_warm() -> bool:
        said.update(outcome(workspace, "tell").result["told"])
        return said["sklearn"] == "True"

    eventually(is_warm, PATIENCE)
    return said


def test_a_worker_starts_with_the_libraries_imported_and_one_thread(told: dict[str, str]) -> None:
    assert told["sklearn"] == "True"
    assert told["threads"] == "1"


def test_work_on_much_data_may_have_more_threads(told: dict[str, str]) -> None:
    assert told["more"] == "2"


def test_a_worker_has_a_session_of_its_own_and_no_descriptor_but_its_lock(told: dict[str, str]) -> None:
    assert told["session"] == "True"
    assert [Path(path).name for path in told["descriptors"].split()] == ["alive"]


def test_a_worker_works_in_its_runs_folder(told: dict[str, str]) -> None:
    assert Path(told["folder"]).parent.name == "runs"


def test_a_worker_takes_over_the_environment_of_the_server_that_starts_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_CREDENTIAL", "of this server")
    assert outcome(workspace, "tell").result["told"]["credential"] == "of this server"


def test_histogram_boosting_works_in_a_forked_worker(workspace: Workspace) -> None:
    run = outcome(workspace, "fit")
    assert run.state == "completed"
    assert float(run.result["verdict"]) > 0.9


def test_the_warm_process_is_a_daemon_with_one_thread(told: dict[str, str]) -> None:
    warm = psutil.Process(int(told["parent"]))
    assert warm.num_threads() == 1
    assert psutil.Process() not in warm.parents()
    assert os.getsid(warm.pid) != os.getsid(0)
    streams = [Path(f"/proc/{warm.pid}/fd/{number}").readlink() for number in (0, 1, 2)]
    assert [str(stream) for stream in streams[:2]] == ["/dev/null", "/dev/null"]
    assert streams[2].suffix == ".log"
    others = [path.readlink() for path in Path(f"/proc/{warm.pid}/fd").iterdir() if int(path.name) > 2]
    assert all(str(path).startswith("socket:") for path in others)
    assert len(others) == 1


def test_the_socket_is_for_this_user_alone_and_short_enough_wherever_the_workspace_is(tmp_path: Path) -> None:
    near = socket_path(Path("/tmp") / tmp_path.name)
    assert near.parent.name == "warm"
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    far = socket_path(deep)
    assert len(os.fsencode(far)) < 104
    assert far.parent.stat().st_mode & 0o077 == 0
    assert far != socket_path(tmp_path / ("a" * 60))
    assert near.name.removesuffix(".sock") in far.name
    near.parent.rmdir()
    near.parent.parent.rmdir()


def test_a_lock_is_seen_without_being_taken(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    assert lock_is_free(path)
    lock = take_lock(path)
    assert not lock_is_free(path)
    with pytest.raises(BlockingIOError):
        take_lock(path)
    os.close(lock)
    assert lock_is_free(path)


def test_when_no_warm_process_can_be_had_the_run_fails_and_says_where_to_look(
    tmp_path: Path, data: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path / "workspace", data, warm)
    monkeypatch.setattr("sys.executable", "/bin/false")
    (tmp_path / "workspace" / "warm").unlink()
    run = outcome(workspace, "succeed")
    workspace.close()
    assert run.state == "failed"
    assert ".log says why" in run.error
    with pytest.raises(RunFailed):
        ForkLauncher(tmp_path / "workspace").launch(RunFolder(tmp_path), os.open(tmp_path, os.O_RDONLY), lambda: None)


def test_the_code_version_is_that_of_our_own_repository_only(tmp_path: Path) -> None:
    assert source_commit(tmp_path) == ""


@pytest.fixture
def spawning(workspace: Workspace) -> Workspace:
    """A workspace as it is where a system cannot fork."""
    workspace.__dict__["runs"] = Runs(workspace.folder, workspace.store, fork=False)
    return workspace


def test_without_fork_a_worker_is_a_process_of_its_server(spawning: Workspace) -> None:
    assert not spawning.runs.outlive_host
    assert outcome(spawning, "talk").state == "completed"
    assert outcome(spawning, "complain").state == "failed"


def test_without_fork_a_killed_worker_is_lost_and_a_running_one_can_be_cancelled(
    spawning: Workspace, tmp_path: Path
) -> None:
    assert outcome(spawning, "die").state == "lost"
    number = start(spawning, "wait", tmp_path / "never")
    worker = psutil.Process(worker_of(spawning, number).pid)
    assert spawning.runs.cancel(number).state == "cancelled"
    assert gone(worker)


def test_without_fork_a_run_ends_with_its_host(workspace: Workspace, tmp_path: Path) -> None:
    other = OtherServer(workspace.folder, "--spawn")
    number = other.start("wait", tmp_path / "never")
    worker = psutil.Process(worker_of(workspace, number).pid)
    other.kill()
    eventually(lambda: gone(worker))
    assert workspace.runs.wait(number, PATIENCE).state == "lost"
    assert state_of(workspace, number) == "lost"
