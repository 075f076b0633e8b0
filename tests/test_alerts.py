"""Alerts in the store and through `list_alerts` and `resolve_alert`."""

from mlsteward.store.alerts import Alert, Finding, get_alert, open_alerts, raise_alerts, settle_alerts
from mlsteward.workspace import Workspace

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
