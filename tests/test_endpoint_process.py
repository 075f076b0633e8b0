"""An endpoint as a process: it starts, exchanges models under load, is killed, comes back and ends."""

import json
import threading
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.engine import connect
from mlsteward.runs.alive import lock_is_free
from mlsteward.serving.endpoint.desired import Desired, ServedModel
from mlsteward.serving.endpoint.main import CANNOT_START, STARTED_BEFORE
from mlsteward.serving.prediction_log import prediction_tables
from tests.endpoints import Endpoint, running, save
from tests.single_row_models import LATER, fitted
from tests.test_endpoint import ROW


class Client(threading.Thread):
    """Asks one row after the other over one connection, and keeps every answer."""

    def __init__(self, endpoint: Endpoint, rows: list[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.rows = rows
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.wrong: list[object] = []
        self.enough = threading.Event()

    def run(self) -> None:
        connection = self.endpoint.connect()
        number = 0
        while not self.enough.is_set():
            place = number % len(self.rows)
            number += 1
            try:
                connection.request("POST", "/predict", json.dumps({"rows": [self.rows[place]], "keys": [number]}))
                response = connection.getresponse()
                found = json.loads(response.read())
            except (OSError, HTTPException) as error:  # the endpoint was killed, or dropped the request
                self.wrong.append(error)
                break
            if response.status != 200:
                self.wrong.append(found)
            else:
                self.answers.append((place, found))
            self.enough.wait(0.1)
        connection.close()

    def stop(self) -> None:
        self.enough.set()
        self.join(30)


def load(endpoint: Endpoint, rows: list[dict[str, Any]]) -> list[Client]:
    clients = [Client(endpoint, rows) for _ in range(4)]
    for client in clients:
        client.start()
    return clients


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ServedModel, ServedModel, dict[str, list[float]]]:
    """A workspace with two versions, and what each says of the first rows of LATER."""
    workspace = tmp_path_factory.mktemp("workspace")
    bundles = {"delay@1": fitted("binary", "logistic_regression"), "delay@2": fitted("binary", "decision_tree")}
    one, two = (save(workspace, label, bundle) for label, bundle in bundles.items())
    expected = {label: list(bundle.raw_scores(LATER.head(20))[:, 1]) for label, bundle in bundles.items()}
    return workspace, one, two, expected


def logged(workspace: Path, role: str = "role <> 'shadow'") -> dict[str, str]:
    """The model of each prediction in the log."""
    with connect(threads=1) as connection:
        table = prediction_tables(workspace, "delay")
        found = connection.execute(f"SELECT prediction_id, model FROM {table} WHERE {role}").fetchall()
    assert len(found) == len(dict(found))
    return dict(found)


def test_an_endpoint_lives_through_swaps_shadows_kills_and_ends(
    models: tuple[Path, ServedModel, ServedModel, dict[str, list[float]]],
) -> None:
    workspace, one, two, expected = models
    rows = json.loads(LATER.head(20)[list(ROW)].to_json(orient="records", date_format="iso") or "")
    given: dict[str, str] = {}
    with running(workspace, Desired(deployment="delay", number=1, model=one)) as endpoint:
        clients = load(endpoint, rows)
        swapped = endpoint.change(model=two, shadow=one)
        assert (swapped.model, swapped.shadow, swapped.served, swapped.refused) == ("delay@2", "delay@1", 2, "")
        back = endpoint.change(model=one, canary=two, canary_percent=50.0, shadow=None)
        assert (back.model, back.canary, back.shadow) == ("delay@1", "delay@2", "")
        kept = endpoint.change(model=ServedModel(label="delay@3", path=one.path, sha256="0" * 64))
        assert (kept.model, kept.served) == ("delay@1", 3)
        assert "is not the registered one" in kept.refused
        for client in clients:
            client.stop()
        assert [wrong for client in clients for wrong in client.wrong] == []
        answers = [answer for client in clients for answer in client.answers]
        assert {found["model"] for _, found in answers} == {"delay@1", "delay@2"}
        for place, found in answers:
            (said,) = found["predictions"]
            assert said["score"] == pytest.approx(expected[found["model"]][place], abs=1e-9)
            given[said["prediction_id"]] = found["model"]
        state = endpoint.state
        assert not lock_is_free(endpoint.folder.alive)
        second = Endpoint(workspace, endpoint.desired)
        with pytest.raises(AssertionError, match="another endpoint serves delay"):
            second.start()
        assert second.process is not None
        assert second.process.wait() == STARTED_BEFORE
        endpoint.folder.write_state(state)
        clients = load(endpoint, rows)
        while sum(len(client.answers) for client in clients) < 50:
            clients[0].join(0.01)
        endpoint.kill()
        for client in clients:
            client.stop()
        for _, found in [answer for client in clients for answer in client.answers]:
            given[found["predictions"][0]["prediction_id"]] = found["model"]
        assert lock_is_free(endpoint.folder.alive)
        written = logged(workspace)
        assert {name: written[name] for name in given} == given
        shadows = logged(workspace, "role = 'shadow'")
        assert set(shadows.values()) == {"delay@1"}
        assert shadows.keys() <= written.keys()
        endpoint.desired = Desired(deployment="delay", number=9, model=one, port=state.port)
        endpoint.start()
        assert endpoint.state.port == state.port
        assert endpoint.predict(ROW)["model"] == "delay@1"
        assert endpoint.stop() == 0
        assert len(logged(workspace)) == len(written) + 1
        assert lock_is_free(endpoint.folder.alive)


def test_what_cannot_be_served_ends_in_words(
    models: tuple[Path, ServedModel, ServedModel, dict[str, list[float]]],
) -> None:
    workspace, one, _, _ = models
    for changes, words in [
        ({"host": "0.0.0.0"}, "needs a token first"),
        ({"model": one.model_copy(update={"path": "gone.skops"})}, "The model file gone.skops is gone"),
    ]:
        desired = Desired(deployment="other", number=1, model=one).model_copy(update=changes)
        endpoint = Endpoint(workspace, desired)
        with pytest.raises(AssertionError, match=words):
            endpoint.start()
        assert endpoint.process is not None
        assert endpoint.process.wait() == CANNOT_START
