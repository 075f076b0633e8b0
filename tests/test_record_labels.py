"""The tool `record_labels`: labels become versions, everybody's are kept, and two people's agreement is measured."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.errors import InvalidArgument
from mlsteward.labels.reading import read_labels
from mlsteward.store.datasets import find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.lineage import edges_to
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.copied import begun, furnished

pytestmark = pytest.mark.anyio

TICKETS = (
    "SELECT i AS id, 'ticket about ' || ['billing', 'login', 'delivery'][i % 3 + 1] || ' ' || i AS words,"
    " i % 7 AS priority, CAST(NULL AS VARCHAR) AS category FROM range(60) t(i)"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace to begin with, in which there are tickets."""

    async def furnish(workspace: Workspace) -> None:
        async with assistant_of(workspace) as assistant:
            await tickets(assistant, TICKETS)

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def workspace(made: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
async def blank(tmp_path: Path, data: Path, warm: Path) -> AsyncIterator[Assistant]:
    """Who makes tickets of another kind, in a workspace without any."""
    workspace = new_workspace(tmp_path / "blank", data, warm)
    async with assistant_of(workspace) as assistant:
        yield assistant
    workspace.close()


async def tickets(assistant: Assistant, sql: str) -> None:
    await finish(assistant, "transform_dataset", name="tickets", sql=sql)


async def finish(assistant: Assistant, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call(tool, **arguments)
    while answer.get("state", "completed") != "completed":
        answer = await assistant.call("get_run", run=answer["run"], wait_seconds=20)
    return answer


async def label(assistant: Assistant, labels: dict[str, Any], by: str, **more: Any) -> dict[str, Any]:
    return await finish(assistant, "record_labels", dataset="tickets", labels=labels, by=by, column="category", **more)


async def rows(assistant: Assistant, sql: str) -> list[list[Any]]:
    return (await assistant.call("query_data", sql=sql))["rows"]


async def test_labels_make_a_version_that_says_who_gave_them(workspace: Workspace, assistant: Assistant) -> None:
    answer = await label(assistant, {"3": "billing", "4": "login"}, "Ann Lee")
    assert answer["verdict"] == "2 labels by Ann Lee recorded; 2 of 60 rows of tickets have a label in `category`."
    assert (answer["dataset"], answer["recorded"], answer["labelled"]) == ("tickets@2", 2, 2)
    assert await rows(
        assistant,
        "SELECT id, category, category_labelled_by, category_labelled_at IS NOT NULL FROM tickets"
        " WHERE category IS NOT NULL ORDER BY id",
    ) == [[3, "billing", "Ann Lee", True], [4, "login", "Ann Lee", True]]
    assert await rows(assistant, "SELECT list(id) = range(60) FROM tickets") == [[True]], "rows keep their order"
    edges = workspace.store.read(lambda t: edges_to(t, ["dataset:tickets@2"]))
    assert [(edge.source, edge.kind) for edge in edges] == [("dataset:tickets@1", "label")]
    change = (await assistant.call("list_activity", asset="tickets"))["changes"][0]
    assert (change["action"], change["why"]) == ("label", "labels of `category` by Ann Lee")


async def test_what_comes_with_labels_is_known_only_afterwards(workspace: Workspace, assistant: Assistant) -> None:
    await label(assistant, {"3": "billing", "4": "login"}, "ann")
    entries = {entry.column: entry for entry in workspace.store.read(lambda t: column_entries(t, "tickets"))}
    for name in ("category_labelled_by", "category_labelled_at"):
        assert (entries[name].role, entries[name].available_at) == ("ignore", "after")
    assert entries["category"].role == "target", "so that the next call need not say the column"
    answer = await finish(assistant, "record_labels", dataset="tickets", labels={"5": "login"}, by="ann")
    assert answer["column"] == "category"


async def test_a_model_never_learns_from_who_labelled(workspace: Workspace, assistant: Assistant) -> None:
    await finish(
        assistant, "transform_dataset", name="tickets", sql=TICKETS.replace("60", "200").replace("i AS id, ", "")
    )
    picked = await finish(assistant, "select_rows_to_label", dataset="tickets", n=200, column="category")
    file = workspace.runs.folder(picked["run"]) / "artifacts" / "rows_to_label.csv"
    names = [line.split(",")[0] for line in file.read_text("utf-8").splitlines()[1:]]
    labels = {name: "ab"[place % 2] for place, name in enumerate(names)}
    await label(assistant, labels, "ann")
    trained = await finish(
        assistant, "train_model", dataset="tickets", target="category", estimator="decision_tree", wait_seconds=25
    )
    aside = {one["name"] for one in trained["set_aside"]}
    assert {"category_labelled_by", "category_labelled_at"} <= aside


async def test_the_same_label_again_is_nothing_new_and_another_is_taken_at_the_last_word(assistant: Assistant) -> None:
    await label(assistant, {"3": "billing", "4": "login"}, "ann")
    answer = await label(assistant, {"3": "billing"}, "ann")
    assert (answer["verdict"], answer["dataset"]) == (
        "ann has given these labels already; nothing new was recorded.",
        "tickets@2",
    )
    await label(assistant, {"3": "login"}, "ann")
    assert await rows(assistant, "SELECT category FROM tickets WHERE id = 3") == [["login"]]


async def test_a_tie_leaves_the_row_unlabelled_until_there_is_a_majority(assistant: Assistant) -> None:
    await label(assistant, {"3": "billing", "4": "login"}, "ann")
    answer = await label(assistant, {"3": "login", "4": "login"}, "bob")
    assert answer["disputes"] == [
        {"row": "3", "said": {"ann": "billing", "bob": "login"}, "label": "none without a majority"}
    ]
    assert (answer["labelled"], answer["agreement"][0]["same"]) == (1, 1)
    assert "not enough shared rows" in answer["verdict"]
    assert await rows(assistant, "SELECT category, category_labelled_by FROM tickets WHERE id = 3") == [
        [None, "ann, bob"]
    ]
    await label(assistant, {"3": "login"}, "cem")
    assert await rows(assistant, "SELECT category, category_labelled_by FROM tickets WHERE id = 3") == [
        ["login", "ann, bob, cem"]
    ]


async def test_two_people_on_the_same_rows_get_cohens_kappa(assistant: Assistant) -> None:
    ann = {str(i): "yes" if i < 10 else "no" for i in range(20)}
    bob = {**ann, "0": "no", "19": "yes"}
    await label(assistant, ann, "ann")
    answer = await label(assistant, bob, "bob")
    (agreement,) = answer["agreement"]
    assert (agreement["rows"], agreement["same"], round(agreement["coefficient"], 3)) == (20, 18, 0.8)
    assert "Ann and bob agree on 18 of 20 rows; Cohen's κ 0.8 [0.398, 0.944]." in answer["verdict"]


async def test_labels_survive_a_version_that_comes_without_them(assistant: Assistant) -> None:
    await label(assistant, {"3": "billing"}, "ann")
    await tickets(assistant, TICKETS.replace("60", "70"))
    assert await rows(assistant, "SELECT count(category) FROM tickets") == [[0]]
    answer = await label(assistant, {"65": "login"}, "ann")
    assert (answer["labelled"], answer["rows"]) == (2, 70)


async def test_rows_without_a_key_are_named_by_what_they_hold_and_rows_alike_are_one(blank: Assistant) -> None:
    await tickets(blank, "SELECT 'the same' AS words, NULL::VARCHAR AS category, i % 2 AS n FROM range(10) t(i)")
    picked = await finish(blank, "select_rows_to_label", dataset="tickets", column="category")
    names = [row["row"] for row in picked["selected"]]
    assert [len(name) for name in names] == [16, 16], "rows alike are not chosen twice"
    answer = await label(blank, {names[0]: "a"}, "ann")
    assert answer["labelled"] == 5
    assert answer["notes"] == ["4 rows have the values of a row that was labelled, and its label"]
    again = await label(blank, {names[0]: "a"}, "bob")
    assert (again["labelled"], again["agreement"][0]["same"]) == (5, 1), "the name is the same in the next version"


async def test_a_column_that_is_not_there_is_made(blank: Assistant) -> None:
    await tickets(blank, "SELECT i AS id, 'x' || i AS words FROM range(30) t(i)")
    answer = await finish(
        blank, "record_labels", dataset="tickets", labels={"1": True, "2": False}, by="ann", column="urgent"
    )
    assert answer["notes"] == ["`urgent` is a new column of type BOOLEAN"]
    assert await rows(blank, "SELECT urgent FROM tickets WHERE id IN (1, 2) ORDER BY id") == [[True], [False]]


async def test_of_numbers_the_median_is_taken_and_the_difference_said(blank: Assistant) -> None:
    await tickets(blank, "SELECT i AS id, i * 1.5 AS amount, CAST(NULL AS DOUBLE) AS price FROM range(40) t(i)")
    for person, more in (("ann", 0), ("bob", 2)):
        answer = await finish(
            blank,
            "record_labels",
            dataset="tickets",
            labels={str(i): i * 10 + more for i in range(12)},
            by=person,
            column="price",
        )
    assert "they differ by 2 on average; Lin's concordance 0.998" in answer["agreement"][0]["words"]
    assert await rows(blank, "SELECT price FROM tickets WHERE id = 3") == [[31.0]]


BAD_CALLS: list[tuple[dict[str, Any], str]] = [
    ({"labels": {}}, "labels is empty"),
    ({"labels": {"3": ""}}, "row 3: has no label; leave it out"),
    (
        {"labels": {"3": "billing", "99": "login", "x": "login"}},
        "tickets@2 has no row 99, x. Rows are named by `id`",
    ),
    ({"labels": {"3": "biling"}}, "Did you mean `billing`?"),
    (
        {"labels": {"3": "spam"}},
        'document_asset(asset="column:tickets.category", allowed_values=["billing", "login"',
    ),
    ({"labels": {"3": "billing"}, "by": " "}, "by names the person"),
    ({"labels": {"3": "billing"}, "by": "a, b"}, "without commas"),
    ({"labels": {"3": "high"}, "column": "priority"}, "row 3: 'high' is not a number"),
    ({"labels": {"3": 1.5}, "column": "priority"}, "row 3: 1.5 is not a whole number"),
    ({"labels": {"3": "7"}, "column": "id"}, "`id` is the key of tickets; it takes no labels"),
    ({"labels": {"3": "x"}, "column": "category_labelled_by"}, "says who gave labels; it takes none"),
    ({"labels": {str(n): "login" for n in range(1001)}}, "1001 labels are more than the 1000"),
    ({"labels": {"3": "billing"}, "dataset": "tickets@1"}, "Labels go to the newest version, tickets@2"),
    ({"labels": {"3": "billing"}, "dataset": "tikets"}, "Did you mean `tickets`?"),
]


async def test_what_cannot_be_recorded_is_refused_in_words_and_changes_nothing(
    workspace: Workspace, assistant: Assistant
) -> None:
    await label(assistant, {"1": "billing", "2": "login"}, "ann")
    for arguments, words in BAD_CALLS:
        asked = {"dataset": "tickets", "by": "ann", "column": "category", **arguments}
        assert words in await assistant.error("record_labels", **asked)
    kept = workspace.store.read(lambda t: (find_dataset(t, "tickets").version, t.rows("SELECT count(*) FROM labels")))
    assert kept == (2, [(2,)])
    await assistant.call("document_asset", asset="column:tickets.category", allowed_values=["billing", "login", "spam"])
    assert (await label(assistant, {"3": "spam"}, "ann"))["labelled"] == 3, "what the dictionary allows is taken"


async def test_labels_of_a_masked_column_are_for_those_who_may_see_it(workspace: Workspace) -> None:
    async with assistant_of(workspace) as whole:
        await label(whole, {"3": "billing"}, "ann")
        await whole.call("document_asset", asset="column:tickets.category", sensitivity="restricted")
        answer = await label(whole, {"3": "login"}, "bob")
        assert answer["disputes"][0]["said"] == {"ann": "masked", "bob": "masked"}
    async with assistant_of(workspace.seen_by("internal")) as reader:
        words = await reader.error(
            "record_labels", dataset="tickets", labels={"4": "login"}, by="eve", column="category"
        )
        assert "`category` of tickets is masked (restricted)" in words


async def test_a_labeller_needs_not_see_the_other_columns(workspace: Workspace) -> None:
    async with assistant_of(workspace) as whole:
        await whole.call("document_asset", asset="column:tickets.words", sensitivity="restricted")
    async with assistant_of(workspace.seen_by("internal")) as reader:
        answer = await label(reader, {"4": "login"}, "eve")
        assert answer["labelled"] == 1
        picked = await finish(reader, "select_rows_to_label", dataset="tickets", n=3, column="category")
        assert "ticket about" not in str(picked) and len(picked["selected"]) == 3


@pytest.mark.parametrize(
    ("value", "type", "text"),
    [
        (1, "BIGINT", "1"),
        ("2.0", "BIGINT", "2"),
        (2, "DOUBLE", "2.0"),
        ("Yes", "BOOLEAN", "true"),
        (True, "VARCHAR", "true"),
        (3.0, "VARCHAR", "3"),
        ("2026-03-01", "DATE", "2026-03-01 00:00:00"),
    ],
)
def test_a_label_is_read_as_its_column_types_it(value: object, type: str, text: str) -> None:
    assert read_labels({"1": value}, "x", type) == {"1": text}


@pytest.mark.parametrize(
    ("value", "type"),
    [(True, "BIGINT"), (float("nan"), "DOUBLE"), ("maybe", "BOOLEAN"), ("soon", "DATE"), ([1], "VARCHAR")],
)
def test_a_label_that_does_not_fit_its_column_is_refused(value: object, type: str) -> None:
    with pytest.raises(InvalidArgument, match=r"Nothing was recorded; 1 cannot be labels of `x`"):
        read_labels({"1": value}, "x", type)


async def test_the_page_says_who_labelled_what_and_where_they_differ(workspace: Workspace) -> None:
    uri = "mlsteward://labels/tickets"
    async with assistant_of(workspace) as whole:
        assert "Nobody has labelled" in (await whole.call("read_page", uri=uri))["content"]
        await label(whole, {"3": "billing", "4": "login"}, "ann")
        await label(whole, {"3": "login"}, "bob")
        page = (await whole.call("read_page", uri=uri))["content"]
        assert "Rows are named by `id`." in page and "| ann | 2 |" in page
        assert "| 3 | ann: billing, bob: login | none without a majority |" in page
        await whole.call("document_asset", asset="column:tickets.category", sensitivity="restricted")
    async with assistant_of(workspace.seen_by("internal")) as reader:
        page = (await reader.call("read_page", uri=uri))["content"]
        assert "billing" not in page and "masked (restricted)" in page
