"""Retraining: a version's own recipe on newer data, and what starts it."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlsteward.monitoring.deployment_report import INPUT_DRIFT
from mlsteward.pipeline.retrain_rules import RetrainRules, Trigger
from mlsteward.pipeline.triggers import Situation, wants_data, why_retrain
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.jobs import train
from mlsteward.runs.jobs.pipeline import Result
from mlsteward.runs.schedules import retrain
from mlsteward.store.alerts import Finding, open_alerts, raise_alerts
from mlsteward.store.aliases import aliases_of
from mlsteward.store.datasets import add_version, find_dataset
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, place
from mlsteward.store.models import Model, add_model, find_model
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.copied import copied, furnished
from tests.judged import flights
from tests.promoted import QUICK

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATE: dict[str, Any] = {"target": "late", "estimator": "logistic_regression"}


def write_flights(data: Path, rows: int, **columns: object) -> None:
    """The same flights with more behind them: a later version of one table."""
    flights(rows, seed=1).drop(columns=["day"]).assign(**columns).to_csv(data / "flights.csv", index=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace to begin with: `delay` was trained on what a statement made of flights."""

    async def furnish(workspace: Workspace) -> None:
        write_flights(workspace.settings.data[0], 300)
        async with assistant_of(workspace) as assistant:
            await assistant.call("register_dataset", name="flights", source="flights.csv")
            await assistant.call("transform_dataset", name="clean", sql="SELECT * EXCLUDE (minutes) FROM flights")
            recipe: dict[str, Any] = {"params": {"C": 0.5}, "exclude": ["distance"], "seed": 7}
            await assistant.call("train_model", dataset="clean", **LATE, **recipe, name="delay")

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def trained(made: Path, tmp_path: Path, data: Path, warm: Path) -> Iterator[Workspace]:
    workspace = copied(made, tmp_path / "trained", data, warm)
    yield workspace
    workspace.close()


@pytest.fixture
async def trainer(trained: Workspace) -> AsyncIterator[Assistant]:
    async with assistant_of(trained) as assistant:
        yield assistant


def ended(workspace: Workspace, number: int) -> Result:
    run = workspace.runs.wait(number, 120)
    assert run.state == "completed", run.error
    return Result.model_validate(run.result)


def version(workspace: Workspace, label: str) -> Model:
    return workspace.store.read(lambda t: find_model(t, label))


@pytest.mark.anyio
async def test_the_recipe_of_a_version_is_trained_again_on_newer_rows_as_the_challenger(
    trainer: Assistant, trained: Workspace, data: Path
) -> None:
    (trained.folder / "policy.toml").write_text(QUICK)
    nothing = await trainer.call("retrain_model", model="delay")
    assert nothing["verdict"].startswith("delay@1 was trained on clean@1, and there is nothing newer")
    assert (nothing.get("run"), nothing["next"]) == (None, 'register_dataset(name="flights", source="…")')
    write_flights(data, 420)
    await trainer.call("register_dataset", name="flights", source="flights.csv")
    started = await trainer.call("retrain_model", model="delay", wait_seconds=0)
    steps = {step.id: step for step in ended(trained, started["run"]).outcome.steps}
    assert list(steps) == ["transform_clean", "schema", "drift", "train", "challenger", "gates"]
    assert steps["challenger"].state == "passed"
    old, new = version(trained, "delay@1"), version(trained, "delay@challenger")
    assert (new.label, new.dataset) == ("delay@2", "clean@2")
    assert trained.store.read(lambda t: aliases_of(t, "delay")) == {"challenger": 2}
    assert [column.name for column in new.signature] == [column.name for column in old.signature]
    request = RunFolder(trained.runs.folder(new.run)).read_request(train.Request)
    before = RunFolder(trained.runs.folder(old.run)).read_request(train.Request)
    assert (request.options.params, request.options.seed, request.options.metric) == ({"C": 0.5}, 7, "roc_auc")
    assert request.options.positive_label == old.classes[1]
    assert (request.choice.kind, request.salt) == (before.choice.kind, before.salt)
    run = trained.store.read(lambda t: get_run(t, started["run"]))
    assert (run.kind, run.params["model"]) == ("pipeline", "delay@1")
    answer = await trainer.text("get_run", run=started["run"])
    assert "gates:" in answer


@pytest.mark.anyio
async def test_a_schema_that_has_changed_stops_and_nothing_is_trained(
    trainer: Assistant, trained: Workspace, data: Path
) -> None:
    await trainer.call("train_model", dataset="flights", **LATE, name="plain")
    write_flights(data, 320, dep_delay="soon")
    await trainer.call("register_dataset", name="flights", source="flights.csv")
    started = await trainer.call("retrain_model", model="plain", wait_seconds=0)
    result = ended(trained, started["run"])
    assert [(step.id, step.state) for step in result.outcome.steps[:2]] == [("schema", "failed"), ("drift", "skipped")]
    assert "`dep_delay` is VARCHAR here and a number" in result.verdict
    told = await trainer.call("get_run", run=started["run"])
    assert "retrain_plain failed at the step `schema`" in told["verdict"]
    assert trained.store.read(lambda t: aliases_of(t, "plain")) == {}


@pytest.mark.anyio
async def test_the_policy_retrains_by_itself_once_there_is_newer_data(
    trainer: Assistant, trained: Workspace, data: Path
) -> None:
    now = datetime.now(UTC)

    def due(after: timedelta) -> list[str]:
        return [one.asset for one in trained.store.write(lambda t: retrain.due_work(t, now + after, trained.folder))]

    write_flights(data, 420)
    await trainer.call("register_dataset", name="flights", source="flights.csv")
    assert due(timedelta(days=2)) == [], "nothing is retrained by itself unless the policy says so"
    policy = trained.folder / "policy.toml"
    policy.write_text('[retrain]\non = ["new_data"]\nfewest_new_rows = 200\n')
    assert due(timedelta(days=2)) == [], "120 rows are too few"
    policy.write_text('[retrain]\non = ["new_data"]\nfewest_new_rows = 100\n')
    assert due(timedelta(hours=1)) == [], "it rests for a day"
    assert due(timedelta(days=2)) == ["model:delay"]
    assert due(timedelta(days=2)) == [], "who took it starts it"
    taken = retrain.Due(asset="model:delay", at=now + timedelta(days=2))
    number = retrain.begin(trained, taken)
    run = trained.store.read(lambda t: get_run(t, number))
    assert run.client == retrain.CLIENT
    assert run.reason == "new data: flights@2, +120 rows"
    trained.runs.cancel(number)
    assert due(timedelta(days=9)) == [], "the same rows are not tried again"
    policy.write_text('[retrian]\non = ["new_data"]\n')
    assert due(timedelta(days=2)) == [], "a policy with mistakes starts nothing"


@pytest.mark.anyio
async def test_a_model_without_a_name_is_not_retrained(assistant: Assistant, workspace: Workspace) -> None:
    assert "No model has a name yet" in await assistant.error("retrain_model", model="nobody")
    now = datetime.now(UTC)
    model = Model(
        run=1, task="binary", target="late", path="", sha256="", signature=[], metric="f1", dataset="", created=now
    )
    workspace.store.write(lambda t: add_model(t, model))
    assert "run:1 has no name" in await assistant.error("retrain_model", model="run:1")


def situation(**fields: object) -> Situation:
    known = {
        "model": "delay",
        "trained": NOW - timedelta(days=10),
        "data": "flights@2",
        "data_since": NOW - timedelta(days=1),
        "new_rows": 50,
        **fields,
    }
    return Situation.model_validate(known)


@pytest.mark.parametrize(
    ("on", "fields", "words"),
    [
        ([], {}, ""),
        (["new_data"], {}, "new data: flights@2, +50 rows"),
        (["new_data"], {"data_since": None}, ""),
        (["new_data"], {"data_since": NOW - timedelta(days=11)}, ""),
        (["new_data"], {"tried": NOW - timedelta(hours=12)}, ""),
        (["schedule"], {}, "on schedule: 10 days since the last training, on flights@2"),
        (["schedule"], {"trained": NOW - timedelta(days=5)}, ""),
        (["drift"], {}, ""),
        (["drift"], {"alerts": {"drift": "alert:3"}}, "alert:3, and there is newer data: flights@2"),
        (["drift"], {"alerts": {"loss": "alert:4"}}, ""),
        (["drift", "loss"], {"alerts": {"loss": "b", "drift": "a"}}, "b, and there is newer data: flights@2"),
    ],
)
def test_a_model_is_retrained_for_a_reason_and_on_newer_data(
    on: list[Trigger], fields: dict[str, object], words: str
) -> None:
    assert why_retrain(situation(**fields), RetrainRules(on=on), [], NOW) == words


def test_after_a_retraining_it_rests() -> None:
    tried = situation(tried=NOW - timedelta(hours=2), data_since=NOW - timedelta(hours=1))
    assert why_retrain(tried, RetrainRules(on=["new_data"]), [], NOW) == ""
    assert why_retrain(tried, RetrainRules(on=["new_data"], rest_hours=1), [], NOW)


def test_an_alert_without_newer_data_asks_for_some() -> None:
    standing = situation(data_since=None, alerts={"drift": "deployment:delay: input drift"})
    assert wants_data(standing, RetrainRules(), ["drift"]) == "deployment:delay: input drift"
    assert wants_data(standing, RetrainRules(on=["new_data"]), []) == ""
    assert wants_data(situation(alerts={"drift": "x"}), RetrainRules(), ["drift"]) == ""


@pytest.mark.anyio
async def test_a_drift_alert_of_its_deployment_asks_for_data_and_retrains_when_it_comes(
    assistant: Assistant, workspace: Workspace
) -> None:
    await assistant.call("register_dataset", name="flights", content="x,late\n1,yes\n2,no\n")
    (workspace.folder / "policy.toml").write_text('[retrain]\non = ["drift"]\nrest_hours = 0\n')
    now = datetime.now(UTC)
    model = Model(
        run=1,
        name="delay",
        task="binary",
        target="late",
        dataset="flights@1",
        path="",
        sha256="",
        signature=[],
        metric="roc_auc",
        created=now,
    )
    serving = Deployment(name="late", asked="delay@1", model="delay@1", created=now, changed=now)
    finding = Finding(asset="deployment:late", check=INPUT_DRIFT, severity="warning", words="dep_delay moved")

    def drifted(t: Transaction) -> None:
        add_model(t, model)
        place(t, serving, event="deployed", by=By(actor="ann"))
        raise_alerts(t, [finding], run=None)

    def due() -> list[str]:
        later = now + timedelta(days=1)
        return [one.asset for one in workspace.store.write(lambda t: retrain.due_work(t, later, workspace.folder))]

    workspace.store.write(drifted)
    assert due() == []
    (asking,) = workspace.store.read(lambda t: open_alerts(t, "model:delay"))
    assert "register newer rows" in asking.words
    newer = {"created": now + timedelta(hours=1), "rows": 9}
    workspace.store.write(lambda t: add_version(t, find_dataset(t, "flights").model_copy(update=newer)))
    assert due() == ["model:delay"]
    assert workspace.store.read(lambda t: open_alerts(t, "model:delay")) == []
