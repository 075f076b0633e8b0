"""Alerts in the store and through `list_alerts` and `resolve_alert`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from mlsteward.data.profile import TableProfile
from mlsteward.data.snapshot import Column
from mlsteward.dictionary.entry import column_entry
from mlsteward.lineage.edge import Edge
from mlsteward.store.activity import activity_of
from mlsteward.store.alert_events import events_of
from mlsteward.store.alerts import Alert, Finding, get_alert, open_alerts, raise_alerts, settle_alerts
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.store.dictionary import write_words
from mlsteward.store.lineage import add_edges, edges_to
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.dictionary_samples import register as register_table

pytestmark = pytest.mark.anyio
NULLS = Finding(
    asset="column:flights@3.dep_delay",
    check="not_null(dep_delay)",
    severity="warning",
    words="12 of 1,000 values are missing",
    evidence={"missing": 12},
)


def raised(workspace: Workspace, *findings: Finding) -> list[Alert]:
    return workspace.store.write(lambda t: raise_alerts(t, findings, run=None))


def test_the_same_failure_again_is_counted_not_raised_twice(workspace: Workspace) -> None:
    (first,) = raised(workspace, NULLS)
    later = NULLS.model_copy(update={"asset": "column:flights@4.dep_delay", "words": "40 of 1,000 values are missing"})
    (again,) = raised(workspace, later)
    assert (again.number, again.count, again.version) == (first.number, 2, "4")
    assert (again.asset, again.words) == ("column:flights.dep_delay", "40 of 1,000 values are missing")
    assert again.first_seen == first.first_seen and again.last_seen > first.last_seen
    assert workspace.store.read(lambda t: len(open_alerts(t, "flights"))) == 1


def test_a_check_that_passes_again_settles_its_alert_and_one_that_returns_reopens_it(workspace: Workspace) -> None:
    raised(workspace, NULLS)
    settled = workspace.store.write(lambda t: settle_alerts(t, "flights", ["not_null(dep_delay)"], None))
    assert [alert.state for alert in settled] == ["resolved"]
    assert workspace.store.read(lambda t: get_alert(t, 1)).state == "resolved"
    (again,) = raised(workspace, NULLS)
    assert (again.number, again.state, again.count) == (1, "open", 2)


def test_worse_than_before_is_an_event_of_its_own(workspace: Workspace) -> None:
    raised(workspace, NULLS)
    raised(workspace, NULLS.model_copy(update={"severity": "error"}))
    raised(workspace, NULLS)
    events = workspace.store.read(lambda t: [(one.event, one.actor) for one in events_of(t, 1)])
    assert events == [("escalated", "mlsteward"), ("raised", "mlsteward")]


def test_every_change_of_state_is_in_the_audit_log_and_the_lineage(workspace: Workspace) -> None:
    raised(workspace, NULLS)
    workspace.store.write(lambda t: settle_alerts(t, "flights", [NULLS.check], None))
    rows = workspace.store.read(lambda t: [(one.action, one.why) for one in activity_of(t, "alert:1")])
    assert rows == [
        ("alert settled", "not_null(dep_delay) of column:flights.dep_delay: not_null(dep_delay) passed again"),
        ("alert raised", "not_null(dep_delay) of column:flights.dep_delay"),
    ]
    later = NULLS.model_copy(update={"asset": "column:flights@4.dep_delay"})
    raised(workspace, NULLS, later, later)
    edges = workspace.store.read(lambda t: edges_to(t, ["alert:1"]))
    assert [(edge.source, edge.kind) for edge in edges] == [
        ("column:flights@3.dep_delay", "alert"),
        ("column:flights@4.dep_delay", "alert"),
    ]


def test_what_passes_elsewhere_settles_nothing_here(workspace: Workspace) -> None:
    raised(workspace, NULLS)
    for dataset, check in [("flights_late", NULLS.check), ("flights", "another check")]:
        assert workspace.store.write(lambda t, d=dataset, c=check: settle_alerts(t, d, [c], None)) == []
    assert workspace.store.read(lambda t: [alert.label for alert in open_alerts(t)]) == ["alert:1"]


def version(name: str, number: int, *, rows: int = 1000, sources: Sequence[str] = (), **columns: str) -> DatasetVersion:
    return DatasetVersion(
        name=name,
        version=number,
        family=name,
        fingerprint=f"{name}{number}",
        schema_hash="s",
        rows=rows,
        bytes=1,
        columns=[Column(name=column, type=type_) for column, type_ in columns.items()],
        snapshot=f"objects/{name}{number}.parquet",
        source="" if sources else f"{name}_{number}.csv",
        sources=list(sources),
        sql="SELECT" if sources else "",
        actor="ann",
        created=datetime(2026, 3, number, tzinfo=UTC),
        profile=TableProfile(rows=rows, columns=[]),
    )


def register(t: Transaction) -> None:
    add_version(t, version("raw", 1, rows=99, dep_delay="BIGINT"))
    add_version(t, version("flights", 1, sources=["dataset:raw@1"], dep_delay="BIGINT"))
    add_version(t, version("raw", 2, rows=4, dep_delay="VARCHAR", id="VARCHAR"))
    add_version(t, version("flights", 2, rows=400, sources=["dataset:raw@2"], dep_delay="VARCHAR"))
    edges = [("dataset:raw@2", "dataset:flights@2"), ("dataset:flights@1", "model:delay@1")]
    edges += [("dataset:flights@2", "model:delay@2"), ("dataset:flights@2", "dataset:june@1")]
    add_edges(t, [Edge(source=source, target=target, kind="made") for source, target in edges])


def test_an_alert_says_what_lies_downstream_and_what_changed_upstream(workspace: Workspace) -> None:
    workspace.store.write(register)
    finding = Finding(asset="dataset:flights@2", check="volume", severity="error", words="400 rows, 1,000 expected")
    (alert,) = raised(workspace, finding)
    assert alert.downstream == ["model:delay@2", "dataset:june@1"]
    assert alert.cause == [
        "flights@2 came 2026-03-02 00:00 UTC by ann from raw@2: now dep_delay BIGINT → VARCHAR; 1,000 → 400 rows.",
        "raw@2 came 2026-03-02 00:00 UTC by ann from raw_2.csv: new id; now dep_delay BIGINT → VARCHAR; 99 → 4 rows.",
    ]


async def test_without_alerts_it_says_so(assistant: Assistant) -> None:
    answer = await assistant.call("list_alerts")
    assert (answer["verdict"], answer["total"]) == ("No open alert.", 0)


async def test_alerts_are_listed_the_gravest_first_with_since_when_and_what_is_downstream(
    workspace: Workspace, assistant: Assistant
) -> None:
    workspace.store.write(register)
    volume = Finding(asset="dataset:flights@2", check="volume", severity="error", words="400 rows, 1,000 expected")
    raised(workspace, NULLS, volume, volume)
    answer = await assistant.call("list_alerts")
    assert [(line["alert"], line["seen"]) for line in answer["alerts"]] == [(2, 2), (1, 1)]
    assert answer["alerts"][0]["downstream"] == ["model:delay@2", "dataset:june@1"]
    text = await assistant.text("list_alerts")
    assert text.startswith("2 open alerts; the gravest is alert:2: 400 rows, 1,000 expected.")
    assert "| 2 times | model:delay@2, dataset:june@1" in text
    assert "alert:2, likely cause: flights@2 came 2026-03-02" in text


async def test_an_alert_goes_from_open_over_acknowledged_to_resolved(
    workspace: Workspace, assistant: Assistant
) -> None:
    raised(workspace, NULLS)
    await assistant.call("resolve_alert", alert="alert:1", action="acknowledge", note="asked the source")
    assert (await assistant.call("list_alerts"))["verdict"] == "No open alert (1 in other states)."
    answer = await assistant.call("list_alerts", state="acknowledged", asset="flights")
    assert answer["next"] == 'resolve_alert(alert=1, action="resolve", note="…")'
    answer = await assistant.call("resolve_alert", alert=1, action="resolve", note="fixed at the source")
    assert (answer["state"], answer["verdict"]) == (
        "resolved",
        "alert:1 (not_null(dep_delay) of column:flights.dep_delay) is resolved.",
    )
    page = (await assistant.call("read_page", uri=answer["page"]))["content"]
    assert "| acknowledged |" in page and "| fixed at the source |" in page and "| missing | 12 |" in page
    listed = (await assistant.call("read_page", uri="mlsteward://alerts"))["content"]
    assert "None is open." in listed and "mlsteward://alerts/1" in listed
    await assistant.call("resolve_alert", alert="1", action="reopen", note="not fixed after all")
    activity = await assistant.call("list_activity", asset="alert:1")
    assert [line["action"] for line in activity["changes"]] == [
        f"alert {event}" for event in ("reopened", "resolved", "acknowledged", "raised")
    ]
    assert activity["changes"][1]["who"] == workspace.user and "fixed at the source" in activity["changes"][1]["why"]


BAD_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("resolve_alert", {"alert": "2", "action": "acknowledge"}, "There is no alert:2; the newest is alert:1"),
    ("resolve_alert", {"alert": "flights", "action": "acknowledge"}, "it is a number"),
    ("resolve_alert", {"alert": "run:1", "action": "acknowledge"}, "run:1 is no alert"),
    ("resolve_alert", {"alert": "1", "action": "close"}, "acknowledge"),
    ("resolve_alert", {"alert": "1", "action": "resolve"}, "say why in note"),
    ("resolve_alert", {"alert": "1", "action": "resolve", "note": "  "}, "say why in note"),
    ("resolve_alert", {"alert": "1", "action": "reopen", "note": "x"}, "alert:1 is open already"),
    ("resolve_alert", {"alert": "1", "action": "acknowledge", "note": "x" * 2001}, "2000 at most"),
    ("list_alerts", {"state": "opened"}, "Did you mean `open`?"),
    ("list_alerts", {"cursor": "x"}, "is none that list_alerts gave"),
    ("list_alerts", {"asset": "thing:x"}, "names no kind of asset"),
    ("list_alerts", {"asset": "flihgts"}, "There is no dataset, term or model 'flihgts'"),
]


async def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(
    workspace: Workspace, assistant: Assistant
) -> None:
    raised(workspace, NULLS)
    for tool, arguments, words in BAD_CALLS:
        assert words in await assistant.error(tool, **arguments)
    assert workspace.store.read(lambda t: (get_alert(t, 1).state, len(events_of(t, 1)))) == ("open", 1)


async def test_the_page_of_an_alert_shows_what_people_say_of_it(workspace: Workspace, assistant: Assistant) -> None:
    raised(workspace, NULLS)
    await assistant.call("comment_on_asset", asset="alert:1", text="the source was late", rating=2)
    page = await assistant.text("read_page", uri="mlsteward://alerts/1")
    assert "Rated 2 of 5 by 1 person, 1 comment." in page and "“the source was late”" in page


async def test_many_alerts_fit_one_answer_and_go_on_at_the_cursor(workspace: Workspace, assistant: Assistant) -> None:
    findings = [NULLS.model_copy(update={"check": f"check_{n}", "words": "missing " * 40}) for n in range(25)]
    raised(workspace, *findings)
    seen: list[int] = []
    cursor = ""
    while True:
        answer = await assistant.call("list_alerts", limit=100, cursor=cursor)
        seen += [line["alert"] for line in answer["alerts"]]
        cursor = answer.get("cursor", "")
        if not cursor:
            break
    assert sorted(seen) == list(range(1, 26))


def secret_column(workspace: Workspace, level: str) -> None:
    register_table(workspace, "staff", {"salary": [1000, 2000, 3000], "name": ["a", "b", "c"]})
    entry = column_entry("staff", "salary", sensitivity=level, writers={"sensitivity": "ann"})
    workspace.store.write(lambda t: write_words(t, [entry], "ann"))


async def test_what_an_alert_says_of_a_masked_column_is_hidden_from_whoever_may_not_see_it(
    workspace: Workspace,
) -> None:
    secret_column(workspace, "restricted")
    asset = "column:staff@1.salary"
    raised(
        workspace, Finding(asset=asset, check="range", severity="error", words="up to 91234", evidence={"max": 91234})
    )
    async with assistant_of(workspace) as whole:
        assert "91234" in await whole.text("list_alerts")
    reader = workspace.seen_by("internal")
    async with assistant_of(reader) as assistant:
        said = await assistant.text("list_alerts") + await assistant.text("read_page", uri="mlsteward://alerts")
        said += await assistant.text("read_page", uri="mlsteward://alerts/1") + await assistant.text("list_activity")
        said += await assistant.text("query_data", sql="FROM meta.alerts")
    assert "91234" not in said and "masked (restricted)" in said
    payload = workspace.store.read(lambda t: t.rows("SELECT payload FROM alert_events"))[0][0]
    assert "91234" not in payload, "what is sent away is masked for everybody"


async def test_alerts_are_a_table_for_queries(workspace: Workspace, assistant: Assistant) -> None:
    raised(workspace, NULLS)
    answer = await assistant.call("query_data", sql='SELECT number, asset, "check", state, count FROM meta.alerts')
    assert answer["rows"] == [[1, "column:flights.dep_delay", "not_null(dep_delay)", "open", 1]]
