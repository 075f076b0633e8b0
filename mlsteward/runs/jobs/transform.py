"""The work behind `transform_dataset`."""

from collections.abc import Sequence
from pathlib import Path

from mlsteward.answer import counted
from mlsteward.data.engine import connect, literal
from mlsteward.data.snapshot import Column, draft_snapshot
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.data.sql.second_wall import RESULT, result_of
from mlsteward.data.sql.statement import Table
from mlsteward.dictionary.sensitivity import higher
from mlsteward.errors import UnusableData
from mlsteward.lineage.columns import ColumnEdge, ColumnLineage, column_lineage
from mlsteward.lineage.made import transform_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.judged_version import Judgement
from mlsteward.runs.new_version import NewVersion, VersionPlan, make_version, record_version
from mlsteward.store.lineage import add_edges
from mlsteward.store.masking import Masks
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

# What is shown of a long list.
COLUMNS = 40
LINES = 6
_LINEAGE = "lineage.json"


class Request(Record):
    """A statement that passed the first wall, the file of each table that it names, its version and its columns.

    `levels` has how sensitive columns of tables are, where they are; columns that `masked` names are not there at all.
    """

    sql: str
    tables: dict[str, str]
    versions: dict[str, str] = {}
    schemas: dict[str, list[str]] = {}
    levels: dict[str, dict[str, str]] = {}
    masked: list[str] = []
    plan: VersionPlan

    def table(self, name: str) -> Table:
        """A table without the columns that are masked."""
        dataset = self.versions.get(name, name).partition("@")[0]
        hidden = [one.partition(".")[2] for one in self.masked if one.startswith(f"{dataset}.")]
        return Table(Path(self.tables[name]), tuple((column, "masked") for column in hidden), without=True)


class Result(Record):
    """What was made of the rows."""

    verdict: str
    next: str
    rows: int
    columns: list[Column]
    relationships: list[str]
    warnings: list[str]
    sources: list[str] = []
    judged: Judgement = Judgement()

    def seen(self, masks: Masks) -> "Result":
        """The result without relationships with columns that the reader may not see; else it names columns only."""
        return self.model_copy(update={"relationships": [one for one in self.relationships if not masks.told_in(one)]})

    def findings(self, run: Run) -> list[str]:
        more = len(self.columns) - COLUMNS
        columns = ", ".join(f"{column.name} {column.type}" for column in self.columns[:COLUMNS])
        return [
            *self.judged.lines(),
            *(f"warning: {words}" for words in self.warnings[:LINES]),
            f"made from {', '.join(self.sources)}" if self.sources else "",
            f"{run.dataset}: {columns}" + (f" and {more} more" if more > 0 else ""),
            *(f"relationship: {words}" for words in self.relationships[:LINES]),
        ]


def work(request: Request, job: Job) -> Result:
    """Run the statement behind both walls and make its rows a version of the dataset."""
    scratch = job.folder / "temp"
    scratch.mkdir(exist_ok=True)
    rows = scratch / "rows.parquet"
    memory_mb = job.memory_mb // 2
    job.progress(0.0, "running the statement")
    count = _write_rows(request, rows, memory_mb)
    if not count:
        raise UnusableData("The statement gives no row; a dataset needs one at least.")
    job.progress(0.3, "writing the snapshot")
    with connect(memory_mb=memory_mb, temp=scratch / "spill") as engine:
        select = f"SELECT * FROM read_parquet({literal(str(rows))})"
        draft = draft_snapshot(engine, select, scratch, limit_mb=request.plan.snapshot_limit_mb)
        rows.unlink()
        edges = column_lineage(request.sql, request.schemas, [column.name for column in draft.snapshot.columns])
        new = make_version(engine, draft, _with_levels(request, edges), job)
    (job.folder / _LINEAGE).write_text(ColumnLineage(edges=edges).model_dump_json(), encoding="utf-8")
    return Result(
        verdict=_verdict(request.plan, new) + new.judged.sentence,
        next=new.judged.next(request.plan.name) or f'profile_dataset(dataset="{request.plan.name}")',
        rows=new.snapshot.rows,
        columns=new.snapshot.columns,
        relationships=[one.words for one in new.relationships],
        warnings=new.warnings,
        sources=request.plan.sources,
        judged=new.judged,
    )


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """The version, its dictionary entries and relationships, and which columns came from which."""
    version = record_version(transaction, run, folder)
    # Where newer sources gave the rows that were there, the version comes from them as well.
    versions = RunFolder(folder).read_request(Request).versions
    lineage = ColumnLineage.model_validate_json((folder / _LINEAGE).read_text(encoding="utf-8"))
    add_edges(transaction, transform_edges(version.label, versions, lineage.edges, run.number))


def _with_levels(request: Request, edges: Sequence[ColumnEdge]) -> VersionPlan:
    """The plan, with each column as sensitive as the most sensitive column that its values come from."""
    plan, names = request.plan, dict(request.plan.levels.names)
    for edge in edges:
        if edge.kind == "direct":
            level = request.levels.get(edge.source_table, {}).get(edge.source_column, "")
            names[edge.column] = higher(level, names.get(edge.column, ""))
    return plan.model_copy(update={"levels": plan.levels.model_copy(update={"names": names})})


def _write_rows(request: Request, file: Path, memory_mb: int) -> int:
    statement = FirstWall(connect(memory_mb=128)).read(request.sql)
    tables = {name: request.table(name) for name in request.tables}
    spill = file.parent / "sql"
    with result_of(statement, tables, memory_mb=memory_mb, temp=spill, output=file) as engine:
        copied = engine.execute(f"COPY (FROM {RESULT}) TO {literal(str(file))} (FORMAT parquet)").fetchall()
    return int(copied[0][0])


def _verdict(plan: VersionPlan, new: NewVersion) -> str:
    rows = counted(new.snapshot.rows, "row")
    if new.profile is None:
        return f"The statement gives the {rows} that {plan.name} has already: no new version."
    origins = ", ".join(source.removeprefix("dataset:") for source in plan.sources)
    made = f" made from {origins}" if origins else ""
    return f"{plan.name} has a new version with {rows} and {counted(len(new.snapshot.columns), 'column')}{made}."
