"""The tool `list_datasets`, and the search for files that could be registered."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlsteward.data.paths import list_files
from mlsteward.data.profile import TableProfile
from mlsteward.data.snapshot import Column
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

pytestmark = pytest.mark.anyio


def version(name: str, source: str = "") -> DatasetVersion:
    return DatasetVersion(
        name=name,
        version=0,
        family=name,
        fingerprint=name,
        schema_hash="",
        rows=3,
        bytes=9,
        columns=[Column(name="a", type="BIGINT")],
        snapshot="objects/00/00.parquet",
        source=source,
        created=datetime.now(UTC),
        profile=TableProfile(rows=3, columns=[]),
    )


def add(workspace: Workspace, *names: str, source: str = "") -> None:
    def work(transaction: Transaction) -> None:
        for name in names:
            add_version(transaction, version(name, source))

    workspace.store.write(work)


async def test_an_empty_workspace_says_how_to_begin(assistant: Assistant) -> None:
    answer = await assistant.call("list_datasets")
    assert answer["verdict"] == "No dataset is registered yet; 0 files in the data folders could be."
    assert answer["next"] == 'register_dataset(name="iris", source="sample:iris")'


async def test_files_that_could_be_registered_are_offered(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    (data / "deep").mkdir()
    (data / "deep" / "Churn 2024.csv").write_text("a\n1\n")
    (data / "known.csv").write_text("a\n1\n")
    add(workspace, "known", source="known.csv")
    answer = await assistant.call("list_datasets")
    assert [file["source"] for file in answer["files"]] == ["deep/Churn 2024.csv"]
    assert answer["datasets"][0]["dataset"] == "known@1"


async def test_the_first_call_that_an_empty_workspace_suggests_names_a_file(assistant: Assistant, data: Path) -> None:
    (data / "Churn 2024.csv").write_text("a\n1\n")
    answer = await assistant.call("list_datasets")
    assert answer["next"] == 'register_dataset(name="churn_2024", source="Churn 2024.csv")'


async def test_many_datasets_come_in_pages(assistant: Assistant, workspace: Workspace) -> None:
    add(workspace, *(f"d{i:02}" for i in range(45)))
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await assistant.call("list_datasets", cursor=cursor)
        assert answer["total"] == 45
        seen += [one["dataset"] for one in answer["datasets"]]
        cursor = answer.get("cursor", "")
        if not cursor:
            break
    assert seen == [f"d{i:02}@1" for i in range(45)]
    assert "is no cursor" in await assistant.error("list_datasets", cursor="x")


def test_hidden_folders_links_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for name in (".mlsteward/a.csv", "node_modules/b.csv", "c.csv", "d.png", ".e.csv", "f/g/h.parquet"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "link.csv").symlink_to(tmp_path / "c.csv")
    assert {path.name for path in list_files([tmp_path])} == {"c.csv", "h.parquet"}
