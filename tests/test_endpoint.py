"""What an endpoint answers: the Open Inference Protocol, plain rows, hostile ones, and what its log holds of them."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.engine import connect
from mlsteward.serving.endpoint import guard
from mlsteward.serving.endpoint.app import EndpointApp, InForce
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel
from mlsteward.serving.endpoint.guard import BODY_LIMIT, Guard
from mlsteward.serving.endpoint.served import Served
from mlsteward.serving.endpoint.serving import features_of
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.serving.segments import SegmentWriter
from mlsteward.serving.single_row import SingleRow
from mlsteward.training.bundle import ModelBundle
from tests.single_row_models import LATER, fitted

ROW = {
    "size": 1.25,
    "city": "c3",
    "plan": "pro",
    "express": True,
    "ordered": "2024-03-01T10:00:00Z",
    "note": "late refund call",
}
TYPES = {"size": "FP64", "express": "BOOL"}


class House:
    """An endpoint without a process: its application, and what it wrote."""

    def __init__(self, folder: Path, bundle: ModelBundle, canary: ModelBundle | None = None, **desired: Any) -> None:
        self.workspace = folder
        self.wanted = Desired(deployment="delay", number=1, model=ServedModel(label="delay@3", path="", sha256=""))
        self.wanted = self.wanted.model_copy(update=desired)
        force = InForce(
            desired=self.wanted,
            champion=self._served("delay@3", bundle),
            canary=self._served("delay@4", canary) if canary else None,
            shadow=None,
            guard=Guard(self.wanted.host, self.wanted.token_hashes, self.wanted.allowed_hosts),
        )
        writer = SegmentWriter(EndpointFolder.of(folder, "delay").predictions, features_of(force))
        self.app = EndpointApp(force, writer)

    def _served(self, label: str, bundle: ModelBundle) -> Served:
        model = ServedModel(label=label, path="", sha256="")
        return Served(model, SingleRow(bundle), key=self.wanted.key, unlogged=self.wanted.unlogged)

    def ask(
        self, path: str, body: Any = None, *, method: str = "", chunks: list[bytes] | None = None, **headers: Any
    ) -> tuple[int, Any]:
        """Status and parsed body; what is no bytes is sent as JSON, `chunks` one by one."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        parts = list(chunks or [raw or b""])
        given = {"host": "127.0.0.1:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": method or ("GET" if raw is None and not chunks else "POST"),
            "path": path,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"] or b"null")

    def predict(self, body: Any, **headers: Any) -> Any:
        status, found = self.ask("/predict", body, **headers)
        assert status == 200, found
        return found

    def refused(self, body: Any, **headers: Any) -> str:
        status, found = self.ask("/predict", body, **headers)
        assert status == 400, found
        return found["error"]

    def log(self, columns: str) -> list[tuple[Any, ...]]:
        with connect(threads=1) as connection:
            table = prediction_tables(self.workspace, "delay")
            return connection.execute(f"SELECT {columns} FROM {table} ORDER BY time").fetchall()


@pytest.fixture(scope="module")
def boosting() -> ModelBundle:
    return fitted("binary", "hist_gradient_boosting")


@pytest.fixture(scope="module")
def numbers() -> ModelBundle:
    bundle = fitted("regression", "ridge")
    bundle.conformal = 2.5
    return bundle


@pytest.fixture
def house(tmp_path: Path, boosting: ModelBundle) -> Iterator[House]:
    made = House(tmp_path, boosting)
    yield made
    made.app.writer.close()


def test_a_row_gets_what_the_model_says_of_it_with_version_and_id(house: House, boosting: ModelBundle) -> None:
    found = house.predict(ROW)
    assert (found["deployment"], found["model"], found["role"]) == ("delay", "delay@3", "champion")
    (one,) = found["predictions"]
    assert one["scores"]["yes"] == one["score"]
    assert sum(one["scores"].values()) == pytest.approx(1)
    assert one["prediction"] == ("yes" if one["score"] >= 0.5 else "no")
    assert len(one["prediction_id"]) == 28


def test_rows_of_a_request_score_as_their_table_does(house: House, boosting: ModelBundle) -> None:
    table = LATER.head(40)
    rows = json.loads(table[list(ROW)].to_json(orient="records", date_format="iso") or "")
    found = house.predict({"rows": rows})
    scores = boosting.raw_scores(table)[:, 1]
    assert [one["score"] for one in found["predictions"]] == pytest.approx(list(scores), abs=1e-12)


def test_keys_of_the_caller_are_kept(house: House) -> None:
    found = house.predict({"rows": [ROW, ROW, ROW], "keys": ["order 1", 2, None], "request_id": "mine"})
    assert found["request_id"] == "mine"
    assert [one["key"] for one in found["predictions"]] == ["order 1", "2", None]
    assert house.log("request_id, key") == [("mine", "order 1"), ("mine", "2"), ("mine", None)]


def test_a_column_of_the_rows_can_be_the_key(tmp_path: Path, boosting: ModelBundle) -> None:
    house = House(tmp_path, boosting, key="order_id")
    found = house.predict([{**ROW, "order_id": 17}, {**ROW, "order_id": 18.0}])
    assert [one["key"] for one in found["predictions"]] == ["17", "18"]
    assert found["notes"] == []
    house.app.writer.close()


def test_what_was_answered_is_in_the_log_before(house: House) -> None:
    found = house.predict([ROW], x_request_id="from a header")["predictions"][0]
    (row,) = house.log(
        "prediction_id, request_id, deployment, model, role, prediction, score, scores, error, latency_ms > 0,"
        " features.size, features.express, features.ordered::VARCHAR, features.city,"
        " abs(epoch(time) - epoch(now())) < 9"
    )
    assert row == (
        found["prediction_id"],
        "from a header",
        "delay",
        "delay@3",
        "champion",
        found["prediction"],
        found["score"],
        [found["scores"]["no"], found["scores"]["yes"]],
        None,
        True,
        1.25,
        True,
        "2024-03-01 10:00:00",
        "c3",
        True,
    )


def test_a_regression_answers_with_its_interval(tmp_path: Path, numbers: ModelBundle) -> None:
    house = House(tmp_path, numbers)
    (one,) = house.predict(ROW)["predictions"]
    assert one["prediction_high"] - one["prediction_low"] == pytest.approx(5)
    assert one["score"] == one["prediction"]
    assert house.log("prediction, score, scores") == [(str(one["prediction"]), one["score"], None)]
    house.app.writer.close()


def test_columns_that_are_not_to_be_logged_are_neither_written_nor_hinted_at(
    tmp_path: Path, boosting: ModelBundle
) -> None:
    house = House(tmp_path, boosting, unlogged=["City", "size"])
    assert house.predict({**ROW, "city": "c33333", "size": 1e9})["notes"] == []
    assert house.log("features.city, features.size, features.plan") == [(None, None, "pro")]
    house.app.writer.close()


def test_what_training_did_not_see_is_noted_with_what_was_close(house: House) -> None:
    found = house.predict([{**ROW, "plan": "prof", "size": 99, "colour": "red"}])
    assert found["notes"][0].startswith("size: '99' (row 1) outside ")
    assert found["notes"][1] == "plan: 'prof' (row 1) not seen in training (did you mean 'pro'?)"
    assert found["notes"][2] == "not used by the model: colour"


def test_names_in_another_case_and_numbers_in_texts_are_taken(house: House) -> None:
    odd = {**{name.upper(): value for name, value in ROW.items()}, "SIZE": "1.25", "EXPRESS": "yes"}
    assert house.predict(odd)["predictions"][0]["score"] == house.predict(ROW)["predictions"][0]["score"]


def test_missing_values_are_null_and_noted_where_training_had_none(house: House) -> None:
    found = house.predict(dict.fromkeys(ROW))
    assert 0 < found["predictions"][0]["score"] < 1
    words = "no value in row 1, which no row of training lacked"
    assert found["notes"] == [f"{column}: {words}" for column in ("city", "express", "ordered", "note")]


HOSTILE = [
    (b"", "no JSON"),
    (b"{", "no JSON"),
    (b"\xff\xfe\x00", "not UTF-8"),
    (b"[" * 50_000, "nested too deeply"),
    (b'{"a":' * 50_000, "nested too deeply"),
    (b"NaN", "NaN is no JSON"),
    (b'{"size": Infinity}', "Infinity is no JSON"),
    (b'{"size": ' + b"9" * 5000 + b"}", "no JSON"),
    (b"5", "is a number"),
    (b"null", "is null"),
    (b"[]", "no row"),
    (b"{}", "column `size` is missing"),
    (b"[5]", "Row 1 is a number"),
    (b'{"rows": []}', "no row"),
    (b'{"rows": [[]]}', "Row 1 is a list"),
    (b'{"rows": [{}], "sql": 1}', "not `sql`"),
    ([{**ROW, "size": "big"}], 'row 1, size: "big" is not a number'),
    ([{**ROW, "size": True}], "row 1, size: true is not a number"),
    ([{**ROW, "size": 10**400}], "size: "),
    ([{**ROW, "size": 1e39}], "larger than the numbers"),
    (json.dumps(ROW).replace("1.25", "1e999").encode(), "is not a finite number"),
    ([{**ROW, "size": "nan"}], "is not a finite number"),
    ([{**ROW, "size": [1]}], "is not a single value"),
    ([{**ROW, "size": {"a": 1}}], "is not a single value"),
    ([{**ROW, "express": "perhaps"}], "neither true nor false"),
    ([{**ROW, "ordered": "yesterday"}], "is no date or time"),
    ([{**ROW, "ordered": "0001-01-01T00:00:00+14:00"}], "outside the years"),
    ([{**ROW, "ordered": 1e300}], "is no date or time"),
    ([{**ROW, "city": "\ud800"}], "no valid Unicode"),
    ([ROW, {name: value for name, value in ROW.items() if name != "city"} | {"citty": "c1"}], "is `citty` meant"),
    ({"rows": [ROW], "keys": ["a", "b"]}, "2 values for 1 rows"),
    ({"rows": [ROW], "keys": [["a"]]}, "A key is a list"),
    ({"rows": [ROW], "keys": "a"}, "`keys` is a text"),
    ({"rows": [ROW], "keys": ["\ud83d"]}, "no valid Unicode"),
    ({"rows": [ROW], "request_id": {"a": 1}}, "`request_id` is an object"),
    ({"rows": [ROW], "request_id": "x" * 600}, "longer than 512"),
    ([ROW] * 1001, "more than the 1000"),
]


def test_hostile_rows_are_refused_in_words_and_counted_without_their_values(house: House) -> None:
    for body, words in HOSTILE:
        assert words in house.refused(body), str(body)[:80]
    logged = house.log("error, prediction, score, features, role, model")
    assert len(logged) == len(HOSTILE)
    assert {row[1:] for row in logged} == {(None, None, None, "champion", "delay@3")}
    assert logged[16][0] == "rows do not fit the signature: size"
    assert house.predict(ROW)


def test_what_was_meant_is_looked_for_among_a_bounded_number_of_names(house: House) -> None:
    few = {**{f"x{number}": 0 for number in range(50)}, "citty": 1}
    assert "is `citty` meant" in house.refused([few])
    many = {**{f"x{number}": 0 for number in range(3000)}, "citty": 1}
    words = house.refused([many] * 30)
    assert "180 things are wrong" in words
    assert "citty" not in words


def test_odd_texts_come_back_from_the_log_as_they_were(house: House) -> None:
    texts = ["", "\0", "a\nb", "'; DROP TABLE x; --", '"', "\\", "é😀", "x" * 100_000, "\u2028", "{}"]
    house.predict({"rows": [{**ROW, "note": text} for text in texts], "keys": [text[:500] for text in texts]})
    assert house.log("features.note") == [(text,) for text in texts]
    assert house.log("key") == [(text[:500],) for text in texts]


def test_a_body_may_not_be_larger_than_said(house: House) -> None:
    assert house.ask("/predict", b"{}", content_length=str(BODY_LIMIT + 1))[0] == 413
    assert house.ask("/predict", b"{}", content_length="many")[0] == 413
    assert house.ask("/predict", b"{}", content_length="-5")[0] == 413
    assert house.ask("/predict", chunks=[b"x" * (BODY_LIMIT // 2)] * 3)[0] == 413
    status, _ = house.ask("/predict", chunks=[b'[{"si', b'ze": 1}]'])
    assert status == 400


@pytest.mark.parametrize("first", [b"", b"["], ids=["not begun", "begun"])
def test_a_body_may_not_take_for_ever(monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.02)

    async def receive() -> dict[str, Any]:
        if begun.is_set() or not first:
            await asyncio.Event().wait()
        begun.set()
        return {"type": "http.request", "body": first, "more_body": True}

    async def ask() -> None:
        with pytest.raises(guard.Turned) as turned:
            await guard.read_body({}, receive)
        assert turned.value.status == 408

    begun = asyncio.Event()
    asyncio.run(ask())


def test_a_token_is_needed_where_there_is_one(tmp_path: Path, boosting: ModelBundle) -> None:
    hashes = [hashlib.sha256(secret.encode()).hexdigest() for secret in ("mls_first", "mls_second")]
    house = House(tmp_path, boosting, token_hashes=hashes)
    for path in ("/predict", "/v2/models/delay/infer", "/v2/models/delay", "/v2", "/nowhere"):
        for given in ("", "Bearer wrong", "Basic mls_first", "Bearer"):
            assert house.ask(path, authorization=given)[0] == 401
    assert house.ask("/predict", [ROW], authorization="Bearer mls_second")[0] == 200
    assert house.ask("/predict", [ROW], authorization="bearer mls_first")[0] == 200
    assert house.ask("/v2/health/ready") == (200, {"ready": True})
    house.app.writer.close()


def test_an_open_address_lets_nobody_in_without_a_token(tmp_path: Path, boosting: ModelBundle) -> None:
    house = House(tmp_path, boosting, host="0.0.0.0", allowed_hosts=["*"])
    assert house.ask("/predict", [ROW])[0] == 401
    house.app.writer.close()


def test_other_names_and_origins_are_turned_away(house: House) -> None:
    assert house.ask("/predict", [ROW], host="evil.example")[0] == 421
    assert house.ask("/predict", [ROW], host="")[0] == 421
    assert house.ask("/predict", [ROW], origin="https://evil.example")[0] == 403
    assert house.ask("/predict", [ROW], host="[::1]:9000", origin="http://localhost:3000")[0] == 200
    assert house.ask("/v2/health/live", host="evil.example")[0] == 200


def test_other_paths_and_methods_are_told_what_there_is(house: House) -> None:
    status, found = house.ask("/prediction", [ROW])
    assert status == 404
    assert "POST /predict" in found["error"]
    assert house.ask("/predict", method="GET")[0] == 405
    assert house.ask("/v2/models/delay", [ROW])[0] == 405
    assert house.ask("/v2/models/other/infer", {})[1]["error"].endswith("`delay` is served.")
    assert house.ask("/v2/models/delay/explain", {})[0] in (404, 405)
    assert house.ask("/v2/models/delay/versions/9/ready")[0] == 404
    assert house.ask("/v2/health/live", method="HEAD") == (200, None)


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": [len(rows)], "datatype": TYPES.get(name, "BYTES"), "data": [row[name] for row in rows]}
        for name in ROW
    ]


def test_the_open_inference_protocol_is_spoken(house: House) -> None:
    assert house.ask("/v2")[1] == {"name": "mlsteward", "version": "2", "extensions": []}
    assert house.ask("/v2/models/delay/ready") == (200, {"name": "delay", "ready": True})
    assert house.ask("/v2/models/delay/versions/3/ready")[0] == 200
    _, metadata = house.ask("/v2/models/delay/versions/3")
    assert metadata["versions"] == ["3"]
    assert metadata["inputs"][0] == {"name": "size", "datatype": "FP64", "shape": [-1]}
    assert metadata["outputs"][1] == {"name": "scores", "datatype": "FP64", "shape": [-1, 2]}
    status, found = house.ask("/v2/models/delay/versions/3/infer", {"id": "42", "inputs": tensors([ROW, ROW])})
    assert status == 200, found
    plain = house.predict(ROW)["predictions"][0]
    assert (found["model_name"], found["model_version"], found["id"]) == ("delay", "3", "42")
    outputs = {one["name"]: one for one in found["outputs"]}
    assert outputs["prediction"]["data"] == [plain["prediction"]] * 2
    assert outputs["scores"]["shape"] == [2, 2]
    assert outputs["scores"]["data"][1] == plain["score"]
    assert outputs["prediction_id"]["data"][0] == house.log("prediction_id")[0][0]


def test_only_the_outputs_that_are_wanted_come(house: House) -> None:
    asked = {"inputs": tensors([ROW]), "outputs": [{"name": "scores"}], "parameters": {"keys": ["k"]}}
    _, found = house.ask("/v2/models/delay/infer", asked)
    assert [one["name"] for one in found["outputs"]] == ["scores"]
    assert house.log("key, prediction_id") == [("k", *found["parameters"]["prediction_ids"])]
    status, found = house.ask("/v2/models/delay/infer", {**asked, "outputs": [{"name": "score"}]})
    assert status == 400
    assert "Did you mean `scores`" in found["error"]


def test_one_tensor_may_hold_all_columns(tmp_path: Path) -> None:
    bundle = fitted("regression", "ridge")
    house = House(tmp_path, bundle)
    values = [1.5, "c1", "pro", True, "2024-03-01", "call"]
    tensor = {"name": "input-0", "shape": [2, 6], "datatype": "BYTES", "data": [[str(one) for one in values]] * 2}
    status, found = house.ask("/v2/models/delay/infer", {"inputs": [tensor]})
    assert status == 200, found
    assert len(found["outputs"][0]["data"]) == 2
    house.app.writer.close()


def test_hostile_tensors_are_refused_in_words(house: House) -> None:
    size = {"name": "size", "shape": [1], "datatype": "FP64", "data": [1.0]}
    for inputs, words in [
        ("x", "no list `inputs`"),
        ([], "of different lengths, or there are none"),
        ([5], "Input 1 has no `name`"),
        ([{**size, "shape": [2]}], "1 values, and its shape says 2"),
        ([{**size, "shape": [-1]}], "no shape"),
        ([{**size, "shape": [10**30]}], "its shape says"),
        ([{**size, "shape": [1, 1, 1]}], "no shape"),
        ([{**size, "shape": [True]}], "no shape"),
        ([{**size, "datatype": "FP46"}], "Did you mean"),
        ([{**size, "data": ["x"]}], "is said to be FP64"),
        ([{**size, "data": [True]}], "is said to be FP64"),
        ([{**size, "data": [[[[[[[[[[[1.0]]]]]]]]]]]}], "nested too deeply"),
        ([size, size], "Two inputs are called"),
        ([size, {**size, "name": "city", "shape": [2], "data": [1, 2]}], "different lengths"),
        ([size], "column `city` is missing"),
        ([{**size, "shape": [0], "data": []}], "no row"),
        ([{**size, "shape": [1, 3], "data": [1, 2, 3]}], "has 3 columns, and the model 6"),
    ]:
        status, found = house.ask("/v2/models/delay/infer", {"inputs": inputs})
        assert status == 400, inputs
        assert words in found["error"]


def test_a_canary_gets_its_share_and_a_key_always_the_same_model(tmp_path: Path, boosting: ModelBundle) -> None:
    house = House(tmp_path, boosting, fitted("binary", "dummy"), canary_percent=25.0)
    roles = [house.predict({"rows": [ROW], "keys": [f"k{number}"]})["role"] for number in range(200)]
    assert 30 <= roles.count("canary") <= 70
    assert [house.predict({"rows": [ROW], "keys": [f"k{number}"]})["role"] for number in range(200)] == roles
    assert dict(house.log("role || ' ' || model, count(*) OVER (PARTITION BY role)")) == {
        "canary delay@4": 2 * roles.count("canary"),
        "champion delay@3": 2 * roles.count("champion"),
    }
    _, found = house.ask("/v2/models/delay/versions/4/infer", {"inputs": tensors([ROW])})
    assert found["parameters"]["role"] == "canary"
    house.app.writer.close()


def test_nothing_is_answered_that_cannot_be_written_down(house: House) -> None:
    house.predict(ROW)
    house.app.writer._descriptor, kept = -1, house.app.writer._descriptor  # pyright: ignore[reportPrivateUsage]
    status, found = house.ask("/predict", [ROW])
    house.app.writer._descriptor = kept  # pyright: ignore[reportPrivateUsage]
    assert status == 503
    assert "the prediction log cannot be written" in found["error"]
    house.predict(ROW)
    assert len(house.log("*")) == 2


def test_a_crash_is_a_reference_and_the_next_request_is_answered(house: House, boosting: ModelBundle) -> None:
    house.app.in_force.champion.row.members.clear()
    status, found = house.ask("/predict", [ROW])
    assert status == 500
    assert "reference" in found["error"]
    assert house.log("error") == [("failed: IndexError",)]
