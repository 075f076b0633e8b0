"""The tool `promote_model`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings, clipped
from mlsteward.record import Record
from mlsteward.runs.gate_request import Asked, start_gates
from mlsteward.runs.jobs.gate import PAGE, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.approvals import Approval, approval_of_run
from mlsteward.store.runs import Run

# Words of a gate, in characters: as many as fit, and no fewer than the last.
_LENGTHS = (320, 240, 160, 100)


class GateLine(Record):
    gate: str
    outcome: str
    refuses: bool | None = None
    words: str


class PromoteAnswer(RunFindings):
    outcome: str = Field(default="running", description="promoted, waiting, refused, passed, stale or running.")
    promoted: bool = False
    passed: bool | None = Field(default=None, description="Whether no gate refuses.")
    model: str = ""
    alias: str = ""
    champion: str = Field(default="", description="The model it was compared with.")
    failing: list[str] = Field(default_factory=list[str], description="The gates that refuse.")
    approval: str = ""
    gates: list[GateLine] = Field(default_factory=list[GateLine])
    page: str = ""

    def body(self) -> list[str]:
        lines = [f"{one.gate} {one.outcome}{' (refuses)' if one.refuses else ''}: {one.words}" for one in self.gates]
        return [
            f"approval: {self.approval}" if self.approval else "",
            *lines,
            f"page: {self.page}" if self.page else "",
        ]


def promote_model(
    call: Call,
    model: str,
    reason: str,
    alias: str = "champion",
    name: str = "",
    dry_run: bool = False,
    wait_seconds: float = 20,
) -> PromoteAnswer:
    """Move an alias to a model, if it passes the gates of the workspace's policy.toml.

    Gates compare it with the model that the alias stands on, on rows neither was fitted on, and look at baselines,
    slices, fairness, calibration, leakage, drift, cost, file and lineage. It promotes, refuses with the failing gates,
    or waits for a person's approval. `dry_run` only looks. A run without a name gets `name`.
    """
    asked = Asked(model=model, reason=reason, alias=alias, name=name, dry_run=dry_run)
    number = call.continues or start_gates(call.workspace, call.actor, asked)
    run = call.wait(number, wait_seconds)
    approval = call.workspace.store.read(lambda t: approval_of_run(t, number))
    return _answer(run, approval)


def _answer(run: Run, approval: Approval | None) -> PromoteAnswer:
    if run.state not in ("completed", "waiting"):
        return PromoteAnswer(
            verdict=f"{run.label} is still looking at the gates of {run.name}.",
            run=run.number,
            state=run.state,
            model=run.name,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    answers = (_told(run, result, approval, length) for length in _LENGTHS)
    return next((answer for answer in answers if answer.fits()), _told(run, result, approval, _LENGTHS[-1]))


def _told(run: Run, result: Result, approval: Approval | None, length: int) -> PromoteAnswer:
    fields: dict[str, Any] = {
        "verdict": result.verdict,
        "run": run.number,
        "state": run.state,
        "outcome": result.outcome,
        "promoted": result.outcome == "promoted",
        "passed": not result.failing,
        "model": result.model,
        "alias": result.alias,
        "champion": result.champion,
        "failing": result.failing,
        "approval": approval.line() if approval else "",
        "gates": [
            GateLine(gate=one.gate, outcome=one.outcome, refuses=one.blocks or None, words=clipped(one.words, length))
            for one in result.ranked()
        ],
        "page": f"mlsteward://runs/{run.number}/artifacts/{PAGE}" if result.gates else "",
        "next": result.next,
    }
    return PromoteAnswer(**fields)


TOOL = Tool(promote_model, title="Promote a model", toolset="delivery", read_only=False)
