"""Files of other formats, several files, pasted tables and samples."""

import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.data.paths import Folders
from mlsteward.data.samples import sample_names
from mlsteward.data.sources import SourceOrder
from mlsteward.errors import InvalidArgument, NotFound, NotSupported, UnusableData
from tests.registering import Registered, register, register_file


def write_parquet(path: Path, sql: str) -> None:
    with connect(threads=1) as connection:
        connection.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)")


def paste(folder: Path, content: str) -> Registered:
    where = Folders(data=[], workspace=folder)
    return register(SourceOrder(content=content, folders=where), folder)


def test_parquet_is_read_in_the_types_that_datasets_have(tmp_path: Path) -> None:
    write_parquet(
        tmp_path / "t.parquet",
        "SELECT 1::HUGEINT AS huge, 1.5::DECIMAL(9,2) AS money, 7::DECIMAL(18,0) AS id, {'a': 1} AS nested,"
        " 'x'::BLOB AS image, 'nan'::DOUBLE AS bad, TIMESTAMPTZ '2024-01-01 10:00+02' AS at, 1::FLOAT AS single",
    )
    found = register_file(tmp_path, "t.parquet")
    assert found.types == {
        "huge": "DOUBLE",
        "money": "DOUBLE",
        "id": "BIGINT",
        "nested": "VARCHAR",
        "bad": "DOUBLE",
        "at": "TIMESTAMP",
        "single": "DOUBLE",
    }
    assert found.rows == [(1.0, 1.5, 7, '{"a":1}', None, datetime(2024, 1, 1, 8), 1.0)]
    assert found.warnings == [
        "`nested` is nested and is kept as JSON text.",
        "`image` is binary and was left out.",
        "`bad` holds 1 numbers that are not finite (NaN, inf); they became null.",
    ]


def test_json_and_json_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"id": 1, "zip": "01234", "on": "2024-01-05"}, {"id": 2, "zip": null}]')
    (tmp_path / "b.jsonl").write_text('{"id": 1, "x": 1.5}\n{"id": 2, "y": [1, 2]}\n')
    assert register_file(tmp_path, "a.json").types == {"id": "BIGINT", "zip": "VARCHAR", "on": "DATE"}
    assert register_file(tmp_path, "b.jsonl").rows == [(1, 1.5, None), (2, None, "[1,2]")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1, 2]", "no rows"), ('[{"id": 1, "ID": 2}]', "differ only in case"), ("[]", "no rows")],
)
def test_json_that_is_no_table_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UnusableData, match=words):
        register_file(tmp_path, "a.json")


def test_a_sqlite_table_keeps_texts_of_digits(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as database:
        database.execute("CREATE TABLE orders (id INTEGER, phone TEXT, amount REAL, note TEXT)")
        database.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)", [(1, "555", 1.5, "a\nb"), (2, "666", None, None)]
        )
        database.execute("CREATE TABLE other (x)")
        database.commit()
    found = register_file(tmp_path, "shop.sqlite#orders")
    assert found.types == {"id": "BIGINT", "phone": "VARCHAR", "amount": "DOUBLE", "note": "VARCHAR"}
    assert found.rows == [(1, "555", 1.5, "a\nb"), (2, "666", None, None)]
    with pytest.raises(InvalidArgument, match=r"holds 2 tables \(orders, other\)"):
        register_file(tmp_path, "shop.sqlite")
    with pytest.raises(NotFound) as caught:
        register_file(tmp_path, "shop.sqlite#order")
    assert caught.value.close[0] == "shop.sqlite#orders"


def test_a_duckdb_table_is_read_and_a_view_is_not(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with connect(threads=1) as connection:
        connection.execute(f"ATTACH {literal(str(tmp_path / 'shop.duckdb'))} AS shop")
        connection.execute("CREATE TABLE shop.orders AS SELECT 1 AS id, 'x' AS note")
        connection.execute(f"CREATE VIEW shop.peek AS SELECT * FROM read_csv({literal(str(tmp_path / 'secret.csv'))})")
    assert register_file(tmp_path, "shop.duckdb#orders").rows == [(1, "x")]
    assert register_file(tmp_path, "shop.duckdb").rows == [(1, "x")]
    with pytest.raises(NotFound, match="no table 'peek'"):
        register_file(tmp_path, "shop.duckdb#peek")


def test_an_excel_sheet_is_read(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    for row in (["zip", "n", "at"], ["01234", 1, datetime(2024, 1, 5, 10)], ["99999", None, None]):
        sheet.append(row)
    book.create_sheet("empty")
    book.save(tmp_path / "book.xlsx")
    found = register_file(tmp_path, "book.xlsx")
    assert found.rows == [("01234", 1, datetime(2024, 1, 5, 10)), ("99999", None, None)]
    with pytest.raises(UnusableData, match="the sheet 'empty' is empty"):
        register_file(tmp_path, "book.xlsx#empty")


def test_without_the_extra_an_excel_file_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(NotSupported, match=r"mlsteward\[excel\]"):
        register_file(tmp_path, "book.xlsx")


def test_files_of_a_glob_are_matched_by_name(tmp_path: Path) -> None:
    (tmp_path / "2023.csv").write_text("id,x\n1,a\n")
    (tmp_path / "2024.csv").write_text("x;id;new\nb;2;7\n")
    found = register_file(tmp_path, "20*.csv")
    assert list(found.types) == ["id", "x", "new"]
    assert sorted(found.rows) == [(1, "a", None), (2, "b", 7)]
    assert any("do not all have the same columns" in warning for warning in found.warnings)


def test_pasted_csv_and_json_are_read(tmp_path: Path) -> None:
    assert paste(tmp_path, "a,b\n1,x\n2,y").rows == [(1, "x"), (2, "y")]
    assert paste(tmp_path, '[{"a": 1, "b": "x"}]').rows == [(1, "x")]
    with pytest.raises(UnusableData, match="looks like JSON"):
        paste(tmp_path, '[{"a": 1, "b": }]')


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("iris", 150, 5),
        ("wine", 178, 14),
        ("breast_cancer", 569, 31),
        ("diabetes", 442, 11),
        ("linnerud", 20, 6),
        ("airlines", 16, 2),
        ("airports", 1458, 8),
        ("planes", 3322, 9),
    ],
)
def test_samples_are_the_real_sets(tmp_path: Path, name: str, rows: int, columns: int) -> None:
    found = register(SourceOrder(text=f"sample:{name}", folders=Folders(data=[], workspace=tmp_path)), tmp_path)
    assert (found.result.rows, found.result.columns) == (rows, columns)


def test_the_classes_of_a_sample_have_their_names(tmp_path: Path) -> None:
    found = register(SourceOrder(text="sample:iris", folders=Folders(data=[], workspace=tmp_path)), tmp_path)
    assert [(top.value, top.count) for top in found.column("species").top] == [
        ("setosa", 50),
        ("versicolor", 50),
        ("virginica", 50),
    ]


def test_a_sample_that_is_not_there_is_refused_with_what_was_close() -> None:
    from mlsteward.data.samples import check_sample

    assert "weather" in sample_names()
    with pytest.raises(NotFound) as caught:
        check_sample("flihgts")
    assert caught.value.close[0] == "sample:flights"


def test_a_sqlite_file_is_opened_by_its_very_name(tmp_path: Path) -> None:
    for name, value in (("data/..%2fother.sqlite", 1), ("other.sqlite", 2)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE t (a)")
            database.execute("INSERT INTO t VALUES (?)", [value])
            database.commit()
    assert register_file(tmp_path / "data", "..%2fother.sqlite").rows == [(1,)]


def test_a_view_with_rows_without_end_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database:
        database.execute(
            "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
        )
    with pytest.raises(UnusableData, match="more than 1 MB"):
        register_file(tmp_path, "a.sqlite", limit_mb=1)
