"""Predicting rows as a source of the training data has them: the recorded statement is applied first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.store.models import find_model
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.copied import begun, furnished

pytestmark = pytest.mark.anyio

FLIGHTS = (
    "SELECT i AS number, ['UA', 'AA', 'DL'][i % 3 + 1] AS carrier, 200 + (i * 53) % 900 AS distance,"
    " ((i * 37) % 60 - 10)::DOUBLE AS dep_delay,"
    " CASE WHEN i % 50 = 0 THEN NULL ELSE (i * 37) % 60 - 10 + (i * 17) % 21 END AS arr_delay FROM range({rows}) t(i)"
)
CARRIERS = "SELECT * FROM (VALUES ('UA', 5.5), ('AA', 3.25), ('DL', 7.0)) t(carrier, fleet)"
LATE = (
    "SELECT f.number, f.dep_delay, f.distance // 100 AS hops, c.fleet * 2 AS fleet, upper(f.carrier) AS name,"
    " f.arr_delay > 15 AS late FROM flights f JOIN carriers c USING (carrier)"
    " WHERE f.arr_delay IS NOT NULL AND f.distance >= 200"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace to begin with: flights, and a model trained on what a statement made of them."""

    async def furnish(workspace: Workspace) -> None:
        async with assistant_of(workspace) as assistant:
            for name, sql in (("flights", FLIGHTS.format(rows=400)), ("carriers", CARRIERS)):
                await done(assistant, "transform_dataset", name=name, sql=sql)
            await trained(assistant, LATE)

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def workspace(made: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


async def done(assistant: Assistant, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call(tool, **arguments)
    while answer.get("state", "completed") != "completed":
        await assistant.call("get_run", run=answer["run"], wait_seconds=20)
        answer = await assistant.call(tool, **arguments)
    return answer


async def trained(assistant: Assistant, late: str, dataset: str = "late", model: str = "delay") -> None:
    await done(assistant, "transform_dataset", name=dataset, sql=late)
    await done(assistant, "train_model", dataset=dataset, target="late", name=model, estimator="logistic_regression")


def scores(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [row["predicted"] for row in answer["predictions"]]


async def test_source_rows_predict_as_transformed_rows_do_or_say_why_not(
    assistant: Assistant, workspace: Workspace
) -> None:
    model = workspace.store.read(lambda t: find_model(t, "delay"))
    assert [(step.dataset, step.sources) for step in model.transforms if step.dataset == "late@1"] == [
        ("late@1", ["flights@1", "carriers@1"])
    ]
    rows = [
        {"number": 9001, "carrier": "ua", "distance": 450, "dep_delay": 31},
        {"number": 9002, "carrier": "DL", "distance": 999, "dep_delay": -4.5},
        {"number": 9003, "carrier": "AA", "distance": 200, "dep_delay": None},
    ]
    rows[0]["carrier"] = "UA"
    features = [
        {"number": 9001, "dep_delay": 31, "hops": 4, "fleet": 11.0, "name": "UA"},
        {"number": 9002, "dep_delay": -4.5, "hops": 9, "fleet": 14.0, "name": "DL"},
        {"number": 9003, "dep_delay": None, "hops": 2, "fleet": 6.5, "name": "AA"},
    ]
    through = await done(assistant, "predict_rows", model="delay", rows=rows)
    plain = await done(assistant, "predict_rows", model="delay", rows=features)
    assert scores(through) == scores(plain)
    assert [row["row"] for row in through["predictions"]] == [1, 2, 3]
    notes = " ".join(through["notes"])
    assert "rows are taken as rows of flights@1, and the statement of late@1 was applied" in notes
    assert "its conditions on arr_delay were left out" in notes
    assert "was applied" not in " ".join(plain["notes"])

    # A join meets the version of then, whatever its table has become.
    await done(assistant, "transform_dataset", name="carriers", sql=CARRIERS.replace("5.5", "99"))
    assert scores(await done(assistant, "predict_rows", model="delay", rows=rows)) == scores(through)

    row = {"number": 1, "carrier": "UA", "distance": 300, "dep_delay": 1}
    words = await assistant.error("predict_rows", model="delay", rows=[row, {**row, "carrier": "XX"}])
    assert "the statement of late@1 leaves out row 2" in words
    words = await assistant.error("predict_rows", model="delay", rows=[{**row, "distance": 10}])
    assert "leaves out row 1" in words
    words = await assistant.error("predict_rows", model="delay", rows=[{"number": 1, "carrier": "UA", "dep_delay": 3}])
    assert "like rows of flights@1, from which late@1 was made, but lack `distance`" in words
    assert "Of late@1 itself they lack" in words


async def test_a_dataset_like_the_source_keeps_its_rows_and_columns(assistant: Assistant, workspace: Workspace) -> None:
    fresh = "SELECT number + 5000 AS number, carrier, distance, dep_delay FROM flights ORDER BY hash(number)"
    await done(assistant, "transform_dataset", name="fresh", sql=fresh)
    await done(assistant, "predict_rows", model="delay", dataset="fresh", as_dataset="scored")
    await done(
        assistant,
        "transform_dataset",
        name="prepared",
        sql="SELECT number, dep_delay, distance // 100 AS hops, fleet * 2 AS fleet, upper(carrier) AS name"
        " FROM fresh JOIN carriers USING (carrier)",
    )
    await done(assistant, "predict_rows", model="delay", dataset="prepared", as_dataset="expected")
    compared = await assistant.call(
        "query_data",
        sql="SELECT count(*), count(s.distance), max(abs(s.score_true - e.score_true)),"
        " bool_and(s.prediction = e.prediction) FROM scored s JOIN expected e USING (number)",
    )
    assert compared["rows"] == [[400, 400, 0.0, True]]
    traced = await assistant.text("trace_lineage", asset="scored", direction="upstream", depth=1)
    assert "dataset:fresh@1 (predict" in traced
    assert "model:delay@1 (predict" in traced

    # Rows that the statement leaves out are counted, and the others keep their numbers.
    answer = await done(assistant, "predict_rows", model="delay", dataset="flights", as_dataset="again")
    assert answer["total"] == 392
    assert "8 rows are left out by the statement of late@1, and not predicted" in answer["notes"]
    assert answer["out_of_fold"] > 200, "rows of the training are known again"
    numbers = {row["row"]: row["shown"] for row in answer["predictions"]}
    assert all(shown["number"] == str(row - 1) for row, shown in numbers.items())
    kept = await assistant.call("query_data", sql="SELECT count(*), count(arr_delay) FROM again")
    assert kept["rows"] == [[392, 392]]


async def test_a_statement_that_puts_rows_together_is_refused_in_words(assistant: Assistant) -> None:
    late = (
        "SELECT carrier, distance AS hops, avg(dep_delay) AS mean_delay, avg(arr_delay) > 15 AS late"
        " FROM flights GROUP BY ALL"
    )
    await trained(assistant, late, "means", "mean")
    rows = [{"carrier": "UA", "distance": 300, "dep_delay": 4}]
    words = await assistant.error("predict_rows", model="mean", rows=rows)
    assert "puts rows together" in words
    assert 'transform_dataset(name="means")' in words


async def test_a_column_that_only_shares_its_name_is_not_taken_for_the_models(assistant: Assistant) -> None:
    late = (
        "SELECT dep_delay, distance / 1000 AS distance, arr_delay > 15 AS late FROM flights WHERE arr_delay IS NOT NULL"
    )
    await trained(assistant, late, "shares", "share")
    await done(assistant, "predict_rows", model="share", dataset="flights", as_dataset="through")
    await done(assistant, "predict_rows", model="share", dataset="shares", as_dataset="plain")
    compared = await assistant.call(
        "query_data",
        sql="SELECT (SELECT sum(score_true) FROM through) - (SELECT sum(score_true) FROM plain),"
        " (SELECT max(distance) FROM through) > 1000, (SELECT max(distance) FROM plain) < 2",
    )
    assert compared["rows"][0][0] == pytest.approx(0, abs=1e-9)
    assert compared["rows"][0][1:] == [True, True]
    answer = await done(assistant, "predict_rows", model="share", rows=[{"dep_delay": 3, "distance": 0.4}])
    assert "distance is taken as shares@1 has it, not as its source does" in answer["notes"]


async def test_rows_go_through_a_chain_of_statements(assistant: Assistant) -> None:
    await done(
        assistant, "transform_dataset", name="raw", sql=FLIGHTS.format(rows=400).replace("AS distance", "AS miles")
    )
    cleaned = "SELECT number, carrier, miles * 2 AS distance, dep_delay, arr_delay FROM raw"
    await done(assistant, "transform_dataset", name="cleaned", sql=cleaned)
    late = "SELECT distance / 100 AS hops, dep_delay, arr_delay > 15 AS late FROM cleaned WHERE arr_delay IS NOT NULL"
    await trained(assistant, late, "chained", "chain")
    through = await done(assistant, "predict_rows", model="chain", rows=[{"miles": 250, "dep_delay": 12}])
    halfway = await done(assistant, "predict_rows", model="chain", rows=[{"distance": 500, "dep_delay": 12}])
    plain = await done(assistant, "predict_rows", model="chain", rows=[{"hops": 5.0, "dep_delay": 12}])
    assert scores(through) == scores(halfway) == scores(plain)
