"""The work behind `run_pipeline`, `retrain_model` and `mlsteward run`: a driver process that calls the tools."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mlsteward.answer import clipped
from mlsteward.errors import RunFailed
from mlsteward.pipeline.outcome import PipelineOutcome, StepOutcome
from mlsteward.pipeline.spec import Pipeline
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.store.activity import add_activity
from mlsteward.store.pipelines import steps_of
from mlsteward.store.runs import get_run, update_run

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

OUTCOME = "outcome.json"
SUMMARY = "summary.md"
DRIVER = "mlsteward.server.pipeline_driver"
_LONGEST = 600
# Names of the environment that pipelines may use which others than the machine's own user have written.
OPEN_PREFIX = "PIPELINE_"


class Request(Record):
    """A pipeline with the parameters given for it, and how its driver is to be set up.

    `environment` says which variables it may use: "all" for whoever started it in a terminal, else only those that
    begin with PIPELINE_. With `fresh` no earlier result stands for a step. `settings` has no secret.
    """

    values: ClassVar[bool] = False

    pipeline: Pipeline
    given: dict[str, Any] = {}
    environment: Literal["all", "open"] = "open"
    fresh: bool = False
    settings: dict[str, Any] = {}
    actor: str = ""
    client: str = ""


class Result(Record):
    """What became of it. `model` is what it made last."""

    verdict: str
    next: str
    outcome: PipelineOutcome
    model: str = ""

    def findings(self, run: "Run") -> list[str]:
        lines = [_line(step) for step in self.outcome.steps]
        return [*lines, f"page: {self.page(run)}"]

    def page(self, run: "Run") -> str:
        return f"mlsteward://runs/{run.number}/artifacts/{SUMMARY}"


def _line(step: StepOutcome) -> str:
    where = f" (run:{step.run})" if step.run else ""
    return f"{step.id}: {step.told}{where} – {clipped(step.words, _LONGEST)}"


def work(request: Request, job: Job) -> Result:
    """Have the driver go through the steps; it ends with this process."""
    from mlsteward.pipeline.summary import markdown_summary

    process = subprocess.Popen(
        [sys.executable, "-P", "-m", DRIVER, str(job.folder)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    code = process.wait()
    file = job.folder / OUTCOME
    if not file.is_file():
        raise RunFailed(f"The pipeline's driver ended with code {code} before it was through; its log says why.")
    driven = Driven.model_validate_json(file.read_text(encoding="utf-8"))
    if driven.error:
        raise RunFailed(driven.error, next=driven.next)
    (job.artifacts / SUMMARY).write_text(markdown_summary(driven.outcome), encoding="utf-8")
    made = [step.made["model"] for step in driven.outcome.steps if step.made.get("model")]
    return Result(
        verdict=clipped(driven.outcome.verdict(), _LONGEST),
        next=driven.next,
        outcome=driven.outcome,
        model=made[-1] if made else "",
    )


class Driven(Record):
    """What the driver leaves in the run's folder: how it went, or in `error` why it could not begin."""

    outcome: PipelineOutcome
    next: str = ""
    error: str = ""


def record(t: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The pipeline tells what its steps tell, so it is kept from whom they are kept from."""
    runs = [get_run(t, step.step_run) for step in steps_of(t, run.number) if step.step_run]
    reads = list(dict.fromkeys(label for one in runs for label in [*one.reads, one.dataset] if label))
    promised = [set(one.masked) for one in runs if one.reads]
    masked = sorted(set[str].intersection(*promised)) if promised else []
    update_run(t, run.number, reads=reads, masked=masked)
    add_activity(
        t,
        actor=run.actor,
        client=run.client,
        action="pipeline",
        asset=run.label,
        why=clipped(run.reason or f"{result.outcome.name}: {result.outcome.state}", 300),
        run=run.number,
    )
