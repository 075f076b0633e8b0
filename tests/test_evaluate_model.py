"""`evaluate_model` judges on rows that the model did not see."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.evaluation.table_fit import check_table
from mlsteward.evaluation.units import independent_units
from mlsteward.evaluation.unseen import held_out_rows, tells_rows_apart, unseen_rows
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.judged import evaluate_on, flights, train_on, write

Trained = tuple[Path, pd.DataFrame, JudgedModel]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    workspace = tmp_path_factory.mktemp("evaluate")
    frame = flights(1200, 0)
    return workspace, frame, train_on(workspace, frame, target="late", estimator="logistic_regression")


def test_of_its_own_training_data_only_the_held_out_rows_count(trained: Trained) -> None:
    workspace, frame, model = trained
    found = evaluate_on(workspace, model, frame, model.fingerprint)
    assert found.held_out
    assert found.judgement.rows + found.left_out == 1200
    assert 200 < found.judgement.rows < 280
    score = found.judgement.score("roc_auc")
    assert score is not None
    assert score.value is not None
    assert score.low is not None
    assert score.low < score.value < 0.95
    assert "held-out rows of judged@1, its training data" in found.verdict


def test_training_rows_in_new_data_are_left_out_and_counted(trained: Trained) -> None:
    workspace, frame, model = trained
    mixed = pd.concat([frame, flights(500, 1)], ignore_index=True)
    held_out = evaluate_on(workspace, model, frame, model.fingerprint)
    found = evaluate_on(workspace, model, mixed, "another")
    assert not found.held_out
    assert found.left_out == held_out.left_out
    assert found.judgement.rows == 500 + held_out.judgement.rows
    assert f"{found.left_out:,} training rows left out" in found.verdict


def test_a_table_of_training_rows_alone_cannot_be_judged_on(trained: Trained) -> None:
    workspace, frame, model = trained
    words = r"Not enough data: judged@1 has \d usable rows that run:1 did not see; \d others are training rows"
    with pytest.raises(UnusableData, match=words):
        evaluate_on(workspace, model, frame.head(9), "another")


def test_the_planted_bad_slice_is_found_and_the_report_is_left(trained: Trained) -> None:
    workspace, _, model = trained
    found = evaluate_on(workspace, model, flights(2000, 2), "another", slices=["origin"])
    assert found.judgement.worst[0].conditions == ["origin = JFK"]
    assert found.judgement.worst[0].loss > found.judgement.worst[0].parent_loss
    parts = {one.part: one for one in found.judgement.named}
    assert set(parts) == {"origin = EWR", "origin = JFK", "origin = LGA"}
    assert (parts["origin = JFK"].score.high or 1) < (parts["origin = EWR"].score.low or 0)
    page = (workspace / "runs/99/artifacts/evaluation.md").read_text()
    assert "origin = JFK" in page
    assert "## Calibration" in page
    assert all((workspace / "runs/99/artifacts" / name).is_file() for name in found.plots)


def test_two_models_are_compared_on_rows_that_neither_saw(trained: Trained) -> None:
    workspace, frame, model = trained
    stump = {"max_depth": 1}
    other = train_on(workspace, frame, run=2, target="late", estimator="decision_tree", params=stump)
    fresh = flights(3000, 3)
    found = evaluate_on(workspace, model, fresh, "another", baseline=other)
    assert found.judgement.comparison is not None
    assert found.judgement.comparison.p is not None
    assert found.judgement.comparison.p < 0.01
    assert "Better than run:2" in found.verdict
    back = evaluate_on(workspace, other, fresh, "another", baseline=model)
    assert back.judgement.comparison is not None
    assert back.judgement.comparison.difference == pytest.approx(-(found.judgement.comparison.difference or 0))
    assert "Worse than run:1" in back.verdict


def test_a_threshold_moves_the_confusion_matrix(trained: Trained) -> None:
    workspace, _, model = trained
    fresh = flights(500, 4)
    flagged: list[float] = []
    for threshold in (0.2, 0.8):
        found = evaluate_on(workspace, model, fresh, "another", threshold=threshold)
        assert found.judgement.confusion is not None
        assert found.judgement.confusion.threshold == threshold
        flagged.append(sum(row[1] for row in found.judgement.confusion.counts))
    assert flagged[0] > flagged[1]


def test_a_regression_by_time_resamples_days_and_checks_its_prediction_intervals(tmp_path: Path) -> None:
    frame = flights(800, 5)
    model = train_on(tmp_path, frame, target="minutes", estimator="ridge", split="time")
    found = evaluate_on(tmp_path, model, frame, model.fingerprint)
    assert found.judgement.unit == "day"
    assert found.judgement.units == 12
    assert found.judgement.interval_coverage == pytest.approx(0.9, abs=0.07)
    assert found.plots == ["residuals.png"]


def test_rows_that_cannot_be_judged_on_are_counted(trained: Trained) -> None:
    workspace, _, model = trained
    frame = flights(200, 6)
    frame.loc[:2, "late"] = None
    frame.loc[3:4, "late"] = "cancelled"
    found = evaluate_on(workspace, model, frame, "another")
    assert found.judgement.rows == 195
    assert found.judgement.notes == [
        "3 rows have no `late`: left out.",
        "2 rows are of classes that run:1 does not know ('cancelled'): left out.",
    ]
    with pytest.raises(UnusableData, match="knows only the classes 'no', 'yes'"):
        evaluate_on(workspace, model, frame.assign(late="maybe"), "another")


def test_a_table_without_what_the_model_needs_is_refused_with_what_was_close(trained: Trained) -> None:
    workspace, frame, model = trained
    _, columns = write(frame.rename(columns={"dep_delay": "dep_delays"}), workspace)
    with pytest.raises(InvalidArgument, match=r"no column `dep_delay`.*Did you mean `dep_delays`"):
        check_table(model.signature, columns, dataset="judged@1")
    _, columns = write(frame.rename(columns={"late": "lates"}), workspace)
    with pytest.raises(InvalidArgument, match=r"no column the target `late`.*Did you mean `lates`"):
        check_table(model.signature, columns, dataset="judged@1", target="late")
    _, columns = write(frame.assign(dep_delay="much"), workspace)
    with pytest.raises(InvalidArgument, match="`dep_delay` is VARCHAR here and a number"):
        check_table(model.signature, columns, dataset="judged@1")


def test_rows_of_equal_features_and_truth_are_held_out_by_number() -> None:
    features = np.array([1, 1, 1, 2, 3], dtype=np.uint64)
    truth = np.array(["a", "a", "b", "a", "a"], dtype=object)
    test, test_truth = np.array([1, 3], dtype=np.uint64), np.array(["a", "a"], dtype=object)
    assert held_out_rows(features, truth, test, test_truth).tolist() == [True, False, False, False, True]
    assert unseen_rows(features, np.array([1, 2], dtype=np.uint64)).tolist() == [False, False, False, False, True]


def test_feature_values_that_repeat_do_not_tell_rows_apart() -> None:
    assert tells_rows_apart(np.arange(10, dtype=np.uint64))
    assert not tells_rows_apart((np.arange(10) // 4).astype(np.uint64))


def test_units_are_days_groups_or_rows() -> None:
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2026-01-01", periods=48, freq="6h"),
            "customer": pd.Series([None, *(f"c{k % 5}" for k in range(47))], dtype=object),
        }
    )
    units, unit = independent_units(frame, "time", "when")
    assert unit == "day"
    assert units is not None
    assert len(np.unique(units)) == 12
    units, unit = independent_units(frame.head(20), "time", "when")
    assert unit == "hour"
    units, unit = independent_units(frame, "group", "customer")
    assert unit == "group"
    assert units is not None
    assert len(np.unique(units)) == 6
    assert independent_units(frame, "row", "") == (None, "row")
    assert independent_units(frame, "time", "gone") == (None, "row")


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    """A workspace with last month's flights and this month's."""
    folder = tmp_path_factory.mktemp("flown")
    data = folder / "data"
    data.mkdir()
    flights(600, 0).to_csv(data / "may.csv", index=False)
    flights(400, 1).to_csv(data / "june.csv", index=False)
    workspace = new_workspace(folder / "workspace", data, warm)
    yield workspace
    workspace.close()


async def train(assistant: Assistant) -> None:
    known = await assistant.call("list_models")
    if not known.get("models"):
        for name in ("may", "june"):
            await assistant.call("register_dataset", name=name, source=f"{name}.csv")
        arguments: dict[str, Any] = {"dataset": "may", "target": "late", "exclude": ["minutes"], "split": "row"}
        await assistant.call("train_model", **arguments, name="delay", estimator="logistic_regression")
        await assistant.call(
            "train_model", **arguments, name="stump", estimator="decision_tree", params={"max_depth": 1}
        )


@pytest.mark.anyio
async def test_the_tool_answers_with_everything_that_was_asked(flown: Workspace) -> None:
    async with assistant_of(flown) as assistant:
        await train(assistant)
        found = await assistant.call(
            "evaluate_model", model="delay", dataset="june", slices=["origin", "dep_delay"], baseline="stump"
        )
        assert found["rows"] == 400
        assert found["independent"] == "400 rows"
        assert {metric["name"] for metric in found["metrics"]} >= {"roc_auc", "pr_auc", "log_loss"}
        assert "linear" in found["baselines"]
        assert "stump@1" in found["verdict"]
        assert [line["slice"] for line in found["slices"]][:1] == ["origin = LGA"] or len(found["slices"]) == 8
        text = await assistant.text("evaluate_model", model="delay", dataset="june")
        assert "roc_auc | " in text
        assert "calibration error" in text
        run = await assistant.call("get_run", run=str(found["run"]))
        assert any(metric["name"] == "roc_auc" and metric["low"] for metric in run["metrics"])


@pytest.mark.anyio
async def test_the_tool_refuses_what_does_not_fit(flown: Workspace) -> None:
    async with assistant_of(flown) as assistant:
        await train(assistant)
        assert "did you mean" in (await assistant.error("evaluate_model", model="delais", dataset="june")).lower()
        assert "`origin`" in await assistant.error("evaluate_model", model="delay", dataset="june", slices=["origins"])
        words = await assistant.error("evaluate_model", model="delay", dataset="june", threshold=1.5)
        assert "between 0 and 1" in words
        words = await assistant.error("evaluate_model", model="delay", dataset="may", baseline="dalay")
        assert "`delay`" in words
