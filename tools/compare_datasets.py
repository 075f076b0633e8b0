"""The tool `compare_datasets`."""

from pydantic import Field

from mlsteward.answer import RunFindings, clipped, fitting
from mlsteward.data.diff_words import column_words
from mlsteward.record import Record
from mlsteward.runs.diff_request import Sought, diff_request
from mlsteward.runs.jobs.diff import Request, Result, pages_of
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run

_LINE = 260
_ROOM = 3_000
_SCHEMA = 20


class ChangedColumn(Record):
    column: str
    changed: int = Field(description="Rows with another value; 0 where there is no key to tell.")
    how: str


class CompareAnswer(RunFindings):
    identical: bool = False
    key: list[str] = Field(default_factory=list[str], description="What rows were told by; [] for whole rows.")
    rows_before: int | None = None
    rows_after: int | None = None
    added: int = 0
    removed: int = 0
    changed: int = 0
    schema_changes: list[str] = Field(default_factory=list[str])
    columns: list[ChangedColumn] = Field(default_factory=list[ChangedColumn], description="Most changes first.")
    columns_total: int = 0
    files: list[str] = Field(default_factory=list[str], description="Parquet files with all of these rows.")


def compare_datasets(
    call: Call, reference: str, current: str, key: str = "", wait_seconds: float = 20
) -> CompareAnswer:
    """What changed between two versions of a dataset, or two datasets: columns, rows added, removed and changed.

    `key` names the columns that tell a row ("carrier, flight"); the dictionary's key is used where it is unique, else
    whole rows are compared. For changed distributions: check_drift.
    """
    sought = call.workspace.store.read(lambda transaction: diff_request(transaction, reference, current, key))
    if sought.identical:
        return _identical(sought)
    run = call.workspace.runs.start(
        "diff",
        Request.model_validate(sought.model_dump()),
        actor=call.actor,
        dataset=sought.current.label,
        params={"reference": sought.reference.label, "current": sought.current.label, "key": key},
    )
    return _answer(call.wait(run, wait_seconds))


def _identical(sought: Sought) -> CompareAnswer:
    reference, current = sought.reference, sought.current
    both = "are one and the same version" if reference.label == current.label else "are identical"
    return CompareAnswer(
        verdict=f"{reference.label} and {current.label} {both}: the same {current.rows:,} rows and columns.",
        identical=True,
        rows_before=reference.rows,
        rows_after=current.rows,
        next=f'profile_dataset(dataset="{current.label}")',
    )


def _answer(run: Run) -> CompareAnswer:
    if run.state != "completed":
        return CompareAnswer(
            verdict=f"{run.label} is still comparing.", run=run.number, state=run.state, next=run.wait_on
        )
    result = Result.model_validate(run.result)
    diff = result.rows
    columns = [
        ChangedColumn(column=one.column, changed=one.changed, how=clipped(column_words(one), _LINE))
        for one in diff.columns
    ]
    return CompareAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        key=diff.key,
        rows_before=diff.before,
        rows_after=diff.after,
        added=diff.added,
        removed=diff.removed,
        changed=diff.changed,
        schema_changes=result.schema_changes[:_SCHEMA],
        columns=fitting(columns, _ROOM),
        columns_total=len(columns),
        files=pages_of(run.number, diff.files),
        findings=[clipped(line, _LINE) for line in result.findings(run)],
        next=result.next,
    )


TOOL = Tool(compare_datasets, title="Compare two datasets", toolset="versions", read_only=True)
