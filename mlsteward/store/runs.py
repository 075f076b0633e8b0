"""Runs in the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import PrivateAttr

from mlsteward.errors import NotFound
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction, to_json

STATES = ("queued", "running", "completed", "failed", "cancelled", "lost", "waiting")
# States a run can still leave by itself.
ACTIVE = ("queued", "running")


class Run(Record):
    """One recorded piece of work.

    `reads` has the dataset versions whose rows it worked on, `masked` the columns that were kept from it.
    """

    number: int
    kind: str
    name: str = ""
    state: str
    dataset: str = ""
    fingerprint: str = ""
    target: str = ""
    params: dict[str, Any] = {}
    tags: dict[str, str] = {}
    actor: str = ""
    client: str = ""
    reason: str = ""
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
    error: str = ""
    result: dict[str, Any] = {}
    environment: dict[str, str] = {}
    reads: list[str] = []
    masked: list[str] = []
    _withheld: str = PrivateAttr("")

    @property
    def withheld(self) -> str:
        """Why its reader sees no more than its state, times and metrics; "" when nothing is kept back."""
        return self._withheld

    def without_values(self, why: str) -> "Run":
        """The run without anything that could hold a value of a row."""
        kept = {name: getattr(self, name) for name in _PLAIN}
        seen = Run(**kept, error=why if self.error else "")
        seen._withheld = why
        return seen

    def showing(self, result: dict[str, Any]) -> "Run":
        """A run that was withheld, with a result that may be seen all the same."""
        seen = self.model_copy(update={"result": result})
        seen._withheld = self._withheld
        return seen

    @property
    def label(self) -> str:
        return f"run:{self.number}"

    @property
    def wait_on(self) -> str:
        """The call that waits on, while the run goes on."""
        return f"get_run(run={self.number}, wait_seconds=20)"


COLUMNS = tuple(Run.model_fields)
_PLAIN = frozenset(COLUMNS) - {"fingerprint", "params", "tags", "reason", "error", "result"}
_JSON = frozenset({"params", "tags", "result", "environment", "reads", "masked"})


def add_run(t: Transaction, run: Run) -> int:
    """Record `run` under the next free number, which is returned (its own number does not count)."""
    last = t.row("SELECT max(number) FROM runs")
    number = (last[0] or 0) + 1 if last else 1
    t.insert("runs", [{**run.model_dump(), "number": number}])
    return number


def get_run(t: Transaction, number: int) -> Run:
    """The run of that number; NotFound says how many there are."""
    row = t.row(f"SELECT {', '.join(COLUMNS)} FROM runs WHERE number = ?", [number])
    if row is not None:
        return _seen(t, run_from_row(row))
    last = t.row("SELECT max(number) FROM runs")
    newest = f"the newest is run:{last[0]}" if last and last[0] else "there are no runs yet"
    raise NotFound(f"There is no run:{number}; {newest}.", next='list_runs(kind="")')


def runs_in_state(t: Transaction, *states: str) -> list[Run]:
    """The runs in any of `states`, oldest first."""
    # Values in the statement, not in a list that is joined: this is asked before every look at the runs.
    wanted = ", ".join("?" for _ in states)
    rows = t.rows(f"SELECT {', '.join(COLUMNS)} FROM runs WHERE state IN ({wanted}) ORDER BY number", states)
    return [_seen(t, run_from_row(row)) for row in rows]


def same_run(t: Transaction, kind: str, params: Mapping[str, Any]) -> int:
    """The newest run of that kind with those parameters that has not failed; 0 when there is none."""
    row = t.row(
        "SELECT max(number) FROM runs WHERE kind = ? AND params = ? AND state IN ('queued', 'running', 'completed')",
        [kind, to_json(params)],
    )
    return (row[0] or 0) if row else 0


def update_run(t: Transaction, number: int, **fields: object) -> None:
    """Set columns of a run."""
    if unknown := set(fields) - set(COLUMNS):
        raise TypeError(f"a run has no {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in fields)
    values = [to_json(value) if name in _JSON else value for name, value in fields.items()]
    t.execute(f"UPDATE runs SET {assignments} WHERE number = ?", [*values, number])


def _seen(t: Transaction, run: Run) -> Run:
    """The run as the reader may see it: whole, or without what it says."""
    touched = [*run.reads, run.dataset, run.name]
    if not t.masks.withholds(touched, run.masked):
        return run
    missing = [column for column in t.masks.within(touched) if column not in run.masked]
    named = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
    return run.without_values(f"{run.label} worked on columns that are masked for your clearance: {named}.")


def run_from_row(row: tuple[Any, ...]) -> Run:
    """A run from the values of `COLUMNS`."""
    fields = dict(zip(COLUMNS, row, strict=True))
    for name in _JSON:
        fields[name] = json.loads(fields[name])
    return Run.model_validate(fields)


def count_by_state(t: Transaction) -> dict[str, int]:
    """How many runs are in each state."""
    return dict(t.rows("SELECT state, count(*) FROM runs GROUP BY state"))


@dataclass(frozen=True)
class RunCounts:
    """How many runs there are of each kind, the newest, and whether some may have ended without the store knowing."""

    kinds: dict[str, int]
    newest: int
    active: bool

    def of(self, kind: str) -> int:
        """Those of a kind, of all kinds for ""."""
        return self.kinds.get(kind, 0) if kind else sum(self.kinds.values())


def count_runs(t: Transaction) -> RunCounts:
    active = ", ".join("?" for _ in ACTIVE)
    rows = t.rows(
        f"SELECT kind, count(*), max(number), bool_or(state IN ({active})) FROM runs GROUP BY kind ORDER BY kind",
        ACTIVE,
    )
    kinds = {kind: count for kind, count, *_ in rows}
    return RunCounts(kinds, max((row[2] for row in rows), default=0), any(row[3] for row in rows))


def run_numbers(t: Transaction, prefix: str, limit: int = 50) -> list[str]:
    """The newest run numbers that begin with `prefix`."""
    rows = t.rows(
        "SELECT CAST(number AS VARCHAR) FROM runs WHERE starts_with(CAST(number AS VARCHAR), ?)"
        " ORDER BY number DESC LIMIT ?",
        [prefix, limit],
    )
    return [number for (number,) in rows]
