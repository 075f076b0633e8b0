"""Sources that cannot be registered: each refused in words, and nothing left behind."""

import os
from pathlib import Path

import pytest

from mlsteward.data.paths import Folders
from mlsteward.errors import InvalidArgument, NotFound, Refused, StewardError, UnusableData
from tests.registering import register_file, register_text


def refused(folder: Path, text: str | bytes, name: str = "bad.csv") -> str:
    with pytest.raises(UnusableData) as caught:
        register_text(folder, text, name)
    assert not list(folder.glob("workspace/objects/**/*.parquet")), "a snapshot was left"
    assert not (folder / "workspace/run/temp").exists(), "temporary files were left"
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "bad.csv: The file is empty."),
        ("  \n \n", "bad.csv: The file is empty."),
        ("a,b\n", "bad.csv: The file has a header (a, b) and no row of data."),
        ("a,b,c\n1,2,3\n4,5\n", "bad.csv, line 3: 2 cells where the header has 3."),
        ("a,b\n1,2\n4,5,6\n", "bad.csv, line 3: 3 cells where the header has 2."),
        ('a,b\n1,"never closed\n2,3\n', "bad.csv, line 2: a quote is opened and not closed"),
        (bytes(range(256)) * 20, "bad.csv is not a text file"),
        (b"\x89PNG\r\n\x1a\n" + b"\x01\x02\x03\x04" * 99, "bad.csv is not a text file"),
        ("a,b,a\n1,2,3\n", "bad.csv: Columns have the same name: 'a' and 'a'."),
        ("id,ID\n1,2\n", "bad.csv: Columns differ only in case, which SQL does not tell apart: 'id' and 'ID'."),
        (
            ",".join(f"c{i}" for i in range(5000)) + "\n" + "1," * 4999 + "1\n",
            "5,000 columns, and a dataset at most 2,000",
        ),
    ],
)
def test_a_file_that_makes_no_table_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bad.parquet", b"PAR1 and then nothing", "bad.parquet cannot be read"),
        ("bad.parquet", b"not at all", "is no parquet file, whatever its name says"),
        ("bad.sqlite", b"not at all", "is no sqlite file"),
        ("bad.duckdb", b"not at all", "is no duckdb file"),
        ("bad.json", b'{"a": oops}', "bad.json cannot be read"),
        ("bad.json", b"", "bad.json is empty"),
        ("bad.xlsx", b"not at all", "no Excel file"),
        ("bad.csv.gz", b"not at all", "cannot be unpacked"),
        ("bad.zip", b"not at all", "cannot be unpacked"),
        ("bad.csv.zst", b"not at all", "cannot be unpacked"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, text: bytes, words: str) -> None:
    assert words in refused(tmp_path, text, name)


def folders(tmp_path: Path) -> Folders:
    for name in ("data", "elsewhere", "workspace"):
        (tmp_path / name).mkdir()
    return Folders(data=[tmp_path / "data"], workspace=tmp_path / "workspace")


def test_a_missing_file_is_refused_with_what_was_close(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "data/customers.csv").write_text("a\n1\n")
    with pytest.raises(NotFound) as caught:
        where.find("custmers.csv")
    assert caught.value.close == ("customers.csv",)


def test_a_file_outside_is_refused_whether_or_not_it_exists(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "elsewhere/there.csv").write_text("a\n1\n")
    for name in ("there.csv", "not_there.csv"):
        with pytest.raises(Refused, match="not in a folder that may be read"):
            where.find(str(tmp_path / "elsewhere" / name))
    with pytest.raises(Refused):
        where.find("../elsewhere/there.csv")


def test_a_link_out_of_the_folders_is_refused(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "elsewhere/secret.csv").write_text("a\n1\n")
    (tmp_path / "data/link.csv").symlink_to(tmp_path / "elsewhere/secret.csv")
    (tmp_path / "data/folder").symlink_to(tmp_path / "elsewhere")
    for name in ("link.csv", "folder/secret.csv", "*.csv", "folder/*.csv"):
        with pytest.raises(Refused):
            where.find(name)


def test_a_folder_a_pipe_and_the_store_are_refused(tmp_path: Path) -> None:
    where = folders(tmp_path)
    os.mkfifo(tmp_path / "data/pipe.csv")
    (tmp_path / "workspace/store.duckdb").write_bytes(b"")
    with pytest.raises(InvalidArgument, match="is a folder"):
        where.find(str(tmp_path / "data"))
    with pytest.raises(UnusableData, match="not an ordinary file"):
        where.find("pipe.csv")
    for name in ("store.duckdb", "store.before-0003.duckdb", "STORE.duckdb"):
        (tmp_path / "workspace" / name).touch()
        with pytest.raises(Refused, match="the workspace's own record"):
            where.find(name)


def test_nothing_outside_is_listed_or_told(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "elsewhere/there.csv").write_text("a\n1\n")
    for name in ("elsewhere/*.csv", "elsewhere/there.csv", "elsewhere/not_there.csv", "**/there.csv"):
        for text in (f"../{name}", str(tmp_path / name)):
            with pytest.raises(Refused) as caught:
                where.find(text)
            assert caught.value.message.startswith(f"{text} is not in a folder")


def test_a_name_that_no_file_can_have_is_refused_in_words(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "data/loop").symlink_to(tmp_path / "data/loop")
    for name in ("a" * 5000, "~nobody_at_all/a.csv", "/elsewhere/a\0.csv"):
        with pytest.raises(UnusableData, match="cannot be looked up"):
            where.find(name)
    for name in ("loop", "a\0.csv", "*\0.csv"):
        with pytest.raises(StewardError):
            where.find(name)


def test_an_attachment_of_the_host_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"lies with the chat's host.*mlsteward upload"):
        folders(tmp_path).find("/mnt/user-data/uploads/sales.csv")


def test_without_data_folders_the_error_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(StewardError, match="--data"):
        Folders(data=[], workspace=tmp_path / "w").find("a.csv")


def test_a_name_with_the_signs_of_a_glob_is_a_name_where_it_exists(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (tmp_path / "data/a[1].csv").write_text("a\n1\n")
    assert where.find("a[1].csv") == [tmp_path / "data/a[1].csv"]


def test_a_glob_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No file matches"):
        folders(tmp_path).find("*.csv")


def test_files_of_several_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "a.json").write_text('[{"a": 1}]')
    with pytest.raises(InvalidArgument, match="several formats"):
        register_file(tmp_path, "a.*")
