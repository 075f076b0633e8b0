"""The tool `comment_on_asset`: what people say shows where the asset shows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mlsteward.names import parse_reference
from mlsteward.store.alerts import Finding, raise_alerts
from mlsteward.store.comments import add_comment
from mlsteward.store.models import add_model
from mlsteward.store.runs import Run, add_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.glossary_samples import model, with_flights

pytestmark = pytest.mark.anyio


@pytest.fixture
def flights(workspace: Workspace) -> Workspace:
    with_flights(workspace)

    def write(t: Transaction) -> None:
        add_run(t, Run(number=0, kind="train", state="completed", created=datetime.now(UTC)))
        add_model(t, model("delay"))
        finding = Finding(asset="dataset:flights@1", check="rows", severity="warning", words="few rows")
        raise_alerts(t, [finding], run=1)

    workspace.store.write(write)
    return workspace


def count(workspace: Workspace) -> int:
    return workspace.store.read(lambda t: t.rows("SELECT count(*) FROM comments"))[0][0]


@pytest.mark.parametrize(
    ("asset", "known_as"),
    [
        ("flights", "dataset:flights"),
        ("flights@1", "dataset:flights@1"),
        ("column:flights.DEP_DELAY", "column:flights.dep_delay"),
        ("flights.dep_delay", "column:flights.dep_delay"),
        ("Late flights", "term:late_flight"),
        ("term:late_flight", "term:late_flight"),
        ("model:delay@1", "model:delay@1"),
        ("delay", "model:delay"),
        ("run:1", "run:1"),
        ("alert:1", "alert:1"),
    ],
)
async def test_an_asset_of_any_kind_is_commented_under_each_spelling(
    flights: Workspace, assistant: Assistant, asset: str, known_as: str
) -> None:
    await assistant.call("define_term", term="Late flight", definition="x")
    answer = await assistant.call("comment_on_asset", asset=asset, text="odd in March")
    assert answer["asset"] == known_as
    assert count(flights) == 1
    shown = answer["next"].partition('="')
    if shown[0].startswith("lookup"):
        text = await assistant.text("lookup_data_dictionary", query=shown[2].rstrip('")'))
    elif shown[0].startswith("read_page"):
        text = await assistant.text("read_page", uri=shown[2].rstrip('")'))
    else:
        return
    assert "“odd in March”" in text, "the next call shows it"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"asset": "flihgts", "text": "x"}, "Did you mean `dataset:flights`"),
        ({"asset": "flights@9", "text": "x"}, "has no version 9"),
        ({"asset": "flights.dep_dely", "text": "x"}, "Did you mean `flights.dep_delay`"),
        ({"asset": "flights@9.dep_delay", "text": "x"}, "has no version 9"),
        ({"asset": "term:late", "text": "x"}, "There is no term 'late'"),
        ({"asset": "model:delya", "text": "x"}, "Did you mean `delay`"),
        ({"asset": "run:9", "text": "x"}, "There is no run:9"),
        ({"asset": "alert:9", "text": "x"}, "There is no alert:9"),
        ({"asset": "deployment:delay", "text": "x"}, "Nothing is deployed yet"),
        ({"asset": "table:flights", "text": "x"}, "names no kind of asset"),
        ({"asset": "flights", "text": "  "}, "1 to 2,000 characters"),
        ({"asset": "flights", "text": "x" * 3000}, "this has 3,000"),
        ({"asset": "flights", "text": "x", "rating": 6}, "A rating is 1 to 5"),
        ({"asset": "flights", "text": "x", "rating": -1}, "A rating is 1 to 5"),
    ],
)
async def test_what_cannot_be_commented_is_refused_in_words_and_changes_nothing(
    flights: Workspace, assistant: Assistant, arguments: dict[str, Any], words: str
) -> None:
    assert words in await assistant.error("comment_on_asset", **arguments)
    assert count(flights) == 0


async def test_a_models_page_has_what_people_wrote(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("document_asset", asset="model:delay", owner="ml team", description="Guesses delays")
    page = (await assistant.call("read_page", uri="mlsteward://models/delay"))["content"]
    assert "## Documentation" in page
    assert f"- owner: ml team (written by {flights.user})" in page


async def test_of_each_person_the_last_rating_counts(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("comment_on_asset", asset="flights", text="good", rating=5)
    await assistant.call("comment_on_asset", asset="flights", text="a question")
    answer = await assistant.call("comment_on_asset", asset="flights", text="not that good", rating=3)
    assert answer["rating"] == "rated 3 of 5 by 1 person, 3 comments"

    def another(t: Transaction) -> None:
        add_comment(t, parse_reference("flights"), "fine", rating=4, actor="bo", client="")

    flights.store.write(another)
    text = await assistant.text("lookup_data_dictionary", dataset="flights")
    assert "comments (rated 3.5 of 5 by 2 people, 4 comments): “fine” (bo, " in text


async def test_a_cards_comments_are_few_short_and_newest_first(flights: Workspace, assistant: Assistant) -> None:
    for number in range(5):
        await assistant.call("comment_on_asset", asset="flights.year", text=f"note {number} " + "long " * 300)
    (card,) = (await assistant.call("lookup_data_dictionary", query="flights.year"))["cards"]
    assert [comment[:7] for comment in card["comments"]] == ["“note 4", "“note 3", "“note 2"]
    assert all(len(comment) < 250 for comment in card["comments"])
    page = (await assistant.call("read_page", uri="mlsteward://dictionary/flights"))["content"]
    assert "5 comments" in page


async def test_what_people_write_stays_text_on_pages(flights: Workspace, assistant: Assistant) -> None:
    hostile = "# Ignore\n\n| a | b |\n![x](http://evil.example/?q=1) <b>`code`</b>"
    for asset, page in (("flights", "datasets/flights"), ("model:delay", "models/delay"), ("run:1", "runs/1")):
        await assistant.call("comment_on_asset", asset=asset, text=hostile)
        content = (await assistant.call("read_page", uri=f"mlsteward://{page}"))["content"]
        (line,) = [line for line in content.splitlines() if "Ignore" in line]
        assert line.startswith("- “\\# Ignore \\| a \\| b \\| \\!\\[x\\](http")
        assert "\\<b\\>\\`code\\`" in line


async def test_a_comment_is_seen_at_once_by_those_who_remember_the_dictionary(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("lookup_data_dictionary", dataset="flights")
    other = Workspace(flights.settings)
    other.store.write(
        lambda t: add_comment(t, parse_reference("flights"), "from elsewhere", rating=0, actor="bo", client="")
    )
    other.close()
    assert "from elsewhere" in await assistant.text("lookup_data_dictionary", dataset="flights")


async def test_comments_can_be_queried_and_are_in_the_audit_log(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("comment_on_asset", asset="flights@1", text="odd", rating=2)
    answer = await assistant.call("query_data", sql="SELECT asset, version, text, rating FROM meta.comments")
    assert answer["rows"] == [["dataset:flights", "1", "odd", 2]]
    rows = flights.store.read(lambda t: t.rows("SELECT action, asset FROM activity WHERE action LIKE 'comment%'"))
    assert rows == [("comment_on_asset", "dataset:flights@1")]
