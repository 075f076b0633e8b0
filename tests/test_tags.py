"""Tags on versions: set in a terminal, read by every tool."""

import pytest

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, InvalidName, NotFound
from mlsteward.server.commands.tag import tag
from mlsteward.store.activity import activity_of
from mlsteward.store.datasets import find_dataset
from mlsteward.store.tags import put_tag, tags_of
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.dataset_versions import add_rows


@pytest.fixture
def flights(workspace: Workspace) -> Workspace:
    for shift in range(3):
        add_rows(
            workspace, "flights", f"SELECT i + {shift} AS number, 'UA' AS carrier FROM range(20) t(i)", profiled=True
        )
    return workspace


def test_a_tag_names_a_version_and_moves_to_another(flights: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    settings: Settings = flights.settings
    tag(settings, "flights@2", "golden", delete=False)
    tag(settings, "dataset:flights", "golden", delete=False)
    tag(settings, "flights@golden", "safe-one", delete=False)
    assert "flights@golden is flights@3, moved from flights@2." in capsys.readouterr().out
    found = flights.store.read(lambda t: find_dataset(t, "flights@golden"))
    assert found.label == "flights@3"
    assert [(one.tag, one.version) for one in flights.store.read(lambda t: tags_of(t, "flights"))] == [
        ("golden", 3),
        ("safe-one", 3),
    ]
    activity = flights.store.read(lambda t: activity_of(t, "dataset:flights@3"))
    assert ("tag", "flights@golden is flights@3, moved from flights@2.") in [(one.action, one.why) for one in activity]


def test_tags_are_listed_and_taken_away(flights: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    tag(flights.settings, "flights@1", "golden", delete=False)
    tag(flights.settings, "", "", delete=False)
    assert "flights@golden" in capsys.readouterr().out
    tag(flights.settings, "flights", "golden", delete=True)
    tag(flights.settings, "flights", "", delete=False)
    printed = capsys.readouterr().out
    assert "flights@golden is no more; it was flights@1." in printed
    assert "No version of flights has a tag." in printed


@pytest.mark.parametrize("name", ["3", "latest", "Golden", "", "two words", "x" * 80])
def test_what_cannot_be_a_tag_is_refused(flights: Workspace, name: str) -> None:
    with pytest.raises(InvalidName):
        flights.store.write(lambda t: put_tag(t, "flights", 1, name, "anna"))


def test_a_missing_tag_says_which_there_are(flights: Workspace) -> None:
    tag(flights.settings, "flights@1", "golden", delete=False)
    with pytest.raises(NotFound, match=r"a tag of it \(golden\)\. Did you mean `flights@golden`\?"):
        flights.store.read(lambda t: find_dataset(t, "flights@goldn"))
    with pytest.raises(NotFound, match="its tags are golden"):
        tag(flights.settings, "flights", "goldn", delete=True)
    with pytest.raises(NotFound, match="There is no dataset 'flihgts'"):
        flights.store.read(lambda t: find_dataset(t, "flihgts@golden"))
    with pytest.raises(InvalidArgument, match="Name the tag"):
        tag(flights.settings, "flights", "", delete=True)


@pytest.mark.anyio
async def test_tools_pages_and_statements_take_tags(flights: Workspace, assistant: Assistant) -> None:
    tag(flights.settings, "flights@1", "golden", delete=False)
    answer = await assistant.call("profile_dataset", dataset="flights@golden")
    assert answer["dataset"] == "flights@1"
    summed = await assistant.call("query_data", sql='SELECT sum(number) FROM "flights@golden"')
    assert summed["rows"] == [[190]]
    asked = await assistant.call("query_data", sql="SELECT dataset, tag, version FROM meta.dataset_tags")
    assert asked["rows"] == [["flights", "golden", 1]]
    listed = await assistant.call("list_datasets")
    assert listed["datasets"][0]["tags"] == "golden@1"
    page = await assistant.text("read_page", uri="mlsteward://datasets/flights@golden")
    assert "# flights@1" in page
    assert "| flights@1 | golden |" in page
