"""The tool `transform_dataset`."""

from collections import Counter

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.data.snapshot import Column
from mlsteward.data.sql.statement import Statement, Table
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import NotSupported
from mlsteward.names import check_dataset_name
from mlsteward.runs.jobs.transform import COLUMNS, LINES, Request, Result
from mlsteward.runs.new_version import plan_version
from mlsteward.server.declare import Call, Tool
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import Masks, inherited
from mlsteward.store.meta import seen_rows
from mlsteward.store.runs import Run
from mlsteward.store.stale import statement_of
from mlsteward.store.transaction import Transaction


class TransformAnswer(RunFindings):
    dataset: str = Field(default="", description="The version that holds the rows.")
    rows: int = 0
    columns: list[Column] = Field(default_factory=list[Column])
    columns_total: int = 0
    sources: list[str] = Field(default_factory=list[str])
    relationships: list[str] = Field(default_factory=list[str])
    warnings: list[str] = Field(default_factory=list[str])
    contract: list[str] = Field(default_factory=list[str], description="Checks of its contract that failed.")


def transform_dataset(
    call: Call, name: str, sql: str = "", description: str = "", wait_seconds: float = 20
) -> TransformAnswer:
    """Make the result of a SELECT a dataset that knows its sources: join, filter, derive, aggregate.

    SQL as in query_data, over datasets; `name` may be new, or a dataset that gets its next version. The same rows
    again make no new version. Columns taken over unchanged keep their unit and description. Without `sql` the dataset's
    own statement runs again on the newest versions of its sources.
    """
    workspace = call.workspace
    check_dataset_name(name)
    sql = sql or workspace.store.read(lambda t: statement_of(t, name))
    sources: dict[str, DatasetVersion] = {}

    def find(statement: Statement) -> dict[str, Table]:
        def rows(t: Transaction) -> dict[str, Table]:
            sources.update({table: find_dataset(t, table) for table in statement.tables})
            return {name: seen_rows(t, workspace.folder, one, without=True) for name, one in sources.items()}

        _check_tables(statement)
        return workspace.store.read(rows)

    def plan(t: Transaction) -> Request:
        versions = {version.label: version for version in sources.values()}
        plan = plan_version(
            t,
            workspace.folder,
            name,
            description=description,
            sources=[f"dataset:{label}" for label in versions],
            sql=sql,
            family=next((version.family for version in versions.values()), ""),
            carried=_carried(t, {version.name for version in versions.values()}),
            snapshot_limit_mb=call.settings.snapshot_limit_mb,
        )
        return Request(
            sql=sql,
            tables={table: str(workspace.folder / version.snapshot) for table, version in sources.items()},
            versions={table: version.label for table, version in sources.items()},
            schemas={table: _columns(t.masks, version) for table, version in sources.items()},
            levels={table: inherited(t, version.name) for table, version in sources.items()},
            masked=t.masks.within(versions),
            plan=plan,
        )

    # What is wrong with the statement is said now, not by a failed run.
    workspace.queries.query(sql, find, limit=0)
    request = workspace.store.read(plan)
    run = workspace.runs.start("transform", request, actor=call.actor, name=name, params={"sql": sql})
    return _answer(call.wait(run, wait_seconds))


def _check_tables(statement: Statement) -> None:
    if statement.metadata:
        raise NotSupported(
            f"A dataset cannot be made from {statement.metadata[0]}: metadata changes with every call.",
            next=f'query_data(sql="FROM {statement.metadata[0]}")',
        )


def _columns(masks: Masks, version: DatasetVersion) -> list[str]:
    """The columns that the statement can name."""
    return [column.name for column in version.columns if not masks.level(version.name, column.name)]


def _carried(transaction: Transaction, sources: set[str]) -> dict[str, Entry]:
    """The entries of columns that exactly one source has."""
    entries = [entry for source in sorted(sources) for entry in column_entries(transaction, source)]
    counts = Counter(entry.column for entry in entries)
    return {entry.column: entry for entry in entries if counts[entry.column] == 1}


def _answer(run: Run) -> TransformAnswer:
    if run.state != "completed":
        return TransformAnswer(
            verdict=f"{run.label} is still making {run.name}.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    return TransformAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        dataset=run.dataset,
        rows=result.rows,
        columns=result.columns[:COLUMNS],
        columns_total=len(result.columns),
        sources=result.sources,
        relationships=result.relationships[:LINES],
        warnings=result.warnings[:LINES],
        contract=result.judged.lines(),
        findings=result.findings(run),
        next=result.next,
    )


TOOL = Tool(transform_dataset, title="Transform a dataset", toolset="data", read_only=False)
