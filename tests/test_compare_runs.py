import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.errors import UnusableData
from mlsteward.evaluation.association import Setting, associate, holm, ranks, vary_together
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.compare import Competitor, Request, work
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.models import Model, add_model
from mlsteward.store.runs import Run, add_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

ROWS = 400
RNG = np.random.default_rng(7)
TRUTH = RNG.random(ROWS) < 0.4
NOISE = RNG.normal(size=(6, ROWS))


def write_predictions(
    path: Path,
    scores: Sequence[float],
    *,
    truth: Sequence[bool] = list(TRUTH),
    rows: Sequence[int] = range(ROWS),
    units: Sequence[int] = range(ROWS),
    classes: tuple[str, str] = ("no", "yes"),
) -> None:
    """A file of test predictions as training leaves it; `scores` are of the class `yes`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    yes = classes.index("yes")
    columns = [
        list(rows),
        list(units),
        ["yes" if one else "no" for one in truth],
        ["yes" if score >= 0.5 else "no" for score in scores],
        [float(score) if yes == 0 else 1 - float(score) for score in scores],
        [float(score) if yes == 1 else 1 - float(score) for score in scores],
    ]
    with connect() as connection:
        connection.execute(
            "CREATE TABLE predictions AS SELECT unnest(?)::UBIGINT AS row, 0::UBIGINT AS features,"
            " unnest(?)::BIGINT AS unit, 1.0::DOUBLE AS weight, unnest(?) AS truth, unnest(?) AS prediction,"
            " unnest(?) AS score_0, unnest(?) AS score_1",
            columns,
        )
        connection.execute(f"COPY predictions TO {literal(str(path))} (FORMAT parquet)")


def scored(signal: float, noise: int = 0) -> list[float]:
    return list(1 / (1 + np.exp(-(signal * (TRUTH - 0.5) + NOISE[noise]))))


def trained(
    workspace: Workspace, params: dict[str, Any], auc: float, scores: Sequence[float] | None = None, **fields: Any
) -> int:
    """A completed training run, with its model and test predictions when it has scores."""
    split = fields.pop("split", {})
    told = {"kind": "train", "name": "delay", "state": "completed", "dataset": "flights@3", "target": "late"} | fields
    run = Run.model_validate({"number": 0, "created": datetime.now(UTC), "params": params} | told)

    def write(t: Transaction) -> int:
        number = add_run(t, run)
        add_metrics(t, [MetricRow(run=number, name="roc_auc", value=auc)])
        if scores is not None:
            add_model(
                t,
                Model(
                    run=number,
                    name="delay",
                    task="binary",
                    target=run.target,
                    dataset=run.dataset,
                    classes=["no", "yes"],
                    path="",
                    sha256="",
                    signature=[],
                    metric="roc_auc",
                    split=split,
                    created=run.created,
                ),
            )
        return number

    number = workspace.store.write(write)
    if scores is not None:
        write_predictions(workspace.runs.folder(number) / "artifacts" / "test_predictions.parquet", scores)
    return number


@pytest.mark.anyio
async def test_the_best_is_tested_against_the_others_and_what_differs_stands_side_by_side(
    assistant: Assistant, workspace: Workspace
) -> None:
    good, close = scored(3.0), [min(1.0, score + 0.001) for score in scored(3.0)]
    for depth, estimator, auc, scores in [
        (1, "svm", 0.7, scored(0.5, 1)),
        (2, "svm", 0.9, good),
        (3, "ridge", 0.899, close),
    ]:
        trained(workspace, {"depth": depth, "estimator": estimator, "seed": 0}, auc, scores)
    answer = await assistant.call("compare_runs")
    assert answer["columns"] == ["run", "params.depth", "params.estimator", "roc_auc"]
    assert answer["rows"] == [["run:2", "2", "svm", 0.9], ["run:3", "3", "ridge", 0.899], ["run:1", "1", "svm", 0.7]]
    same, worse = answer["pairs"]
    assert (same["run"], worse["run"], worse["rows"], worse["units"]) == (3, 1, ROWS, ROWS)
    assert same["low"] <= 0 <= same["high"]
    assert worse["low"] > 0 and worse["p"] < 0.05
    assert answer["verdict"].endswith("clearly ahead of 1 of 2 on the test rows they share; run:3 may be as good.")
    assert answer["next"] == 'evaluate_model(model="delay@2", dataset="flights@3")'


@pytest.mark.anyio
async def test_the_same_comparison_is_not_computed_twice(assistant: Assistant, workspace: Workspace) -> None:
    for number in range(2):
        trained(workspace, {}, 0.7 + number / 10, scored(1.0 + number, number))
    first = await assistant.call("compare_runs", runs=[1, "run:2"])
    assert await assistant.call("compare_runs", runs="1, 2") == first
    assert (await assistant.call("list_runs", kind="compare"))["total"] == 1


@pytest.mark.anyio
async def test_settings_that_vary_together_are_said_to_be_confounded(
    assistant: Assistant, workspace: Workspace
) -> None:
    for i in range(8):
        trained(workspace, {"depth": i, "grid": {"c": 10 * i}, "shuffle": i % 2 == 0}, 0.6 + i / 50)
    answer = await assistant.call("compare_runs", metric="roc_auc")
    effects = {effect["setting"]: effect for effect in answer["effects"]}
    assert effects["params.depth"]["words"] == "higher goes with better roc_auc (ρ 1, p 0.001, 8 runs)"
    assert effects["params.depth"]["varies_with"] == ["params.grid.c"]
    assert effects["params.shuffle"].get("varies_with") is None
    assert "no clear association" in effects["params.shuffle"]["words"]
    text = await assistant.text("compare_runs", metric="roc_auc")
    assert "cannot be told apart from params.grid.c" in text
    assert "No paired test: run:8 left no test predictions here." in text


@pytest.mark.anyio
async def test_differing_data_is_named(assistant: Assistant, workspace: Workspace) -> None:
    trained(workspace, {"depth": 1}, 0.7)
    trained(workspace, {"depth": 1}, 0.8, dataset="flights@4")
    answer = await assistant.call("compare_runs")
    assert answer["columns"] == ["run", "dataset", "roc_auc"]
    assert "The datasets differ: metrics were measured on different rows." in answer["caution"]
    assert answer["verdict"].endswith("Mind the caution.")
    trained(workspace, {"depth": 1}, 0.8, target="delay", state="failed")
    answer = await assistant.call("compare_runs", runs=["1", "3"])
    assert answer["caution"].startswith("The targets differ (delay, late)")
    assert answer["notes"][0] == "Not completed: failed run:3."


@pytest.mark.anyio
async def test_runs_that_were_split_differently_are_compared_with_a_caution(
    assistant: Assistant, workspace: Workspace
) -> None:
    by_time = {"kind": "time", "column": "departed"}
    trained(workspace, {"depth": 1}, 0.6, scored(1.0), split=by_time)
    trained(workspace, {"depth": 2}, 0.7, scored(1.0, 1), split=by_time)
    same = await assistant.call("compare_runs")
    assert not same["caution"]
    trained(workspace, {"depth": 3}, 0.9, scored(3.0), split={"kind": "row", "column": ""})
    answer = await assistant.call("compare_runs")
    assert answer["caution"] == (
        "Split differently (run:4 by row, 20% held out; run:2, run:1 by time on departed, 20% held out): scores on "
        "differently drawn test rows are not comparable. On shared rows the paired difference favours what was split "
        "at random (run:4): it trained on rows of the same days or groups."
    )
    lines = (await assistant.text("compare_runs")).splitlines()
    assert lines[0].endswith("Mind the caution.")
    assert lines[1] == f"caution: {answer['caution']}"
    test = await assistant.call("list_runs", kind="compare")
    shown = await assistant.call("get_run", run=test["runs"][0]["run"])
    assert shown["findings"][0] == answer["caution"]
    assert any(line.startswith("run:2 | ") for line in shown["findings"])


@pytest.mark.anyio
async def test_runs_that_held_out_different_shares_are_compared_with_a_caution(
    assistant: Assistant, workspace: Workspace
) -> None:
    by_row = {"kind": "row", "column": ""}
    trained(workspace, {"test_size": 0.3}, 0.6, scored(1.0), split=by_row)
    trained(workspace, {}, 0.7, scored(1.0, 1), split=by_row)
    caution = (await assistant.call("compare_runs"))["caution"]
    assert "run:1 by row, 30% held out" in caution
    assert "favours" not in caution


@pytest.mark.anyio
async def test_runs_are_chosen_by_filter_and_number_of_newest(assistant: Assistant, workspace: Workspace) -> None:
    for i in range(5):
        trained(workspace, {"depth": i}, 0.5 + i / 10)
    trained(workspace, {"depth": 9}, 0.99, state="failed")
    answer = await assistant.call("compare_runs", where="params.depth > 0", last=3)
    assert [row[0] for row in answer["rows"]] == ["run:5", "run:4", "run:3"]
    assert answer["total"] == 4


@pytest.mark.anyio
async def test_many_runs_with_many_long_settings_fit_an_answer(assistant: Assistant, workspace: Workspace) -> None:
    for i in range(30):
        trained(workspace, {f"a_setting_{k}": f"{'value' * 9} {i * k}" for k in range(12)}, 0.5 + i / 100)
    answer = await assistant.call("compare_runs", last=30)
    assert len(answer["rows"]) == 30
    assert answer["left_out"] > 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"runs": ["1"]}, "takes 2 to 30 runs, not 1"),
        ({"runs": ["1", "9"]}, "There is no run:9"),
        ({"runs": ["1", "model"]}, "is no run"),
        ({"metric": "roc_acu"}, "Did you mean `roc_auc`"),
        ({"where": "roc_auc > 0.95"}, "Only 0 completed training runs match"),
        ({"where": "roc_auc >"}, "found: `the end`"),
    ],
)
async def test_what_cannot_be_compared_is_refused_in_words(
    assistant: Assistant, workspace: Workspace, arguments: dict[str, Any], words: str
) -> None:
    for i in range(2):
        trained(workspace, {"depth": i}, 0.7)
    assert words in await assistant.error("compare_runs", **arguments)


def competitor(tmp_path: Path, run: int, scores: Sequence[float], **fields: Any) -> Competitor:
    path = tmp_path / f"{run}.parquet"
    write_predictions(path, scores, **fields)
    return Competitor(run=run, predictions=path.name, classes=list(fields.get("classes", ("no", "yes"))))


def test_only_rows_that_both_held_out_with_the_same_truth_count(tmp_path: Path) -> None:
    changed = [*(not one for one in TRUTH[:50]), *TRUTH[50:]]
    best = competitor(tmp_path, 1, scored(3.0), rows=range(100, 100 + ROWS))
    shifted = [*scored(1.0, 1)[100:], *scored(1.0, 1)[:100]]
    other = competitor(tmp_path, 2, shifted, truth=[*changed[100:], *changed[:100]], rows=range(ROWS))
    request = Request(task="binary", metric="accuracy", best=best, others=[other])
    pair = work(request, Job(folder=tmp_path, workspace=tmp_path)).pairs[0]
    assert 0 < pair.rows < ROWS - 100 + 1


def test_twin_rows_are_matched_one_to_one(tmp_path: Path) -> None:
    best = competitor(tmp_path, 1, scored(2.0), rows=[row // 2 for row in range(ROWS)])
    request = Request(task="binary", metric="roc_auc", best=best, others=[best.model_copy(update={"run": 2})])
    pair = work(request, Job(folder=tmp_path, workspace=tmp_path)).pairs[0]
    assert (pair.difference, pair.rows) == (0, ROWS)


def test_classes_in_another_order_are_the_same_classes(tmp_path: Path) -> None:
    best = competitor(tmp_path, 1, scored(2.0))
    other = competitor(tmp_path, 2, scored(2.0), classes=("yes", "no"))
    request = Request(task="binary", metric="roc_auc", best=best, others=[other])
    assert work(request, Job(folder=tmp_path, workspace=tmp_path)).pairs[0].difference == 0


def test_dependent_rows_are_resampled_by_the_coarser_units(tmp_path: Path) -> None:
    best = competitor(tmp_path, 1, scored(2.0))
    other = competitor(tmp_path, 2, scored(1.0, 1), units=[row // 20 for row in range(ROWS)])
    request = Request(task="binary", metric="roc_auc", best=best, others=[other])
    assert work(request, Job(folder=tmp_path, workspace=tmp_path)).pairs[0].units == ROWS // 20


def test_a_rival_without_shared_rows_or_classes_is_left_out_with_the_reason(tmp_path: Path) -> None:
    best = competitor(tmp_path, 1, scored(2.0))
    elsewhere = competitor(tmp_path, 2, scored(1.0), rows=range(1000, 1000 + ROWS))
    different = best.model_copy(update={"run": 3, "classes": ["no", "perhaps"]})
    request = Request(task="binary", metric="roc_auc", best=best, others=[elsewhere, different])
    pairs = work(request, Job(folder=tmp_path, workspace=tmp_path)).pairs
    assert [pair.why for pair in pairs] == ["no test row is shared", "it predicts other classes"]


def test_predictions_that_are_gone_are_unusable(tmp_path: Path) -> None:
    best = competitor(tmp_path, 1, scored(2.0))
    gone = best.model_copy(update={"run": 2, "predictions": "2/artifacts/test_predictions.parquet"})
    shutil.rmtree(tmp_path / "2", ignore_errors=True)
    request = Request(task="binary", metric="roc_auc", best=best, others=[gone])
    with pytest.raises(UnusableData, match="are gone"):
        work(request, Job(folder=tmp_path, workspace=tmp_path))


def test_a_number_goes_with_a_metric_by_rank() -> None:
    found = associate([1, 10, 100, 1000, 10000, None], [0.1, 0.2, 0.3, 0.4, 0.5, 0.9], seed=0)
    assert found is not None
    assert (found.kind, found.strength, found.runs) == ("number", pytest.approx(1), 5)
    assert found.p == pytest.approx(2 / 120)


def test_groups_go_with_a_metric_by_their_means() -> None:
    settings: list[Setting] = ["a", "a", "b", "b", None, None]
    found = associate(settings, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0], seed=0)
    assert found is not None
    assert (found.kind, found.strength) == ("group", pytest.approx(1))
    assert found.means == {"a": (1.0, 2), "b": (2.0, 2), "None": (3.0, 2)}
    assert found.p == pytest.approx(48 / 720)


@pytest.mark.parametrize(
    ("settings", "metric"),
    [(["a", "b", "a"], [1.0, 2.0, 3.0]), (["a", "b", "c", "d"], [1.0, 2.0, 3.0, 4.0]), ([1, 2, 3, 4], [1.0] * 4)],
    ids=["too few runs", "every run its own group", "one value"],
)
def test_what_cannot_be_told_is_not_told(settings: list[Setting], metric: list[float]) -> None:
    assert associate(settings, metric, seed=0) is None


def test_chance_is_not_taken_for_association() -> None:
    generator = np.random.default_rng(1)
    found = [
        associate([int(value) for value in generator.permutation(10)], list(generator.random(10)), seed=0)
        for _ in range(40)
    ]
    assert sum(one is not None and one.p < 0.05 for one in found) <= 6


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], 1.0, 1.0),
        (["a", "b"] * 4, ["x", "y"] * 4, 1.0, 1.0),
        (["a", "b"] * 4, ["x"] * 4 + ["y"] * 4, 0.0, 0.0),
        ([1, 2, 3, 11, 12, 13], ["small"] * 3 + ["large"] * 3, 0.8, 1.0),
        ([1, 2, 3, 4, 5, 6], ["a", "b"] * 3, 0.0, 0.5),
    ],
)
def test_settings_vary_together_from_0_to_1(
    first: list[Setting], second: list[Setting], low: float, high: float
) -> None:
    assert low - 1e-9 <= vary_together(first, second) <= high + 1e-9


def test_ranks_share_ties_and_holm_keeps_the_order() -> None:
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
