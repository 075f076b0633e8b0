"""The tool `record_outcomes`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.runs.jobs.outcomes import Request, Result
from mlsteward.runs.outcome_request import outcome_request
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class OutcomesAnswer(RunFindings):
    deployment: str
    rows: int = 0
    matched: int = Field(default=0, description="Predictions that had no outcome before.")
    corrected: int = 0
    unmatched: int = Field(default=0, description="Outcomes kept without a prediction.")
    known: int = Field(default=0, description="Predictions with an outcome now.")
    predictions: int = 0
    notes: list[str] = Field(default_factory=list[str])


def record_outcomes(
    call: Call,
    deployment: str,
    source: str = "",
    rows: list[dict[str, Any]] = [],
    key: str = "",
    outcome: str = "",
    wait_seconds: float = 20,
) -> OutcomesAnswer:
    """Record what turned out to be true, late and in pieces; the last word on a prediction counts, all are kept.

    source (file, dataset) or rows with prediction_id or key, and outcome; or a user's word: correct (true/false), why.
    key, outcome: names of the source's columns.
    """

    def read(t: Transaction) -> Request:
        return outcome_request(
            t,
            call.workspace,
            deployment,
            source.strip(),
            rows,
            key=key.strip(),
            outcome=outcome.strip(),
            actor=call.actor.name,
        )

    call.workspace.runs.take_in()
    request = call.workspace.store.read(read)
    run = call.workspace.runs.start(
        "outcomes",
        request,
        actor=call.actor,
        name=request.deployment,
        dataset=request.dataset,
        target=request.target,
        params={"deployment": request.deployment, "source": request.shown},
    )
    return _answer(call.wait(run, wait_seconds))


def _answer(run: Run) -> OutcomesAnswer:
    if run.state != "completed":
        return OutcomesAnswer(
            verdict=f"{run.label} is still recording outcomes of {run.name}.",
            deployment=run.name,
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    return OutcomesAnswer(
        verdict=result.verdict,
        deployment=run.name,
        run=run.number,
        state=run.state,
        rows=result.rows,
        matched=result.matched,
        corrected=result.corrected,
        unmatched=result.unmatched,
        known=result.known,
        predictions=result.predictions,
        notes=result.notes,
        findings=result.findings(run),
        next=result.next,
    )


TOOL = Tool(record_outcomes, title="Record outcomes", toolset="monitoring", read_only=False, idempotent=True)
