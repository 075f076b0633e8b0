"""Predicting rows of a call and whole datasets."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsteward.data.engine import connect, literal, row_of
from mlsteward.data.frames import read_frame
from mlsteward.data.profile import profile_table
from mlsteward.data.snapshot import Column
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.predict import Request, Result, work
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.serving.batch import read_fitted
from mlsteward.serving.model_file import load_bundle
from mlsteward.serving.scoring import score_table
from mlsteward.store.datasets import DatasetVersion, add_version, find_dataset
from mlsteward.store.dictionary import write_entries
from mlsteward.store.models import Model, add_model
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.judged import flights, train_on, write

ROW = {"day": "2026-01-05", "dep_delay": 40.5, "distance": 500, "origin": "LGA"}
NEW = flights(300, seed=2).drop(columns=["late", "minutes"])


@dataclass
class Trained:
    """Models in one folder: of two classes (run 901) and of a number (run 902), and their training table."""

    folder: Path
    late: JudgedModel
    minutes: JudgedModel
    table: pd.DataFrame


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("predict")
    table = flights(400, seed=1)
    late = train_on(folder, table, run=901, target="late", estimator="logistic_regression")
    minutes = train_on(folder, table, run=902, target="minutes", estimator="ridge")
    return Trained(folder, late, minutes, table)


def request(model: JudgedModel, **more: Any) -> Request:
    training = f"{model.artifacts}/train_predictions.parquet"
    return Request(model=model.label, path=model.path, sha256=model.sha256, training=training, **more)


def predict(trained: Trained, model: JudgedModel, frame: pd.DataFrame | None = None, **more: Any) -> Result:
    folder = trained.folder / "runs" / "1"
    folder.mkdir(exist_ok=True)
    if frame is not None:
        more |= {"snapshot": write(frame, trained.folder)[0], "dataset": "june@1"}
    return work(request(model, **more), Job(folder=folder, workspace=trained.folder))


def own_scores(trained: Trained, model: JudgedModel, frame: pd.DataFrame) -> np.ndarray:
    """(n,) the model's own positive scores, or predictions."""
    path, columns = write(frame, trained.folder)
    bundle = load_bundle(trained.folder / model.path, model.sha256)
    return bundle.raw_scores(read_frame(trained.folder / path, columns))[:, -1]


def test_a_dataset_shows_the_ten_rows_with_the_highest_scores(trained: Trained) -> None:
    result = predict(trained, trained.late, NEW, shown=["origin"])
    scores = own_scores(trained, trained.late, NEW)
    assert (result.rows, result.columns, result.out_of_fold) == (300, ["prediction", "score_yes"], 0)
    assert [row.predicted["score_yes"] for row in result.predicted] == pytest.approx(np.sort(scores)[::-1][:10])
    best = result.predicted[0]
    assert best.shown == {"origin": NEW["origin"].iloc[best.row - 1]}
    assert best.predicted["score_yes"] == pytest.approx(scores[best.row - 1])
    assert result.summary.startswith("predicted late: ")


def test_rows_that_the_model_was_fitted_on_get_their_out_of_fold_scores(trained: Trained) -> None:
    result = predict(trained, trained.late, trained.table)
    kept = f"{trained.late.artifacts}/train_predictions.parquet"
    with connect(threads=1) as connection:
        (fitted,) = row_of(connection, f"SELECT count(*) FROM read_parquet({literal(str(trained.folder / kept))})")
    assert result.out_of_fold == fitted
    assert f"{fitted:,} of them have feature values that it was fitted on" in result.verdict
    bundle = load_bundle(trained.folder / trained.late.path, trained.late.sha256)
    assert len(read_fitted(trained.folder / kept, bundle).features) == fitted


def test_a_regression_comes_with_its_prediction_interval(trained: Trained) -> None:
    result = predict(trained, trained.minutes, NEW)
    assert result.columns == ["prediction", "prediction_low", "prediction_high"]
    first = result.predicted[0].predicted
    assert first["prediction_low"] < first["prediction"] < first["prediction_high"]
    assert first["prediction"] == pytest.approx(own_scores(trained, trained.minutes, NEW).max())


def test_new_columns_never_take_the_name_of_one_that_is_there(trained: Trained) -> None:
    result = predict(trained, trained.late, NEW.assign(Prediction=1, score_yes=0.5))
    assert result.columns == ["prediction_2", "score_yes_2"]


def test_a_table_read_in_parts_is_scored_like_one_read_at_once(trained: Trained, tmp_path: Path) -> None:
    path, _ = write(trained.table, trained.folder)
    bundle = load_bundle(trained.folder / trained.late.path, trained.late.sha256)
    fitted = read_fitted(trained.folder / trained.late.artifacts / "train_predictions.parquet", bundle)
    found: list[Any] = []
    for size in (70, 1000):
        with connect(threads=1) as connection:
            scored = score_table(
                connection,
                bundle,
                trained.folder / path,
                fitted,
                lambda done, message: None,
                scratch=tmp_path,
                part_rows=size,
            )
            found.append((scored, connection.execute("SELECT * FROM predicted").fetchall()))
    assert found[0] == found[1]


def test_unseen_categories_of_a_dataset_are_said(trained: Trained) -> None:
    result = predict(trained, trained.late, NEW.assign(origin="XXX"))
    assert result.notes == ["origin: 300 rows have values that training did not see"]


@pytest.fixture
def models(workspace: Workspace, trained: Trained) -> Iterator[Workspace]:
    link(workspace, trained)
    yield workspace


def link(workspace: Workspace, trained: Trained) -> None:
    """The trained models and two datasets, as if they had been made in this workspace."""
    (workspace.folder / "runs").mkdir()
    for model in (trained.late, trained.minutes):
        number = model.artifacts.split("/")[1]
        (workspace.folder / "runs" / number).symlink_to(trained.folder / "runs" / number, target_is_directory=True)

    def record(transaction: Transaction) -> None:
        for name, model in (("late", trained.late), ("minutes", trained.minutes)):
            add_model(transaction, stored(name, model))
        june = add_version(transaction, dataset("june", NEW, workspace.folder))
        write_entries(transaction, harvest_columns("june", june.profile, {}), "ann")
        add_version(transaction, dataset("broken", NEW.drop(columns="dep_delay"), workspace.folder))

    workspace.store.write(record)


def stored(name: str, model: JudgedModel) -> Model:
    return Model(
        run=int(model.artifacts.split("/")[1]),
        name=name,
        created=datetime.now(UTC),
        estimator="logistic_regression",
        dataset="june@1",
        **model.model_dump(include={"task", "target", "classes", "path", "sha256", "metric", "threshold"}),
        signature=model.signature,
    )


def dataset(name: str, frame: pd.DataFrame, folder: Path) -> DatasetVersion:
    snapshot, columns = write(frame, folder)
    with connect(threads=1) as connection:
        profile = profile_table(connection, f"read_parquet({literal(str(folder / snapshot))})")
    return DatasetVersion(
        name=name,
        version=1,
        family=name,
        fingerprint=name,
        schema_hash="s",
        rows=len(frame),
        bytes=1,
        columns=[Column.model_validate(column.model_dump()) for column in columns],
        snapshot=snapshot,
        created=datetime.now(UTC),
        profile=profile,
    )


@pytest.mark.anyio
async def test_rows_of_a_call_are_predicted_in_their_order(
    models: Workspace, assistant: Assistant, trained: Trained
) -> None:
    rows = [{**ROW, "dep_delay": delay} for delay in (-5, 90, None)]
    answer = await assistant.call("predict_rows", model="late", rows=rows)
    assert (answer["state"], answer["total"]) == ("completed", 3)
    scores = [row["predicted"]["score_yes"] for row in answer["predictions"]]
    assert scores[0] < 0.5 < scores[1]
    assert [row["row"] for row in answer["predictions"]] == [1, 2, 3]
    frame = pd.DataFrame([{**row, "day": pd.Timestamp(row["day"])} for row in rows])
    assert scores == pytest.approx(own_scores(trained, trained.late, frame), rel=1e-5)


@pytest.mark.anyio
async def test_a_dataset_is_predicted_through_the_tool(models: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("predict_rows", model="minutes@1", dataset="june")
    assert answer["total"] == 300
    assert len(answer["predictions"]) == 10
    assert "prediction_low" in await assistant.text("predict_rows", model="minutes", dataset="june@1")


@pytest.mark.anyio
async def test_a_dataset_of_predictions_keeps_its_columns_and_knows_what_it_came_from(
    models: Workspace, assistant: Assistant
) -> None:
    await assistant.call("document_asset", asset="june.distance", unit="miles")
    answer = await assistant.call("predict_rows", model="minutes", dataset="june", as_dataset="scored")
    assert "dataset `scored`" in answer["verdict"]
    version = models.store.read(lambda transaction: find_dataset(transaction, "scored"))
    assert [column.name for column in version.columns] == [*NEW, "prediction", "prediction_low", "prediction_high"]
    assert (version.rows, version.sources, version.family) == (300, ["dataset:june@1"], "june")
    with connect(threads=1) as connection:
        path = literal(str(models.folder / version.snapshot))
        best = row_of(connection, f"SELECT max(prediction), count(DISTINCT distance) FROM read_parquet({path})")
    assert answer["predictions"][0]["predicted"]["prediction"] == pytest.approx(best[0], rel=1e-5)
    assert best[1] == NEW["distance"].nunique()
    words = await assistant.text("lookup_data_dictionary", query="scored.prediction")
    assert "minutes, as predicted by minutes@1" in words
    assert "miles" in await assistant.text("lookup_data_dictionary", query="scored.distance")
    page = (await assistant.call("read_page", uri="mlsteward://models/minutes"))["content"]
    assert "(predict of june@1)" in page


@pytest.mark.anyio
async def test_wrong_rows_are_refused_by_row_and_leave_no_run(models: Workspace, assistant: Assistant) -> None:
    rows = [ROW, {**ROW, "distance": "far"}, {"day": None, "depdelay": 3, "distance": 1, "origin": "EWR"}]
    words = await assistant.error("predict_rows", model="late", rows=rows)
    assert 'row 2, distance: "far" is not a number' in words
    assert "row 3: column `dep_delay` is missing (is `depdelay` meant for it?)" in words
    assert (await assistant.call("list_runs", kind="predict"))["total"] == 0


@pytest.mark.anyio
async def test_strange_values_are_predicted_and_said(models: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("predict_rows", model="late", rows=[{**ROW, "origin": "XXX", "distance": 90000}])
    assert any("'XXX' (row 1) not seen in training" in note for note in answer["notes"])
    assert any(note.startswith("distance: '90000'") for note in answer["notes"])


@pytest.mark.anyio
async def test_hundreds_of_rows_fit_one_answer_as_far_as_they_do(models: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("predict_rows", model="minutes", rows=[ROW] * 300)
    assert answer["total"] == 300
    assert len(answer["predictions"]) + answer["left_out"] == 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "late"}, "either rows or a dataset"),
        ({"model": "late", "rows": [ROW], "dataset": "june"}, "either rows or a dataset"),
        ({"model": "lat", "dataset": "june"}, "Did you mean `late`?"),
        ({"model": "late", "dataset": "jun"}, "Did you mean `june`?"),
        ({"model": "late", "dataset": "broken"}, "has no column `dep_delay`"),
        ({"model": "late", "dataset": "june", "as_dataset": "No Name"}, "no_name"),
    ],
)
@pytest.mark.anyio
async def test_what_cannot_be_predicted_is_refused_in_words(
    models: Workspace, assistant: Assistant, arguments: dict[str, Any], words: str
) -> None:
    assert words in await assistant.error("predict_rows", **arguments)


@pytest.mark.anyio
async def test_a_read_only_server_predicts_and_makes_no_dataset(
    tmp_path: Path, data: Path, warm: Path, trained: Trained
) -> None:
    workspace = new_workspace(tmp_path / "read", data, warm)
    link(workspace, trained)
    workspace.close()
    workspace = new_workspace(tmp_path / "read", data, warm, read_only=True)
    async with assistant_of(workspace) as assistant:
        answer = await assistant.call("predict_rows", model="late", rows=[ROW])
        assert answer["total"] == 1
        words = await assistant.error("predict_rows", model="late", dataset="june", as_dataset="scored")
        assert "read-only" in words
    workspace.close()
