"""Runs as OpenLineage events: what they say, that the official client reads them, and how they get out."""

import json
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlsteward.config import Settings
from mlsteward.dictionary.sensitivity import Level
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.exchange.openlineage import Assertion, DatasetFacts, Dependency, Field, Metrics, Parent, RunFacts
from mlsteward.exchange.openlineage import events_of as events_of_facts
from mlsteward.exchange.openlineage_names import external_dataset, job_name, masked_message
from mlsteward.lineage.edge import Edge
from mlsteward.runs.lineage_delivery import LineageDelivery, lineage_sinks, read_parent
from mlsteward.runs.lineage_export import export_lineage, read_since
from mlsteward.runs.lineage_sinks import FileSink, HttpSink, NotTaken
from mlsteward.server.cli import main
from mlsteward.store.check_results import StoredResult, add_results
from mlsteward.store.lineage import add_edges
from mlsteward.store.runs import Run, add_run, update_run
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.dataset_versions import add_rows
from tests.openlineage_client import check_event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORDERS = "order_id,customer_id,amount\n" + "".join(f"{i},{i % 40 + 1},{i / 3:.2f}\n" for i in range(1, 200))
SQL = "SELECT customer_id, sum(amount) AS total FROM orders WHERE order_id > 100 GROUP BY 1"
Event = dict[str, Any]


class Collector(ThreadingHTTPServer):
    """Takes events as Marquez does. While `answer` is not 201 it takes none."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Collecting)
        self.answer = 201
        self.events: list[Event] = []
        self.headers: list[dict[str, str]] = []
        self.asked = threading.Semaphore(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event["eventType"], event["job"]["name"]) for event in self.events]


class Collecting(BaseHTTPRequestHandler):
    server: Collector  # pyright: ignore[reportIncompatibleVariableOverride] - what serves it here

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.answer == 201:
            self.server.events.append(event)
            self.server.headers.append({**self.headers, "path": self.path})
        self.send_response(self.server.answer)
        self.end_headers()
        self.server.asked.release()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def steward(tmp_path: Path, data: Path, warm: Path) -> AsyncIterator[tuple[Workspace, Assistant]]:
    """A server that writes its events to `events.jsonl`, beside the workspace."""
    (data / "orders.csv").write_text(ORDERS)
    workspace = new_workspace(tmp_path / "workspace", data, warm, openlineage_file=tmp_path / "events.jsonl")
    async with assistant_of(workspace) as assistant:
        yield workspace, assistant
    workspace.close()


def written(folder: Path) -> list[Event]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def full_run() -> RunFacts:
    """A run with all that an event can say."""
    orders = DatasetFacts(
        namespace="here",
        name="orders",
        version="3",
        description="Orders of a shop.",
        owner="team-sales",
        uri="file:orders.csv",
        fields=[Field(name="amount", type="DOUBLE", description="In euros."), Field(name="note")],
        rows=10,
        bytes=99,
        metrics={"amount": Metrics(nulls=1, distinct=4, rows=10, minimum=0.5, maximum=9, quantiles={"0.5": 3.0})},
        assertions=[
            Assertion(name="is there", column="amount", passed=False, severity="warning", actual="1", words="One.")
        ],
        dependencies=[
            Dependency(field="total", namespace="here", dataset="orders", column="amount", type="DIRECT", subtype="A"),
            Dependency(field="", namespace="here", dataset="orders", column="note", type="INDIRECT", subtype="FILTER"),
            Dependency(field="", namespace="here", dataset="orders", column="note", type="INDIRECT", subtype="SORT"),
        ],
    )
    return RunFacts(
        id=uuid.UUID(int=7),
        namespace="here",
        job="transform.totals",
        kind="transform",
        started=NOW,
        ended=NOW,
        ending="COMPLETE",
        reason="For the report.",
        sql="SELECT 1",
        tags={"actor": "ana", "client": ""},
        tests=[Assertion(name="range(total)", column="total", passed=True, severity="error")],
        parent=Parent(namespace="airflow", job="dag.task", run=str(uuid.UUID(int=8))),
        inputs=[orders],
        outputs=[orders, DatasetFacts(namespace="here", name="models/m", kind="MODEL", version="2")],
    )


def test_everything_that_an_event_can_say_is_read_by_the_official_client() -> None:
    start, end = events_of_facts(full_run())
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["eventTime"] == "2026-03-01T12:00:00.000Z"
    for event in (start, end):
        check_event(event)
    (source,) = end["inputs"]
    assert set(source["inputFacets"]) == {"dataQualityMetrics", "dataQualityAssertions"}
    facets = end["outputs"][0]["facets"]
    assert set(facets) == {
        *("schema", "dataSource", "documentation", "ownership", "version", "datasetType"),
        *("columnLineage", "dataQualityMetrics"),
    }
    lineage = facets["columnLineage"]
    assert lineage["fields"]["total"]["inputFields"][0]["transformations"] == [{"type": "DIRECT", "subtype": "A"}]
    (everywhere,) = lineage["dataset"]
    assert [way["subtype"] for way in everywhere["transformations"]] == ["FILTER", "SORT"]
    assert end["run"]["facets"]["test"]["tests"] == [
        {"type": "range", "status": "pass", "params": {"column": "total"}, "name": "range(total)", "severity": "error"}
    ]
    assert end["run"]["facets"]["parent"]["run"]["runId"] == str(uuid.UUID(int=8))


def test_a_failed_run_says_why_and_a_running_one_only_that_it_began() -> None:
    run = full_run()
    failed = events_of_facts(run.model_copy(update={"ending": "FAIL", "error": "No such table."}))[1]
    assert failed["run"]["facets"]["errorMessage"]["message"] == "No such table."
    check_event(failed)
    assert [event["eventType"] for event in events_of_facts(run.model_copy(update={"ending": None}))] == ["START"]
    check_event(events_of_facts(run.model_copy(update={"ending": "ABORT"}))[1])


def test_what_lies_outside_is_called_as_other_tools_call_it() -> None:
    cases = {
        "postgresql://me@db.example.org/shop#sales.orders": ("postgres://db.example.org:5432", "shop.sales.orders"),
        "s3://bucket/a/b.parquet": ("s3://bucket", "a/b.parquet"),
        "https://example.org/table.csv": ("https://example.org", "/table.csv"),
        "orders.csv": ("file", "orders.csv"),
        "sample:iris": ("here", "sample:iris"),
    }
    for source, (namespace, name) in cases.items():
        assert external_dataset(source, "here")[:2] == (namespace, name)
    assert "me" not in external_dataset("postgresql://me@h/shop#t", "here").uri
    assert (job_name("evaluate", "delay@2"), job_name("compare", "")) == ("evaluate.delay", "compare")


def test_an_error_goes_out_without_what_it_quotes() -> None:
    error = "Could not convert 'ana@example.org' at postgresql://me:hunter2@host/db\nThe end of its log:\nsecret"
    assert masked_message(error) == "Could not convert '…' at postgresql://host/db"


@pytest.mark.anyio
async def test_what_runs_do_is_told_with_columns_and_measures(
    steward: tuple[Workspace, Assistant], tmp_path: Path
) -> None:
    workspace, assistant = steward
    await assistant.call("register_dataset", name="orders", source="orders.csv", wait_seconds=25)
    await assistant.call("document_asset", asset="orders.amount", description="In euros.")
    await assistant.call("document_asset", asset="orders", owner="team-sales")
    await assistant.call("transform_dataset", name="totals", sql=SQL, wait_seconds=25)
    await assistant.error("register_dataset", name="bad", content="a,b\n1\n", wait_seconds=25)
    workspace.close()
    events = written(tmp_path)
    assert [(event["eventType"], event["job"]["name"]) for event in events] == [
        ("START", "register.orders"),
        ("COMPLETE", "register.orders"),
        ("START", "transform.totals"),
        ("COMPLETE", "transform.totals"),
        ("START", "register.bad"),
        ("FAIL", "register.bad"),
    ]
    for event in events:
        check_event(event)
    registered, transformed = events[1], events[3]
    assert [(one["namespace"], one["name"]) for one in registered["inputs"]] == [("file", "orders.csv")]
    (totals,), (orders,) = transformed["outputs"], transformed["inputs"]
    assert (orders["name"], orders["facets"]["version"]["datasetVersion"]) == ("orders", "1")
    assert orders["facets"]["ownership"]["owners"][0]["name"] == "team-sales"
    assert orders["facets"]["schema"]["fields"][2]["description"] == "In euros."
    assert totals["outputFacets"]["outputStatistics"]["rowCount"] == 40
    assert totals["facets"]["dataQualityMetrics"]["columnMetrics"]["total"]["nullCount"] == 0
    lineage = totals["facets"]["columnLineage"]
    assert lineage["fields"]["total"]["inputFields"][0]["field"] == "amount"
    assert {one["field"] for one in lineage["dataset"]} == {"customer_id", "order_id"}
    assert transformed["job"]["facets"]["sql"]["query"] == SQL
    assert len({event["run"]["runId"] for event in events}) == 3


@pytest.mark.anyio
async def test_ranges_of_confidential_columns_do_not_go_out(
    steward: tuple[Workspace, Assistant], tmp_path: Path
) -> None:
    workspace, assistant = steward
    await assistant.call("register_dataset", name="orders", source="orders.csv", wait_seconds=25)
    await assistant.call("document_asset", asset="orders.amount", sensitivity="confidential")
    workspace.close()
    ranges = {"min", "max", "quantiles"}
    cases: list[tuple[Level, set[str]]] = [("restricted", {"amount"}), ("public", {"amount", "order_id"})]
    for clearance, hidden in cases:
        later = tmp_path / f"{clearance}.jsonl"
        again = Workspace(workspace.settings)
        export_lineage(again.store, FileSink(later), namespace="here", clearance=clearance)
        again.close()
        end = json.loads(later.read_text().splitlines()[-1])
        metrics = end["outputs"][0]["facets"]["dataQualityMetrics"]["columnMetrics"]
        assert {name for name, column in metrics.items() if not ranges & set(column)} >= hidden
        assert ("max" in metrics["order_id"]) == ("order_id" not in hidden)


def finished(workspace: Workspace, name: str, kind: str = "register", state: str = "completed") -> int:
    def add(t: Any) -> int:
        number = add_run(t, Run(number=0, kind=kind, name=name, state="running", created=datetime.now(UTC)))
        update_run(t, number, state=state, finished=datetime.now(UTC))
        return number

    return workspace.store.write(add)


def delivery(workspace: Workspace, *sinks: Any, pauses: tuple[float, ...] = ()) -> LineageDelivery:
    return LineageDelivery(
        workspace.store, sinks, workspace.folder / "openlineage.lock", namespace="here", pauses=pauses
    )


def test_an_address_gets_the_events_in_order_with_its_key(workspace: Workspace, collector: Collector) -> None:
    finished(workspace, "before")
    telling = delivery(workspace, HttpSink(collector.url, "key-of-ours"))
    for name in ("first", "second"):
        finished(workspace, name)
    telling.wake()
    telling.close()
    # What was done before anybody asked is for `mlsteward export openlineage`.
    names = [("START", "register.first"), ("COMPLETE", "register.first")]
    assert collector.told == [*names, ("START", "register.second"), ("COMPLETE", "register.second")]
    assert {(headers["path"], headers["Authorization"]) for headers in collector.headers} == {
        ("/api/v1/lineage", "Bearer key-of-ours")
    }
    for event in collector.events:
        check_event(event)


def test_a_sink_that_is_down_is_told_later_of_what_it_missed(workspace: Workspace, collector: Collector) -> None:
    collector.answer = 503
    down = delivery(workspace, HttpSink(collector.url))
    finished(workspace, "missed")
    down.wake()
    assert collector.asked.acquire(timeout=20)
    down.close()
    assert collector.events == []
    # Another server of the workspace, later: what it was told it is not told again.
    collector.answer = 201
    for _ in range(2):
        later = delivery(workspace, HttpSink(collector.url))
        later.wake()
        later.close()
    assert collector.told == [("START", "register.missed"), ("COMPLETE", "register.missed")]


def test_a_sink_is_tried_again_by_itself(workspace: Workspace, collector: Collector) -> None:
    collector.answer = 503
    telling = delivery(workspace, HttpSink(collector.url), pauses=(0.01,) * 200)
    finished(workspace, "patience")
    telling.wake()
    assert collector.asked.acquire(timeout=20)
    collector.answer = 201
    for _ in range(300):
        if len(collector.events) == 2:
            break
        assert collector.asked.acquire(timeout=20)
    telling.close()
    assert collector.told == [("START", "register.patience"), ("COMPLETE", "register.patience")]


def test_an_event_that_is_refused_for_good_does_not_hold_up_the_rest(
    workspace: Workspace, collector: Collector
) -> None:
    collector.answer = 422
    telling = delivery(workspace, HttpSink(collector.url))
    finished(workspace, "refused")
    telling.wake()
    telling.close()
    collector.answer = 201
    finished(workspace, "next")
    later = delivery(workspace, HttpSink(collector.url))
    later.wake()
    later.close()
    assert collector.told == [("START", "register.next"), ("COMPLETE", "register.next")]


def test_checks_go_out_as_assertions(workspace: Workspace, tmp_path: Path) -> None:
    add_rows(
        workspace, "orders", "SELECT range::INTEGER AS order_id, range / 3.0 AS amount FROM range(199)", profiled=True
    )
    number = finished(workspace, "orders", kind="check")

    def record(t: Any) -> None:
        add_edges(t, [Edge(source="dataset:orders@1", target=f"run:{number}", kind="check", run=number)])
        result = StoredResult(
            run=number,
            dataset="orders",
            version=1,
            pillar="quality",
            check="amount is positive",
            column="amount",
            severity="warning",
            passed=False,
            value=3,
            words="3 rows of 199 are not.",
            created=NOW,
        )
        add_results(t, [result])

    workspace.store.write(record)
    export_lineage(workspace.store, FileSink(tmp_path / "events.jsonl"), namespace="here")
    end = written(tmp_path)[-1]
    check_event(end)
    (assertion,) = end["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (assertion["column"], assertion["success"], assertion["severity"]) == ("amount", False, "warn")
    assert end["inputs"][0]["inputFacets"]["dataQualityMetrics"]["rowCount"] == 199


def test_a_run_that_was_cancelled_is_aborted(workspace: Workspace, tmp_path: Path) -> None:
    finished(workspace, "given_up", state="cancelled")
    assert export_lineage(workspace.store, FileSink(tmp_path / "events.jsonl"), namespace="here") == 2
    assert [event["eventType"] for event in written(tmp_path)] == ["START", "ABORT"]


def test_the_history_is_exported_from_a_day_on(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], collector: Collector
) -> None:
    finished(workspace, "orders")
    workspace.close()
    command = ["--workspace", str(workspace.folder), "export", "openlineage"]
    assert main(command) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main([*command, "--to", str(tmp_path / "events.jsonl")]) == 0
    assert main([*command, "--to", collector.url]) == 0
    assert printed == written(tmp_path) == collector.events
    assert main([*command, "--since", "2999-01-01"]) == 0
    assert capsys.readouterr().out == ""
    assert main([*command, "--since", "someday"]) == 1
    assert "'someday' is no date" in capsys.readouterr().err


def test_an_export_says_where_to_go_on(workspace: Workspace, collector: Collector) -> None:
    collector.answer = 500
    number = finished(workspace, "orders")
    with pytest.raises(UnusableData, match=f"answered 500, at an event of run:{number}; 0 events .* --since 20"):
        export_lineage(workspace.store, HttpSink(collector.url), namespace="here")
    with pytest.raises(InvalidArgument):
        read_since("yesterday")


def test_sinks_are_named_by_the_operator_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "https://user:hunter2@lineage.example.org")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "shop")
    settings = Settings(workspace=tmp_path, openlineage_file=tmp_path / "events.jsonl")
    assert (settings.sends_lineage, settings.openlineage_namespace) == (True, "shop")
    http, file = lineage_sinks(settings)
    assert http.shown == "https://lineage.example.org/api/v1/lineage"
    assert "hunter2" not in f"{settings!r}{http.key}{file.key}"
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert not Settings(workspace=tmp_path).sends_lineage
    assert lineage_sinks(Settings(workspace=tmp_path)) == []
    assert read_parent(f"airflow/dag/task/{uuid.UUID(int=8)}") == Parent(
        namespace="airflow", job="dag/task", run=str(uuid.UUID(int=8))
    )
    assert read_parent("nothing") is None


def test_the_doctor_says_where_events_go_and_how_many_wait(
    workspace: Workspace, collector: Collector, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.answer = 503
    telling = delivery(workspace, HttpSink(collector.url))
    finished(workspace, "missed")
    telling.wake()
    telling.close()
    workspace.close()
    monkeypatch.setenv("MLSTEWARD_OPENLINEAGE_URL", collector.url)
    monkeypatch.setenv("MLSTEWARD_DATABASES", "postgresql://me:hunter2@db.example.org/shop")
    main(["--workspace", str(workspace.folder), "doctor"])
    said = capsys.readouterr().out
    assert f"lineage events: sent to {collector.url}/api/v1/lineage; 1 run to tell of" in said
    assert "database postgresql://me@db.example.org/shop" in said
    assert "hunter2" not in said


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotTaken, match="cannot be written"):
        FileSink(tmp_path).send({})
