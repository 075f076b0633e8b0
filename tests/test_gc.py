"""`mlsteward gc`: what leads nowhere goes, what anything needs stays, and a kill loses nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mlsteward.errors import UnusableData
from mlsteward.runs.collect import Collection, collect, plan_collection
from mlsteward.runs.folder import RunFolder, WorkOrder
from mlsteward.server.app import Steward
from mlsteward.server.cli import main
from mlsteward.server.http import http_app
from mlsteward.store.activity import activity_of
from mlsteward.store.datasets import find_dataset, versions_of
from mlsteward.store.models import Model, add_model
from mlsteward.store.runs import Run, add_run, update_run
from mlsteward.store.tags import put_tag
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, new_workspace
from tests.copied import begun, furnished
from tests.dataset_versions import add_rows, snapshots

MONTH = timedelta(days=30)
OLD = 100.0


def six_versions(workspace: Workspace) -> None:
    for month in range(6):
        add_rows(workspace, "flights", f"SELECT i + {month} AS number FROM range(20) t(i)", days_old=OLD - month)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    return furnished(tmp_path_factory, warm, six_versions)


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
def flights(made: Path, workspace: Workspace) -> Workspace:
    """Six old versions."""
    return workspace


def plan(workspace: Workspace, keep: int = 1) -> Collection:
    return plan_collection(workspace.store, workspace.folder, keep=keep, older_than=MONTH)


def run_gc(workspace: Workspace, keep: int = 1) -> Collection:
    return collect(workspace.store, workspace.folder, keep=keep, older_than=MONTH, actor="anna", client="test")


def labels(found: Collection) -> list[str]:
    return [one.label for one in found.versions]


def snapshot(workspace: Workspace, label: str) -> Path:
    return workspace.folder / workspace.store.read(lambda t: find_dataset(t, label, rows=False)).snapshot


def a_run(workspace: Workspace, state: str, kind: str, dataset: str, request: dict[str, Any] | None = None) -> int:
    """A run in the store, with what it was asked to do in its folder."""
    made = Run(number=0, kind=kind, state=state, dataset=dataset, created=datetime.now(UTC))

    def record(t: Any) -> int:
        number = add_run(t, made)
        order = WorkOrder(kind=kind, request=request or {}, workspace=workspace.folder, memory_mb=512)
        RunFolder(workspace.folder / "runs" / str(number)).write_order(order)
        return number

    return workspace.store.write(record)


def age(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_a_dry_run_names_what_would_go_and_changes_nothing(
    flights: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshots(flights)
    for flags in ([], ["--dry-run"]):
        assert main(["gc", "--keep", "2", *flags, "--workspace", str(flights.folder)]) == 0
        printed = capsys.readouterr().out
        assert "Would give up the rows of 4 versions, 4 snapshots" in printed
        assert "add --delete to do it" in printed
    assert snapshots(flights) == before
    assert flights.store.read(lambda t: find_dataset(t, "flights@1")).rows == 20


def test_rows_go_and_what_is_known_of_them_stays(flights: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    gone = snapshot(flights, "flights@1")
    assert main(["gc", "--keep", "2", "--delete", "--workspace", str(flights.folder)]) == 0
    assert "Gave up the rows of 4 versions, 4 snapshots" in capsys.readouterr().out
    assert not gone.exists()
    versions = flights.store.read(lambda t: versions_of(t, "flights"))
    assert [(one.version, bool(one.collected)) for one in versions] == [
        (6, False),
        (5, False),
        (4, True),
        (3, True),
        (2, True),
        (1, True),
    ]
    with pytest.raises(UnusableData, match=r"The rows of flights@1 were collected on 20\d\d-"):
        flights.store.read(lambda t: find_dataset(t, "flights@1"))
    activity = flights.store.read(lambda t: activity_of(t, "dataset:flights@1"))
    assert [one.action for one in activity] == ["gc"]
    assert labels(plan(flights, 2)) == []


def test_what_is_young_tagged_or_named_by_a_model_stays(flights: Workspace) -> None:
    add_rows(flights, "flights", "SELECT 1 AS number", days_old=3)
    flights.store.write(lambda t: put_tag(t, "flights", 2, "golden", "anna"))
    model = Model(
        run=900,
        task="regression",
        target="number",
        dataset="flights@3",
        path="",
        sha256="",
        signature=[],
        metric="rmse",
        created=datetime.now(UTC),
    )
    flights.store.write(lambda t: add_model(t, model))
    add_rows(flights, "late", "SELECT 2 AS number", sources=("dataset:flights@4",))
    found = plan(flights)
    assert labels(found) == ["flights@6", "flights@5", "flights@1"]
    assert {label: why for label, why in found.kept.items() if label.startswith("flights")} == {
        "flights@2": "tag",
        "flights@3": "model",
        "flights@4": "source of another",
        "flights@7": "newest",
    }


def test_versions_that_runs_stand_on_stay_and_those_they_only_looked_at_go(flights: Workspace) -> None:
    a_run(flights, "completed", "evaluate", "flights@1")
    a_run(flights, "completed", "drift", "flights@2")
    a_run(flights, "queued", "drift", "flights@3")
    a_run(flights, "running", "explain", "", {"snapshot": str(snapshot(flights, "flights@4"))})
    assert labels(plan(flights)) == ["flights@5", "flights@2"]


def test_one_file_that_two_versions_share_goes_with_the_last(workspace: Workspace) -> None:
    same = "SELECT i AS number FROM range(20) t(i)"
    add_rows(workspace, "one", same, days_old=OLD)
    add_rows(workspace, "one", "SELECT 1 AS number")
    add_rows(workspace, "two", same)
    file = snapshot(workspace, "one@1")
    assert labels(run_gc(workspace)) == ["one@1"]
    assert file.exists()


def test_files_that_nothing_knows_go_when_they_are_a_day_old(flights: Workspace) -> None:
    young, old = (flights.objects / "ab" / f"{name}.parquet" for name in ("young", "old"))
    young.parent.mkdir()
    for file in (young, old):
        file.write_bytes(b"draft")
    age(old, 2)
    unknown, ended = flights.folder / "runs" / "77", flights.folder / "runs" / "1" / "temp"
    going = flights.folder / "runs" / "2" / "temp"
    a_run(flights, "completed", "drift", "")
    a_run(flights, "running", "drift", "")
    for folder in (unknown, ended, going):
        folder.mkdir(parents=True)
        (folder / "spill").write_bytes(b"x" * 100)
    age(unknown, 2)
    found = run_gc(flights, keep=9)
    assert set(found.snapshots) == {old}
    assert set(found.leftovers) == {unknown, ended}
    assert (young.exists(), old.exists(), unknown.exists(), ended.exists()) == (True, False, False, False)
    assert going.exists()
    assert (ended.parent / "request.json").exists()


def test_no_snapshot_goes_while_a_run_may_make_a_version_of_it(
    flights: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker that finds the rows it has read in a snapshot uses that file, and is recorded later."""
    run_gc_until = snapshot(flights, "flights@1")
    known = {"plan": {"known": {"identity": run_gc_until.relative_to(flights.folder).as_posix()}}}
    number = a_run(flights, "running", "register", "", known)
    assert "flights@1" not in labels(run_gc(flights))
    assert len(snapshots(flights)) == 6, "the others were given up, and their files wait"
    assert main(["gc", "--workspace", str(flights.folder)]) == 0
    assert f"Snapshots stay while run:{number} may use them" in capsys.readouterr().out
    flights.store.write(lambda t: update_run(t, number, state="completed"))
    run_gc(flights)
    assert len(snapshots(flights)) == 1


@pytest.mark.anyio
async def test_collected_content_that_comes_again_gets_its_file_again(
    workspace: Workspace, assistant: Assistant
) -> None:
    table = "number,carrier\n1,UA\n2,DL\n"
    first = await assistant.call("register_dataset", name="flights", content=table)
    await assistant.call("register_dataset", name="flights", content=table + "3,AA\n")
    number = first["run"]
    then = datetime.now(UTC) - timedelta(days=OLD)
    workspace.store.write(lambda t: t.execute("UPDATE dataset_versions SET created = ? WHERE run = ?", [then, number]))
    assert labels(run_gc(workspace)) == ["flights@1"]
    page = await assistant.text("read_page", uri="mlsteward://datasets/flights")
    assert "rows collected on" in page
    words = await assistant.error("query_data", sql='FROM "flights@1"')
    assert "The rows of flights@1 were collected on" in words
    again = await assistant.call("register_dataset", name="flights", content=table)
    assert again["dataset"] == "flights@3"
    read = await assistant.call("query_data", sql="SELECT count(*) FROM flights")
    assert read["rows"] == [[2]]


def test_a_collection_that_is_killed_loses_no_row_that_is_needed(tmp_path: Path, data: Path, warm: Path) -> None:
    workspace = new_workspace(tmp_path / "killed", data, warm)
    try:
        for month in range(12):
            add_rows(workspace, "flights", f"SELECT {month} AS month, i AS n FROM range(9) t(i)", days_old=OLD)
        command = [sys.executable, "-P", "-m", "mlsteward", "gc", "--delete", "--workspace", str(workspace.folder)]
        chance = random.Random(3)
        started = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        whole = time.monotonic() - started
        for attempt in range(3):
            for month in range(6):
                add_rows(workspace, "flights", f"SELECT {attempt * 100 + month} AS month", days_old=OLD)
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(whole * chance.uniform(0.3, 1.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            versions = workspace.store.read(lambda t: versions_of(t, "flights"))
            live = {version.snapshot for version in versions if not version.collected}
            assert live <= snapshots(workspace)
            assert len(live) >= 3
        run_gc(workspace, keep=3)
        assert len(snapshots(workspace)) == 3, "what a killed collection left goes with the next"
    finally:
        workspace.close()


def test_what_makes_no_sense_is_refused(flights: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc", "--keep", "0", "--workspace", str(flights.folder)]) == 1
    assert "--keep is at least 1" in capsys.readouterr().err
    assert main(["gc", "--workspace", str(tmp_path / "none")]) == 1
    assert "has no store yet" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["gc", "--older-than", "soon", "--workspace", str(flights.folder)])


def test_where_the_policy_wants_a_person_for_deleting_nothing_goes_without_one(
    flights: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    (flights.folder / "policy.toml").write_text("[approval]\ndelete = true\n")
    assert main(["gc", "--keep", "2", "--delete", "--workspace", str(flights.folder)]) == 1
    assert "Nobody may approve yet: `mlsteward approver add NAME`" in capfd.readouterr().err
    assert main(["gc", "--keep", "2", "--workspace", str(flights.folder)]) == 0
    assert "Would give up" in capfd.readouterr().out


@pytest.mark.anyio
async def test_where_the_policy_wants_a_person_for_deleting_mlflows_clients_delete_nothing(
    workspace: Workspace,
) -> None:
    api = "/api/2.0/mlflow/registered-models"
    transport = httpx2.ASGITransport(http_app(Steward(workspace), host="127.0.0.1"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        await http.post(f"{api}/create", json={"name": "late"})
        policy = workspace.folder / "policy.toml"
        policy.write_text("[approval]\ndelete = true\n")
        refused = await http.request("DELETE", f"{api}/delete", json={"name": "late"})
        assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
        policy.write_text("[approval]\ndelete = false\n")
        assert (await http.request("DELETE", f"{api}/delete", json={"name": "late"})).status_code == 200
