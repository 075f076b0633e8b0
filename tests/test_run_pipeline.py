"""Pipelines, run through the tools they are made of."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import anyio
import psutil
import pytest
from pydantic import SecretStr

from mlsteward.config import Settings
from mlsteward.gates.rules import Gates
from mlsteward.pipeline.spec import read_pipeline
from mlsteward.runs.approve import Decision, decide
from mlsteward.runs.folder import RunFolder
from mlsteward.store.models import find_model
from mlsteward.store.pipelines import steps_of
from mlsteward.store.runs import get_run
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.copied import copied
from tests.endings import end_endpoints
from tests.judged import flights
from tests.pipelined import (
    CLEAN,
    EVALUATE,
    PARAMETERS,
    PASSED,
    REGISTER,
    TRAIN,
    Driver,
    finished,
    told,
    trains,
    write_flights,
)
from tests.run_server import eventually, gone

pytestmark = pytest.mark.anyio


@pytest.fixture
def driver(workspace: Workspace) -> Driver:
    return Driver(workspace)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> tuple[Path, Path]:
    """A workspace to begin with, in which the pipeline of `PASSED` has passed, and the folder of its file."""
    folder, data = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("data")

    async def furnish(workspace: Workspace) -> None:
        write_flights(data)
        assert set(told(await Driver(workspace)(PASSED)).values()) == {"passed"}
        workspace.close()

    anyio.run(furnish, new_workspace(folder, data, warm))
    return folder, data


@pytest.fixture
def begun(made: tuple[Path, Path], tmp_path: Path, warm: Path) -> Iterator[Driver]:
    """Who drives pipelines after that of `PASSED`, whose file is still there."""
    folder, data = made
    write_flights(data)
    workspace = copied(folder, tmp_path / "begun", data, warm)
    yield Driver(workspace, runs=2000)
    workspace.close()


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[tuple[Workspace, int]]:
    """A workspace, and the run of a pipeline of a file in it; `old` has a column that not everybody may see."""
    folder, data = tmp_path_factory.mktemp("nightly"), tmp_path_factory.mktemp("data")
    predict = '[[steps]]\ndo = "predict"\nas_dataset = "tonight"\n'
    drift = '[[steps]]\ndo = "drift"\ncurrent = "${steps.register.dataset}"\nreference = "old"\n'
    (data / "nightly.toml").write_text(PARAMETERS.replace("flights", "none") + REGISTER + TRAIN + predict + drift)

    async def run(workspace: Workspace) -> int:
        async with assistant_of(workspace) as assistant:
            flights(300, seed=3).to_csv(data / "flights.csv", index=False)
            await assistant.call("register_dataset", name="old", source="flights.csv")
            await assistant.call("document_asset", asset="column:old.origin", sensitivity="confidential")
            write_flights(data)
            given = {"source": "flights.csv"}
            started = await assistant.call("run_pipeline", file="nightly.toml", parameters=given, wait_seconds=0)
        return started["run"]

    workspace = new_workspace(folder, data, warm)
    yield workspace, anyio.run(run, workspace)
    workspace.close()


async def test_a_pipeline_goes_from_a_file_to_predictions_in_the_name_of_who_started_it(
    nightly: tuple[Workspace, int],
) -> None:
    workspace, number = nightly
    outcome = finished(workspace, number).outcome
    assert [(step.id, step.told) for step in outcome.steps] == [
        ("register", "passed"),
        ("train", "passed"),
        ("predict", "passed"),
        ("drift", "passed"),
    ]
    assert outcome.steps[2].made["dataset"] == "tonight@1"
    run = workspace.store.read(lambda t: get_run(t, number))
    assert (run.kind, run.name, run.actor) == ("pipeline", "nightly", workspace.user)
    inner = workspace.store.read(lambda t: get_run(t, outcome.steps[1].run or 0))
    assert (inner.kind, inner.actor) == ("train", workspace.user)
    assert inner.client.startswith("mlsteward pipeline")
    async with assistant_of(workspace) as assistant:
        text = await assistant.text("get_run", run=number)
        assert "nightly passed: 4 steps." in text
        page = await assistant.text("read_page", uri=f"mlsteward://runs/{number}/artifacts/summary.md")
        assert "## ✅ nightly" in page


async def test_what_a_pipeline_tells_of_masked_columns_is_kept_from_whom_its_steps_are(
    nightly: tuple[Workspace, int],
) -> None:
    workspace, number = nightly
    verdict = finished(workspace, number).outcome.steps[3].words
    async with assistant_of(workspace.seen_by("internal")) as uncleared:
        seen = await uncleared.text("get_run", run=number)
    assert "masked for your clearance" in seen
    assert verdict not in seen


async def test_what_has_changed_is_done_again_and_nothing_else(begun: Driver, made: tuple[Path, Path]) -> None:
    _, data = made
    again = {"register": "reused", "transform": "reused", "train": "passed"}
    assert set(told(await begun(PASSED)).values()) == {"reused"}
    assert told(await begun(PASSED.replace('"minutes"', '"origin"'))) == again, "another argument"
    async with assistant_of(begun.workspace) as assistant:
        await assistant.call("document_asset", asset="column:clean.distance", available_at="after")
    assert told(await begun(PASSED)) == again, "a word that training heeds"
    write_flights(data, rows=320)
    untrained = PASSED.replace(TRAIN, "")
    assert told(await begun(untrained)) == {"register": "passed", "transform": "passed"}
    assert told(await begun(untrained, fresh=True)) == {"register": "passed", "transform": "passed"}


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


async def test_a_step_that_cannot_be_done_breaks_the_pipeline_unless_it_is_ignored(begun: Driver) -> None:
    broken = '[[steps]]\ndo = "evaluate"\nmodel = "nobody"\n'
    driven = await begun(PARAMETERS + REGISTER + broken + CLEAN)
    assert told(driven) == {"register": "reused", "evaluate": "error", "transform": "skipped"}
    assert driven.outcome.exit_code == 4
    assert driven.next == "list_models()"
    retrain = '[[steps]]\ndo = "retrain"\nmodel = "${steps.train.model}"\n'
    driven = await begun(PARAMETERS + REGISTER + broken + 'on_failure = "ignore"\n' + CLEAN + TRAIN + retrain)
    assert told(driven) == {
        "register": "reused",
        "evaluate": "error, ignored",
        "transform": "reused",
        "train": "reused",
        "retrain": "passed",
    }
    assert "there is nothing newer" in driven.outcome.steps[4].words
    assert driven.outcome.exit_code == 0


async def test_a_schema_step_says_no_to_columns_that_are_gone(begun: Driver, made: tuple[Path, Path]) -> None:
    _, data = made
    flights(300, seed=2).drop(columns=["dep_delay"]).to_csv(data / "flights.csv", index=False)
    driven = await begun(PARAMETERS + REGISTER + '[[steps]]\ndo = "schema"\nmodel = "delay@1"\n' + TRAIN)
    assert told(driven) == {"register": "passed", "schema": "failed", "train": "skipped"}
    assert "no column `dep_delay`" in driven.outcome.verdict()


async def test_a_pipeline_waits_for_a_person_and_goes_on_where_it_stood(begun: Driver) -> None:
    workspace = begun.workspace
    no_gates = "".join(f"[gates.{name}]\non = false\n" for name in Gates.model_fields)
    (workspace.folder / "policy.toml").write_text(no_gates)
    promote = '[[steps]]\ndo = "promote"\nreason = "nightly"\n'
    text = PASSED + promote + EVALUATE
    driven = await begun(text)
    assert list(told(driven).values()) == ["reused", "reused", "reused", "waiting", "skipped"]
    assert driven.outcome.exit_code == 3
    asked = driven.outcome.steps[3]
    assert "mlsteward approve" in asked.words
    still = await begun(text)
    assert still.outcome.steps[3].run == asked.run, "nobody is asked twice"
    decision = Decision(approve=True, approver="ann", client="test", way="terminal")
    decide(workspace, asked.run or 0, decision)
    driven = await begun(text)
    assert told(driven)["promote"] == "passed"
    assert driven.outcome.steps[3].run == asked.run
    assert workspace.store.read(lambda t: find_model(t, "delay@champion")).version == 1


async def test_a_pipeline_deploys_what_it_promoted_and_a_second_one_finds_it_served(begun: Driver) -> None:
    workspace = begun.workspace
    no_gates = "".join(f"[gates.{name}]\non = false\n" for name in Gates.model_fields)
    (workspace.folder / "policy.toml").write_text("[approval]\npromote = false\n" + no_gates)
    text = PASSED + '[[steps]]\ndo = "promote"\n[[steps]]\ndo = "deploy"\nname = "late"\n'
    try:
        steps = (await begun(text)).outcome.steps
        assert [step.state for step in steps] == ["passed"] * 5, steps[-1].words
        assert steps[3].made["model"] == "delay@champion"
        assert steps[4].made["deployment"] == "late"
        assert "late serves delay@1 (as delay@champion)" in steps[4].words
        again = (await begun(text)).outcome.steps
        assert (again[4].state, again[4].run) == ("passed", None)
        assert "already" in again[4].words
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
    slow = TRAIN.replace("logistic_regression", "hist_gradient_boosting") + "tune = 2\n"
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
