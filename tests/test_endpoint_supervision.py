"""Looking after the processes of endpoints: real processes, but without models."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from mlsteward.runs import supervision
from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.endpoint_status import endpoint_status
from mlsteward.runs.supervision import current_state, is_running, keep_supervision, read_supervision
from mlsteward.runs.tending import Seen, tend
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel
from mlsteward.store.deployments import Deployment
from tests.endings import end_endpoints
from tests.run_server import eventually, gone

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointFolder]:
    monkeypatch.setattr(supervision, "MODULE", "plain_endpoint")
    folder = EndpointFolder.of(tmp_path, "delay")
    folder.path.mkdir(parents=True)
    behave(folder, "serve")
    yield folder
    behave(folder, "")
    end_endpoints(tmp_path)


def behave(folder: EndpointFolder, how: str) -> None:
    (folder.path / "behaviour").write_text(how)


def deployment(revision: int = 1, model: str = "delay@1", **more: object) -> Deployment:
    placed = Deployment(name="delay", revision=revision, asked=model, model=model, created=NOW, changed=NOW)
    return placed.model_copy(update=more)


def order(model: str = "delay@1", port: int = 0) -> Desired:
    served = ServedModel(label=model, path="model.skops", sha256="0")
    return Desired(deployment="delay", number=0, model=served, port=port)


def look_until(folder: EndpointFolder, state: str, *, port: int = 0) -> Seen:
    """Look after the endpoint until it is in a state."""
    seen = [Seen("starting")]

    def looked() -> bool:
        seen[0] = tend(folder, deployment(), order(port=port))
        return seen[0].state == state

    eventually(looked)
    return seen[0]


def test_an_endpoint_is_started_once_and_tells_its_port(folder: EndpointFolder) -> None:
    seen = look_until(folder, "serving")
    pid = read_supervision(folder).pid
    assert seen.port
    assert look_until(folder, "serving") == seen
    state = current_state(folder)
    assert state
    assert state.pid == pid


def test_it_is_no_child_of_ours_has_its_own_session_and_none_of_our_descriptors(
    folder: EndpointFolder, tmp_path: Path
) -> None:
    inherited = os.open(tmp_path / "ours", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(inherited, True)
    look_until(folder, "serving")
    pid = read_supervision(folder).pid
    files = [file.path for file in psutil.Process(pid).open_files()]
    os.close(inherited)
    assert str(tmp_path / "ours") not in files
    assert os.getsid(pid) == os.getpgid(pid) != os.getsid(0)
    assert pid not in [child.pid for child in psutil.Process().children(recursive=True)]


def test_it_sees_no_secrets_of_the_servers_environment(folder: EndpointFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSTEWARD_ALERT_WEBHOOK", "http://127.0.0.1/secret")
    look_until(folder, "serving")
    assert "secret" not in str(psutil.Process(read_supervision(folder).pid).environ())


def test_one_that_was_killed_is_started_again_on_its_port(folder: EndpointFolder) -> None:
    port = look_until(folder, "serving").port
    first = read_supervision(folder).pid
    os.kill(first, signal.SIGKILL)
    eventually(lambda: lock_is_free(folder.alive))
    assert look_until(folder, "serving", port=port).port == port
    assert read_supervision(folder).pid != first
    assert read_supervision(folder).ends == 1


def test_one_whose_port_was_taken_meanwhile_gets_another(folder: EndpointFolder) -> None:
    port = look_until(folder, "serving").port
    os.kill(read_supervision(folder).pid, signal.SIGKILL)
    eventually(lambda: lock_is_free(folder.alive))
    code = f"import socket, sys; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as thief:
        assert thief.stdout
        thief.stdout.readline()
        assert look_until(folder, "serving", port=port).port not in (0, port)


def test_one_that_ends_at_once_is_tried_ever_more_rarely_and_counts_as_failed(
    folder: EndpointFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervision, "PAUSES", (0, 0, 0, 0, 600))
    behave(folder, "die")
    seen = look_until(folder, "failed")
    assert seen.words == "it ended 4 times in a row; it is tried again, ever more rarely"
    status = endpoint_status(tmp_path, deployment())
    assert (status.state, status.log_tail.splitlines()[-1]) == ("failed", "it has nothing to live for")
    eventually(lambda: tend(folder, deployment(), order()).state == "failed" and read_supervision(folder).ends == 5)
    due = read_supervision(folder).due
    assert due
    assert due > datetime.now(UTC) + timedelta(seconds=500)
    behave(folder, "serve")
    eventually(lambda: tend(folder, deployment(revision=2), order()).state == "serving")


def test_one_that_ran_well_before_it_ended_is_not_failing(folder: EndpointFolder) -> None:
    look_until(folder, "serving")
    known = read_supervision(folder)
    long_ago = datetime.now(UTC) - timedelta(days=1)
    keep_supervision(folder, known.model_copy(update={"started": long_ago, "asked": datetime.now(UTC), "ends": 3}))
    os.kill(known.pid, signal.SIGKILL)
    eventually(lambda: lock_is_free(folder.alive))
    look_until(folder, "serving")
    assert read_supervision(folder).ends == 1


def test_one_that_does_not_answer_is_killed_and_started_again(
    folder: EndpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_ASK_SECONDS", 0)
    monkeypatch.setattr(supervision, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(supervision, "_STOP_SECONDS", 0)
    behave(folder, "deaf")
    look_until(folder, "serving")
    first = psutil.Process(read_supervision(folder).pid)
    behave(folder, "serve")
    eventually(lambda: tend(folder, deployment(), order()).words == "it is being started again")
    look_until(folder, "serving")
    assert gone(first)


def test_one_that_is_not_wanted_is_ended_and_stays_so(folder: EndpointFolder) -> None:
    look_until(folder, "serving")
    process = psutil.Process(read_supervision(folder).pid)
    stopped = deployment(revision=2, wanted="stopped")
    eventually(lambda: tend(folder, stopped, None) == Seen("stopped") and gone(process))
    tend(folder, stopped, None)
    assert read_supervision(folder).pid == 0
    assert lock_is_free(folder.alive)


def test_a_process_that_got_the_id_of_one_that_ended_is_left_alone(folder: EndpointFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        created = psutil.Process(other.pid).create_time()
        assert is_running(other.pid, created)
        keep_supervision(folder, supervision.Supervision(revision=1, pid=other.pid, created=created - 100, ends=0))
        tend(folder, deployment(revision=1, wanted="stopped"), None)
        assert other.poll() is None


def test_what_it_is_told_is_numbered_by_what_it_says(folder: EndpointFolder) -> None:
    look_until(folder, "serving")
    first = folder.read_desired()
    tend(folder, deployment(), order())
    assert folder.read_desired() == first
    tend(folder, deployment(revision=2, model="delay@2"), order("delay@2"))
    told = folder.read_desired()
    assert (told.number, told.model.label, told.port) == (first.number + 1, "delay@2", first.port)
