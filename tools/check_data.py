"""The tool `check_data`."""

from pydantic import Field

from mlsteward.answer import RunFindings, clipped
from mlsteward.health.pillars import Pillar, PillarReport, State
from mlsteward.record import Record
from mlsteward.runs.check_request import check_request
from mlsteward.runs.jobs.check import Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

_EVIDENCE = 450


class PillarState(Record):
    pillar: Pillar
    state: State
    evidence: str


class CheckAnswer(RunFindings):
    dataset: str = Field(default="", description="The version that was checked.")
    healthy: bool | None = Field(default=None, description="False when a pillar is failing.")
    pillars: list[PillarState] = Field(default_factory=list[PillarState])
    checks: int = Field(default=0, description="Checks of the contract.")
    checks_failed: list[str] = Field(default_factory=list[str])
    page: str = Field(default="", description="Days, checks, rows that fail, history: read_page(uri=page).")

    def body(self) -> list[str]:
        lines = [f"{one.pillar}: {one.state} – {one.evidence}" for one in self.pillars]
        return [*lines, f"page: {self.page}" if self.page else ""]


def check_data(call: Call, dataset: str, wait_seconds: float = 20) -> CheckAnswer:
    """Is a dataset healthy? Freshness, volume, schema, lineage and quality, judged by its history and its contract.

    Raises alerts for what fails and settles those for what passes. Works without a contract too.
    """
    workspace = call.workspace
    calendar = call.settings.holidays
    request, version = workspace.store.read(lambda t: check_request(t, workspace.folder, dataset, calendar=calendar))
    run = workspace.runs.start(
        "check", request, actor=call.actor, dataset=version.label, fingerprint=version.fingerprint
    )
    ended = call.wait(run, wait_seconds)
    if ended.state != "completed":
        return CheckAnswer(
            verdict=f"{ended.label} is still checking {version.label}.",
            run=ended.number,
            state=ended.state,
            next=ended.wait_on,
        )
    result = Result.model_validate(ended.result)
    return _answer(ended, result)


def _answer(run: Run, result: Result) -> CheckAnswer:
    failed = [check.check for check in result.checks if not check.passed]
    return CheckAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        dataset=result.dataset,
        healthy=result.healthy,
        pillars=[_state(report) for report in result.pillars],
        checks=len(result.checks),
        checks_failed=[*failed[:12], *([f"and {len(failed) - 12} more"] if len(failed) > 12 else [])],
        page=f"mlsteward://health/{result.dataset.partition('@')[0]}",
        next=result.next,
    )


def _state(report: PillarReport) -> PillarState:
    return PillarState(pillar=report.pillar, state=report.state, evidence=clipped(report.words, _EVIDENCE))


TOOL = Tool(check_data, title="Check the health of data", toolset="watch", read_only=True)
