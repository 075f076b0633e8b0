"""64 clients on one endpoint for a minute, through two moves of its alias and a rollback: what is wrong or dropped?

Run: uv run python -m benchmarks.endpoint_load [SECONDS]; it ends with 1 where something was.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.endpoint_clients import Load, put_load
from mlsteward.config import Settings
from mlsteward.data.engine import connect
from mlsteward.runs.endpoint_status import endpoint_status, wait_settled
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.store.aliases import set_alias
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, find_deployment, place, roll_back, stop
from mlsteward.workspace import Workspace
from tests.served_models import add_versions, rows_of, scores_of

CLIENTS = 64
ROWS = 200
BY = By("benchmark")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Workspace(Settings(workspace=Path(folder), data=[]))) as house,
    ):
        add_versions(house, 3)
        promote(house, 1)
        serve(house)
        try:
            load = measure(house, seconds)
            lost = load.request_ids - written_down(house)
            report(load, lost)
        finally:
            house.store.write(lambda t: stop(t, "large", by=BY))
            house.look_after_endpoints()
            wait(house)
    sys.exit(bool(load.wrong or load.dropped or lost))


def promote(house: Workspace, version: int) -> None:
    house.store.write(lambda t: set_alias(t, "large", "champion", version, run=None, actor="benchmark", reason=""))


def serve(house: Workspace) -> None:
    now = datetime.now(UTC)
    wanted = Deployment(name="large", asked="large@champion", model="large@1", created=now, changed=now)
    EndpointFolder.of(house.folder, "large").path.mkdir(parents=True)
    house.store.write(lambda t: place(t, wanted, event="deployed", by=BY))
    house.look_after_endpoints()
    wait(house)


def wait(house: Workspace) -> float:
    """Seconds until the endpoint serves what it should."""
    started = time.monotonic()
    deployment = house.store.read(lambda t: find_deployment(t, "large"))
    status = wait_settled(house.folder, deployment, 180, lambda done, words: None)
    assert status.settled, status
    return time.monotonic() - started


def measure(house: Workspace, seconds: float) -> Load:
    address = endpoint_status(house.folder, house.store.read(lambda t: find_deployment(t, "large"))).address
    expected = {f"large@{version}": scores_of(version, ROWS) for version in (1, 2, 3)}
    started = time.monotonic()
    deeds: list[tuple[str, Callable[[], object]]] = [
        ("alias to large@2", lambda: promote(house, 2)),
        ("alias to large@3", lambda: promote(house, 3)),
        ("rollback", lambda: house.store.write(lambda t: roll_back(t, "large", by=BY))),
    ]

    def changes() -> None:
        for place_, (what, deed) in enumerate(deeds, start=1):
            time.sleep(max(0.0, started + seconds * place_ / 4 - time.monotonic()))
            deed()
            # The supervisor sees what was committed at its next look.
            time.sleep(0.5)
            print(f"{what}: in force after {wait(house) + 0.5:.1f} s")
        time.sleep(max(0.0, started + seconds - time.monotonic()))

    async def both() -> Load:
        changing = asyncio.create_task(asyncio.to_thread(changes))
        load = await put_load(address, rows_of(ROWS), expected, clients=CLIENTS, going_on=lambda: not changing.done())
        await changing
        return load

    return asyncio.run(both())


def written_down(house: Workspace) -> set[str]:
    with connect(threads=1) as connection:
        relation = prediction_tables(house.folder, "large")
        return {one for (one,) in connection.execute(f"SELECT DISTINCT request_id FROM {relation}").fetchall()}


def report(load: Load, lost: set[str]) -> None:
    rate = load.requests / load.seconds
    print(f"{CLIENTS} clients, {load.seconds:.0f} s, {load.requests:,} requests ({rate:,.0f} a second)")
    print(f"answered by {dict(load.models)}")
    print(f"wrong: {len(load.wrong)} (to reach: 0); dropped: {len(load.dropped)} (to reach: 0)")
    print(f"answered and not in the prediction log: {len(lost)} (to reach: 0)")
    median = load.percentile(50)
    high, slowest = load.percentile(99) / median, load.percentile(100) / median
    print(f"latency over its median: 99 % {high:.1f} x, slowest {slowest:.1f} x")
    for one in [*load.wrong[:5], *load.dropped[:5]]:
        print(f"  {one}")


if __name__ == "__main__":
    main()
