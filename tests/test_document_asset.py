"""The tool `document_asset`: people's words, kept with who and when."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mlsteward.dictionary.entry import Entry
from mlsteward.store.dictionary import column_entries, entry_history
from mlsteward.store.models import add_model
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.copied import begun, furnished
from tests.dictionary_samples import FLIGHTS, WORDS, register
from tests.glossary_samples import add_table, model, with_flights

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    return furnished(tmp_path_factory, warm, lambda workspace: register(workspace, "flights", FLIGHTS, WORDS))


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
def flights(made: Path, workspace: Workspace) -> Workspace:
    return workspace


def columns(workspace: Workspace) -> dict[str, Entry]:
    entries = workspace.store.read(lambda transaction: column_entries(transaction, "flights"))
    return {entry.column: entry for entry in entries}


def history(workspace: Workspace, asset: str) -> list[Entry]:
    entries = workspace.store.read(lambda transaction: entry_history(transaction, "flights"))
    return [entry for entry in entries if entry.asset == asset]


@pytest.mark.parametrize("asset", ["flights.dep_delay", "column:flights.DEP_DELAY", "flights@1.dep_delay"])
async def test_a_column_is_documented_under_each_spelling(flights: Workspace, assistant: Assistant, asset: str) -> None:
    answer = await assistant.call("document_asset", asset=asset, unit="seconds", tags="ops, late", available_at="after")
    assert answer["changed"] == ["flights.dep_delay (version 2)"]
    entry = columns(flights)["dep_delay"]
    assert (entry.unit, entry.tags, entry.available_at) == ("seconds", ["ops", "late"], "after")
    assert entry.description == WORDS["dep_delay"], "what was not given stays"
    assert set(entry.writers) == {"unit", "tags", "available_at"}


@pytest.mark.parametrize("asset", ["flights", "dataset:flights", "dataset:flights@1"])
async def test_a_dataset_is_documented_under_each_spelling(
    flights: Workspace, assistant: Assistant, asset: str
) -> None:
    await assistant.call("document_asset", asset=asset, owner="operations", description="All departures")
    answer = await assistant.call("lookup_data_dictionary", dataset="flights")
    assert "owner: operations" in answer["verdict"]
    assert "All departures" in answer["verdict"]


async def test_forty_columns_are_documented_in_one_call(workspace: Workspace, assistant: Assistant) -> None:
    names = [f"c{number}" for number in range(40)]
    register(workspace, "flights", {name: [1, 2] for name in names})
    words = {name: f"Reading number {name}" for name in names}
    answer = await assistant.call("document_asset", asset="flights", columns=words, owner="lab")
    assert "41 entries of flights" in answer["verdict"]
    assert {name: entry.description for name, entry in columns(workspace).items()} == words


async def test_one_unknown_column_and_nothing_is_written(flights: Workspace, assistant: Assistant) -> None:
    before = columns(flights)
    words = await assistant.error(
        "document_asset", asset="flights", columns={"year": "The year", "dep_dely": "late"}, owner="ops"
    )
    assert "no column 'dep_dely'; nothing was written" in words
    assert "Did you mean `dep_delay`?" in words
    assert columns(flights) == before


async def test_saying_the_same_again_makes_no_new_version(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("document_asset", asset="flights.year", description="Year of departure")
    answer = await assistant.call("document_asset", asset="flights.year", description="Year of departure ")
    assert "Nothing new" in answer["verdict"]
    assert answer["unchanged"] == ["flights.year"]
    assert len(history(flights, "column:flights.year")) == 2


async def test_confirming_a_suggestion_makes_it_a_persons(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("document_asset", asset="flights.dep_delay", unit="minutes")
    entry = columns(flights)["dep_delay"]
    assert "unit" not in entry.harvested
    assert entry.writers == {"unit": flights.user}


async def test_every_version_is_kept_with_who_and_when(flights: Workspace, assistant: Assistant) -> None:
    for owner in ("ops", "finance"):
        await assistant.call("document_asset", asset="flights.year", owner=owner)
    versions = history(flights, "column:flights.year")
    assert [(entry.version, entry.owner, entry.actor) for entry in versions] == [
        (3, "finance", flights.user),
        (2, "ops", flights.user),
        (1, "", "register_dataset"),
    ]
    assert all(entry.changed for entry in versions)


async def test_a_persons_words_survive_a_new_version_of_the_dataset(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("document_asset", asset="flights.dep_delay", description="Late at the gate", unit="seconds")
    changed = register(flights, "flights", {**FLIGHTS, "dep_delay": [float(n) for n in range(40)]}, {"dep_delay": "x"})
    entry = columns(flights)["dep_delay"]
    assert (entry.description, entry.unit, entry.type) == ("Late at the gate", "seconds", "DOUBLE")
    assert entry.facts.maximum == 39
    assert "column:flights.dep_delay" in [one.asset for one in changed], "its type is another, so it is a new version"


async def test_registering_the_same_columns_again_makes_no_new_version(flights: Workspace) -> None:
    shifted = {**FLIGHTS, "distance": [value + 1 for value in FLIGHTS["distance"]]}
    assert register(flights, "flights", shifted, WORDS) == []
    assert columns(flights)["distance"].facts.minimum == 101.5, "facts follow the newest version"


async def test_a_column_that_disappeared_is_said_and_its_words_are_kept(
    flights: Workspace, assistant: Assistant
) -> None:
    await assistant.call("document_asset", asset="flights.tailnum", description="Registration of the aircraft")
    register(flights, "flights", {name: values for name, values in FLIGHTS.items() if name != "tailnum"}, WORDS)
    assert "tailnum" not in columns(flights)
    listed = await assistant.call("lookup_data_dictionary", dataset="flights")
    assert "no longer there: tailnum" in listed["verdict"]
    assert "no longer has this column" in await assistant.text("lookup_data_dictionary", query="tailnum")
    assert "'flights.tailnum'" in await assistant.error("document_asset", asset="flights.tailnum", unit="x")
    register(flights, "flights", FLIGHTS, WORDS)
    assert columns(flights)["tailnum"].description == "Registration of the aircraft"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"asset": "flights.dep_dely", "unit": "x"}, "Did you mean `flights.dep_delay`"),
        ({"asset": "dep_delay", "unit": "x"}, "Did you mean `flights.dep_delay`"),
        ({"asset": "flihgts", "owner": "x"}, "Did you mean `flights`?"),
        ({"asset": "flights.dep_delay", "role": "measur"}, "Did you mean `measure`?"),
        ({"asset": "flights.dep_delay", "available_at": "later"}, "available_at is one of before, after"),
        ({"asset": "flights", "unit": "minutes"}, "flights is a dataset"),
        ({"asset": "flights.dep_delay", "columns": {"year": "x"}}, "flights.dep_delay is a column"),
        ({"asset": "flights.dep_delay"}, "Nothing to write"),
        ({"asset": "run:1", "owner": "x"}, "datasets, columns, terms and models can be documented"),
        ({"asset": "model:delay", "owner": "x"}, "No model has a name yet"),
        ({"asset": "late flight", "owner": "x"}, "Did you mean `term:late_flight`?"),
        ({"asset": "term:late", "owner": "x"}, "Did you mean `term:late_flight`?"),
        ({"asset": "flights.dep_delay", "terms": ["late"]}, "There is no term 'late'"),
        ({"asset": "flights.dep_delay", "status": "sertified"}, "Did you mean `certified`?"),
        ({"asset": "flights.dep_delay", "status": "deprecated: arr_dely"}, "Did you mean `flights.arr_delay`"),
        ({"asset": "flights.dep_delay", "status": "deprecated: dep_delay"}, "Another column can take the place"),
        ({"asset": "flights.dep_delay", "review_by": "next year"}, "review_by is a day such as 2027-03-01"),
        ({"asset": "flights.dep_delay", "description": "x" * 5000}, "longer than 4000"),
    ],
)
async def test_what_cannot_be_written_is_refused_in_words(
    flights: Workspace, assistant: Assistant, arguments: dict[str, Any], words: str
) -> None:
    await assistant.call("define_term", term="Late flight", definition="x")
    before = history(flights, "column:flights.dep_delay")
    assert words in await assistant.error("document_asset", **arguments)
    assert history(flights, "column:flights.dep_delay") == before


async def test_each_change_is_in_the_audit_log(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("document_asset", asset="flights.year", owner="ops")
    rows = flights.store.read(lambda transaction: transaction.rows("SELECT action, asset, actor FROM activity"))
    assert rows == [("document_asset", "column:flights.year", flights.user)]


async def test_a_status_says_who_gave_it_and_when(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("document_asset", asset="flights.dep_delay", status="certified", review_by="2020-02-01")
    (card,) = (await assistant.call("lookup_data_dictionary", query="dep_delay"))["cards"]
    today = datetime.now(UTC).date()
    assert card["status"] == f"certified by {flights.user} on {today}"
    assert card["review_by"] == f"2020-02-01 (overdue by {(today - date(2020, 2, 1)).days} days)"
    again = await assistant.call("document_asset", asset="flights.dep_delay", status="certified")
    assert "Nothing new" in again["verdict"]
    register(flights, "flights", {**FLIGHTS, "dep_delay": [1.5] * 40}, WORDS)
    (card,) = (await assistant.call("lookup_data_dictionary", query="dep_delay"))["cards"]
    assert card["status"] == f"certified by {flights.user} on {today}", "a new version of the dataset keeps it"


@pytest.mark.parametrize(
    "status", ["deprecated: arr_delay", "Deprecated, use flights.arr_delay", "deprecated by arr_delay"]
)
async def test_something_deprecated_points_to_its_successor(
    flights: Workspace, assistant: Assistant, status: str
) -> None:
    await assistant.call("document_asset", asset="flights.dep_delay", status=status)
    answer = await assistant.call("lookup_data_dictionary", query="dep_delay")
    assert answer["cards"][0]["status"].endswith(": use column:flights.arr_delay")
    assert "(deprecated, harvested)" in answer["verdict"]
    await assistant.call("document_asset", asset="flights.dep_delay", status="approved")
    assert "deprecated" not in await assistant.text("lookup_data_dictionary", query="dep_delay")


async def test_a_dataset_shows_its_status_and_its_terms(workspace: Workspace, assistant: Assistant) -> None:
    flights = with_flights(workspace)
    await assistant.call("define_term", term="Punctuality", definition="x")
    answer = await assistant.call(
        "document_asset", asset="flights", owner="ops", status="approved", terms=["Punctuality"]
    )
    assert answer["links"] == [f"term:punctuality (approved by {flights.user})"]
    add_table(flights, "flights_v2", FLIGHTS)
    await assistant.call("document_asset", asset="flights_v2", status="deprecated: flights")
    old = await assistant.call("lookup_data_dictionary", dataset="flights_v2")
    assert "deprecated, use flights" in old["verdict"]
    assert old["next"] == 'lookup_data_dictionary(dataset="flights")'
    listed = await assistant.call("lookup_data_dictionary", dataset="flights")
    assert any(line.startswith("status: approved by") for line in listed["health"])
    assert listed["links"] == [f"term:punctuality (approved by {flights.user})"]


async def test_a_term_and_a_model_are_documented_too(flights: Workspace, assistant: Assistant) -> None:
    await assistant.call("define_term", term="Late flight", definition="x")
    await assistant.call("document_asset", asset="term:late_flight", tags=["ops"], usage="Monthly report")
    card = (await assistant.call("lookup_data_dictionary", query="late flight"))["cards"][0]
    assert (card["tags"], card["usage"], card["version"]) == ("ops", "Monthly report", 2)
    words = await assistant.error("document_asset", asset="term:late_flight", role="key")
    assert "role can be said of a column, and term:late_flight is a term" in words
    flights.store.write(lambda t: add_model(t, model("delay")))
    answer = await assistant.call("document_asset", asset="model:delay@1", owner="ml team", terms=["late_flight"])
    assert answer["changed"] == ["model:delay (version 1)"]
    card = (await assistant.call("lookup_data_dictionary", query="model:delay"))["cards"][0]
    assert (card["owner"], card["links"]) == ("ml team", [f"term:late_flight (approved by {flights.user})"])
