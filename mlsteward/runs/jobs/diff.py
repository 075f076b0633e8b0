"""The work behind `compare_datasets`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mlsteward.data.diff_report import RowDiff
from mlsteward.data.diff_words import lines, verdict
from mlsteward.data.schema_diff import SchemaDiff, TableSide
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.diff_request import Sought
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.store.lineage import add_edges
from mlsteward.store.masking import Masks

if TYPE_CHECKING:
    from mlsteward.data.row_sides import Sides
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

_MEMORY_MB = 1024
_SCHEMA_LINES = 12
# Where more of the rows share their key, the key does not tell rows.
_MOST_REPEATED = 0.5


class Request(Sought):
    """What to compare; paths are relative to the workspace, or absolute."""


class Result(Record):
    """What differs; `schema_changes` are what happened to columns, in words."""

    verdict: str
    next: str
    reference: str = ""
    current: str = ""
    schema_changes: list[str] = []
    columns: SchemaDiff
    rows: RowDiff
    assumption: str = ""

    def seen(self, masks: Masks) -> Self:
        """Without values of columns that are masked for a reader, and of rows told by such columns."""
        pairs = {pair.name: pair.reference for pair in self.columns.pairs}
        masked = {
            name
            for name, origin in pairs.items()
            if masks.level(self.current, name) or masks.level(self.reference, origin)
        }
        return self.model_copy(update={"rows": self.rows.without(masked)}) if masked else self

    def findings(self, run: "Run") -> list[str]:
        more = len(self.schema_changes) - _SCHEMA_LINES
        return [
            *self.schema_changes[:_SCHEMA_LINES],
            f"and {more} more changes of columns" if more > 0 else "",
            *lines(self.rows),
            self.assumption,
            "all of these rows: " + ", ".join(pages_of(run.number, self.rows.files)) if self.rows.files else "",
        ]


def pages_of(run: int, files: Sequence[str]) -> list[str]:
    """Where a run's files are read from."""
    return [f"mlsteward://runs/{run}/artifacts/{file}" for file in files]


def work(request: Request, job: Job) -> Result:
    """Compare the rows by the first key that tells them apart, else as whole rows."""
    from mlsteward.data.engine import connect
    from mlsteward.data.row_diff import diff_rows
    from mlsteward.data.row_sides import open_sides

    sides = [_placed(job.workspace, request.reference), _placed(job.workspace, request.current)]
    memory = min(_MEMORY_MB, job.memory_mb // 2)
    with connect(memory_mb=memory, temp=job.folder / "temp") as connection:
        both = open_sides(connection, sides[0], sides[1], request.columns.pairs, request.hidden)
        job.progress(0.05, "looking at the key")
        key, repeated = _key(both, request)

        def report(done: float) -> None:
            job.progress(0.1 + 0.9 * done, "comparing rows")

        diff = diff_rows(both, key, job.artifacts, report, repeated=repeated)
    schema = request.columns.words
    return Result(
        verdict=verdict(diff, len(schema), request.reference.label, request.current.label),
        next=_next(request, diff),
        reference=request.reference.label,
        current=request.current.label,
        schema_changes=schema,
        columns=request.columns,
        rows=diff,
        assumption="; ".join(part for part in (_assumption(request, diff), _left_out(request)) if part),
    )


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The report is the run's result; what it compared is its origin."""
    request = RunFolder(folder).read_request(Request)
    compared = [request.reference.label, request.current.label]
    add_edges(transaction, used_edges(run.number, "diff", datasets=compared))


def _placed(workspace: Path, side: TableSide) -> TableSide:
    path = workspace / side.path
    if not path.is_file():
        raise UnusableData(f"The snapshot {side.path} is gone.", next="list_datasets()")
    return side.model_copy(update={"path": str(path)})


def _key(sides: "Sides", request: Request) -> tuple[list[str], int]:
    """The key and how many rows share theirs with another row."""
    from mlsteward.data.row_diff import repeated_rows

    rows = request.reference.rows + request.current.rows
    for key in request.keys:
        repeated = repeated_rows(sides, key)
        if not repeated or (request.asked and repeated <= _MOST_REPEATED * rows):
            return key, repeated
        if request.asked:
            raise InvalidArgument(
                f"{', '.join(key)} is no key: {repeated:,} of {rows:,} rows share theirs with another row of the same"
                " table. Name columns that tell every row, or none to compare whole rows.",
                next=f'compare_datasets(reference="{request.reference.label}", current="{request.current.label}")',
            )
    return [], 0


def _next(request: Request, diff: RowDiff) -> str:
    reference, current = request.reference.label, request.current.label
    if diff.same:
        return f'profile_dataset(dataset="{current}")'
    return f'check_drift(reference="{reference}", current="{current}")'


def _left_out(request: Request) -> str:
    return f"masked for you, so left out: {', '.join(request.masked)}" if request.masked else ""


def _assumption(request: Request, diff: RowDiff) -> str:
    if diff.key:
        return "" if request.asked else "the key comes from the contract or the dictionary; name another with key"
    if diff.same:
        return ""
    return "without a key a changed row counts as one removed and one added: name one with key to see what changed"
