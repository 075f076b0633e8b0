"""Real endpoints under load: aliases move, endpoints and servers are killed, and no request is lost or wrong."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from benchmarks.endpoint_clients import Load, put_load
from mlsteward.data.engine import connect
from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.endpoint_status import EndpointStatus, endpoint_status
from mlsteward.runs.supervision import current_state
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.store.aliases import alias_history, alias_version, set_alias
from mlsteward.store.deployment_events import By, history_of
from mlsteward.store.deployments import Deployment, find_deployment, place, roll_back
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace
from tests.endings import end_endpoints
from tests.run_server import eventually
from tests.served_models import add_versions, rows_of, scores_of

ROWS = 40
CLIENTS = 64
# Of each client: loading a model must get some of the machine, too.
PAUSE = 0.2
# Loading takes a while where many share two cores.
SECONDS = 240
ANN = By("ann", "test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Path]:
    """A workspace with three versions of `large`; its endpoint lives through all tests of this file."""
    folder = tmp_path_factory.mktemp("house")
    workspace = new_workspace(folder, folder, warm)
    add_versions(workspace, 3)
    promote(workspace, 1)
    workspace.close()
    yield folder
    end_endpoints(folder)


@pytest.fixture
def house(folder: Path, warm: Path) -> Iterator[Workspace]:
    """A server, whose endpoint serves the champion."""
    workspace = new_workspace(folder, folder, warm)
    state = current_state(EndpointFolder.of(folder, "large"))
    model = state.model if state else "large@1"
    promote(workspace, int(model[-1]))
    serve(workspace, model, asked="large@champion")
    settles_on(workspace, model)
    yield workspace
    workspace.close()


def promote(workspace: Workspace, version: int) -> None:
    workspace.store.write(lambda t: set_alias(t, "large", "champion", version, run=None, actor="ann", reason=""))


def serve(workspace: Workspace, model: str, **more: object) -> None:
    now = datetime.now(UTC)
    wanted = Deployment(name="large", asked=model, model=model, created=now, changed=now).model_copy(update=more)
    EndpointFolder.of(workspace.folder, "large").path.mkdir(parents=True, exist_ok=True)
    workspace.store.write(lambda t: place(t, wanted, event="deployed", by=ANN))
    workspace.look_after_endpoints()


def status(workspace: Workspace) -> EndpointStatus:
    return endpoint_status(workspace.folder, workspace.store.read(lambda t: find_deployment(t, "large")))


def settles_on(workspace: Workspace, model: str) -> None:
    folder = EndpointFolder.of(workspace.folder, "large")

    def settled() -> bool:
        state = None if lock_is_free(folder.alive) else current_state(folder)
        return state is not None and state.model == model

    eventually(settled, SECONDS)


def under_load(workspace: Workspace, what: Callable[[], None], broken: Callable[[], bool] = lambda: False) -> Load:
    """What 64 clients saw while `what` was done."""
    expected = {f"large@{version}": scores_of(version, ROWS) for version in (1, 2, 3)}
    done = asyncio.Event()

    async def both() -> Load:
        async def deeds() -> None:
            await anyio.to_thread.run_sync(what)
            done.set()

        doing = asyncio.create_task(deeds())
        address = status(workspace).address
        load = await put_load(
            address,
            rows_of(ROWS),
            expected,
            clients=CLIENTS,
            going_on=lambda: not done.is_set(),
            broken=broken,
            pause=PAUSE,
        )
        await doing
        return load

    return asyncio.run(both())


def written_down(workspace: Workspace) -> set[str]:
    """The requests in the prediction log."""
    with connect(threads=1) as connection:
        relation = prediction_tables(workspace.folder, "large")
        return {one for (one,) in connection.execute(f"SELECT DISTINCT request_id FROM {relation}").fetchall()}


def test_no_request_is_wrong_or_dropped_through_two_moves_of_the_alias_and_a_rollback(house: Workspace) -> None:
    def deeds() -> None:
        for version in (2, 3):
            promote(house, version)
            settles_on(house, f"large@{version}")
        house.store.write(lambda t: roll_back(t, "large", by=ANN))
        settles_on(house, "large@2")

    load = under_load(house, deeds)
    assert (load.wrong[:3], load.dropped[:3]) == ([], [])
    assert set(load.models) == {"large@1", "large@2", "large@3"}
    assert load.requests == sum(load.models.values()) > CLIENTS
    assert load.request_ids <= written_down(house)


def test_it_outlives_its_server_and_the_next_one_brings_it_back_when_the_machine_was_restarted(
    house: Workspace, warm: Path
) -> None:
    before = status(house)
    house.endpoints.close()
    promote(house, 3)
    folder = EndpointFolder.of(house.folder, "large")
    gone = threading.Event()

    def deeds() -> None:
        time.sleep(0.5)
        gone.set()
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: lock_is_free(folder.alive))
        next_server.look_after_endpoints()
        settles_on(next_server, "large@3")
        time.sleep(0.2)

    next_server = new_workspace(house.folder, house.folder, warm)
    load = under_load(house, deeds, broken=gone.is_set)
    next_server.close()
    assert (load.wrong[:3], load.dropped[:3]) == ([], [])
    assert set(load.models) == {before.model, "large@3"}, "it served on without a server, and came back on its port"
    assert load.request_ids <= written_down(house)


def test_servers_killed_while_they_promote_leave_the_alias_whole_and_the_endpoint_on_it(house: Workspace) -> None:
    command = [sys.executable, "-m", "tests.promoting_server", str(house.folder)]
    for pause in (0.05, 0.2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent) as server:
            assert server.stdout
            server.stdout.readline()
            time.sleep(pause)
            server.kill()
    history = house.store.read(lambda t: alias_history(t, "large", "champion"))
    numbers = [change.number for change in history]
    assert numbers == list(range(len(numbers), 0, -1))
    assert all(later.previous == earlier.version for later, earlier in itertools.pairwise(history))
    version = house.store.read(lambda t: alias_version(t, "large", "champion"))
    assert version == history[0].version
    house.look_after_endpoints()

    def followed() -> str:
        events = house.store.read(lambda t: history_of(t, "large"))
        return next((event.model for event in events if event.event != "deployed"), "")

    eventually(lambda: followed() == f"large@{version}", SECONDS)
    settles_on(house, f"large@{version}")
