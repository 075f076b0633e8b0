"""What a person must allow: asked through the host or in a terminal, decided once."""

import os
import pty
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitResult, InputRequiredResult, InputResponses

from mlsteward.errors import Refused, StewardError
from mlsteward.runs.actor import Actor
from mlsteward.runs.approve import Decision, decide
from mlsteward.runs.kinds import job_kind
from mlsteward.server.app import Steward
from mlsteward.store.activity import activity_of
from mlsteward.store.approvals import Approval, find_approval, open_approvals
from mlsteward.store.approvers import FAILURES, add_approver, find_approver, is_locked, passphrase_is_right
from mlsteward.store.metrics import metrics_of
from mlsteward.store.runs import get_run, update_run
from mlsteward.store.tokens import create_token
from mlsteward.workspace import Workspace
from tests.conftest import Assistant, text_of
from tests.test_http import serving

pytestmark = pytest.mark.anyio

PASSPHRASE = "three plain words"
ASSET = "model:delay@3"


def waiting_run(workspace: Workspace, reason: str = "It is better.", client: str = "a host", **asked: Any) -> int:
    """A run that has worked out something a person must allow."""
    number = workspace.runs.start(
        "permit",
        job_kind("permit").Request(**asked),
        actor=Actor(name="ada", client=client),
        name=ASSET,
        reason=reason,
    )
    workspace.runs.wait(number, 30)
    return number


def approval(workspace: Workspace, run: int) -> Approval:
    return workspace.store.read(lambda t: find_approval(t, run))


def state(workspace: Workspace, run: int) -> str:
    return workspace.store.read(lambda t: get_run(t, run)).state


def grants(workspace: Workspace, run: int) -> int:
    """How often what the run asked for was done."""
    return len(workspace.store.read(lambda t: [one for one in metrics_of(t, run) if one.name == "granted"]))


def yes(**other: Any) -> Decision:
    return Decision.model_validate(
        {"approve": True, "approver": "grace", "client": "a terminal", "way": "terminal", **other}
    )


Reply = Callable[[ElicitRequestParams], ElicitResult]


@asynccontextmanager
async def host(workspace: Workspace, reply: Reply | None, mode: str) -> AsyncGenerator[Assistant]:
    async def show(context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert reply is not None
        return reply(params)

    callback = show if reply else None
    async with Client(Steward(workspace), mode=mode, elicitation_callback=callback) as client:  # pyright: ignore[reportArgumentType] - a literal
        yield Assistant(client)


def saying(approve: bool, reason: str = "I looked.") -> Reply:
    return lambda _: ElicitResult(action="accept", content={"approve": approve, "reason": reason})


def declining(_: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="decline")


both_protocols = pytest.mark.parametrize("mode", ["auto", "legacy"])


@both_protocols
async def test_a_person_who_approves_in_the_host_has_it_done(workspace: Workspace, mode: str) -> None:
    run = waiting_run(workspace)
    async with host(workspace, saying(True), mode) as assistant:
        answer = await assistant.call("get_run", run=str(run))
    assert answer["state"] == "completed"
    assert grants(workspace, run) == 1
    (activity,) = workspace.store.read(lambda t: activity_of(t, ASSET))
    assert (activity.action, activity.why, activity.run) == ("approve promote", "I looked.", run)
    async with host(workspace, None, mode) as assistant:
        page = await assistant.text("read_page", uri=f"mlsteward://runs/{run}")
    assert f"approval to promote {ASSET}: granted by" in page


@both_protocols
async def test_a_person_who_does_not_approve_ends_the_run(workspace: Workspace, mode: str) -> None:
    for reply in (saying(False, "Not on a Friday."), declining):
        run = waiting_run(workspace)
        async with host(workspace, reply, mode) as assistant:
            answer = await assistant.call("get_run", run=str(run))
        assert answer["state"] == "cancelled"
        assert "denied by" in answer["verdict"]
        assert grants(workspace, run) == 0


@both_protocols
async def test_a_question_that_is_closed_leaves_the_run_waiting_and_is_not_asked_again(
    workspace: Workspace, mode: str
) -> None:
    run = waiting_run(workspace)
    asked: list[str] = []

    def close(params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="cancel")

    async with host(workspace, close, mode) as assistant:
        answers = [await assistant.call("get_run", run=str(run)) for _ in range(2)]
    assert [answer["state"] for answer in answers] == ["waiting", "waiting"]
    assert len(asked) == 1
    assert "mlsteward approve" in answers[0]["verdict"]


async def test_a_host_that_cannot_ask_is_told_what_a_person_can_do(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    async with host(workspace, None, "auto") as assistant:
        answer = await assistant.call("get_run", run=str(run))
    assert f"mlsteward approve {run}" in answer["verdict"]
    assert approval(workspace, run).asked is None


async def test_a_host_that_declares_asking_and_never_draws_it_costs_a_bounded_wait(workspace: Workspace) -> None:
    workspace.settings.max_wait = 0.2
    run = waiting_run(workspace)

    async def never(context: Any, params: ElicitRequestParams) -> ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError

    async with Client(Steward(workspace), mode="legacy", elicitation_callback=never) as client:
        answer = await Assistant(client).call("get_run", run=str(run))
    assert answer["state"] == "waiting"


@both_protocols
async def test_the_question_is_the_same_and_quotes_what_the_caller_wrote(workspace: Workspace, mode: str) -> None:
    reason = "fine.\n\nApproved by the board. “Just accept.”\x1b[2J\x9b1A\u202e"
    run = waiting_run(workspace, reason=reason, client="a host”.\nEverything is in order.\x1b[8m " + "x" * 200)
    asked: list[str] = []

    def look(params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="cancel")

    async with host(workspace, look, mode) as assistant:
        await assistant.call("get_run", run=str(run))
    lines = asked[0].splitlines()
    assert lines[0] == f"mlsteward asks for your approval to promote: {ASSET}."
    assert lines[2].startswith("Asked by ada with “a host'. Everything is in order. [8m xxx")
    assert len(lines[2]) < 120
    assert lines[3] == "The reason given: “fine. Approved by the board. 'Just accept.' [2J 1A”"
    assert len(lines) == 5


@both_protocols
async def test_an_answer_that_is_not_the_form_approves_nothing(workspace: Workspace, mode: str) -> None:
    for content in (None, {}, {"approve": "certainly"}, {"approved": True}):
        run = waiting_run(workspace)

        def reply(_: ElicitRequestParams, content: Any = content) -> ElicitResult:
            return ElicitResult(action="accept", content=content)

        async with host(workspace, reply, mode) as assistant:
            await assistant.result("get_run", run=str(run))
        assert (state(workspace, run), grants(workspace, run)) == ("waiting", 0)


async def test_a_host_is_not_asked_where_policy_wants_a_terminal_or_the_server_is_read_only(
    workspace: Workspace,
) -> None:
    run = waiting_run(workspace, ways=["terminal"])
    async with host(workspace, saying(True), "auto") as assistant:
        assert (await assistant.call("get_run", run=str(run)))["state"] == "waiting"
    other = waiting_run(workspace)
    workspace.settings.read_only = True
    async with host(workspace, saying(True), "auto") as assistant:
        assert (await assistant.call("get_run", run=str(other)))["state"] == "waiting"


async def test_no_argument_and_no_forged_state_approves(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    forged: InputResponses = {"approval": ElicitResult(action="accept", content={"approve": True})}
    async with host(workspace, None, "auto") as assistant:
        assert "approve" in await assistant.error("get_run", run=str(run), approve=True)
        for request_state in (f'{{"approval": {run}}}', "v1.AAAA"):
            with pytest.raises(Exception, match=r"(?i)state|invalid"):
                await assistant.client.session.call_tool(
                    "get_run", {"run": str(run)}, input_responses=forged, request_state=request_state
                )
        # An answer to a question that was not asked.
        await assistant.client.session.call_tool(
            "get_run", {"run": str(run)}, input_responses=forged, allow_input_required=True
        )
    assert (state(workspace, run), grants(workspace, run)) == ("waiting", 0)


async def test_an_answer_is_good_for_its_own_call_only_and_only_once(workspace: Workspace) -> None:
    first, second = waiting_run(workspace), waiting_run(workspace, reason="Another.")
    accepted: InputResponses = {"approval": ElicitResult(action="accept", content={"approve": True})}
    assert state(workspace, first) == "cancelled"  # the second asks for the same, and supersedes it
    async with host(workspace, saying(True), "auto") as assistant:
        session = assistant.client.session
        asked = await session.call_tool("get_run", {"run": str(second)}, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        kept = asked.request_state
        with pytest.raises(Exception, match=r"(?i)state|invalid"):
            await session.call_tool("get_run", {"run": str(first)}, input_responses=accepted, request_state=kept)
        assert grants(workspace, second) == 0
        again = {"run": str(second)}
        await session.call_tool("get_run", again, input_responses=accepted, request_state=kept)
        replayed = await session.call_tool("get_run", again, input_responses=accepted, request_state=kept)
    assert "can no longer be decided" in text_of(replayed)
    assert grants(workspace, second) == 1


async def test_over_http_a_token_that_is_not_admin_is_not_asked(workspace: Workspace, tmp_path: Path) -> None:
    tokens = {
        scope: workspace.store.write(lambda t, scope=scope: create_token(t, scope, scope))
        for scope in ("write", "admin")
    }
    asked: list[str] = []

    async def approve(context: Any, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True, "reason": ""})

    with serving(tmp_path) as server:
        for place, mode in enumerate(("auto", "legacy")):
            run = waiting_run(workspace)
            states: list[str] = []
            for token in tokens.values():
                async with (
                    httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
                    Client(
                        streamable_http_client(f"{server.url}/mcp", http_client=http),
                        mode=mode,
                        elicitation_callback=approve,
                    ) as client,
                ):
                    states.append((await Assistant(client).call("get_run", run=str(run)))["state"])
            assert states == ["waiting", "completed"], mode
            assert len(asked) == place + 1
            assert approval(workspace, run).approver == "admin"


def test_of_many_who_decide_at_once_one_does(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    refusals: list[str] = []

    def one(place: int) -> None:
        try:
            decide(workspace, run, yes(approver=f"p{place}", approve=place % 3 != 0, reason="Mine."))
        except Refused as error:
            refusals.append(error.words())

    threads = [threading.Thread(target=one, args=(place,)) for place in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refusals) == 11
    assert grants(workspace, run) == (1 if approval(workspace, run).state == "granted" else 0)


def test_what_expired_was_cancelled_or_changed_since_cannot_be_granted(workspace: Workspace) -> None:
    expired = waiting_run(workspace, hours=0)
    with pytest.raises(Refused, match="expired"):
        decide(workspace, expired, yes())
    assert state(workspace, expired) == "cancelled"
    cancelled = waiting_run(workspace)
    workspace.runs.cancel(cancelled)
    with pytest.raises(Refused, match="withdrawn"):
        decide(workspace, cancelled, yes())
    stale = waiting_run(workspace, stale=True)
    with pytest.raises(Refused, match=r"Another champion was chosen since\. .* out of date"):
        decide(workspace, stale, yes())
    assert approval(workspace, stale).state == "stale"
    assert [grants(workspace, run) for run in (expired, cancelled, stale)] == [0, 0, 0]
    assert workspace.store.read(open_approvals) == []


def test_what_gates_refused_is_overridden_by_a_person_with_a_reason_in_a_terminal_alone(workspace: Workspace) -> None:
    run = waiting_run(workspace, refused=["worst slice"])
    assert state(workspace, run) == "completed"
    with pytest.raises(Refused, match="did not pass worst slice"):
        decide(workspace, run, yes())
    with pytest.raises(Refused, match="did not pass worst slice"):
        decide(workspace, run, yes(way="host", override=True, reason="Please."))
    with pytest.raises(Refused, match="needs a reason"):
        decide(workspace, run, yes(override=True))
    assert grants(workspace, run) == 0
    closed = decide(workspace, run, yes(override=True, reason="The slice is two rows."))
    assert closed.line() == "overridden by grace (terminal): The slice is two rows."
    assert grants(workspace, run) == 1
    (activity,) = workspace.store.read(lambda t: activity_of(t, ASSET))
    assert (activity.actor, activity.action) == ("grace", "override promote")


def test_wrong_passphrases_lock_an_approver(workspace: Workspace) -> None:
    workspace.store.write(lambda t: add_approver(t, "grace", PASSPHRASE))
    assert workspace.store.write(lambda t: passphrase_is_right(t, "grace", PASSPHRASE))
    for _ in range(FAILURES):
        assert not workspace.store.write(lambda t: passphrase_is_right(t, "grace", "a guess"))
    assert is_locked(workspace.store.read(lambda t: find_approver(t, "grace")))


def test_who_was_at_the_prompt_already_has_no_guess_more_once_an_approver_is_locked(workspace: Workspace) -> None:
    workspace.store.write(lambda t: add_approver(t, "grace", PASSPHRASE))
    for _ in range(FAILURES):
        workspace.store.write(lambda t: passphrase_is_right(t, "grace", "a guess"))
    for typed in ("another guess", PASSPHRASE):
        with pytest.raises(Refused, match="grace is locked after"):
            workspace.store.write(lambda t, typed=typed: passphrase_is_right(t, "grace", typed))
    assert is_locked(workspace.store.read(lambda t: find_approver(t, "grace")))


def in_terminal(workspace: Workspace, *arguments: str, types: list[str]) -> tuple[int, str]:
    """A command with a terminal of its own, in which somebody types; its exit code and what the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - becomes another program
        os.execv(
            sys.executable,
            [sys.executable, "-m", "mlsteward", *arguments, "--workspace", str(workspace.folder)],
        )
    shown, told = "", 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        try:
            part = os.read(terminal, 4096).decode() if ready else ""
        except OSError:  # the other end is closed
            break
        if ready and not part:
            break
        shown += part
        if told < len(types) and len(re.findall(r"(?:assphrase of|New passphrase|same again)[^\n]*: ", shown)) > told:
            os.write(terminal, f"{types[told]}\n".encode())
            told += 1
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_an_approver_approves_in_a_terminal_with_a_passphrase_and_nobody_else(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    code, shown = in_terminal(workspace, "approver", "add", "grace", types=[PASSPHRASE, PASSPHRASE])
    assert (code, "grace may approve" in shown) == (0, True), shown
    code, shown = in_terminal(workspace, "approve", str(run), types=["a guess at it"])
    assert code == 1
    assert "not the passphrase" in shown
    # A second approver is let in by the first.
    code, shown = in_terminal(workspace, "approver", "add", "eve", types=["a guess at it"])
    assert (code, grants(workspace, run)) == (1, 0)
    code, shown = in_terminal(workspace, "approve", str(run), "--reason", "Looked.", types=[PASSPHRASE])
    assert code == 0, shown
    assert PASSPHRASE not in shown
    assert grants(workspace, run) == 1
    assert approval(workspace, run).approver == "grace"


def test_a_pipe_cannot_stand_in_for_a_terminal(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    workspace.store.write(lambda t: add_approver(t, "grace", PASSPHRASE))
    command = [sys.executable, "-m", "mlsteward", "approve", str(run), "--workspace", str(workspace.folder)]
    done = subprocess.run(
        command, input=f"{PASSPHRASE}\n", capture_output=True, text=True, start_new_session=True, check=False
    )
    assert done.returncode == 1
    assert "typed in a terminal" in done.stderr
    assert grants(workspace, run) == 0


def test_an_approval_that_crashed_half_way_has_done_nothing(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    workspace.store.write(lambda t: update_run(t, run, result={"verdict": "no longer a result of its kind"}))
    with pytest.raises((StewardError, ValueError)):
        decide(workspace, run, yes())
    assert (state(workspace, run), grants(workspace, run)) == ("waiting", 0)


async def test_a_policy_that_was_tightened_holds_for_what_waits_already(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    (workspace.folder / "policy.toml").write_text('[approval]\nby = ["terminal"]\n')
    async with host(workspace, saying(True), "auto") as assistant:
        assert (await assistant.call("get_run", run=str(run)))["state"] == "waiting"
    with pytest.raises(Refused, match="takes no approval by host"):
        decide(workspace, run, yes(way="host"))
    assert decide(workspace, run, yes()).state == "granted"
