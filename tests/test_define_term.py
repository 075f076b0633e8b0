"""The tool `define_term`: terms and metrics, their versions, values and links."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlsteward.store.links import all_links
from mlsteward.store.models import add_model
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.dictionary_samples import AIRLINES, FLIGHTS, WORDS, register
from tests.glossary_samples import add_table, model, with_flights

pytestmark = pytest.mark.anyio
LATE = "A flight that leaves more than 15 minutes after its schedule"
LATE_SHARE = "SELECT avg((dep_delay > 15)::INT) AS late_share FROM flights"


@pytest.fixture
def flights(workspace: Workspace) -> Workspace:
    return with_flights(workspace)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    """The flights and a term, for all that is refused and changes nothing."""
    folder = tmp_path_factory.mktemp("untouched")
    workspace = with_flights(new_workspace(folder, folder, warm))

    async def define() -> None:
        async with assistant_of(workspace) as assistant:
            await assistant.call("define_term", term="Late flight", definition=LATE, synonyms=["delayed flight"])

    anyio.run(define)
    yield workspace
    workspace.close()


async def refused(workspace: Workspace, **arguments: Any) -> str:
    """The words in which a term is refused, with nothing changed."""
    before = everything(workspace)
    async with assistant_of(workspace) as assistant:
        words = await assistant.error("define_term", **arguments)
    assert everything(workspace) == before
    return words


def everything(workspace: Workspace) -> list[list[tuple[Any, ...]]]:
    """All that the glossary keeps."""
    tables = ("dictionary", "links", "comments", "metric_values", "lineage", "activity")
    return workspace.store.read(lambda t: [t.rows(f"SELECT * FROM {table} ORDER BY ALL") for table in tables])


def links(workspace: Workspace) -> dict[tuple[str, str], str]:
    found = workspace.store.read(all_links)
    return {(link.term, link.asset): link.state for link in found}


@pytest.mark.parametrize("term", ["Late flight", "late_flight", "term:late_flight", "  late   Flight "])
async def test_a_term_has_one_name_however_it_is_written(flights: Workspace, assistant: Assistant, term: str) -> None:
    answer = await assistant.call("define_term", term=term, definition=LATE)
    assert answer["asset"] == "term:late_flight"
    assert "(draft)" in answer["verdict"]
    again = await assistant.call("define_term", term="Late flights", owner="ops")
    assert (again["asset"], again["version"], again["changed"]) == ("term:late_flight", 2, ["owner"])


@pytest.mark.parametrize(
    ("term", "asset"),
    [
        ("Größe", "term:grosse"),
        ("90-day churn", "term:term_90_day_churn"),
        ("Order", "term:order_term"),
        ("遅延便", "term:term_"),
    ],
)
async def test_a_term_of_any_language_gets_a_name(assistant: Assistant, term: str, asset: str) -> None:
    answer = await assistant.call("define_term", term=term, definition="x")
    assert answer["asset"].startswith(asset)
    found = await assistant.call("lookup_data_dictionary", query=term)
    assert found["cards"][0]["business_name"] == term


async def test_only_what_is_given_changes_and_every_version_is_kept(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late flight", definition=LATE, synonyms=["delayed flight"], owner="ops")
    await assistant.call("define_term", term="late_flight", status="approved")
    answer = await assistant.call("define_term", term="late_flight", status="approved")
    assert "Nothing new" in answer["verdict"]
    card = (await assistant.call("lookup_data_dictionary", query="term:late_flight"))["cards"][0]
    assert card["description"] == LATE
    assert (card["synonyms"], card["owner"], card["version"]) == ("delayed flight", "ops", 2)
    assert card["status"].startswith(f"approved by {flights.user} on 20")
    page = (await assistant.call("read_page", uri="mlsteward://terms/late_flight"))["content"]
    assert f"version 2, {card['changed'][:16]} by {flights.user}: status. status was “draft”" in page


async def test_a_term_is_looked_up_by_synonym_question_and_misspelling(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("define_term", term="Late flight", definition=LATE, synonyms=["late", "delayed flight"])
    for query in ("who defines late?", "late flights", "what is a delayed flight", "term:late_flight", "Late Flight"):
        answer = await assistant.call("lookup_data_dictionary", query=query)
        assert answer["verdict"].startswith("Late flight (term:late_flight): A flight"), query
    answer = await assistant.call("lookup_data_dictionary", query="lat flihgt")
    assert "Did you mean `Late flight`?" in answer["verdict"]
    assert answer["columns"]["lines"][0]["name"] == "term:late_flight"


async def test_a_metric_is_measured_when_saved_and_shown_with_its_value(
    flights: Workspace, assistant: Assistant
) -> None:
    answer = await assistant.call("define_term", term="Late share", definition="Share of late flights", sql=LATE_SHARE)
    assert answer["verdict"].startswith("Defined the metric")
    # 5 of 39 departures with a time.
    assert answer["value"].startswith("0.1282 on flights@1 (")
    text = await assistant.text("lookup_data_dictionary", query="late share")
    assert "value: 0.1282 on flights@1" in text
    assert "column:flights.dep_delay (read by its SQL)" in text


async def test_a_metric_is_measured_again_when_its_dataset_moves_and_only_then(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("define_term", term="Late share", definition="x", sql=LATE_SHARE)

    async def value() -> str:
        return (await assistant.call("lookup_data_dictionary", query="late_share"))["cards"][0]["value"]

    first = await value()
    assert await value() == first
    kept = flights.store.read(lambda t: t.rows("SELECT measured FROM metric_values"))
    assert len(kept) == 1, "looking does not measure while nothing moves"
    add_table(flights, "flights", {**FLIGHTS, "dep_delay": [20] * 40}, WORDS)
    assert (await value()).startswith("1 on flights@2 (")
    page = (await assistant.call("read_page", uri="mlsteward://terms/late_share"))["content"]
    assert "| flights@2 | 1 |" in page
    assert "| flights@1 | 0.1282 |" in page


async def test_a_metric_that_can_no_longer_be_measured_says_why(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late share", definition="x", sql=LATE_SHARE)
    add_table(flights, "flights", {"year": [2013] * 12})
    text = await assistant.text("lookup_data_dictionary", query="late_share")
    assert "cannot be measured on flights@2: " in text
    assert "dep_delay" in text


async def test_a_metric_of_several_columns_and_of_a_version_gives_one_short_row(
    flights: Workspace, assistant: Assistant
) -> None:
    sql = 'SELECT count(*) AS flights, max(carrier) AS last FROM "flights@1";'
    answer = await assistant.call("define_term", term="Size", definition="x", sql=sql)
    assert answer["value"].startswith("flights 40, last UA on flights@1")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT dep_delay FROM flights", "more than one row"),
        ("SELECT dep_delay FROM flights WHERE false", "no row"),
        ("SELECT max(carrier) FROM flights", "a number at least"),
        ("SELECT avg(dep_delay) FROM flights WHERE false", "a number at least"),
        ("SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d, 5 AS e, 6 AS f, 7 AS g FROM flights", "at most 6 columns"),
        ("SELECT 1", "reads a dataset"),
        ("SELECT count(*) FROM meta.runs", "metadata changes with every call"),
        ("SELECT avg(dep_dely) FROM flights", "dep_delay"),
        ("SELECT count(*) FROM flihgts", "Did you mean `flights`"),
        ("DROP TABLE flights", "SELECT"),
        ("SELECT count(*) FROM read_csv('/etc/passwd')", "read_csv"),
    ],
)
async def test_sql_that_makes_no_metric_is_refused_and_changes_nothing(
    untouched: Workspace, sql: str, words: str
) -> None:
    assert words in await refused(untouched, term="Late share", definition="x", sql=sql)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"term": "New"}, "a new term needs a definition"),
        ({"term": "???", "definition": "x"}, "called by a few words"),
        ({"term": "x" * 90, "definition": "x"}, "at most 80 characters"),
        ({"term": "Late flight"}, "Nothing to write"),
        ({"term": "Late flight", "status": "aproved"}, "Did you mean `approved`?"),
        ({"term": "Late flight", "status": "deprecated: late_departure"}, "There is no term 'late_departure'"),
        ({"term": "Late flight", "status": "deprecated: late_flight"}, "Another term can take the place"),
        ({"term": "Late flight", "status": "deprecated: dataset:flights"}, "Another term can take the place"),
        ({"term": "Late flight", "related": ["flights.dep_dely"]}, "Did you mean `flights.dep_delay`"),
        ({"term": "Late flight", "related": ["flihgts"]}, "Did you mean `dataset:flights`"),
        ({"term": "Late flight", "related": ["late_flight"]}, "A term is linked to"),
        ({"term": "Late flight", "related": ["run:7"]}, "There is no run:7"),
        ({"term": "Delayed flight", "definition": "x"}, "is a synonym of term:late_flight"),
        ({"term": "Other", "definition": "x", "synonyms": ["late flight"]}, "a term of its own, term:late_flight"),
        ({"term": "Late flight", "synonyms": [f"s{n}" for n in range(30)]}, "at most 20 synonyms"),
        ({"term": "Late flight", "definition": "x" * 5000}, "longer than 4000"),
        ({"term": "Late+flight", "definition": "x"}, "which is “Late flight” already"),
        ({"term": "column:flights.year", "definition": "x"}, "names no term"),
    ],
)
async def test_what_cannot_be_defined_is_refused_in_words_and_changes_nothing(
    untouched: Workspace, arguments: dict[str, Any], words: str
) -> None:
    assert words in await refused(untouched, **arguments)


async def test_a_link_is_suggested_by_name_and_synonym_and_counts_once_a_person_approves_it(
    flights: Workspace, assistant: Assistant
) -> None:
    answer = await assistant.call("define_term", term="Departure delay", definition="x", synonyms=["distances"])
    assert answer["links"] == [
        "column:flights.distance (suggested, 95 %: synonym “distances”)",
        "column:flights.dep_delay (suggested, 90 %: name “Departure delay”)",
    ]
    assert answer["next"] == 'document_asset(asset="flights.distance", terms=["departure_delay"])'
    assert set(links(flights).values()) == {"suggested"}, "nothing is approved by itself"
    done = await assistant.call("document_asset", asset="flights.dep_delay", terms=["departure_delay"])
    assert "term:departure_delay approved" in done["verdict"]
    assert f"approved by {flights.user}" in await assistant.text("lookup_data_dictionary", query="dep_delay")


async def test_a_rejected_suggestion_does_not_come_back(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Departure delay", definition="x")
    await assistant.call("document_asset", asset="flights.dep_delay", terms=["-departure_delay"])
    pair = ("term:departure_delay", "column:flights.dep_delay")
    assert links(flights)[pair] == "rejected"
    await assistant.call("define_term", term="Departure delay", definition="y", synonyms=["dep_delay"])
    register(flights, "flights", {**FLIGHTS, "dep_delay": [1.5] * 40}, WORDS)
    assert links(flights)[pair] == "rejected"
    assert "departure_delay" not in await assistant.text("lookup_data_dictionary", query="flights.dep_delay")
    await assistant.call("define_term", term="Departure delay", related=["flights.dep_delay"])
    assert links(flights)[pair] == "approved", "a person may think again"


async def test_a_model_is_suggested_too(flights: Workspace, assistant: Assistant) -> None:
    flights.store.write(lambda t: add_model(t, model("arrival_delay")))
    answer = await assistant.call("define_term", term="Arrival delay", definition="x")
    assert answer["links"][0] == "model:arrival_delay (suggested, 100 %: name “Arrival delay”)"
    assert answer["next"] == 'document_asset(asset="model:arrival_delay", terms=["arrival_delay"])'
    await assistant.call("document_asset", asset="model:arrival_delay", terms=["arrival_delay"])
    page = (await assistant.call("read_page", uri="mlsteward://models/arrival_delay"))["content"]
    assert f"term:arrival_delay (approved by {flights.user})" in page


async def test_columns_that_are_registered_later_are_compared_with_the_terms(
    workspace: Workspace, assistant: Assistant
) -> None:
    await assistant.call("define_term", term="Arrival delay", definition="x")
    await assistant.call("define_term", term="Airline", definition="A company that flies", synonyms=["carrier"])
    add_table(workspace, "airlines", AIRLINES)
    add_table(workspace, "flights", FLIGHTS, WORDS)
    assert links(workspace) == {
        ("term:airline", "column:airlines.carrier"): "suggested",
        ("term:airline", "column:flights.carrier"): "suggested",
        ("term:airline", "dataset:airlines"): "suggested",
        ("term:arrival_delay", "column:flights.arr_delay"): "suggested",
    }


async def test_terms_are_related_to_what_they_are_about_and_let_go_again(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("define_term", term="Punctuality", definition="x")
    related = ["flights", "flights.dep_delay", "punctuality"]
    answer = await assistant.call("define_term", term="Late flight", definition="x", related=related)
    assert len(answer["links"]) == 3
    again = await assistant.call("define_term", term="Late flight", related=["-punctuality", "flights"])
    assert "has new links" in again["verdict"]
    assert len(again["links"]) == 2
    page = (await assistant.call("read_page", uri="mlsteward://terms/late_flight"))["content"]
    assert "term:punctuality: rejected by" in page
    assert "term:punctuality: approved by" in page, "every version of a link is kept"


async def test_links_to_what_a_metric_reads_follow_its_sql(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late share", definition="x", sql=LATE_SHARE)
    sql = "SELECT count(*) FROM flights JOIN airlines USING (carrier) WHERE distance > 500"
    await assistant.call("define_term", term="Late share", sql=sql)
    reads = {asset for (_, asset), state in links(flights).items() if state == "approved"}
    assert {"dataset:flights", "dataset:airlines", "column:flights.distance"} <= reads
    assert "column:flights.dep_delay" not in reads
    words = await assistant.error("document_asset", asset="flights", terms=["-late_share"])
    assert "in its SQL" in words


async def test_lineage_leads_from_a_column_to_the_metrics_measured_on_it(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("define_term", term="Late share", definition="x", sql=LATE_SHARE)
    edges = flights.store.read(lambda t: t.rows("SELECT source, target, kind FROM lineage ORDER BY ALL"))
    assert ("column:flights@1.dep_delay", "term:late_share", "metric") in edges
    assert ("dataset:flights@1", "term:late_share", "metric") in edges


async def test_a_deprecated_term_points_to_its_successor(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late departure", definition="x")
    await assistant.call("define_term", term="Late flight", definition=LATE)
    await assistant.call("define_term", term="Late flight", status="deprecated: Late departure")
    answer = await assistant.call("lookup_data_dictionary", query="late flight")
    assert "(deprecated, written by" in answer["verdict"]
    assert answer["cards"][0]["status"].endswith(": use term:late_departure")
    assert answer["next"] == 'lookup_data_dictionary(query="term:late_departure")'
    listed = await assistant.call("lookup_data_dictionary")
    assert [line["name"] for line in listed["columns"]["lines"]][-1] == "term:late_flight", "the old come last"


async def test_a_metric_over_masked_columns_shows_no_value_to_who_may_not_see_them(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("define_term", term="Late share", definition="x", sql=LATE_SHARE)
    await assistant.call("define_term", term="Size", definition="x", sql="SELECT count(*) AS n FROM flights")
    await assistant.call("document_asset", asset="flights.dep_delay", sensitivity="restricted")
    async with assistant_of(flights.seen_by("internal")) as reader:
        text = await reader.text("lookup_data_dictionary", query="late_share")
        page = (await reader.call("read_page", uri="mlsteward://terms/late_share"))["content"]
        for shown in (text, page):
            assert "flights.dep_delay, masked for you" in shown
            assert "0.128" not in shown
            assert "dep_delay > 15" not in shown, "SQL may quote values"
        assert "value: 40 on flights@1" in await reader.text("lookup_data_dictionary", query="term:size")
        words = await reader.error("define_term", term="Other", definition="x", sql=LATE_SHARE)
        assert "masked for you" in words
    assert "0.1282" in await assistant.text("lookup_data_dictionary", query="late_share"), "others still see it"


async def test_each_definition_is_in_the_audit_log(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late flight", definition=LATE)
    rows = flights.store.read(lambda t: t.rows("SELECT action, asset, actor FROM activity"))
    assert rows == [("define_term", "term:late_flight", flights.user)]
    await assistant.call("define_term", term="Late flights", owner="ops")
    await assistant.call("document_asset", asset="term:Late Flights", usage="x")
    rows = flights.store.read(lambda t: t.rows("SELECT DISTINCT asset FROM activity"))
    assert rows == [("term:late_flight",)], "however it is written"


async def test_the_glossary_has_a_page_and_a_table(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late flight", definition="Not [on](time) | ever", owner="ops")
    page = (await assistant.call("read_page", uri="mlsteward://terms"))["content"]
    assert "**Late flight** (term, draft, owner ops): Not \\[on\\](time) \\| ever mlsteward://terms/late_flight" in page
    answer = await assistant.call("query_data", sql="SELECT term, status, owner FROM meta.terms")
    assert answer["rows"] == [["Late flight", "draft", "ops"]]
