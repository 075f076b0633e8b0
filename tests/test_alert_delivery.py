"""Alerts reach a real webhook and a real command, once each, and nobody waits for them."""

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import anyio.to_thread
import pytest
from pydantic import ValidationError

from mlsteward.config import Settings
from mlsteward.runs.alert_delivery import AlertDelivery
from mlsteward.runs.alert_message import message_of
from mlsteward.server.cli import main
from mlsteward.store.alert_deliveries import LEASE, claim_deliveries, deliveries_since
from mlsteward.store.alert_events import AlertEvent
from mlsteward.store.alerts import Finding, raise_alerts
from mlsteward.store.store import Store
from tests.conftest import assistant_of, new_workspace

BROKEN = Finding(
    asset="dataset:flights@3", check="volume", severity="error", words="half the rows are gone", evidence={"rows": 500}
)
LATER = datetime.now(UTC) + timedelta(days=1)


class Receiver:
    """A webhook on this machine: `answers` are given one after the other, then 204."""

    def __init__(self, *answers: int) -> None:
        self.messages: Queue[dict[str, Any]] = Queue()
        self.codes = list(answers)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = receiver.codes.pop(0) if receiver.codes else 204
                self.send_response(code)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                receiver.messages.put(json.loads(body) | {"path": self.path})

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=s3cret"

    def take(self) -> dict[str, Any]:
        return self.messages.get(timeout=20)


@contextmanager
def receiving(*answers: int) -> Generator[Receiver]:
    receiver = Receiver(*answers)
    thread = threading.Thread(target=receiver.server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.duckdb")
    yield store
    store.close()


def send(store: Store, *findings: Finding, pauses: tuple[float, ...] = (0.01, 0.01), **targets: str) -> AlertDelivery:
    store.write(lambda t: raise_alerts(t, findings, run=None))
    delivery = AlertDelivery(store, pauses=pauses, **targets)
    delivery.wake()
    return delivery


def outcome(store: Store) -> list[tuple[int, int, int, str]]:
    found = store.read(lambda t: deliveries_since(t, datetime(2020, 1, 1, tzinfo=UTC)))
    return [(one.delivered, one.waiting, one.failed, one.error) for one in found]


def settled(store: Store, wanted: Callable[[list[tuple[int, int, int, str]]], bool]) -> list[tuple[int, int, int, str]]:
    """What came of sending, once the thread has written it."""
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while not wanted(found := outcome(store)):
        assert datetime.now(UTC) < deadline, found
    return found


def test_the_words_of_a_message_are_told_from_its_note_and_from_what_lies_downstream() -> None:
    payload = {
        "asset": "dataset:flights",
        "severity": "error",
        "words": "half the rows",
        "downstream": ["model:delay@2"],
    }
    event = AlertEvent(
        number=3,
        alert=1,
        created=LATER,
        event="resolved",
        state="resolved",
        actor="ann",
        client="",
        note="came twice",
        payload=payload,
    )
    assert message_of(event)["text"] == (
        "[error] alert:1 resolved (came twice): dataset:flights: half the rows. Downstream: model:delay@2."
    )


def test_a_webhook_is_told_what_failed_where_and_what_lies_downstream(store: Store) -> None:
    with receiving() as webhook:
        delivery = send(store, BROKEN, webhook=webhook.url)
        message = webhook.take()
        delivery.close()
    assert (message["schema"], message["id"], message["event"]) == ("mlsteward.alert/1", 1, "raised")
    assert message["text"] == "[error] alert:1 raised: dataset:flights: half the rows are gone"
    alert = message["alert"]
    assert (alert["asset"], alert["check"], alert["evidence"]) == ("dataset:flights", "volume", {"rows": 500})
    assert (alert["version"], alert["count"], alert["state"], alert["downstream"]) == ("3", 1, "open", [])
    assert message["page"] == "mlsteward://alerts/1"
    assert outcome(store) == [(1, 0, 0, "")]


def test_a_command_gets_the_message_on_its_input_without_a_shell(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a file; echo $HOME"
    script = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    delivery = send(store, BROKEN, command=shlex.join([sys.executable, "-c", script, str(file)]))
    settled(store, lambda found: found[:1] == [(1, 0, 0, "")])
    delivery.close()
    assert json.loads(file.read_text("utf-8"))["alert"]["check"] == "volume"


def test_a_webhook_that_is_down_for_a_while_gets_the_message_again(store: Store) -> None:
    with receiving(503, 429) as webhook:
        delivery = send(store, BROKEN, webhook=webhook.url)
        messages = [webhook.take() for _ in range(3)]
        delivery.close()
    assert len({message["id"] for message in messages}) == 1
    assert outcome(store) == [(1, 0, 0, "")]


@pytest.mark.parametrize(
    ("answers", "tries", "error"),
    [((503,) * 9, 3, "answered 503"), ((404,), 1, "answered 404"), ((302,), 1, "answered 302")],
    ids=["is down", "is not there", "redirects"],
)
def test_a_webhook_that_never_takes_it_is_given_up_and_the_failure_is_kept(
    store: Store, answers: tuple[int, ...], tries: int, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(*answers) as webhook:
        delivery = send(store, BROKEN, webhook=webhook.url)
        paths = {webhook.take()["path"] for _ in range(tries)}
        ((delivered, waiting, failed, said),) = settled(store, lambda found: found[0][2] == 1)
        delivery.close()
        assert webhook.messages.empty()
    assert (delivered, waiting, failed, paths) == (0, 0, 1, {"/hook?key=s3cret"})
    assert error in said
    assert "given up" in caplog.text and "s3cret" not in caplog.text + said


def test_a_webhook_that_cannot_be_reached_is_tried_again(store: Store) -> None:
    delivery = send(store, BROKEN, webhook="http://127.0.0.1:9/hook")
    ((_, _, _, said),) = settled(store, lambda found: bool(found) and found[0][2] == 1)
    delivery.close()
    assert "cannot be reached" in said


@pytest.mark.parametrize(
    ("script", "error"),
    [("import sys; sys.exit('no such room')", "ended with 1: no such room")],
)
def test_a_command_that_fails_says_why(store: Store, script: str, error: str) -> None:
    delivery = send(store, BROKEN, command=shlex.join([sys.executable, "-c", script]), pauses=())
    ((_, _, _, said),) = settled(store, lambda found: bool(found) and found[0][2] == 1)
    delivery.close()
    assert error in said


def test_a_command_that_is_not_there_is_not_tried_again(store: Store) -> None:
    delivery = send(store, BROKEN, command="/nowhere/notify")
    ((_, _, _, said),) = settled(store, lambda found: bool(found) and found[0][2] == 1)
    delivery.close()
    assert "cannot be run" in said


def test_several_servers_on_one_workspace_send_each_event_once(store: Store) -> None:
    findings = [BROKEN.model_copy(update={"check": f"check_{number}"}) for number in range(20)]
    store.write(lambda t: raise_alerts(t, findings, run=None))
    others = [Store(store.path) for _ in range(3)]
    with receiving() as webhook:
        servers = [AlertDelivery(one, webhook=webhook.url) for one in (store, *others)]
        with ThreadPoolExecutor(len(servers)) as threads:
            list(threads.map(AlertDelivery.wake, servers))
        ids = sorted(webhook.take()["id"] for _ in findings)
        settled(store, lambda found: found[0][0] == len(findings))
        for server, one in zip(servers, (store, *others), strict=True):
            server.close()
            if one is not store:
                one.close()
        assert webhook.messages.empty()
    assert ids == list(range(1, 21))


def test_what_a_server_that_died_had_claimed_is_sent_by_another_when_its_lease_ends(store: Store) -> None:
    now = datetime.now(UTC)
    store.write(lambda t: raise_alerts(t, [BROKEN], run=None))

    def claim(at: datetime) -> list[int]:
        return store.write(lambda t: [one.attempts for one in claim_deliveries(t, ["webhook"], at)])

    assert claim(now) == [1]
    assert claim(now + LEASE / 2) == []
    assert claim(now + LEASE * 2) == [2]


def test_old_events_are_not_sent_when_somebody_first_names_a_webhook(store: Store) -> None:
    store.write(lambda t: raise_alerts(t, [BROKEN], run=None))
    assert store.write(lambda t: claim_deliveries(t, ["webhook"], LATER + timedelta(hours=1))) == []


def test_without_a_channel_nothing_is_started(store: Store) -> None:
    delivery = send(store, BROKEN)
    assert "mlsteward-alerts" not in {thread.name for thread in threading.enumerate()}
    delivery.close()
    assert outcome(store) == []


@pytest.mark.parametrize("address", ["ftp://example.org", "example.org/hook", "file:///etc/passwd"])
def test_a_webhook_speaks_http(address: str) -> None:
    with pytest.raises(ValidationError, match="begins with http"):
        Settings(alert_webhook=address)  # pyright: ignore[reportArgumentType] - as the environment gives it


def test_the_address_of_a_webhook_is_shown_nowhere() -> None:
    settings = Settings(alert_webhook="https://hooks.example.org/s3cret")  # pyright: ignore[reportArgumentType]
    assert "s3cret" not in repr(settings) + str(settings.model_dump_json())


def test_doctor_says_where_alerts_go_and_what_failed(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [
        "--workspace",
        str(tmp_path),
        "--data",
        str(tmp_path),
        "--alert-webhook",
        "https://hooks.example.org/s3cret",
    ]
    assert main(["doctor", *flags]) == 0
    said = capsys.readouterr().out
    assert "sent to a webhook at hooks.example.org" in said and "s3cret" not in said
    with receiving(404) as webhook:
        delivery = send(store, BROKEN, webhook=webhook.url)
        settled(store, lambda found: bool(found) and found[0][2] == 1)
        delivery.close()
    assert main(["doctor", *flags]) == 1
    assert "1 failed in 7 days; last error: the webhook answered 404" in capsys.readouterr().out


SERVER = """
import sys
from pathlib import Path
from mlsteward.config import Settings
from mlsteward.workspace import Workspace
from mlsteward.store.alerts import Finding, raise_alerts
workspace = Workspace(Settings(workspace=Path(sys.argv[1])))
found = [Finding(asset="dataset:flights@3", check="volume", severity="error", words="gone")]
workspace.store.write(lambda t: raise_alerts(t, found, run=None))
workspace.alerts.wake()
sys.stdin.readline()
workspace.close()
"""


def test_the_environment_names_the_webhook_of_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as webhook:
        monkeypatch.setenv("MLSTEWARD_ALERT_WEBHOOK", webhook.url)
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(tmp_path)], stdin=subprocess.PIPE, text=True
        ) as server:
            assert webhook.take()["event"] == "raised"
            server.communicate("done\n", timeout=20)
    assert server.returncode == 0


@pytest.mark.anyio
async def test_a_check_that_fails_on_a_new_version_is_told_to_the_webhook_and_so_is_its_end(
    tmp_path: Path, data: Path, warm: Path
) -> None:
    with receiving() as webhook:
        workspace = new_workspace(tmp_path / "workspace", data, warm, alert_webhook=webhook.url)
        async with assistant_of(workspace) as assistant:
            make = "SELECT i AS number, i % 7 AS delay FROM range({}) t(i)"
            await assistant.call("transform_dataset", name="flights", sql=make.format(300))
            await assistant.call("set_contract", dataset="flights", checks=["rows >= 200"])
            await assistant.call("transform_dataset", name="flights", sql=make.format(20))
            raised = await anyio.to_thread.run_sync(webhook.take)
            listed = await assistant.call("list_alerts", asset="flights")
            await assistant.call("transform_dataset", name="flights", sql=make.format(301))
            ended = await anyio.to_thread.run_sync(webhook.take)
            after = await assistant.call("list_alerts", asset="flights")
        workspace.close()
    assert (raised["event"], ended["event"]) == ("raised", "settled")
    assert raised["alert"]["asset"] == "dataset:flights" and raised["alert"]["version"] == "2"
    assert "300 → 20 rows" in raised["alert"]["cause"][0]
    assert [line["asset"] for line in listed["alerts"]] == ["dataset:flights"]
    assert "passed again in run:" in ended["note"] and after["total"] == 0
