"""The tools `register_dataset` and `profile_dataset`, and the page of a dataset."""

from pathlib import Path
from typing import Any

import pytest

from mlsteward.store.datasets import find_dataset, versions_of
from mlsteward.store.runs import get_run
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

pytestmark = pytest.mark.anyio

ORDERS = "order_id,customer_id,amount\n" + "".join(f"{i},{i % 40 + 1},{i / 3:.2f}\n" for i in range(1, 400))
CUSTOMERS = "customer_id,name,joined\n" + "".join(f"{i},name {i},2024-01-{i % 28 + 1:02}\n" for i in range(1, 41))


async def register(assistant: Assistant, name: str, **arguments: Any) -> dict[str, Any]:
    """The completed answer, however long the machine takes."""
    answer = await assistant.call("register_dataset", name=name, wait_seconds=25, **arguments)
    while answer["state"] != "completed":
        await assistant.call("get_run", run=answer["run"], wait_seconds=25)
        answer = await assistant.call("register_dataset", name=name, wait_seconds=25, **arguments)
    return answer


def objects(workspace: Workspace) -> list[Path]:
    return sorted(workspace.objects.glob("*/*.parquet"))


async def test_a_file_becomes_a_version_with_its_meaning(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    (data / "customers.csv").write_text(CUSTOMERS)
    (data / "orders.csv").write_text(ORDERS)
    await register(assistant, "customers", source="customers.csv")
    answer = await register(assistant, "orders", source="orders.csv", description="Orders of a shop.")
    assert answer["verdict"].startswith("Registered orders@1: `orders` has 399 rows and 3 columns")
    assert (answer["dataset"], answer["rows"], answer["columns"]) == ("orders@1", 399, 3)
    assert {"relationship": "orders.customer_id → customers.customer_id", "coverage": 1.0} in answer["relationships"]
    assert answer["next"] == 'lookup_data_dictionary(dataset="orders")'
    version = workspace.store.read(lambda t: find_dataset(t, "orders@latest"))
    assert version.description == "Orders of a shop."
    assert workspace.store.read(lambda t: get_run(t, answer["run"])).dataset == "orders@1"
    page = await assistant.text("read_page", uri="mlsteward://datasets/orders@1")
    assert "| order_id | BIGINT |" in page


async def test_the_same_rows_make_no_new_version(assistant: Assistant, workspace: Workspace, data: Path) -> None:
    (data / "orders.csv").write_text(ORDERS)
    await register(assistant, "orders", source="orders.csv")
    header, *rows = ORDERS.splitlines()
    (data / "again.csv").write_text("\n".join([header, *reversed(rows)]))
    answer = await register(assistant, "orders", source="again.csv")
    assert answer["verdict"] == "again.csv holds the 399 rows that `orders` has already: no new version."
    assert (answer["dataset"], answer["new_version"]) == ("orders@1", False)
    assert len(objects(workspace)) == 1
    (data / "more.csv").write_text(ORDERS + "400,1,2.5\n")
    assert (await register(assistant, "orders", source="more.csv"))["dataset"] == "orders@2"
    assert [one.version for one in workspace.store.read(lambda t: versions_of(t, "orders"))] == [2, 1]


async def test_pasted_content_is_registered(assistant: Assistant) -> None:
    answer = await register(assistant, "pasted", content="a,b\n1,x\n2,y\n")
    assert answer["verdict"].endswith("from pasted content.")
    error = await assistant.error("register_dataset", name="pasted", content="x" * (256 * 1024 + 1))
    assert "more than 256 KB" in error
    assert "either a source or content" in await assistant.error("register_dataset", name="pasted")


async def test_a_profile_has_a_line_for_each_column_and_details_for_those_named(assistant: Assistant) -> None:
    await register(assistant, "iris", source="sample:iris")
    answer = await assistant.call("profile_dataset", dataset="iris")
    assert [line["column"] for line in answer["columns"]][-1] == "species"
    detail = (await assistant.call("profile_dataset", dataset="iris", columns=["sepal_length", "species"]))["details"]
    assert detail[0]["quantiles"]["0.5"] == 5.8
    assert sum(detail[0]["histogram"]) == 150
    assert detail[1]["top"] == {"setosa": 50, "versicolor": 50, "virginica": 50}
    error = await assistant.error("profile_dataset", dataset="iris", columns=["sepal"])
    assert "Did you mean `sepal_" in error
    assert "Did you mean `iris`" in await assistant.error("profile_dataset", dataset="irsi")
    assert "the newest is 1" in await assistant.error("profile_dataset", dataset="iris@7")


async def test_statistics_of_a_time_are_written_as_times(assistant: Assistant) -> None:
    rows = "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 31))
    await register(assistant, "month", content=f"day,number\n{rows}")
    detail = (await assistant.call("profile_dataset", dataset="month", columns=["day"]))["details"][0]
    assert detail["quantiles"]["0.5"] == detail["mean"] == "2024-01-15"
    assert "sd" not in detail
    assert detail["edges"][0] == "2024-01-01"
    assert "mean 2024-01-15\n" in await assistant.text("profile_dataset", dataset="month", columns=["day"])


async def test_a_path_that_climbs_out_of_the_folders_is_not_said_to_be_a_link(assistant: Assistant, data: Path) -> None:
    (data.parent / "secret.csv").write_text("a\n1\n")
    words = await assistant.error("register_dataset", name="x", source="../secret.csv")
    assert "not in a folder that may be read." in words


async def test_a_wide_table_is_answered_in_little(assistant: Assistant, data: Path) -> None:
    names = [f"a_rather_long_name_of_a_measurement_{i}" for i in range(150)]
    (data / "wide.csv").write_text(",".join(names) + "\n" + "\n".join(",".join(["7"] * 150) for _ in range(30)))
    answer = await register(assistant, "wide", source="wide.csv")
    assert answer["warnings"][-1] == 'and 92 more: profile_dataset(dataset="wide")'
    profile = await assistant.call("profile_dataset", dataset="wide")
    assert profile["columns_total"] == 150
    await assistant.call("profile_dataset", dataset="wide", columns=names[:4])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.csv", b"", "empty.csv: The file is empty"),
        ("ragged.csv", b"a,b\n1,2\n3\n", "ragged.csv, line 3: 1 cells where the header has 2"),
    ],
)
async def test_a_failed_registration_changes_nothing(
    assistant: Assistant, workspace: Workspace, data: Path, name: str, text: bytes, words: str
) -> None:
    (data / name).write_bytes(text)
    answer = await assistant.result("register_dataset", name="bad", source=name, wait_seconds=25)
    assert answer.is_error
    assert words in str(answer.content[0])
    assert objects(workspace) == []
    assert "No dataset is registered yet" in await assistant.error("profile_dataset", dataset="bad")


async def test_what_is_wrong_with_a_source_is_said_before_a_run_begins(assistant: Assistant, data: Path) -> None:
    (data / "orders.csv").write_text(ORDERS)
    assert "Did you mean `orders.csv`" in await assistant.error("register_dataset", name="x", source="order.csv")
    assert "not in a folder" in await assistant.error("register_dataset", name="x", source="/etc/passwd")
    assert "cannot be named" in await assistant.error("register_dataset", name="My Orders", source="orders.csv")
    assert "there are no runs yet" in await assistant.error("get_run", run="1")


async def test_credentials_in_a_url_are_kept_nowhere(assistant: Assistant, workspace: Workspace) -> None:
    url = "http://me:hunter2@127.0.0.1:9/table.csv?token=hunter3"
    error = await assistant.error("register_dataset", name="x", source=url)
    assert "private or local address" in error
    error += await assistant.error("register_dataset", name="x", source="s3://key:hunter2@bucket/table.csv")
    kept = b"".join(path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file())
    for secret in ("hunter2", "hunter3"):
        assert secret not in error
        assert secret.encode() not in kept
