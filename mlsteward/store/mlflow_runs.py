"""Runs that MLflow's clients log here: by the ids that those clients have for them."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from mlsteward.errors import NotFound
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction, listed, to_json

Stage = Literal["active", "deleted"]


class LoggedRun(Record):
    """What MLflow knows of a run beside what every run has.

    `inputs` and `outputs` are its datasets and models in MLflow's own words.
    """

    run_id: str
    run: int
    experiment: str
    stage: Stage = "active"
    user_name: str = ""
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []


_COLUMNS = tuple(LoggedRun.model_fields)
_JSON = frozenset({"inputs", "outputs"})


def add_logged_run(t: Transaction, logged: LoggedRun) -> None:
    t.insert("mlflow_runs", [logged.model_dump()])


def find_logged_run(t: Transaction, run_id: str) -> LoggedRun | None:
    """The run of that id; None where no client was given it."""
    found = _logged(t, "run_id = ?", [run_id])
    return found[0] if found else None


def get_logged_run(t: Transaction, run_id: str) -> LoggedRun:
    """The run of that id; NotFound where no client was given it."""
    found = find_logged_run(t, run_id)
    if found is None:
        raise NotFound(f"There is no run with the id {run_id!r} among those that were logged over MLflow's API.")
    return found


def logged_runs(t: Transaction, runs: Sequence[int]) -> dict[int, LoggedRun]:
    """What MLflow knows of runs, by our numbers; those that were not logged over its API are left out."""
    return {one.run: one for one in _logged(t, f"run IN {listed(runs)}", [])}


def all_logged_runs(t: Transaction) -> list[LoggedRun]:
    """Every run that was logged or imported and not deleted, oldest first."""
    return sorted(_logged(t, "stage = 'active'", []), key=lambda one: one.run)


def update_logged_run(t: Transaction, run_id: str, **fields: object) -> None:
    """Set columns of a logged run."""
    if unknown := set(fields) - set(_COLUMNS):
        raise TypeError(f"a logged run has no {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in fields)
    values = [to_json(value) if name in _JSON else value for name, value in fields.items()]
    t.execute(f"UPDATE mlflow_runs SET {assignments} WHERE run_id = ?", [*values, run_id])


def _logged(t: Transaction, where: str, values: Sequence[object]) -> list[LoggedRun]:
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM mlflow_runs WHERE {where}", values)
    found: list[LoggedRun] = []
    for row in rows:
        fields = dict(zip(_COLUMNS, row, strict=True))
        found.append(LoggedRun.model_validate({k: json.loads(v) if k in _JSON else v for k, v in fields.items()}))
    return found
