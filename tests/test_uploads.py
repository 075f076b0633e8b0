"""Uploads: what becomes a file, under which names, and that it is remembered."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route

from mlsteward.server.app import Steward
from mlsteward.server.http import http_app
from mlsteward.server.uploads import Upload
from mlsteward.store.activity import activity_of
from mlsteward.store.tokens import create_token, revoke_token
from mlsteward.workspace import Workspace

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = Starlette(routes=[Route("/uploads/{name}", Upload(workspace, security), methods=["PUT"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
        yield client


async def test_an_upload_becomes_a_file_and_is_remembered(client: httpx2.AsyncClient, workspace: Workspace) -> None:
    answer = await client.put("/uploads/a (1).csv", content=b"a\n1\n")
    assert answer.json() == {"source": "uploads/a (1).csv", "bytes": 4}
    assert (workspace.uploads / "a (1).csv").read_bytes() == b"a\n1\n"
    (change,) = workspace.store.read(lambda t: activity_of(t, "uploads/a (1).csv"))
    assert (change.action, change.actor) == ("upload", workspace.user)


@pytest.mark.parametrize("name", [".hidden", "a%00b.csv", "a%0Ab.csv", "%2e%2e", "x" * 250])
async def test_a_name_that_no_file_should_have_is_refused(
    client: httpx2.AsyncClient, workspace: Workspace, name: str
) -> None:
    answer = await client.put(f"/uploads/{name}", content=b"a\n1\n")
    assert answer.status_code in (400, 404)
    assert not workspace.uploads.exists()


async def test_an_upload_stays_in_its_folder(client: httpx2.AsyncClient, workspace: Workspace) -> None:
    await client.put("/uploads/..%2F..%2Fa.csv", content=b"a\n1\n")
    assert not (workspace.folder.parent / "a.csv").exists()
    assert not (workspace.folder / "a.csv").exists()


async def test_revoking_the_only_token_lets_nobody_in(workspace: Workspace) -> None:
    transport = httpx2.ASGITransport(http_app(Steward(workspace), host="127.0.0.1"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.put("/uploads/a.csv", content=b"a\n")).status_code == 201
        secret = workspace.store.write(lambda t: create_token(t, "trainer", "write"))
        bearer = {"Authorization": f"Bearer {secret}"}
        assert (await client.put("/uploads/a.csv", content=b"a\n", headers=bearer)).status_code == 201
        workspace.store.write(lambda t: revoke_token(t, "trainer"))
        for headers in (bearer, {}):
            assert (await client.put("/uploads/a.csv", content=b"a\n", headers=headers)).status_code == 401
