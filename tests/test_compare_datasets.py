"""The tool `compare_datasets`: columns, rows and values that changed between two versions."""

from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.store.dictionary import find_entry, write_words
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.contract_samples import flights_of_month
from tests.dataset_versions import add_rows

pytestmark = pytest.mark.anyio


def put(workspace: Workspace, name: str, sql: str) -> str:
    """The rows of a SELECT as the next version of `name`; its label."""
    return add_rows(workspace, name, sql, profiled=True)


async def compare(assistant: Assistant, reference: str, current: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call("compare_datasets", reference=reference, current=current, **arguments)
    assert answer["state"] == "completed"
    return answer


def artifact(workspace: Workspace, answer: dict[str, Any], name: str) -> list[tuple[Any, ...]]:
    file = workspace.folder / "runs" / str(answer["run"]) / "artifacts" / name
    with connect(memory_mb=256) as connection:
        return connection.execute(f"SELECT * FROM read_parquet({literal(str(file))}) ORDER BY ALL").fetchall()


def hide(workspace: Workspace, *columns: str, level: str) -> None:
    """A person says how sensitive columns of orders are."""

    def write(transaction: Transaction) -> None:
        for column in columns:
            entry = find_entry(transaction, f"orders.{column}")
            update = {"sensitivity": level, "writers": {"sensitivity": "anna"}}
            write_words(transaction, [entry.model_copy(update=update)], "anna")

    workspace.store.write(write)


ORDERS = (
    "SELECT i AS order_id, 'c' || (i % 7) AS customer, round(i * 1.5, 2) AS amount,"
    " CASE WHEN i % 10 = 0 THEN NULL ELSE 'note ' || i END AS note FROM range(200) t(i)"
)


async def test_rows_added_removed_and_changed_are_told_by_the_dictionarys_key(
    assistant: Assistant, workspace: Workspace
) -> None:
    put(workspace, "orders", ORDERS)
    changed = (
        "SELECT order_id + 0 AS order_id, customer, CASE WHEN order_id = 5 THEN 1000 ELSE amount END AS amount,"
        f" CASE WHEN order_id IN (1, 2) THEN NULL WHEN order_id = 10 THEN 'found' ELSE note END AS note FROM ({ORDERS})"
        " WHERE order_id >= 3 OR order_id < 2 UNION ALL SELECT 900, 'c9', 3.0, NULL"
    )
    put(workspace, "orders", changed)
    answer = await compare(assistant, "orders@1", "orders@2")
    assert answer["key"] == ["order_id"]
    assert (answer["added"], answer["removed"], answer["changed"]) == (1, 1, 3)
    assert answer["verdict"] == (
        "orders@2 against orders@1 (200 rows, compared by order_id): rows 1 added, 1 removed, 3 changed."
    )
    how = {column["column"]: column["how"] for column in answer["columns"]}
    assert how["amount"] == "1 row changed, by +992.5 on average, median +992.5: 7.5 → 1000.0 (5)"
    assert how["note"].startswith("2 rows changed, 1 to null, 1 from null")
    assert "customer" not in how
    assert artifact(workspace, answer, "added.parquet") == [(900, "c9", 3.0, None)]
    assert artifact(workspace, answer, "removed.parquet") == [(2, "c2", 3.0, "note 2")]
    assert [row[0] for row in artifact(workspace, answer, "changed.parquet")] == [1, 5, 10]
    assert answer["next"] == 'check_drift(reference="orders@1", current="orders@2")'
    text = await assistant.text("get_run", run=answer["run"])
    assert ", ".join(answer["files"]) in text, "each file has an address that can be read as it stands"


async def test_without_a_key_whole_rows_are_counted_with_their_repeats(
    assistant: Assistant, workspace: Workspace
) -> None:
    put(workspace, "tones", "SELECT * FROM (VALUES ('a', 1), ('a', 1), ('a', 1), ('b', 2)) t(tone, n)")
    put(workspace, "tones", "SELECT * FROM (VALUES ('a', 1), ('a', 1), ('b', 2), ('b', 2), ('c', 3)) t(tone, n)")
    answer = await compare(assistant, "tones@1", "tones@2")
    assert "key" not in answer or answer["key"] == []
    assert (answer["added"], answer["removed"], answer["changed"]) == (2, 1, 0)
    text = await assistant.text("compare_datasets", reference="tones@1", current="tones@2")
    assert "without a key a changed row counts as one removed and one added" in text


async def test_identical_versions_are_said_to_be_so_without_a_run(assistant: Assistant, workspace: Workspace) -> None:
    put(workspace, "orders", ORDERS)
    put(workspace, "copied", f"{ORDERS} ORDER BY amount DESC")
    answer = await compare(assistant, "orders", "copied")
    assert answer["identical"]
    assert "run" not in answer
    assert "are identical: the same 200 rows" in answer["verdict"]
    again = await compare(assistant, "orders", "orders@1")
    assert "one and the same version" in again["verdict"]


async def test_values_that_only_moved_between_rows_are_changes(assistant: Assistant, workspace: Workspace) -> None:
    """Each column holds the same values before and after, so their fingerprints alone would call nothing changed."""
    put(workspace, "orders", ORDERS)
    put(
        workspace,
        "orders",
        "SELECT order_id, customer, CASE order_id WHEN 3 THEN 6 WHEN 4 THEN 4.5 ELSE amount END AS amount, note"
        f" FROM ({ORDERS})",
    )
    answer = await compare(assistant, "orders@1", "orders@2", key="order_id")
    assert (answer["changed"], [column["column"] for column in answer["columns"]]) == (2, ["amount"])


async def test_wider_types_null_and_minus_zero_are_compared_by_value(
    assistant: Assistant, workspace: Workspace
) -> None:
    put(
        workspace,
        "before",
        "SELECT i::INTEGER AS id, -0.0::DOUBLE AS zero, NULL::INTEGER AS none FROM range(50) t(i)",
    )
    put(
        workspace,
        "after",
        "SELECT i::BIGINT AS id, 0.0::DOUBLE AS zero, NULL::INTEGER AS none FROM range(50) t(i)",
    )
    answer = await compare(assistant, "before", "after", key="id")
    assert "has the same 50 rows as before@1" in answer["verdict"]
    assert answer["schema_changes"] == ["id is BIGINT, was INTEGER (widened)"]


async def test_columns_that_came_went_moved_and_were_renamed_are_said(
    assistant: Assistant, workspace: Workspace
) -> None:
    put(workspace, "orders", ORDERS)
    put(
        workspace,
        "orders",
        f"SELECT amount AS price, order_id AS Order_ID, note, 1 + order_id AS rank FROM ({ORDERS})",
    )
    answer = await compare(assistant, "orders@1", "orders@2", key="order_id")
    assert answer["schema_changes"] == [
        "added rank BIGINT",
        "removed customer VARCHAR",
        "amount is price now (the same values, so likely the same column)",
        "order_id is Order_ID now (only the case)",
        "the columns stand in another order",
    ]
    assert answer["changed"] == 0


async def test_a_key_that_repeats_a_little_is_used_and_said(assistant: Assistant, workspace: Workspace) -> None:
    twice = f"{ORDERS} UNION ALL SELECT 7, 'c1', 1, 'again'"
    put(workspace, "orders", twice)
    put(workspace, "orders", twice.replace("'again'", "'anew'"))
    answer = await compare(assistant, "orders@1", "orders@2", key="order_id")
    assert (answer["added"], answer["removed"], answer["changed"]) == (0, 0, 1)
    assert "4 rows share their order_id" in await assistant.text("get_run", run=answer["run"])


async def test_a_key_that_tells_few_rows_is_refused_with_its_numbers(
    assistant: Assistant, workspace: Workspace
) -> None:
    put(workspace, "orders", ORDERS)
    put(workspace, "orders", f"{ORDERS} LIMIT 150")
    words = await assistant.error("compare_datasets", reference="orders@1", current="orders@2", key="customer")
    assert "customer is no key: 350 of 350 rows share theirs" in words
    assert 'compare_datasets(reference="orders@1", current="orders@2")' in words


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"reference": "ordrs", "current": "orders"}, "Did you mean `orders`?"),
    ({"reference": "orders", "current": "orders@9"}, "has no version 9"),
    ({"reference": "orders", "current": "orders@golden"}, "a tag, of which it has none"),
    ({"reference": "orders", "current": "other", "key": "ordr_id"}, "no column in common"),
    ({"reference": "orders", "current": "more", "key": "ordr_id"}, "Did you mean `order_id`?"),
    ({"reference": "orders", "current": "more", "key": ","}, "key names columns"),
]


async def test_what_cannot_be_compared_is_refused_in_words(assistant: Assistant, workspace: Workspace) -> None:
    put(workspace, "orders", ORDERS)
    put(workspace, "more", f"{ORDERS} LIMIT 10")
    put(workspace, "other", "SELECT 1 AS one")
    for arguments, words in REFUSED:
        assert words in await assistant.error("compare_datasets", **arguments)


async def test_values_of_confidential_columns_are_never_kept(assistant: Assistant, workspace: Workspace) -> None:
    put(workspace, "orders", ORDERS)
    put(
        workspace,
        "orders",
        f"SELECT order_id, customer, amount + 1 AS amount, note || '!' AS note FROM ({ORDERS})",
    )

    hide(workspace, "note", "amount", level="confidential")
    answer = await compare(assistant, "orders@1", "orders@2", key="order_id")
    how = {column["column"]: column["how"] for column in answer["columns"]}
    assert how == {"amount": "200 rows changed, values masked", "note": "180 rows changed, values masked"}
    kept = (workspace.folder / "runs" / str(answer["run"]) / "result.json").read_text()
    assert "note 1" not in kept


async def test_columns_above_the_callers_clearance_take_no_part(
    assistant: Assistant, workspace: Workspace, data: Path, warm: Path
) -> None:
    """Equal counts would say whether a guessed table holds the masked values."""
    put(workspace, "orders", ORDERS)
    guess = f"SELECT order_id, customer, amount + 1 AS amount, note FROM ({ORDERS})"
    put(workspace, "orders", guess)
    hide(workspace, "note", level="restricted")
    cleared = new_workspace(workspace.folder, data, warm, clearance="internal")
    try:
        async with assistant_of(cleared) as reader:
            answer = await compare(reader, "orders@1", "orders@2", key="order_id")
            assert [column["column"] for column in answer["columns"]] == ["amount"]
            assert "masked for you, so left out: orders.note" in await reader.text("get_run", run=answer["run"])
            words = await reader.error("compare_datasets", reference="orders@1", current="orders@2", key="note")
            assert "'note' is no column of both tables" in words
            again = await compare(reader, "orders@1", "orders@1")
            assert "note" not in again
            assert not again.get("identical"), "what is not seen is not called identical"
    finally:
        cleared.close()
    for row in artifact(workspace, answer, "changed.parquet"):
        assert len(row) == 3, "the key, and the amount before and after"


async def test_a_comparison_is_shown_without_values_to_a_reader_of_less_clearance(
    assistant: Assistant, workspace: Workspace, data: Path, warm: Path
) -> None:
    put(workspace, "orders", ORDERS)
    put(workspace, "orders", f"SELECT order_id, customer, amount * 3 + 7 AS amount, note FROM ({ORDERS})")
    answer = await compare(assistant, "orders@1", "orders@2", key="order_id")
    assert "→ 902.5" in await assistant.text("get_run", run=answer["run"])
    hide(workspace, "amount", level="restricted")
    cleared = new_workspace(workspace.folder, data, warm, clearance="internal")
    try:
        async with assistant_of(cleared) as reader:
            shown = await reader.text("get_run", run=answer["run"])
            assert "200 rows changed" in shown
            assert "902.5" not in shown
    finally:
        cleared.close()


async def test_monthly_versions_of_real_flights_are_told_apart(
    assistant: Assistant, workspace: Workspace, data: Path
) -> None:
    """The second version adds a month, drops a day of one airline, and corrects a delay."""
    for month in (1, 2):
        flights_of_month(data / f"{month}.parquet", month)
    first, second = (f"read_parquet({literal(str(data / f'{month}.parquet'))})" for month in (1, 2))
    latest = f"(SELECT max(dep_delay) FROM {first})"
    corrected = f"* REPLACE (CASE WHEN dep_delay = {latest} THEN 99.0 ELSE dep_delay END AS dep_delay)"
    january = put(workspace, "flights", f"FROM {first}")
    dropped = "day = 10 AND carrier = 'UA'"
    february = put(
        workspace,
        "flights",
        f"SELECT {corrected} FROM {first} WHERE NOT ({dropped}) UNION ALL FROM {second}",
    )
    with connect(memory_mb=256) as connection:
        counts = f"SELECT (SELECT count(*) FROM {second}), (SELECT count(*) FROM {first} WHERE {dropped})"
        ((added, removed),) = connection.execute(counts).fetchall()
    answer = await compare(assistant, january, february, key="time_hour, carrier, flight")
    assert (answer["added"], answer["removed"], answer["changed"]) == (added, removed, 1)
    (delay,) = answer["columns"]
    assert (delay["column"], delay["changed"]) == ("dep_delay", 1)
    assert "→ 99.0 (2013-01-" in delay["how"]
    whole = await compare(assistant, january, february)
    assert (whole["added"], whole["removed"]) == (added + 1, removed + 1)
