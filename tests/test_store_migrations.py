import shutil
import struct
from functools import reduce
from operator import xor
from pathlib import Path

import duckdb
import pytest

from mlsteward.errors import StoreDamaged, StoreTooNew
from mlsteward.store.schema import FOLDER, migrations
from mlsteward.store.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the first migration, to which tests add others."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    shutil.copy(FOLDER / "0001_runs.sql", folder)
    return folder


def open_store(tmp_path: Path, folder: Path) -> Store:
    return Store(tmp_path / "store.duckdb", migrations=folder)


def remember(store: Store, asset: str) -> None:
    add = "INSERT INTO activity (created, actor, client, action, asset, why) VALUES ('2026-01-01', '', '', '', ?, '')"
    store.write(lambda t: t.execute(add, [asset]))


def assets(path: Path) -> list[tuple[str]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("SELECT asset FROM activity ORDER BY asset").fetchall()


def test_a_new_workspace_gets_the_whole_schema_and_no_backup(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    numbers = store.read(lambda t: [number for (number,) in t.rows("SELECT number FROM migrations ORDER BY number")])
    store.close()
    assert numbers == [migration.number for migration in migrations()]
    assert [path.name for path in tmp_path.glob("*.duckdb")] == ["store.duckdb"]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_an_older_store_is_migrated_with_a_backup_beside_it(tmp_path: Path, folder: Path) -> None:
    store = open_store(tmp_path, folder)
    remember(store, "run:1")
    store.close()
    (folder / "0002_notes.sql").write_text("CREATE TABLE notes (text VARCHAR); INSERT INTO notes VALUES ('new');")
    store = open_store(tmp_path, folder)
    assert store.read(lambda t: t.rows("SELECT text, asset FROM notes, activity")) == [("new", "run:1")]
    store.close()
    backup = tmp_path / "store.before-0002.duckdb"
    assert assets(backup) == [("run:1",)]
    with duckdb.connect(str(backup), read_only=True) as connection:
        assert connection.execute("SELECT max(number) FROM migrations").fetchall() == [(1,)]


def test_a_server_that_runs_while_a_newer_one_migrates_is_refused_in_words(tmp_path: Path, folder: Path) -> None:
    older = open_store(tmp_path, folder)
    remember(older, "run:1")
    (folder / "0007_notes.sql").write_text("CREATE TABLE notes (text VARCHAR)")
    newer = open_store(tmp_path, folder)
    remember(newer, "run:2")
    with pytest.raises(StoreTooNew, match=r"has migration 7, and this version knows 1\. Upgrade"):
        remember(older, "run:3")
    older.close()
    newer.close()
    assert assets(tmp_path / "store.duckdb") == [("run:1",), ("run:2",)]


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, folder: Path) -> None:
    store = open_store(tmp_path, folder)
    remember(store, "run:1")
    store.close()
    (folder / "0002_bad.sql").write_text("CREATE TABLE notes (text VARCHAR); INSERT INTO nowhere VALUES (1);")
    broken = open_store(tmp_path, folder)
    with pytest.raises(StoreDamaged, match="0002_bad failed, and the store is as it was"):
        remember(broken, "run:2")
    broken.close()
    (folder / "0002_bad.sql").unlink()
    store = open_store(tmp_path, folder)
    remember(store, "run:3")
    assert store.read(lambda t: t.rows("SELECT table_name FROM duckdb_tables() WHERE table_name = 'notes'")) == []
    store.close()
    assert assets(tmp_path / "store.duckdb") == [("run:1",), ("run:3",)]


def test_a_file_of_a_newer_engine_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    duckdb.connect(str(path)).close()
    content = bytearray(path.read_bytes())
    # The header: checksum of the rest of the block, magic bytes, storage version.
    content[12:20] = (10_000).to_bytes(8, "little")
    words = struct.unpack("<511Q", content[8:4096])
    content[:8] = struct.pack("<Q", reduce(xor, (word * 0xBF58476D1CE4E5B9 % 2**64 for word in words), 5381))
    path.write_bytes(content)
    store = Store(path)
    with pytest.raises(StoreTooNew, match="newer DuckDB"):
        store.read(lambda t: t.rows("SELECT 1"))
    store.close()


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    path.write_bytes(b"not a database" * 1000)
    store = Store(path)
    with pytest.raises(StoreDamaged, match="cannot be opened"):
        remember(store, "run:1")
    store.close()
    assert path.read_bytes() == b"not a database" * 1000


def test_a_restored_backup_is_the_store_as_it_was(tmp_path: Path, folder: Path) -> None:
    store = open_store(tmp_path, folder)
    remember(store, "kept")
    store.backup(tmp_path / "copy.duckdb")
    remember(store, "written later")
    # A log left behind belongs to the store that goes, and must not be replayed on the one that comes.
    (tmp_path / "store.duckdb.wal").write_bytes(b"of the other store")
    store.restore(tmp_path / "copy.duckdb")
    remember(store, "written after")
    store.close()
    assert assets(tmp_path / "store.duckdb") == [("kept",), ("written after",)]
