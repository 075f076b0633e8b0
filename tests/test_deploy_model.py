"""`deploy_model`, `rollback_deployment`, `stop_deployment`: what is placed, what is refused, and what is said of it."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.dictionary.entry import column_entry
from mlsteward.errors import Refused
from mlsteward.runs import supervision
from mlsteward.runs.approve import Decision, decide
from mlsteward.runs.endpoint_order import endpoint_order
from mlsteward.runs.endpoint_status import endpoint_status
from mlsteward.server.commands.token import token_command
from mlsteward.serving.endpoint.canary_guard import CanaryGuard
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder
from mlsteward.store import tokens
from mlsteward.store.aliases import set_alias
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, find_deployment, stop
from mlsteward.store.dictionary import write_words
from mlsteward.store.models import find_model
from mlsteward.store.transaction import Transaction, to_json
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of, new_workspace, text_of
from tests.copied import begun, furnished
from tests.run_server import eventually
from tests.served_models import add_versions

REFUSED: list[tuple[dict[str, object], str]] = [
    ({"model": "large@3", "canary": 10}, "beside a model that is served already"),
    ({"model": "large@3", "canary": 100}, "from 1 to 99"),
    ({"model": "large@9"}, "no version or alias '9'"),
    ({"model": "larg"}, "Did you mean `large`"),
    ({"model": "large", "name": "Big One"}, "Did you mean `big_one`"),
    ({"model": "large", "shadow": "other"}, "There is no model 'other'"),
]

YES = Decision(approve=True, approver="ann", client="test", way="terminal")

pytestmark = pytest.mark.anyio


def three_versions(workspace: Workspace) -> None:
    add_versions(workspace, 3)
    promote(workspace, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    return furnished(tmp_path_factory, warm, three_versions)


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
def house(made: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Three versions of `large`; endpoints are processes without a model."""
    monkeypatch.setattr(supervision, "MODULE", "plain_endpoint")
    return workspace


def deployed(workspace: Workspace) -> Deployment:
    return workspace.store.read(lambda t: find_deployment(t, "large"))


def promote(workspace: Workspace, version: int) -> None:
    workspace.store.write(lambda t: set_alias(t, "large", "champion", version, run=None, actor="ann", reason=""))


async def asked(assistant: Assistant, **arguments: object) -> tuple[dict[str, Any], str]:
    """Ask for a deployment, and wait for its run however long it takes on a busy machine: data and words of the end."""
    result = await assistant.result("deploy_model", **arguments)
    while (result.structured_content or {}).get("state") in ("queued", "running"):
        assert result.structured_content
        result = await assistant.result("get_run", run=result.structured_content["run"])
    return result.structured_content or {}, text_of(result)


async def deploy(workspace: Workspace, assistant: Assistant, **arguments: object) -> dict[str, Any]:
    """Deploy, and wait until it is served; what the call says then."""
    await asked(assistant, **arguments)
    eventually(lambda: endpoint_status(workspace.folder, deployed(workspace)).settled)
    return await assistant.call("deploy_model", **arguments)


def policy(workspace: Workspace, text: str) -> None:
    (workspace.folder / "policy.toml").write_text(text)


async def test_a_model_is_tried_placed_and_served_under_its_name(house: Workspace, assistant: Assistant) -> None:
    answer = await deploy(house, assistant, model="large@champion")
    assert answer["verdict"].startswith("large serves large@1 (as large@champion) already at http://127.0.0.1:")
    assert (answer["deployment"], answer["endpoint"], answer["state"]) == ("large", "serving", "completed")
    assert answer["example"].startswith(f"curl {answer['address']}/predict")
    assert "run" not in answer
    tried = await assistant.text("get_run", run=deployed(house).run)
    assert "champion large@1 opens; its training rows are gone, so it was not tried on any" in tried

    promote(house, 2)
    eventually(lambda: deployed(house).model == "large@2")
    back = await assistant.call("rollback_deployment", deployment="large", reason="wrong units")
    assert back["verdict"] == (
        "large serves large@1 again, large@2 is no longer; it does not follow large@champion any more."
    )
    page = await assistant.text("read_page", uri="mlsteward://deployments/large")
    assert "followed" in page
    assert "wrong units" in str(await assistant.call("list_activity", asset="deployment:large"))
    stopped = await assistant.call("stop_deployment", deployment="large")
    assert stopped["verdict"] == "large is stopped; nothing answers for large@1 there."
    again = await assistant.call("stop_deployment", deployment="deployment:large")
    assert again["verdict"] == "large was stopped already; nothing answers for large@1 there."


async def test_the_example_is_one_request_whatever_stands_in_the_data(house: Workspace, assistant: Assistant) -> None:
    level = "'; touch here; echo '"

    def poison(t: Transaction) -> None:
        signature = [column.model_dump(mode="json") for column in find_model(t, "large@1").signature]
        signature[1]["levels"] = [level]
        t.execute("UPDATE models SET signature = ? WHERE version = 1", [to_json(signature)])

    house.store.write(poison)
    answer = await deploy(house, assistant, model="large@champion")
    *_, option, body = shlex.split(answer["example"])
    assert option == "-d"
    assert level in json.loads(body)["rows"][0].values()


async def test_a_bare_name_pins_the_newest_version(house: Workspace, assistant: Assistant) -> None:
    await asked(assistant, model="large", name="big", wait_seconds=0)
    found = house.store.read(lambda t: find_deployment(t, "big"))
    assert (found.asked, found.model) == ("large@3", "large@3")


async def test_a_version_that_no_gate_has_let_pass_is_served_with_a_word(
    house: Workspace, assistant: Assistant
) -> None:
    answer = await deploy(house, assistant, model="large@3")
    assert answer["trials"][-1] == "large@3 stands on no alias, so no gate has let it pass (large@1 is champion)"


async def test_a_canary_and_a_shadow_stand_beside_what_is_served(house: Workspace, assistant: Assistant) -> None:
    await deploy(house, assistant, model="large@champion", shadow="large@2")
    answer = await deploy(house, assistant, model="large@3", name="large", canary=10)
    assert "large@3 10 % of its requests, large@2 in its shadow" in answer["verdict"]
    told = house.store.read(lambda t: endpoint_order(t, find_deployment(t, "large")))
    assert told.canary
    assert told.shadow
    assert (told.model.label, told.canary.label, told.canary_percent) == ("large@1", "large@3", 10)
    answer = await assistant.call("rollback_deployment", deployment="large")
    assert answer["verdict"] == "large serves large@1 again, its canary large@3 gets no more requests."

    await deploy(house, assistant, model="large@3", name="large", canary=20)
    since = deployed(house).canary_since
    folder = EndpointFolder.of(house.folder, "large").path
    watch = CanaryGuard(folder, champion="large@1", canary="large@3", percent=20, since=since)
    for number in range(20):
        watch.saw("canary", str(number), error=True, latency_ms=1)
    eventually(lambda: deployed(house).canary == 0)
    alerts = await assistant.text("list_alerts", asset="deployment:large")
    assert "canary large@3 did worse than large@1: errors" in alerts
    page = await assistant.text("read_page", uri="mlsteward://deployments/large")
    assert "canary stopped" in page


async def test_what_cannot_be_served_is_refused_before_anything_is_tried(
    house: Workspace, assistant: Assistant
) -> None:
    for arguments, words in REFUSED:
        assert words in await assistant.error("deploy_model", **arguments)


async def test_a_file_that_is_not_the_registered_one_is_never_served(house: Workspace, assistant: Assistant) -> None:
    for file in house.folder.glob("runs/*/artifacts/model.skops"):
        file.write_bytes(file.read_bytes() + b" ")
    assert "is not the registered one" in (await asked(assistant, model="large@1"))[1]
    assert "Nothing is deployed yet" in await assistant.error("stop_deployment", deployment="large")


async def test_what_is_secret_in_the_data_of_a_canary_is_not_written_down_either(
    house: Workspace, assistant: Assistant
) -> None:
    def order() -> Desired:
        return house.store.read(lambda t: endpoint_order(t, find_deployment(t, "large")))

    def other_data(t: Transaction) -> None:
        t.execute("UPDATE models SET dataset = 'secrets@1' WHERE version = 3")
        write_words(
            t, [column_entry("secrets", "city", sensitivity="restricted", writers={"sensitivity": "ann"})], "ann"
        )

    house.store.write(other_data)
    await deploy(house, assistant, model="large@champion")
    house.store.write(lambda t: tokens.create_token(t, "ann", "read", "internal"))
    assert (order().unlogged, len(order().token_hashes)) == ([], 1)
    for beside in ({"canary": 10, "canary_model": "large@3"}, {"shadow": "large@3", "shadow_model": "large@3"}):
        wanted = deployed(house).model_copy(update=beside)
        told = house.store.read(lambda t, wanted=wanted: endpoint_order(t, wanted))
        assert (told.unlogged, told.token_hashes) == (["city"], ["0" * 64])


async def test_where_policy_says_so_a_person_must_allow_it(house: Workspace, assistant: Assistant) -> None:
    policy(house, "[approval]\ndeploy = true\n")
    answer, words = await asked(assistant, model="large@1")
    assert answer["state"] == "waiting"
    assert "mlsteward approve" in words
    assert "Nothing is deployed yet" in await assistant.error("rollback_deployment", deployment="large")
    decide(house, answer["run"], YES)
    eventually(lambda: endpoint_status(house.folder, deployed(house)).settled)
    assert deployed(house).model == "large@1"


async def test_no_version_and_no_canary_gets_round_the_person_an_alias_waits_for(
    house: Workspace, assistant: Assistant
) -> None:
    policy(house, '[approval]\ndeploy = ["champion"]\n')
    answer, _ = await asked(assistant, model="large@champion")
    assert answer["state"] == "waiting"
    decide(house, answer["run"], YES)
    ways: list[dict[str, object]] = [
        {"model": "large@3"},
        {"model": "large@3", "name": "large", "canary": 99},
        {"model": "large@1", "name": "beside"},
    ]
    for arguments in ways:
        assert (await asked(assistant, **arguments))[0]["state"] == "waiting", arguments
    house.store.write(lambda t: stop(t, "large", by=By()))
    assert (await asked(assistant, model="large@2"))[0]["state"] == "waiting"
    assert (await asked(assistant, model="large@3", name="trial", wait_seconds=0))[0]["state"] == "completed"


async def test_what_a_person_allows_too_late_is_not_done(house: Workspace, assistant: Assistant) -> None:
    policy(house, "[approval]\ndeploy = true\n")
    answer, _ = await asked(assistant, model="large@1")
    policy(house, "[approval]\ndeploy = false\n")
    await deploy(house, assistant, model="large@2")
    with pytest.raises(Refused, match="deployment:large has changed since it was asked for"):
        decide(house, answer["run"], YES)
    assert deployed(house).model == "large@2"


async def test_an_address_that_others_reach_needs_a_token_first(tmp_path: Path, data: Path, warm: Path) -> None:
    workspace = new_workspace(tmp_path / "open", data, warm, endpoint_host="192.0.2.7")
    add_versions(workspace, 1)
    async with assistant_of(workspace) as assistant:
        assert "a token that is cleared for large@1 is needed first" in await assistant.error(
            "deploy_model", model="large"
        )
    workspace.close()


async def test_tokens_are_let_in_as_they_come_and_go(house: Workspace, assistant: Assistant) -> None:
    await deploy(house, assistant, model="large@1")

    def hashes() -> list[str]:
        return house.store.read(lambda t: endpoint_order(t, find_deployment(t, "large")).token_hashes)

    assert hashes() == []
    house.store.write(lambda t: tokens.create_token(t, "ann", "read"))
    assert len(hashes()) == 1
    house.store.write(lambda t: tokens.revoke_token(t, "ann"))
    assert hashes() == ["0" * 64]


async def test_a_token_revoked_in_a_terminal_is_told_to_endpoints_that_no_server_looks_after(
    house: Workspace, assistant: Assistant
) -> None:
    await deploy(house, assistant, model="large@1")
    folder = EndpointFolder.of(house.folder, "large")
    house.endpoints.close()
    for action, known in (("create", 1), ("revoke", 1)):
        assert token_command(house.settings, action, "ann", "read", "internal") == 0
        assert len(folder.read_desired().token_hashes) == known
    assert folder.read_desired().token_hashes == ["0" * 64]
