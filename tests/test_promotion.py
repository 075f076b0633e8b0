"""What follows from gates: a person is asked, or an alias moves whole, whoever else moves it and whoever is killed."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from mlsteward.errors import NotFound, Refused
from mlsteward.gates.policy import ApprovalRules
from mlsteward.gates.result import GateResult
from mlsteward.runs.actor import Actor
from mlsteward.runs.approve import Decision, decide
from mlsteward.runs.folder import Outcome, RunFolder, WorkOrder
from mlsteward.runs.gate_request import Asked, start_gates
from mlsteward.runs.jobs.gate import Result
from mlsteward.store.activity import activity_of
from mlsteward.store.aliases import AliasChange, alias_history, aliases_of, drop_alias, set_alias
from mlsteward.store.approvals import find_approval
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, place
from mlsteward.store.gate_results import gate_results_of
from mlsteward.store.models import Model, add_model, find_model
from mlsteward.store.runs import Run, add_run, get_run
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import SignatureColumn
from mlsteward.workspace import Workspace
from tests.promoted import NOBODY, policy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = Actor(name="ada")
# Only a gate that needs no file: these are about what follows.
ONE_GATE = "".join(
    f"[gates.{gate}]\non = false\n"
    for gate in (
        "contract thresholds non_inferiority baselines worst_slice fairness calibration leakage live_drift cost"
        " artifact"
    ).split()
)
WARNS = ONE_GATE + '[gates.lineage]\non = "warn"\n'

START = """
import sys
from pathlib import Path
from mlsteward.config import Settings
from mlsteward.runs.actor import Actor
from mlsteward.workspace import Workspace
workspace = Workspace(Settings(workspace=Path(sys.argv[1]), data=[]))
"""
RACER = """
from mlsteward.runs.gate_request import Asked, start_gates
print("ready", flush=True)
sys.stdin.readline()
for version in sys.argv[2:]:
    number = start_gates(workspace, Actor(name="racer"), Asked(model=f"delay@{version}", reason="a race"))
    print(number, workspace.runs.wait(number, 60).result["outcome"], flush=True)
workspace.close()
"""
# Everything is written, nothing committed, when it says so.
BETWEEN = """
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.settle import settle
def between(t):
    run = settle(t, int(sys.argv[2]), RunFolder(workspace.runs.folder(int(sys.argv[2]))))
    print(run.state, t.row("SELECT count(*) FROM alias_changes")[0], flush=True)
    sys.stdin.readline()
workspace.store.write(between)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START + code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def model(run: int, name: str = "delay") -> Model:
    return Model(
        run=run,
        name=name,
        task="binary",
        target="late",
        dataset="",
        classes=["no", "yes"],
        path=f"runs/{run}/artifacts/model.skops",
        sha256="ab12",
        signature=[SignatureColumn(name="distance", type="DOUBLE", kind="number")],
        metric="roc_auc",
        created=NOW,
    )


@pytest.fixture
def models(workspace: Workspace) -> Workspace:
    """Six versions of `delay` and a model of run:7 without a name, whose gates say nothing."""

    def write(t: Transaction) -> None:
        for number in range(1, 8):
            add_run(t, Run(number=0, kind="train", state="completed", created=NOW))
            add_model(t, model(number, "delay" if number < 7 else ""))

    workspace.store.write(write)
    policy(workspace, NOBODY + WARNS)
    return workspace


def promote(workspace: Workspace, label: str, **asked: Any) -> Run:
    number = start_gates(workspace, ADA, Asked(model=label, reason=f"{label} is better", **asked))
    return workspace.runs.wait(number, 60)


def champion(workspace: Workspace) -> int | None:
    return workspace.store.read(lambda t: aliases_of(t, "delay").get("champion"))


def history(workspace: Workspace) -> list[AliasChange]:
    return workspace.store.read(lambda t: alias_history(t, "delay", "champion"))


def allow(workspace: Workspace, run: int, *, approve: bool = True, **more: Any) -> None:
    decide(workspace, run, Decision(approve=approve, approver="grace", client="terminal", way="terminal", **more))


def test_an_alias_moves_and_every_move_stays(models: Workspace) -> None:
    def write(t: Transaction) -> None:
        for version in (1, 2, 2, 1):
            set_alias(t, "delay", "champion", version, run=None, actor="ada", reason=f"to {version}")
        drop_alias(t, "delay", "champion", run=None, actor="ada", reason="none is good")

    models.store.write(write)
    assert [(move.version, move.previous) for move in history(models)] == [(None, 1), (1, 2), (2, 1), (1, None)]
    assert [move.words for move in history(models)][:2] == [
        "champion taken from version 1",
        "champion moved from version 2 to 1",
    ]
    with pytest.raises(NotFound, match="has no version or alias 'champion'; it has no alias yet"):
        models.store.read(lambda t: find_model(t, "delay@champion"))
    with pytest.raises(NotFound, match="There is no model delay@9"):
        models.store.write(lambda t: set_alias(t, "delay", "x", 9, run=None, actor="", reason=""))


def test_where_policy_says_so_a_champion_waits_for_a_person(models: Workspace) -> None:
    policy(models, WARNS)
    run = promote(models, "delay@2")
    assert (run.state, run.result["outcome"]) == ("waiting", "waiting")
    assert champion(models) is None
    asked = models.store.read(lambda t: find_approval(t, run.number))
    assert asked.summary == "delay@2 becomes champion, the first; 0 of 1 gate passed, 1 warned (lineage)."
    allow(models, run.number)
    run = models.runs.wait(run.number, 5)
    assert (run.state, run.result["outcome"]) == ("completed", "promoted")
    assert champion(models) == 2
    changes = models.store.read(lambda t: activity_of(t, "model:delay@2"))
    assert {(change.actor, change.action) for change in changes} == {
        ("grace", "approve promote"),
        ("ada", "promote to champion"),
    }


def test_an_alias_that_an_endpoint_follows_waits_for_whom_its_deployment_waits_for(models: Workspace) -> None:
    policy(models, WARNS + "[approval]\npromote = false\ndeploy = true\n")
    assert promote(models, "delay@1", alias="live").result["outcome"] == "promoted"
    wanted = Deployment(name="delay", asked="delay@live", model="delay@1", created=NOW, changed=NOW)
    models.store.write(lambda t: place(t, wanted, event="deployed", by=By()))
    run = promote(models, "delay@2", alias="live")
    assert run.state == "waiting"
    asked = models.store.read(lambda t: find_approval(t, run.number))
    assert asked.summary == "delay@2 becomes live in place of delay@1, and deployment:delay serves it; no gate applies."
    assert promote(models, "delay@2", alias="spare").result["outcome"] == "promoted"
    allow(models, run.number)
    assert models.store.read(lambda t: aliases_of(t, "delay"))["live"] == 2


def test_what_is_denied_or_out_of_date_moves_nothing(models: Workspace) -> None:
    policy(models, WARNS)
    denied = promote(models, "delay@2")
    allow(models, denied.number, approve=False, reason="not on a Friday")
    assert "not on a Friday" in models.runs.wait(denied.number, 5).error
    waiting = promote(models, "delay@3")
    policy(models, NOBODY + WARNS)
    assert promote(models, "delay@4").result["outcome"] == "promoted"
    with pytest.raises(Refused, match=r"champion set on version 4 by run:\d+ while the gates of delay@3 ran or waited"):
        allow(models, waiting.number)
    assert champion(models) == 4
    assert models.runs.wait(waiting.number, 5).state == "cancelled"


def test_a_person_may_override_gates_that_refuse_with_a_reason(models: Workspace) -> None:
    policy(models, ONE_GATE)
    run = promote(models, "delay@2")
    assert (run.state, run.result["outcome"]) == ("completed", "refused")
    with pytest.raises(Refused, match="did not pass lineage"):
        allow(models, run.number)
    with pytest.raises(Refused, match="needs a reason"):
        allow(models, run.number, override=True)
    assert champion(models) is None
    allow(models, run.number, override=True, reason="it was made before we kept lineage")
    assert champion(models) == 2
    run = models.runs.wait(run.number, 5)
    assert run.result["verdict"].endswith("allowed by a person despite lineage.")
    with pytest.raises(Refused, match="can no longer be decided"):
        allow(models, run.number, override=True, reason="twice")


def test_a_run_is_named_when_a_person_allows_it(models: Workspace) -> None:
    policy(models, WARNS)
    run = promote(models, "run:7", name="delay")
    assert models.store.read(lambda t: find_model(t, "run:7")).label == "run:7"
    allow(models, run.number)
    assert models.store.read(lambda t: find_model(t, "delay@champion")).label == "delay@7"
    assert models.store.read(lambda t: gate_results_of(t, run.number))[0].gate == "lineage"


def test_promotions_that_race_from_several_processes_leave_one_chain(models: Workspace) -> None:
    racers = [start(RACER, models.folder, *versions) for versions in ((1, 2), (3, 4), (5, 6))]
    assert [line(racer) for racer in racers] == ["ready"] * 3
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [racer.communicate(timeout=120)[0].split() for racer in racers]
    ended = {int(number): outcome for words in told for number, outcome in zip(words[::2], words[1::2], strict=True)}
    assert len(ended) == 6
    assert set(ended.values()) <= {"promoted", "stale"}
    moves = history(models)[::-1]
    assert [move.previous for move in moves] == [None, *(move.version for move in moves[:-1])]
    assert {move.run for move in moves} == {number for number, outcome in ended.items() if outcome == "promoted"}
    assert champion(models) == moves[-1].version


def test_a_server_that_is_killed_between_leaves_no_half_promoted_alias(models: Workspace) -> None:
    result = Result(
        verdict="",
        next="",
        model="delay@2",
        run=2,
        name="delay",
        alias="champion",
        outcome="passed",
        gates=[GateResult(gate="cost", outcome="passed", words="cheap")],
        approval=ApprovalRules(promote=False),
    )

    def running(t: Transaction) -> int:
        asked = Run(number=0, kind="gate", state="running", actor="ada", reason="why", created=NOW, started=NOW)
        number = add_run(t, asked)
        folder = RunFolder(models.runs.folder(number))
        folder.write_order(WorkOrder(kind="gate", request={}, workspace=models.folder, memory_mb=512))
        ended = {"started": NOW, "finished": NOW, "wall_seconds": 1, "cpu_seconds": 1, "peak_memory_mb": 1}
        folder.write_outcome(
            Outcome.model_validate({"state": "completed", "result": result.model_dump(mode="json"), **ended})
        )
        return number

    number = models.store.write(running)
    killed = start(BETWEEN, models.folder, number)
    assert line(killed) == "completed 1"
    killed.kill()
    killed.communicate(timeout=30)

    def state(t: Transaction) -> tuple[str, dict[str, int], int, int]:
        run, found = get_run(t, number), gate_results_of(t, number)
        return run.state, aliases_of(t, "delay"), len(found), len(activity_of(t, "model:delay@2"))

    assert models.store.read(state) == ("running", {}, 0, 0)
    models.runs.take_in()
    assert models.store.read(state) == ("completed", {"champion": 2}, 1, 1)
    models.runs.take_in()
    assert len(history(models)) == 1
