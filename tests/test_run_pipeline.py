"""Pipelines, run through the tools they are made of."""

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from mlsteward.config import Settings
from mlsteward.gates.rules import Gates
from mlsteward.pipeline.spec import read_pipeline
from mlsteward.runs.approve import Decision, decide
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.jobs.pipeline import Driven, Request, Result
from mlsteward.server.pipeline_driver import drive
from mlsteward.store.models import find_model
from mlsteward.store.pipelines import steps_of
from mlsteward.store.runs import get_run
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.endings import end_endpoints
from tests.judged import flights
from tests.run_server import eventually, gone

pytestmark = pytest.mark.anyio

REGISTER = '[[steps]]\ndo = "register"\nname = "flights"\nsource = "${source}"\n'
TRAIN = """[[steps]]
do = "train"
target = "late"
estimator = "logistic_regression"
exclude = ["minutes"]
name = "delay"
"""
PARAMETERS = '[parameters]\nsource = "flights.csv"\n'
EVALUATE = '[[steps]]\ndo = "evaluate"\n'


def write_flights(data: Path, rows: int = 300, **columns: object) -> None:
    flights(rows, seed=1).assign(**columns).to_csv(data / "flights.csv", index=False)


class Driver:
    """Drives pipelines in this process, as the driver does in its own."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.runs = 1000
        self.heard: list[str] = []

    async def __call__(self, text: str, **request: Any) -> Driven:
        self.runs += 1
        order = Request(pipeline=read_pipeline(text, name="test"), **request)
        return await drive(self.workspace, order, self.runs, lambda done, message: self.heard.append(message))


@pytest.fixture
def driver(workspace: Workspace) -> Driver:
    return Driver(workspace)


def trains(folder: RunFolder) -> bool:
    """Whether a pipeline hears of its training by now."""
    event = folder.last_event()
    return event is not None and event.message.startswith("train: ") and event.message != "train: starting"


def told(driven: Driven) -> dict[str, str]:
    assert not driven.error, driven.error
    return {step.id: step.told for step in driven.outcome.steps}


def finished(workspace: Workspace, number: int) -> Result:
    """What a pipeline in a process of its own has come to."""
    run = workspace.runs.wait(number, 120)
    assert run.state == "completed", run.error
    return Result.model_validate(run.result)


async def test_a_pipeline_goes_from_a_file_to_predictions_in_the_name_of_who_started_it(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    write_flights(data)
    predict = '[[steps]]\ndo = "predict"\nas_dataset = "tonight"\n'
    (data / "nightly.toml").write_text(PARAMETERS.replace("flights", "none") + REGISTER + TRAIN + predict)
    given = {"source": "flights.csv"}
    number = (await assistant.call("run_pipeline", file="nightly.toml", parameters=given, wait_seconds=0))["run"]
    outcome = finished(workspace, number).outcome
    assert [(step.id, step.told) for step in outcome.steps] == [
        ("register", "passed"),
        ("train", "passed"),
        ("predict", "passed"),
    ]
    assert outcome.steps[2].made["dataset"] == "tonight@1"
    run = workspace.store.read(lambda t: get_run(t, number))
    assert (run.kind, run.name, run.actor) == ("pipeline", "nightly", workspace.user)
    inner = workspace.store.read(lambda t: get_run(t, outcome.steps[1].run or 0))
    assert (inner.kind, inner.actor) == ("train", workspace.user)
    assert inner.client.startswith("mlsteward pipeline")
    text = await assistant.text("get_run", run=number)
    assert "nightly passed: 3 steps." in text
    page = await assistant.text("read_page", uri=f"mlsteward://runs/{number}/artifacts/summary.md")
    assert "## ✅ nightly" in page


async def test_what_has_changed_is_done_again_and_nothing_else(
    driver: Driver, assistant: Assistant, data: Path
) -> None:
    write_flights(data)
    sql = '[[steps]]\ndo = "transform"\nname = "clean"\nsql = "SELECT * FROM flights WHERE distance > 200"\n'
    text = PARAMETERS + REGISTER + sql + TRAIN
    again = {"register": "reused", "transform": "reused", "train": "passed"}
    assert set(told(await driver(text)).values()) == {"passed"}
    assert set(told(await driver(text)).values()) == {"reused"}
    assert told(await driver(text.replace('"minutes"', '"origin"'))) == again, "another argument"
    await assistant.call("document_asset", asset="column:clean.distance", available_at="after")
    assert told(await driver(text)) == again, "a word that training heeds"
    write_flights(data, rows=320)
    assert told(await driver(text.replace(TRAIN, ""))) == {"register": "passed", "transform": "passed"}
    assert told(await driver(text.replace(TRAIN, ""), fresh=True)) == {"register": "passed", "transform": "passed"}


async def test_rows_that_break_their_contract_stop_the_pipeline(
    driver: Driver, assistant: Assistant, data: Path
) -> None:
    write_flights(data)
    await assistant.call("register_dataset", name="flights", source="flights.csv")
    await assistant.call("set_contract", dataset="flights", checks=["distance between 0 and 5000"], mode="block")
    write_flights(data, distance=-1)
    driven = await driver(PARAMETERS + REGISTER + TRAIN)
    assert told(driven) == {"register": "failed", "train": "skipped"}
    assert driven.outcome.exit_code == 1
    assert "kept aside" in driven.outcome.verdict()
    assert all("-1" not in line for step in driven.outcome.steps for line in step.findings)


async def test_a_step_that_cannot_be_done_breaks_the_pipeline_unless_it_is_ignored(driver: Driver, data: Path) -> None:
    write_flights(data)
    broken = '[[steps]]\ndo = "evaluate"\nmodel = "nobody"\n'
    driven = await driver(PARAMETERS + REGISTER + broken + TRAIN)
    assert told(driven) == {"register": "passed", "evaluate": "error", "train": "skipped"}
    assert driven.outcome.exit_code == 4
    assert driven.next == 'list_runs(kind="train")'
    retrain = '[[steps]]\ndo = "retrain"\nmodel = "${steps.train.model}"\n'
    driven = await driver(PARAMETERS + REGISTER + broken + 'on_failure = "ignore"\n' + TRAIN + retrain)
    assert told(driven) == {
        "register": "reused",
        "evaluate": "error, ignored",
        "train": "passed",
        "retrain": "passed",
    }
    assert "there is nothing newer" in driven.outcome.steps[3].words
    assert driven.outcome.exit_code == 0


async def test_a_schema_step_says_no_to_columns_that_are_gone(driver: Driver, data: Path) -> None:
    write_flights(data)
    await driver(PARAMETERS + REGISTER + TRAIN)
    flights(300, seed=2).drop(columns=["dep_delay"]).to_csv(data / "flights.csv", index=False)
    driven = await driver(PARAMETERS + REGISTER + '[[steps]]\ndo = "schema"\nmodel = "delay@1"\n' + TRAIN)
    assert told(driven) == {"register": "passed", "schema": "failed", "train": "skipped"}
    assert "no column `dep_delay`" in driven.outcome.verdict()


async def test_a_pipeline_waits_for_a_person_and_goes_on_where_it_stood(
    driver: Driver, workspace: Workspace, data: Path
) -> None:
    write_flights(data)
    no_gates = "".join(f"[gates.{name}]\non = false\n" for name in Gates.model_fields)
    (workspace.folder / "policy.toml").write_text(no_gates)
    promote = '[[steps]]\ndo = "promote"\nreason = "nightly"\n'
    text = PARAMETERS + REGISTER + TRAIN + promote + EVALUATE
    driven = await driver(text)
    assert told(driven) == {"register": "passed", "train": "passed", "promote": "waiting", "evaluate": "skipped"}
    assert driven.outcome.exit_code == 3
    asked = driven.outcome.steps[2]
    assert "mlsteward approve" in asked.words
    still = await driver(text)
    assert still.outcome.steps[2].run == asked.run, "nobody is asked twice"
    decision = Decision(approve=True, approver="ann", client="test", way="terminal")
    decide(workspace, asked.run or 0, decision)
    driven = await driver(text)
    assert told(driven)["promote"] == "passed"
    assert driven.outcome.steps[2].run == asked.run
    assert workspace.store.read(lambda t: find_model(t, "delay@champion")).version == 1


async def test_a_pipeline_deploys_what_it_promoted_and_a_second_one_finds_it_served(
    driver: Driver, workspace: Workspace, data: Path
) -> None:
    write_flights(data)
    no_gates = "".join(f"[gates.{name}]\non = false\n" for name in Gates.model_fields)
    (workspace.folder / "policy.toml").write_text("[approval]\npromote = false\n" + no_gates)
    text = PARAMETERS + REGISTER + TRAIN + '[[steps]]\ndo = "promote"\n[[steps]]\ndo = "deploy"\nname = "late"\n'
    try:
        steps = (await driver(text)).outcome.steps
        assert [step.state for step in steps] == ["passed"] * 4, steps[-1].words
        assert steps[2].made["model"] == "delay@champion"
        assert steps[3].made["deployment"] == "late"
        assert "late serves delay@1 (as delay@champion)" in steps[3].words
        again = (await driver(text)).outcome.steps
        assert (again[3].state, again[3].run) == ("passed", None)
        assert "already" in again[3].words
    finally:
        workspace.endpoints.close()
        end_endpoints(workspace.folder)


async def test_only_whoever_sits_at_the_terminal_lends_their_environment(
    driver: Driver, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_flights(data)
    monkeypatch.setenv("SECRET_SOURCE", "flights.csv")
    monkeypatch.setenv("PIPELINE_SOURCE", "flights.csv")
    text = REGISTER.replace("${source}", "${SECRET_SOURCE}")
    driven = await driver(text)
    assert told(driven) == {"register": "error"}
    assert "`${SECRET_SOURCE}` is neither a parameter nor set in the environment" in driven.outcome.verdict()
    assert told(await driver(text, environment="all")) == {"register": "passed"}
    assert told(await driver(text.replace("SECRET_", "PIPELINE_")))["register"] == "reused"


async def test_mistakes_in_steps_are_told_before_anything_runs(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    text = REGISTER.replace("${source}", "flights.csv") + '[[steps]]\ndo = "train"\ntraget = "late"\n'
    number = (await assistant.call("run_pipeline", text=text, wait_seconds=0))["run"]
    run = workspace.runs.wait(number, 60)
    assert run.state == "failed"
    assert "train has no `traget`" in run.error
    assert await assistant.error("run_pipeline", text="[[steps]]\ndo='x'")
    assert "no parameter 'sourec'" in await assistant.error("run_pipeline", text=text, parameters={"sourec": "x"})
    assert "Give either a file or the text" in await assistant.error("run_pipeline")
    assert "not in a folder that may be read" in await assistant.error("run_pipeline", file="/etc/passwd")
    assert workspace.store.read(lambda t: steps_of(t, 1)) == []


async def test_a_killed_pipeline_is_taken_up_at_the_step_it_was_at(
    assistant: Assistant, driver: Driver, workspace: Workspace, data: Path
) -> None:
    write_flights(data)
    slow = TRAIN.replace("logistic_regression", "hist_gradient_boosting") + "tune = 4\n"
    text = PARAMETERS + REGISTER + slow
    number = (await assistant.call("run_pipeline", text=text, wait_seconds=0))["run"]
    folder = RunFolder(workspace.runs.folder(number))

    eventually(lambda: trains(folder))
    same = await assistant.call("run_pipeline", text=text, wait_seconds=0)
    assert same["run"] == number, "what is under way is not started again"
    worker = folder.worker()
    assert worker
    (process,) = psutil.Process(worker.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    eventually(lambda: gone(process))
    assert workspace.runs.wait(number, 60).state == "lost"
    step = workspace.store.read(lambda t: steps_of(t, number))[1]
    again = await driver(text)
    assert told(again) == {"register": "reused", "train": "passed"}
    assert again.outcome.steps[1].run == step.step_run, "the training went on without its driver"


async def test_cancelling_a_pipeline_ends_what_it_waits_for(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    write_flights(data, rows=3000)
    text = PARAMETERS + REGISTER + TRAIN.replace("logistic_regression", "hist_gradient_boosting") + "tune = 200\n"
    number = (await assistant.call("run_pipeline", text=text, wait_seconds=0))["run"]
    eventually(lambda: trains(RunFolder(workspace.runs.folder(number))))
    training = workspace.store.read(lambda t: steps_of(t, number))[1].step_run
    answer = await assistant.call("cancel_run", run=number)
    assert answer["state"] == "cancelled"
    assert workspace.runs.wait(training, 60).state == "cancelled"


async def test_what_a_pipeline_tells_of_masked_columns_is_kept_from_whom_its_steps_are(
    assistant: Assistant, uncleared: Assistant, workspace: Workspace, data: Path
) -> None:
    write_flights(data)
    await assistant.call("register_dataset", name="flights", source="flights.csv")
    await assistant.call("document_asset", asset="column:flights.origin", sensitivity="confidential")
    write_flights(data, rows=200)
    text = PARAMETERS + REGISTER.replace('"flights"', '"later"') + '[[steps]]\ndo = "drift"\nreference = "flights"\n'
    number = (await assistant.call("run_pipeline", text=text, wait_seconds=0))["run"]
    verdict = finished(workspace, number).outcome.steps[1].words
    seen = await uncleared.text("get_run", run=number)
    assert "masked for your clearance" in seen
    assert verdict not in seen


def test_a_driver_is_told_no_secret_and_sees_no_more_than_its_starter(workspace: Workspace) -> None:
    from mlsteward.runs.actor import Actor
    from mlsteward.runs.pipeline_request import start_pipeline

    settings = Settings(
        workspace=workspace.folder, data=workspace.settings.data, databases=[SecretStr("postgresql://u:hunter2@db/x")]
    )
    own = Workspace(settings)
    pipeline = read_pipeline('[[steps]]\ndo = "check"\ndataset = "nothing"\n')
    try:
        number = start_pipeline(own, Actor(name="ci", clearance="internal"), pipeline)
        order = (own.runs.folder(number) / "request.json").read_text()
        own.runs.cancel(number)
    finally:
        own.close()
    assert "hunter2" not in order
    assert '"clearance":"internal"' in order
    assert '"actor":"ci"' in order
