"""Delimited text as people have it: every oddity read right, or refused with the line that is wrong."""

import gzip
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest

from mlsteward.data.csv_types import SAMPLE_ROWS
from mlsteward.data.engine import connect, literal
from mlsteward.errors import UnusableData
from tests.registering import Registered, register_file, register_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, text: str | bytes, name: str = "table.csv") -> Registered:
    return register_text(folder, text, name)


def test_a_byte_order_mark_is_no_part_of_the_first_name(folder: Path) -> None:
    assert read(folder, "\ufeffa,b\n1,2\n").types == {"a": "BIGINT", "b": "BIGINT"}


def test_latin_1_is_read_and_said(folder: Path) -> None:
    found = read(folder, "name\nJosé\nZoë\n".encode("latin-1"))
    assert found.rows == [("José",), ("Zoë",)]
    assert "not UTF-8" in found.warnings[0]


def test_utf_16_is_read(folder: Path) -> None:
    assert read(folder, "a,b\n1,é\n".encode("utf-16")).rows == [(1, "é")]


def test_semicolons_and_decimal_commas_are_read(folder: Path) -> None:
    found = read(folder, "name;price;on\nx;1.234,56;31.12.2023\ny;7,5;01.01.2024\n")
    assert found.rows == [("x", 1234.56, date(2023, 12, 31)), ("y", 7.5, date(2024, 1, 1))]
    assert any("decimal signs" in warning for warning in found.warnings)


def test_the_separator_line_of_excel_is_skipped(folder: Path) -> None:
    assert read(folder, "sep=;\na;b\n1,5;2\n").rows == [(1.5, 2)]


def test_tabs_and_pipes_are_told(folder: Path) -> None:
    assert read(folder, "a\tb\n1,5\t2\n", "table.tsv").rows == [(1.5, 2)]
    assert read(folder, "a|b\n1|x,y\n", "other.txt").rows == [(1, "x,y")]


def test_quoted_cells_may_hold_newlines_quotes_and_delimiters(folder: Path) -> None:
    found = read(folder, 'a,b\n"x\ny",1\n"say ""hi"", now",2\n')
    assert found.rows == [("x\ny", 1), ('say "hi", now', 2)]


def test_escaped_quotes_are_read(folder: Path) -> None:
    assert read(folder, 'a,b\n1,"x \\" y"\n2,z\n').rows == [(1, 'x " y'), (2, "z")]


def test_thousands_separators_make_numbers_and_are_said(folder: Path) -> None:
    found = read(folder, 'n,m\n"1,234.50",1\n12,2\n')
    assert found.rows == [(1234.5, 1), (12.0, 2)]
    assert any("thousands" in warning for warning in found.warnings)


def test_leading_zeros_stay_text(folder: Path) -> None:
    found = read(folder, "zip,n\n01234,1\n99999,2\n")
    assert found.types == {"zip": "VARCHAR", "n": "BIGINT"}
    assert found.rows[0] == ("01234", 1)


def test_long_digits_are_codes_and_never_rounded(folder: Path) -> None:
    found = read(folder, "card,tweet\n12345678901234567890,1234567890123456789\n")
    assert found.types == {"card": "VARCHAR", "tweet": "BIGINT"}
    assert found.rows == [("12345678901234567890", 1234567890123456789)]


def test_what_says_no_value_is_null(folder: Path) -> None:
    found = read(folder, 'n,t\nNA,""\n3,hello\n,NULL\nnan,x\n')
    assert found.rows == [(None, None), (3, "hello"), (None, None), (None, "x")]


def test_na_among_two_letter_codes_is_namibia(folder: Path) -> None:
    found = read(folder, "country,n\nNA,1\nDE,2\nFR,NA\n")
    assert found.rows == [("NA", 1), ("DE", 2), ("FR", None)]
    assert any("kept as a code" in warning for warning in found.warnings)


def test_numbers_that_are_not_finite_become_null_and_are_counted(folder: Path) -> None:
    found = read(folder, "x\ninf\n2.5\n-Infinity\n")
    assert found.rows == [(None,), (2.5,), (None,)]
    assert "`x` holds 2 numbers that are not finite; they became null." in found.warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05", date(2024, 1, 5)),
        ("2024-01-05 10:30", datetime(2024, 1, 5, 10, 30)),
        ("2024-01-05T10:30:00Z", datetime(2024, 1, 5, 10, 30)),
        ("2024-01-05 10:30:00+02:00", datetime(2024, 1, 5, 8, 30)),
        ("31/12/2023", date(2023, 12, 31)),
        ("12/31/2023", date(2023, 12, 31)),
        ("12/31/23", date(2023, 12, 31)),
        ("31.12.2023 18:05", datetime(2023, 12, 31, 18, 5)),
        ("5-Jan-2024", date(2024, 1, 5)),
        ('"Jan 5, 2024"', date(2024, 1, 5)),
        ("12/31/2023 3:07 PM", datetime(2023, 12, 31, 15, 7)),
    ],
)
def test_dates_are_read_in_many_formats(folder: Path, text: str, expected: date) -> None:
    assert read(folder, f"on,n\n{text},1\n").rows == [(expected, 1)]


def test_dates_that_do_not_tell_day_from_month_are_warned_about(folder: Path) -> None:
    found = read(folder, "on\n01/02/2024\n03/04/2024\n")
    assert found.rows[0] == (date(2024, 1, 2),)
    assert any("do not tell day from month" in warning for warning in found.warnings)


def test_one_odd_value_far_down_makes_the_column_text_and_loses_nothing(folder: Path) -> None:
    rows = SAMPLE_ROWS + 500
    text = "a,b\n" + "".join(f"{i},{i}\n" for i in range(rows)) + "oops,1\n"
    found = read(folder, text)
    assert found.types == {"a": "VARCHAR", "b": "BIGINT"}
    assert found.rows[-1] == ("oops", 1)
    assert "mixed types" in found.column("a").warnings[-1]


def test_a_late_thousands_separator_is_still_read_as_number(folder: Path) -> None:
    text = "a,b\n" + "".join(f"{i},{i}\n" for i in range(SAMPLE_ROWS + 10)) + '"1,234",1\n'
    found = read(folder, text)
    assert found.types["a"] == "DOUBLE"
    assert found.rows[-1] == (1234.0, 1)


def test_mixed_line_ends_are_read(folder: Path) -> None:
    assert read(folder, b"a,b\r\n1,2\n3,4\r\n").rows == [(1, 2), (3, 4)]


def test_old_mac_line_ends_are_read(folder: Path) -> None:
    assert read(folder, b"a,b\r1,2\r3,4\r").rows == [(1, 2), (3, 4)]


def test_very_long_cells_are_read(folder: Path) -> None:
    found = read(folder, "a,b\n1," + "x" * 3_000_000 + "\n2,y\n")
    assert len(str(found.rows[0][1])) == 3_000_000


def test_a_file_without_header_gets_numbered_columns(folder: Path) -> None:
    found = read(folder, "1,x\n2,y\n3,z\n")
    assert found.types == {"column_1": "BIGINT", "column_2": "VARCHAR"}
    assert any("no header" in warning for warning in found.warnings)


def test_years_over_numbers_are_a_header(folder: Path) -> None:
    assert list(read(folder, "country,2013,2014\nx,1,2\ny,3,4\n").types) == ["country", "2013", "2014"]


def test_blank_names_are_numbered_and_spaces_dropped(folder: Path) -> None:
    found = read(folder, " a ,,b  c\n1,2,3\n")
    assert list(found.types) == ["a", "column_2", "b c"]
    assert len(found.warnings) == 2


def test_blank_lines_and_a_missing_last_newline_do_not_matter(folder: Path) -> None:
    assert read(folder, "a,b\n1,2\n\n3,4").rows == [(1, 2), (3, 4)]


def test_packed_files_are_read(folder: Path) -> None:
    text = "a,b\n1,x\n2,y\n"
    with gzip.open(folder / "one.csv.gz", "wt") as file:
        file.write(text)
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        archive.writestr("inside.csv", text)
    (folder / "plain.csv").write_text('a,b\n1,"x\ny"\n2,y\n')
    source = "read_csv('plain.csv', delim = chr(1), quote = '', header = false, columns = {'l': 'VARCHAR'})"
    with connect(threads=1) as connection:
        connection.execute(
            f"COPY (SELECT * FROM {source.replace('plain.csv', str(folder / 'plain.csv'))}) TO"
            f" {literal(str(folder / 'three.csv.zst'))} (FORMAT csv, HEADER false, QUOTE '', DELIM '\x01',"
            " COMPRESSION zstd)"
        )
    assert register_file(folder, "one.csv.gz").rows == [(1, "x"), (2, "y")]
    assert register_file(folder, "two.zip").rows == [(1, "x"), (2, "y")]
    assert register_file(folder, "three.csv.zst").rows == [(1, "x\ny"), (2, "y")]


def test_a_zip_of_two_files_is_refused(folder: Path) -> None:
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(UnusableData, match=r"holds 2 files \(a.csv, b.csv\)"):
        register_file(folder, "two.zip")


def test_what_unpacks_beyond_the_limit_is_refused(folder: Path) -> None:
    with gzip.open(folder / "bomb.csv.gz", "wb") as file:
        file.write(b"a\n" + b"1\n" * 1_500_000)
    with pytest.raises(UnusableData, match="more than 1 MB once it is unpacked"):
        register_file(folder, "bomb.csv.gz", limit_mb=1)
