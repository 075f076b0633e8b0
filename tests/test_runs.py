"""Runs from start to end, when nothing untoward happens to any process."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlsteward.errors import NotFound
from mlsteward.runs.actor import Actor
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.kinds import job_kind
from mlsteward.store.lock import StoreLock
from mlsteward.store.metrics import steps_of
from mlsteward.store.runs import Run, get_run
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace

PATIENCE = 120.0


def start(workspace: Workspace, deed: str, until: Path = Path(), **about: Any) -> int:
    request = job_kind("probe").Request.model_validate({"deed": deed, "until": until})
    return workspace.runs.start("probe", request, actor=Actor(name="ada", client="tests"), **about)


def outcome(workspace: Workspace, deed: str, **about: Any) -> Run:
    return workspace.runs.wait(start(workspace, deed, **about), PATIENCE)


def test_a_run_is_worked_on_elsewhere_and_its_result_recorded_with_its_state(workspace: Workspace) -> None:
    run = outcome(workspace, "succeed", name="first", tags={"why": "trial"}, reason="to see", dataset="flights@1")
    assert (run.state, run.error, run.result["verdict"]) == ("completed", "", "Done.")
    assert (run.name, run.tags, run.reason, run.dataset) == ("first", {"why": "trial"}, "to see", "flights@1")
    assert (run.actor, run.client) == ("ada", "tests")
    recorded = workspace.store.read(lambda t: steps_of(t, run.number))
    assert [(row.name, row.value) for row in recorded] == [("recorded", 1.0)]


def test_a_run_remembers_what_it_took_and_what_it_was_computed_with(workspace: Workspace) -> None:
    run = outcome(workspace, "fit")
    assert run.started
    assert run.finished
    assert run.created <= run.started <= run.finished
    assert run.wall_seconds is not None and run.wall_seconds > 0
    assert run.cpu_seconds is not None and 0 < run.cpu_seconds < 60
    assert run.peak_memory_mb is not None and run.peak_memory_mb > 50
    assert run.environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"mlsteward", "scikit-learn", "numpy", "pandas", "duckdb", "skops", "platform"} <= set(run.environment)
    if (Path(__file__).parent.parent / ".git").exists():
        assert len(run.environment["code"].removesuffix("-dirty")) == 40


def test_an_error_of_ours_fails_the_run_with_its_words(workspace: Workspace) -> None:
    run = outcome(workspace, "complain")
    assert run.state == "failed"
    assert run.error == "The column is empty. Did you mean `other`?"
    assert run.result == {"next": "list_datasets()"}


@pytest.mark.parametrize(("deed", "error"), [("crash", "KeyError"), ("leave", "SystemExit")])
def test_a_crash_fails_the_run_and_the_log_says_where(workspace: Workspace, deed: str, error: str) -> None:
    run = outcome(workspace, deed)
    assert run.state == "failed"
    assert error in run.error
    assert "Traceback" not in run.error
    assert f"in {deed}" in RunFolder(workspace.runs.folder(run.number)).log.read_text("utf-8")


def test_a_worker_that_wants_too_much_memory_fails_in_words(tmp_path: Path, data: Path, warm: Path) -> None:
    workspace = new_workspace(tmp_path / "small", data, warm, worker_memory_mb=512)
    run = outcome(workspace, "swell")
    workspace.close()
    assert run.state == "failed"
    assert "more memory than the 512 MB" in run.error


@pytest.mark.parametrize(
    ("records", "words"), [("badly", "The name is taken."), ("not at all", "could not be recorded: KeyError")]
)
def test_a_result_that_cannot_be_recorded_fails_its_run_alone(workspace: Workspace, records: str, words: str) -> None:
    run = outcome(workspace, "succeed", params={"records": records})
    assert run.state == "failed"
    assert words in run.error
    assert run.result == {}
    assert workspace.store.read(lambda t: steps_of(t, run.number)) == []
    assert outcome(workspace, "succeed").state == "completed"


def test_waiting_ends_in_time_and_tells_progress(workspace: Workspace, tmp_path: Path) -> None:
    number = start(workspace, "wait", tmp_path / "go")
    told: list[tuple[float, str]] = []

    def hear(done: float, message: str) -> None:
        told.append((done, message))
        (tmp_path / "go").touch()

    assert workspace.runs.wait(number, 0).state == "running"
    assert workspace.runs.wait(number, PATIENCE, hear).state == "completed"
    assert told == [(0.25, "waiting for the file")]


def test_waiting_for_a_run_that_has_ended_returns_it(workspace: Workspace) -> None:
    run = outcome(workspace, "succeed")
    assert workspace.runs.wait(run.number, PATIENCE) == run


def test_an_unknown_run_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="no run:7"):
        workspace.runs.wait(7, 1)


def test_a_worker_that_prints_disturbs_nobody(
    workspace: Workspace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = outcome(workspace, "talk")
    assert run.state == "completed"
    log = RunFolder(workspace.runs.folder(run.number)).log.read_text("utf-8")
    for said in ("in Python", "to stderr", "below Python", "by a child"):
        assert f"said {said}" in log
    assert "read from stdin: b''" in log
    assert capfd.readouterr() == ("", "")


def test_what_nobody_waits_for_is_taken_in_all_the_same(workspace: Workspace) -> None:
    from tests.run_server import eventually

    number = start(workspace, "succeed")
    eventually(lambda: workspace.store.read(lambda t: get_run(t, number)).state == "completed")


def test_looking_for_runs_leaves_the_store_alone_when_there_are_none(workspace: Workspace) -> None:
    outcome(workspace, "succeed")
    workspace.runs.take_in()
    store = workspace.store.path
    with StoreLock(store.with_name(store.name + ".lock")).held(deadline=time.monotonic() + 10):
        workspace.runs.take_in()  # would find the store busy


def test_artifacts_are_kept_in_the_runs_folder(workspace: Workspace) -> None:
    run = outcome(workspace, "tell")
    assert (workspace.runs.folder(run.number) / "artifacts" / "kept.txt").read_text("utf-8") == "kept"


def test_half_a_line_of_progress_is_no_event(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.last_event() is None
    (tmp_path / "events.jsonl").write_text(
        '{"at": "2026-01-01T00:00:00Z", "done": 0.5, "message": "half"}\n{"at": "20', "utf-8"
    )
    event = folder.last_event()
    assert event and event.message == "half"
