"""The tool `select_rows_to_label`, and the ways of choosing behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from mlsteward.labels.selection import (
    choose_at_random,
    choose_diverse_uncertain,
    choose_typical,
    choose_uncertain,
    class_uncertainty,
    member_disagreement,
)
from mlsteward.store.lineage import edges_to
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.copied import begun, furnished

pytestmark = pytest.mark.anyio

# Two overlapping groups; the label is known for two rows in three. `code` is a key.
POINTS = (
    "SELECT 'p' || i AS code, sin(i) + (i % 2) * 1.5 AS x, cos(i * 1.7) AS y, 'of group ' || (i % 5) AS words,"
    " CASE WHEN i % 3 > 0 THEN CASE WHEN i % 2 = 0 THEN 'low' ELSE 'high' END END AS level FROM range(240) t(i)"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace to begin with, in which there are points."""

    async def furnish(workspace: Workspace) -> None:
        async with assistant_of(workspace) as assistant:
            await finish(assistant, "transform_dataset", name="points", sql=POINTS)

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def workspace(made: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


async def finish(assistant: Assistant, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call(tool, **arguments)
    while answer.get("state", "completed") != "completed":
        answer = await assistant.call("get_run", run=answer["run"], wait_seconds=20)
    return answer


async def test_without_a_model_rows_are_typical_and_none_has_a_label(assistant: Assistant) -> None:
    answer = await finish(assistant, "select_rows_to_label", dataset="points", n=6, column="level")
    assert answer["verdict"] == (
        "6 rows of 80 unlabelled in points@1 to label next: typical of parts of the data without labels."
    )
    assert (answer["strategy"], answer["unlabelled"], answer["column"]) == ("coverage", 80, "level")
    names = [row["row"] for row in answer["selected"]]
    assert len(set(names)) == 6 and all(int(name[1:]) % 3 == 0 for name in names)
    assert set(answer["selected"][0]["values"]) == {"x", "y", "words"}
    assert answer["next"] == f'record_labels(dataset="points", labels={{"{names[0]}": "…"}}, by="…")'
    page = (await assistant.call("read_page", uri=answer["page"]))["content"].splitlines()
    assert page[0] == "row,x,y,words,level" and len(page) == 7
    again = await finish(assistant, "select_rows_to_label", dataset="points", n=6, column="level")
    assert again["selected"] == answer["selected"], "the same question has the same answer"


async def test_where_no_column_of_labels_is_known_the_answer_says_so(assistant: Assistant) -> None:
    sql = "SELECT code, x, y AS height, words FROM points"
    await finish(assistant, "transform_dataset", name="bare", sql=sql)
    answer = await finish(assistant, "select_rows_to_label", dataset="bare", n=2)
    assert answer["unlabelled"] == 240
    assert answer["notes"][0].startswith("no column is known for the labels")


async def test_with_a_model_rows_are_those_it_is_unsure_of(workspace: Workspace, assistant: Assistant) -> None:
    await finish(
        assistant,
        "train_model",
        dataset="points",
        target="level",
        name="level",
        estimator="logistic_regression",
        features=["x", "y"],
        wait_seconds=25,
    )
    least_sure = await finish(
        assistant, "select_rows_to_label", dataset="points", model="level", n=40, strategy="uncertainty"
    )
    unsure = [row["uncertainty"] for row in least_sure["selected"]]
    assert unsure == sorted(unsure, reverse=True) and unsure[0] > 0.5
    diverse = await finish(assistant, "select_rows_to_label", dataset="points", model="level", n=5)
    assert (diverse["strategy"], diverse["column"]) == ("diverse", "level")
    assert "those level@1 is unsure of and that are unlike one another" in diverse["verdict"]
    edges = workspace.store.read(lambda t: edges_to(t, [f"run:{diverse['run']}"]))
    assert {(edge.source, edge.kind) for edge in edges} == {("model:level@1", "select"), ("dataset:points@1", "select")}


async def test_a_key_whose_values_repeat_names_no_rows(assistant: Assistant) -> None:
    sql = POINTS.replace("'p' || i AS code", "'p' || (i // 2) AS code")
    await finish(assistant, "transform_dataset", name="pairs", sql=sql)
    await assistant.call("document_asset", asset="column:pairs.code", role="key")
    answer = await finish(assistant, "select_rows_to_label", dataset="pairs", n=2, column="level")
    assert all(len(row["row"]) == 16 for row in answer["selected"])


async def test_a_hundred_chosen_rows_fit_one_answer_and_stand_on_a_page(assistant: Assistant) -> None:
    sql = POINTS.replace("'of group '", "repeat('of group ', 40)")
    await finish(assistant, "transform_dataset", name="wordy", sql=sql)
    answer = await finish(assistant, "select_rows_to_label", dataset="wordy", n=100, strategy="random", column="level")
    assert len(answer["selected"]) + answer["left_out"] == 80


async def test_what_cannot_be_chosen_is_refused_in_words(assistant: Assistant) -> None:
    await finish(assistant, "transform_dataset", name="done", sql="SELECT 1 AS x, 'a' AS level")
    for arguments, words in (
        ({"n": 0}, "n=0 is not between 1 and 1000"),
        ({"n": 2000}, "n=2000 is not between 1 and 1000"),
        ({"strategy": "entropy"}, "diverse"),
        ({"strategy": "diverse"}, "needs a model"),
        ({"model": "nothing"}, "No model has a name yet"),
        ({"dataset": "point"}, "Did you mean `points`?"),
        ({"dataset": "done", "column": "level"}, "Each of the rows of done@1 has a label in `level`"),
    ):
        assert words in await assistant.error("select_rows_to_label", **{"dataset": "points", **arguments})


def test_uncertainty_is_one_less_the_margin_of_the_likeliest_two() -> None:
    scores = np.array([[0.5, 0.5, 0.0], [0.9, 0.05, 0.05], [0.4, 0.35, 0.25]])
    assert class_uncertainty(scores) == pytest.approx([1.0, 0.15, 0.95])
    assert list(choose_uncertain(class_uncertainty(scores), 2)) == [0, 2]


def test_disagreement_is_the_weighted_spread_of_an_ensembles_members() -> None:
    found = member_disagreement(np.array([[1.0, 2.0], [1.0, 6.0]]), np.array([3.0, 1.0]))
    assert found == pytest.approx([0.0, np.sqrt(0.75 * 1 + 0.25 * 9)])


def test_coverage_takes_one_row_of_each_cluster_and_leaves_those_with_labels() -> None:
    generator = np.random.default_rng(0)
    middles = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    matrix = np.vstack([middle + generator.normal(size=(50, 2)) * 0.5 for middle in middles])
    first = choose_typical(matrix, 4, np.zeros((0, 2)), 0)
    assert sorted(place // 50 for place in first.tolist()) == [0, 1, 2, 3]
    labelled = matrix[:4]
    rest = choose_typical(matrix[50:], 3, labelled, 0)
    assert sorted(place // 50 for place in rest.tolist()) == [0, 1, 2]


def test_diverse_uncertain_rows_are_unsure_and_not_all_alike() -> None:
    generator = np.random.default_rng(0)
    matrix = np.vstack([np.array([[0.0, 0.0]]) + generator.normal(size=(200, 2)) * 0.01, [[5.0, 5.0], [-5.0, 5.0]]])
    uncertainty = np.concatenate([np.full(200, 0.99), [0.98, 0.97]])
    chosen = set(choose_diverse_uncertain(np.vstack([matrix[190:]]), uncertainty[190:], 3, 0).tolist())
    assert {10, 11} <= chosen, "the most uncertain alone would be three copies of one row"


def test_every_way_gives_as_many_rows_as_there_are_and_none_twice() -> None:
    matrix = np.zeros((5, 2))
    none = np.zeros((0, 2))
    for chosen in (
        choose_at_random(5, 9, 0),
        choose_typical(matrix, 9, none, 0),
        choose_diverse_uncertain(matrix, np.ones(5), 9, 0),
        choose_uncertain(np.ones(5), 9),
        choose_typical(matrix, 3, none, 0)[:3],
    ):
        assert len(set(chosen.tolist())) == len(chosen) == min(5, len(chosen))
    assert len(choose_typical(matrix, 9, none, 0)) == 5


def test_on_real_digits_selected_labels_teach_more_than_random_ones() -> None:
    loaded: Any = load_digits()
    matrix, target = loaded.data / 16, loaded.target
    order = np.random.default_rng(3).permutation(len(matrix))
    pool, held = order[:900], order[900:]

    def fit(places: Any) -> Any:
        return GaussianNB(var_smoothing=0.1).fit(matrix[places], target[places])

    def learn(diverse: bool, seed: int) -> float:
        labelled = pool[choose_typical(matrix[pool], 30, np.zeros((0, 64)), 0)] if diverse else pool[:30]
        for turn in range(3):
            free = np.setdiff1d(pool, labelled)
            unsure = class_uncertainty(fit(labelled).predict_proba(matrix[free]))
            chosen = (
                choose_diverse_uncertain(matrix[free], unsure, 20, seed)
                if diverse
                else choose_at_random(len(free), 20, seed * 10 + turn)
            )
            labelled = np.concatenate([labelled, free[chosen]])
        return float(fit(labelled).score(matrix[held], target[held]))

    at_random = float(np.mean([learn(False, seed) for seed in range(5)]))
    assert learn(True, 0) > at_random + 0.02
