"""The tool `get_run`."""

import os
import signal
from pathlib import Path

import pytest

from mlsteward.runs.folder import RunFolder
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.runs import update_run
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.test_runs import outcome, start
from tests.test_runs_processes import worker_of

pytestmark = pytest.mark.anyio


async def test_a_completed_run_is_shown_with_what_its_job_said(assistant: Assistant, workspace: Workspace) -> None:
    run = outcome(workspace, "succeed", name="first", dataset="flights@1", params={"depth": 3})
    answer = await assistant.call("get_run", run=run.number)
    assert answer["verdict"].startswith("run:1 (probe first) completed after ")
    assert answer["verdict"].endswith(": Done.")
    assert answer["state"] == "completed"
    assert answer["params"] == {"depth": 3}
    assert answer["metrics"] == [{"split": "test", "name": "recorded", "value": 1.0}]
    assert answer["page"] == "mlsteward://runs/1"
    assert answer["next"] == 'read_page(uri="mlsteward://runs/1")'
    text = await assistant.text("get_run", run="run:1")
    assert "dataset flights@1" in text
    assert "params: depth=3" in text
    assert "test | recorded | 1" in text


async def test_a_running_run_is_shown_with_its_progress_and_waited_on(
    assistant: Assistant, workspace: Workspace, tmp_path: Path
) -> None:
    number = start(workspace, "wait", tmp_path / "go")
    worker_of(workspace, number)
    answer = await assistant.call("get_run", run=number, wait_seconds=0)
    assert "is running after" in answer["verdict"]
    assert "25% done: waiting for the file." in answer["verdict"]
    assert (answer["done"], answer["message"]) == (0.25, "waiting for the file")
    assert answer["seconds"] >= 0
    assert answer["next"] == f"get_run(run={number}, wait_seconds=20)"
    (tmp_path / "go").touch()
    assert (await assistant.call("get_run", run=number))["state"] == "completed"


async def test_a_queued_run_says_what_it_waits_for(assistant: Assistant, workspace: Workspace, tmp_path: Path) -> None:
    numbers = [start(workspace, "wait", tmp_path / "go") for _ in range(3)]
    answer = await assistant.call("get_run", run=numbers[2], wait_seconds=0.1)
    assert answer["verdict"] == f"run:{numbers[2]} (probe) is queued: it starts when a worker is free."
    (tmp_path / "go").touch()
    assert (await assistant.call("get_run", run=numbers[2]))["state"] == "completed"


async def test_a_failed_run_is_no_error_of_the_tool_and_gives_its_words(
    assistant: Assistant, workspace: Workspace
) -> None:
    run = outcome(workspace, "complain")
    answer = await assistant.call("get_run", run=run.number)
    assert "failed after" in answer["verdict"]
    assert answer["verdict"].endswith("The column is empty. Did you mean `other`?")
    assert answer["next"] == "list_datasets()"


async def test_a_lost_run_shows_the_end_of_its_log(assistant: Assistant, workspace: Workspace, tmp_path: Path) -> None:
    number = start(workspace, "wait", tmp_path / "never")
    worker = worker_of(workspace, number)
    RunFolder(workspace.runs.folder(number)).log.write_text("line 1\nline 2\n", "utf-8")
    os.kill(worker.pid, signal.SIGKILL)
    answer = await assistant.call("get_run", run=number)
    assert answer["state"] == "lost"
    assert "was lost" in answer["verdict"]
    assert answer["details"] == "line 1\nline 2"


async def test_the_answer_stays_small_however_much_a_run_recorded(assistant: Assistant, workspace: Workspace) -> None:
    run = outcome(workspace, "succeed", params={f"parameter_{i}": "x" * 50 for i in range(200)})
    rows = [
        MetricRow(run=run.number, split="validation", name=f"metric_with_a_long_name_{i}", value=i / 7, low=0, high=1)
        for i in range(500)
    ]
    workspace.store.write(lambda t: add_metrics(t, rows))
    workspace.store.write(
        lambda t: update_run(t, run.number, state="lost", error="word " * 5000 + "\n" + "log " * 5000)
    )
    answer = await assistant.call("get_run", run=run.number)  # the client of tests checks the size
    assert answer["metrics_total"] == 501
    assert answer["metrics"][0]["name"] == "recorded"
    assert answer["params"]["parameter_0"] == "x" * 50
    assert "and 487 more metrics" in await assistant.text("get_run", run=run.number)


async def test_an_unknown_run_says_which_is_the_newest(assistant: Assistant, workspace: Workspace) -> None:
    outcome(workspace, "succeed")
    words = await assistant.error("get_run", run=12)
    assert "There is no run:12; the newest is run:1." in words
    assert "list_runs" in words


async def test_what_is_no_run_is_refused(assistant: Assistant) -> None:
    assert "it is a number" in await assistant.error("get_run", run="flights")
