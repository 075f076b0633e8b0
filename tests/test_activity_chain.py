"""The audit log is a chain: what is altered, removed or put in is found, and nothing here can do it."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlsteward.server.cli import main
from mlsteward.store.activity import add_activity
from mlsteward.store.activity_chain import Head, check_chain, export_rows
from mlsteward.store.schema import FOLDER
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

ROOT = Path(__file__).parent.parent
ODD = "é\"\\/\x7f\n\t\u2028😀<>&\x01 ' ; --"
FORGED = "'2026-01-01', 'ann', '', 'register', 'dataset:x@1', '', NULL, '', ''"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store.duckdb")
    remember(store, *range(1, 7))
    return store


def remember(store: Store, *numbers: int) -> None:
    def write(t: Transaction) -> None:
        for number in numbers:
            run = number if number % 2 else None
            add_activity(t, actor="ann", client=ODD, action="a", asset=f"run:{number}", why=ODD, run=run)

    store.write(write)


def forge(store: Store, sql: str) -> None:
    store.write(lambda t: t.execute(sql))


def broken(store: Store, noted: Head | None = None) -> str:
    report = check_chain(store, noted)
    store.close()
    return report.broken


def test_a_log_that_nobody_touched_is_whole(store: Store) -> None:
    report = check_chain(store)
    assert (report.broken, report.head.number, len(report.head.hash)) == ("", 6, 64)
    store.close()


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    assert check_chain(store).broken == ""
    store.close()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE activity SET why = 'for fun' WHERE number = 3", "row 3 was altered"),
        ("UPDATE activity SET created = created + INTERVAL 1 microsecond WHERE number = 3", "row 3 was altered"),
        ("UPDATE activity SET run = 1 WHERE number = 4", "row 4 was altered"),
        ("UPDATE activity SET hash = 'x' WHERE number = 6", "row 6 was altered"),
        ("DELETE FROM activity WHERE number = 1", "row 1 was removed"),
        ("DELETE FROM activity WHERE number IN (3, 4)", "rows 3 to 4 were removed"),
        ("DELETE FROM activity WHERE number >= 5", "rows 5 to 6 were removed"),
        ("DELETE FROM activity", "rows 1 to 6 were removed"),
        (f"INSERT INTO activity VALUES (3, {FORGED})", "row 3 is there twice"),
        (f"INSERT INTO activity VALUES (0, {FORGED})", "row 0 was put in"),
        (f"INSERT INTO activity VALUES (7, {FORGED})", "row 7 was put in at the end"),
        ("UPDATE activity_head SET number = 4", "row 4 is not the one that was written last"),
        ("DELETE FROM activity_head", "was put in at the end"),
    ],
)
def test_the_broken_row_is_named(store: Store, sql: str, words: str) -> None:
    forge(store, sql)
    assert words in broken(store)


def test_a_row_altered_with_its_hash_breaks_the_row_after_it(store: Store) -> None:
    rows = list(export_rows(store))
    rows[2]["why"] = "for fun"
    values = [rows[2]["created"].strftime("%Y-%m-%dT%H:%M:%S.%fZ") if k == "created" else v for k, v in rows[2].items()]
    digest = hashlib.sha256(json.dumps(values[:-1], ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
    forge(store, f"UPDATE activity SET why = 'for fun', hash = '{digest}' WHERE number = 3")
    assert "row 4 does not follow row 3" in broken(store)


def test_a_chain_written_anew_is_found_by_a_head_that_was_noted_down(store: Store) -> None:
    noted = check_chain(store).head
    forge(store, "DELETE FROM activity")
    forge(store, "UPDATE activity_head SET number = 0, hash = ''")
    remember(store, *range(1, 8))
    assert check_chain(store).broken == ""
    assert "row 6 is not what was noted down" in broken(store, noted)


def test_a_log_cut_off_with_its_head_is_found_by_a_head_that_was_noted_down(store: Store) -> None:
    noted = check_chain(store).head
    forge(store, "DELETE FROM activity WHERE number > 2")
    forge(store, "UPDATE activity_head SET number = 2, hash = (SELECT hash FROM activity WHERE number = 2)")
    assert check_chain(store).broken == ""
    assert "row 6, which was noted down, is gone" in broken(store, noted)


def test_a_noted_head_stays_good_while_the_log_grows(store: Store) -> None:
    noted = check_chain(store).head
    remember(store, 7)
    assert broken(store, noted) == ""


def test_the_rows_of_an_older_store_are_chained_when_it_is_migrated(tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    older.mkdir()
    for path in FOLDER.glob("000[1-5]_*.sql"):
        shutil.copy(path, older)
    store = Store(tmp_path / "store.duckdb", migrations=older)
    forge(
        store,
        "INSERT INTO activity SELECT TIMESTAMP '2026-01-01' + to_microseconds(i // 2), 'ann', '', 'register',"
        " 'run:' || i, '{\"n\": \"é\"}', if(i % 2 = 0, i, NULL) FROM range(300) t(i)",
    )
    store.close()
    store = Store(tmp_path / "store.duckdb")
    remember(store, 301)
    report = check_chain(store)
    assert (report.broken, report.head.number) == ("", 301)
    assert [row["asset"] for row in export_rows(store)][:2] == ["run:0", "run:1"]
    store.close()


def test_no_statement_of_ours_changes_or_removes_a_row() -> None:
    changing = re.compile(
        r"(update|delete\s+from|truncate|drop\s+table|into)\s+(store\.main\.)?activity\b", re.IGNORECASE
    )
    for folder in ("mlsteward", "server", "tools", "resources"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not changing.search(path.read_text("utf-8")), f"{path} changes the audit log"
    # The one migration that makes the chain moves the rows that were there.
    found = [path.name for path in FOLDER.glob("*.sql") if changing.search(path.read_text("utf-8"))]
    assert found == ["0012_alerts.sql"]


def command(workspace: Path, *arguments: str) -> int:
    return main([*arguments, "--workspace", str(workspace), "--data", str(workspace)])


def test_doctor_says_that_the_chain_is_whole_and_which_row_is_broken(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "doctor") == 0
    assert "audit log: 6 changes, chained without a gap" in capsys.readouterr().out
    forge(store, "UPDATE activity SET actor = 'bob' WHERE number = 2")
    store.close()
    assert command(tmp_path, "doctor") == 1
    assert "row 2 was altered" in capsys.readouterr().out


def test_a_head_can_be_noted_down_and_held_against_the_log(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "audit", "head") == 0
    noted = capsys.readouterr().out.strip()
    assert command(tmp_path, "audit", "verify", "--head", noted) == 0
    assert "6 changes" in capsys.readouterr().out
    forge(store, "DELETE FROM activity WHERE number = 6")
    store.close()
    assert command(tmp_path, "audit", "verify", "--head", noted) == 1
    assert "row 6 was removed" in capsys.readouterr().out
    assert command(tmp_path, "audit", "verify", "--head", "6") == 1
    assert "NUMBER:HASH" in capsys.readouterr().err


def test_an_exported_log_can_be_verified_with_nothing_but_the_standard_library(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit.jsonl"
    assert command(tmp_path, "audit", "export", str(file)) == 0
    previous = ""
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for line in lines:
        *values, digest = line.values()
        assert line["previous"] == previous
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert previous == digest
    assert len(lines) == 6
    assert command(tmp_path, "audit", "export", str(file)) == 1
    assert "exists already" in capsys.readouterr().err
    assert list(export_rows(store))[-1]["action"] == "audit export"
    store.close()


WRITER = """
import sys
from pathlib import Path
from mlsteward.store.activity import add_activity
from mlsteward.store.store import Store
store = Store(Path(sys.argv[1]))
for number in range(12):
    store.write(lambda t: add_activity(t, actor=sys.argv[2], client="", action="a", asset=f"run:{number}"))
store.close()
"""


def test_the_chain_is_whole_when_several_processes_write_to_it(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"writer {n}"]) for n in range(3)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    store = Store(path)
    report = check_chain(store)
    assert (report.broken, report.head.number) == ("", 36)
    store.close()
