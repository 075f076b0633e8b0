"""The steps that pipelines took, so that the next one need not take them again."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlsteward.record import Record
from mlsteward.store.transaction import Transaction, to_json


class StepRecord(Record):
    """One step of the pipeline `run`: it was done, or is being done, by `step_run`.

    `inputs` has what each input was, by its reference; `made` what later steps could refer to. `state` is that of the
    step, `running` while it goes on.
    """

    run: int
    place: int
    id: str
    state: str
    step_key: str
    inputs: dict[str, str] = {}
    step_run: int
    made: dict[str, Any] = {}
    started: datetime


_COLUMNS = tuple(StepRecord.model_fields)
_JSON = ("inputs", "made")


def add_step(t: Transaction, step: StepRecord) -> None:
    """Record that a step began; one of the same place takes its place."""
    t.execute("DELETE FROM pipeline_steps WHERE run = ? AND place = ?", [step.run, step.place])
    t.insert("pipeline_steps", [step.model_dump()])


def end_step(
    t: Transaction, run: int, place: int, *, state: str, inputs: Mapping[str, str], made: Mapping[str, Any]
) -> None:
    """Record how a step ended."""
    t.execute(
        "UPDATE pipeline_steps SET state = ?, inputs = ?, made = ? WHERE run = ? AND place = ?",
        [state, to_json(dict(inputs)), to_json(dict(made)), run, place],
    )


def steps_of(t: Transaction, run: int) -> list[StepRecord]:
    """The steps that a pipeline has begun, in order."""
    return _found(t, "run = ? ORDER BY place", [run])


def earlier_steps(t: Transaction, step_key: str, before: int, limit: int = 8) -> list[StepRecord]:
    """The same work in pipelines before the run `before`, newest first."""
    return _found(t, "step_key = ? AND run < ? ORDER BY run DESC, place DESC LIMIT ?", [step_key, before, limit])


def _found(t: Transaction, where: str, parameters: list[object]) -> list[StepRecord]:
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM pipeline_steps WHERE {where}", parameters)
    return [_step(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _step(fields: dict[str, Any]) -> StepRecord:
    for name in _JSON:
        fields[name] = json.loads(fields[name])
    return StepRecord.model_validate(fields)
