"""The store's schema: numbered SQL files, each applied once, in order of their numbers."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.errors import StoreDamaged, StoreTooNew

if TYPE_CHECKING:
    import duckdb

FOLDER = Path(__file__).parent / "migrations"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    path: Path


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations this version knows, `0001_runs.sql` first."""
    found = [Migration(int(path.name[:4]), path.stem, path) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.sql")]
    return sorted(found, key=lambda migration: migration.number)


def applied(connection: "duckdb.DuckDBPyConnection") -> set[int]:
    """The numbers of the migrations the attached store has; none for a new one."""
    import duckdb

    try:
        return {number for (number,) in connection.execute("SELECT number FROM store.main.migrations").fetchall()}
    except duckdb.CatalogException:
        return set()


def missing(have: set[int], known: list[Migration]) -> list[Migration]:
    """What the store lacks. Raises StoreTooNew when it has a migration this version does not know."""
    newer = have - {migration.number for migration in known}
    if newer:
        raise StoreTooNew(
            f"The store of this workspace was written by a newer mlsteward: it has migration {max(newer)}, and this"
            f" version knows {max((migration.number for migration in known), default=0)}."
            " Upgrade mlsteward and restart the server."
        )
    return [migration for migration in known if migration.number not in have]


def migrate(connection: "duckdb.DuckDBPyConnection", pending: list[Migration]) -> None:
    """Apply `pending` in one transaction; StoreDamaged and an unchanged store when one fails."""
    import duckdb

    # CREATE TABLE goes to the first schema of the search path; it is put back, because DETACH refuses that one.
    row = connection.execute("SELECT current_setting('search_path')").fetchone()
    connection.execute("SET search_path = 'store.main'")
    current = ""
    try:
        connection.execute("BEGIN TRANSACTION")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL,"
            " applied TIMESTAMP NOT NULL)"
        )
        for migration in pending:
            current = migration.name
            connection.execute(migration.path.read_text(encoding="utf-8"))
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?, ?)",
                [migration.number, migration.name, datetime.now(UTC).replace(tzinfo=None)],
            )
        connection.execute("COMMIT")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        raise StoreDamaged(f"Migration {current} failed, and the store is as it was: {error}") from error
    finally:
        connection.execute(f"SET search_path = '{row[0] if row else ''}'")
    _log.info("store migrated: %s", ", ".join(migration.name for migration in pending))
