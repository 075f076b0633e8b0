"""A canary inside an endpoint's application: who is drawn, what counts, and when it gets no more requests."""

import asyncio
import json
import shutil
import signal
from pathlib import Path
from typing import Any

from mlsteward.serving.endpoint.app import EndpointApp, InForce
from mlsteward.serving.endpoint.canary_guard import CanaryGuard, read_counts
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel
from mlsteward.serving.endpoint.guard import Guard
from mlsteward.serving.endpoint.served import Served
from mlsteward.serving.endpoint.serving import Serving, features_of
from mlsteward.serving.segments import SegmentWriter
from mlsteward.serving.single_row import SingleRow
from tests.served_models import bundle_of, rows_of


class FailingRow(SingleRow):
    """A model that cannot score anything."""

    def scores(self, rows: Any) -> Any:
        raise ZeroDivisionError


class House:
    """An endpoint's application with a canary that fails, for a quarter of the requests."""

    def __init__(self, folder: Path) -> None:
        self.folder = EndpointFolder.of(folder, "large")
        labels = [ServedModel(label=f"large@{version}", path="", sha256="") for version in (1, 2)]
        desired = Desired(
            deployment="large", number=1, model=labels[0], canary=labels[1], canary_percent=25, canary_since=2
        )
        force = InForce(
            desired=desired,
            champion=Served(labels[0], SingleRow(bundle_of(1))),
            canary=Served(labels[1], FailingRow(bundle_of(2))),
            shadow=None,
            guard=Guard(desired.host, [], []),
            watch=CanaryGuard(self.folder.path, champion="large@1", canary="large@2", percent=25, since=2),
        )
        self.app = EndpointApp(force, SegmentWriter(self.folder.predictions, features_of(force)))

    def predict(self, row: dict[str, Any], key: str = "", path: str = "/predict") -> int:
        """The status of a request for one row."""
        body = json.dumps({"rows": [row], **({"keys": [key]} if key else {})}).encode()
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            statuses.append(message.get("status", 0))

        headers = [(b"host", b"127.0.0.1")]
        asyncio.run(self.app({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send))
        return statuses[0]


def test_a_canary_that_fails_is_stopped_after_a_few_requests_and_the_champion_answers_all(tmp_path: Path) -> None:
    house = House(tmp_path)
    row = rows_of(1)[0]
    statuses = [house.predict(row) for _ in range(200)]
    failed = statuses.count(500)
    assert 0 < failed < 20
    assert 500 not in statuses[-100:]
    counts = read_counts(house.folder.path)
    assert counts
    assert counts.stopped.startswith(f"large@2 did worse than large@1: errors: {failed} of {failed} against 0 of ")


def test_what_a_caller_did_wrong_says_nothing_against_the_canary(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert {house.predict({"size": "tall"}) for _ in range(100)} == {400}
    assert house.app.in_force.watch
    assert house.app.in_force.watch.counts.errors.canary == 0


def test_the_same_key_always_comes_to_the_same_model(tmp_path: Path) -> None:
    house = House(tmp_path)
    force = house.app.in_force
    roles = {f"customer {number}": force.choose("r", [f"customer {number}"])[1] for number in range(400)}
    assert all(force.choose("other", [key])[1] == role for key, role in roles.items())
    assert 60 < list(roles.values()).count("canary") < 140


def test_an_endpoint_whose_workspace_is_deleted_bit_by_bit_ends_itself(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.folder.write_desired(house.app.in_force.desired)
    serving = Serving(house.folder, house.app, port=1)
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        asyncio.run(serving.look())
        house.folder.desired_file.unlink()
        asyncio.run(serving.look())
        assert heard == []
        shutil.rmtree(house.folder.path)
        asyncio.run(serving.look())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
