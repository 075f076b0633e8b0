"""`explain_model` says what a model leans on and why a row is predicted as it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from mlsteward.data.frames import read_frame
from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.explanation import ColumnWords, RowExplanation, Term, method_words, row_words, term_words
from mlsteward.runs.job import Job
from mlsteward.runs.jobs import explain
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.serving.model_file import load_bundle
from mlsteward.workspace import Workspace
from tests.conftest import assistant_of, new_workspace
from tests.judged import flights, train_on, write

ROW = {"day": "2026-01-05", "dep_delay": "43", "distance": "500", "origin": "EWR"}
WORDS = {"dep_delay": ColumnWords(business_name="departure delay", unit="min")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explain")


@pytest.fixture(scope="module")
def model(folder: Path) -> JudgedModel:
    return train_on(folder, flights(600, 0), target="late", estimator="logistic_regression")


def explained(folder: Path, model: JudgedModel, **more: Any) -> explain.Result:
    snapshot, columns = write(flights(600, 0), folder)
    table = explain.TableFile(label="may@1", snapshot=snapshot, fingerprint=model.fingerprint, columns=columns)
    run = folder / "runs" / "99"
    run.mkdir(parents=True, exist_ok=True)
    if more.pop("on_table", False):
        more["table"] = table
    request = explain.Request(model=model, background=table, words=WORDS, **more)
    with threadpool_limits(limits=1):
        return explain.work(request, Job(folder=run, workspace=folder))


def test_a_row_of_the_call_is_explained_in_the_words_of_the_dictionary(folder: Path, model: JudgedModel) -> None:
    found = explained(folder, model, rows=[ROW])
    row = found.rows[0]
    assert row.terms[0].column == "dep_delay"
    assert row.base + sum(term.contribution for term in row.terms) == pytest.approx(row.prediction)
    assert (row.scale, row.sampled, row.outcome) == ("log-odds", 0.0, "yes")
    assert "departure delay (dep_delay) 43 min pushes the log-odds of yes up by" in found.verdict
    page = (folder / "runs/99/artifacts/explanation.md").read_text()
    assert "- origin EWR pushes the log-odds of yes" in page
    assert "Contributions are Shapley values in log-odds, exact." in page


def test_rows_are_explained_by_number(folder: Path, model: JudgedModel) -> None:
    found = explained(folder, model, numbers=[3, 1])
    assert [row.row for row in found.rows] == ["row 3 of may@1", "row 1 of may@1"]
    bundle = load_bundle(folder / model.path, model.sha256)
    path, columns = write(flights(600, 0), folder)
    score = bundle.raw_scores(read_frame(folder / path, columns).iloc[[2]])[0, 1]
    assert f"probability of yes {score:.3f}"[:24] in found.rows[0].said
    with pytest.raises(InvalidArgument, match="has rows 1 to 600; there is no row 601"):
        explained(folder, model, numbers=[601])


def test_importance_is_measured_on_rows_that_the_model_did_not_see(folder: Path, model: JudgedModel) -> None:
    found = explained(folder, model, on_table=True, measure=True)
    assert found.importance[0].columns == ["dep_delay"]
    assert found.importance[0].direction == "rises with it"
    assert found.source.endswith("rows of may@1 that the model did not see")
    assert (folder / "runs/99/artifacts/importance.png").is_file()


def test_an_ensemble_that_must_be_sampled_says_so(tmp_path: Path) -> None:
    model = train_on(tmp_path, flights(300, 0), target="late", estimator="knn")
    found = explained(tmp_path, model, rows=[ROW])
    row = found.rows[0]
    assert (row.scale, row.sampled) == ("probability", 1.0)
    assert row.base + sum(term.contribution for term in row.terms) == pytest.approx(row.prediction)
    assert "sampled for 100% of the model's weight" in method_words(found.rows, 2)
    assert " ± " in found.verdict


def test_a_regression_is_explained_in_the_unit_of_its_target() -> None:
    term = Term(column="dep_delay", value="43", contribution=-12.34)
    assert term_words(term, "target", "minutes", WORDS) == (
        "departure delay (dep_delay) 43 min pushes minutes down by 12"
    )
    row = RowExplanation(
        row="row 1", said="minutes 47", scale="target", base=23.8, prediction=47, sampled=0, terms=[term]
    )
    assert row_words(row, "minutes") == "row 1: minutes 47, from 23.8 on average"
    missing = Term(column="dep_delay", value="missing", contribution=1, error=0.1)
    assert (
        term_words(missing, "probability", "yes", {}) == "dep_delay missing pushes the probability of yes up by 1 ± 0.1"
    )


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("flown")
    data = folder / "data"
    data.mkdir()
    flights(400, 0).to_csv(data / "may.csv", index=False)
    workspace = new_workspace(folder / "workspace", data, warm)
    yield workspace
    workspace.close()


@pytest.mark.anyio
async def test_the_tool_explains_importance_rows_and_refuses_what_does_not_fit(flown: Workspace) -> None:
    async with assistant_of(flown) as assistant:
        await assistant.call("register_dataset", name="may", source="may.csv")
        await assistant.call("document_asset", asset="may.dep_delay", business_name="departure delay", unit="min")
        arguments: dict[str, Any] = {"dataset": "may", "target": "late", "exclude": ["minutes"], "split": "row"}
        await assistant.call("train_model", **arguments, name="delay", estimator="hist_gradient_boosting")

        stored = await assistant.call("explain_model", model="delay")
        assert "departure delay (dep_delay)" in stored["verdict"]
        assert "run" not in stored

        row = {"day": "2026-01-05", "dep_delay": 43, "distance": 500, "origin": "EWR"}
        found = await assistant.call("explain_model", model="delay", rows=[row, 2])
        assert found["rows_total"] == 2
        shares = found["rows"][0]
        total = shares["base"] + sum(shares["contributions"].values()) + shares["rest"]
        assert total == pytest.approx(shares["prediction"], abs=0.01)
        text = await assistant.text("explain_model", model="delay", rows=[row])
        assert "departure delay (dep_delay) 43 min pushes the log-odds of yes up by" in text

        measured = await assistant.call("explain_model", model="delay", dataset="may")
        assert "on " in measured["verdict"]
        assert measured["plot"].endswith("importance.png")

        assert "`dep_delay` is missing" in await assistant.error("explain_model", model="delay", rows=[{"day": None}])
        assert "there is no row 9999" in await assistant.error("explain_model", model="delay", rows=[9999])
