"""The tool `run_pipeline`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings, clipped, table
from mlsteward.errors import InvalidArgument
from mlsteward.pipeline.spec import MOST_BYTES, read_pipeline
from mlsteward.record import Record
from mlsteward.runs.jobs.pipeline import Result
from mlsteward.runs.pipeline_request import start_pipeline
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

_WORDS = 300
_SHOWN = 20


class StepLine(Record):
    step: str
    outcome: str = Field(description="passed, reused, failed, error, waiting or skipped.")
    words: str
    run: int | None = None
    seconds: float = 0.0


class PipelineAnswer(RunFindings):
    outcome: str = Field(default="", description="passed, failed, error or waiting (for a person).")
    steps: list[StepLine] = Field(default_factory=list[StepLine])
    total: int = Field(default=0, description="Steps in all.")
    page: str = ""

    def body(self) -> list[str]:
        rows = [(one.step, one.outcome, one.run, one.words) for one in self.steps]
        return [*table(("step", "outcome", "run", "what came of it"), rows), f"page: {self.page}" if self.page else ""]


def run_pipeline(
    call: Call, file: str = "", text: str = "", parameters: dict[str, Any] = {}, wait_seconds: float = 20
) -> PipelineAnswer:
    """Run a pipeline.toml of a data folder, or its text: register, check, train, evaluate, gate, promote, deploy,
    predict, or any of them. Steps whose inputs have not changed are reused; the first no ends it. `parameters` replaces
    the file's defaults.
    """
    if bool(file) == bool(text.strip()):
        raise InvalidArgument(
            "Give either a file or the text of a pipeline.", next='run_pipeline(file="pipeline.toml")'
        )
    name = ""
    if file:
        path = call.workspace.readable.find(file)[0]
        if path.stat().st_size > MOST_BYTES:
            raise InvalidArgument(f"{file} is too large for a pipeline.")
        text, name = path.read_text(encoding="utf-8", errors="replace"), path.stem
    pipeline = read_pipeline(text, name=name)
    run = start_pipeline(call.workspace, call.actor, pipeline, given=parameters)
    return _answer(call.wait(run, wait_seconds))


def _answer(run: Run) -> PipelineAnswer:
    if run.state != "completed":
        return PipelineAnswer(
            verdict=f"{run.label}, the pipeline {run.name}, goes on.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    steps = [
        StepLine(step=one.id, outcome=one.told, words=clipped(one.words, _WORDS), run=one.run, seconds=one.seconds)
        for one in result.outcome.steps
    ]
    return PipelineAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        outcome=result.outcome.state,
        steps=steps[:_SHOWN],
        total=len(steps),
        page=result.page(run),
        next=result.next,
    )


TOOL = Tool(run_pipeline, title="Run a pipeline", toolset="pipelines", read_only=False)
