"""Labels that people gave become a version of their dataset."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted, table
from mlsteward.data.engine import connect, literal, quote, row_of
from mlsteward.data.rows import text_expression
from mlsteward.data.snapshot import Column, draft_snapshot
from mlsteward.errors import InvalidArgument, NotFound, naming
from mlsteward.labels.agreement import Agreement
from mlsteward.labels.companions import companions
from mlsteward.labels.identity import Identity, check_key
from mlsteward.labels.reading import MOST_KNOWN, are_measurements, check_classes
from mlsteward.labels.resolve import Annotation, Resolved, agreements, latest, resolve
from mlsteward.lineage.edge import Edge, dataset_asset
from mlsteward.lineage.made import copied_columns
from mlsteward.names import close_names
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.new_version import VersionPlan, make_version, record_version
from mlsteward.store.datasets import newest_version
from mlsteward.store.labels import add_annotations, annotations_of
from mlsteward.store.lineage import add_edges
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DISPUTES = 10
_MASKED = "masked"


class Request(Record):
    """The labels of one person, what was said before of the same column, and the version that they go to.

    `allowed` are the classes that the dictionary allows; `new_column` says that the version has no such column yet.
    `secret` says that labels may not be shown to everybody; `masked` are columns that are copied and not looked at.
    """

    dataset: str
    snapshot: str
    columns: list[Column]
    column: Column
    new_column: bool
    identity: Identity
    labels: dict[str, str]
    by: str
    at: datetime
    before: list[Annotation]
    allowed: list[str] = []
    secret: bool = False
    masked: list[str] = []
    plan: VersionPlan


class Dispute(Record):
    """A row whose labels differ, who said what, and what came of it."""

    row: str
    said: dict[str, str]
    label: str


class Result(Record):
    """What was recorded; `labelled` rows of the version have a label now."""

    verdict: str
    next: str
    column: str
    recorded: int
    labelled: int
    rows: int
    agreement: list[Agreement] = []
    disputes: list[Dispute] = []
    disputed: int = 0
    notes: list[str] = []

    def findings(self, run: Run) -> list[str]:
        shown = [
            (one.row, ", ".join(f"{who}: {what}" for who, what in one.said.items()), one.label) for one in self.disputes
        ]
        more = self.disputed - len(shown)
        return [
            *(f"agreement: {one.words}" for one in self.agreement),
            *table(("row", "disagreement", "label"), shown),
            f"and {more} more disagreements: mlsteward://labels/{run.dataset.partition('@')[0]}" if more > 0 else "",
            *(f"note: {note}" for note in self.notes),
        ]


def work(request: Request, job: Job) -> Result:
    """Check that rows and classes are there, settle what differs, and write the rows with their labels."""
    path = job.workspace / request.snapshot
    scratch = job.folder / "temp"
    scratch.mkdir(exist_ok=True)
    with connect(memory_mb=job.memory_mb // 2, temp=scratch / "spill") as engine:
        name = request.identity.expression(request.columns)
        engine.execute(f"CREATE VIEW named AS SELECT *, {name} AS row_name FROM read_parquet({literal(str(path))})")
        check_key(engine, request.identity, request.dataset)
        alike = _check_rows(engine, request)
        numeric = _check_values(engine, request)
        words = latest([*request.before, *_annotations(request)])
        resolved = resolve(words, numeric=numeric)
        gone = _place(engine, resolved)
        job.progress(0.2, "writing the rows")
        draft = draft_snapshot(engine, _labelled(request, path), scratch, limit_mb=request.plan.snapshot_limit_mb)
        labelled, rows = row_of(engine, f"SELECT count({quote(request.column.name)}), count(*) FROM {draft.source}")
        new = make_version(engine, draft, request.plan, job)
    shared = [one for one in agreements(words, numeric=numeric) if request.by in (one.first, one.second)]
    disputes = [one for one in resolved if one.disputed]
    result = Result(
        verdict=_verdict(request, labelled, rows, shared),
        next=f'train_model(dataset="{request.plan.name}", target="{request.column.name}")',
        column=request.column.name,
        recorded=len(request.labels),
        labelled=labelled,
        rows=rows,
        agreement=shared[:3],
        disputes=[_dispute(one, secret=request.secret) for one in disputes[:DISPUTES]],
        disputed=len(disputes),
    )
    if gone:
        result.notes.append(f"{counted(gone, 'earlier label is', 'earlier labels are')} of rows that are not here now")
    if alike:
        result.notes.append(
            f"{counted(alike, 'row has', 'rows have')} the values of a row that was labelled, and its label"
        )
    if request.new_column:
        result.notes.append(f"`{request.column.name}` is a new column of type {request.column.type}")
    if new.held:
        result.notes.append(f"the version is kept aside: {new.held}")
    return result


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """The labels, the version that holds them, and what it came from.

    Raises InvalidArgument where the dataset has changed since: labels of another call would be lost.
    """
    request = RunFolder(folder).read_request(Request)
    newest = newest_version(transaction, request.plan.name)
    before = annotations_of(transaction, request.plan.name, request.column.name)
    if (newest and newest.label != request.dataset) or len(before) != len(request.before):
        raise InvalidArgument(
            f"{request.plan.name} was changed while this was written; nothing was recorded. Make the same call again."
        )
    add_annotations(
        transaction,
        request.plan.name,
        request.column.name,
        request.identity,
        _annotations(request),
        actor=run.actor,
        run=run.number,
    )
    version = record_version(transaction, run, folder)
    own = {request.column.name, *companions(request.column.name)}
    copied = [column.name for column in request.columns if column.name not in own]
    made = Edge(
        source=dataset_asset(request.dataset), target=dataset_asset(version.label), kind="label", run=run.number
    )
    if version.label != request.dataset:
        add_edges(transaction, [made, *copied_columns(version.label, request.dataset, copied, run.number)])


def _annotations(request: Request) -> list[Annotation]:
    return [Annotation(row=row, value=value, by=request.by, at=request.at) for row, value in request.labels.items()]


def _check_rows(engine: "DuckDBPyConnection", request: Request) -> int:
    """How many rows are labelled beyond those that were named, having the same values. Raises NotFound for others."""
    engine.execute("CREATE TABLE given AS SELECT unnest(?) AS row_name", [list(request.labels)])
    unknown = {
        name for (name,) in engine.execute("SELECT row_name FROM given ANTI JOIN named USING (row_name)").fetchall()
    }
    if unknown:
        names = [name for name in request.labels if name in unknown]
        how = f"by `{request.identity.key}`" if request.identity.key else "as select_rows_to_label shows them"
        some = engine.execute("SELECT row_name FROM named LIMIT 5000").fetchall() if request.identity.key else []
        raise NotFound(
            f"Nothing was recorded: {request.dataset} has no row {', '.join(names[:5])}"
            + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            + f". Rows are named {how}.",
            close=close_names(names[0], [str(name) for (name,) in some]),
            next=f'select_rows_to_label(dataset="{request.plan.name}")',
        )
    (matching,) = row_of(engine, "SELECT count(*) FROM named SEMI JOIN given USING (row_name)")
    return int(matching) - len(request.labels)


def _check_values(engine: "DuckDBPyConnection", request: Request) -> bool:
    """Whether the labels are measurements and no classes. Raises InvalidArgument for a class that is not known."""
    column = request.column
    with naming(asset=f"column:{request.plan.name}.{column.name}"):
        if request.allowed:
            check_classes(request.labels, column.name, request.allowed, "the dictionary allows")
            return False
        known = [] if request.new_column else _known_values(engine, column)
        known = list(dict.fromkeys([*known, *(one.value for one in request.before)]))
        if are_measurements(column.type, known):
            return True
        if 1 < len(known) <= MOST_KNOWN:
            check_classes(request.labels, column.name, known, "its rows have")
    return False


def _known_values(engine: "DuckDBPyConnection", column: Column) -> list[str]:
    name = text_expression(column)
    found = engine.execute(
        f"SELECT DISTINCT {name} AS v FROM named WHERE v IS NOT NULL LIMIT {MOST_KNOWN + 1}"
    ).fetchall()
    return sorted(value for (value,) in found)


def _place(engine: "DuckDBPyConnection", resolved: Sequence[Resolved]) -> int:
    """Put the labels into the table `resolved`; how many of them no row has."""
    fields = [[getattr(one, name) for one in resolved] for name in ("row", "value", "by")]
    times = [one.at.astimezone(UTC).replace(tzinfo=None) for one in resolved]
    engine.execute(
        "CREATE TABLE resolved AS SELECT unnest(?) AS row_name, unnest(?::VARCHAR[]) AS value, unnest(?) AS people,"
        " unnest(?::TIMESTAMP[]) AS latest",
        [*fields, times],
    )
    (gone,) = row_of(engine, "SELECT count(*) FROM resolved ANTI JOIN named USING (row_name)")
    return int(gone)


def _labelled(request: Request, path: Path) -> str:
    """The rows in their order, with the labels and who gave them when."""
    column, type = request.column.name, request.column.type
    by, at = companions(column)
    values = {column: f"CAST(r.value AS {type})", by: "r.people", at: "r.latest"}
    there = {one.name for one in request.columns}
    selected = [
        f"CASE WHEN r.row_name IS NULL THEN t.{quote(name)} ELSE {value} END AS {quote(name)}"
        if name in there
        else f"{value} AS {quote(name)}"
        for name, value in values.items()
    ]
    # Replaced where they are, in their places; else put at the end.
    replaced = [sql for name, sql in zip(values, selected, strict=True) if name in there]
    added = [sql for name, sql in zip(values, selected, strict=True) if name not in there]
    star = "t.* EXCLUDE (file_row_number)" + (f" REPLACE ({', '.join(replaced)})" if replaced else "")
    return (
        f"SELECT {', '.join([star, *added])} FROM read_parquet({literal(str(path))}, file_row_number = true) AS t"
        f" LEFT JOIN resolved AS r ON {request.identity.expression(request.columns)} = r.row_name"
        " ORDER BY t.file_row_number"
    )


def _dispute(one: Resolved, *, secret: bool) -> Dispute:
    said = {person: _MASKED if secret else value for person, value in one.said.items()}
    label = "none without a majority" if one.value is None else _MASKED if secret else one.value
    return Dispute(row=one.row, said=said, label=label)


def _verdict(request: Request, labelled: int, rows: int, shared: Sequence[Agreement]) -> str:
    given = f"{counted(len(request.labels), 'label')} by {request.by}"
    now = f"{labelled:,} of {counted(rows, 'row')} of {request.plan.name} have a label in `{request.column.name}`"
    return f"{given} recorded; {now}." + (f" {_sentence(shared[0].words)}." if shared else "")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
