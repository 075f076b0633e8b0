"""Pipelines that train on flights, and what drives them in this process."""

from pathlib import Path
from typing import Any

from mlsteward.pipeline.spec import read_pipeline
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.jobs.pipeline import Driven, Request, Result
from mlsteward.server.pipeline_driver import drive
from mlsteward.workspace import Workspace
from tests.judged import flights

REGISTER = '[[steps]]\ndo = "register"\nname = "flights"\nsource = "${source}"\n'
TRAIN = """[[steps]]
do = "train"
target = "late"
estimator = "logistic_regression"
exclude = ["minutes"]
name = "delay"
"""
PARAMETERS = '[parameters]\nsource = "flights.csv"\n'
EVALUATE = '[[steps]]\ndo = "evaluate"\n'
CLEAN = '[[steps]]\ndo = "transform"\nname = "clean"\nsql = "SELECT * FROM flights WHERE distance > 200"\n'
PASSED = PARAMETERS + REGISTER + CLEAN + TRAIN


def write_flights(data: Path, rows: int = 300, **columns: object) -> None:
    flights(rows, seed=1).assign(**columns).to_csv(data / "flights.csv", index=False)


class Driver:
    """Drives pipelines in this process, as the driver does in its own."""

    def __init__(self, workspace: Workspace, runs: int = 1000) -> None:
        self.workspace = workspace
        self.runs = runs
        self.heard: list[str] = []

    async def __call__(self, text: str, **request: Any) -> Driven:
        self.runs += 1
        order = Request(pipeline=read_pipeline(text, name="test"), **request)
        return await drive(self.workspace, order, self.runs, lambda done, message: self.heard.append(message))


def trains(folder: RunFolder) -> bool:
    """Whether a pipeline hears of its training by now."""
    event = folder.last_event()
    return event is not None and event.message.startswith("train: ") and event.message != "train: starting"


def told(driven: Driven) -> dict[str, str]:
    assert not driven.error, driven.error
    return {step.id: step.told for step in driven.outcome.steps}


def finished(workspace: Workspace, number: int) -> Result:
    """What a pipeline in a process of its own has come to."""
    run = workspace.runs.wait(number, 120)
    assert run.state == "completed", run.error
    return Result.model_validate(run.result)
