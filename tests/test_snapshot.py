"""Snapshots: immutable, content-addressed, the same for the same rows."""

from pathlib import Path

import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.data.fingerprint import hash_file
from mlsteward.data.snapshot import Draft, draft_reference, draft_snapshot, place_snapshot, verify_snapshot
from mlsteward.errors import UnusableData

ROWS = "SELECT i AS id, i % 7 AS k, 'v' || i AS t FROM range(1000) r(i)"


def draft(folder: Path, sql: str, limit_mb: int = 64) -> Draft:
    with connect(threads=2) as connection:
        return draft_snapshot(connection, sql, folder, limit_mb=limit_mb)


def test_a_snapshot_is_named_by_its_bytes_and_read_only(tmp_path: Path) -> None:
    snapshot = place_snapshot(draft(tmp_path, ROWS), tmp_path, {})
    file = tmp_path / snapshot.path
    assert file.stem == hash_file(file)
    assert file.stat().st_mode & 0o777 == 0o444
    assert (snapshot.rows, [column.name for column in snapshot.columns]) == (1000, ["id", "k", "t"])
    assert not (tmp_path / "draft.parquet").exists()


def test_the_fingerprint_is_of_the_rows_not_of_their_order_or_encoding(tmp_path: Path) -> None:
    one = draft(tmp_path, ROWS).snapshot
    other = draft(tmp_path, f"{ROWS} ORDER BY i DESC").snapshot
    assert one.path != other.path
    assert one.identity == other.identity


@pytest.mark.parametrize(
    "changed",
    [
        f"SELECT id, CASE WHEN id = 500 THEN k + 1 ELSE k END AS k, t FROM ({ROWS})",
        f"SELECT id, (id + 1) % 7 AS k, t FROM ({ROWS})",
        f"SELECT CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE id END AS id, k, t FROM ({ROWS})",
        f"SELECT * FROM ({ROWS}) WHERE id <> 500",
        f"{ROWS} UNION ALL SELECT 500, 3, 'v500'",
        f"SELECT id, k, t AS renamed FROM ({ROWS})",
        f"SELECT id, k::DOUBLE AS k, t FROM ({ROWS})",
    ],
)
def test_any_change_of_rows_or_schema_changes_the_identity(tmp_path: Path, changed: str) -> None:
    assert draft(tmp_path, ROWS).snapshot.identity != draft(tmp_path, changed).snapshot.identity


def test_only_the_changed_column_has_another_fingerprint(tmp_path: Path) -> None:
    before = draft(tmp_path, ROWS).snapshot.column_fingerprints
    after = draft(tmp_path, f"SELECT id, k + 1 AS k, t FROM ({ROWS})").snapshot.column_fingerprints
    assert [name for name in before if before[name] != after[name]] == ["k"]


def test_the_same_rows_are_kept_once(tmp_path: Path) -> None:
    first = place_snapshot(draft(tmp_path, ROWS), tmp_path, {})
    again = place_snapshot(draft(tmp_path, f"{ROWS} ORDER BY i DESC"), tmp_path, {first.identity: first.path})
    assert again.path == first.path
    assert len(list(tmp_path.glob("objects/*/*.parquet"))) == 1


def test_a_changed_snapshot_is_not_opened(tmp_path: Path) -> None:
    snapshot = place_snapshot(draft(tmp_path, ROWS), tmp_path, {})
    file = verify_snapshot(tmp_path, snapshot.path)
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(UnusableData, match="has changed since"):
        verify_snapshot(tmp_path, snapshot.path)
    file.unlink()
    with pytest.raises(UnusableData, match="is gone"):
        verify_snapshot(tmp_path, snapshot.path)


def test_a_snapshot_over_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="over the limit of 1 MB"):
        draft(tmp_path, "SELECT uuid() AS u FROM range(200000)", limit_mb=1)
    assert not list(tmp_path.iterdir())


def test_no_rows_make_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="no row"):
        draft(tmp_path, f"SELECT * FROM ({ROWS}) WHERE false")


def test_a_reference_stays_where_it_is_and_is_verified_by_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "large.parquet"
    with connect(threads=1) as connection:
        connection.execute(f"COPY ({ROWS}) TO {literal(str(file))}")
        referred = draft_reference(connection, file, hash_file(file))
    snapshot = place_snapshot(referred, tmp_path / "workspace", {})
    assert snapshot.reference
    assert verify_snapshot(tmp_path / "workspace", snapshot.path, snapshot.source_hash, reference=True) == file
    file.write_bytes(b"something else")
    with pytest.raises(UnusableData, match="has changed since"):
        verify_snapshot(tmp_path / "workspace", snapshot.path, snapshot.source_hash, reference=True)
