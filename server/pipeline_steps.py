"""Going through the steps of a pipeline: each is a call of a tool, waited for and judged."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread
from mcp.client import Client
from mcp_types import TextContent

from mlsteward.errors import RunFailed, StewardError
from mlsteward.pipeline.findings import reported
from mlsteward.pipeline.judge import judge
from mlsteward.pipeline.kinds import KINDS
from mlsteward.pipeline.outcome import PipelineOutcome, StepOutcome, StepState
from mlsteward.pipeline.spec import Step
from mlsteward.pipeline.values import fill
from mlsteward.runs.jobs.pipeline import OPEN_PREFIX, Request
from mlsteward.runs.kinds import findings_of
from mlsteward.runs.schema_step import schema_words
from mlsteward.runs.step_inputs import inputs_of, now, step_key
from mlsteward.runs.step_made import made_by, stands_yet
from mlsteward.store.approvals import approval_of_run
from mlsteward.store.pipelines import StepRecord, add_step, earlier_steps, end_step
from mlsteward.store.runs import ACTIVE, Run, get_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

T = TypeVar("T")
# A step waits for its run as long as that takes.
_FOR_EVER = 10 * 365 * 24 * 3600.0
_FINDINGS = 60
# So many times a tool is asked whether an endpoint has started, 20 s each.
_LOOKS = 6
# A tool that is a step starts a run, and takes this.
NO_WAIT = {"wait_seconds": 0}
Report = Callable[[float, str], None]


class Drive:
    """One pipeline on its way. `report(done, message)` hears of its progress, done from 0 to 1."""

    def __init__(self, workspace: Workspace, client: Client, request: Request, run: int, report: Report) -> None:
        self._workspace = workspace
        self._client = client
        self._request = request
        self._run = run
        self._report = report
        self._steps = request.pipeline.steps
        self._known = known_values(request, os.environ)
        self._last: dict[str, Any] = {}
        self.following = ""

    async def outcome(self) -> PipelineOutcome:
        """Take the steps in order; those behind one that stops the pipeline are skipped."""
        outcomes: list[StepOutcome] = []
        stopped = ""
        for place, step in enumerate(self._steps):
            if stopped:
                words = f"not reached: `{stopped}` did not pass"
                outcomes.append(StepOutcome(id=step.id, do=step.do, state="skipped", words=words))
                continue
            found = await self._take(place, step)
            outcomes.append(found)
            if found.stands:
                self._remember(found)
            elif found.state == "waiting" or step.on_failure == "stop":
                stopped = step.id
        return PipelineOutcome(name=self._request.pipeline.name, steps=outcomes)

    async def _take(self, place: int, step: Step) -> StepOutcome:
        started = time.monotonic()
        self._tell(place, 0.0, f"{step.id}: starting")
        try:
            found = await self._done(place, step)
        except StewardError as error:
            self.following = error.next
            state: StepState = "failed" if step.do == "schema" else "error"
            found = StepOutcome(id=step.id, do=step.do, state=state, words=error.said())
        tolerated = step.on_failure == "ignore" and found.state in ("failed", "error")
        return found.model_copy(update={"seconds": round(time.monotonic() - started, 3), "tolerated": tolerated})

    async def _done(self, place: int, step: Step) -> StepOutcome:
        arguments = self._arguments(step)
        if not KINDS[step.do].tool:
            words = await _aside(self._schema, arguments)
            return StepOutcome(id=step.id, do=step.do, state="passed", words=words)
        key = step_key(step.do, arguments, self._workspace.settings.clearance)
        earlier = await _aside(self._earlier, step, key)
        if earlier:
            number = earlier.step_run
        else:
            answer = await self._call(step, {**arguments, **NO_WAIT})
            if answer.get("run") is None:  # there was nothing to do
                return _answered(step, answer)
            number = int(answer["run"])
        record = StepRecord(
            run=self._run,
            place=place,
            id=step.id,
            state="running",
            step_key=key,
            inputs=await _aside(inputs_of, self._workspace, step.do, arguments, number) or {},
            step_run=number,
            started=datetime.now(UTC),
        )
        await _aside(self._keep, record)
        run = await _aside(self._wait, place, step, number)
        found = await _aside(self._ended, step, arguments, record, run, earlier)
        if found.stands and KINDS[step.do].asked_again:
            return _answered(step, await self._settled(step, arguments), run.number)
        return found

    async def _settled(self, step: Step, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the step's tool says when what it placed has started, or will not."""
        answer: dict[str, Any] = {}
        for _ in range(_LOOKS):
            answer = await self._call(step, arguments)
            if answer.get("endpoint") != "starting":
                break
        return answer

    def _schema(self, arguments: Mapping[str, Any]) -> str:
        return self._workspace.store.read(lambda t: schema_words(t, **arguments))

    def _keep(self, record: StepRecord) -> None:
        self._workspace.store.write(lambda t: add_step(t, record))

    def _ended(
        self, step: Step, arguments: Mapping[str, Any], record: StepRecord, run: Run, earlier: StepRecord | None
    ) -> StepOutcome:
        """The step's outcome, once its run has ended."""
        state = judge(step.do, run.state, run.result)
        # What a statement reads and a source holds is known for certain when the run is over.
        inputs = inputs_of(self._workspace, step.do, arguments, run.number) or {}

        def write(t: Transaction) -> tuple[dict[str, Any], str]:
            made = made_by(t, step.do, arguments, run) if state == "passed" else {"run": run.number}
            kept = inputs if inputs == record.inputs else record.inputs
            end_step(t, record.run, record.place, state=state, inputs=kept, made=made)
            asked = approval_of_run(t, run.number)
            return made, asked.line() if asked and state != "passed" else ""

        made, approval = self._workspace.store.write(write)
        self.following = str(run.result.get("next", "")) if state == "passed" else f"get_run(run={run.number})"
        words = str(run.result.get("verdict", "")) if run.state in ("completed", "waiting") else run.error
        return StepOutcome(
            id=step.id,
            do=step.do,
            state=state,
            words=" ".join(part for part in (words or f"{run.label} was {run.state}.", approval) if part),
            findings=reported(findings_of(run), _FINDINGS),
            run=run.number,
            reused=earlier is not None and earlier.state == "passed",
            made=made,
        )

    def _earlier(self, step: Step, key: str) -> StepRecord | None:
        """The step of an earlier pipeline whose run stands for this one: one that passed on the same inputs, or one
        that a pipeline which ended too early left on its way."""
        if self._request.fresh:
            return None
        found = self._workspace.store.read(lambda t: earlier_steps(t, key, self._run))
        for place, record in enumerate(found):
            run = self._workspace.store.read(lambda t, record=record: get_run(t, record.step_run))
            if not record.inputs and KINDS[step.do].takes:
                continue
            if self._may_stand(step, record, run, newest=place == 0) and self._unchanged(record):
                return record
        return None

    def _may_stand(self, step: Step, record: StepRecord, run: Run, *, newest: bool) -> bool:
        if record.state == "passed":
            return step.reuse and KINDS[step.do].repeatable and run.state == "completed"
        if record.state == "running":
            going = run.state in ACTIVE or run.state == "waiting"
            return going or (KINDS[step.do].repeatable and run.state == "completed")
        return record.state == "waiting" and newest and run.state in ("waiting", "completed")

    def _unchanged(self, record: StepRecord) -> bool:
        return now(self._workspace, record.inputs) == record.inputs and stands_yet(self._workspace, record.made)

    async def _call(self, step: Step, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call the step's tool; the data of its answer."""
        result = await self._client.call_tool(KINDS[step.do].tool, arguments)
        if result.is_error:
            text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
            words, _, self.following = text.partition(" Next: ")
            raise RunFailed(words, next=self.following)
        return result.structured_content or {}

    def _wait(self, place: int, step: Step, number: int) -> Run:
        def tell(done: float, message: str) -> None:
            self._tell(place, done, f"{step.id}: {message}")

        return self._workspace.runs.wait(number, _FOR_EVER, tell)

    def _arguments(self, step: Step) -> dict[str, Any]:
        """What the step's tool is called with: its own arguments, and for the rest what earlier steps made."""
        kind = KINDS[step.do]
        arguments = fill(step.arguments, self._known, step.where)
        for name, made in kind.takes.items():
            if name not in arguments and made in self._last and not self._given_otherwise(step, name):
                arguments[name] = self._last[made]
        return {**kind.defaults, **arguments, **kind.fixed}

    def _given_otherwise(self, step: Step, name: str) -> bool:
        """Rows to predict that stand in the step itself take no dataset."""
        return name == "dataset" and "rows" in step.arguments

    def _remember(self, found: StepOutcome) -> None:
        for name, value in found.made.items():
            self._known[f"steps.{found.id}.{name}"] = value
        self._last |= {name: found.made[name] for name in KINDS[found.do].makes if found.made.get(name)}

    def _tell(self, place: int, done: float, message: str) -> None:
        self._report((place + done) / len(self._steps), message)


def _answered(step: Step, answer: Mapping[str, Any], run: int | None = None) -> StepOutcome:
    """The outcome of a step whose tool has said all of it at once."""
    return StepOutcome(
        id=step.id,
        do=step.do,
        state="failed" if answer.get("endpoint") in ("failed", "starting") else "passed",
        words=str(answer["verdict"]),
        run=run,
        made={name: answer[name] for name in ("run", "verdict", *KINDS[step.do].makes) if name in answer},
    )


def known_values(request: Request, environment: Mapping[str, str]) -> dict[str, Any]:
    """What `${name}` can be: the environment as far as it may be used, and the parameters over it."""
    everything = request.environment == "all"
    known: dict[str, Any] = {
        name: value for name, value in environment.items() if everything or name.startswith(OPEN_PREFIX)
    }
    defaults = {
        name: fill(value, known, f"the parameter {name}")
        for name, value in request.pipeline.parameters.items()
        if name not in request.given
    }
    return {**known, **defaults, **request.given}


async def _aside(work: Callable[..., T], *values: Any) -> T:
    """Work that blocks, in a thread."""
    return await anyio.to_thread.run_sync(partial(work, *values))
