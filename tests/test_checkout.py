"""`mlsteward checkout`: a version's rows as a file, and nothing overwritten."""

from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.dictionary.entry import column_entry
from mlsteward.errors import InvalidArgument, NotFound, UnusableData
from mlsteward.server.cli import main
from mlsteward.server.commands.checkout import checkout
from mlsteward.store.datasets import find_dataset
from mlsteward.store.dictionary import write_words
from mlsteward.store.tags import put_tag
from mlsteward.workspace import Workspace
from tests.dataset_versions import add_rows

TABLE = "SELECT i AS number, CASE WHEN i > 0 THEN 'a,\"' || i END AS note FROM range(3) t(i)"
ROWS: list[tuple[int, str | None]] = [(0, None), (1, 'a,"1'), (2, 'a,"2')]


@pytest.fixture
def notes(workspace: Workspace) -> Workspace:
    add_rows(workspace, "notes", TABLE)
    add_rows(workspace, "notes", "SELECT 9 AS number, 'x' AS note")
    workspace.store.write(lambda t: put_tag(t, "notes", 1, "golden", "anna"))
    return workspace


def rows(file: Path) -> list[tuple[Any, ...]]:
    with connect(memory_mb=128) as connection:
        reader = "read_parquet" if file.suffix == ".parquet" else "read_csv"
        return connection.execute(f"SELECT * FROM {reader}({literal(str(file))}) ORDER BY ALL").fetchall()


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_the_rows_of_a_version_are_written(notes: Workspace, tmp_path: Path, format: str) -> None:
    checkout(notes.settings, "notes@1", str(tmp_path / "out"), format=format)
    file = tmp_path / "out" / f"notes@1.{format}"
    assert rows(file) == ROWS
    assert list((tmp_path / "out").iterdir()) == [file], "nothing else is left"
    file.write_text("may be changed")


def test_a_tag_is_checked_out_under_its_version(notes: Workspace, tmp_path: Path) -> None:
    flags = ["--workspace", str(notes.folder)]
    assert main(["checkout", "notes@golden", str(tmp_path / "out"), *flags]) == 0
    assert rows(tmp_path / "out" / "notes@1.parquet") == ROWS


def test_an_existing_file_stays_unless_forced(notes: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "notes@1.csv"
    file.write_text("mine")
    with pytest.raises(InvalidArgument, match="exists already; add --force"):
        checkout(notes.settings, "notes@1", str(tmp_path), format="csv")
    assert file.read_text() == "mine"
    checkout(notes.settings, "notes@1", str(tmp_path), format="csv", force=True)
    assert rows(file) == ROWS


def test_a_snapshot_that_was_changed_is_refused(notes: Workspace, tmp_path: Path) -> None:
    snapshot = notes.folder / notes.store.read(lambda t: find_dataset(t, "notes@1")).snapshot
    snapshot.chmod(0o644)
    snapshot.write_bytes(snapshot.read_bytes()[:-4] + b"XXXX")
    with pytest.raises(UnusableData, match="do not match their hash"):
        checkout(notes.settings, "notes@1", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_columns_above_the_clearance_are_null(notes: Workspace, tmp_path: Path) -> None:
    entry = column_entry("notes", "note", sensitivity="restricted", writers={"sensitivity": "anna"})
    notes.store.write(lambda t: write_words(t, [entry], "anna"))
    cleared = notes.settings.model_copy(update={"clearance": "internal"})
    checkout(cleared, "notes@1", str(tmp_path))
    assert rows(tmp_path / "notes@1.parquet") == [(number, None) for number, _ in ROWS]


def test_what_is_not_there_is_said(notes: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="has no version 7"):
        checkout(notes.settings, "notes@7", str(tmp_path))
