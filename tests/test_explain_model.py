"""`explain_model` says what a model leans on and why a row is predicted as it is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from mlsteward.data.frames import read_frame
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.evaluation.curve import Curve, CurvePoint
from mlsteward.evaluation.explanation import ColumnWords, RowExplanation, Term, method_words, row_words, term_words
from mlsteward.evaluation.fairness_report import MEASURES, ColumnFairness, GroupValue, MeasureGap
from mlsteward.runs.job import Job
from mlsteward.runs.jobs import explain
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.serving.model_file import load_bundle
from mlsteward.store.runs import Run
from mlsteward.tools.explain_model import explanation_of
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


def test_a_prediction_is_followed_along_columns_with_the_rows_behind(folder: Path, model: JudgedModel) -> None:
    found = explained(folder, model, curves=["dep_delay", "origin", "day"])
    delay, origin, day = found.curves
    assert [point.at for point in origin.points] == [
        str(name) for name in flights(600, 0)["origin"].value_counts().index
    ]
    assert sum(point.rows for point in delay.points) == 600
    assert delay.points[0].value < delay.points[-1].value
    assert day.points[0].at.startswith("2026-01-0")
    assert "the probability of yes goes from" in found.verdict
    assert "300 rows of may@1" in found.verdict
    page = (folder / "runs/99/artifacts/explanation.md").read_text()
    assert "| dep_delay | rows behind | mean prediction |" in page
    assert found.plots == ["partial_dependence.png"]
    assert 3000 < (folder / "runs/99/artifacts/partial_dependence.png").stat().st_size < 60_000


def test_groups_are_compared_on_rows_that_the_model_did_not_see(folder: Path, model: JudgedModel) -> None:
    snapshot, columns = write(flights(1000, 7), folder)
    table = explain.TableFile(label="june@1", snapshot=snapshot, fingerprint="another", columns=columns)
    found = explained(folder, model, table=table, groups=["origin", "minutes"])
    by_origin, by_minutes = found.fairness
    assert [gap.measure for gap in by_origin.gaps] == ["selection_rate", "true_positive_rate", "false_positive_rate"]
    # From JFK nothing can be told, so fewer of the late ones are told there.
    assert {one.group for one in by_origin.gaps[2].groups} == {"EWR", "JFK", "LGA"}
    assert by_origin.gaps[1].lowest == "JFK"
    assert by_origin.gaps[1].low is not None
    assert by_origin.gaps[1].low > 0
    assert len(by_minutes.gaps[0].groups) == 5
    assert "1,000 rows that the model did not see of june@1" in found.verdict
    page = (folder / "runs/99/artifacts/explanation.md").read_text()
    assert "## Groups of origin, on 1,000 rows" in page
    assert "fairness.png" in found.plots
    assert 3000 < (folder / "runs/99/artifacts/fairness.png").stat().st_size < 80_000


def test_too_few_rows_to_compare_groups_are_refused(folder: Path, model: JudgedModel) -> None:
    snapshot, columns = write(flights(8, 9), folder)
    table = explain.TableFile(label="few@1", snapshot=snapshot, fingerprint="few", columns=columns)
    with pytest.raises(UnusableData, match="too few to compare groups"):
        explained(folder, model, table=table, groups=["origin"])


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


def test_long_names_and_many_groups_leave_an_answer_that_fits() -> None:
    name = "a_rather_long_name_of_a_column"
    values = [f"a rather long value of a category, number {place:02d}" for place in range(13)]
    groups = [GroupValue(group=value, rows=12345, base=12345, value=0.12, low=0.1, high=0.2) for value in values]
    gaps = [
        MeasureGap(
            measure=measure, groups=groups, difference=0.2, low=0.1, high=0.3, highest=values[0], lowest=values[1]
        )
        for measure in MEASURES["binary"]
    ]
    points = [CurvePoint(at=value, rows=12345, value=0.12, low=0.1, high=0.2) for value in values]
    result = explain.Result(
        verdict="v" * 300,
        next="explain_model()",
        metric="roc_auc",
        source="",
        importance=[],
        rows=[],
        curves=[Curve(column=f"{name}{place}", averaged=300, ordered=False, points=points) for place in range(3)],
        fairness=[ColumnFairness(column=f"{name}{place}", gaps=gaps) for place in range(3)],
        notes=["a note that says a good deal of what was left out " * 3] * 6,
    )
    run = Run(
        number=1, kind="explain", state="completed", created=datetime.now(UTC), result=result.model_dump(mode="json")
    )
    answer = explanation_of(run)
    assert answer.fits()
    assert answer.groups_total == 9
    assert answer.groups
    assert answer.curves
    assert answer.text().splitlines()[-2].startswith("page: mlsteward://runs/1/")


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
        await assistant.call("train_model", **arguments, name="delay", estimator="logistic_regression")

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
        assert measured["plots"][0].endswith("importance.png")

        assert "`dep_delay` is missing" in await assistant.error("explain_model", model="delay", rows=[{"day": None}])
        assert "there is no row 9999" in await assistant.error("explain_model", model="delay", rows=[9999])

        curve = await assistant.call("explain_model", model="delay", columns=["dep_delay"])
        assert curve["curves"][0]["column"] == "dep_delay"
        assert sum(curve["curves"][0]["rows_behind"]) == 400
        assert curve["plots"][-1].endswith("partial_dependence.png")
        text = await assistant.text("explain_model", model="delay", groups=["origin"])
        assert "by origin" in text
        assert "too few rows to judge EWR, " in text or "too few rows to judge LGA, " in text or "judge JFK" in text
        refused = await assistant.error("explain_model", model="delay", columns=["dep_dely"])
        assert "Did you mean `dep_delay`?" in refused
        assert "is the target" in await assistant.error("explain_model", model="delay", groups=["late"])
        assert "has no column `orign`" in await assistant.error("explain_model", model="delay", groups=["orign"])


@pytest.mark.anyio
async def test_groups_of_a_masked_column_are_not_told(flown: Workspace) -> None:
    async with assistant_of(flown) as assistant:
        await assistant.call("document_asset", asset="may.minutes", sensitivity="restricted")
        await assistant.call("explain_model", model="delay", groups=["minutes"])
    async with assistant_of(flown.seen_by("internal")) as uncleared:
        refused = await uncleared.error("explain_model", model="delay", groups=["minutes"])
        assert "`minutes` of may@1 is masked (restricted)" in refused
