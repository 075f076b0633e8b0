"""What the store says is deployed, and how that changes."""

from datetime import UTC, datetime

import pytest

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.store.activity import activity_of
from mlsteward.store.alerts import open_alerts
from mlsteward.store.aliases import set_alias
from mlsteward.store.assets import find_asset
from mlsteward.store.deployment_events import By, history_of
from mlsteward.store.deployments import Deployment, find_deployment, keep_state, place, roll_back, stop
from mlsteward.store.following import end_canary, follow_aliases, keep_seen
from mlsteward.store.lineage import downstream_of
from mlsteward.store.models import Model, add_model
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = By("ann", "test")


@pytest.fixture
def house(workspace: Workspace) -> Workspace:
    """Four versions of `delay`, none of which is ever opened."""

    def write(t: Transaction) -> None:
        for number in range(4):
            model = Model(
                run=number + 1,
                name="delay",
                task="binary",
                target="late",
                dataset="flights@1",
                path="runs/1/artifacts/model.skops",
                sha256="0",
                signature=[],
                metric="roc_auc",
                created=NOW,
            )
            add_model(t, model)

    workspace.store.write(write)
    return workspace


def serve(workspace: Workspace, model: str, **more: object) -> Deployment:
    """Have `delay` served by a version."""

    def write(t: Transaction) -> Deployment:
        wanted = Deployment(name="delay", asked=model, model=model, created=NOW, changed=NOW)
        return place(t, wanted.model_copy(update=more), event="deployed", by=ANN)

    return workspace.store.write(write)


def back(workspace: Workspace) -> str:
    return workspace.store.write(lambda t: roll_back(t, "delay", by=ANN).model)


def test_rolling_back_goes_further_back_each_time_and_ends_where_it_began(house: Workspace) -> None:
    for model in ("delay@1", "delay@2", "delay@3"):
        serve(house, model)
    assert [back(house), back(house)] == ["delay@2", "delay@1"]
    with pytest.raises(InvalidArgument, match="has served nothing before delay@1"):
        back(house)


def test_after_a_rollback_the_next_model_is_rolled_back_to_where_it_came_from(house: Workspace) -> None:
    for model in ("delay@1", "delay@2"):
        serve(house, model)
    back(house)
    serve(house, "delay@3")
    assert back(house) == "delay@1"


def test_rolling_back_a_canary_ends_it_and_leaves_the_champion(house: Workspace) -> None:
    serve(house, "delay@1")
    serve(house, "delay@2")
    serve(house, "delay@2", canary=10, canary_model="delay@3")
    assert back(house) == "delay@2"
    found = house.store.read(lambda t: find_deployment(t, "delay"))
    assert (found.canary, found.canary_model) == (0, "")
    assert back(house) == "delay@1"


def test_an_alias_is_followed_and_a_rollback_pins_what_it_returns_to(house: Workspace) -> None:
    def move(version: int) -> None:
        house.store.write(lambda t: set_alias(t, "delay", "champion", version, run=None, actor="ann", reason=""))

    move(1)
    serve(house, "delay@1", asked="delay@champion")
    move(2)
    (followed,) = house.store.write(follow_aliases)
    assert (followed.model, followed.revision) == ("delay@2", 2)
    assert house.store.write(follow_aliases) == []
    rolled = house.store.write(lambda t: roll_back(t, "delay", by=ANN))
    assert (rolled.model, rolled.follows) == ("delay@1", False)
    move(3)
    assert house.store.write(follow_aliases) == []
    events = house.store.read(lambda t: history_of(t, "delay"))
    assert [event.event for event in events] == ["rolled back", "followed", "deployed"]
    assert events[1].words == "delay@champion is delay@2 now, and was delay@1"


def test_a_canary_that_becomes_champion_is_a_canary_no_more(house: Workspace) -> None:
    house.store.write(lambda t: set_alias(t, "delay", "champion", 1, run=None, actor="ann", reason=""))
    serve(house, "delay@1", asked="delay@champion", canary=10, canary_model="delay@2")
    house.store.write(lambda t: set_alias(t, "delay", "champion", 2, run=None, actor="ann", reason=""))
    (followed,) = house.store.write(follow_aliases)
    assert (followed.model, followed.canary) == ("delay@2", 0)


def test_an_alias_that_is_dropped_leaves_what_it_stood_on(house: Workspace) -> None:
    serve(house, "delay@1", asked="delay@gone")
    assert house.store.write(follow_aliases) == []


def test_a_canary_that_did_worse_is_taken_off_once_and_raises_an_alert(house: Workspace) -> None:
    serve(house, "delay@1")
    placed = serve(house, "delay@1", canary=10, canary_model="delay@2")
    words = "delay@2 did worse than delay@1: errors: 9 of 100 against 0 of 900 (evidence 4e+07 : 1)"
    ended = house.store.write(lambda t: end_canary(t, "delay", placed.canary_since, words))
    assert ended and ended.canary == 0
    assert house.store.write(lambda t: end_canary(t, "delay", placed.canary_since, words)) is None
    (alert,) = house.store.read(lambda t: open_alerts(t, "deployment:delay"))
    assert (alert.check, alert.words) == ("canary", f"The canary {words}.")


def test_a_canary_of_another_percentage_is_counted_anew(house: Workspace) -> None:
    serve(house, "delay@1")
    first = serve(house, "delay@1", canary=10, canary_model="delay@2")
    more = serve(house, "delay@1", canary=10, canary_model="delay@2", shadow="delay@3", shadow_model="delay@3")
    assert first.canary_since == 2
    assert serve(house, "delay@1", canary=50, canary_model="delay@2").canary_since == 4
    assert more.revision == 3


def test_stopping_twice_is_stopping_once(house: Workspace) -> None:
    serve(house, "delay@1")
    first = house.store.write(lambda t: stop(t, "delay", by=ANN, why="too old"))
    assert (first.wanted, first.state) == ("stopped", "stopped")
    assert house.store.write(lambda t: stop(t, "delay", by=ANN)) == first
    with pytest.raises(InvalidArgument, match="is stopped"):
        back(house)


def test_that_an_endpoint_failed_and_came_back_stays_on_record(house: Workspace) -> None:
    serve(house, "delay@1")
    house.store.write(lambda t: keep_state(t, "delay", "failed", words="it ended 4 times"))
    house.store.write(lambda t: keep_state(t, "delay", "failed", words="it ended 5 times"))
    house.store.write(lambda t: keep_state(t, "delay", "serving", port=8123))
    events = house.store.read(lambda t: history_of(t, "delay"))
    assert [event.event for event in events] == ["recovered", "failed", "deployed"]
    assert house.store.read(lambda t: find_deployment(t, "delay")).address == "http://127.0.0.1:8123"


def test_an_endpoint_that_fails_raises_an_alert_which_is_settled_when_it_serves_again(house: Workspace) -> None:
    placed = serve(house, "delay@1")
    words = "it ended 4 times in a row"
    house.store.write(lambda t: keep_seen(t, placed, "failed", words, 0))
    house.store.write(lambda t: keep_seen(t, placed, "failed", words, 0))
    (alert,) = house.store.read(lambda t: open_alerts(t, "deployment:delay"))
    assert (alert.check, alert.severity, alert.count) == ("endpoint", "error", 1)
    house.store.write(lambda t: keep_seen(t, placed, "serving", "", 8000))
    assert house.store.read(lambda t: open_alerts(t, "deployment:delay")) == []


def test_what_was_seen_of_an_earlier_revision_is_not_kept(house: Workspace) -> None:
    before = serve(house, "delay@1")
    serve(house, "delay@2")
    house.store.write(lambda t: keep_seen(t, before, "failed", "too late", 0))
    assert house.store.read(lambda t: find_deployment(t, "delay")).state == "starting"


def test_a_deployment_is_an_asset_with_lineage_and_an_audit_row(house: Workspace) -> None:
    serve(house, "delay@1")
    read = house.store.read
    assert str(read(lambda t: find_asset(t, "deployment:delay"))) == "deployment:delay"
    assert read(lambda t: downstream_of(t, "model:delay@1")) == ["deployment:delay"]
    assert [(row.actor, row.action) for row in read(lambda t: activity_of(t, "deployment:delay"))] == [
        ("ann", "deployment deployed")
    ]
    with pytest.raises(NotFound, match="Did you mean `delay`"):
        read(lambda t: find_deployment(t, "dely"))


@pytest.mark.anyio
async def test_deployments_are_a_table_and_have_a_page(house: Workspace, assistant: Assistant) -> None:
    serve(house, "delay@1", canary=5, canary_model="delay@2")
    found = await assistant.call("query_data", sql="SELECT name, model, canary FROM meta.deployments")
    assert found["rows"] == [["delay", "delay@1", 5]]
    page = await assistant.text("read_page", uri="mlsteward://deployments/delay")
    assert "delay@2 answers 5 % of the requests" in page
    assert "Nothing was counted yet" in page
