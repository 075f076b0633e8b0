"""The tool `lookup_data_dictionary`, and the page of a dataset's dictionary."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from mlsteward.data.profile import TableProfile
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.dictionary.relationships import Relationship
from mlsteward.store.alerts import Finding, raise_alerts
from mlsteward.store.catalogue import read_catalogue
from mlsteward.store.dictionary import write_entries
from mlsteward.store.store import Store
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.copied import copied, furnished
from tests.dictionary_samples import AIRLINES, FLIGHTS, WORDS, column_profile, register
from tests.glossary_samples import with_flights

pytestmark = pytest.mark.anyio
LINK = Relationship(
    dataset="flights",
    columns=["carrier"],
    to_dataset="airlines",
    to_columns=["carrier"],
    coverage=0.985,
    value_coverage=0.9,
    rows=40,
    unmatched=["XX"],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    def furnish(workspace: Workspace) -> None:
        register(workspace, "airlines", AIRLINES)
        register(workspace, "flights", FLIGHTS, WORDS, "Flights that left New York in 2013", [LINK])

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def flights(made: Path, tmp_path: Path, data: Path, warm: Path) -> Iterator[Workspace]:
    workspace = copied(made, tmp_path / "flights", data, warm)
    yield workspace
    workspace.close()


@pytest.fixture
async def assistant(request: pytest.FixtureRequest) -> AsyncIterator[Assistant]:
    """Of the flights, where a test has them."""
    workspace = request.getfixturevalue("flights" if "flights" in request.fixturenames else "workspace")
    async with assistant_of(workspace) as assistant:
        yield assistant


async def test_an_empty_dictionary_says_how_to_fill_it(assistant: Assistant) -> None:
    answer = await assistant.call("lookup_data_dictionary")
    assert "empty" in answer["verdict"]
    assert answer["next"] == "list_datasets()"


async def test_no_question_lists_the_datasets(flights: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("lookup_data_dictionary")
    assert [line["name"] for line in answer["columns"]["lines"]] == ["airlines", "flights"]


@pytest.mark.parametrize("arguments", [{"dataset": "flights"}, {"dataset": "dataset:flights@1"}, {"query": "flights"}])
async def test_a_dataset_lists_all_its_columns(
    flights: Workspace, assistant: Assistant, arguments: dict[str, str]
) -> None:
    answer = await assistant.call("lookup_data_dictionary", **arguments)
    assert answer["total"] == len(FLIGHTS)
    assert [line["name"] for line in answer["columns"]["lines"]] == list(FLIGHTS)
    assert "no owner recorded" in answer["verdict"]
    assert "3 columns have no description" in answer["verdict"]
    assert answer["relationships"] == ["flights.carrier → airlines.carrier (98.5 %)"]
    text = await assistant.text("lookup_data_dictionary", **arguments)
    assert all(column in text for column in FLIGHTS)
    assert "<words> were harvested" in text


@pytest.mark.parametrize("count", [60, 150, 600])
async def test_hundreds_of_columns_fit_one_answer(workspace: Workspace, assistant: Assistant, count: int) -> None:
    names = [f"measurement_{number:04d}" for number in range(count)]
    words = {name: f"Reading of sensor {name} on the east side of the plant, in minutes" for name in names}
    profile = column_profile("measurement", [1.5, 2.5])
    columns = [profile.model_copy(update={"name": name}) for name in names]
    entries = harvest_columns("plant", TableProfile(rows=2, columns=columns), words)
    workspace.store.write(lambda t: write_entries(t, entries, "register_dataset"))
    answer = await assistant.call("lookup_data_dictionary", dataset="plant")
    text = await assistant.text("lookup_data_dictionary", dataset="plant")
    assert answer["total"] == count
    listed = [name for name in names if name in text]
    left_out = answer["columns"]["left_out"]
    assert len(listed) + left_out == count
    assert left_out == 0 or count > 150
    assert answer["page"] == "mlsteward://dictionary/plant"
    if left_out:
        assert f"{left_out} more: mlsteward://dictionary/plant" in text


async def test_a_named_column_tells_all_and_what_is_not_recorded(flights: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("lookup_data_dictionary", query="what does dep_delay mean and who owns it?")
    assert answer["verdict"].startswith("flights.dep_delay: Departure delay, in minutes")
    assert "harvested" in answer["verdict"]
    (card,) = answer["cards"]
    assert (card["unit"], card["role"], card["type"]) == ("minutes", "measure", "BIGINT")
    assert "no owner recorded" in card["not_recorded"]
    assert "-18 to 20" in card["values"]
    assert "2.5 % null" in card["values"]
    text = await assistant.text("lookup_data_dictionary", query="dep_delay")
    for part in ("minutes (harvested)", "no owner recorded", "-18 to 20", "BIGINT", "before the prediction"):
        assert part in text
    assert answer["next"].startswith('document_asset(asset="flights.dep_delay", available_at=')


async def test_a_persons_words_are_told_apart_from_harvested_ones(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call(
        "document_asset", asset="flights.dep_delay", owner="ops", description="Minutes late at the gate"
    )
    answer = await assistant.call("lookup_data_dictionary", query="who owns dep_delay")
    card = answer["cards"][0]
    user = flights.user
    assert answer["verdict"] == f"flights.dep_delay: Minutes late at the gate (written by {user})."
    assert card["people"] == {"description": user, "owner": user}
    assert card["harvested"] == ["unit", "role"]
    assert f"owner: ops ({user})" in (await assistant.text("lookup_data_dictionary", query="dep_delay")).replace(
        "written by ", ""
    )


async def test_a_name_that_several_datasets_have_is_shown_for_each(flights: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("lookup_data_dictionary", query="carrier")
    assert [card["asset"] for card in answer["cards"]] == ["column:airlines.carrier", "column:flights.carrier"]
    assert "flights.carrier → airlines.carrier (98.5 % of rows found, not: XX)" in answer["cards"][1]["relationships"]
    answer = await assistant.call("lookup_data_dictionary", query="carrier", dataset="flights")
    assert [card["asset"] for card in answer["cards"]] == ["column:flights.carrier"]


async def test_no_line_of_an_answer_is_said_twice(flights: Workspace, assistant: Assistant) -> None:
    text = await assistant.text("lookup_data_dictionary", query="carrier")
    assert text.count("airlines.carrier: ") == text.count("flights.carrier: ") == 1


async def test_a_search_shows_the_best_first_and_counts_the_rest(flights: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("lookup_data_dictionary", query="delayed departures", limit=1)
    assert answer["total"] == 2
    assert [line["name"] for line in answer["columns"]["lines"]] == ["flights.dep_delay"]


async def test_a_misspelt_name_is_answered_with_what_was_meant(flights: Workspace, assistant: Assistant) -> None:
    answer = await assistant.call("lookup_data_dictionary", query="dep_dely")
    assert "Nothing is called 'dep_dely'. Did you mean `dep_delay`" in answer["verdict"]
    assert "Did you mean `airlines`?" in await assistant.error("lookup_data_dictionary", dataset="airline")


async def test_what_is_nowhere_is_not_found(flights: Workspace, assistant: Assistant) -> None:
    words = await assistant.error("lookup_data_dictionary", query="zebra")
    assert "'zebra'" in words
    assert "Next: lookup_data_dictionary()" in words


async def test_what_another_process_writes_is_seen_at_once(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("lookup_data_dictionary", query="dep_delay")
    other = Workspace(flights.settings)
    register(other, "planes", {"tailnum": ["N1", "N2"]})
    other.close()
    answer = await assistant.call("lookup_data_dictionary", dataset="planes")
    assert answer["total"] == 1


async def test_nothing_is_read_again_while_nothing_changes(flights: Workspace) -> None:
    store: Store = flights.store
    first = read_catalogue(store)
    assert read_catalogue(store) is first
    register(flights, "airlines", AIRLINES, found=[])
    assert read_catalogue(store).relationships == [], "registering again replaced the links of the dataset"


async def test_long_words_of_people_are_cut_and_stand_whole_on_the_page(
    flights: Workspace, assistant: Assistant
) -> None:
    long = "late " * 700
    await assistant.call("document_asset", asset="flights.dep_delay", description=long, usage=long, owner=long)
    await assistant.call("lookup_data_dictionary", query="dep_delay")
    page = await assistant.client.read_resource("mlsteward://dictionary/flights")
    assert long.strip() in TypeAdapter(dict).dump_json(page.model_dump()).decode()


async def test_the_page_holds_every_column_and_the_history_of_its_entry(
    flights: Workspace, assistant: Assistant
) -> None:
    for owner in ("ops", "finance"):
        await assistant.call("document_asset", asset="flights.dep_delay", owner=owner)
    answer = await assistant.call("read_page", uri="mlsteward://dictionary/flights")
    assert all(f"## {column}" in answer["content"] for column in FLIGHTS)
    assert "version 3" in answer["content"]
    assert "owner was “ops”" in answer["content"]


async def test_a_dataset_says_how_fresh_it_is_and_what_is_wrong_with_it(
    workspace: Workspace, assistant: Assistant
) -> None:
    with_flights(workspace)
    answer = await assistant.call("lookup_data_dictionary", dataset="flights")
    (freshness,) = answer["health"]
    assert freshness.startswith("freshness: version 1 registered 20")
    assert freshness.endswith("UTC, newest time_hour 2013-01-20 06:00:00")
    findings = [
        Finding(asset="dataset:flights@1", check="row_count", severity="error", words="no rows"),
        Finding(asset="column:flights@1.dep_delay", check="nulls", severity="warning", words="many nulls"),
    ]
    raised = workspace.store.write(lambda t: raise_alerts(t, findings, run=None))
    answer = await assistant.call("lookup_data_dictionary", dataset="flights")
    assert 'alerts: 2 open alerts: list_alerts(asset="flights")' in answer["health"]
    (card,) = (await assistant.call("lookup_data_dictionary", query="dep_delay"))["cards"]
    assert card["alerts"] == "1 open alert"
    await assistant.call("resolve_alert", alert=raised[1].label, action="resolve", note="as it should be")
    (card,) = (await assistant.call("lookup_data_dictionary", query="dep_delay"))["cards"]
    assert "alerts" not in card


async def test_terms_and_metrics_stand_beside_the_datasets(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late flight", definition="More than 15 minutes late")
    answer = await assistant.call("lookup_data_dictionary")
    assert answer["verdict"] == "The dictionary describes 2 datasets and 1 term."
    assert [line.get("type") for line in answer["columns"]["lines"]] == [None, None, "term"]


async def test_a_term_is_found_whatever_dataset_is_asked_about(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late flight", definition="More than 15 minutes late")
    answer = await assistant.call("lookup_data_dictionary", dataset="flights", query="what is a late flight?")
    assert answer["verdict"].startswith("Late flight (term:late_flight)")


async def test_a_dataset_lists_the_terms_of_its_columns(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Departure delay", definition="x")
    answer = await assistant.call("lookup_data_dictionary", dataset="flights")
    assert answer["links"] == ["dep_delay: term:departure_delay (suggested, 90 %: name “Departure delay”)"]


async def test_an_entry_with_every_field_full_fits_one_answer(flights: Workspace, assistant: Assistant) -> None:
    long = "word " * 780
    await assistant.call(
        "document_asset",
        asset="flights.dep_delay",
        description=long,
        business_name=long,
        unit=long,
        owner=long,
        usage=long,
        tags=[long],
        allowed_values=[long],
    )
    for number in range(8):
        await assistant.call("define_term", term=f"Term {number}", definition=long, related=["flights.dep_delay"])
        await assistant.call("comment_on_asset", asset="flights.dep_delay", text=long[:1900])
    answer = await assistant.call("lookup_data_dictionary", query="dep_delay")
    assert len(answer["cards"]) == 1
    await assistant.call("lookup_data_dictionary", dataset="flights")
    await assistant.call("lookup_data_dictionary", query="word")
