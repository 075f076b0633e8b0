"""Tables of a real PostgreSQL server as sources, and what its comments and keys give the dictionary."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mlsteward.data.paths import Folders
from mlsteward.data.postgres_address import open_database, parse_address
from mlsteward.data.secret_pipe import offer_secret, take_secret
from mlsteward.data.sources import SourceOrder
from mlsteward.errors import InvalidArgument, NotFound, Refused, UnusableData
from mlsteward.store.datasets import find_dataset
from mlsteward.store.dictionary import find_entry
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.postgres_server import PASSWORD, SCHEMA, Postgres, running_server
from tests.registering import Registered, register

WRITTEN = quote(PASSWORD, safe="")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_server() as server:
        server.execute(SCHEMA)
        yield server


@pytest.fixture
async def assistant(postgres: Postgres, tmp_path: Path, data: Path, warm: Path) -> AsyncIterator[Assistant]:
    """An assistant of a server whose operator named the database, and keeps its password."""
    workspace = new_workspace(tmp_path / "workspace", data, warm, databases=[postgres.url(password=WRITTEN)])
    async with assistant_of(workspace) as assistant:
        yield assistant
    workspace.close()


@pytest.fixture
def workspace(tmp_path: Path, assistant: Assistant) -> Workspace:
    return new_workspace(tmp_path / "workspace", tmp_path / "data", tmp_path)


def copied(
    postgres: Postgres, table: str, folder: Path, *, user: str = "postgres", password: str = WRITTEN, limit_mb: int = 64
) -> Registered:
    source = postgres.url(table, user=user, password=password)
    database, secret = open_database(source, [postgres.url()], allow_private=False)
    database.secret = str(offer_secret(secret, folder))
    folders = Folders(data=[], workspace=folder)
    return register(
        SourceOrder(text=database.table.url(), database=database, folders=folders, limit_mb=limit_mb), folder
    )


async def registered(assistant: Assistant, name: str, source: str, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call("register_dataset", name=name, source=source, wait_seconds=25, **arguments)
    while answer["state"] != "completed":
        await assistant.call("get_run", run=answer["run"], wait_seconds=25)
        answer = await assistant.call("register_dataset", name=name, source=source, wait_seconds=25, **arguments)
    return answer


def test_every_type_keeps_its_meaning(postgres: Postgres, tmp_path: Path) -> None:
    table = copied(postgres, "types", tmp_path)
    values = dict(zip(table.types, zip(*sorted(table.rows), strict=True), strict=True))
    assert values["id"] == (2, 3, 4, 9223372036854775807)
    assert values["small"] == (None, 7, None, -32768)
    assert (values["counted"][3], table.types["counted"]) == (12345678901234567, "BIGINT")
    assert (values["whole"][3], table.types["whole"]) == (999999999999, "BIGINT")
    assert (values["amount"][3], values["cost"][3], values["real4"][3]) == (12345678.91, 9.99, 0.1)
    assert values["flag"] == (False, None, None, True)
    assert [str(value) for value in values["day"]] == ["None", "None", "None", "2024-02-29"]
    assert [str(value) for value in values["moment"]] == [
        *("None", "0001-01-01 00:00:00", "None", "2024-01-01 12:00:00.123456")
    ]
    assert str(values["instant"][3]) == "2024-06-01 10:00:00"
    assert (values["took"][3], values["took"][2]) == (93600.0, -3.0)
    assert values["words"] == ("", None, "\\N", 'a "quoted", line\nand\ttab \\N')
    assert (values["padded"][3], values["mood"][3]) == ("ab", "happy")
    assert (values["document"][3], values["document"][1]) == ('{"a": [1, null]}', "null")
    assert values["tags"][3] == '["x","y, z",null]'
    assert values["identity"][3] == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert values["spot"][3] == '{"lat":1.5,"lon":2}'
    assert values["worth"][3] == 12.5
    assert "raw" not in values
    warnings = "\n".join(table.warnings)
    assert "`raw` is binary and was left out." in warnings
    assert "`day` holds 3 dates infinite or outside the years 1 to 9999, now null." in warnings
    assert "`double8` holds 2 numbers that are not finite" in warnings


def test_an_enumerated_type_gives_allowed_values_and_a_primary_key_the_role_of_key(
    postgres: Postgres, tmp_path: Path
) -> None:
    entries = {entry.column: entry for entry in copied(postgres, "shop.customers", tmp_path).new.entries}
    assert entries["tier"].allowed_values == ["sad", "ok", "happy"]
    assert entries["customer_ref"].role == "key"


@pytest.mark.parametrize(
    ("table", "rows"), [("shop.big", 100), ("shop.daily", 60), ('shop."Odd.Name"', 1), ("SHOP.ORDERS", 300)]
)
def test_views_partitioned_tables_and_quoted_names_are_read(
    postgres: Postgres, tmp_path: Path, table: str, rows: int
) -> None:
    assert len(copied(postgres, table, tmp_path).rows) == rows


def test_null_and_the_empty_text_stay_apart_in_a_table_of_one_column(postgres: Postgres, tmp_path: Path) -> None:
    assert copied(postgres, "shop.single", tmp_path).rows == [(None,), ("",), ("a",)]


def test_a_table_that_is_not_there_is_answered_with_those_that_are(postgres: Postgres, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"Did you mean `.*#shop\.orders`"):
        copied(postgres, "shop.order", tmp_path)
    with pytest.raises(InvalidArgument, match=r"The schema shop has 7 tables: .*orders \(One row per order\.\)"):
        copied(postgres, "shop.*", tmp_path)
    with pytest.raises(
        InvalidArgument, match=r"has 8 tables: public\.types.* Name one\. Next: register_dataset\(name='types'"
    ):
        copied(postgres, "", tmp_path)
    with pytest.raises(NotFound, match="no table pg_catalog"):
        copied(postgres, "pg_catalog.pg_authid", tmp_path)


def test_what_a_user_may_not_read_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    assert len(copied(postgres, "shop.orders", tmp_path, user="reader", password="read-er").rows) == 300
    with pytest.raises(Refused, match=r"reader may not SELECT from shop\.customers"):
        copied(postgres, "shop.customers", tmp_path, user="reader", password="read-er")
    with pytest.raises(Refused, match="password authentication failed") as refused:
        copied(postgres, "shop.orders", tmp_path, user="reader", password="not-the-one")
    assert "not-the-one" not in str(refused.value)


def test_a_database_that_is_not_there_is_said(postgres: Postgres, tmp_path: Path) -> None:
    source = postgres.url("t", database="nowhere", password=WRITTEN)
    database, secret = open_database(source, [postgres.url(database="nowhere")], allow_private=False)
    order = SourceOrder(text=database.table.url(), folders=Folders(data=[], workspace=tmp_path))
    database.secret = str(offer_secret(secret, tmp_path))
    with pytest.raises(NotFound, match='database "nowhere" does not exist'):
        register(order.model_copy(update={"database": database}), tmp_path)
    closed = database.model_copy(update={"secret": "", "table": database.table.model_copy(update={"port": 1})})
    with pytest.raises(UnusableData, match=r"cannot be read: Connection refused\."):
        register(order.model_copy(update={"database": closed}), tmp_path)
    with pytest.raises(Refused, match="The operator has to mend it"):
        open_database(source, ["postgresql://a:b:c@x:y/"], allow_private=False)


def test_a_view_cannot_write(postgres: Postgres, tmp_path: Path) -> None:
    postgres.execute(
        "CREATE FUNCTION shop.sly() RETURNS int LANGUAGE sql AS 'INSERT INTO shop.empty VALUES (1) RETURNING a';"
        "CREATE VIEW shop.trap AS SELECT shop.sly() AS a"
    )
    try:
        with pytest.raises(UnusableData, match="read-only transaction"):
            copied(postgres, "shop.trap", tmp_path)
        assert postgres.execute("SELECT count(*) FROM shop.empty") == [(0,)]
    finally:
        postgres.execute("DROP VIEW shop.trap; DROP FUNCTION shop.sly")


def test_a_table_over_the_limit_is_refused_while_it_is_read(postgres: Postgres, tmp_path: Path) -> None:
    postgres.execute("CREATE VIEW shop.endless AS SELECT repeat('x', 1000) AS a FROM generate_series(1, 20000)")
    try:
        with pytest.raises(UnusableData, match="take more than 1 MB"):
            copied(postgres, "shop.endless", tmp_path, limit_mb=1)
    finally:
        postgres.execute("DROP VIEW shop.endless")


def test_an_address_is_written_as_it_is_read() -> None:
    for source in (
        "postgresql://me@db.example.org:6432/shop?sslmode=require#sales.orders",
        'postgresql:///shop?host=/var/run/postgresql#"My Schema"."a.b"',
        "postgres://[2001:db8::1]/shop#orders",
    ):
        address, _ = parse_address(source)
        assert parse_address(address.url())[0] == address
    assert parse_address("postgres://h/d#orders")[0].table_schema == "public"
    with pytest.raises(InvalidArgument, match="takes no `passfile`"):
        parse_address("postgresql://h/d?passfile=/etc/shadow#t")
    with pytest.raises(InvalidArgument, match="takes no `password`") as error:
        parse_address("postgresql://h/d?password=hunter2#t")
    assert "hunter2" not in str(error.value)
    for source in ("u:hun/ter2@h/d#t", "u:hun?ter2@h/d#t", "u:hun#ter2@h/d", "u:hunter2:@h:x/d"):
        with pytest.raises(InvalidArgument, match="%2F") as error:
            parse_address(f"postgresql://{source}")
        assert "ter2" not in str(error.value)
    with pytest.raises(InvalidArgument, match="names no table"):
        parse_address("postgresql://h/d#a.b.c")


def test_only_a_database_that_the_operator_named_gets_the_credentials_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "ambient")
    named = ["postgresql://me:mine@10.0.0.5/shop?sslmode=require"]
    database, password = open_database("postgresql://10.0.0.5/shop?sslmode=disable#t", named, allow_private=False)
    assert (password, database.table.user, database.named) == ("mine", "me", True)
    assert database.table.options == {"sslmode": "require"}
    assert open_database("postgresql://you@10.0.0.5/shop#t", named, allow_private=False)[1] == "ambient"
    for other in ("postgresql://10.0.0.5/other#t", "postgresql://10.0.0.6/shop#t", "postgresql://you@8.8.8.8/shop#t"):
        with pytest.raises(Refused, match="--database") as refused:
            open_database(other, named, allow_private=False)
        assert "mine" not in str(refused.value)
    assert open_database("postgresql://you:yours@8.8.8.8/shop#t", named, allow_private=False)[1] == "yours"
    with pytest.raises(Refused, match="private or local"):
        open_database("postgresql://you:yours@127.0.0.1/shop#t", named, allow_private=False)
    database, password = open_database("postgresql://127.0.0.1/shop#t", [], allow_private=True)
    assert (password, database.named) == ("", False)


def test_a_secret_is_given_once_and_leaves_nothing(tmp_path: Path) -> None:
    pipe = offer_secret("hunter2", tmp_path)
    assert take_secret(pipe) == "hunter2"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnusableData, match="Register the table again"):
        take_secret(pipe)


@pytest.mark.anyio
async def test_comments_and_keys_of_the_database_become_the_dictionary(
    assistant: Assistant, workspace: Workspace, postgres: Postgres
) -> None:
    await registered(assistant, "orders", postgres.url("shop.orders"))
    answer = await registered(assistant, "customers", postgres.url("shop.customers"))
    assert answer["suggested"]["key"] == ["customer_ref"]
    # Declared, though neither the names agree nor most values match.
    assert answer["relationships"] == [{"relationship": "orders.bought_by → customers.customer_ref", "coverage": 1.0}]
    total = workspace.store.read(lambda t: find_entry(t, "orders.total"))
    assert (total.description, total.writers) == ("What was paid, in euros.", {})
    assert workspace.store.read(lambda t: find_dataset(t, "orders")).description == "One row per order."

    # People's words win; a comment that changes comes in, though the rows are the same.
    await assistant.call("document_asset", asset="orders.total", description="Gross, with tax.")
    postgres.execute(
        "COMMENT ON COLUMN shop.orders.total IS 'New words.'; COMMENT ON COLUMN shop.orders.bought_by IS 'The buyer.'"
    )
    answer = await registered(assistant, "orders", postgres.url("shop.orders"))
    assert not answer["new_version"]
    entries = [
        workspace.store.read(lambda t, name=name: find_entry(t, name)) for name in ("orders.total", "orders.bought_by")
    ]
    assert [entry.description for entry in entries] == ["Gross, with tax.", "The buyer."]


@pytest.mark.anyio
async def test_a_password_is_in_no_file_and_in_no_answer(
    postgres: Postgres, tmp_path: Path, data: Path, warm: Path
) -> None:
    workspace = new_workspace(tmp_path / "workspace", data, warm, allow_private_addresses=True)
    said: list[str] = []
    async with assistant_of(workspace) as assistant:
        source = postgres.url("shop.orders", password=WRITTEN)
        answer = await registered(assistant, "orders", source)
        said.append(str(answer))
        unknown = postgres.url("shop.nothing", password=WRITTEN)
        said.append(await assistant.error("register_dataset", name="x", source=unknown, wait_seconds=25))
        stranger = postgres.url("t", user="x", password="read-er-2")
        said.append(await assistant.error("register_dataset", name="x", source=stranger, wait_seconds=25))
        for tool, arguments in (
            ("list_datasets", {}),
            ("list_runs", {}),
            ("get_run", {"run": answer["run"]}),
            ("read_page", {"uri": "mlsteward://datasets/orders"}),
            ("query_data", {"sql": "SELECT * FROM meta.datasets"}),
        ):
            said.append(await assistant.text(tool, **arguments))
    workspace.close()
    assert f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres#shop.orders" in "\n".join(said)
    kept = b"".join(path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file())
    for secret in (PASSWORD, WRITTEN, "read-er-2"):
        assert secret not in "\n".join(said)
        assert secret.encode() not in kept


@pytest.mark.anyio
async def test_a_database_that_nobody_named_is_refused_before_a_run_begins(
    postgres: Postgres, tmp_path: Path, data: Path, warm: Path
) -> None:
    workspace = new_workspace(tmp_path / "workspace", data, warm)
    async with assistant_of(workspace) as assistant:
        error = await assistant.error("register_dataset", name="x", source=postgres.url("shop.orders"))
        assert f"--database postgresql://127.0.0.1:{postgres.port}/postgres" in error
        assert "there are no runs yet" in await assistant.error("get_run", run="1")
    workspace.close()
