"""The tool `cancel_run`."""

from pathlib import Path

import psutil
import pytest

from mlsteward.store.activity import activity_of
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.run_server import gone
from tests.test_runs import outcome, start
from tests.test_runs_processes import worker_of

pytestmark = pytest.mark.anyio


async def test_a_running_run_is_cancelled_and_who_did_it_is_remembered(
    assistant: Assistant, workspace: Workspace, tmp_path: Path
) -> None:
    number = start(workspace, "wait", tmp_path / "never")
    worker = psutil.Process(worker_of(workspace, number).pid)
    answer = await assistant.call("cancel_run", run=f"run:{number}")
    assert answer["verdict"].startswith(f"run:{number} (probe) is cancelled after ")
    assert answer["state"] == "cancelled"
    assert gone(worker)
    (activity,) = workspace.store.read(lambda t: activity_of(t, f"run:{number}"))
    assert (activity.action, activity.actor) == ("cancel_run", workspace.user)
    assert "was cancelled" in (await assistant.call("get_run", run=number))["verdict"]


async def test_a_queued_run_is_cancelled_before_it_began(
    assistant: Assistant, workspace: Workspace, tmp_path: Path
) -> None:
    numbers = [start(workspace, "wait", tmp_path / "go") for _ in range(3)]
    answer = await assistant.call("cancel_run", run=numbers[2])
    assert answer["verdict"] == f"run:{numbers[2]} (probe) is cancelled before it began."
    (tmp_path / "go").touch()


async def test_a_run_that_has_ended_is_left_as_it_is(assistant: Assistant, workspace: Workspace) -> None:
    run = outcome(workspace, "succeed")
    answer = await assistant.call("cancel_run", run=run.number)
    assert answer["verdict"] == "run:1 (probe) has ended already: it is completed."
    assert answer["next"] == "get_run(run=1)"
    assert workspace.store.read(lambda t: activity_of(t, "run:1")) == []


async def test_an_unknown_run_cannot_be_cancelled(assistant: Assistant) -> None:
    assert "There is no run:3; there are no runs yet." in await assistant.error("cancel_run", run=3)
