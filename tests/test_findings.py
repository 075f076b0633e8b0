"""What a run found reaches an assistant that did not wait for it, from `get_run`, as text and as data."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.training_samples import orders

pytestmark = pytest.mark.anyio

SMALL: dict[str, Any] = {"estimator": "hist_gradient_boosting", "params": {"max_iter": 10}}
BIG = "SELECT * REPLACE (amount + 100 AS amount) FROM orders WHERE amount IS NOT NULL"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    """A workspace with two tables and a model; each test adds runs of its own."""
    folder = tmp_path_factory.mktemp("findings")
    (folder / "data").mkdir()
    orders(400).to_csv(folder / "data" / "orders.csv", index=False)
    workspace = new_workspace(folder / "workspace", folder / "data", warm, max_wait=300)
    yield workspace
    workspace.close()


@pytest.fixture
async def steward(shared: Workspace) -> AsyncIterator[Assistant]:
    async with assistant_of(shared) as assistant:
        if (await assistant.call("list_datasets"))["total"] == 0:
            await assistant.call("register_dataset", name="orders", source="orders.csv", wait_seconds=300)
            model = {"dataset": "orders", "target": "large", "exclude": "amount", "wait_seconds": 300}
            await assistant.call("train_model", name="big", **model, **SMALL)
            await assistant.call("train_model", name="big", **model, **SMALL, split="row")
            await assistant.call("transform_dataset", name="grown", sql=BIG, wait_seconds=300)
        yield assistant


async def later(steward: Assistant, tool: str, **arguments: Any) -> tuple[dict[str, Any], list[str]]:
    """Start a run without waiting; what `get_run` says when it has ended, as data and as the lines of the text."""
    started = await steward.call(tool, wait_seconds=0, **arguments)
    assert started["next"] == f"get_run(run={started['run']}, wait_seconds=20)" or started["state"] == "completed"
    answer = await steward.call("get_run", run=started["run"], wait_seconds=300)
    assert answer["state"] == "completed", answer["verdict"]
    assert answer["findings_total"] == len(answer["findings"])
    assert "…" not in answer["next"]
    lines = (await steward.text("get_run", run=started["run"])).splitlines()
    assert [line for line in answer["findings"] if line not in lines] == []
    return answer, answer["findings"]


def holds(lines: list[str], *words: str) -> None:
    for word in words:
        assert any(word in line for line in lines), f"no line has {word!r}: {lines}"


async def test_a_training_tells_its_split_its_threshold_and_what_it_set_aside(steward: Assistant) -> None:
    answer, lines = await later(steward, "train_model", dataset="orders", target="large", **SMALL)
    holds(lines, "split by time", "from a probability of", "set aside: ", "amount decides the target", "leans on: ")
    assert answer["next"] == f'evaluate_model(model="run:{answer["run"]}", dataset="orders@1")'


async def test_the_tool_that_waited_says_the_same_lines(steward: Assistant) -> None:
    _, lines = await later(steward, "evaluate_model", model="big", dataset="orders")
    text = await steward.text("evaluate_model", model="big", dataset="orders", wait_seconds=300)
    # The page is that of another run.
    assert [line for line in lines if line not in text.splitlines() and "page: " not in line] == []


async def test_an_evaluation_tells_slices_confusion_calibration_and_what_was_searched(steward: Assistant) -> None:
    _, lines = await later(steward, "evaluate_model", model="big", dataset="orders", slices=["size"])
    holds(lines, "slices searched", "predicted at threshold", "calibration", "held-out rows of its training", "- size")


async def test_a_comparison_of_models_and_left_out_training_rows_stand_in_the_verdict(steward: Assistant) -> None:
    answer, _ = await later(steward, "evaluate_model", model="big@2", dataset="orders", baseline="big@1")
    assert "held-out rows of orders@1" in answer["verdict"]
    assert "big@1" in answer["verdict"] or any("big@1" in line for line in answer["findings"])


async def test_a_registration_tells_roles_and_warnings(steward: Assistant) -> None:
    content = "key,constant,when\n" + "\n".join(f"{i},1,2024-01-{i:02d}" for i in range(1, 29))
    answer, lines = await later(steward, "register_dataset", name="pasted", content=content)
    holds(lines, "warning: `constant`", "suggested as key: key", "suggested as event_time: when")
    assert answer["dataset"] == "pasted@1"


async def test_a_transformation_tells_columns_and_sources(steward: Assistant) -> None:
    sql = "SELECT shop, count(*) AS orders FROM orders GROUP BY shop"
    _, lines = await later(steward, "transform_dataset", name="shops", sql=sql)
    holds(lines, "made from dataset:orders@1", "shops@1: shop ")


async def test_a_drift_check_tells_the_worst_columns_the_assumption_and_the_picture(steward: Assistant) -> None:
    answer, lines = await later(steward, "check_drift", reference="orders", current="grown")
    holds(lines, "column | verdict | change", "amount | drift | ", "p values: ", "picture: mlsteward://runs/")
    assert "`amount`" in answer["verdict"]


async def test_an_explanation_tells_what_each_column_adds(steward: Assistant) -> None:
    _, lines = await later(steward, "explain_model", model="big", rows=[3])
    holds(lines, "row 3 of orders@1: ", " pushes ", "Contributions are Shapley values", "/artifacts/explanation.md")
    _, lines = await later(steward, "explain_model", model="big", dataset="grown")
    holds(lines, "loss when permuted:", "± ")


async def test_predictions_tell_the_top_rows_and_how_many_were_out_of_fold(steward: Assistant) -> None:
    answer, lines = await later(steward, "predict_rows", model="big", dataset="orders")
    holds(lines, "predicted large: ", "row | ")
    assert "got out-of-fold scores" in answer["verdict"]
    assert answer["next"] == 'predict_rows(model="big@2", dataset="orders@1", as_dataset="orders_scored")'
    assert sum(" | " in line for line in lines) == 11


async def test_the_page_of_a_run_has_its_findings_too(steward: Assistant) -> None:
    answer, lines = await later(steward, "train_model", dataset="orders", target="large", exclude="amount", **SMALL)
    page = await steward.text("read_page", uri=answer["page"])
    assert "## Findings" in page
    assert lines[0] in page


async def test_findings_that_do_not_fit_are_counted(steward: Assistant) -> None:
    columns = ", ".join(f"1 AS a_column_with_quite_a_long_name_{place}" for place in range(90))
    started = await steward.call(
        "transform_dataset", name="wide", sql=f"SELECT amount, {columns} FROM orders", wait_seconds=300
    )
    answer = await steward.call("get_run", run=started["run"])  # the client of tests checks the size
    assert all(len(line) <= 500 for line in answer["findings"])
    started = await steward.call("register_dataset", name="wider", content=_wide(), wait_seconds=300)
    answer = await steward.call("get_run", run=started["run"])
    assert answer["findings"][0].startswith("warning: ")


def _wide() -> str:
    names = [f"constant_{place}_{'x' * 50}" for place in range(110)]
    return ",".join(names) + "\n" + "\n".join(",".join("1" for _ in names) for _ in range(10))


async def test_an_error_in_a_worker_says_what_is_wrong_then_where_and_what_to_call(steward: Assistant) -> None:
    words = await steward.error(
        "train_model", dataset="orders", target="amount", estimator="ridge", params={"alhpa": 1}, wait_seconds=300
    )
    assert not words.startswith("run:")
    assert "alpha" in words
    assert " failed.)" in words
    assert words.count("Next: ") == 1


async def test_an_error_in_a_worker_names_the_dataset_in_the_call_that_comes_next(steward: Assistant) -> None:
    await steward.call("transform_dataset", name="few", sql="SELECT * FROM orders LIMIT 50", wait_seconds=300)
    words = await steward.error(
        "train_model", dataset="few", target="size", task="binary", exclude="large", wait_seconds=300
    )
    assert "(run:" in words
    assert words.endswith('Next: train_model(dataset="few@1", target="size", task="multiclass")')


async def test_columns_of_another_type_are_answered_with_the_statement_that_casts_them(steward: Assistant) -> None:
    sql = "SELECT * REPLACE (CAST(size AS VARCHAR) || ' kg' AS size) FROM orders"
    await steward.call("transform_dataset", name="texts", sql=sql, wait_seconds=300)
    words = await steward.error("predict_rows", model="big", dataset="texts")
    assert "Next: transform_dataset(name='texts_cast', sql='SELECT * REPLACE (TRY_CAST(" in words
    call = words.partition("sql='")[2].partition("')")[0]
    await steward.call("transform_dataset", name="texts_cast", sql=call, wait_seconds=300)
    assert (await steward.call("predict_rows", model="big", dataset="texts_cast", wait_seconds=300))["total"] == 400
