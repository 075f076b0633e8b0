from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlsteward.errors import InvalidFilter
from mlsteward.store.filters import Combined, Comparison, Not, fields_of, parse_filter
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.run_query import RunQuery, find_runs
from mlsteward.store.runs import Run, add_run
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

START = datetime(2026, 3, 1, tzinfo=UTC)
ESTIMATORS = ["svm", "ridge", "hist_gradient_boosting"]


def train_run(t: Transaction, metrics: dict[str, float | None] | None = None, **fields: Any) -> int:
    """Record a training run. Metrics are named as in a filter: `validation.roc_auc`, or bare for the test split."""
    run = Run.model_validate({"number": 0, "kind": "train", "state": "completed", "created": START} | fields)
    number = add_run(t, run)
    rows: list[MetricRow] = []
    for name, value in (metrics or {}).items():
        split, dot, bare = name.rpartition(".")
        rows.append(MetricRow(run=number, split=split if dot else "test", name=bare, value=value))
    add_metrics(t, rows)
    return number


def six_runs(t: Transaction) -> None:
    """Six runs: the later the better on the test rows, the worse out of fold."""
    for i in range(6):
        train_run(
            t,
            {"roc_auc": (80 + i) / 100, "log_loss": (60 - i) / 100, "validation.roc_auc": (90 - i) / 100},
            name="delay" if i < 4 else "churn",
            state="failed" if i == 5 else "completed",
            dataset=f"flights@{1 + i % 2}" if i < 4 else "customers@1",
            params={"estimator": ESTIMATORS[i % 3], "depth": 2 * i, "tuned": i > 2, "model.alpha": i, "grid": {"c": i}},
            tags={"owner": "ann" if i % 2 else "bo"},
            created=START + timedelta(days=i),
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Generator[Store]:
    """A store with the six runs, for tests that only read."""
    store = Store(tmp_path_factory.mktemp("runs") / "store.duckdb")
    store.write(six_runs)
    yield store
    store.close()


@pytest.fixture
def runs(workspace: Workspace) -> None:
    workspace.store.write(six_runs)


def numbers(store: Store, where: str = "", order_by: str = "") -> list[int]:
    return store.read(lambda t: find_runs(t, RunQuery(where=where, order_by=order_by), limit=20)).numbers


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", [6, 5, 4, 3, 2, 1]),
        ("roc_auc > 0.83", [6, 5]),
        ("metrics.roc_auc >= .83 AND roc_auc < 8.6e-1", [6, 5, 4]),
        ("test.roc_auc > 0.83", [6, 5]),
        ("validation.roc_auc > 0.88", [2, 1]),
        ("roc_auc > 0.83 or validation.roc_auc > 0.88", [6, 5, 2, 1]),
        ("roc_auc > 0.81 and params.estimator = 'svm'", [4]),
        ("params.estimator == svm", [4, 1]),
        ("params.estimator in ('svm', \"ridge\") and not run = 1", [5, 4, 2]),
        ("params.estimator not in ('svm', 'ridge')", [6, 3]),
        ("params.estimator like 'hist%'", [6, 3]),
        ("params.depth >= 8", [6, 5]),
        ("params.depth = '8'", [5]),
        ("params.tuned = true", [6, 5, 4]),
        ("params.model.alpha = 3", [4]),
        ("params.grid.c = 3", [4]),
        ("params.`model.alpha` < 1", [1]),
        ("tags.owner != 'ann'", [5, 3, 1]),
        ("dataset = 'flights'", [4, 3, 2, 1]),
        ("dataset = flights@2 or dataset in ('customers')", [6, 5, 4, 2]),
        ("dataset != 'dataset:flights'", [6, 5]),
        ("status = 'failed'", [6]),
        ("name = 'churn' and created < 2026-03-06", [5]),
        ("created >= '2026-03-03 00:00:00' and created <= '2026-03-04T00:00Z'", [4, 3]),
        ("not (roc_auc > 0.82 or (name = 'delay' and params.depth = 0))", [3, 2]),
        ("roc_auc is not null and params.depth != null", [6, 5, 4, 3, 2, 1]),
        ("params.estimator = 'it''s'", []),
    ],
)
def test_a_filter_finds_its_runs(store: Store, where: str, expected: list[int]) -> None:
    assert numbers(store, where) == expected


@pytest.mark.parametrize(
    ("order_by", "first"),
    [
        ("roc_auc", 6),
        ("roc_auc asc", 1),
        ("log_loss", 6),
        ("log_loss desc", 1),
        ("validation.roc_auc", 1),
        ("created", 6),
        ("-created", 6),
        ("created asc", 1),
        ("params.depth", 1),
        ("params.depth desc", 6),
        ("name", 6),
    ],
)
def test_a_metric_orders_best_first_and_a_time_newest_first(store: Store, order_by: str, first: int) -> None:
    assert numbers(store, order_by=order_by)[0] == first


def test_runs_without_the_metric_come_last(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    values = (None, 0.1, 0.9)
    store.write(lambda t: [train_run(t, {"roc_auc": value, "log_loss": value}) for value in values])
    store.write(train_run)
    assert numbers(store, order_by="roc_auc") == [3, 2, 4, 1]
    assert numbers(store, order_by="log_loss") == [2, 3, 4, 1]
    store.close()


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("roc_auc >> 0.9", "Expected a number or a 'text', found: `>` in\n  roc_auc >> 0.9\n           ^"),
        ("roc_auc >", "found: `the end` in\n  roc_auc >\n           ^"),
        ("(roc_auc > 1", "Expected `)`"),
        ("roc_auc > 1)", "Expected `and`, `or` or the end, found: `)`"),
        ("roc_auc > 1 name = 'x'", "found: `name`"),
        ("roc_auc", "Expected a comparison"),
        ("roc_auc in 1", "a list of values"),
        ("0.9 < roc_auc", "Expected a metric, `params.…`, `tags.…` or a field"),
        ("name = 'open", "A filter cannot hold this: `'open`"),
        ("roc_auc > 0.9; DROP TABLE runs", "A filter cannot hold this: `;`"),
        ("roc_auc > 0.9 -- and so on", "cannot hold this"),
        ("roc_auc > 'high'", "`roc_auc` is compared with a number, and 'high' is none"),
        ("created > 'yesterday'", "compared with a time such as '2026-03-01'"),
        ("roc_acu > 0.9", "Did you mean `roc_auc`"),
        ("estimator = 'svm'", "Did you mean `params.estimator`?"),
        ("params.estimatr = 'svm'", "Did you mean `params.estimator`"),
        ("holdout.roc_auc > 0.9", "on the holdout split"),
        ("(" * 200 + "roc_auc > 1" + ")" * 200, "nested"),
        ("not " * 200 + "roc_auc > 1", "at most 40"),
    ],
)
def test_a_filter_that_does_not_parse_says_where_and_what_was_meant(store: Store, where: str, words: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        numbers(store, where)
    assert words in str(refused.value)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"order_by": "roc_auc best"}, "is no order"),
        ({"order_by": "roc_acu"}, "Did you mean `roc_auc`"),
        ({"status": "done"}, "status is one of queued, running, completed"),
        ({"cursor": "next"}, "is none that list_runs gave"),
    ],
)
async def test_other_arguments_that_mean_nothing_are_refused(
    assistant: Assistant, runs: None, arguments: dict[str, Any], words: str
) -> None:
    assert words in await assistant.error("list_runs", **arguments)


@pytest.mark.anyio
async def test_pages_do_not_shift_when_runs_are_added(assistant: Assistant, workspace: Workspace, runs: None) -> None:
    first = await assistant.call("list_runs", limit=4)
    assert first["total"] == 6
    workspace.store.write(lambda t: train_run(t, {"roc_auc": 0.99}))
    second = await assistant.call("list_runs", limit=4, cursor=first["cursor"])
    assert [row["run"] for row in first["runs"] + second["runs"]] == [6, 5, 4, 3, 2, 1]
    assert (second["total"], second.get("cursor")) == (6, None)


@pytest.mark.anyio
async def test_a_row_shows_metrics_and_what_the_filter_asked_for(assistant: Assistant, runs: None) -> None:
    answer = await assistant.call("list_runs", where="params.depth > 6", order_by="validation.roc_auc")
    assert answer["runs"][0] == {
        "run": 5,
        "name": "churn",
        "status": "completed",
        "dataset": "customers@1",
        "created": "2026-03-05 00:00",
        "metrics": {"validation.roc_auc": 0.86, "roc_auc": 0.84, "log_loss": 0.56},
        "fields": {"params.depth": "8"},
    }
    text = await assistant.text("list_runs", where="params.depth > 6", order_by="validation.roc_auc")
    assert text.splitlines() == [
        "2 of 6 train runs match; first by validation.roc_auc: run:5 with 0.86.",
        "all: name churn, dataset customers@1",
        "run | status | created | params.depth | validation.roc_auc | roc_auc | log_loss",
        "5 | completed | 2026-03-05 00:00 | 8 | 0.86 | 0.84 | 0.56",
        "6 | failed | 2026-03-06 00:00 | 10 | 0.85 | 0.85 | 0.55",
        'next: compare_runs(runs=[5, 6], metric="validation.roc_auc")',
    ]


@pytest.mark.anyio
async def test_an_interval_stands_beside_the_metric_that_orders(assistant: Assistant, workspace: Workspace) -> None:
    number = workspace.store.write(train_run)
    row = MetricRow(run=number, name="roc_auc", value=0.757, low=0.742, high=0.771)
    workspace.store.write(lambda t: add_metrics(t, [row]))
    assert (await assistant.call("list_runs", order_by="roc_auc"))["runs"][0]["interval"] == [0.742, 0.771]
    assert "0.757 [0.742, 0.771]" in await assistant.text("list_runs", order_by="roc_auc")


@pytest.mark.anyio
async def test_a_hundred_wide_rows_still_fit_an_answer(assistant: Assistant, workspace: Workspace) -> None:
    def wide(t: Transaction) -> None:
        for i in range(60):
            metrics: dict[str, float | None] = {f"a_rather_long_metric_name_{k}": i / 7 + k for k in range(8)}
            train_run(t, metrics, name="n" * 60, dataset="d" * 60, params={"text": "long " * 50})

    workspace.store.write(wide)
    first = await assistant.call("list_runs", where="params.text like 'long%'", limit=100)
    rest = await assistant.call("list_runs", where="params.text like 'long%'", limit=100, cursor=first["cursor"])
    assert first["total"] == 60 > len(first["runs"])
    assert rest["runs"][0]["run"] == first["runs"][-1]["run"] - 1


@pytest.mark.anyio
async def test_an_empty_workspace_says_what_to_do(assistant: Assistant, workspace: Workspace) -> None:
    text = await assistant.text("list_runs", order_by="roc_auc")
    assert text == "There are no train runs yet.\nnext: list_datasets()"
    workspace.store.write(lambda t: train_run(t, kind="register"))
    answer = await assistant.call("list_runs")
    assert answer["verdict"] == "There are no train runs yet; of other kinds: 1 register."
    assert answer["next"] == 'list_runs(kind="")'
    assert (await assistant.call("list_runs", kind=""))["runs"][0]["kind"] == "register"


@pytest.mark.anyio
async def test_status_and_name_narrow_the_list(assistant: Assistant, runs: None) -> None:
    assert [row["run"] for row in (await assistant.call("list_runs", status="failed"))["runs"]] == [6]
    answer = await assistant.call("list_runs", name="churn", status="completed")
    assert [row["run"] for row in answer["runs"]] == [5]
    assert (await assistant.call("list_runs", name="nothing"))["verdict"] == "None of the 6 train runs matches."


def test_and_binds_tighter_than_or_and_not_tighter_than_both() -> None:
    a, b, c = (Comparison(name, "=", (1,)) for name in "abc")
    assert parse_filter("a = 1 or b = 1 and not c = 1") == Combined("or", (a, Combined("and", (b, Not(c)))))
    assert fields_of(parse_filter("a = 1 or b = 1 and not a = 2")) == ["a", "b"]
    assert parse_filter("  ") is None


def test_values_keep_their_type() -> None:
    read = parse_filter("a in (1, -2.5, 1e3, 'x', true, word, 2026-03-01)")
    assert read == Comparison("a", "in", (1, -2.5, 1000.0, "x", True, "word", "2026-03-01"))


def test_a_filter_over_several_lines_is_one_filter() -> None:
    assert parse_filter("a = 1\nand b = 2") == parse_filter("a = 1 and b = 2")
    with pytest.raises(InvalidFilter, match="found: `\\)`"):
        parse_filter("a = 1\nand )")
