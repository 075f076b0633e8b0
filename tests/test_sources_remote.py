"""Sources on other machines, tried against a server of our own."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlsteward.data.paths import Folders
from mlsteward.data.remote import check_address, fetch_object, fetch_web, holds_secret, redacted
from mlsteward.data.sources import SourceOrder
from mlsteward.errors import InvalidArgument, NotFound, NotSupported, Refused, UnusableData
from tests.registering import register


class Pages(BaseHTTPRequestHandler):
    """/table.csv is a table, /moved leads there, /loop to itself, /private wants a password."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        allowed = path != "/private.csv" or self.headers.get("Authorization") == "Basic bWU6c2VjcmV0"
        moves = {"/moved": "/table.csv", "/loop": "/loop"}
        if path in moves:
            self.send_response(302)
            self.send_header("Location", moves[path])
            self.end_headers()
        elif path in ("/table.csv", "/private.csv") and allowed:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a,b\n1,x\n2,y\n")
        else:
            self.send_response(404 if allowed else 401)
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(url: str, folder: Path) -> bytes:
    fetch_web(url, folder / "file", allow_private=True, limit_mb=1)
    return (folder / "file").read_bytes()


def test_a_url_is_registered_when_the_operator_allows_its_address(web: str, tmp_path: Path) -> None:
    folders = Folders(data=[], workspace=tmp_path)
    order = SourceOrder(text=f"http://{web}/table.csv", folders=folders, allow_private_addresses=True)
    assert register(order, tmp_path).rows == [(1, "x"), (2, "y")]


def test_a_private_address_is_refused_otherwise(web: str, tmp_path: Path) -> None:
    order = SourceOrder(text=f"http://{web}/table.csv", folders=Folders(data=[], workspace=tmp_path))
    with pytest.raises(Refused, match="private or local address"):
        register(order, tmp_path)
    with pytest.raises(Refused):
        fetch_web("http://localhost/", tmp_path / "file", allow_private=False, limit_mb=1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "0.0.0.0",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "::127.0.0.1",
    ],
)
def test_no_private_or_link_local_address_passes(address: str) -> None:
    with pytest.raises(Refused):
        check_address(address, "host")


def test_a_public_address_passes() -> None:
    check_address("93.184.215.14", "host")
    check_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "host")


@pytest.mark.parametrize("url", ["http://example.com:99999/x", "http:///x"])
def test_an_address_that_is_none_is_refused_in_words(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="is no"):
        fetch_web(url, tmp_path / "file", allow_private=False, limit_mb=1)


def test_redirects_are_followed_and_end(web: str, tmp_path: Path) -> None:
    assert fetched(f"http://{web}/moved", tmp_path).startswith(b"a,b")
    with pytest.raises(UnusableData, match="redirects more than"):
        fetched(f"http://{web}/loop", tmp_path)


def test_credentials_are_sent_and_never_said(web: str, tmp_path: Path) -> None:
    assert fetched(f"http://me:secret@{web}/private.csv?token=abc", tmp_path).startswith(b"a,b")
    with pytest.raises(Refused) as caught:
        fetched(f"http://me:wrong@{web}/private.csv?token=abc", tmp_path)
    assert "wrong" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_what_is_not_there_or_too_large_is_refused(web: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="404"):
        fetched(f"http://{web}/nothing.csv", tmp_path)
    with pytest.raises(UnusableData, match="more than 0 MB"):
        fetch_web(f"http://{web}/table.csv", tmp_path / "file", allow_private=True, limit_mb=0)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://example.org/a.csv?year=2024", False),
        ("https://example.org/keyboards/token.csv", False),
        ("https://me:pw@example.org/a.csv", True),
        ("https://example.org/a.csv?X-Amz-Signature=f00", True),
        ("https://example.org/a.csv?sig=f00", True),
        ("https://example.org/a.csv?access_token=f00", True),
        ("https://example.org/a.csv?api-key=f00", True),
    ],
)
def test_credentials_in_a_url_are_told(url: str, secret: bool) -> None:
    assert holds_secret(url) is secret
    assert redacted(url).startswith("https://example.org/")
    assert "f00" not in redacted(url)
    assert "pw" not in redacted(url)


def test_an_object_is_fetched_through_fsspec(tmp_path: Path) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe_file("/bucket/table.csv", b"a\n1\n")
    fetch_object("memory://bucket/table.csv", tmp_path / "file", limit_mb=1)
    assert (tmp_path / "file").read_bytes() == b"a\n1\n"
    with pytest.raises(NotFound):
        fetch_object("memory://bucket/none.csv", tmp_path / "file", limit_mb=1)


def test_a_chain_of_file_systems_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no address of one object"):
        fetch_object("s3://bucket/key::file:///etc/hostname", tmp_path / "file", limit_mb=1)


def test_without_the_extra_an_object_store_is_refused_in_words(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    try:
        import s3fs  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport] - the extra `remote`
    except ImportError:
        with pytest.raises(NotSupported, match=r"mlsteward\[remote\]"):
            fetch_object("s3://bucket/table.csv", tmp_path / "file", limit_mb=1)
