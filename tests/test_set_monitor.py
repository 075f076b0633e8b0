"""The tool `set_monitor`, the schedule that looks when it is due, and `mlsteward check`."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from mlsteward.runs.schedule import LEASE, Due, Schedule, plans
from mlsteward.runs.schedules import monitor as watching
from mlsteward.server.cli import main
from mlsteward.store.activity import activity_of
from mlsteward.store.alerts import Finding, change_state, raise_alerts
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import stop
from mlsteward.store.monitors import (
    EVER,
    Monitor,
    due_monitors,
    find_monitor,
    known_monitor,
    plan_next,
    save_monitor,
)
from mlsteward.store.runs import get_run
from mlsteward.workspace import Workspace
from tests.conftest import STORE, Assistant
from tests.deployed import deploy

pytestmark = pytest.mark.anyio


@pytest.fixture
def house(workspace: Workspace) -> Workspace:
    deploy(workspace)
    return workspace


async def test_a_deployment_is_watched_by_the_policy_unless_told_otherwise(
    house: Workspace, assistant: Assistant
) -> None:
    answer = await assistant.call("set_monitor", deployment="delay")
    assert answer["verdict"] == (
        "deployment:delay is looked at every 1 day: one false alarm in 2 years on average. An alarm raises an alert."
    )
    assert (answer["every"], answer["budget"], answer["on_alert"]) == ("1 day", "one in 2 years", "alert")
    assert answer["total"] == "In all: one false alarm in 2 years, notices as many as one in 6 months."
    change = house.store.read(lambda t: activity_of(t, "deployment:delay"))[0]
    assert change.action == "set_monitor"


async def test_what_is_not_said_stays_as_it_was(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay", every="6 hours", budget="90 days", on_alert="retrain")
    answer = await assistant.call("set_monitor", deployment="delay", season=True)
    assert (answer["every"], answer["budget"], answer["on_alert"]) == ("6 hours", "one in 3 months", "retrain")
    assert "against the same weeks a year before" in answer["verdict"]
    assert "has a challenger trained" in answer["verdict"]
    assert (await assistant.call("set_monitor", deployment="delay", budget="1 year"))["season"] is True
    assert (await assistant.call("set_monitor", deployment="delay", season=False)).get("season", False) is False


async def test_the_policy_of_a_model_says_how_it_is_watched(house: Workspace, assistant: Assistant) -> None:
    (house.folder / "policy.toml").write_text('[models.delay.monitor]\nevery = "1 week"\nbudget = "5 years"\n', "utf-8")
    answer = await assistant.call("set_monitor", deployment="delay")
    assert (answer["every"], answer["budget"]) == ("1 week", "one in 5 years")
    (house.folder / "policy.toml").write_text('[monitor]\nevery = "soon"\n', "utf-8")
    assert 'write "1 day"' in await assistant.error("set_monitor", deployment="delay")


async def test_the_budgets_of_all_monitors_are_told_together(house: Workspace, assistant: Assistant) -> None:
    deploy(house, "churn")
    await assistant.call("set_monitor", deployment="delay")
    answer = await assistant.call("set_monitor", deployment="churn")
    assert answer["total"].startswith("In all: one false alarm in 1 year over all 2 monitors of this workspace")
    rows = (await assistant.call("query_data", sql="SELECT deployment, every_seconds FROM meta.monitors"))["rows"]
    assert sorted(rows) == [["churn", 86400.0], ["delay", 86400.0]]


async def test_never_stops_it(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay")
    answer = await assistant.call("set_monitor", deployment="delay", every="never")
    assert answer["verdict"].startswith("deployment:delay is not looked at by itself any more")
    assert not house.store.read(lambda t: due_monitors(t, datetime.now(UTC)))
    assert "is not watched" in await assistant.error("set_monitor", deployment="delay", every="never")


async def test_what_cannot_be_is_refused_in_words(house: Workspace, assistant: Assistant) -> None:
    for arguments, words in (
        ({"every": "soon"}, "every cannot be 'soon'"),
        ({"every": "5 minutes"}, "every"),
        ({"budget": "one in 2 weeks"}, "too short for windows of 1 day: 2.9 weeks is the least"),
        ({"deployment": "dely"}, "Did you mean `delay`?"),
    ):
        assert words in await assistant.error("set_monitor", **{"deployment": "delay", **arguments})
    assert house.store.read(lambda t: known_monitor(t, "delay")) is None


async def test_windows_before_an_alert_was_resolved_do_not_count_again(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay")
    assert house.store.read(lambda t: find_monitor(t, "delay")).watched_since == EVER
    finding = Finding(asset="deployment:delay", check="realised loss", severity="error", words="It got worse.")
    (alert,) = house.store.write(lambda t: raise_alerts(t, [finding], run=None))
    assert house.store.read(lambda t: find_monitor(t, "delay")).watched_since == EVER
    before = datetime.now(UTC)
    house.store.write(lambda t: change_state(t, alert, "resolved", event="resolved", actor="ann"))
    assert before <= house.store.read(lambda t: find_monitor(t, "delay")).watched_since <= datetime.now(UTC)


async def test_of_two_that_look_one_is_given_what_is_due(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay", every="1 hour")
    now = datetime.now(UTC)
    first = house.store.write(lambda t: watching.due_work(t, now, house.folder))
    assert [due.asset for due in first] == ["deployment:delay"]
    assert not house.store.write(lambda t: watching.due_work(t, now, house.folder))
    again = house.store.write(lambda t: watching.due_work(t, now + LEASE, house.folder))
    assert again, "whoever took it may have died"
    run = watching.begin(house, first[0])
    planned = house.store.read(lambda t: find_monitor(t, "delay"))
    assert (planned.last_run, house.store.read(lambda t: get_run(t, run)).client) == (run, "mlsteward schedule")
    assert now < planned.due <= now + timedelta(hours=1, minutes=2)
    house.runs.cancel(run)


async def test_a_deployment_that_is_stopped_is_not_looked_at(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay")
    house.store.write(lambda t: stop(t, "delay", by=By("ann", "test")))
    assert not house.store.write(lambda t: watching.due_work(t, datetime.now(UTC), house.folder))


async def test_the_schedule_starts_what_is_due_and_plans_the_next(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay")
    begun = threading.Event()
    told: list[tuple[int, str]] = []

    def tell(run: int, due: Due) -> None:
        told.append((run, due.asset))
        begun.set()

    schedule = Schedule(house, tell)
    schedule.wake()
    try:
        assert begun.wait(20)
    finally:
        schedule.close()
    assert [asset for _, asset in told] == ["deployment:delay"]
    assert house.store.read(lambda t: find_monitor(t, "delay")).due > datetime.now(UTC)
    house.runs.cancel(told[0][0])


async def test_what_cannot_be_begun_is_tried_again_later(house: Workspace, assistant: Assistant) -> None:
    await assistant.call("set_monitor", deployment="delay")
    house.store.write(lambda t: t.execute("DELETE FROM deployments"))
    house.store.write(lambda t: plan_next(t, "delay", datetime.now(UTC)))
    schedule = Schedule(house)
    schedule.wake()
    schedule.close()
    assert house.store.read(lambda t: find_monitor(t, "delay")).last_run is None


def test_every_plan_is_found_by_its_place() -> None:
    names = {getattr(plan, "__name__", "").rpartition(".")[2] for plan in plans()}
    assert "monitor" in names


def test_windows_close_on_whole_hours_and_days() -> None:
    now = datetime(2026, 3, 1, 10, 20, tzinfo=UTC)
    assert watching.closing(now, timedelta(days=1)) == datetime(2026, 3, 2, 0, 2, tzinfo=UTC)
    assert watching.closing(now, timedelta(hours=6)) == datetime(2026, 3, 1, 12, 2, tzinfo=UTC)


def test_a_check_without_anything_deployed_says_so(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace.folder / STORE).unlink()
    arguments = ["check", "--workspace", str(workspace.folder)]
    assert main(arguments) == 1
    assert "has no store yet" in capsys.readouterr().err
    workspace.store.write(lambda t: None)
    assert main(arguments) == 1
    assert "Nothing is deployed" in capsys.readouterr().err
    deploy(workspace)
    assert main([*arguments, "dely"]) == 1
    assert "Did you mean `delay`?" in capsys.readouterr().err


def test_a_check_in_a_terminal_tells_what_it_found_and_ends_well_when_nothing_is_wrong(
    house: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--workspace", str(house.folder)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("delay")
    (run,) = house.store.read(lambda t: t.rows("SELECT kind, client FROM runs"))
    assert run == ("monitor", "mlsteward command line")


def test_watching_in_a_terminal_looks_when_it_is_due_until_it_is_stopped(house: Workspace) -> None:
    now = datetime.now(UTC)
    monitor = Monitor(deployment="delay", every_seconds=86_400, budget_days=730.5, actor="ann", changed=now, due=now)
    house.store.write(lambda t: save_monitor(t, monitor))
    script = [sys.executable, "-m", "mlsteward", "watch", "--workspace", str(house.folder), "--log-level", "WARNING"]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "Watching delay every 1 day: one false alarm in 2 years" in process.stdout.readline()
        assert "deployment:delay, run:1: " in process.stdout.readline()
        process.terminate()
        assert process.wait(20) == 0
    assert house.store.read(lambda t: find_monitor(t, "delay")).last_run == 1
