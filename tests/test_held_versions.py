"""Versions that break a contract in mode block: kept aside, looked at, released."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.store.datasets import find_dataset, newest_version, versions_of
from mlsteward.store.dictionary import column_entries
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of
from tests.contract_samples import Table, write_table
from tests.copied import begun, furnished
from tests.dictionary_samples import FLIGHTS

pytestmark = pytest.mark.anyio

RULES = ["distance between 0 and 5000", "unique(tailnum)", "rows >= 10 !warning"]
BROKEN = {**FLIGHTS, "distance": [-1.0, *FLIGHTS["distance"][1:]]}
MENDED = {**FLIGHTS, "distance": [1.0, *FLIGHTS["distance"][1:]]}


class Flights:
    """The dataset `flights` with a contract in mode block."""

    def __init__(self, workspace: Workspace, assistant: Assistant, data: Path) -> None:
        self.workspace = workspace
        self.assistant = assistant
        self._data = data

    async def register(self, table: Table) -> dict[str, Any]:
        write_table(self._data / "flights.parquet", table)
        return await self.assistant.call("register_dataset", name="flights", source="flights.parquet")

    async def set_contract(self, *checks: str, dataset: str = "flights", **more: Any) -> dict[str, Any]:
        return await self.assistant.call("set_contract", dataset=dataset, checks=list(checks), **more)

    @property
    def newest(self) -> int:
        found = self.workspace.store.read(lambda transaction: newest_version(transaction, "flights"))
        return found.version if found else 0

    @property
    def held(self) -> list[int]:
        versions = self.workspace.store.read(lambda transaction: versions_of(transaction, "flights"))
        return [version.version for version in versions if version.held]

    async def rows(self, table: str = "flights") -> int:
        answer = await self.assistant.call("query_data", sql=f'SELECT count(*) FROM "{table}"')
        return answer["rows"][0][0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    """A workspace to begin with: the first version, and its contract."""

    async def furnish(workspace: Workspace) -> None:
        async with assistant_of(workspace) as assistant:
            flights = Flights(workspace, assistant, workspace.settings.data[0])
            await flights.register(FLIGHTS)
            await flights.set_contract(*RULES, mode="block")

    return furnished(tmp_path_factory, warm, furnish)


@pytest.fixture
def workspace(made: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
def flights(workspace: Workspace, assistant: Assistant, data: Path) -> Flights:
    return Flights(workspace, assistant, data)


async def test_a_version_that_breaks_the_contract_is_recorded_and_not_made_the_newest(flights: Flights) -> None:
    answer = await flights.register(BROKEN)
    assert answer["dataset"] == "flights@2"
    assert "kept aside" in answer["verdict"]
    assert any("distance between 0 and 5000" in line for line in answer["contract"])
    assert answer["next"] == 'read_page(uri="mlsteward://contracts/flights")'
    assert (flights.newest, flights.held) == (1, [2])
    version = flights.workspace.store.read(lambda transaction: find_dataset(transaction, "flights@2"))
    assert "distance between 0 and 5000" in version.held
    assert (await flights.assistant.call("list_datasets"))["datasets"][0]["dataset"] == "flights@1"


async def test_it_can_be_looked_at_by_its_number(flights: Flights) -> None:
    await flights.register({name: values[:20] for name, values in BROKEN.items()})
    assert (await flights.rows("flights@2"), await flights.rows(), await flights.rows("flights@1")) == (20, 40, 40)
    profile = await flights.assistant.text("profile_dataset", dataset="flights@2", columns=["distance"])
    assert "-1" in profile
    assert "flights@2 (kept aside)" in await flights.assistant.text("read_page", uri="mlsteward://datasets/flights")


async def test_the_page_says_why_and_how_to_release_it(flights: Flights) -> None:
    await flights.register(BROKEN)
    page = await flights.assistant.text("read_page", uri="mlsteward://contracts/flights")
    assert "**flights@2 is kept aside**" in page
    assert 'set_contract(dataset="flights@2", checks=["current"], mode="warn")' in page


async def test_an_alert_says_that_a_version_is_kept_aside_until_one_comes_that_passes(flights: Flights) -> None:
    await flights.register(BROKEN)
    alerts = await flights.assistant.call("list_alerts")
    assert "flights@2 is kept aside" in str(alerts)
    await flights.register(MENDED)
    assert (await flights.assistant.call("list_alerts"))["alerts"] == []


async def test_a_contract_saved_on_an_older_version_leaves_its_alert_open(flights: Flights) -> None:
    await flights.register(BROKEN)
    await flights.set_contract("current", "rows >= 5")
    assert flights.held == [2]
    assert [one["state"] for one in (await flights.assistant.call("list_alerts"))["alerts"]] == ["open"]


async def test_a_later_version_settles_its_alert_though_the_contract_was_dropped(flights: Flights) -> None:
    await flights.register(BROKEN)
    await flights.set_contract("none")
    await flights.register(MENDED)
    assert (await flights.assistant.call("list_alerts"))["alerts"] == []


async def test_the_cause_of_an_alert_is_told_against_the_version_in_force(flights: Flights) -> None:
    await flights.register({**FLIGHTS, "year": [str(year) for year in FLIGHTS["year"]]})
    await flights.register(BROKEN)
    page = await flights.assistant.text("read_page", uri="mlsteward://alerts/1")
    assert "flights@3 came" in page
    assert "year" not in page.partition("What likely caused it")[2]


async def test_whoever_may_not_see_a_column_is_not_told_which_of_its_checks_keep_a_version_aside(
    flights: Flights, uncleared: Assistant
) -> None:
    await flights.assistant.call("document_asset", asset="flights.distance", sensitivity="restricted")
    await flights.register(BROKEN)
    pages = [f"mlsteward://{page}" for page in ("alerts/1", "contracts/flights", "datasets/flights")]
    shown = [await uncleared.text("read_page", uri=uri) for uri in pages]
    shown.append(await uncleared.text("list_alerts"))
    shown.append(await uncleared.text("query_data", sql="SELECT held FROM meta.dataset_versions"))
    assert all("breaks 1 check of its contract" in text for text in shown)
    assert not any("range(distance)" in text or "1 of 40" in text for text in shown)
    assert "range(distance)" in await flights.assistant.text("list_alerts")


async def test_numbers_go_on_past_it_and_the_next_sound_version_is_the_newest(flights: Flights) -> None:
    await flights.register(BROKEN)
    answer = await flights.register(MENDED)
    assert answer["dataset"] == "flights@3"
    assert "passes its contract" in answer["verdict"]
    assert (flights.newest, flights.held) == (3, [2])


async def test_the_dictionary_does_not_follow_it(flights: Flights) -> None:
    await flights.register({name: values for name, values in BROKEN.items() if name != "carrier"})
    entries = flights.workspace.store.read(lambda transaction: column_entries(transaction, "flights"))
    assert "carrier" in [entry.column for entry in entries]
    facts = {entry.column: entry.facts for entry in entries}
    assert facts["distance"].minimum == FLIGHTS["distance"][0]


async def test_other_columns_or_types_break_the_schema_and_a_new_one_does_not(flights: Flights) -> None:
    without = {name: values for name, values in FLIGHTS.items() if name != "carrier"}
    answer = await flights.register({**without, "year": [str(year) for year in FLIGHTS["year"]]})
    assert any("carrier is missing" in line and "year is VARCHAR" in line for line in answer["contract"])
    assert (flights.newest, flights.held) == (1, [2])
    answer = await flights.register({**FLIGHTS, "gate": ["A1"] * 40})
    assert any("new: gate VARCHAR" in line for line in answer["contract"])
    assert flights.newest == 3


async def test_a_contract_that_lets_it_through_releases_it(flights: Flights) -> None:
    await flights.register(BROKEN)
    answer = await flights.set_contract("current", "distance between -5 and 5000", dataset="flights@2")
    assert "flights@2 is released" in answer["verdict"]
    assert (flights.newest, flights.held) == (2, [])
    entries = flights.workspace.store.read(lambda transaction: column_entries(transaction, "flights"))
    assert {entry.column: entry.facts.minimum for entry in entries}["distance"] == -1
    assert (await flights.assistant.call("list_alerts"))["alerts"] == []


async def test_mode_warn_releases_it_as_it_is(flights: Flights) -> None:
    await flights.register(BROKEN)
    answer = await flights.set_contract("current", dataset="flights@2", mode="warn")
    assert "flights@2 is released" in answer["verdict"]
    assert answer["failed"] == 1
    assert flights.newest == 2


async def test_a_contract_it_still_breaks_keeps_it_aside(flights: Flights) -> None:
    await flights.register(BROKEN)
    answer = await flights.set_contract("current", "distance > 0", dataset="flights@2")
    assert "stays kept aside" in answer["verdict"]
    assert (flights.newest, flights.held) == (1, [2])


async def test_a_dry_run_on_it_releases_nothing(flights: Flights) -> None:
    await flights.register(BROKEN)
    await flights.set_contract("current", dataset="flights@2", mode="warn", dry_run=True)
    assert (flights.newest, flights.held) == (1, [2])


async def test_one_released_later_than_a_newer_version_does_not_become_the_newest(flights: Flights) -> None:
    await flights.register(BROKEN)
    await flights.register(MENDED)
    await flights.set_contract("current", dataset="flights@2", mode="warn")
    assert (flights.newest, flights.held) == (3, [])
    entries = flights.workspace.store.read(lambda transaction: column_entries(transaction, "flights"))
    assert {entry.column: entry.facts.minimum for entry in entries}["distance"] == 1


async def test_the_same_rows_again_are_judged_anew_and_get_no_new_number(flights: Flights) -> None:
    await flights.register(BROKEN)
    assert (await flights.register(BROKEN))["dataset"] == "flights@2"
    assert flights.held == [2]
    await flights.set_contract("unique(tailnum)")
    answer = await flights.register(BROKEN)
    assert (answer["dataset"], flights.newest, flights.held) == ("flights@2", 2, [])


async def test_a_transform_that_breaks_the_contract_is_kept_aside(flights: Flights) -> None:
    sql = "SELECT * REPLACE (-distance AS distance) FROM flights"
    answer = await flights.assistant.call("transform_dataset", name="flights", sql=sql)
    assert "kept aside" in answer["verdict"]
    assert answer["contract"]
    assert (flights.newest, flights.held) == (1, [2])


async def test_in_mode_warn_the_version_is_the_newest_and_the_answer_says_what_failed(flights: Flights) -> None:
    await flights.set_contract("current", mode="warn")
    answer = await flights.register(BROKEN)
    assert "It fails 1 of the 5 checks of its contract." in answer["verdict"]
    assert any("distance -1.0" in line for line in answer["contract"]), "a row that fails is shown"
    assert flights.newest == 2
    assert "distance" in str(await flights.assistant.call("list_alerts"))


async def test_a_warning_blocks_nothing(flights: Flights) -> None:
    few = {name: values[:5] for name, values in FLIGHTS.items()}
    answer = await flights.register(few)
    assert any("rows >= 10" in line for line in answer["contract"])
    assert flights.newest == 2


async def test_drift_is_compared_with_the_last_version_that_was_not_held(flights: Flights) -> None:
    await flights.register(BROKEN)
    await flights.register(MENDED)
    answer = await flights.assistant.call("check_drift", current="flights")
    assert "flights@1" in str(answer)
    assert "flights@2" not in str(answer)
