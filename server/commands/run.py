"""`mlsteward run pipeline.toml`: go through a pipeline, with its progress on the screen and an exit code at its end."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, NotFound, StewardError
from mlsteward.pipeline.junit import junit_xml
from mlsteward.pipeline.outcome import MARKS, PipelineOutcome, StepOutcome
from mlsteward.pipeline.spec import Pipeline, read_pipeline
from mlsteward.pipeline.summary import markdown_summary
from mlsteward.runs.actor import Actor
from mlsteward.runs.jobs.pipeline import Result
from mlsteward.runs.pipeline_request import start_pipeline
from mlsteward.server.command import TERMINAL, Command
from mlsteward.server.discovery import find_tools
from mlsteward.server.pipeline_driver import check_arguments
from mlsteward.store.pipelines import steps_of
from mlsteward.store.runs import ACTIVE, Run
from mlsteward.workspace import Workspace

# Exit codes beside those of the outcome: 0 passed, 1 a check or gate said no, 3 a person is waited for, 4 broken.
_UNUSABLE = 2
_BROKEN = 4
_CANCELLED = 130
_LOOK_SECONDS = 3600.0
_BLANK = StepOutcome(id="pipeline", do="pipeline", state="error", words="")


def run_file(settings: Settings, given: argparse.Namespace) -> int:
    """Start the pipeline, follow it, and write the reports; the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    workspace = Workspace(settings)
    try:
        try:
            pipeline = _read(Path(given.file))
            number = _start(workspace, pipeline, given)
        except StewardError as error:
            _report(given, _broken(Path(given.file).stem, error.words()))
            print(f"mlsteward: {error.words()}", file=sys.stderr)  # noqa: T201 - a command's own output
            return _UNUSABLE
        if given.detach:
            console.print(f"{pipeline.name} is run:{number}; it goes on by itself.")
            return 0
        try:
            run, shown = _follow(workspace, number, console)
        except KeyboardInterrupt:
            workspace.runs.cancel(number)
            console.print(f"\nrun:{number} is cancelled; what its steps have done stays, and is reused.")
            return _CANCELLED
        return _end(run, shown, given, console)
    finally:
        workspace.close()


def _read(file: Path) -> Pipeline:
    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    pipeline = read_pipeline(file.read_text(encoding="utf-8", errors="replace"), name=file.stem)
    check_arguments(pipeline, {tool.name: tool.parameters for tool in find_tools()})
    return pipeline


def _start(workspace: Workspace, pipeline: Pipeline, given: argparse.Namespace) -> int:
    pairs = [text.partition("=") for text in given.set]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise InvalidArgument(f"--set takes NAME=VALUE, not {wrong[0]!r}.")
    return start_pipeline(
        workspace,
        Actor(name=workspace.user, client=TERMINAL, clearance=workspace.settings.clearance),
        pipeline,
        given={name.strip(): value for name, _, value in pairs},
        environment="all",
        fresh=given.fresh,
    )


def _follow(workspace: Workspace, number: int, console: Console) -> tuple[Run, set[str]]:
    """The run when it has ended, and the steps that were shown meanwhile: each as it ends, below them what is done now
    and for how long."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    silent = not console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=silent) as bar:
        shown = _Shown(workspace, number, bar, bar.add_task(f"run:{number}", total=1.0))
        while (run := workspace.runs.wait(number, _LOOK_SECONDS, shown.tell)).state in ACTIVE:
            continue
    return run, shown.steps


class _Shown:
    """The progress of a pipeline: a line for each step that has ended, and a bar where the output is a terminal."""

    def __init__(self, workspace: Workspace, number: int, bar: Progress, task: TaskID) -> None:
        self._workspace = workspace
        self._number = number
        self._bar = bar
        self._task = task
        self._now = ""
        self.steps: set[str] = set()

    def tell(self, done: float, message: str) -> None:
        step = message.partition(":")[0]
        if step != self._now:
            self._now = step
            for one in self._workspace.store.read(lambda t: steps_of(t, self._number)):
                if one.state != "running" and one.id not in self.steps:
                    self.steps.add(one.id)
                    words = str(one.made.get("verdict", ""))
                    told = "reused" if one.state == "passed" and one.step_run < self._number else ""
                    _print_step(self._bar.console, one.id, one.state, one.step_run, words, told)
        self._bar.update(self._task, completed=done, description=escape(message[:100]))


def _print_step(console: Console, name: str, state: str, run: int | None, words: str, told: str = "") -> None:
    where = f" (run:{run})" if run else ""
    console.print(f"{MARKS[state]} {name}: {told or state}{where}", markup=False)
    if words:
        console.print(f"   {words}", markup=False, style="dim" if state == "passed" else "")


def _end(run: Run, shown: set[str], given: argparse.Namespace, console: Console) -> int:
    if run.state != "completed":
        _report(given, _broken(run.name, run.error or f"{run.label} was {run.state}"))
        console.print(f"[red]{escape(f'{run.label} was {run.state}: {run.error}')}[/red]")
        return _BROKEN
    result = Result.model_validate(run.result)
    for step in result.outcome.steps:
        if step.id not in shown or not step.stands:
            _print_step(console, step.id, step.state, step.run, step.words, step.told)
    console.print(f"\n{result.verdict}", markup=False, style="bold")
    if result.next and result.outcome.state != "passed":
        console.print(f"next: {result.next}", markup=False)
    _report(given, result.outcome)
    return result.outcome.exit_code


def _broken(name: str, words: str) -> PipelineOutcome:
    """A pipeline that did not come to its steps, so that reports say why too."""
    return PipelineOutcome(name=name, steps=[_BLANK.model_copy(update={"words": words})])


def _report(given: argparse.Namespace, outcome: PipelineOutcome) -> None:
    if given.junit:
        _write(Path(given.junit), junit_xml(outcome))
    if given.summary:
        # Steps of one CI job write into the same summary.
        shared = given.summary == os.environ.get("GITHUB_STEP_SUMMARY")
        _write(Path(given.summary), markdown_summary(outcome), append=shared)


def _write(file: Path, text: str, *, append: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a" if append else "w", encoding="utf-8") as opened:
        opened.write(text)


def _arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="PIPELINE.toml", help="the pipeline (docs/pipelines.md)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the file; repeatable"
    )
    parser.add_argument("--fresh", action="store_true", help="do every step again, whatever has not changed")
    parser.add_argument("--junit", metavar="FILE", default="", help="write the steps as JUnit XML")
    parser.add_argument("--summary", metavar="FILE", default="", help="write a summary in Markdown")
    parser.add_argument("--detach", action="store_true", help="start it and return; get_run or list_runs shows it")


COMMAND = Command("run", "run a pipeline: register, check, train, evaluate, gate, promote, …", _arguments, run_file)
