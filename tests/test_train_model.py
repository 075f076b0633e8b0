"""The tool `train_model`, from a registered table to a model."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from mlsteward.runs.job import Job
from mlsteward.runs.jobs.train import work
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.training_samples import orders, train_request

QUICK: dict[str, Any] = {"estimator": "hist_gradient_boosting", "params": {"max_iter": 10}}
NAMED: dict[str, Any] = {**QUICK, "wait_seconds": 300}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: more are many times slower on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    """A workspace with the table `orders`, whose calls wait until a run has ended, however busy the machine."""
    folder = tmp_path_factory.mktemp("patient")
    (folder / "data").mkdir()
    orders(400).to_csv(folder / "data" / "orders.csv", index=False)
    workspace = new_workspace(folder / "workspace", folder / "data", warm, max_wait=300)
    yield workspace
    workspace.close()


@pytest.fixture
async def trainer(patient: Workspace) -> AsyncIterator[Assistant]:
    async with assistant_of(patient) as assistant:
        if (await assistant.call("list_datasets"))["total"] == 0:
            await assistant.call("register_dataset", name="orders", source="orders.csv", wait_seconds=300)
        yield assistant


@pytest.mark.anyio
async def test_a_model_is_trained_and_named_and_the_answer_says_how_good_it_is(trainer: Assistant):
    answer = await trainer.call("train_model", dataset="orders", target="large", name="big", exclude="amount", **NAMED)
    assert answer["verdict"].startswith("big@1: hist_gradient_boosting predicts `large` with ROC AUC")
    assert "linear" in answer["verdict"]
    assert "split by time" in answer["split"]
    assert {"order_id", "shop"} <= {one["name"] for one in answer["set_aside"]}
    first = answer["metrics"][0]
    assert first["name"] == "roc_auc"
    assert first["low"] < first["value"] < first["high"]
    assert first["dummy"] == 0.5
    assert answer["next"].startswith('evaluate_model(model="big')
    again = await trainer.call("train_model", dataset="orders", target="large", name="big", exclude="amount", **NAMED)
    assert again["model"] == "big@2"
    assert again["metrics"] == answer["metrics"]


@pytest.mark.anyio
async def test_the_number_behind_a_class_is_set_aside_with_the_reason(trainer: Assistant):
    text = await trainer.text("train_model", dataset="orders", target="large", **NAMED)
    assert "amount decides the target: the class changes at 3" in text
    assert " )" not in text


@pytest.mark.anyio
async def test_a_column_documented_as_known_only_after_is_set_aside(trainer: Assistant):
    await trainer.call("document_asset", asset="column:orders.plan", available_at="after")
    answer = await trainer.call("train_model", dataset="orders", target="large", exclude="amount", **NAMED)
    assert "only after" in {one["name"]: one["reason"] for one in answer["set_aside"]}["plan"]


@pytest.mark.anyio
async def test_mistakes_are_refused_before_anything_runs(trainer: Assistant, patient: Workspace):
    def models() -> list[tuple[object, ...]]:
        return patient.store.read(lambda t: t.rows("SELECT * FROM models"))

    before, known = (await trainer.call("list_runs", kind="")).get("total"), models()
    for words, arguments in {
        "Did you mean `large`": {"target": "larg"},
        "Several targets": {"target": "large, amount"},
        "Did you mean `row`": {"target": "large", "split": "random"},
        "outside 0.05 to 0.5": {"target": "large", "test_size": 0.9},
        "has the same value in every row": {"target": "shop"},
        "holds no times": {"target": "large", "time_column": "size"},
        "Did you mean `roc_auc`": {"target": "large", "metric": "roc_auk"},
    }.items():
        assert words in await trainer.error("train_model", dataset="orders", **arguments)
    assert "Did you mean `orders`" in await trainer.error("train_model", dataset="order", target="large")
    assert (await trainer.call("list_runs", kind="")).get("total") == before
    assert models() == known


@pytest.mark.anyio
async def test_what_only_the_worker_can_see_fails_the_run_in_words(trainer: Assistant):
    words = await trainer.error(
        "train_model", dataset="orders", target="large", estimator="svm", params={"gama": 5}, wait_seconds=300
    )
    assert "no parameter 'gama'" in words
    assert "Did you mean `gamma`" in words
    assert "Forecasting" in await trainer.error("train_model", dataset="orders", target="ordered")
    assert "statsforecast" in await trainer.error("train_model", dataset="orders", target="amount", task="forecast")


@pytest.mark.anyio
async def test_a_run_that_takes_longer_is_waited_for_with_get_run(trainer: Assistant):
    answer = await trainer.call("train_model", dataset="orders", target="large", wait_seconds=0, **QUICK)
    assert answer["next"].startswith("get_run(run=")
    run = await trainer.call("get_run", run=str(answer["run"]), wait_seconds=300)
    assert run["state"] == "completed"
    assert {"test", "validation"} <= {metric["split"] for metric in run["metrics"]}
    selection = [metric for metric in run["metrics"] if metric["split"] == "validation"]
    assert not any("low" in metric for metric in selection), "the spread over folds is no 95 % interval"


def test_the_same_seed_gives_the_same_predictions_and_files(tmp_path: Path):
    read = "SELECT * FROM read_parquet('{}') ORDER BY ALL"
    found: list[list[tuple[object, ...]]] = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        job = Job(folder=folder, workspace=folder)
        result = work(train_request(orders(300), job, target="large", exclude=["amount"], **QUICK), job)
        assert {"curves.png", "confusion.png", "importance.png"} <= set(result.plots)
        assert all((job.artifacts / plot).is_file() for plot in result.plots)
        assert result.importance[0].columns == ["size"]
        with duckdb.connect() as connection:
            found.append(connection.execute(read.format(job.artifacts / "test_predictions.parquet")).fetchall())
    assert found[0] == found[1]


def test_training_rows_keep_their_out_of_fold_scores(tmp_path: Path):
    job = Job(folder=tmp_path, workspace=tmp_path)
    result = work(train_request(orders(300), job, target="amount", estimator="ridge"), job)
    with duckdb.connect() as connection:
        written = job.artifacts / "train_predictions.parquet"
        table = connection.execute(f"SELECT * FROM read_parquet('{written}')").df()
    assert list(table.columns) == ["row", "features", "unit", "weight", "truth", "prediction", "fold"]
    assert len(table) == result.train_rows
    errors = table["truth"].to_numpy() - table["prediction"].to_numpy()
    assert np.sqrt(np.mean(errors**2)) < table["truth"].std()
    assert set(table["fold"]) == {0, 1}


def test_a_wide_table_is_permuted_on_fewer_rows_and_the_notes_say_so(tmp_path: Path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(2400, 40)), columns=[f"c{place}" for place in range(40)])
    frame["y"] = frame["c0"] * 3 + generator.normal(size=2400)
    job = Job(folder=tmp_path, workspace=tmp_path)
    result = work(train_request(frame, job, target="y", estimator="ridge"), job)
    assert f"Importance was measured on 416 of {result.test_rows} held-out rows." in result.notes
    assert result.importance[0].columns == ["c0"]
